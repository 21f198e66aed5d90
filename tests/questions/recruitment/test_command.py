"""The commands for planners: what they print, what they leave, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

Run = Callable[..., tuple[int, str, str]]

OBSERVED = """date,borough,screened,eligible,consented,randomised
2017-10-02,Croydon,4,3,2,2
2017-10-09,Croydon,2,1,1,1
2017-10-16,Croydon,0,0,0,0
2017-10-23,Croydon,3,2,2,2
"""

RECRUIT = ("recruit", "london-2017")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seen.csv").write_text(OBSERVED)
    return tmp_path


def test_recruit_before_a_trial_leaves_dates_and_a_picture(best_sim: Run, here: Path) -> None:
    code, out, _ = best_sim(
        "recruit", "london-2017", "--target", 60, "--by", "2019-12-31", "--replicates", 12, "--out", "r"
    )
    assert code == 0 and "When 60 families are randomised" in out and "What only the simulation has" in out
    dates = pd.read_csv(here / "r" / "dates.csv")
    assert list(dates["forecast"]) == ["closed form", "simulation"]
    fan = pd.read_csv(here / "r" / "fan.csv")
    assert (fan["median"].diff().iloc[1:] >= 0).all() and "median_simulated" in fan
    assert {"recruitment.png", "recruitment.svg", "boroughs.csv"} <= {f.name for f in (here / "r").iterdir()}
    assert json.loads((here / "r" / "manifest.json").read_text())["answer"]["target"] == 60


def test_recruit_during_a_trial_says_what_was_seen(best_sim: Run, here: Path) -> None:
    code, out, _ = best_sim(
        *RECRUIT, "--observed", "seen.csv", "--cut-off", "2017-10-30", "--target", 60, "--replicates", 8, "--out", "r"
    )  # fmt: skip
    assert code == 0 and "5 of 6 seen" in out and "On 30 October 2017 a trial like this" in out
    assert "closed form, rates taken as known" in (here / "r" / "dates.csv").read_text()
    assert pd.read_csv(here / "r" / "consent.csv")["eligible"].iloc[0] == 6


def test_an_observed_file_that_can_not_be_is_refused_row_by_row(best_sim: Run, here: Path) -> None:
    wrong = OBSERVED.replace("Croydon,4,3,2", "Croydon,4,3,5").replace("16,Croydon", "16,Croyden")
    (here / "wrong.csv").write_text(wrong.replace("2017-10-23", "2017-10-09"))
    code, out, err = best_sim(*RECRUIT, "--observed", "wrong.csv", "--cut-off", "2018-10-30", "--out", "r")
    assert code == 2 and not (here / "r").exists()
    assert "wrong.csv" in err and "croyden" in err.lower() and "Croydon" in err
    for row in ("2", "4", "5"):
        assert f"row {row}" in err or f"line {row}" in err or f":{row}" in err, err


@pytest.mark.parametrize(
    "options, told",
    [
        (("--by", "31/12/2019"), "a date without quotes"),
        (("--cut-off", "2019-01-01"), "with observed, a CSV file"),
        (("--observed", "seen.csv", "--rows", "days"), "weeks, families"),
        (("--observed", "seen.csv", "--seen", 3), "more than for whom it was due"),
    ],
)
def test_options_that_can_not_be_are_refused(
    best_sim: Run, here: Path, options: tuple[object, ...], told: str
) -> None:
    code, _, err = best_sim(*RECRUIT, *options, "--out", "r")
    assert code == 2 and told in err and not (here / "r").exists()
