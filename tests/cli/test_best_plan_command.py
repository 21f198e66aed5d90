"""`best-sim best-plan`: what it prints, what it leaves, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

Command = Callable[..., tuple[int, str, str]]

PROBLEM = """
title = "Small"
scenario = "london-2017"
set = ["simulation.after_recruitment=1", "simulation.end_date=2020-01-31", "simulation.warm_up=1"]
target = 25
by = 2019-04-01
probability = 0.6
budget = 2_000_000
least_beginning_lift = 0.2
replicates = 120
seed = 3
indifference = 0.1
[[candidate]]
borough = "croydon"
dates = [2017-10-01, 2018-01-01]
opening_cost = 60_000
[[candidate]]
borough = "sutton"
earliest = 2018-04-01
opening_cost = 40_000
[[team]]
team = "london"
name = "as run"
cost_per_year = 500_000
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.toml").write_text(PROBLEM)
    return tmp_path


@pytest.mark.parametrize("goal", ["cheapest", "earliest"])
def test_it_leaves_contenders_fronts_and_a_picture(best_sim: Command, here: Path, goal: str) -> None:
    code, out, err = best_sim("best-plan", "plan.toml", "--goal", goal, "--out", "a", "--workers", 1)
    assert (code, err) == (0, "")
    assert "by the closed form" in out and "By simulation" in out and "that takes" in out
    table = pd.read_csv(here / "a" / "contenders.csv")
    about = json.loads((here / "a" / "about.json").read_text())
    assert about["replicates"] == table["replicates"].sum() <= 120 and about["goal"] == goal
    assert set(pd.read_csv(here / "a" / "fronts.csv")["front"]) == {"probability", "median"}
    assert (here / "a" / "best-plan.png").stat().st_size > 10_000
    assert (here / "a" / "experiment.toml").read_text() == PROBLEM


def test_what_cannot_be_used_ends_with_2_and_says_why(best_sim: Command, here: Path) -> None:
    code, _, err = best_sim("best-plan", "plan.toml", "--goal", "best")
    assert code == 2 and "allowed: cheapest, earliest" in err
    (here / "plan.toml").write_text(PROBLEM.replace("croydon", "croyden").replace("by = 2019", "by = 2039"))
    code, _, err = best_sim("best-plan", "plan.toml")
    assert code == 2 and "did you mean croydon" in err and "2 problems" in err
    (here / "plan.toml").write_text(PROBLEM.replace("target = 25", "target = 5000"))
    code, _, err = best_sim("best-plan", "plan.toml")
    assert code == 2 and "Whatever it costs" in err
    assert not (here / "results").exists()
