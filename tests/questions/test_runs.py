"""A run is a folder that can be gone on with: the command line as a user drives it, in this process to be quick."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.runs import runs_table
from best_sim.questions.writing import write_table
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
        (["--resume", "run", "--seed", 0], "--seed"),
        (["--resume", "run", "--replicates", 0], "holds 8 already"),
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
    ("manifest", "told"),
    [
        ("{", "can't be read"),
        ("[]", "no manifest of a run"),
        ("{}", "kind, name, file"),
        ("\ud800", "can't be read"),
    ],
)
def test_a_manifest_that_is_none_is_one_clear_message(
    here: Path, best_sim: Callable, manifest: str, told: str
) -> None:
    (here / "run").mkdir()
    (here / "run" / "manifest.json").write_bytes(manifest.encode("utf-8", "surrogatepass"))
    for arguments in (["reproduce", "run"], ["run", "--resume", "run"], ["power", "--resume", "run"]):
        code, _, error = best_sim(*arguments)
        assert code == 2 and told in error and "Traceback" not in error, error


def test_the_experiment_in_a_folder_is_the_one_that_was_run(here: Path, best_sim: Callable) -> None:
    best_sim("power", "ours.toml", "--out", "run")
    assert PowerQuestion.load(here / "run" / "question.toml").designs[1].effect == -3.0


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    names = ["=cmd|' /C calc'!A0", "@SUM(1)", "+2 points", "-3.0", "-", "\tx", "none"]
    table = pd.DataFrame(
        {"design": names, "=1+1": range(7), "kind": pd.Categorical(["@a"] * 7), "x": [None, *"abcdef"]}
    )
    write_table(table, tmp_path / "t.csv")
    back = pd.read_csv(tmp_path / "t.csv", dtype=str)
    assert back["design"].tolist() == [
        "'=cmd|' /C calc'!A0",
        "'@SUM(1)",
        "'+2 points",
        "-3.0",
        "-",
        "'\tx",
        "none",
    ]
    assert list(back) == ["design", "'=1+1", "kind", "x"] and set(back["kind"]) == {"'@a"}
    assert list(table["design"]) == names and back["x"].isna().tolist() == [True] + [False] * 6


# --- a run is of one thing ------------------------------------------------------------------------------------
def about(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def edited(folder: Path, old: str, new: str) -> None:
    """The manifest with a text of it changed, wherever it stands."""
    path = folder / "manifest.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def goes_not_on(best_sim: Callable, *told: str) -> None:
    code, _, error = best_sim("power", "--resume", "run", "--replicates", 10)
    assert code == 2 and "Traceback" not in error and all(word in error for word in told), error


def test_an_edited_copy_of_the_question_is_not_gone_on_with(here: Path, best_sim: Callable) -> None:
    best_sim("power", "ours.toml", "--out", "run")
    for name in ("mine.toml", "ours.toml"):
        (here / name).unlink()
    copy = here / "run" / "question.toml"
    text = copy.read_text()
    copy.write_text(text.replace("effect = -3.0", "effect = -12.0"))
    goes_not_on(best_sim, "question.toml", "edited")
    assert best_sim("reproduce", "run")[0] == 2
    copy.unlink()
    assert best_sim("power", "--resume", "run", "--replicates", 10)[0] == 0 and copy.read_text() == text
    scenario = here / "run" / "scenario.toml"
    scenario.write_text(scenario.read_text().replace("value = 60", "value = 61"))
    code, _, error = best_sim("power", "--resume", "run", "--replicates", 12)
    assert code == 2 and "scenario.toml" in error and "edited" in error


@pytest.mark.parametrize(
    ("old", "new", "gone"),
    [
        ('"seed": 5', '"seed": 6', False),
        ("seed = 5", "seed = 6", True),
        ("effect = -3.0", "effect = -12.0", True),
        ('target_families = { value = 60', 'target_families = { value = 61', True),
    ],
)  # fmt: skip
def test_an_edited_manifest_is_not_gone_on_with(
    here: Path, best_sim: Callable, old: str, new: str, gone: bool
) -> None:
    best_sim("power", "ours.toml", "--out", "run")
    edited(here / "run", old, new)
    if gone:  # as where the folder was sent on, and its copies are made again from the manifest
        for name in ("mine.toml", "ours.toml", "run/question.toml", "run/scenario.toml"):
            (here / name).unlink()
    goes_not_on(best_sim, "manifest.json", "edited")


def test_a_chunk_of_another_run_is_neither_counted_nor_gone_on_with(here: Path, best_sim: Callable) -> None:
    for name, seed in (("run", 5), ("other", 6)):
        best_sim("power", "ours.toml", "--seed", seed, "--out", name)
    (own,) = (here / "run" / "chunks").glob("*.parquet")
    (other,) = (here / "other" / "chunks").glob("*.parquet")
    data = own.read_bytes()
    own.unlink()
    (here / "run" / "chunks" / other.name).write_bytes(other.read_bytes())
    assert Store(here / "run").finished() == 0
    goes_not_on(best_sim, "another run", other.name)
    (here / "run" / "chunks" / other.name).rename(own)  # under the name of the run's own chunk it is damaged
    code, told, _ = best_sim("power", "--resume", "run")
    assert code == 0 and f"Damaged: {own.name}" in told and own.read_bytes() == data


def test_replicates_that_lie_in_two_chunks_count_once(here: Path, best_sim: Callable) -> None:
    best_sim("power", "ours.toml", "--out", "run")
    before = contents(here / "run")
    store = Store(here / "run")
    store.put(range(4), b"not looked at")
    store.put(range(4, 8), b"not looked at")
    again = Store(here / "run")
    assert (store.done(), again.done(), again.finished()) == ([range(8)], [range(8)], 8)
    assert best_sim("power", "--resume", "run")[0] == 0
    after = contents(here / "run")
    assert {name: data for name, data in after.items() if name in before} == before


# --- what is said of a run that was gone on with ---------------------------------------------------------------
def test_a_resumed_run_says_how_it_was_begun(
    here: Path, best_sim: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    best_sim("power", "ours.toml", "--replicates", 8, "--set", "lift.patience=30 # days", "--out", "run")
    first = about(here / "run")
    assert (
        first["command"]
        == "best-sim power ours.toml --replicates 8 --set 'lift.patience=30 # days' --out run"
    )
    Store(here / "run").update(seconds=1000.0, started="2020-01-01T00:00:00+00:00")
    assert best_sim("power", "--resume", "run", "--replicates", 13)[0] == 0
    then = about(here / "run")
    assert then["command"] == first["command"].replace(" --replicates 8", "") + " --replicates 13"
    assert then["started"] == "2020-01-01T00:00:00+00:00" and 1000.0 < then["seconds"] < 1600.0


def test_no_path_in_a_manifest_names_the_user(
    tmp_path: Path, best_sim: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, elsewhere = tmp_path / "jane", tmp_path / "data"
    for folder in (home, elsewhere):
        folder.mkdir()
    (home / "mine.toml").write_text(SCENARIO)
    (home / "ours.toml").write_text(EXPERIMENT.replace("mine.toml", str(home / "mine.toml")))
    monkeypatch.setattr(Path, "home", lambda: home)
    for out in (home / "run", elsewhere / "run"):
        monkeypatch.chdir(home)
        assert best_sim("power", home / "ours.toml", "--out", out)[0] == 0
        said = about(out)
        places = [said[key] for key in ("file", "scenario_file", "command")]
        assert not any("jane" in place for place in places), places
        monkeypatch.chdir(elsewhere)  # from where only those ways lead to the files
        assert best_sim("power", "--resume", out, "--replicates", 9)[0] == 0
        (home / "mine.toml").write_text(SCENARIO.replace("60", "61"))
        code, _, error = best_sim("power", "--resume", out, "--replicates", 10)
        assert code == 2 and "trial.target_families" in error
        (home / "mine.toml").write_text(SCENARIO)


# --- a machine that can't ---------------------------------------------------------------------------------------
LONG = "a" * 300


@pytest.mark.parametrize(
    ("out", "told"),
    [("mine.toml/run", "is a file"), ("mine.toml", "it is a file"), (LONG, "no folder"), ("a/" + LONG, "no folder")],
)  # fmt: skip
def test_a_folder_that_cannot_be_made_is_told_before_long_work(
    here: Path, best_sim: Callable, monkeypatch: pytest.MonkeyPatch, out: str, told: str
) -> None:
    monkeypatch.setattr("best_sim.cli.asking.engine_of", None)
    code, _, error = best_sim("power", "ours.toml", "--out", out)
    assert code == 2 and "--out" in error and told in error and "Traceback" not in error, error
    assert sorted(path.name for path in here.iterdir()) == ["mine.toml", "ours.toml"]


def test_a_folder_without_permission_is_told_before_long_work(
    here: Path, best_sim: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("best_sim.cli.asking.engine_of", None)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != here)
    for arguments, name in ((["--out", "run"], "--out"), ([], "results")):
        code, _, error = best_sim("power", "ours.toml", *arguments)
        assert code == 2 and name in error and "no permission to write" in error, error


def test_a_long_name_of_a_file_is_shortened_in_that_of_its_run(here: Path, best_sim: Callable) -> None:
    (here / "ours.toml").rename(here / f"{'o' * 240}.toml")
    assert best_sim("power", f"{'o' * 240}.toml")[0] == 0
    (folder,) = (here / "results" / "power").iterdir()
    assert folder.name.endswith(f"-{'o' * 50}-5")


def full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device", "table.csv")


@pytest.mark.parametrize("where", ["os.fsync", "best_sim.questions.writing._write_copies"])
def test_a_full_disk_leaves_nothing_of_a_run_that_has_nothing(
    here: Path, best_sim: Callable, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(where, full)
    code, _, error = best_sim("power", "ours.toml", "--out", "run")
    assert code == 2 and "No space left on device" in error and "Traceback" not in error, error
    assert sorted(path.name for path in here.iterdir()) == ["mine.toml", "ours.toml"]


@pytest.mark.parametrize("stop", [full, KeyboardInterrupt], ids=["full disk", "Ctrl-C"])
def test_what_is_finished_is_kept_where_tables_cannot_be_written(
    here: Path, best_sim: Callable, monkeypatch: pytest.MonkeyPatch, stop: Callable
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise stop() or OSError

    with monkeypatch.context() as change:
        change.setattr("best_sim.questions.writing.outputs", stopped)
        code, told, error = best_sim("power", "ours.toml", "--out", "run")
    assert code == (2 if stop is full else 130)
    assert ("No space left on device" in error) == (stop is full) and "Traceback" not in error
    assert "best-sim power --resume run" in told + error
    assert sorted(path.name for path in (here / "run").iterdir()) == [
        ".lock", "chunks", "manifest.json", "question.toml", "scenario.toml",
    ]  # fmt: skip
    assert Store(here / "run").state() == "interrupted"
    assert best_sim("power", "--resume", "run")[0] == 0 and Store(here / "run").state() == "finished"


def test_what_a_killed_process_left_half_written_is_removed(here: Path, best_sim: Callable) -> None:
    best_sim("power", "ours.toml", "--out", "run")
    (here / "run" / ".writing.abc").mkdir()
    (here / "run" / ".writing.abc" / "half.csv").write_text("1")
    assert best_sim("power", "--resume", "run")[0] == 0
    assert not (here / "run" / ".writing.abc").exists()


def test_a_run_whose_chunks_are_gone_is_listed_and_run_again(here: Path, best_sim: Callable) -> None:
    best_sim("power", "ours.toml", "--out", "run")
    before = contents(here / "run")
    for chunk in (here / "run" / "chunks").iterdir():
        chunk.unlink()
    (here / "run" / "chunks").rmdir()
    assert "interrupted" in best_sim("runs", ".")[1]
    assert best_sim("power", "--resume", "run")[0] == 0
    assert contents(here / "run") == before


def test_one_bad_run_hides_no_other(here: Path, best_sim: Callable) -> None:
    best_sim("power", "ours.toml", "--out", "run")
    for name, manifest in (
        ("a", "[]"),
        ("b", "{"),
        ("c", "{}"),
        ("d", '{"kind": 3, "seed": "x", "replicates_asked": "y"}'),
    ):
        (here / name / "chunks").mkdir(parents=True)
        (here / name / "manifest.json").write_text(manifest)
    (here / "c" / ".lock").mkdir()
    code, told, error = best_sim("runs", ".")
    assert code == 0 and "8 of 8" in told and "finished" in told and not error
    (here / "run" / ".lock").unlink()
    (here / "run" / ".lock").mkdir()
    assert "finished" in best_sim("runs", ".")[1]
    goes_not_on(best_sim, ".lock", "can't be locked")


@pytest.mark.parametrize("key", ["seed", "scenario_toml", "inputs", "versions", "question_toml", "of"])
def test_a_manifest_without_a_key_is_one_clear_message(here: Path, best_sim: Callable, key: str) -> None:
    best_sim("power", "ours.toml", "--out", "run")
    path = here / "run" / "manifest.json"
    for value in (None, [3]):
        path.write_text(json.dumps(about(here / "run") | {key: value}))
        goes_not_on(best_sim, key)


def test_a_run_that_fails_before_it_has_anything_does_not_keep_its_folder(
    here: Path, best_sim: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert best_sim("power", "ours.toml", "--cluster", "tcp:/nowhere", "--out", "run")[0] == 2
    with monkeypatch.context() as change:
        change.setattr("best_sim.questions.running.run_plan", full)
        assert best_sim("power", "ours.toml", "--out", "run")[0] == 2
    assert not (here / "run").exists()
    assert best_sim("power", "ours.toml", "--out", "run")[0] == 0
