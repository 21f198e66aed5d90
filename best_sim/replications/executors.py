"""Workers: threads or processes of this machine, or a Dask cluster."""

from __future__ import annotations

import logging
import os
import platform
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from multiprocessing import get_context
from typing import Any, Literal

_ANSWERS_WITHIN = 10.0
_MUST_AGREE = ("best-sim", "numpy", "numba", "pyarrow")


class ClusterError(Exception):
    """A cluster can't be used; the message says why, and what to do."""


def cores() -> int:
    """Cores that this process may use, which can be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def workers(engine: str, n: int | None = None) -> Executor | None:
    """Workers for an engine: threads for the compiled one, processes for SimPy; None for a single worker.

    Parameters
    ----------
    engine : {"compiled", "simpy"}
    n : int, optional
        How many; by default as many as there are cores.
    """
    n = n or cores()
    if n == 1:
        return None
    if engine == "compiled":
        return ThreadPoolExecutor(n)
    # spawned, not forked: a fork of a process with threads may hang
    return ProcessPoolExecutor(n, mp_context=get_context("spawn"), initializer=leave_interrupts_to_the_parent)


@contextmanager
def working(engine: str, executor: Executor | None | Literal["default"]) -> Iterator[Executor | None]:
    """An executor that was given, or this machine's own workers while they are wanted.

    Parameters
    ----------
    engine : {"compiled", "simpy"}
    executor : concurrent.futures.Executor or None or "default"
        The one to use, None for one worker; by default `workers`, which are let go afterwards.

    Yields
    ------
    concurrent.futures.Executor or None
    """
    if executor != "default":
        yield executor
        return
    own = workers(engine)
    try:
        yield own
    finally:
        if own is not None:
            own.shutdown(cancel_futures=True)


def leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches every process of a terminal; a worker finishes its chunk, and the parent decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def cluster(address: str, n: int | None = None) -> Iterator[Executor]:
    """The executor of a Dask cluster.

    Parameters
    ----------
    address : str
        ``"local"`` for workers on this machine, each a process of its own, or the scheduler's address,
        ``"tcp://host:port"``.
    n : int, optional
        Workers of a local cluster; by default as many as there are cores.

    Yields
    ------
    concurrent.futures.Executor

    Raises
    ------
    ClusterError
        If `distributed` is not installed, nobody answers at the address, there is no worker, or the workers have
        other versions, and would not give the same results.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ClusterError(
            "--cluster needs the package `distributed`, which is not installed; install best-sim[cluster]"
        ) from error
    if address == "local":
        # What is ignored now is ignored by the processes that start now: Ctrl-C is for this one to deal with.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            own = LocalCluster(
                n_workers=n or cores(),
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,  # workers that are closed complain that they are
            )
        finally:
            signal.signal(signal.SIGINT, before)
        with own, Client(own) as client:
            yield _executor_of(client)
        return
    try:
        client = Client(address, timeout=_ANSWERS_WITHIN)
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(
            f"--cluster: found {address!r}, where no Dask scheduler answers; allowed 'local', or the address that "
            f"`dask scheduler` prints, tcp://host:port ({type(error).__name__}: {error})"
        ) from error
    with client:
        _refuse_other_versions(client)
        yield _executor_of(client)


def _executor_of(client: Any) -> Executor:
    # a chunk whose worker dies is given to another
    executor = client.get_executor(pure=False, retries=3)
    executor._max_workers = max(1, sum(client.nthreads().values()))
    return executor


def versions() -> dict[str, str]:
    """Versions that have to be the same where chunks are to be the same bytes."""
    return {"python": platform.python_version(), **{name: version(name) for name in _MUST_AGREE}}


def _refuse_other_versions(client: Any) -> None:
    own, theirs = versions(), client.run(versions)
    if not theirs:
        raise ClusterError(
            "--cluster: the scheduler answers, but it has no workers; start `dask worker` somewhere"
        )
    wrong = [
        f"{worker}: {name} {there[name]}, here {own[name]}"
        for worker, there in theirs.items()
        for name in own
        if there[name] != own[name]
    ]
    if wrong:
        raise ClusterError(
            "--cluster: workers with other versions would give other results\n" + "\n".join(wrong)
        )
