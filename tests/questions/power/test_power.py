"""The power experiment: what is asked is read with care, and what comes out hangs together."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from oracles.flow import sums_that_fail

from best_sim import run_experiment
from best_sim.pathway import simulate
from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.power.run import PowerFound
from best_sim.questions.running import answer
from best_sim.scenario import scenario
from best_sim.scenario.layers import Built, Layers
from best_sim.scenario.problems import ProblemsError
from best_sim.trial.consort import consort


@pytest.fixture(scope="module")
def result() -> PowerFound:
    return run_experiment("power", replicates=24, scenario="london-2017", set=["trial.target_families=100"])


def test_every_replicate_of_every_design_is_there(result: PowerFound) -> None:
    assert len(result.replicates) == 24 * 3
    assert (result.replicates.groupby("design", observed=True)["replicate"].nunique() == 24).all()
    assert (result.power["replicates"] + result.power["failed"] == 24).all()


def test_designs_meet_the_same_luck(result: PowerFound) -> None:
    by_design = {
        name: rows.reset_index(drop=True)
        for name, rows in result.replicates.groupby("design", sort=False, observed=True)
    }
    none, benefit, harm = by_design.values()
    for column in ("families_lift", "children_sau", "mean_sau", "received_lift"):
        assert none[column].equals(benefit[column]), column
    # the pathway is the same, and told once
    assert none["randomised"].notna().all() and benefit["randomised"].isna().all()
    assert (benefit["estimate"] < none["estimate"]).all()
    assert (harm["estimate"] > none["estimate"]).all()


def test_power_is_the_share_of_small_p_with_its_error(result: PowerFound) -> None:
    for row in result.power.itertuples():
        mine = result.replicates[result.replicates["design"] == row.design]
        share = (mine["p"] < 0.05).mean()
        assert row.power == pytest.approx(share)
        assert row.mcse == pytest.approx(np.sqrt(share * (1 - share) / len(mine)))
        assert row.low <= share <= row.high
        assert 0 <= row.closed_form <= 1
    assert result.power.set_index("effect").loc[0.0, "closed_form"] == pytest.approx(0.05)


def test_an_interval_agrees_with_its_p_value(result: PowerFound) -> None:
    rows = result.replicates
    outside = (rows["low"] > 0) | (rows["high"] < 0)
    assert (outside == (rows["p"] < 0.05)).all()


def test_recruitment_rises_to_the_target_and_no_further(result: PowerFound) -> None:
    curve = result.curve
    assert (np.diff(curve["median"]) >= 0).all()
    assert (curve["low90"] <= curve["median"]).all() and (curve["median"] <= curve["high90"]).all()
    assert curve["high90"].max() <= 100
    early, median, _ = result.when
    assert early is not None and median is not None
    assert dt.date(2018, 1, 1) < early <= median


def test_the_mean_flow_adds_up(result: PowerFound) -> None:
    assert sums_that_fail(result.flow) == []


def test_each_scenario_is_put_together_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading is some 0.1 s each time, and what was asked, what is run and what is shown all need every design's."""
    read: list[str] = []

    class Counted(Layers):
        def build(self, file: str) -> Built:
            read.append(file)
            return super().build(file)

    monkeypatch.setattr(scenario, "Layers", Counted)
    # a value that no other test has, so that none of them is there already
    asked = PowerQuestion.load(
        "power", scenario="london-2017", replicates=2, set=["trial.target_families=31"]
    )
    found = answer(asked, executor=None)
    found.tables(), found.figures(), found.chapters()
    assert len(read) == 4, "three designs, and the scenario without any design's effect"


def test_an_effect_changes_scores_and_nothing_else() -> None:
    """What a design's pathway is described by once holds for every design that differs by its effect alone."""
    asked = PowerQuestion.load("power", scenario="london-2017")
    runs = [simulate(asked.scenario_of(design), 5, 0) for design in asked.designs]
    for other in runs[1:]:
        assert (other.record == runs[0].record).all()
        assert consort(other) == consort(runs[0])
    assert not np.array_equal(runs[0].scores["sdq"], runs[1].scores["sdq"], equal_nan=True)


def test_an_effect_on_all_allocated_is_not_diluted(result: PowerFound) -> None:
    power = result.power.set_index("effect")
    received = result.replicates["received_lift"].mean()
    assert power.loc[1.4, "closed_form_effect"] == pytest.approx(
        1.4
    )  # the published estimate is by intention to treat
    assert power.loc[-2.4, "closed_form_effect"] == pytest.approx(-2.4 * received)


def test_what_a_design_sets_is_described_for_that_design(tmp_path: Path) -> None:
    file = tmp_path / "sizes.toml"
    file.write_text(
        'kind = "power"\nscenario = "london-2017"\nreplicates = 4\nseed = 3\n'
        '[[design]]\nname = "small"\nset = ["trial.target_families=40"]\n'
        '[[design]]\nname = "large"\nset = ["trial.target_families=80"]\n'
    )
    got = run_experiment(file)
    many = got.summary[got.summary["quantity"] == "families randomised"].set_index("design")["value"]
    assert many.to_dict() == {"small": 40.0, "large": 80.0}
    assert "all designs" not in set(got.summary["design"])


def test_recruitment_is_set_beside_the_published_end() -> None:
    got = run_experiment("power", replicates=6)
    rows = got.summary[got.summary["design"] == "all designs"].set_index("quantity")
    by_end = rows.loc["families randomised by 31 July 2021"]
    assert "published: 382" in by_end["note"] and by_end["low"] <= by_end["value"] <= by_end["high"]
    rows_of_pathway = got.replicates.dropna(subset="randomised")
    assert len(rows_of_pathway) == 6
    in_time = rows_of_pathway["by_published_end"] >= 382
    assert rows.loc["at least 382 families by 31 July 2021", "value"] == pytest.approx(in_time.mean())
    assert (rows_of_pathway["by_published_end"] <= rows_of_pathway["randomised"]).all()
    other = run_experiment("power", replicates=2, scenario="london-2017")
    assert other.question.published is None  # another trial than the one that was published
    assert not other.summary["quantity"].str.contains("31 July 2021").any()


def test_the_closed_form_is_also_given_at_the_effect_that_was_found(result: PowerFound) -> None:
    power = result.power.set_index("effect")
    estimates = result.replicates.groupby("effect")["estimate"].mean()
    for effect in (-2.4, 1.4):
        larger = abs(estimates[effect]) > abs(power.loc[effect, "closed_form_effect"])
        assert (power.loc[effect, "closed_form_at_estimate"] > power.loc[effect, "closed_form"]) == larger


def test_a_run_that_is_stopped_keeps_what_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = PowerQuestion.load("power", replicates=40, scenario="london-2017")
    whole = answer(asked.replaced(replicates=8), executor=None)

    def stop(done: int, total: int | None, words: str) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    monkeypatch.setattr("best_sim.questions.running.chunk_for", lambda engine, replicates: 4)
    got = answer(asked, executor=None, progress=stop)
    assert got.interrupted and got.question.replicates == 8
    assert got.replicates.equals(whole.replicates)
    assert got.power.equals(whole.power)


def test_a_run_that_is_stopped_at_once_has_nothing_to_keep() -> None:
    asked = PowerQuestion.load("power", replicates=4, scenario="london-2017")

    class Stopped(ThreadPoolExecutor):
        def submit(self, *_: object, **__: object) -> Future:
            raise KeyboardInterrupt

    with Stopped(1) as pool, pytest.raises(KeyboardInterrupt):
        answer(asked, executor=pool)


def test_the_summary_has_a_monte_carlo_error_for_every_estimate(result: PowerFound) -> None:
    without = set(result.summary.loc[result.summary["mcse"].isna(), "quantity"])
    assert without <= {
        "power by closed form", "power by closed form at the mean estimate", "fits that failed",
        "effect that the closed form takes",
    }  # fmt: skip


@pytest.mark.parametrize("pool", [None, ThreadPoolExecutor, ProcessPoolExecutor])
def test_the_rows_do_not_depend_on_who_runs_them(pool: type | None) -> None:
    # SimPy takes a second a run: few, but through every design
    asked = PowerQuestion.load("power", replicates=6 if pool else 2, scenario="london-2017")
    alone = answer(asked, executor=None).replicates
    if pool is None:
        again = answer(asked, engine="simpy", executor=None).replicates
    else:
        with pool(2) as workers:
            again = answer(asked, executor=workers).replicates
    assert alone.equals(again)
    assert alone.to_parquet(index=False) == again.to_parquet(index=False)


def test_the_shipped_file_is_read() -> None:
    asked = PowerQuestion.load()
    assert asked.scenario == "trial-as-run"
    assert [d.effect for d in asked.designs] == [0.0, -2.4, 1.4]
    assert asked.primary.method == "mixed-model"


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "asked.toml"
    file.write_text(
        'scenario = "trial-as-run"\nreplicates = 0\nseed = 1\nmethd = "mixed-model"\nalpha = 2.0\n'
        '[[design]]\nname = "a"\nefect = 1.0\n'
    )
    with pytest.raises(ProblemsError) as error:
        PowerQuestion.load(file)
    told = {problem.key: problem for problem in error.value.problems}
    assert told["methd"].nearest == "method"
    assert told["replicates"].found == "0"
    assert told["alpha"].allowed == "from 1e-06 to 0.5 (probability)"
    assert told["design[0].efect"].nearest == "effect"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("design = [1]", "design"),
        ('[[design]]\nset = "a=1"', "design[0].set"),
        ("[[design]]\nname = 3", "design[0].name"),
        ('[[design]]\nname = "a"\n[[design]]\nname = "a"', "design"),
        ('[[design]]\n[published]\nfamilies = 382', "published.interval"),
        ('[[design]]\n[published]\nfamilies = 0', "published.families"),
        ("published = 3\n[[design]]", "published"),
        ("[[design]]\neffect = nan", "design[0].effect"),
    ],
)  # fmt: skip
def test_a_design_that_cannot_be_used_is_named(text: str, key: str, tmp_path: Path) -> None:
    file = tmp_path / "asked.toml"
    file.write_text(f'scenario = "trial-as-run"\nreplicates = 3\nseed = 1\n{text}\n')
    with pytest.raises(ProblemsError) as error:
        PowerQuestion.load(file)
    assert key in {problem.key for problem in error.value.problems}


def test_an_effect_that_the_designs_would_override_is_refused() -> None:
    with pytest.raises(ProblemsError, match="each design sets this itself"):
        PowerQuestion.load("power", set=["outcomes.sdq.lift_effect=-3"])


def test_an_unknown_experiment_names_the_nearest() -> None:
    with pytest.raises(ProblemsError) as error:
        PowerQuestion.load("powr")
    assert error.value.problems[0].nearest == "power"
