"""However a run is run, stopped, killed or damaged, what it comes to is the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from work import rows, slow_rows

from best_sim.replications import (
    ClusterError,
    Keep,
    Memory,
    Plan,
    Store,
    StoreError,
    cluster,
    executors,
    find_stores,
    run,
    whole_from_start,
    whole_table,
    workers,
)
from best_sim.replications.plan import as_parquet, run_chunk

HERE = Path(__file__).parent
N, CHUNK = 40, 3


def whole_bytes(keep: Keep, n: int = N) -> bytes:
    return as_parquet(whole_table(keep, n))


@pytest.fixture(scope="module")
def expected() -> tuple[dict[range, bytes], bytes]:
    """Chunks and table of a run in this thread, without interruption."""
    keep = Memory()
    assert run(Plan(rows, N, CHUNK), keep=keep)
    return {numbers: keep.get(numbers) for numbers in keep.done()}, whole_bytes(keep)


# --- what is missing ----------------------------------------------------------------------------------------


@given(st.integers(0, 60), st.integers(1, 17), st.sets(st.integers(0, 70)))
def test_what_is_missing_and_what_is_done_are_each_number_once(n: int, chunk: int, have: set[int]) -> None:
    done = [range(number, number + 1) for number in have]
    missing = list(Plan(rows, n, chunk).missing(done))
    numbers = [number for one in missing for number in one]
    assert numbers == sorted(set(range(n)) - have)
    assert all(0 < len(one) <= chunk and one.start // chunk == (one.stop - 1) // chunk for one in missing)


def test_a_plan_that_grows_keeps_its_chunks() -> None:
    first = list(Plan(rows, 10, 4).missing([]))
    assert first == [range(0, 4), range(4, 8), range(8, 10)]
    assert list(Plan(rows, 15, 4).missing(first)) == [range(10, 12), range(12, 15)]


# --- the same bytes from each --------------------------------------------------------------------------------


class Backwards(ThreadPoolExecutor):
    """Finishes the earliest chunk last."""

    def submit(self, function: Callable[..., Any], *arguments: Any, **_: Any) -> Future:
        def later() -> Any:
            time.sleep(0.05 / (1 + arguments[1].start))
            return function(*arguments)

        return super().submit(later)


@pytest.mark.parametrize("kind", ["one thread", "threads", "out of order", "processes"])
def test_whoever_runs_it_the_bytes_are_the_same(kind: str, expected: tuple) -> None:
    makers: dict[str, Callable[[], Executor]] = {
        "one thread": lambda: ThreadPoolExecutor(1),
        "threads": lambda: ThreadPoolExecutor(5),
        "out of order": lambda: Backwards(6),
        "processes": lambda: ProcessPoolExecutor(2),
    }
    keep = Memory()
    with makers[kind]() as executor:
        assert run(Plan(rows, N, CHUNK), executor, keep=keep)
    assert {numbers: keep.get(numbers) for numbers in keep.done()} == expected[0]
    assert whole_bytes(keep) == expected[1]


def test_the_size_of_a_chunk_changes_no_row(expected: tuple) -> None:
    for chunk in (1, 7, 100):
        keep = Memory()
        run(Plan(rows, N, chunk), keep=keep)
        assert whole_bytes(keep) == expected[1]


def test_every_row_is_there_in_order_with_one_type_a_column(expected: tuple) -> None:
    keep = Memory()
    run(Plan(rows, N, CHUNK), keep=keep)
    table = whole_table(keep, N).to_pandas()
    assert table["replicate"].tolist() == [k for k in range(N) for _ in "ab"]
    assert table["sometimes"].isna().sum() == 24 and table["sometimes"].max() == N - 1
    assert table["late"].notna().sum() == 2 * (N - 12) and table["extra"].notna().sum() == 2
    assert [list(months) for months in table["by_month"][:3]] == [[0, 1], [0, 1], [1, 2]]


def test_few_chunks_are_under_way_at_a_time() -> None:
    under_way, most = 0, 0
    lock = threading.Lock()

    class Counting(ThreadPoolExecutor):
        def submit(self, *arguments: Any, **_: Any) -> Future:
            nonlocal under_way, most
            with lock:
                under_way += 1
                most = max(most, under_way)
            future = super().submit(*arguments)
            future.add_done_callback(lambda _: finished())
            return future

    def finished() -> None:
        nonlocal under_way
        with lock:
            under_way -= 1

    with Counting(2) as executor:
        run(Plan(slow_rows, 60, 1), executor, keep=Memory())
    assert most == 4


def test_progress_counts_what_was_there_before() -> None:
    keep, told = Memory(), []
    run(Plan(rows, 8, 4), keep=keep)
    run(Plan(rows, 20, 4), keep=keep, progress=told.append)
    assert told == [12, 16, 20] and whole_from_start(keep) == 20


def test_an_error_in_a_replicate_ends_the_run_and_keeps_what_was_finished(tmp_path: Path) -> None:
    broken = [True]

    def fails(number: int) -> list[dict[str, Any]]:
        if number == 13 and broken[0]:
            raise ValueError("replicate 13")
        return rows(number)

    store = Store.create(tmp_path / "run", {})
    with ThreadPoolExecutor(1) as executor, pytest.raises(ValueError, match="replicate 13"):
        run(Plan(fails, N, CHUNK), executor, keep=store)
    assert whole_from_start(Store(tmp_path / "run")) == 12
    broken[0] = False
    assert run(Plan(fails, N, CHUNK), keep=store)
    assert whole_from_start(store) == N


def test_chunks_that_are_done_when_another_fails_are_kept() -> None:
    """Both are found finished at once, and the broken one may be looked at first."""
    first = threading.Event()

    def fails(number: int) -> list[dict[str, Any]]:
        if number == 0:
            first.wait(20.0)
            raise ValueError("replicate 0")
        if number == 5:
            first.set()
            time.sleep(0.2)
        return rows(number)

    keep = Memory()
    with ThreadPoolExecutor(2) as executor, pytest.raises(ValueError, match="replicate 0"):
        run(Plan(fails, 40, 1), executor, keep=keep)
    kept = sorted(numbers.start for numbers in keep.done())
    assert kept[:5] == [1, 2, 3, 4, 5]
    assert len(kept) < 39


def test_workers_by_engine() -> None:
    assert workers("compiled", 1) is None
    for engine, kind in (("compiled", ThreadPoolExecutor), ("simpy", ProcessPoolExecutor)):
        pool = workers(engine, 2)
        assert isinstance(pool, kind)
        pool.shutdown()


# --- the store ----------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store.create(tmp_path / "run", {"replicates_asked": N})
    assert run(Plan(rows, N, CHUNK), keep=made)
    made.update(state="finished")
    return made


def files(store: Store) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (store.folder / "chunks").iterdir()}


def test_a_store_gives_back_what_was_put(store: Store, expected: tuple) -> None:
    again = Store(store.folder)
    assert {numbers: again.get(numbers) for numbers in again.done()} == expected[0]
    assert whole_bytes(again) == expected[1] and again.state() == "finished"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "damage",
    [flip, lambda p: p.write_bytes(p.read_bytes()[:-9]), lambda p: p.write_bytes(b""), lambda p: p.write_bytes(b"x")],
    ids=["a bit", "truncated", "empty", "something else"],
)  # fmt: skip
def test_a_damaged_chunk_is_found_and_run_again(store: Store, damage: Callable, expected: tuple) -> None:
    before = files(store)
    path = sorted((store.folder / "chunks").iterdir())[4]
    damage(path)
    again = Store(store.folder)
    assert again.state() == "damaged"
    with pytest.raises(StoreError, match=path.name):
        whole_table(again, N)
    (found,) = again.set_damaged_aside()
    assert found.path == path and found.moved_to.exists() and not path.exists()
    assert again.state() == "interrupted"
    assert run(Plan(rows, N, CHUNK), keep=again)
    assert files(store) == before and Store(store.folder).state() == "finished"


def test_a_chunk_that_is_gone_is_run_again(store: Store) -> None:
    before = files(store)
    sorted((store.folder / "chunks").iterdir())[2].unlink()
    again = Store(store.folder)
    assert again.state() == "interrupted" and run(Plan(rows, N, CHUNK), keep=again)
    assert files(store) == before


def test_what_is_not_of_the_run_is_left_alone(store: Store) -> None:
    for name in ("notes.txt", "00000000-00000003.parquet", "other.parquet"):
        (store.folder / "chunks" / name).write_text("mine")
    again = Store(store.folder)
    assert again.set_damaged_aside() == [] and again.done() == store.done()
    assert (store.folder / "chunks" / "notes.txt").read_text() == "mine"


def test_a_folder_in_use_is_refused_and_one_without_a_run_told(tmp_path: Path, store: Store) -> None:
    with pytest.raises(StoreError, match="not empty"):
        Store.create(store.folder, {})
    with pytest.raises(StoreError, match="no run here"):
        Store(tmp_path)
    (store.folder / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match=r"manifest\.json"):
        Store(store.folder)
    assert find_stores(tmp_path) == []


def test_a_full_disk_keeps_what_was_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(store)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run(Plan(rows, N + 9, CHUNK), keep=store)
    with pytest.raises(OSError, match="No space left"):
        store.update(state="running")
    monkeypatch.undo()
    assert files(store) == before and Store(store.folder).manifest["state"] == "finished"
    assert run(Plan(rows, N + 9, CHUNK), keep=Store(store.folder))


# --- killed -------------------------------------------------------------------------------------------------


def start(folder: Path, chunk: int = 2) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "work.py"), str(folder), str(N), str(chunk)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n", process.communicate()[1]
    return process


def finish(process: subprocess.Popen[str]) -> str:
    told, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return told


def killed_until_whole(folder: Path, kills: int, seed: int) -> int:
    """Kill a run at random moments; how often it was alive to be killed. What was whole before is not written again."""
    luck, alive = random.Random(seed), 0

    def whole() -> dict[
        Path, int
    ]:  # and no drafts, which a run that was killed may leave and the next removes
        return {path: path.stat().st_mtime_ns for path in (folder / "chunks").glob("[0-9]*.parquet")}

    for _ in range(kills):
        before = whole()
        process = start(folder)
        time.sleep(luck.uniform(0.0, 0.25))
        alive += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert before.items() <= whole().items()
    assert "whole" in finish(start(folder))
    return alive


def in_chunks_of_two() -> tuple[dict[str, bytes], bytes]:
    keep = Memory()
    run(Plan(rows, N, 2), keep=keep)
    return {f"{r.start:08d}-{r.stop:08d}": keep.get(r) for r in keep.done()}, whole_bytes(keep)


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments_and_resumed_it_is_the_same(tmp_path: Path, kills: int) -> None:
    assert killed_until_whole(tmp_path / "run", kills, seed=kills) >= 2
    store = Store(tmp_path / "run")
    chunks, whole = in_chunks_of_two()
    assert {name.split(".")[0]: data for name, data in files(store).items()} == chunks
    assert whole_bytes(store) == whole and store.state() == "finished"


def test_one_process_at_a_time_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    process = start(tmp_path / "run")
    store = Store(tmp_path / "run")
    assert store.state() == "running"
    with pytest.raises(StoreError, match="another process"), store.held():
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    with store.held():
        pass
    assert Store(tmp_path / "run").state() == "interrupted"


def test_ctrl_c_finishes_what_is_under_way(tmp_path: Path) -> None:
    process = start(tmp_path / "run")
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    assert "stopped" in finish(process)
    store = Store(tmp_path / "run")
    assert 0 < len(store.done()) < N / 2 and store.state() == "interrupted"
    assert store.set_damaged_aside() == []
    assert "whole" in finish(start(tmp_path / "run"))
    assert whole_bytes(Store(tmp_path / "run")) == in_chunks_of_two()[1]


# --- on a cluster -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def local() -> Iterator[Executor]:
    pytest.importorskip("distributed")
    sys.path.insert(0, str(HERE))
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), before])
    with cluster("local", 2) as executor:
        yield executor
    os.environ["PYTHONPATH"] = before


def test_a_cluster_gives_the_same_bytes(local: Executor, expected: tuple) -> None:
    keep = Memory()
    assert run(Plan(rows, N, CHUNK), local, keep=keep)
    assert {numbers: keep.get(numbers) for numbers in keep.done()} == expected[0]


def pid_of_worker(number: int) -> list[dict[str, int]]:
    return [{"replicate": number, "pid": os.getpid()}]


def test_a_cluster_whose_worker_is_killed_gives_the_same_bytes(local: Executor, expected: tuple) -> None:
    keep = Memory()
    run(Plan(pid_of_worker, 6, 1), local, keep=keep)
    victims = whole_table(keep, 6)["pid"].unique().to_pylist()
    assert os.getpid() not in victims
    got = Memory()
    threading.Timer(0.15, os.kill, (victims[0], signal.SIGKILL)).start()
    assert run(Plan(slow_rows, N, CHUNK), local, keep=got)
    assert {numbers: got.get(numbers) for numbers in got.done()} == expected[0]


def test_where_no_scheduler_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "_ANSWERS_WITHIN", 1.0)
    with pytest.raises(ClusterError, match="no Dask scheduler answers"), cluster("tcp://127.0.0.1:9"):
        pass


def test_workers_with_other_versions_are_refused(local: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    own = executors.versions()
    monkeypatch.setattr(executors, "versions", lambda: own | {"numpy": "0.1"})

    class Client:
        def run(self, _: Callable) -> dict[str, dict[str, str]]:
            return {"tcp://far:1": own}

    with pytest.raises(ClusterError, match="tcp://far:1: numpy .*, here 0.1"):
        executors._refuse_other_versions(Client())


def test_a_chunk_is_a_file_that_others_can_read(tmp_path: Path) -> None:
    import pandas as pd

    (tmp_path / "chunk.parquet").write_bytes(run_chunk(rows, range(2)))
    assert pd.read_parquet(tmp_path / "chunk.parquet")["design"].tolist() == ["a", "b", "a", "b"]
