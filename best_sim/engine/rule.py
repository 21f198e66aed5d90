"""The marks of functions that model code calls: plain Python, and compiled together with the processes.

numba takes most of a second to import, and is not needed where nothing is compiled. So what is marked is remembered,
and made known to numba when `best_sim.engine.lowering` is imported, as it is by all that compiles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_waiting: list[Callable[[], object]] | None = []
"""What is to be done once numba is there; None once it is."""


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

    def make_known() -> None:
        from numba.extending import register_jitable

        from best_sim.engine.linking import Piece

        # into what calls it: a call hands its result over through memory, and costs as much as many a rule
        register_jitable(
            forceinline=True, pipeline_class=Piece, no_cpython_wrapper=True, no_cfunc_wrapper=True
        )(function)

    when_compiling(make_known)
    return function


def routine(function: Callable[P, float]) -> Callable[P, float]:
    """As `rule`, for a function from floats to a float that is long and has many callers: it is called."""

    def make_known() -> None:
        from best_sim.engine.lowering import lower_routine

        lower_routine(function)

    when_compiling(make_known)
    return function


def when_compiling(make_known: Callable[[], object]) -> None:
    """Make something known to numba: at once where it is in use, else when it comes to be."""
    if _waiting is None:
        make_known()
    else:
        _waiting.append(make_known)


def compiling_begins() -> None:
    """Make known to numba what was marked so far, and from now on what is marked."""
    global _waiting
    known_so_far, _waiting = _waiting or [], None
    for make_known in known_so_far:
        make_known()
