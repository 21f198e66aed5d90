"""The mark of a function that model code calls: plain Python, and compiled together with the processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

try:
    from numba.extending import register_jitable as _register

    from best_sim.engine.linking import Piece as _Piece
except ImportError:  # without numba the model runs on SimPy alone
    _register = None  # type: ignore[assignment]


def rule(function: Callable[P, T]) -> Callable[P, T]:
    """Mark a function as one that process functions, and other rules, may call.

    In Python the function stays what it is. In compiled code a call of it is compiled too.

    Parameters
    ----------
    function : callable
        Its arguments are numbers and records; it does not yield.

    Returns
    -------
    callable
        The same function.
    """
    if _register is not None:
        # into what calls it: a call hands its result over through memory, and costs as much as many a rule
        _register(forceinline=True, pipeline_class=_Piece, no_cpython_wrapper=True, no_cfunc_wrapper=True)(
            function
        )
    return function
