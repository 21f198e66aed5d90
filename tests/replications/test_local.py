"""Replicates are the same rows, in the same order, however they are run."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from best_sim.pathway import simulate
from best_sim.replications import Plan, run, workers
from best_sim.scenario import Scenario


def squares(number: int) -> list[dict[str, int]]:
    return [{"number": number, "power": power, "value": number**power} for power in (1, 2)]


def families_and_events(number: int) -> list[dict[str, object]]:
    journeys = simulate(Scenario.load("london-2017"), 3, number)
    return [{"number": number, "events": len(journeys.record), "digest": hash(journeys.record.tobytes())}]


@pytest.mark.parametrize("chunk", [1, 3, 100])
@pytest.mark.parametrize("replicates", [1, 7, 40])
def test_rows_come_in_order_whatever_the_chunks(replicates: int, chunk: int) -> None:
    expected = [row for number in range(replicates) for row in squares(number)]
    plan = Plan(squares, replicates, chunk)
    assert list(run(plan)) == expected
    with ThreadPoolExecutor(3) as threads:
        assert list(run(plan, threads)) == expected
    with ProcessPoolExecutor(2) as processes:
        assert list(run(plan, processes)) == expected


def test_a_simulation_is_the_same_alone_and_in_threads() -> None:
    plan = Plan(families_and_events, 6, 2)
    with ThreadPoolExecutor(2) as threads:
        assert list(run(plan, threads)) == list(run(plan))


def test_progress_counts_replicates() -> None:
    told: list[int] = []
    list(run(Plan(squares, 10, 4), progress=told.append))
    assert told == [4, 8, 10]


def test_an_error_in_one_replicate_is_not_hidden() -> None:
    def fails(number: int) -> list[dict[str, int]]:
        if number == 5:
            raise ValueError("replicate 5")
        return squares(number)

    with ThreadPoolExecutor(2) as threads, pytest.raises(ValueError, match="replicate 5"):
        list(run(Plan(fails, 50, 2), threads))


def test_one_worker_needs_no_executor() -> None:
    assert workers("compiled", 1) is None
    pool = workers("compiled", 2)
    assert isinstance(pool, ThreadPoolExecutor)
    pool.shutdown()
