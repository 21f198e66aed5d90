"""`best-sim expand`: what it prints, what it leaves, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from best_sim.questions.expansion.ask import ExpansionQuestion

PLANS = """
kind = "expansion"
title = "Small"
scenario = "london-2017"
set = ["simulation.end_date=2019-12-31", "simulation.warm_up=0.5"]
replicates = 4
seed = 5
target = 25
baseline = "as planned"
[[plan]]
name = "as planned"
[[plan]]
name = "early/both"
title = "Both early"
[plan.openings]
tower_hamlets = 2018-01-01
bromley = 2018-01-01
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plans.toml").write_text(PLANS)
    return tmp_path


def test_plans_are_compared_in_tables_sentences_pictures_and_a_report(best_sim: Run, here: Path) -> None:
    code, out, err = best_sim("expand", "plans.toml", "--out", "o", "--workers", 1, "--replicates", 3, "--seed", 9,
                              "--set", "sites.london.consent=0.8", "--target", 20)  # fmt: skip
    assert code == 0, err
    assert "3 replicates of each of 2 plans" in out and "Both early: 20 families by" in out
    assert "compared with as planned: time to the target" in out and "Written to o" in out
    about = json.loads((here / "o" / "manifest.json").read_text())
    assert set(about["outputs"]) == {
        "plans.csv", "differences.csv", "dates.csv", "months.csv", "boroughs.csv", "costs.csv", "replicates.parquet",
        "differences.png", "differences.svg", "plan-as-planned.png", "plan-as-planned.svg", "plan-early-both.png",
        "plan-early-both.svg", "words.txt",
    }  # fmt: skip
    assert about["kind"] == "expansion" and about["replicates"] == 3 and about["seed"] == 9
    assert about["answer"]["early/both"]["target"] == 20 and "value = 0.8" in about["scenario_toml"]
    assert set(about["answer"]["as planned"]["target_reached"]) == {"low", "median", "high"}
    months = pd.read_csv(here / "o" / "months.csv")
    assert set(months["plan"]) == {"as planned", "early/both"} and months["families"].max() <= 25
    costs = pd.read_csv(here / "o" / "costs.csv").pivot_table(
        index=["plan", "year"], columns="holder", values="mean"
    )
    assert (costs.drop(columns="all").sum(axis=1) - costs["all"]).abs().max() < 1e-6 * costs["all"].max()
    rows = pd.read_parquet(here / "o" / "replicates.parquet")
    assert len(rows) == 6 and rows["months_to_target"].notna().all()
    # as it was asked, with what was given beside the file
    asked = ExpansionQuestion.load(here / "o" / "question.toml")
    assert asked.overrides[-1] == "sites.london.consent=0.8" and asked.target == 20
    assert asked.plans == ExpansionQuestion.load("plans.toml").plans


def test_a_baseline_may_be_chosen_and_a_run_stops_when_it_is_sure(best_sim: Run, here: Path) -> None:
    code, out, err = best_sim("expand", "plans.toml", "--out", "o", "--workers", 1, "--baseline", "early/both",
                              "--replicates", 4, "--until-mcse", 50, "--figure", "lift_wait")  # fmt: skip
    assert code == 0, err
    assert "lift_wait: Monte Carlo standard error" in out and "compared with Both early" in out
    code, _, err = best_sim("expand", "plans.toml", "--baseline", "planned")
    assert code == 2 and "--baseline" in err and "did you mean as planned?" in err
    code, _, err = best_sim("expand", "plans.toml", "--until-mcse", 1, "--figure", "lift_wit")
    assert code == 2 and "did you mean lift_wait?" in err


def test_what_cannot_be_used_is_refused_before_anything_is_run(best_sim: Run, here: Path) -> None:
    (here / "wrong.toml").write_text(
        PLANS.replace("bromley =", "bromly =").replace('baseline = "as planned"', 'baseline = "planned"')
    )
    code, out, err = best_sim("expand", "wrong.toml")
    assert code == 2 and out == ""
    assert "1 problem." in err and "baseline" in err and "did you mean as planned?" in err
    (here / "wrong.toml").write_text(PLANS.replace("bromley =", "bromly ="))
    code, out, err = best_sim("expand", "wrong.toml")
    assert code == 2 and out == "" and "did you mean bromley?" in err and "plan[1].openings.bromly" in err
    code, _, err = best_sim("expand", "expansionn")
    assert code == 2 and "did you mean expansion?" in err
    (here / "o").mkdir()
    (here / "o" / "x").write_text("")
    code, _, err = best_sim("expand", "plans.toml", "--out", "o")
    assert code == 2 and "not empty" in err
    code, _, err = best_sim("expand", "plans.toml", "--engine", "fast")
    assert code == 2 and "allowed: auto, compiled, simpy" in err
    assert not (here / "results").exists()
