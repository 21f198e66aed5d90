"""Published beside simulated figures: checks lead, each verdict follows from both errors, what is not met is said."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from looking import assert_texts_are_apart, texts

from best_sim.drawing.style import alt_text
from best_sim.pathway import simulate
from best_sim.questions.running import answer
from best_sim.questions.validation.ask import ValidationQuestion
from best_sim.questions.validation.judging import CANT_TELL, HOLDS, NOT_MET, NOT_SIMULATED, pooled, verdict_of
from best_sim.questions.validation.published import PublishedFigure, read_published
from best_sim.questions.validation.replicate import figures_of
from best_sim.questions.validation.run import ValidationFound

REPLICATES = 6
OWN = Path(__file__).with_name("own-figures.toml")
FEW = ["trial", "scores", "scotland", "trial-courts", "stock_0_4_*", "context"]
"""Groups without the national scenario but for one figure of it."""


def run(**changes: object) -> ValidationFound:
    found = answer(ValidationQuestion.load(**changes), executor=None)
    assert isinstance(found, ValidationFound)
    return found


@pytest.fixture(scope="module")
def found() -> ValidationFound:
    return run(replicates=REPLICATES, only=FEW)


def named(figure: str) -> PublishedFigure:
    (one,) = (one for one in read_published() if one.id == figure)
    return one


# --- verdicts -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("figure", "simulated", "mcse", "z", "verdict"),
    [
        ("gift_home", 20.0, 1.0, 8.0 / math.hypot(4.596, 1.0), HOLDS),  # 12 %, n = 50
        ("gift_home", 30.0, 1.0, 18.0 / math.hypot(4.596, 1.0), NOT_MET),
        ("gift_home", 20.0, 6.0, 8.0 / math.hypot(4.596, 6.0), CANT_TELL),  # own error too large
        (
            "gift_home",
            50.0,
            6.0,
            38.0 / math.hypot(4.596, 6.0),
            NOT_MET,
        ),  # but it is far outside all the same
        ("gift_home", 12.0, math.nan, math.nan, CANT_TELL),
        ("gift_home", math.nan, math.nan, math.nan, NOT_SIMULATED),
        ("first_visit", 10.0, 0.5, 0.0, HOLDS),  # only a range: 4 to 14
        ("first_visit", 14.8, 0.5, 1.6, HOLDS),
        ("first_visit", 16.0, 0.5, 4.0, NOT_MET),
        ("first_visit", 3.0, 0.4, -2.5, NOT_MET),
        ("first_visit", 10.0, 3.0, 0.0, CANT_TELL),
        ("first_visit", 10.0, 0.0, 0.0, HOLDS),
        ("first_visit", 15.0, 0.0, math.inf, NOT_MET),
        ("ended_adoptive_median", 244.0, 0.5, 9.0 / math.hypot(12**-0.5, 0.5), HOLDS),  # inside 214 to 252
    ],
)
def test_a_verdict_follows_from_both_errors_and_the_range(
    figure: str, simulated: float, mcse: float, z: float, verdict: str
) -> None:
    got = verdict_of(named(figure), simulated, mcse)
    assert got[0] == pytest.approx(z, rel=1e-3, nan_ok=True) and got[1] == verdict


def test_replicates_are_pooled_as_a_ratio_of_sums() -> None:
    top, bottom = np.array([3.0, 5.0, np.nan, 7.0]), np.array([10.0, 10.0, 0.0, 20.0])
    estimate, error = pooled(top, bottom)
    assert estimate == pytest.approx(15.0 / 40.0)
    residual = np.array([3.0 - 3.75, 5.0 - 3.75, 7.0 - 7.5])
    assert error == pytest.approx((3 / 2 * (residual**2).sum()) ** 0.5 / 40.0)
    assert np.isnan(pooled(top[:1], bottom[:1])[1]) and np.isnan(pooled(top[2:3], bottom[2:3])[0])


def test_the_error_of_a_pooled_ratio_is_that_of_many_repetitions() -> None:
    rng = np.random.default_rng(5)
    n = rng.poisson(40, (4000, 20)).astype(float)
    top = rng.binomial(n.astype(int), 0.3)
    got = [pooled(t.astype(float), b) for t, b in zip(top, n, strict=True)]
    estimates, errors = np.array(got).T
    assert np.sqrt((errors**2).mean()) == pytest.approx(estimates.std(ddof=1), rel=0.05)


# --- the table ------------------------------------------------------------------------------------------------
def test_a_row_of_a_replicate_has_every_figure_of_its_journeys(found: ValidationFound) -> None:
    assert list(found.rows["replicate"]) == list(range(REPLICATES))
    world = found.question.world
    mine = [one for one in found.question.computed if one.simulated == "scenario"]
    by_hand = figures_of(simulate(world, found.question.seed, 4), world, mine)
    for one, (top, bottom) in zip(mine, by_hand, strict=True):
        assert found.rows[f"{one.id}:top"][4] == pytest.approx(top, rel=0, abs=0, nan_ok=True)
        assert found.rows[f"{one.id}:bottom"][4] == bottom


def test_the_national_scenario_is_simulated_in_the_first_two_replicates_and_each_tenth(
    found: ValidationFound,
) -> None:
    there = found.rows["stock_0_4_2021:bottom"].notna()
    assert list(np.flatnonzero(there)) == [0, 1]
    work = found.question.work("compiled")
    assert [number for number in range(25) if work.is_national(number)] == [0, 1, 10, 20]


def test_the_table_leads_with_checks_that_are_not_met(found: ValidationFound) -> None:
    table = found.table
    assert len(table) == len(found.question.computed)
    order = [(row["role"], row["verdict"]) for row in table.to_dict("records")]
    wanted = [(role, one) for role in ("check", "set") for one in (NOT_MET, CANT_TELL, HOLDS, NOT_SIMULATED)]
    assert order == sorted(order, key=wanted.index)
    for row in table.to_dict("records"):
        one = named(row["id"])
        simulated, mcse = pooled(
            *(found.rows[f"{one.id}:{part}"].to_numpy(float) for part in ("top", "bottom"))
        )
        assert row["simulated"] == pytest.approx(simulated, nan_ok=True)
        assert row["mcse"] == pytest.approx(mcse, nan_ok=True)
        assert (row["z"], row["verdict"]) == pytest.approx(verdict_of(one, simulated, mcse), nan_ok=True)


def test_words_lead_with_how_many_checks_hold_and_then_name_each_that_does_not(
    found: ValidationFound,
) -> None:
    words, checks, settings = found.words(), found.of("check"), found.of("set")
    holds = {role: int((rows["verdict"] == HOLDS).sum()) for role, rows in (("c", checks), ("s", settings))}
    assert words[0].startswith(
        f"{holds['c']} of {len(checks)} figures that set no parameter, and so check the model"
    )
    alike = checks[checks["differs"] == ""]
    assert f"{(alike['verdict'] == HOLDS).sum()} of {len(alike)} whose population" in words[0]
    groups = [one.partition(":")[0] for one in words[1:]]
    assert groups[: checks["group"].nunique()] == list(dict.fromkeys(checks["group"]))
    said = " ".join(words)
    far = checks[checks["verdict"] == NOT_MET]
    assert len(far) > 2 and all(name in said for name in far["figure"])
    assert f"{holds['s']} of {len(settings)} figures to which a parameter was set are met" in said
    assert f"{len(found.context)} published figures can't be compared" in words[-1]
    assert found.answer()["check"] == {
        "figures": len(checks),
        **{
            name: int((checks["verdict"] == name).sum())
            for name in (NOT_MET, CANT_TELL, HOLDS, NOT_SIMULATED)
        },
    }
    assert not any("benefit" in one for one in words)


def test_tables_for_people_say_units_errors_and_verdicts(found: ValidationFound) -> None:
    checks, settings = found.shown()
    assert "check the model" in checks.title and len(checks.rows) + len(settings.rows) == len(found.table)
    by_name = {row[0]: row for row in (*checks.rows, *settings.rows)}
    assert by_name["cost_lift"][1] == "10,002"
    assert by_name["trial_within_26_2018"][1] == "49.7%"
    assert by_name["first_visit"][1] == "4 to 14"
    row = found.table.set_index("id").loc["sdq_sau"]
    mean, error = by_name["sdq_sau"][2].rstrip(")").split(" (")
    assert float(mean) == pytest.approx(row["simulated"], abs=0.06)
    assert float(error) == pytest.approx(row["mcse"], abs=0.06)
    assert {checks.rows[i][-1] for i in checks.strong} == {NOT_MET}
    report = {chapter.id: chapter for chapter in found.chapters()}
    assert list(report) == ["answer", "check", "set", "context"]
    whole = next(one for one in report["set"].content if not isinstance(one, str))
    assert any("£10,002" in row for row in whole.rows)  # type: ignore[union-attr]


def test_the_picture_has_every_figure_where_it_lies_in_standard_errors(found: ValidationFound) -> None:
    (figure,) = found.figures().values()
    assert_texts_are_apart(figure)
    assert all(name in alt_text(figure) for name in found.table["figure"])
    assert len(texts(figure)) > 3 * len(found.table)
    for ax, role in zip(figure.axes, ("check", "set"), strict=True):
        mine = found.of(role).to_dict("records")
        marks = {round(line.get_ydata()[0] - 0.5): line for line in ax.lines if line.get_marker() in "D<>"}
        for k, row in enumerate(mine):
            if math.isnan(row["z"]):
                assert k not in marks
            elif abs(row["z"]) <= 8.0:
                assert marks[k].get_marker() == "D" and marks[k].get_xdata()[0] == pytest.approx(row["z"])
            else:
                assert marks[k].get_marker() == (">" if row["z"] > 0 else "<")
                assert abs(marks[k].get_xdata()[0]) < 8.0


# --- other scenarios, own figures -----------------------------------------------------------------------------
def test_a_figure_of_nobody_or_of_another_time_is_said_to_be_so() -> None:
    got = run(
        scenario="london-2017", replicates=2, only=["sdq_*", "pirgas_*", "scotland"],
        set=["simulation.end_date=2019-06-30", "simulation.warm_up=0.5"],
    )  # fmt: skip
    assert set(got.table["verdict"]) == {NOT_SIMULATED}
    assert got.words()[-1].startswith("Nobody to count, or a period that is not simulated: ")
    assert "sdq_sau" in got.words()[-1]
    assert got.words()[0].startswith("0 of 0 figures")
    assert_texts_are_apart(got.figures()["validation"])


def test_figures_of_an_authority_of_its_own() -> None:
    got = run(scenario="london-2017", replicates=3, figures=str(OWN))
    table = got.table.set_index("id")
    assert set(table.index) == {"under_fives_in_care", "babies_first_placement", "weeks_here"}
    assert table["simulated"].notna().all() and set(table["replicates"]) == {3}
    assert list(got.context["id"]) == ["cost_of_a_place"]
    assert not got.question.is_national
    assert "shows" in got.notice  # no figure of it is a result of the trial


def test_overrides_reach_the_national_scenario_where_it_has_them() -> None:
    asked = ValidationQuestion.load(
        set=["placements.unplanned.foster=0.3", "boroughs.sutton.rate_variation=0.2"]
    )
    assert asked.nation.placements.unplanned.foster == 0.3
    assert asked.world.boroughs["sutton"].rate_variation == 0.2
    assert str(asked.nation.simulation.end_date) == "2025-06-30"


def test_a_wrong_parameter_is_noticed() -> None:
    got = run(replicates=12, only=["seen", "received"], set=["visits.retention.third=0.3"])
    table = got.table.set_index("id")
    assert table.loc["seen", "verdict"] == NOT_MET and table.loc["seen", "z"] < -5.0
    assert table.loc["received", "verdict"] != NOT_MET


def test_the_command_leaves_a_run_that_can_be_gone_on_with(
    best_sim: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    some = ("--only", "trial", "--only", "scores", "--only", "stock_0_4_2021")
    code, out, err = best_sim("validate", "--replicates", 2, "--workers", 2, "--out", "o", *some)
    assert code == 0, err
    assert "Figures that set no parameter, and so check the model" in out and "Written to o" in out
    about = json.loads((tmp_path / "o" / "manifest.json").read_text())
    assert about["kind"] == "validation" and about["seed"] == 2025 and about["scenario"] == "trial-as-run"
    assert {"validation.csv", "context.csv", "validation.png", "replicates.parquet", "words.txt"} <= set(
        about["outputs"]
    )
    assert set(about["inputs"]) == {"figures", "national"}
    assert "England: 41 court areas" in (tmp_path / "o" / "inputs" / "national-england").read_text()
    assert "Crawford et al., Nature Medicine" in (tmp_path / "o" / "report.html").read_text()
    code, out, err = best_sim("validate", "--resume", "o", "--replicates", 3)
    assert code == 0 and "2 replicates are there" in out, err
    assert len(pd.read_parquet(tmp_path / "o" / "replicates.parquet")) == 3
    code, out, err = best_sim("reproduce", "o")
    assert code == 0 and "same to the byte" in out, err


def test_a_name_that_no_figure_has_is_one_clear_message(
    best_sim: Callable[..., tuple[int, str, str]],
) -> None:
    code, _, err = best_sim("validate", "--only", "scors")
    assert code == 2 and "did you mean scores" in err
