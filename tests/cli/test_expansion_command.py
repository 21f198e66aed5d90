"""`best-sim expand`: what it prints, what it leaves, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

PLANS = """
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


def test_plans_are_compared_in_a_table_sentences_tables_and_a_report(best_sim: Run, here: Path) -> None:
    code, out, err = best_sim("expand", "plans.toml", "--out", "o", "--workers", 1, "--replicates", 3, "--seed", 9,
                              "--set", "sites.london.consent=0.8")  # fmt: skip
    assert code == 0, err
    assert "means of 3 replicates" in out and "Both early: 25 families by" in out
    assert "compared with as planned: time to the target" in out and "Written to o" in out
    assert {path.name for path in (here / "o").iterdir()} == {
        "about.json", "experiment.toml", "plans.csv", "differences.csv", "dates.csv", "months.csv", "boroughs.csv",
        "costs.csv", "replicates.parquet", "report.html", "differences.png", "differences.svg", "plan-as-planned.png",
        "plan-as-planned.svg", "plan-early-both.png", "plan-early-both.svg",
    }  # fmt: skip
    about = json.loads((here / "o" / "about.json").read_text())
    assert about["replicates"] == 3 and about["seed"] == 9 and about["baseline"] == "as planned"
    assert len(set(about["plans"].values())) == 2 and "value = 0.8" in about["scenario_toml"]
    months = pd.read_csv(here / "o" / "months.csv")
    assert set(months["plan"]) == {"as planned", "early/both"} and months["families"].max() <= 25
    costs = pd.read_csv(here / "o" / "costs.csv").pivot_table(
        index=["plan", "year"], columns="holder", values="mean"
    )
    assert (costs.drop(columns="all").sum(axis=1) - costs["all"]).abs().max() < 1e-6 * costs["all"].max()
    rows = pd.read_parquet(here / "o" / "replicates.parquet")
    assert len(rows) == 6 and rows["months_to_target"].notna().all()
    assert (here / "o" / "experiment.toml").read_text() == PLANS


def test_what_cannot_be_used_is_refused_before_anything_is_run(best_sim: Run, here: Path) -> None:
    (here / "wrong.toml").write_text(
        PLANS.replace("bromley =", "bromly =").replace('baseline = "as planned"', 'baseline = "planned"')
    )
    code, out, err = best_sim("expand", "wrong.toml")
    assert code == 2 and out == ""
    assert "2 problems" in err and "did you mean bromley?" in err and "baseline" in err
    code, _, err = best_sim("expand", "expansionn")
    assert code == 2 and "did you mean expansion?" in err
    (here / "o").mkdir()
    (here / "o" / "x").write_text("")
    code, _, err = best_sim("expand", "plans.toml", "--out", "o")
    assert code == 2 and "not empty" in err
    code, _, err = best_sim("expand", "plans.toml", "--engine", "fast")
    assert code == 2 and "allowed: auto, compiled, simpy" in err
    assert not (here / "results").exists()
