"""The choice among simulated alternatives: right as often as stated, for fewer replicates than in equal shares."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from best_sim.questions.best_plan.selection import select_first, select_highest


def coins(means: tuple[float, ...], seed: int) -> Callable[[int, int, int], np.ndarray]:
    """Alternatives of known probabilities, on common luck."""
    luck = np.random.default_rng(seed).random(60_000)
    return lambda i, first, n: luck[first : first + n] < means[i]


TRUE = (0.55, 0.70, 0.74, 0.87, 0.92, 0.95)
"""By cost; 0.8 is wanted, so the fourth is the right one."""


def test_the_first_that_qualifies_is_found_as_often_as_stated() -> None:
    times = 200
    right = settled = 0
    for seed in range(times):
        got = select_first(coins(TRUE, seed), len(TRUE), 0.8, level=0.8, batch=25, most=20_000)
        settled += got.settled
        right += got.chosen == 3
        assert got.spent == sum(got.replicates) <= 20_000
    assert settled == times
    assert right / times >= 0.8 - 4 * math.sqrt(0.8 * 0.2 / times)


def test_it_spends_less_than_equal_allocation() -> None:
    spent = {"where it matters": 0, "equal": 0}
    for seed in range(40):
        for rule in spent:
            got = select_first(coins(TRUE, seed), len(TRUE), 0.8, batch=25, most=30_000, rule=rule)  # type: ignore[arg-type]
            assert got.settled
            spent[rule] += got.spent
    assert spent["where it matters"] < 0.7 * spent["equal"]


def test_the_highest_is_found_as_often_as_stated_for_less_than_equal_allocation() -> None:
    means = (0.50, 0.60, 0.72, 0.80)
    times, right, spent, equal = 100, 0, 0, 0
    for seed in range(times):
        got = select_highest(coins(means, seed), 4, level=0.8, batch=25, most=20_000)
        other = select_highest(coins(means, seed), 4, level=0.8, batch=25, most=20_000, rule="equal")
        assert got.settled and other.settled
        right += got.chosen == 3
        spent, equal = spent + got.spent, equal + other.spent
    assert right / times >= 0.8 - 4 * math.sqrt(0.8 * 0.2 / times)
    assert spent < 0.9 * equal


def test_on_the_line_only_an_indifference_settles() -> None:
    on_the_line = (0.8, 0.9)
    assert not select_first(coins(on_the_line, 1), 2, 0.8, batch=50, most=3_000).settled
    got = select_first(coins(on_the_line, 1), 2, 0.8, indifference=0.05, batch=50, most=10_000)
    assert got.settled and got.chosen in (0, 1)
    alike = (0.6, 0.6, 0.3)
    assert not select_highest(coins(alike, 2), 3, batch=50, most=3_000).settled
    got = select_highest(coins(alike, 2), 3, indifference=0.06, batch=50, most=20_000)
    assert got.settled and got.chosen in (0, 1)


def test_when_replicates_run_out_the_choice_says_so() -> None:
    got = select_first(coins((0.79, 0.81), 4), 2, 0.8, batch=20, most=100)
    assert not got.settled and 0.0 <= got.probability < 0.95 and got.spent <= 100
    none = select_first(coins((0.1, 0.2), 4), 2, 0.8)
    assert none.chosen is None and none.settled
    assert select_highest(coins((0.5,), 1), 1).chosen == 0


def test_numbers_that_make_no_sense_are_all_named() -> None:
    with pytest.raises(ValueError, match=r"level: found 1.*batch: found 0"):
        select_first(coins((0.5,), 1), 1, 0.8, level=1.0, batch=0)
    with pytest.raises(ValueError, match="wanted: found 1"):
        select_first(coins((0.5,), 1), 1, 1.0)
