"""The search for a sample size: what it finds has the power, it can be gone on with, and it says what can't be."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from looking import assert_texts_are_apart, texts
from scipy import special, stats

from best_sim.drawing import style
from best_sim.questions.asking import QuestionError
from best_sim.questions.found import Shown
from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.running import answer
from best_sim.questions.sample_size.ask import SampleSizeQuestion
from best_sim.questions.sample_size.crossing import Crossing
from best_sim.questions.sample_size.run import SampleSizeFound
from best_sim.questions.sample_size.search import Search
from best_sim.replications import Store
from best_sim.scenario import ScenarioError

FILE = """
kind = "power"
title = "A small trial"
scenario = "london-2017"
replicates = 30
seed = 5
set = ["simulation.after_recruitment=1", "sites.london.recruiting=[{from=2017-10-01,value=1}]",
       "lift.teams.london.families_per_clinician=9", "outcomes.effect_applies_to=allocated"]
[[design]]
name = "A large effect"
effect = -4.2
[[design]]
name = "None"
effect = 0.0
"""
SEARCH: dict[str, Any] = {"scorings": 8, "power": 0.7, "within": 4.0, "least": 20.0, "most": 300.0}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("design") / "small.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def asked(small: Path, **more: Any) -> SampleSizeQuestion:
    return SampleSizeQuestion.load(small, **(SEARCH | more))


def store_in(folder: Path) -> Store:
    return Store.create(folder / "run", {"chunk": 20})


@pytest.fixture(scope="module")
def found(small: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[SampleSizeFound, Store]:
    store = store_in(tmp_path_factory.mktemp("search"))
    got = answer(asked(small), store=store)
    assert isinstance(got, SampleSizeFound)
    return got, store


def test_the_size_found_has_the_power(small: Path, found: tuple[SampleSizeFound, Store]) -> None:
    (got,) = found[0].sizes
    assert found[0].settled and got.reached and got.interval[0] < got.size < got.interval[1] + 1
    assert got.interval[1] - got.interval[0] <= 8.0
    there = PowerQuestion.load(
        small, replicates=400, scorings=2, seed=77, set=[f"trial.target_families={got.size:g}"]
    ).with_design("A large effect")
    check = answer(there).power.iloc[0]  # type: ignore[attr-defined]
    of_size = got.curve.slope * stats.norm.pdf(special.ndtri(0.7)) / (2 * math.sqrt(got.size))
    error = math.hypot(check["mcse"], of_size * (got.interval[1] - got.interval[0]) / 4)
    assert abs(check["power"] - 0.7) < 4 * error < 0.12


def test_replicates_go_to_where_the_curve_crosses(found: tuple[SampleSizeFound, Store]) -> None:
    (got,) = found[0].sizes
    near = (got.points["size"] / got.size - 1).abs() < 0.2
    assert got.points.loc[near, "trials"].sum() > 0.6 * got.replicates
    assert (got.points["replicates"] + got.points["failed"] == 8 * got.points["trials"]).all()
    assert got.months[0] <= got.months[1] <= got.months[2] < math.inf and got.cost > 0
    assert got.by_grid[1] > got.replicates


def test_each_size_is_a_leg_of_the_run(found: tuple[SampleSizeFound, Store]) -> None:
    (got,), store = found[0].sizes, found[1]
    assert set(store.legs()) == {f"families-{size:g}" for size in got.points["size"]}
    assert store.finished() == got.replicates == found[0].replicates


def test_what_is_there_is_not_run_again(
    small: Path, found: tuple[SampleSizeFound, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "best_sim.questions.power.replicate.simulate", lambda *_, **__: pytest.fail("it was simulated")
    )
    again = answer(asked(small), store=found[1])
    assert isinstance(again, SampleSizeFound)
    for name, table in found[0].tables().items():
        pd.testing.assert_frame_equal(again.tables()[name], table, check_exact=True)


def test_a_search_that_was_broken_off_goes_on_and_ends_the_same(
    small: Path, found: tuple[SampleSizeFound, Store], tmp_path: Path
) -> None:
    class StopError(Exception):
        pass

    def stop(done: int, total: int | None, words: str) -> None:
        if "95% interval" in words:
            raise StopError

    store = store_in(tmp_path)
    with pytest.raises(StopError):
        answer(asked(small), store=store, progress=stop)
    assert 400 <= store.finished() < found[0].replicates
    whole = answer(asked(small), store=Store(store.folder))
    assert whole.words() == found[0].words() and whole.answer() == found[0].answer()


def test_what_was_found_is_said_and_drawn(found: tuple[SampleSizeFound, Store]) -> None:
    got = found[0]
    (one,) = got.sizes
    words = " ".join(got.words())
    assert f"{one.size:g} families give a power of 70% (95% interval" in words
    assert ("outside the plausible range of trial.target_families, 100 to 1000" in words) == (one.size < 100)
    assert "Design: A large effect, a direct effect of −4.2 SDQ points" in words
    said = json.loads(json.dumps(got.answer(), allow_nan=False))
    assert said["size"] == one.size and said["reached"] is True and said["trials"] == one.replicates
    (drawn,) = got.figures().values()
    assert_texts_are_apart(drawn)
    assert any(style.SOURCE in text for text in texts(drawn)) and "A large effect" in " ".join(texts(drawn))
    assert "power of 70%" in style.alt_text(drawn)
    assert [chapter.id for chapter in got.chapters()] == ["answer", "search", "method"]
    (shown,) = got.shown()
    assert isinstance(shown, Shown) and len(shown.rows) == len(one.points)


# --- no size ------------------------------------------------------------------------------------------------
def test_a_power_that_cannot_be_had_is_an_answer_with_all_that_was_simulated(small: Path) -> None:
    got = answer(
        asked(small, design="None", power=0.5, within=5.0, least=20.0, most=60.0, replicates=3000, scorings=1)
    )
    assert isinstance(got, SampleSizeFound) and not got.settled
    (one,) = got.sizes
    assert "at the largest size tried, 60, the type I error is 0.0" in one.reason and math.isnan(one.size)
    assert one.points["trials"].sum() == one.replicates < 3000
    assert "No size between 20 and 60 gives a type I error of 50%" in got.words()[0]
    assert got.answer()["size"] is None and got.answer()["interval"] == [None, None]
    (drawn,) = got.figures().values()
    assert_texts_are_apart(drawn)
    assert "No size between 20 and 60" in " ".join(texts(drawn))


def test_it_gives_up_even_where_the_trials_are_spent(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known to be out of reach is said to be, and not where a curve would go that was seen nowhere."""
    monkeypatch.setattr(
        Search, "_next", lambda self, crossing, n, within: {self.question.size(60): n}
    )  # all of it to the edge
    got = answer(
        asked(small, design="None", power=0.5, within=5.0, least=20.0, most=60.0, replicates=500, scorings=1)
    )
    assert isinstance(got, SampleSizeFound)
    assert "at the largest size tried, 60" in got.sizes[0].reason and got.sizes[0].replicates == 500


def test_a_power_that_does_not_rise_with_the_size_is_told(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the trials that were asked for show no curve that rises, there is no size, and no number for it."""

    def flat(self: Search, power: float) -> Crossing:
        self.used = np.ones(len(self.counts()), bool)
        return Crossing(0.0, 0.0, np.zeros((2, 2)), np.inf, -np.inf, np.inf, np.nan)

    monkeypatch.setattr(Search, "fit", flat)
    monkeypatch.setattr(Search, "_out_of_reach", lambda self, power, crossing: "")
    few = asked(small, design="A large effect", power=0.5, within=5.0, least=20.0, most=60.0).replaced(
        replicates=400
    )
    got = answer(few)
    assert isinstance(got, SampleSizeFound) and not got.settled
    assert (
        "power does not rise with it between 20 and 60, as far as 400 trials can tell" in got.sizes[0].reason
    )


def test_a_parameter_along_which_power_falls_has_no_size(small: Path) -> None:
    """More spread, less power: an interval may be bounded, but it is of no size from which on it has the power."""
    got = answer(
        asked(
            small,
            along="outcomes.sdq.sd",
            least=3.0,
            most=20.0,
            power=0.5,
            within=1.0,
            replicates=2000,
            set=["trial.target_families=60"],
        )  # fmt: skip
    )
    assert isinstance(got, SampleSizeFound) and not got.settled
    assert "power falls as it rises" in got.sizes[0].reason and got.sizes[0].replicates <= 1000


def test_a_size_beyond_what_was_tried_is_said_to_be() -> None:
    """The curve may go there when the trials are spent; nobody was there."""
    question = SampleSizeQuestion.load("london-2017", least=20.0, most=60.0)
    points = pd.DataFrame(
        {"size": [20.0, 60.0], "trials": 100, "replicates": 1000, "mcse": 0.01, "found": [100, 200], "failed": 0,
         "statistic": 1.0, "children": 60.0, "months": np.inf, "reached_target": 0.0, "power": [0.1, 0.2],
         "fitted": [0.1, 0.2], "used": True}
    )  # fmt: skip
    from best_sim.questions.sample_size.search import SizeFound

    curve = Crossing(-2.0, 0.1, np.eye(2), 900.0, 100.0, math.inf, math.nan)
    one = SizeFound(
        None, 900.0, (100.0, math.inf), False, "", 200, points, curve, 60.0, (math.inf,) * 3, 1.0, (1.0, 1.0)
    )
    got = SampleSizeFound(question, (one,))
    assert not got.settled
    assert "That was not tried" in got.words()[0] and "The trials were spent" in got.words()[0]
    assert "longer than the run in most trials" in got.words()[0]
    assert got.answer()["months"] == [None, None, None]
    (drawn,) = got.figures().values()
    assert_texts_are_apart(drawn)


# --- what is refused ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"power": 0.04}, "above alpha (0.05)"),
        ({"power": 1.5}, "from 0.01 to 0.9999"),
        ({"within": 0.0}, "above 0"),
        ({"least": 300.0, "most": 20.0}, "least below most"),
        ({"design": "nobody"}, "A large effect; None"),
        ({"along": "trial.steps"}, "not a number that can be searched"),
        ({"along": "trial.lift_queue_limt"}, "trial.lift_queue_limt"),
        ({"least": 0.4, "most": 20.0}, "target_families"),
        ({"replicates": 10}, "500"),
        ({"against": "outcomes.sdq.sd"}, "it has no values"),
        ({"values": [5.0, 6.0]}, "against ="),
        ({"against": "outcomes.sdq.sd", "values": [5.0, 5.0]}, "twice"),
        ({"against": "outcomes.sdq.sdd", "values": [5.0]}, "outcomes.sdq.sd"),
        ({"against": "trial.target_families", "values": [50.0]}, "searched already"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused_before_anything_is_simulated(
    small: Path, more: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "best_sim.questions.power.replicate.simulate", lambda *_, **__: pytest.fail("it was simulated")
    )
    with pytest.raises((QuestionError, ScenarioError)) as refused:
        answer(asked(small, **more))
    assert told in str(refused.value)


# --- the command --------------------------------------------------------------------------------------------
@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(FILE.replace("effect = -4.2", "effect = -5.0"))
    return tmp_path


def test_a_sample_size_is_found_and_asked_again_from_its_folder(best_sim: Callable, here: Path) -> None:
    search = ("sample-size", "small.toml", "--power", 0.3, "--within", 30, "--least", 20, "--most", 140)
    code, out, error = best_sim(*search, "--scorings", 4, "--out", "s")
    assert code == 0 and "families give a power of 30%" in out and "design: A large effect" in out, error
    about = json.loads((here / "s" / "manifest.json").read_text())
    assert 20 <= about["answer"]["size"] <= 140 and about["answer"]["reached"] is True
    assert about["replicates"] == about["answer"]["trials"] and about["replicates_asked"] == 50_000
    assert {"size.csv", "points.csv", "sample-size.png", "words.txt"} <= set(about["outputs"])
    # a search in the same folder is gone on with, not begun again
    code, _, error = best_sim(*search, "--out", "s")
    assert code == 2 and "not empty" in error
    code, _, error = best_sim("sample-size", "--resume", "s", "--seed", 9)
    assert code == 2 and "--seed" in error
    (here / "small.toml").write_text(FILE)
    code, _, error = best_sim("sample-size", "--resume", "s")
    assert code == 2 and "small.toml (experiment) has changed" in error


def test_no_size_within_the_limits_is_written_and_ends_with_1(best_sim: Callable, here: Path) -> None:
    code, out, error = best_sim(
        "sample-size", "small.toml", "--design", "None", "--power", 0.5, "--least", 20, "--most", 40, "--scorings", 1,
        "--out", "s",
    )  # fmt: skip
    assert code == 1 and "No size between 20 and 40 gives a type I error of 50%" in out, error
    about = json.loads((here / "s" / "manifest.json").read_text())
    assert about["settled"] is False and about["state"] == "finished" and about["answer"]["size"] is None
    assert pd.read_csv(here / "s" / "points.csv")["trials"].sum() == about["replicates"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--power", 1.5), "--power"),
        (("--design", "sme"), "A large effect; None"),
        (("--against", "outcomes.sdq.sd", "--values", "few"), "--values"),
        (("--against", "outcomes.sdq.sd"), "--against"),
        (("--replicates", 20), "--replicates"),
    ],
)
def test_a_slip_is_told_and_nothing_is_written(
    best_sim: Callable, here: Path, arguments: tuple[object, ...], told: str
) -> None:
    before = sorted(here.rglob("*"))
    code, _, error = best_sim("sample-size", "small.toml", *arguments)
    assert code == 2 and told in error
    assert sorted(here.rglob("*")) == before
