"""Questions about a local authority's returns: what they print, what they leave, and what they refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from looking import assert_texts_are_apart, texts
from returns import write_returns

from best_sim.drawing import style
from best_sim.pathway import simulate
from best_sim.questions.read_903.ask import Read903Question
from best_sim.questions.running import answer
from best_sim.questions.write_903.ask import Write903Question
from best_sim.scenario import Scenario

Run = Callable[..., tuple[int, str, str]]
HERE = ("--borough", "east_london")


@pytest.fixture(scope="module")
def returns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("returns")
    write_returns(
        simulate(Scenario.load("england"), 5, 0), folder, [2020, 2021, 2022], boroughs=["east_london"]
    )
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_returns_of_simulated_children_are_written(best_sim: Run) -> None:
    code, told, _ = best_sim(
        "write-903", "--year", 2020, "--year", 2021, "--borough", "croydon", "--replicates", 2, "--out", "r"
    )
    assert code == 0 and "nobody here is real" in told
    assert {path.name for path in Path("r/replicate-1").iterdir()} == {"2020", "2021"}
    side = pd.read_csv("r/replicate-1/2020/proceedings.csv")
    assert set(side["borough"]) == {"croydon"}
    written = write_returns(
        simulate(Scenario.load("london-2017"), 1, 1), Path("own"), [2020], boroughs=["croydon"]
    )
    assert all(path.read_bytes() == (Path("r/replicate-1/2020") / path.name).read_bytes() for path in written)
    # the replicate of a number is the same, wherever it is counted from
    assert (
        best_sim("write-903", "--year", 2020, "--borough", "croydon", "--number", 1, "--out", "one")[0] == 0
    )
    assert (
        Path("one/replicate-1/2020/episodes.csv").read_bytes() == Path("own/2020/episodes.csv").read_bytes()
    )


def test_returns_are_read_and_only_counts_are_left(best_sim: Run, returns: Path) -> None:
    code, told, _ = best_sim("read-903", returns, "--out", "o")
    assert code == 0 and "3 collection years" in told and "the same episode in a later return" in told
    assert "nothing wanted; left out" in told and "oc2.csv" in told
    summary = pd.read_csv("o/summary.csv")
    assert set(summary["year"]) == {2020, 2021, 2022} and (summary["children"].dropna() >= 5).all()
    assert summary["children"].isna().any()
    code, told, error = best_sim("reproduce", "o")
    assert code == 0 and "same to the byte" in told, error


def test_an_input_that_has_changed_is_told(best_sim: Run, returns: Path, here: Path) -> None:
    copy = here / "copy.csv"
    one = pd.read_csv(returns / "2021" / "episodes.csv", dtype=str, keep_default_na=False)
    one.assign(YEAR="2021").to_csv(copy, index=False)
    assert best_sim("read-903", "copy.csv", returns / "2021" / "header.csv", "--out", "o")[0] == 0
    about = json.loads((here / "o" / "manifest.json").read_text())["inputs"]
    assert set(about) == {"copy.csv", str(returns / "2021" / "header.csv")}
    assert not any(entry["copied"] for entry in about.values()) and not (here / "o" / "inputs").exists()
    copy.write_text(copy.read_text() + "\n")
    code, _, error = best_sim("reproduce", "o")
    assert code == 2 and "copy.csv) has changed since this run began" in error
    copy.unlink()
    code, _, error = best_sim("reproduce", "o")
    assert code == 2 and "no longer there" in error


def test_rates_are_estimated_and_the_last_year_is_forecast(best_sim: Run, returns: Path, here: Path) -> None:
    code, told, _ = best_sim("local-rates", returns, *HERE, "--backcast", "--replicates", 4, "--out", "o")
    assert code == 0 and "months lie within the 95% interval of the forecast" in told
    names = {path.name for path in (here / "o").iterdir()}
    assert {"rates.csv", "rates.png", "local.toml", "backcast.csv", "backcast.png", "summary.csv"} <= names
    code, _, err = best_sim("check", "o/local.toml")
    assert code == 0, err
    wide = pd.concat([pd.read_csv(path) for path in (here / "o").glob("*.csv")])
    assert "child" not in wide and "CHILD" not in wide


def test_without_a_back_cast_nothing_is_simulated(best_sim: Run, returns: Path, here: Path) -> None:
    (here / "ours.toml").write_text(
        f'kind = "local-rates"\nborough = "east_london"\nreturns = ["{returns}"]\n'
    )
    code, told, error = best_sim("local-rates", "ours.toml", "--out", "o")
    assert code == 0 and "replicate" not in told, error
    about = json.loads((here / "o" / "manifest.json").read_text())
    assert about["replicates"] == about["replicates_asked"] == 0 and about["state"] == "finished"
    assert not list((here / "o" / "chunks").iterdir())
    code, told, error = best_sim("reproduce", "o")
    assert code == 0 and "same to the byte" in told, error
    code, told, _ = best_sim("runs", ".")
    assert code == 0 and "finished" in told and "0 of" not in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--borough", "nowhere"), "no borough of the scenario has this name"),
        ((*HERE, "--frailty", "some"), "estimated, base, none"),
        (("--scenario", "london-2017", "--borough", "sutton"), "its court would be far too small"),
        ((*HERE, "--set", "simulation.warm_up=3"), "this would change nothing"),
        ((*HERE, "--least", "0"), "--least"),
    ],
)  # fmt: skip
def test_what_can_not_be_estimated_is_refused(
    best_sim: Run, returns: Path, here: Path, options: tuple[str, str], told: str
) -> None:
    code, _, err = best_sim("local-rates", returns, *options)
    assert code == 2 and told in err, err
    assert not (here / "results").exists()


def test_a_back_cast_needs_years_before_the_last(best_sim: Run, returns: Path) -> None:
    code, _, err = best_sim("local-rates", returns / "2021", *HERE, "--backcast")
    assert code == 2 and "there are no years before the last" in err


def test_files_that_are_no_returns_are_refused(best_sim: Run, here: Path) -> None:
    code, _, err = best_sim("read-903", "nowhere")
    assert code == 2 and "there is no such file or folder" in err
    code, _, err = best_sim("read-903")
    assert code == 2 and "there is nothing to read" in err
    code, _, err = best_sim("write-903", "london-2017", "--borough", "croyden")
    assert code == 2 and "did you mean croydon?" in err
    code, _, err = best_sim("write-903", "london-2017", "--year", 2031, "--out", "r")
    assert code == 2 and "found: 2031" in " ".join(err.split()) and not (here / "r").exists()


def test_no_small_count_is_in_anything_that_is_left(best_sim: Run, returns: Path, here: Path) -> None:
    """Children of a few days of one year, so that almost all counts are small."""
    own = here / "few"
    own.mkdir()
    header = pd.read_csv(returns / "2021" / "header.csv", dtype=str, keep_default_na=False)
    episodes = pd.read_csv(returns / "2021" / "episodes.csv", dtype=str, keep_default_na=False)
    few = header["CHILD"].drop_duplicates().head(14)
    header[header["CHILD"].isin(few)].assign(YEAR="2021").to_csv(own / "header.csv", index=False)
    episodes[episodes["CHILD"].isin(few)].assign(YEAR="2021").to_csv(own / "episodes.csv", index=False)
    for kind in ("read-903", "local-rates"):
        assert best_sim(kind, "few", "--out", kind)[0] == 0
        edits, summary = (pd.read_csv(here / kind / f"{name}.csv") for name in ("edits", "summary"))
        assert (edits[["rows", "children"]].stack().dropna() >= 5).all()
        assert (summary["children"].dropna() >= 5).all()
        left = [
            path.read_text() for path in (here / kind).iterdir() if path.suffix in {".txt", ".html", ".json"}
        ]
        for child in few:
            assert not any(child in text for text in left)
        for n in re.findall(
            r"(\d+) (?:rows|row|children|episodes)\b", (here / kind / "words.txt").read_text()
        ):
            assert int(n) == 0 or int(n) >= 5
    assert (pd.read_csv(here / "local-rates" / "rates.csv")["events"].dropna() >= 5).all()
    toml = (here / "local-rates" / "local.toml").read_text()
    assert all(int(n) >= 5 for n in re.findall(r"(\d+) (?:of \d+ )?children\b", toml))


@pytest.mark.parametrize("kind", ["read-903", "write-903"])
def test_pictures_are_readable_and_say_what_they_show(kind: str, returns: Path, here: Path) -> None:
    if kind == "read-903":
        found = answer(Read903Question(returns=(str(returns),)))
    else:
        found = answer(Write903Question(replicates=2, years=(2019, 2020)), executor=None)
    (figure,) = found.figures().values()
    assert_texts_are_apart(figure)
    assert any(style.SOURCE in text or style.COUNTED in text for text in texts(figure))
    assert len(style.alt_text(figure)) > 60
