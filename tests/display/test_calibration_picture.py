"""The picture of a calibration: readable, says what it is, and the same input gives the same bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from looking import assert_texts_are_apart, texts

from best_sim.display.calibration import calibration_figure
from best_sim.drawing import style
from best_sim.experiments.calibration import Calibration, CalibrationExperiment, run_calibration


@pytest.fixture(scope="module")
def found() -> Calibration:
    asked = CalibrationExperiment.load("calibration-court-load", replicates=4)
    return run_calibration(replace(asked, parameters=asked.parameters[:3]), most=1)


def test_it_is_readable_and_says_that_it_is_simulated(found: Calibration) -> None:
    figure = calibration_figure(found)
    assert_texts_are_apart(figure)
    said = texts(figure)
    assert any(style.SOURCE in text for text in said)
    assert any("assumptions" in text for text in said)
    for words in (*found.targets["figure"], *found.parameters["parameter"]):
        assert any(words in text for text in said), words
    assert len(style.alt_text(figure)) > 200


def test_its_heading_counts_the_figures_that_are_near(found: Calibration) -> None:
    near = {c: int((found.targets[c].abs() <= 2).sum()) for c in ("distance", "distance_before")}
    heading = texts(calibration_figure(found))[0:400]
    expected = (
        f"{near['distance']} of {len(found.targets)} figures within two standard errors after calibration, "
        f"{near['distance_before']} before"
    )
    assert expected in " ".join(heading)


def test_a_figure_far_off_is_put_at_the_edge_with_its_distance(found: Calibration) -> None:
    table = found.targets.copy()
    table.loc[0, "before"] = table.loc[0, "published"] - 22 * table.loc[0, "error"]
    table.loc[0, "distance_before"] = -22.0
    figure = calibration_figure(replace(found, targets=table))
    assert "−22" in texts(figure)
    assert_texts_are_apart(figure)


def test_the_same_input_gives_the_same_bytes(found: Calibration, tmp_path: Path) -> None:
    one, two = (style.save(calibration_figure(found), tmp_path / name) for name in ("one", "two"))
    for a, b in zip(one, two, strict=True):
        assert a.read_bytes() == b.read_bytes()
