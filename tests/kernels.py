"""Kernels as they are written: Python functions that numba has not compiled."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


def as_written(compiled: Any) -> Any:
    """The same set of kernels, each the function that was compiled."""
    return type(compiled)(*(getattr(compiled, one.name).py_func for one in fields(compiled)))
