"""Many replicates on one machine, in order, a row at a time, with nothing kept but the rows.

A replicate is a function of its number, so it does not matter which worker runs it, or when: the rows are the same.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What to run.

    Parameters
    ----------
    work : callable
        ``work(number)`` gives the rows of one replicate; it must be picklable where processes are used.
    replicates : int
    chunk : int
        Replicates given to a worker at a time.
    """

    work: Callable[[int], list[Row]]
    replicates: int
    chunk: int = 4

    def chunks(self) -> list[range]:
        """The replicates' numbers, in pieces."""
        edges = range(0, self.replicates, self.chunk)
        return [range(start, min(start + self.chunk, self.replicates)) for start in edges]


def run(
    plan: Plan,
    executor: Executor | None = None,
    progress: Callable[[int], object] | None = None,
) -> Iterator[Row]:
    """Run a plan, yielding rows in order of replicate.

    Parameters
    ----------
    plan : Plan
    executor : concurrent.futures.Executor, optional
        Where to run; without one, in this thread. Give threads to the compiled engine, which holds no lock while it
        runs, and processes to SimPy.
    progress : callable, optional
        Called with the number of replicates done.

    Yields
    ------
    dict

    Notes
    -----
    At most a few chunks wait at a time, so memory does not grow with the number of replicates. If it is interrupted
    (Ctrl-C, or an error in a replicate), chunks not yet begun are dropped; what was yielded before is whole and in
    order, so the caller can keep it.
    """
    done = 0
    for chunk, rows in _results(plan, executor):
        yield from rows
        done += len(chunk)
        if progress is not None:
            progress(done)


def workers(engine: str, n: int | None = None) -> Executor | None:
    """Workers for an engine: threads for the compiled one, processes for SimPy; None for a single worker.

    Parameters
    ----------
    engine : {"compiled", "simpy"}
    n : int, optional
        How many; by default as many as there are cores.
    """
    n = n or _cores()
    if n == 1:
        return None
    if engine == "compiled":
        return ThreadPoolExecutor(n)
    return ProcessPoolExecutor(n, initializer=_leave_interrupts_to_the_parent)


def _cores() -> int:
    """Cores that this process may use, which can be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches every process of a terminal; a worker finishes its chunk, and the parent decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _results(plan: Plan, executor: Executor | None) -> Iterator[tuple[range, list[Row]]]:
    if executor is None:
        for chunk in plan.chunks():
            yield chunk, _run_chunk(plan.work, chunk)
        return
    waiting: deque[tuple[range, Future[list[Row]]]] = deque()
    todo = iter(plan.chunks())
    try:
        for chunk in itertools.islice(todo, 8):
            waiting.append((chunk, executor.submit(_run_chunk, plan.work, chunk)))
        while waiting:
            chunk, future = waiting.popleft()
            rows = future.result()
            for further in itertools.islice(todo, 1):
                waiting.append((further, executor.submit(_run_chunk, plan.work, further)))
            yield chunk, rows
    finally:
        for _, future in waiting:
            future.cancel()


def _run_chunk(work: Callable[[int], list[Row]], chunk: range) -> list[Row]:
    return [row for number in chunk for row in work(number)]
