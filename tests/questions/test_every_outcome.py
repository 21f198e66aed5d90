"""Every outcome goes through every command that can take it as the primary one; the others refuse it first."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import best_sim.questions.interims.replicate as interims
from best_sim.questions.power.ask import PowerQuestion
from best_sim.scenario.problems import ProblemsError
from best_sim.trial.methods import USUAL, contrast_of
from best_sim.trial.outcomes import OUTCOMES, effects

SOME = {"difference": -4.0, "ratio": 0.8}
TRIALS = 4


def written(folder: Path, outcome: str) -> Path:
    """An experiment on one outcome: no effect and one, where there is one to set."""
    of = OUTCOMES[outcome]
    some = f"effect = {SOME[of.effect.scale]}" if of.effect else 'set = ["lift.declines=0.2"]'
    file = folder / "ask.toml"
    file.write_text(
        f"""
scenario = "london-2017"
replicates = {TRIALS}
seed = 5
set = ["trial.target_families=60", "simulation.after_recruitment=36"]
outcome = "{outcome}"
[[design]]
name = "none"
[[design]]
name = "some"
{some}
[[prior]]
key = "sites.london.consent"
distribution = "beta"
mean = 0.6
sd = 0.1
[[vary]]
key = "lift.declines"
low = 0.1
high = 0.4
""",
        encoding="utf-8",
    )
    return file


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_power_tables_figures_and_report(best_sim, here: Path, outcome: str) -> None:
    of = OUTCOMES[outcome]
    code, out, err = best_sim("power", written(here, outcome), "--out", "p")
    assert code == 0, err
    folder = here / "p"
    html = (folder / "report.html").read_text(encoding="utf-8")
    rows = pd.read_parquet(folder / "replicates.parquet")
    summary = pd.read_csv(folder / "summary.csv").query("analysis == 'primary'")
    values = summary.set_index(["design", "quantity"])["value"].to_dict()
    assert {"power.svg", "estimates.svg", "consort.svg"} <= {one.name for one in folder.iterdir()}

    # the flow counts what the primary analysis is made of
    flow = pd.read_csv(folder / "consort.csv").set_index("box")
    for arm in ("LIFT", "SAU"):
        first = rows[rows["design"] == "none"]
        for unit in ("families", "children"):
            assert flow.loc[f"{arm}.analysed", unit] == pytest.approx(first[f"{unit}_{arm.lower()}"].mean())

    # one truth, that of complete data, wherever it is told
    truths = {d: values.get((d, "true effect of allocation")) for d in ("none", "some")}
    assert (of.kind == "time") == all(value is None for value in truths.values())
    told = re.findall(r"truth (−?[\d.,]+), bias", html)
    assert told == [f"{value:,.2f}".replace("-", "−") for value in truths.values() if value is not None]
    assert (folder / "coverage.svg").exists() == (of.kind != "time")

    # an effect is said as its outcome defines it
    closed = of.effect is not None and of.effect.of_outcome
    assert ("There is no closed form" in html) != closed and ("floor of the score" in html) == closed
    if of.effect is not None:
        assert f"Power, if the {effects.supposed(of.effect, SOME[of.effect.scale])}" in html
    if of.effect is None:
        assert "effect," not in out and "No design sets an effect on the outcome itself" in html
    elif of.effect.scale == "ratio":
        assert "0.80" in out and "hazard ratio of an unplanned move of 0.80 (fewer unplanned moves)" in html
        assert "for every child allocated to LIFT" in html and "for a child who receives LIFT" not in html
        assert contrast_of(outcome, USUAL[of.kind]) in html
        assert "effect, points" not in out and "SDQ points" not in html
    else:
        table = out[: out.index("replicates a design")]
        assert "points" in table and ("SDQ points" in table) == (outcome == "utility")
        assert (
            f"direct effect of −4.0 {of.effect.unit}" in html
            and "−4.0" in out
            and f"{of.effect.side(-4.0)}) for a child who receives LIFT" in html
        )


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_assurance_and_sensitivity(best_sim, here: Path, outcome: str) -> None:
    file = written(here, outcome)
    code, out, err = best_sim("assurance", file, "--replicates", 8, "--scorings", 1, "--out", "a")
    assert code == 0 and "Assurance" in out, err
    assert len(pd.read_parquet(here / "a" / "trials.parquet")) == 8
    code, out, err = best_sim("sensitivity", file, "--scorings", 1, "--out", "f")
    assert code == 0 and "lift.declines" in out, err
    assert pd.read_csv(here / "f" / "sensitivity.csv")["power_low"].between(0, 1).all()
    # an effect that can be set is named by its design; where none can be, no power is claimed of one
    settable = OUTCOMES[outcome].effect is not None
    assert ("design: some" in out) == settable
    assert ("power is" in out) == settable


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_looks_are_taken_at_scores_and_others_are_refused_before_anything_is_simulated(
    best_sim, here: Path, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(here, outcome)
    score = OUTCOMES[outcome].kind == "score"
    if not score:
        monkeypatch.setattr(interims, "simulate", lambda *_, **__: pytest.fail("it was simulated"))
    code, out, err = best_sim("interims", file, "--design", "some", "--out", "i")
    if score:
        assert code == 0 and "An effect is found by" in out, err
    else:
        assert code == 2 and "interim analyses are of scores" in err and "sdq, pirgas, utility" in err
        assert not (here / "i").exists()


def test_families_are_not_reestimated_for_an_effect_in_another_unit(best_sim, here: Path) -> None:
    """A utility's effect is in SDQ points: no variance of utilities is to be set against it."""
    file = written(here, "utility")
    code, _, err = best_sim("interims", file, "--design", "some", "--reestimate", 0.4, "--out", "i")
    assert code == 2 and "its effect is in SDQ points, not in its own unit" in err


@pytest.mark.parametrize("outcome", [name for name, of in OUTCOMES.items() if of.effect is None])
def test_an_effect_that_cannot_be_set_is_refused_with_what_can_be(here: Path, outcome: str) -> None:
    file = written(here, outcome)
    file.write_text(file.read_text().replace('set = ["lift.declines=0.2"]', "effect = 0.8"), encoding="utf-8")
    with pytest.raises(ProblemsError) as error:
        PowerQuestion.load(file)
    (problem,) = error.value.problems
    assert problem.key == "design[1].effect" and problem.found == "0.8"
    assert all(key in (problem.allowed or "") for key in OUTCOMES[outcome].instead)
