"""`best-sim stability`: what it prints, what it leaves, and what it refuses."""

from __future__ import annotations

import datetime as dt
import json
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from best_sim import cli


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def best_sim(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    few = ("--replicates", "4", "--workers", "1", "--set", "simulation.warm_up=1")
    monkeypatch.setattr(sys, "argv", ["best-sim", "stability", *words, *few])
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_it_compares_arms_and_says_what_it_takes(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert best_sim(monkeypatch, "--out", "out", "--seed", "3") == 0
    said = capsys.readouterr().out
    for part in (
        "SAU",
        "LIFT against SAU",
        "needed",
        "4 simulated trials",
        "lift_hazard_ratio is 1",
    ):
        assert part in said, part
    assert "benefit" not in said
    about = json.loads((here / "out" / "manifest.json").read_text())
    assert sorted(about["outputs"]) == [
        "effects.csv", "measures.csv", "permanence.csv", "stability.png", "stability.svg", "words.txt",
    ]  # fmt: skip
    assert about["seed"] == 3 and about["replicates"] == 4
    assert tomllib.loads((here / "out" / "question.toml").read_text())["by"] == ["arm"]
    measures = pd.read_csv(here / "out" / "measures.csv")
    assert set(measures["arm"]) == {"SAU", "LIFT"}
    assert {"mean", "mcse", "low_90", "high_90"} <= set(measures.columns)


def test_many_groups_stand_below_each_other(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert best_sim(monkeypatch, "--by", "borough", "--out", "out") == 0
    said = capsys.readouterr().out
    assert "Tower" in said and "Ranges are in measures.csv" in said
    assert not (here / "out" / "effects.csv").exists()
    assert best_sim(monkeypatch, "--by", "borough", "--out", "out") == 2  # not empty any more


def test_before_and_after_a_day(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert best_sim(monkeypatch, "--by", "period", "--split", "2020-01-01") == 0
    said = capsys.readouterr().out
    assert "after against before" in said and "not randomised" in said
    assert tomllib.loads(next(here.rglob("question.toml")).read_text())["split"] == dt.date(2020, 1, 1)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--by", "armm"), "did you mean arm?"),
        (("--by", "period"), "before and after what day?"),
        (("--by", "period", "--split", "January"), "a date without quotes"),
        (("--engine", "fast"), "allowed: auto, compiled, simpy"),
        (("--set", "trial.target_familes=3"), "did you mean target_families?"),
    ],
)
def test_what_cannot_be_used_is_one_message(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    part: str,
) -> None:
    assert best_sim(monkeypatch, *words) == 2
    assert part in capsys.readouterr().err
    assert not (here / "results").exists()
