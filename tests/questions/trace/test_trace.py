"""One child's story as a run: kept, repeated, and asked in a file."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import best_sim as package
from best_sim.pathway import simulate
from best_sim.scenario import Scenario

QUESTION = (
    'kind = "trace"\ntitle = "For a lesson"\nchild = "first SAU"\nscenario = "glasgow"\nreplicate = 2\n'
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lesson.toml").write_text(QUESTION)
    return tmp_path


def test_a_file_tells_what_the_journeys_tell(here: Path, best_sim: Callable) -> None:
    code, told, error = best_sim("run", "lesson.toml", "--out", "run")
    assert code == 0, error
    story = simulate(Scenario.load("glasgow"), seed=1, replicate=2).story("first SAU")
    assert (here / "run" / "words.txt").read_text().strip() == story.text(96).strip()
    rows = pd.read_csv(here / "run" / "story.csv")
    assert len(rows) == len(story.lines) and set(rows["service"]) == {"as it went"}
    assert told.startswith(" ".join(story.text(80).split()))
    report = (here / "run" / "report.html").read_text()
    assert "For a lesson" in report and str(story.lines[0].sentences[0]) in html.unescape(report)
    assert package.run_experiment("lesson.toml").child == story.child


def test_both_services_are_told_of_the_same_child(here: Path, best_sim: Callable) -> None:
    code, told, error = best_sim("trace", "first SAU", "lesson.toml", "--both-services", "--out", "run")
    assert code == 0, error
    assert told.count("The same child, in") == 2
    rows = pd.read_csv(here / "run" / "story.csv")
    assert list(dict.fromkeys(rows["service"])) == ["LIFT", "SAU"]
    for arm in ("LIFT", "SAU"):
        story = simulate(Scenario.load("glasgow"), seed=1, replicate=2, arm=arm).story(
            package.run_experiment("lesson.toml").child
        )
        assert rows.loc[rows["service"] == arm, "when"].tolist() == [line.when for line in story.lines]


def test_several_replicates_are_refused(here: Path, best_sim: Callable) -> None:
    code, _, error = best_sim("run", "lesson.toml", "--replicates", 3)
    assert code == 2 and "a child is of one replicate" in error
    assert best_sim("run", "lesson.toml", "--out", "run")[0] == 0
    code, _, error = best_sim("run", "--resume", "run", "--replicates", 3)
    assert code == 2 and "a child is of one replicate" in error
    assert "finished" in best_sim("runs", ".")[1]
