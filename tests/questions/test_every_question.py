"""What holds for every kind of question: a run repeats itself, goes on after kill -9, can be asked from Python."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from returns import write_returns

import best_sim
from best_sim import cli
from best_sim.pathway import simulate
from best_sim.questions.asking import shipped_questions
from best_sim.questions.found import Found
from best_sim.questions.kinds import KINDS
from best_sim.questions.writing import checksum
from best_sim.replications import Store
from best_sim.scenario import Scenario

HERE = Path(__file__).parent
OBSERVED = HERE.parents[1] / "experiments" / "observed-example.csv"
RETURNS = "<returns>"
"""Stands for a folder of returns of simulated children."""
SMALL: dict[str, list[str]] = {
    "best-plan": [str(HERE / "best_plan" / "small.toml")],
    "calibration": [str(HERE / "calibration" / "small.toml")],
    "power": ["--scenario", "london-2017", "--replicates", "6", "--set", "trial.target_families=60"],
    "assurance": ["london-2017", "--replicates", "6", "--scorings", "2"],
    "sensitivity": ["london-2017", "--replicates", "4", "--scorings", "1"],
    "counterfactuals": ["london-2017", "--replicates", "3", "--parts", "4"],
    "allocations": ["london-2017", "--replicates", "4"],
    "expansion": ["--replicates", "4", "--set", "simulation.warm_up=0.5"],
    "recruitment": ["london-2017", "--target", "45", "--replicates", "4", "--observed", str(OBSERVED)],
    "stability": ["--replicates", "4", "--set", "simulation.warm_up=0.5"],
    "validation": ["--replicates", "4", "--only", "trial", "--only", "moves_1_4"],
    "simulation": ["london-2017", "--replicates", "3", "--first-replicate", "5"],
    "trace": ["most moves", "glasgow", "--both-services", "--set", "lift.patience=30"],
    "sample-size": [
        "--scenario", "london-2017", "--scorings", "2", "--power", "0.7", "--within", "500", "--least", "15", "--most",
        "90", "--set", "outcomes.effect_applies_to=allocated", "--set", "outcomes.sdq.sd=3",
    ],
    "interims": ["--scenario", "london-2017", "--replicates", "6", "--set", "trial.target_families=60"],
    "local-rates": [RETURNS, "--scenario", "london-2017", "--borough", "croydon", "--backcast", "--replicates", "6"],
    "read-903": [RETURNS],
    "write-903": ["--replicates", "4", "--year", "2020", "--borough", "croydon"],
}  # fmt: skip
"""By kind, what makes a run of a few seconds that keeps at least two chunks."""
DRAWN = ("power", "trace")
"""Kinds of which a run is repeated with its pictures; those of the others are compared when they are drawn later."""
KILLED = ("power", "sample-size", "simulation")
"""Kinds of which a run is killed in `make test`: several designs, one that decides how far to go, journeys alone."""
FROM_PYTHON: dict[str, dict[str, object]] = {
    "best-plan": {"replicates": 20},
    "calibration": {"replicates": 4, "steps": 1},
    "power": {"replicates": 2, "scenario": "london-2017"},
    "expansion": {"replicates": 2},
    "sample-size": {"replicates": 500, "scenario": "london-2017", "scorings": 1},
    "interims": {"replicates": 2, "scenario": "london-2017"},
}
"""By kind, what makes every shipped file of it quick."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """By kind, what makes a small run of it."""
    folder = tmp_path_factory.mktemp("returns")

    def arguments(kind: str) -> list[str]:
        if RETURNS in SMALL[kind] and not any(folder.iterdir()):
            write_returns(simulate(Scenario.load("london-2017")), folder, [2019, 2020], boroughs=["croydon"])
        return [str(folder) if one == RETURNS else one for one in SMALL[kind]]

    return arguments


def test_every_kind_is_tried() -> None:
    assert set(SMALL) == set(KINDS)


@pytest.fixture(scope="module", params=KINDS)
def ran(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, small: Callable
) -> tuple[str, Path]:
    """A kind of question, and the folder of a run of it."""
    kind, folder = request.param, tmp_path_factory.mktemp("ran")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["best-sim", KINDS[kind].command, *small(kind), "--out", "run"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert not ended.value.code
    return kind, folder / "run"


@pytest.fixture(scope="module")
def undrawn(ran: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory, small: Callable) -> Path:
    """The folder of the same run without its pictures."""
    kind, folder = ran[0], tmp_path_factory.mktemp("undrawn")
    again = [*small(kind), "--out", "run"]
    if "resume" in _options(kind):
        shutil.copytree(ran[1], folder / "run")
        again = ["--resume", "run"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["best-sim", KINDS[kind].command, *again, "--no-figures"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert not ended.value.code
    return folder / "run"


def test_a_run_leaves_what_repeats_it(
    ran: tuple[str, Path], undrawn: Path, here: Path, best_sim: Callable
) -> None:
    kind = ran[0]
    run = Path(shutil.copytree(ran[1] if kind in DRAWN else undrawn, "run"))
    about = json.loads((run / "manifest.json").read_text())
    assert about["kind"] == kind and about["state"] == "finished"
    files = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    assert {"question.toml", "report.html", "words.txt", *about["outputs"]} <= files
    assert tomllib.loads((run / "question.toml").read_text())["kind"] == kind
    assert "What is assumed" in (run / "report.html").read_text()
    # that a file is another thing is noticed, and that all the others are the same to the byte
    name = next(name for name in about["outputs"] if name.endswith((".csv", ".txt", ".parquet")))
    Store(run).update(outputs=about["outputs"] | {name: "0" * 64})
    code, told, error = best_sim("reproduce", "run", "--out", "again")
    assert code == 1 and told.endswith(
        f"{len(about['outputs']) - 1} of {len(about['outputs'])} files are the same to the byte. Not the same: {name}. "
        "Versions, platform, model and scenario are those of the run."
    ), told + error
    assert checksum(here / "again" / name) == about["outputs"][name]


def test_figures_are_left_out_and_drawn_later(
    ran: tuple[str, Path], undrawn: Path, here: Path, best_sim: Callable
) -> None:
    kind, whole = ran[0], json.loads((ran[1] / "manifest.json").read_text())["outputs"]
    pictures = {name for name in whole if name.endswith((".png", ".svg"))}
    assert pictures
    run = Path(shutil.copytree(undrawn, "run"))
    assert json.loads((run / "manifest.json").read_text())["outputs"].keys() == whole.keys() - pictures
    assert not list(run.glob("**/*.svg"))
    assert "<img" not in (run / "report.html").read_text()
    if "resume" in _options(kind):
        command = KINDS[kind].command
        # as it was before
        assert best_sim(command, "--resume", "run")[0] == 0 and not list(run.glob("**/*.svg"))
        assert best_sim(command, "--resume", "run", "--draw-figures")[0] == 0
        assert json.loads((run / "manifest.json").read_text())["outputs"] == whole


def test_a_run_without_figures_is_repeated_without_them(here: Path, best_sim: Callable) -> None:
    assert best_sim("trace", "--no-figures", "--out", "run")[0] == 0
    code, told, error = best_sim("reproduce", "run", "--out", "again")
    assert code == 0 and told.endswith("All 2 files are the same to the byte."), told + error
    assert not (here / "again" / "timeline.svg").exists()


@pytest.mark.parametrize(
    "ran",
    [pytest.param(kind, marks=() if kind in KILLED else pytest.mark.slow) for kind in KINDS],
    indirect=True,
)
def test_a_run_goes_on_after_it_was_killed(
    ran: tuple[str, Path], here: Path, best_sim: Callable, small: Callable
) -> None:
    kind = ran[0]
    if "resume" not in _options(kind):
        pytest.skip("nothing is simulated")
    process = subprocess.Popen(
        [sys.executable, "-m", "best_sim", KINDS[kind].command, *small(kind), "--out", "run", "--workers", "1"],
        env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + 240
    while (
        not list(Path("run").glob("chunks/**/*.parquet"))
        and process.poll() is None
        and time.monotonic() < until
    ):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(Path("run").glob("chunks/**/*.parquet")), "it was killed before anything was kept"
    code, told, error = best_sim(KINDS[kind].command, "--resume", "run")
    assert code == 0 and "replicates are there" in told, told + error
    whole, killed = (json.loads((run / "manifest.json").read_text()) for run in (ran[1], here / "run"))
    assert killed["outputs"] == whole["outputs"] and killed["state"] == "finished"


def _options(kind: str) -> set[str]:
    import inspect

    from best_sim.cli.asking import command_of

    (command,) = command_of(KINDS[kind]).registered_commands
    assert command.callback is not None
    return set(inspect.signature(command.callback).parameters)


@pytest.mark.parametrize(
    "name",
    # the joint fit is fifteen runs of a quarter of England
    [
        pytest.param(n, marks=pytest.mark.slow if n == "calibration" else ())
        for n in sorted(shipped_questions())
    ],
)
def test_every_shipped_file_can_be_asked_from_python(name: str) -> None:
    kind = tomllib.loads(shipped_questions()[name].read_text())["kind"]
    if kind not in KINDS:
        pytest.skip(f"{kind} is not in this shape yet")
    found = best_sim.run_experiment(name, **FROM_PYTHON[kind])
    assert isinstance(found, Found) and found.words()
    assert all(isinstance(table, pd.DataFrame) and len(table) for table in found.tables().values())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_typed_wrong_is_one_message_and_exit_code_2(
    kind: str, here: Path, best_sim: Callable, small: Callable
) -> None:
    wrong = [["nothing-of-this-name"]]
    if "set" in _options(kind):
        wrong += [["--set", "trial.targt_families=3"], ["--seed", str(2**63)]]
    if "replicates" in _options(kind):
        wrong += [["--replicates", "-1"]]
    for arguments in wrong:
        code, _, error = best_sim(KINDS[kind].command, *small(kind), *arguments)
        assert code == 2 and error.count("\n") < 30 and "Traceback" not in error, error
    (here / "taken").mkdir()
    (here / "taken" / "file").write_text("")
    code, _, error = best_sim(KINDS[kind].command, *small(kind), "--out", "taken")
    assert code == 2 and "--out" in error
    assert not (here / "results").exists()
