"""Published beside simulated figures: the checks lead, what is not near is said, and nobody to count is no figure."""

from __future__ import annotations

import json
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
from best_sim.questions.validation.published import FIGURES
from best_sim.questions.validation.replicate import figures_of
from best_sim.questions.validation.run import ValidationFound

REPLICATES = 6


def run(**changes: object) -> ValidationFound:
    found = answer(ValidationQuestion.load(**changes), executor=None)
    assert isinstance(found, ValidationFound)
    return found


@pytest.fixture(scope="module")
def found() -> ValidationFound:
    return run(replicates=REPLICATES)


def test_a_row_of_a_replicate_has_every_figure_of_its_journeys(found: ValidationFound) -> None:
    assert list(found.rows["replicate"]) == list(range(REPLICATES))
    world = found.question.world
    by_hand = figures_of(simulate(world, found.question.seed, 4), world)
    assert {one.key: by_hand[one.key] for one in FIGURES} == dict(found.rows.iloc[4].drop("replicate"))


def test_the_table_is_means_over_replicates_with_their_errors(found: ValidationFound) -> None:
    table = found.table.set_index("key")
    assert list(table.index) == [one.key for one in FIGURES]
    for one in FIGURES:
        values, row = found.rows[one.key].to_numpy(float), table.loc[one.key]
        values = values[np.isfinite(values)]
        assert row["simulated"] == pytest.approx(values.mean())
        assert row["mcse"] == pytest.approx(values.std(ddof=1) / np.sqrt(len(values)))
        near = abs(values.mean() - one.value) <= one.near * one.value
        assert row["near"] == ("yes" if near else "no") and row["published"] == one.value


def test_words_lead_with_the_checks_and_name_each_that_is_not_near(found: ValidationFound) -> None:
    words, checks, settings = found.words(), found.of("check"), found.of("set")
    far = checks[checks["near"] == "no"]
    near = len(checks) - len(far)
    assert words[0].startswith(
        f"{near} of {len(checks)} figures that set no parameter, and so check the model"
    )
    assert len(far) >= 3 and [one.partition(":")[0] for one in words[1 : 1 + len(far)]] == list(far["figure"])
    assert "adjournment probabilities are constant" in " ".join(words[1 : 1 + len(far)])
    assert words[-1].startswith(f"{(settings['near'] == 'yes').sum()} of {len(settings)} figures to which")
    assert found.answer() == {
        "check": {"figures": len(checks), "near": near},
        "set": {"figures": len(settings), "near": int((settings["near"] == "yes").sum())},
    }
    assert not any("benefit" in one for one in words)


def test_tables_for_people_say_units_and_errors(found: ValidationFound) -> None:
    checks, settings = found.shown()
    assert "check the model" in checks.title and len(checks.rows) + len(settings.rows) == len(FIGURES)
    by_name = {row[0]: row for row in (*checks.rows, *settings.rows)}
    assert by_name["Cost of the service per child, LIFT"][1] == "£10,002"
    assert by_name["Decided in 2018 within 26 weeks"][1] == "49.7%"
    assert by_name["Adoption, under one at entry: match to placed"][1] == "1 month"
    row = found.table.set_index("key").loc["weeks_2018"]
    mean, error = by_name["Proceedings decided in 2018, mean"][2].rstrip(")").split(" (")
    assert float(mean) == pytest.approx(row["simulated"], abs=0.05)
    assert float(error) == pytest.approx(row["mcse"], abs=0.05)
    assert {checks.rows[i][-1] for i in checks.strong} == {"no"}


def test_the_picture_has_every_figure_where_it_lies_in_standard_errors(found: ValidationFound) -> None:
    (figure,) = found.figures().values()
    assert_texts_are_apart(figure)
    said = texts(figure)
    assert {one.text for one in FIGURES} <= set(said)
    assert all(one.text in alt_text(figure) for one in FIGURES)
    checks, settings = figure.axes
    for ax, role in ((checks, "check"), (settings, "set")):
        mine = [one for one in FIGURES if one.role == role]
        values = found.rows[[one.key for one in mine]]
        z = (np.array([one.value for one in mine]) - values.mean()) / values.std()
        marks = {round(line.get_ydata()[0] - 0.5): line for line in ax.lines if line.get_marker() in "D<>"}
        assert len(marks) == len(mine)
        for k, at in enumerate(z):
            if abs(at) <= 4.0:
                assert marks[k].get_marker() == "D" and marks[k].get_xdata()[0] == pytest.approx(at)
            else:
                assert marks[k].get_marker() == (">" if at > 0 else "<")
                assert abs(marks[k].get_xdata()[0]) < 4.0


def test_a_figure_of_nobody_is_said_to_be_of_nobody() -> None:
    got = run(
        scenario="london-2017", replicates=2, set=["simulation.end_date=2019-06-30", "simulation.warm_up=0.5"]
    )
    row = got.table.set_index("key").loc["sdq_sau"]
    assert np.isnan(row["simulated"]) and row["near"] == "" and row["note"] == ""
    words = got.words()
    assert (
        words[-1].startswith("Nobody to count in this scenario: ")
        and "SDQ at 2.5 years, SAU, mean" in words[-1]
    )
    known = got.of("check")
    known = known[known["near"] != ""]
    assert f" of {len(known)} figures that set no parameter" in words[0]
    assert_texts_are_apart(got.figures()["validation"])


def test_the_command_leaves_a_run_that_can_be_gone_on_with(
    best_sim: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = best_sim("validate", "--replicates", 2, "--workers", 2, "--out", "o")
    assert code == 0, err
    assert "Figures that set no parameter, and so check the model" in out and "Written to o" in out
    about = json.loads((tmp_path / "o" / "manifest.json").read_text())
    assert about["kind"] == "validation" and about["seed"] == 2025 and about["scenario"] == "trial-as-run"
    assert {"validation.csv", "validation.png", "replicates.parquet", "words.txt"} <= set(about["outputs"])
    assert "Crawford et al., Nature Medicine" in (tmp_path / "o" / "report.html").read_text()
    code, out, err = best_sim("validate", "--resume", "o", "--replicates", 3)
    assert code == 0 and "2 replicates are there" in out, err
    assert len(pd.read_parquet(tmp_path / "o" / "replicates.parquet")) == 3
