"""The commands for designing a trial: what they print, what they leave, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

EXPERIMENT = """
title = "Small"
scenario = "london-2017"
replicates = 10
seed = 5
set = ["simulation.after_recruitment=1", "trial.target_families=60"]
[[design]]
name = "none"
[[design]]
name = "some"
effect = -5.0
[[prior]]
key = "outcomes.sdq.lift_effect"
distribution = "normal"
mean = -4
sd = 1
[[vary]]
key = "outcomes.sdq.sd"
low = 6
high = 9
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(EXPERIMENT)
    return tmp_path


def test_assurance_leaves_trials_and_pictures(best_sim, here):
    code, out, _ = best_sim("assurance", "small.toml", "--design", "some", "--out", "a")
    assert code == 0 and "Assurance" in out and "beliefs are assumptions" in out
    assert len(pd.read_parquet(here / "a" / "trials.parquet")) == 10 * 5
    assert (here / "a" / "by-outcomes-sdq-lift_effect.png").stat().st_size > 10_000


def test_fragility_leaves_a_table_and_a_tornado(best_sim, here):
    code, out, _ = best_sim("fragility", "small.toml", "--design", "some", "--scorings", 2, "--out", "f")
    assert code == 0 and "3 of 3 settings" in out
    table = pd.read_csv(here / "f" / "fragility.csv")
    assert list(table["key"]) == ["outcomes.sdq.sd"] and (here / "f" / "fragility.svg").exists()


def test_twins_tells_the_effects_on_the_same_children(best_sim, here):
    code, out, _ = best_sim("twins", "london-2017", "--replicates", 1, "--out", "t")
    assert code == 0 and "LIFT less SAU of the same child" in out
    effects = pd.read_csv(here / "t" / "effects.csv").set_index("outcome")
    assert abs(effects.loc["sdq", "mean"]) < 0.3  # no direct effect by default
    assert (here / "t" / "children.parquet").exists() and (here / "t" / "twins.png").exists()


def test_allocations_compares_four_methods(best_sim, here):
    code, out, _ = best_sim("allocations", "london-2017", "--replicates", 2, "--out", "m")
    assert code == 0 and "minimisation" in out
    assert pd.read_csv(here / "m" / "summary.csv")["method"].nunique() == 4


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("assurance", "small.toml", "--design", "sme"), "some"),
        (("fragility", "power", "--set", "outcomes.sdq.sdd=7"), "outcomes.sdq.sd"),
        (("twins", "lodnon-2017"), "london-2017"),
        (("allocations", "london-2017", "--out", "."), "not empty"),
    ],
)
def test_a_slip_is_told_and_nothing_is_written(best_sim, here, arguments, told):
    before = sorted(here.rglob("*"))
    code, _, err = best_sim(*arguments)
    assert code == 2 and told in err
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("outcome", ["moves", "permanence"])
def test_a_power_run_of_another_outcome_has_its_report(best_sim, here, outcome):
    """An effect that is a ratio, and an outcome without a parameter for one."""
    effect = "effect = 0.6" if outcome == "moves" else ""
    head = 'scenario = "london-2017"\nreplicates = 4\nseed = 1\n'
    (here / "other.toml").write_text(f'{head}outcome = "{outcome}"\n[[design]]\nname = "one"\n{effect}\n')
    code, out, _ = best_sim("power", "other.toml", "--out", "p")
    assert code == 0 and "one" in out
    assert (here / "p" / "report.html").stat().st_size > 100_000
    assert (here / "p" / "coverage.png").exists() == (outcome == "moves")
