"""numba, imported when the first analysis is compiled: that takes longer than most commands need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

when_imported: list[Callable[[], object]] = []
"""What is to be done once, when numba has come to be needed, before it compiles."""


def compiler(**options: Any) -> Any:
    """`numba.njit` with these options."""
    from numba import njit

    while when_imported:
        when_imported.pop()()
    return njit(**options)
