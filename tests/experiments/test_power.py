"""The power experiment: what is asked is read with care, and what comes out hangs together."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from best_sim import run_experiment
from best_sim.experiments.power import PowerExperiment, PowerResult, run_power
from best_sim.scenario import ScenarioError
from best_sim.trial.consort import sums_that_fail


@pytest.fixture(scope="module")
def result() -> PowerResult:
    return run_experiment(
        "power", replicates=24, scenario="london-2017", overrides=("trial.target_families=100",)
    )


def test_every_replicate_of_every_design_is_there(result: PowerResult) -> None:
    assert len(result.replicates) == 24 * 3
    assert (result.replicates.groupby("design")["replicate"].nunique() == 24).all()
    assert (result.power["replicates"] + result.power["failed"] == 24).all()


def test_designs_meet_the_same_luck(result: PowerResult) -> None:
    by_design = {
        name: rows.reset_index(drop=True) for name, rows in result.replicates.groupby("design", sort=False)
    }
    none, benefit, harm = by_design.values()
    for column in ("randomised", "target_days", "families_lift", "mean_sau", "received_lift"):
        assert none[column].equals(benefit[column]), column
    assert (benefit["estimate"] < none["estimate"]).all()
    assert (harm["estimate"] > none["estimate"]).all()


def test_power_is_the_share_of_small_p_with_its_error(result: PowerResult) -> None:
    for row in result.power.itertuples():
        mine = result.replicates[result.replicates["design"] == row.design]
        share = (mine["p"] < 0.05).mean()
        assert row.power == pytest.approx(share)
        assert row.mcse == pytest.approx(np.sqrt(share * (1 - share) / len(mine)))
        assert row.low <= share <= row.high
        assert 0 <= row.closed_form <= 1
    assert result.power.set_index("effect").loc[0.0, "closed_form"] == pytest.approx(0.05)


def test_an_interval_agrees_with_its_p_value(result: PowerResult) -> None:
    rows = result.replicates
    outside = (rows["low"] > 0) | (rows["high"] < 0)
    assert (outside == (rows["p"] < 0.05)).all()


def test_recruitment_rises_to_the_target_and_no_further(result: PowerResult) -> None:
    curve = result.curve
    assert (np.diff(curve["median"]) >= 0).all()
    assert (curve["low90"] <= curve["median"]).all() and (curve["median"] <= curve["high90"]).all()
    assert curve["high90"].max() <= 100
    early, median, _ = result.when
    assert early is not None and median is not None
    assert dt.date(2018, 1, 1) < early <= median


def test_the_mean_flow_adds_up(result: PowerResult) -> None:
    assert sums_that_fail(result.flow) == []


def test_the_summary_has_a_monte_carlo_error_for_every_estimate(result: PowerResult) -> None:
    without = set(result.summary.loc[result.summary["mcse"].isna(), "quantity"])
    assert without <= {"power by closed form", "fits that failed", "intention-to-treat effect"}


@pytest.mark.parametrize("pool", [None, ThreadPoolExecutor, ProcessPoolExecutor])
def test_the_rows_do_not_depend_on_who_runs_them(pool: type | None) -> None:
    asked = PowerExperiment.load("power", replicates=6, scenario="london-2017")
    alone = run_power(asked, executor=None).replicates
    if pool is None:
        again = run_power(asked, engine="simpy", executor=None).replicates
    else:
        with pool(2) as workers:
            again = run_power(asked, executor=workers).replicates
    assert alone.equals(again)


def test_the_shipped_file_is_read() -> None:
    asked = PowerExperiment.load()
    assert asked.scenario == "trial-as-run"
    assert [d.effect for d in asked.designs] == [0.0, -2.4, 1.4]
    assert asked.method == "mixed-model"


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "asked.toml"
    file.write_text(
        'scenario = "trial-as-run"\nreplicates = 0\nseed = 1\nmethd = "mixed-model"\nalpha = 2.0\n'
        '[[design]]\nname = "a"\nefect = 1.0\n'
    )
    with pytest.raises(ScenarioError) as error:
        PowerExperiment.load(file)
    told = {problem.key: problem for problem in error.value.problems}
    assert told["methd"].nearest == "method"
    assert told["replicates"].found == "0"
    assert told["alpha"].allowed == "between 0 and 1"
    assert told["design[0].efect"].nearest == "effect"


def test_an_unknown_experiment_names_the_nearest() -> None:
    with pytest.raises(ScenarioError) as error:
        PowerExperiment.load("powr")
    assert error.value.problems[0].nearest == "power"
