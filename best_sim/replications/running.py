"""Running a plan: chunks to workers, finished chunks to where they are kept, a few under way at a time.

A replicate is a function of its number, so it does not matter which worker runs it, or when: the bytes are the same.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager
from types import FrameType

from best_sim.replications.plan import Keep, Plan, run_chunk

_UNDER_WAY_PER_WORKER = 2


class _Stop:
    """Whether an interrupt has come."""

    asked = False


@contextmanager
def _interrupts(stopping: Callable[[], object] | None) -> Iterator[_Stop]:
    """The first Ctrl-C, or SIGTERM, asks to stop, and lets what is under way finish; the second interrupts as ever."""
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, frame: FrameType | None) -> None:
        stop.asked = True
        restore()
        if stopping is not None:
            stopping()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    try:
        yield stop
    finally:
        restore()


def run(
    plan: Plan,
    executor: Executor | None = None,
    *,
    keep: Keep,
    progress: Callable[[int], object] | None = None,
    stopping: Callable[[], object] | None = None,
) -> bool:
    """Run what is missing of a plan.

    Parameters
    ----------
    plan : Plan
    executor : concurrent.futures.Executor, optional
        Where to run; without one, in this thread. Give threads to the compiled engine, which holds no lock while it
        runs, processes to SimPy, a cluster's executor to either.
    keep : Keep
        Where finished chunks go, and which are there already: a `Memory` or a `Store`.
    progress : callable, optional
        Called with the number of replicates done, those that were there before among them.
    stopping : callable, optional
        Called when an interrupt has come, and the chunks under way are being finished.

    Returns
    -------
    bool
        False if it was interrupted: chunks under way were finished and kept, the rest is still missing.

    Notes
    -----
    At most two chunks for each worker are under way, and none is held after it is kept, so that memory does not grow
    with the number of replicates. Chunks may finish in any order. An error in a replicate ends the run: no
    other chunk is begun, those under way are finished and kept, and then it is raised.
    """
    done = sum(len(range(r.start, min(r.stop, plan.replicates))) for r in keep.done())
    todo = plan.missing(keep.done())
    with _interrupts(stopping) as stop:
        try:
            for numbers, data in _finished(plan, todo, executor, stop):
                keep.put(numbers, data)
                done += len(numbers)
                if progress is not None:
                    progress(done)
        except KeyboardInterrupt:
            return False
    return done >= plan.replicates


def _finished(
    plan: Plan, todo: Iterator[range], executor: Executor | None, stop: _Stop
) -> Iterator[tuple[range, bytes]]:
    if executor is None:
        for numbers in todo:
            yield numbers, run_chunk(plan.work, numbers)
            if stop.asked:
                return
        return
    most = _UNDER_WAY_PER_WORKER * getattr(executor, "_max_workers", 4)
    under_way: dict[Future[bytes], range] = {}
    failed: BaseException | None = None
    try:
        while True:
            ending = stop.asked or failed is not None
            while not ending and len(under_way) < most and (following := next(todo, None)) is not None:
                under_way[executor.submit(run_chunk, plan.work, following)] = following
            if ending:
                for future in [one for one in under_way if one.cancel()]:
                    del under_way[future]
            if not under_way:
                break
            finished, _ = wait(under_way, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in finished:
                numbers = under_way.pop(future)
                if (error := future.exception()) is None:
                    yield numbers, future.result()
                else:
                    failed = failed or error
    finally:
        for future in under_way:
            future.cancel()
    if failed is not None:
        raise failed
