"""The commands for a local authority's returns: what they print, what they leave, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def returns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from best_sim.exchange.write_903 import write_903
    from best_sim.pathway import simulate
    from best_sim.scenario import Scenario

    folder = tmp_path_factory.mktemp("returns")
    journeys = simulate(Scenario.load("england"), 4, 0, "compiled")
    write_903(journeys, folder, [2020, 2021, 2022], boroughs=["east_london"])
    return folder


def test_returns_of_simulated_children_are_written(best_sim: Run, tmp_path: Path) -> None:
    out = tmp_path / "r"
    code, told, _ = best_sim("write-903", "london-2017", "--year", 2020, "--borough", "croydon", "--out", out)
    assert code == 0 and "nobody here is real" in told
    assert set(pd.read_csv(out / "2020" / "proceedings.csv")["borough"]) == {"croydon"}


def test_returns_are_read_and_only_counts_are_left(best_sim: Run, returns: Path, tmp_path: Path) -> None:
    code, told, _ = best_sim("read-903", returns, "--out", tmp_path / "o")
    assert code == 0 and "3 collection years" in told and "the same episode in a later return" in told
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"edits.csv", "summary.csv"}
    summary = pd.read_csv(tmp_path / "o" / "summary.csv")
    assert set(summary["year"]) == {2020, 2021, 2022} and (summary["children"].dropna() >= 5).all()


def test_rates_are_estimated_and_the_last_year_is_forecast(
    best_sim: Run, returns: Path, tmp_path: Path
) -> None:
    out = tmp_path / "o"
    code, told, _ = best_sim(
        "local-rates",
        returns,
        "--setting",
        "england/east_london",
        "--backcast",
        "--replicates",
        4,
        "--out",
        out,
    )
    assert code == 0 and "months lie within the 95 % interval of the forecast" in told
    names = {path.name for path in out.iterdir()}
    assert {"rates.csv", "rates.png", "local.toml", "backcast.csv", "backcast.png", "summary.csv"} <= names
    code, _, err = best_sim("check", out / "local.toml")
    assert code == 0, err
    wide = pd.concat([pd.read_csv(path) for path in out.glob("*.csv")])
    assert "child" not in wide and "CHILD" not in wide


@pytest.mark.parametrize(
    "options, told",
    [
        (("--setting", "england/nowhere"), "allowed: england/ and one of"),
        (("--frailty", "some"), "allowed: estimated, base, none"),
        (("--setting", "london-2017/sutton"), "its court would be far too small"),
    ],
)
def test_what_can_not_be_estimated_is_refused(
    best_sim: Run, returns: Path, tmp_path: Path, options: tuple[str, str], told: str
) -> None:
    code, _, err = best_sim("local-rates", returns, *options, "--out", tmp_path / "o")
    assert code == 2 and told in err


def test_files_that_are_no_returns_are_refused(best_sim: Run, tmp_path: Path) -> None:
    code, _, err = best_sim("read-903", tmp_path / "nowhere")
    assert code == 2 and "there is no such file or folder" in err
    code, _, err = best_sim("write-903", "london-2017", "--borough", "croyden")
    assert code == 2 and "croyden" in err
    code, _, err = best_sim("write-903", "london-2017", "--year", 2031, "--out", tmp_path / "r")
    assert code == 2 and "years: found 2031" in err and not (tmp_path / "r").exists()
