"""Pictures of several analyses, of intervals and of a grid: readable, and the same input gives the same bytes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from looking import assert_texts_are_apart, texts

from best_sim.drawing import style
from best_sim.questions.power import more_figures
from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.running import answer

NAMES = ("analyses", "coverage")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    asked = PowerQuestion.load(
        "power", scenario="london-2017", replicates=12, scorings=3, set=["trial.target_families=80"]
    )
    path = tmp_path_factory.mktemp("figures") / "several.toml"
    path.write_text(
        'kind = "power"\nscenario = "london-2017"\nreplicates = 8\nseed = 1\n[[analysis]]\nname = "Primary"\n'
        '[[analysis]]\nname = "Moves in care, negative binomial"\noutcome = "moves"\n[grid]\neffect = [0.0, -2.4]\n'
    )
    several = answer(PowerQuestion.load(path))
    powered = answer(asked)
    rows = powered.replicates[powered.replicates["design"] == "Assumed benefit"]
    return {
        "analyses": lambda: more_figures.analyses_figure(several.power),
        "coverage": lambda: more_figures.coverage_figure(rows, -1.2),
    }


@pytest.mark.parametrize("name", NAMES)
def test_each_is_readable_and_says_that_it_is_simulated(drawn, name):
    figure = drawn[name]()
    assert_texts_are_apart(figure)
    assert any(style.SOURCE in text for text in texts(figure))
    assert len(style.alt_text(figure)) > 60


@pytest.mark.parametrize("name", NAMES)
def test_the_same_input_gives_the_same_bytes(drawn, name, tmp_path):
    first, again = (style.save(drawn[name](), tmp_path / when) for when in ("first", "again"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_a_zip_plot_counts_the_intervals_that_hold_the_truth(drawn):
    assert "of the intervals hold the true effect" in " ".join(texts(drawn["coverage"]()))


def test_a_grid_has_a_curve_with_a_line_for_each_other_axis() -> None:
    settings = [{"effect": e, "outcomes.sdq.sd": sd} for e in (0.0, -1.0, -2.0) for sd in (6.0, 8.0)]
    power = pd.DataFrame(
        {
            "design": [str(s) for s in settings], "power": [0.05, 0.05, 0.3, 0.2, 0.8, 0.6],
            "low": [0.03] * 6, "high": [0.9] * 6, "closed_form": [0.05, 0.05, 0.32, 0.22, np.nan, np.nan],
        }
    )  # fmt: skip
    figure = more_figures.curve_figure(power, settings)
    assert figure is not None
    words = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert words == ["sd 6.0", "sd 8.0"]
    drawn = next(line for line in figure.axes[0].lines if list(line.get_xdata()) == [-2.0, -1.0, 0.0])
    assert list(drawn.get_ydata()) == pytest.approx([80.0, 30.0, 5.0])


def test_a_grid_without_numbers_or_with_too_many_lines_has_no_curve() -> None:
    power = pd.DataFrame(
        {"design": ["a"], "power": [0.1], "low": [0.0], "high": [0.2], "closed_form": [np.nan]}
    )
    assert more_figures.curve_figure(power, [{"boroughs": ("croydon",)}]) is None
    assert more_figures.curve_figure(power.iloc[:0], []) is None
