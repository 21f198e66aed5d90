"""A run is a folder that can be gone on with: the command line as a user drives it, in this process to be quick."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.runs import runs_table
from best_sim.replications import Store

SCENARIO = 'extends = "london-2017"\ntitle = "ours"\n\n[trial]\ntarget_families = 60\n'
EXPERIMENT = """
kind = "power"
title = "Ours"
scenario = "mine.toml"
replicates = 8
seed = 5

[[design]]
name = "none"

[[design]]
name = "some"
effect = -3.0
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a scenario and an experiment of the user's own, in which the user stands."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(SCENARIO)
    (tmp_path / "ours.toml").write_text(EXPERIMENT)
    return tmp_path


@pytest.fixture(autouse=True)
def in_one_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many replicates a chunk has changes no result; what follows counts the files."""
    for module in ("running", "writing"):
        monkeypatch.setattr(f"best_sim.questions.{module}.chunk_for", lambda engine, replicates: 20)


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are drawn by other tests."""
    monkeypatch.setattr("best_sim.questions.power.show.figures_of", lambda found: {})
    monkeypatch.setattr("best_sim.questions.report.write_report", lambda *_, **__: None)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a run but the manifest, which holds the time."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("manifest.json", ".lock")
    }


def in_chunks_of(size: int, folder: Path) -> None:
    Store(folder).update(chunk=size)


def test_adding_replicates_keeps_the_first_and_gives_what_one_run_would(
    here: Path, best_sim: Callable
) -> None:
    assert best_sim("power", "ours.toml", "--out", "run")[0] == 0
    first = contents(here / "run" / "chunks")
    code, told, _ = best_sim("power", "--resume", "run", "--replicates", 13)
    assert code == 0 and "8 replicates are there" in told
    grown = contents(here / "run" / "chunks")
    assert grown.items() > first.items() and len(grown) == 2
    assert best_sim("power", "ours.toml", "--replicates", 13, "--out", "whole")[0] == 0
    run, whole = contents(here / "run"), contents(here / "whole")
    for name in ("replicates.parquet", "summary.csv", "recruitment.csv", "consort.csv", "scenario.toml"):
        assert run[name] == whole[name], name
    about = json.loads((here / "run" / "manifest.json").read_text())
    assert about["replicates"] == about["replicates_asked"] == 13 and about["state"] == "finished"


def test_a_run_that_repeats_itself_is_said(here: Path, best_sim: Callable) -> None:
    best_sim("power", "ours.toml", "--out", "run")
    outputs = json.loads((here / "run" / "manifest.json").read_text())["outputs"]
    code, told, _ = best_sim("reproduce", "run")
    assert code == 0 and told.endswith(f"All {len(outputs)} files are the same to the byte.")


def test_a_damaged_chunk_is_told_and_run_again(here: Path, best_sim: Callable) -> None:
    best_sim("power", "ours.toml", "--out", "run")
    before = contents(here / "run")
    (chunk,) = (here / "run" / "chunks").glob("*.parquet")
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(bytes(data))
    assert "damaged" in best_sim("runs", ".")[1]
    code, told, _ = best_sim("power", "--resume", "run")
    assert code == 0 and f"Damaged: {chunk.name}" in told and "0 replicates are there" in told
    after = contents(here / "run")
    assert after.pop(f"damaged/{chunk.name}") == bytes(data)
    assert after == before
    assert "finished" in best_sim("runs", ".")[1]


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("mine.toml", "target_families = 60", "target_families = 61", ("trial.target_families", "60", "61")),
        ("ours.toml", "effect = -3.0", "effect = -2.0", ("design[1].effect", "-3.0", "-2.0")),
        ("mine.toml", "target_families = 60", "target_family = 60", ("target_family",)),
    ],
)
def test_what_has_changed_since_is_refused(
    here: Path, best_sim: Callable, file: str, old: str, new: str, told: tuple[str, ...]
) -> None:
    best_sim("power", "ours.toml", "--out", "run")
    before = contents(here / "run")
    path = here / file
    path.write_text(path.read_text().replace(old, new))
    code, _, error = best_sim("power", "--resume", "run", "--replicates", 10)
    assert code == 2 and all(word in error for word in ("run", *told)), error
    assert contents(here / "run") == before
    path.write_text(path.read_text().replace(new, old))
    assert best_sim("power", "--resume", "run", "--replicates", 10)[0] == 0


def test_a_change_that_changes_nothing_is_not_refused(here: Path, best_sim: Callable) -> None:
    best_sim("power", "ours.toml", "--out", "run")
    path = here / "mine.toml"
    path.write_text("# a remark\n" + path.read_text().replace('title = "ours"', 'title = "our own"'))
    assert best_sim("power", "--resume", "run", "--replicates", 10)[0] == 0


def test_another_model_is_refused(here: Path, best_sim: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    best_sim("power", "ours.toml", "--out", "run")
    was = Store(here / "run").manifest["model"]
    monkeypatch.setattr("best_sim.questions.runs.model_hash", lambda: "0123456789abcdef")
    code, _, error = best_sim("power", "--resume", "run")
    assert code == 2 and was in error and "0123456789abcdef" in error


def test_a_run_goes_on_where_its_files_are_no_longer_there(here: Path, best_sim: Callable) -> None:
    best_sim("power", "ours.toml", "--replicates", 10, "--out", "whole")
    best_sim("power", "ours.toml", "--set", "trial.target_families=60", "--out", "run")
    for name in ("mine.toml", "ours.toml"):
        (here / name).unlink()
    assert best_sim("power", "--resume", "run", "--replicates", 10)[0] == 0
    one, other = (pd.read_parquet(here / name / "replicates.parquet") for name in ("run", "whole"))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--resume", "nowhere"], "there is no run here"),
        (["--resume", "run", "--seed", 9], "--seed"),
        (["ours.toml", "--resume", "run"], "FILE beside it"),
        (["--resume", "run", "--replicates", 7], "holds 8 already"),
        (["--until-mcse", 0], "a number above 0"),
        (["ours.toml", "--until-mcse", 0.1, "--figure", "powr"], "did you mean power?"),
        (["ours.toml", "--cluster", "tcp:/nowhere"], "no Dask scheduler answers"),
    ],
)  # fmt: skip
def test_a_slip_is_told_before_long_work(here: Path, best_sim: Callable, arguments: list, told: str) -> None:
    if "run" in arguments:
        best_sim("power", "ours.toml", "--out", "run")
    before = contents(here)
    code, _, error = best_sim("power", *arguments)
    assert code == 2 and told in error, error
    assert {name: data for name, data in contents(here).items() if not name.startswith("results")} == before


def test_it_stops_when_it_is_sure_and_only_after_a_batch(
    here: Path, best_sim: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("best_sim.questions.running._BATCH", 6)
    sure = ("--until-mcse", 0.35, "--figure", "mean, sau", "--replicates", 60)
    code, told, _ = best_sim("power", "ours.toml", *sure, "--out", "run")
    assert code == 0 and ", below 0.35" in told
    n = json.loads((here / "run" / "manifest.json").read_text())["replicates"]
    summary = pd.read_csv(here / "run" / "summary.csv").set_index("quantity")
    assert n % 6 == 0 and 6 < n < 60 and (summary.loc["mean, sau", "mcse"] < 0.35).all()
    assert best_sim("power", "ours.toml", "--replicates", n, "--out", "plain")[0] == 0
    assert (here / "run" / "replicates.parquet").read_bytes() == (
        here / "plain" / "replicates.parquet"
    ).read_bytes()
    code, told, _ = best_sim("power", "ours.toml", "--until-mcse", 1e-6, "--replicates", 12, "--out", "never")
    assert code == 0 and "after 12 replicates, the most that was asked for; not below 1e-06" in told


def test_runs_are_listed_with_how_far_they_have_come(here: Path, best_sim: Callable) -> None:
    assert best_sim("runs")[0] == 2  # there is no folder `results` here
    best_sim("power", "ours.toml", "--out", "results/one")
    best_sim("power", "ours.toml", "--seed", 6, "--out", "results/two")
    Store(here / "results" / "two").update(replicates_asked=50)
    table = runs_table(here / "results").set_index("folder")
    one, two = (table.loc[str(here / "results" / name)] for name in ("one", "two"))
    assert (one["state"], one["done"], one["asked"], one["seed"]) == ("finished", 8, 8, 5)
    assert (two["state"], two["done"], two["asked"], two["seed"]) == ("interrupted", 8, 50, 6)
    with Store(here / "results" / "one").held():
        assert runs_table(here / "results").set_index("folder").loc[one.name, "state"] == "running"
    code, told, _ = best_sim("runs")
    assert code == 0 and "8 of 50" in told and "best-sim run --resume FOLDER" in told


@pytest.mark.parametrize(
    ("manifest", "told"), [("{", "can't be read"), ("[]", "no manifest of a run"), ("{}", "kind, name, file")]
)
def test_a_manifest_that_is_none_is_one_clear_message(
    here: Path, best_sim: Callable, manifest: str, told: str
) -> None:
    (here / "run").mkdir()
    (here / "run" / "manifest.json").write_text(manifest)
    for arguments in (["reproduce", "run"], ["run", "--resume", "run"], ["power", "--resume", "run"]):
        code, _, error = best_sim(*arguments)
        assert code == 2 and told in error and "Traceback" not in error, error


def test_the_experiment_in_a_folder_is_the_one_that_was_run(here: Path, best_sim: Callable) -> None:
    best_sim("power", "ours.toml", "--out", "run")
    assert PowerQuestion.load(here / "run" / "question.toml").designs[1].effect == -3.0
