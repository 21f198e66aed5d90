"""A change and what it does: the same random numbers with and without it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from best_sim import Scenario, compare, simulate
from best_sim.measures.timeliness import proceedings_by
from best_sim.measures.usual import usual
from best_sim.pathway import Journeys


@pytest.fixture(scope="module")
def london() -> Scenario:
    return Scenario.load("london-2017")


def weeks(journeys: Journeys) -> dict[str, float]:
    return {"weeks": float(journeys.proceedings["weeks"].mean())}


def test_differences_are_of_the_same_replicates(london: Scenario) -> None:
    table = compare(london, {"lift.patience": 30}, replicates=3, seed=7, measures=weeks)
    other = london.replace({"lift.patience": 30})
    before, after = (
        np.array([weeks(simulate(world, seed=7, replicate=k))["weeks"] for k in range(3)])
        for world in (london, other)
    )
    row = table.iloc[0]
    assert (row["measure"], row["before"], row["after"]) == ("weeks", before.mean(), after.mean())
    assert row["difference"] == pytest.approx((after - before).mean(), rel=1e-12)
    assert row["mcse"] == pytest.approx((after - before).std(ddof=1) / math.sqrt(3), rel=1e-12)
    # common random numbers: a difference is known better than from runs that have nothing in common
    assert row["mcse"] < math.hypot(before.std(ddof=1), after.std(ddof=1)) / math.sqrt(3)
    assert compare(london, other, replicates=3, seed=7, measures=weeks).equals(table)
    assert table.attrs == {"replicates": 3, "seed": 7}


def test_a_scenario_and_itself_do_not_differ(london: Scenario) -> None:
    table = compare(london, london, replicates=2)
    assert list(table["measure"]) == list(usual(simulate(london)))
    assert (table["difference"] == 0).all() and (table["mcse"] == 0).all()


def test_what_nobody_has_is_left_out_of_the_mean(london: Scenario) -> None:
    def now_and_then(journeys: Journeys) -> dict[str, float]:
        return {"x": math.nan if journeys.replicate == 1 else float(journeys.replicate), "none": math.nan}

    table = compare(london, london, replicates=3, measures=now_and_then).set_index("measure")
    assert (table.loc["x", "before"], table.loc["x", "difference"]) == (1.0, 0.0)
    assert table.loc["none"].isna().all()


def test_the_usual_measures_are_those_of_their_functions(trial_run: Journeys) -> None:
    values = usual(trial_run)
    cases = proceedings_by(trial_run, ()).iloc[0]
    assert values["proceedings, mean (weeks)"] == cases["mean_weeks"]
    assert values["proceedings decided within 26 weeks (%)"] == 100 * cases["within_26"]
    assert values["families randomised"] == len(trial_run.services)
    assert all(math.isfinite(value) for value in values.values())


def test_one_replicate_has_no_error(london: Scenario) -> None:
    with pytest.raises(ValueError, match="found 1, allowed 2 or more"):
        compare(london, {}, replicates=1)
