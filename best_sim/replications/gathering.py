"""Replicates of a piece of work, run and brought together in one table."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Literal

from best_sim.replications.executors import working
from best_sim.replications.plan import Keep, Memory, Plan, whole_from_start, whole_table
from best_sim.replications.running import run

if TYPE_CHECKING:
    import pandas as pd

LEAST = 2
"""Replicates without which there is no error to speak of."""


def gather(
    work: Any,
    replicates: int,
    engine: str,
    executor: Executor | None | Literal["default"] = "default",
    keep: Keep | None = None,
    progress: Callable[[int], object] | None = None,
) -> tuple[pd.DataFrame, int]:
    """Run replicates, as many as there is time for, and bring their rows together.

    Parameters
    ----------
    work : callable
        From the number of a replicate to its rows; has to pickle where workers are processes.
    replicates : int
    engine : {"compiled", "simpy"}
        For which the workers are, where none are given.
    executor : concurrent.futures.Executor or None, optional
        By default, workers on this machine's cores.
    keep : Keep, optional
        Where finished replicates are kept, and are taken from; by default in memory.
    progress : callable, optional
        Called with the number of replicates done.

    Returns
    -------
    rows : pandas.DataFrame
    done : int
        Replicates, fewer than asked for if the run was interrupted.

    Raises
    ------
    KeyboardInterrupt
        If it was interrupted before `LEAST` replicates were done.
    """
    keep = Memory() if keep is None else keep
    with working(engine, executor) as own:
        run(Plan(work, replicates), own, keep=keep, progress=progress)
    done = min(whole_from_start(keep), replicates)
    if done < LEAST:
        raise KeyboardInterrupt
    return whole_table(keep, done).to_pandas(), done
