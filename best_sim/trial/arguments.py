"""What arguments of closed forms and of sequential designs may be; what is not allowed is a ValueError that says so."""

from __future__ import annotations


def require_positive(**values: float) -> None:
    """Each value, by its name, is above zero."""
    for name, value in values.items():
        if not value > 0.0:
            raise ValueError(f"{name} is {value}; it has to be positive")


def require_share(**values: float) -> None:
    """Each value, by its name, is from 0 to 1."""
    for name, value in values.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} is {value}; it may be between 0 and 1")


def require_inside(**values: float) -> None:
    """Each value, by its name, is above 0 and below 1."""
    for name, value in values.items():
        if not 0.0 < value < 1.0:
            raise ValueError(f"{name} is {value}; it has to lie between 0 and 1")
