"""What a user of the package meets first: its names, and how things print."""

from __future__ import annotations

import subprocess
import sys

import pytest

import best_sim
from best_sim.pathway import Journeys


def test_the_public_names_are_shown_and_are_there() -> None:
    assert dir(best_sim) == sorted(best_sim.__all__)
    assert {"Scenario", "simulate", "compare", "run_experiment", "Journeys"} <= set(dir(best_sim))
    for name in dir(best_sim):
        assert getattr(best_sim, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        best_sim.simulat  # noqa: B018


def test_journeys_print_in_a_line(trial_run: Journeys) -> None:
    children, families = len(trial_run.children), len(trial_run.families)
    assert repr(trial_run) == (
        f"<Journeys of trial-as-run, seed 1, replicate 0: {children} children of {families} families, "
        "2011-12-01 to 2024-02-29>"
    )


def test_journeys_say_what_was_overridden() -> None:
    scenario = best_sim.Scenario.load("london-2017", ["proceedings.timetable=12"])
    one = best_sim.simulate(scenario)
    assert "<Journeys of london-2017 with proceedings.timetable = 12 weeks, seed 1" in repr(one)
    two = best_sim.simulate(scenario.replace({"lift.patience": 60}))
    assert "london-2017 with 2 parameters overridden" in repr(two)
    story = two.story("first").text(1000)
    assert "with proceedings.timetable = 12 weeks and lift.patience = 60 days." in story.splitlines()[0]


def test_matplotlib_waits_until_something_is_drawn() -> None:
    code = (
        "import sys\nfrom best_sim import Scenario, simulate\n"
        "journeys = simulate(Scenario.load('london-2017'))\n"
        "journeys.story('first')\nassert 'matplotlib' not in sys.modules\n"
        "journeys.timeline('first')\nassert 'matplotlib' in sys.modules\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
