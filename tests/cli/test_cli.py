"""The command line, as a user drives it."""

from __future__ import annotations

import importlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from best_sim import cli
from best_sim.cli.common import progress_of
from best_sim.engine import SimulationError
from best_sim.pathway import Journeys
from best_sim.pathway.story import CHOICES
from best_sim.questions.writing import files_replaced
from best_sim.scenario import Scenario

Command = Callable[..., tuple[int, str, str]]


def process(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command as a user starts it: a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "best_sim", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, timeout=300, check=False, env=os.environ | environment,
    )  # fmt: skip


def command(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The same in this process, which is spared the imports."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as here, redirect_stdout(out), redirect_stderr(err):
        here.chdir(cwd)
        here.setattr(sys, "argv", ["best-sim", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture
def best_sim_in(best_sim: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command in a folder and in this process, which is spared the imports."""

    def run(folder: Path, *arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        return best_sim(*arguments)

    return run


RULE = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"


def nothing_in(folder: Path) -> bool:
    return list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("power")
    done = process(
        "power", "--replicates", 6, "--seed", 4, "--scenario", "london-2017", "--out", "run", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert "Written to" in done.stdout
    return folder / "run"


def test_power_leaves_all_that_it_should(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert {"manifest.json", "summary.csv", "replicates.parquet", "report.html", "question.toml"} <= names
    assert {"recruitment.csv", "consort.csv"} <= names
    for picture in ("power", "recruitment", "consort", "living"):
        assert {f"{picture}.png", f"{picture}.svg"} <= names
    assert [path.name for path in run.parent.iterdir()] == ["run"]  # no scratch folder is left


def test_the_manifest_is_enough_to_repeat_the_run(run: Path, tmp_path: Path) -> None:
    about = json.loads((run / "manifest.json").read_text())
    assert about["seed"] == 4 and about["replicates"] == 6 and len(about["scenario_hash"]) == 64
    assert {"python", "numpy", "numba", "simpy", "scipy", "pandas", "best-sim"} <= set(about["versions"])
    assert about["replicates_asked"] == 6 and about["engine"] in ("compiled", "simpy")
    assert about["started"] <= about["finished"] and "[[design]]" in about["question_toml"]
    (tmp_path / "same.toml").write_text(about["scenario_toml"])
    done = command(
        "power", "--replicates", 6, "--seed", 4, "--scenario", "same.toml", "--out", "again", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again" / "replicates.parquet").read_bytes() == (
        run / "replicates.parquet"
    ).read_bytes()
    assert (tmp_path / "again" / "summary.csv").read_bytes() == (run / "summary.csv").read_bytes()
    assert (tmp_path / "again" / "power.svg").read_bytes() == (run / "power.svg").read_bytes()


def test_the_summary_is_tidy(run: Path) -> None:
    summary = pd.read_csv(run / "summary.csv")
    assert list(summary.columns) == [
        "design",
        "analysis",
        "quantity",
        "value",
        "mcse",
        "low",
        "high",
        "unit",
        "note",
    ]
    assert summary.loc[summary["quantity"] == "power", "value"].between(0, 1).all()


def test_the_report_opens_offline(run: Path) -> None:
    html = (run / "report.html").read_text()
    assert "<script src" not in html and 'rel="stylesheet"' not in html
    assert "not a result of the trial" in html


@pytest.mark.parametrize("name", ["power", "simulate", "validate"])
def test_what_is_there_already_is_not_written_over(name: str, tmp_path: Path, best_sim_in: Command) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("three years of work")
    code, _, error = best_sim_in(tmp_path, name, "--out", mine)
    assert code == 2 and "not empty" in error and "Traceback" not in error
    assert [path.name for path in mine.iterdir()] == ["notes.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_error_while_writing_leaves_what_was_there(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with files_replaced(tmp_path) as scratch:
            (scratch / "deep").mkdir()
            (scratch / "deep" / "summary.csv").write_text(text)
    with pytest.raises(RuntimeError), files_replaced(tmp_path) as scratch:
        (scratch / "deep").mkdir()
        (scratch / "deep" / "summary.csv").write_text("half a ta")
        raise RuntimeError
    assert (tmp_path / "deep" / "summary.csv").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


# what was finished is drawn as well; once is enough
@pytest.mark.parametrize(("number", "drawn"), [(signal.SIGINT, ()), (signal.SIGTERM, ("--no-figures",))])
def test_ctrl_c_keeps_what_is_finished(
    tmp_path: Path, number: signal.Signals, drawn: tuple[str, ...]
) -> None:
    running = subprocess.Popen(
        [sys.executable, "-u", "-m", "best_sim", "power", "--replicates", "400", "--scenario", "london-2017",
         "--out", "run", *drawn],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    for line in running.stdout:
        if "replicates, " in line:  # the first line of progress
            running.send_signal(number)
            break
    told, errors = running.communicate(timeout=120)
    assert running.returncode == 130, errors
    assert "best-sim power --resume run" in told and "Traceback" not in errors
    about = json.loads((tmp_path / "run" / "manifest.json").read_text())
    rows = pd.read_parquet(tmp_path / "run" / "replicates.parquet")
    assert 2 <= about["replicates"] < about["replicates_asked"] == 400 and about["state"] == "interrupted"
    assert rows["replicate"].nunique() == about["replicates"]
    assert (rows.groupby("design", observed=True)["replicate"].max() == about["replicates"] - 1).all()


BRACKETS = """
title = "Pilot [draft] [/end]"
scenario = "london-2017"
replicates = 2
seed = 5

[[design]]
name = "Benefit [low]"
effect = -1.2

[[design]]
name = "Benefit [/high]"
effect = -2.4
"""


def test_square_brackets_in_names_are_shown(tmp_path: Path) -> None:
    """And an output that holds no minus sign shows another, as where it is redirected on Windows."""
    (tmp_path / "tiny.toml").write_text(BRACKETS)
    done = process("power", "tiny.toml", "--out", "a[b]", cwd=tmp_path, PYTHONIOENCODING="cp1252")
    assert done.returncode == 0, done.stderr
    for name in ("Pilot [draft] [/end]", "Benefit [low]", "Benefit [/high]", "Written to a[b]", "-1.2"):
        assert name in done.stdout
    assert "\N{MINUS SIGN}" not in done.stdout


def test_a_seed_that_is_too_large_is_told(tmp_path: Path) -> None:
    for arguments in (("simulate", "london-2017"), ("power",), ("stability", "london-2017"), ("trace",)):
        for seed in (2**63, 2**64, "9" * 400):
            done = command(*arguments, "--seed", str(seed), "--out", "x", cwd=tmp_path)
            assert done.returncode == 2 and "--seed" in done.stderr and "Traceback" not in done.stderr, (
                done.stderr
            )
    assert nothing_in(tmp_path)


def test_a_user_without_a_home_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cli.Path, "home", none)
    kept = []
    monkeypatch.setattr(cli.atexit, "register", lambda remove, folder, **_: kept.append(folder))
    for name in ("BEST_SIM_CACHE", "NUMBA_CACHE_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    cli._keep_nothing_without_a_home()
    assert kept == [os.environ["NUMBA_CACHE_DIR"]] == [os.environ["BEST_SIM_CACHE"]]
    Path(kept[0]).rmdir()


CANNOT_COMPILE = """
import best_sim.pathway.model
from best_sim.cli import main
from best_sim.engine import CompilationError

def compile_model(*_):
    raise CompilationError("this numba is not one that is known to work")

best_sim.pathway.model.compile_model = compile_model
main()
"""


def test_where_numba_cannot_compile_simpy_is_used_and_it_is_said(tmp_path: Path) -> None:
    # a world that SimPy is not long about: half a year of it, after half a year of warm-up
    asked = (
        "simulate",
        "london-2017",
        "--set",
        "simulation.warm_up=0.5",
        "--set",
        "simulation.end_date=2018-04-01",
    )

    def without(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", CANNOT_COMPILE, *arguments],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = without(*asked, "--out", "slow")
    assert done.returncode == 0, done.stderr
    assert "not one that is known to work" in done.stdout and "more slowly" in " ".join(done.stdout.split())
    assert command(*asked, "--out", "fast", cwd=tmp_path).returncode == 0
    for name in ("record.parquet", "raw_children.parquet", "placements.parquet"):
        assert (tmp_path / "slow" / name).read_bytes() == (tmp_path / "fast" / name).read_bytes(), name
    refused = without("simulate", "--engine", "compiled", "--out", "never")
    assert refused.returncode == 2 and "allowed: auto, simpy" in refused.stderr
    assert not (tmp_path / "never").exists()


def test_a_damaged_native_library_is_told_of_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "kernel.json").write_text("{")
    done = process(
        "simulate", "london-2017", "--no-figures", "--out", "out", cwd=tmp_path, BEST_SIM_NATIVE=str(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    assert " ".join(done.stdout.split()).count("is not used: kernel.json is damaged.") == 1
    assert done.stderr == ""


def test_simulate_writes_journeys_that_can_be_read(tmp_path: Path) -> None:
    done = command("simulate", "london-2017", "--seed", 2, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    journeys = Journeys.read(tmp_path / "out")
    assert journeys.seed == 2 and len(journeys.children) > 500
    assert len(pd.read_parquet(tmp_path / "out" / "placements.parquet")) == len(journeys.placements)


def test_trace_tells_a_story_and_draws_it(tmp_path: Path) -> None:
    done = command("trace", "first LIFT", "--both-services", "--out", "child", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "a simulated child, not a real one" in done.stdout
    assert done.stdout.count("The same child, in") == 2
    assert done.stdout.startswith(RULE)  # the story comes first
    assert (tmp_path / "child" / "timeline.png").stat().st_size > 10_000
    printed, kept = (
        " ".join(text.replace(RULE, "").split())
        for text in (done.stdout, (tmp_path / "child" / "words.txt").read_text())
    )
    assert printed.startswith(kept)


def test_trace_names_what_was_overridden_in_the_story_and_in_the_picture(tmp_path: Path) -> None:
    done = command("trace", "most moves", "--set", "proceedings.timetable=12", "--out", "child", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    words = "simulated with proceedings.timetable = 12 weeks"
    assert words in " ".join(done.stdout.split())
    picture = " ".join(re.findall(r"<!-- (.*?) -->", (tmp_path / "child" / "timeline.svg").read_text()))
    assert words in picture
    plain = command("trace", "most moves", "--out", "plain", cwd=tmp_path)
    assert "simulated with" not in plain.stdout
    assert "simulated with" not in (tmp_path / "plain" / "timeline.svg").read_text()


def test_the_help_of_trace_has_every_description(tmp_path: Path) -> None:
    said = command("trace", "--help", cwd=tmp_path).stdout
    assert [which for which in CHOICES if f" {which}: " not in said] == []
    refused = command("trace", "first adoptd", cwd=tmp_path)
    assert refused.returncode == 2 and "did you mean first adopted?" in refused.stderr


# --- parameters ---------------------------------------------------------------------------------------------


def listed(*arguments: str, columns: int | None = None, cwd: Path) -> list[str]:
    """What `best-sim parameters` prints; as in a terminal of so many columns, or else as into a file."""
    if columns is None:
        done = command("parameters", *arguments, cwd=cwd)
    else:
        done = process("parameters", *arguments, cwd=cwd, COLUMNS=str(columns), FORCE_COLOR="1", TERM="dumb")
    assert done.returncode == 0, done.stderr
    return [line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", done.stdout).splitlines()]


def test_parameters_are_listed_with_value_unit_and_status_a_line_each(tmp_path: Path) -> None:
    lines = [re.split(r"  +", line) for line in listed("trial-as-run", cwd=tmp_path)]
    assert ["parameter", "value", "how sure"] in lines
    assert ["proceedings.timetable", "11 weeks", "calibrated"] in lines
    assert ["trial.target_families", "390 families", "published"] in lines
    names = [line[0] for line in lines[3:] if line[0]]
    assert names == list(Scenario.load("trial-as-run").provenance)


@pytest.mark.parametrize(
    "more", [(), ("--sources",), ("--against", "base"), ("--against", "base", "--sources")]
)
def test_parameters_fit_a_terminal_of_80_columns(more: tuple[str, ...], tmp_path: Path) -> None:
    lines = listed("london-2017", *more, columns=80, cwd=tmp_path)
    links = [
        line for line in lines if "://" in line
    ]  # which a terminal breaks, and which must be whole to be used
    assert max(len(line) for line in lines if line not in links) <= 80
    # no word of a value is cut off, and no name but at its joints
    text = "".join(line.split("  ")[0].strip() for line in lines)
    assert "courts.east_london.other_cases_variation" in "".join(text.split())


def test_parameters_with_their_sources_and_only_those_asked_for(tmp_path: Path) -> None:
    lines = listed("london-2017", "found_ineligible", "--sources", cwd=tmp_path)
    assert lines[2] == "trial.found_ineligible = 0.058 (probability)"
    assert lines[3].startswith("    published, plausible ")
    assert any(line.strip().startswith("https://") for line in lines)
    assert [line.split(" = ")[0] for line in lines if line.startswith("trial.")] == [
        "trial.found_ineligible",
        "trial.found_ineligible_delay",
    ]
    refused = command("parameters", "london-2017", "lift.patiense", cwd=tmp_path)
    assert refused.returncode == 2 and "did you mean lift.patience?" in refused.stderr


def test_what_is_changed_is_what_the_user_changed(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'extends = "london-2017"\nlift.patience = { value = 6, unit = "weeks" }\n'
    )
    arguments = ("mine.toml", "--changed", "--set", "proceedings.notice.final.mean=15")
    lines = listed(*arguments, cwd=tmp_path)
    assert [line for line in lines if line.startswith("Changed")] == [
        "Changed in mine.toml:",
        "Changed by --set:",
    ]
    rows = [re.split(r"  +", line) for line in lines]
    assert ["lift.patience", "60 days", "6 weeks"] in rows
    assert [row[0] for row in rows if "." in row[0] and not row[0].startswith("Changed")] == [
        "lift.patience",
        "proceedings.notice.final",
    ]
    nothing = "\n".join(listed("london-2017", "--changed", cwd=tmp_path))
    assert "You changed nothing of london-2017" in nothing and "--against base" in nothing


def test_what_differs_from_another_scenario(tmp_path: Path) -> None:
    lines = listed("louisiana-optimistic", "--against", "trial-as-run", cwd=tmp_path)
    assert [re.split(r"  +", line) for line in lines] == [
        ["parameter", "in trial-as-run", "in louisiana-optimistic"],
        ["orders.placement_order.lift", "0.0 (log odds)", "0.4 (log odds)"],
        ["placements.unplanned.lift_hazard_ratio", "1.0 (ratio)", "0.7 (ratio)"],
        ["outcomes.sdq.lift_effect", "0.0 points", "-2.4 points"],
    ]
    same = listed("london-2017", "--against", "london-2017", cwd=tmp_path)
    assert same == ["Nothing differs between london-2017 and london-2017."]
    refused = command("parameters", "--changed", "--against", "base", cwd=tmp_path)
    assert refused.returncode == 2 and "one of them" in refused.stderr


# --- what looks wrong ---------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("always::best_sim.scenario.problems.ScenarioWarning")
@pytest.mark.parametrize(
    ("how", "arguments"),
    [
        (process, ("parameters", "london-2017", "timetable", "--set", "proceedings.timetable=30")),
        (command, ("simulate", "mine.toml")),
        (command, ("trace", "first", "mine.toml")),
        (command, ("recruit", "mine.toml", "--replicates", "2", "--target", "120", "--by", "2021-07-31")),
    ],
)
def test_a_value_outside_its_plausible_range_is_told_and_used(
    how: Callable, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text('extends = "london-2017"\nproceedings.timetable = 30\n')
    done = how(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    place = "mine.toml, line 2" if "mine.toml" in arguments else "--set"
    assert done.stderr == (
        f"warning: {place}: proceedings.timetable\n"
        "  this is outside its plausible range, and is used all the same\n"
        "  found:    30 weeks\n  expected: 6 to 16 (weeks)\n"
    )


def test_check_finds_nothing_wrong_with_what_is_shipped(tmp_path: Path, best_sim_in: Command) -> None:
    for name in ("base", "london-2017", "glasgow", "trial-as-run", "louisiana-optimistic"):
        code, _, error = best_sim_in(tmp_path, "check", name)
        assert code == 0, error


SURE = 'status = "assumption", source = "x"'
WRONG = {
    "unknown key": ("[lift]\npatiense = 30\n", "patiense", "patience"),
    "wrong unit": (f'[lift]\npatience = {{ value = 30, unit = "GBP", {SURE} }}\n', "GBP", "days"),
    "shares": (
        "[entry.route]\nvalue = { voluntary = 0.5, emergency_or_interim = 0.3, during_proceedings = 0.3 }\n",
        "1.1",
        "1",
    ),
    "negative capacity": (
        "[lift.teams.london.social_workers]\nvalue = [ { from = 2017-01-01, value = -1 } ]\n",
        "-1",
        "0",
    ),
    "closes before it opens": (
        f'[boroughs.croydon]\ncloses = {{ value = 2016-01-01, unit = "date", {SURE} }}\n',
        "2016-01-01",
        "2017-10-01",
    ),
    "empty schedule": ("[boroughs.croydon.entries]\nvalue = []\n", "[]", "entries"),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("name", ["check", "simulate", "power"])
def test_bad_input_is_one_clear_message_and_nothing_written(
    what: str, name: str, tmp_path: Path, best_sim_in: Command
) -> None:
    body, found, allowed = WRONG[what]
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "mine.toml").write_text('extends = "london-2017"\ntitle = "mine"\n' + body)
    empty = tmp_path / "work"
    empty.mkdir()
    arguments = ["power", "--scenario"] if name == "power" else [name]
    code, told, error = best_sim_in(empty, *arguments, folder / "mine.toml")
    assert code == 2, told + error
    assert "mine.toml" in error and found in error and allowed in error
    assert "Traceback" not in error
    assert nothing_in(empty)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["simulate", "nowhere"], "nowhere"),
        (["simulate", "london-2017", "--set", "lift.patiense=3"], "patience"),
        (["simulate", "london-2017", "--set", "lift.patience=-3"], "lift.patience"),
        (["simulate", "london-2017", "--engine", "fast"], "compiled"),
        (["trace", "99999999"], "99999999"),
        (["trace", "1"], "not every number is used"),
        (["power", "powr"], "power"),
        (["power", "--set", "trial.allocation.method=blokcs"], "blocks"),
        (["power", "--set", "outcomes.sdq.lift_effect=-3"], "each design"),
    ],
)
def test_a_slip_on_the_command_line_is_told(
    arguments: list[str], told: str, tmp_path: Path, best_sim_in: Command
) -> None:
    code, out, error = best_sim_in(tmp_path, *arguments)
    assert code == 2, out + error
    assert told in error and "Traceback" not in error
    assert nothing_in(tmp_path)


def test_a_file_that_is_not_toml(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("extends = \n[")
    done = command("check", "mine.toml", cwd=tmp_path)
    assert done.returncode == 2 and "TOML" in done.stderr


_LARGE = ("numba", "pandas", "matplotlib", "scipy")
_NOT_TO_SIMULATE = ("matplotlib", "scipy.stats", "scipy.optimize", "statsmodels")


@pytest.mark.parametrize(
    ("arguments", "spared"),
    [
        (["--help"], (*_LARGE, "numpy", "pydantic")),
        (["--version"], (*_LARGE, "numpy", "pydantic")),
        (["power", "--help"], _LARGE),
        (["simulate", "--help"], _LARGE),
        (["trace", "--help"], _LARGE),
        (["parameters"], _LARGE),
        (["check", "trial-as-run"], _LARGE),
        (["runs", "."], ("numba", "matplotlib", "scipy")),
        (["simulate", "--no-figures"], _NOT_TO_SIMULATE),
        (["trace", "--no-figures"], _NOT_TO_SIMULATE),
        (["power", "--replicates", "2", "--workers", "1", "--no-figures"], _NOT_TO_SIMULATE),
    ],
    ids=" ".join,
)
def test_a_command_does_not_wait_for_libraries_that_it_has_no_use_for(
    arguments: list[str], spared: tuple[str, ...], tmp_path: Path
) -> None:
    code = (
        "import sys, best_sim\n"
        "assert not any(name.startswith('best_sim.') for name in sys.modules)\n"
        "import best_sim.cli\n"
        f"sys.argv[1:] = {arguments}\n"
        "try:\n    best_sim.cli.main()\n"
        f"finally:\n    print([m for m in {spared} if m in sys.modules])\n"
    )
    # the checkout, or wherever the package is, from a folder in which a run may be left
    path = os.pathsep.join([str(Path(cli.__file__).parents[2]), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_that_an_analysis_is_compiled_is_said_once(capsys: pytest.CaptureFixture) -> None:
    njit = pytest.importorskip("numba").njit
    pretended = {"__name__": "best_sim.trial.analysis.pretended"}
    exec("def one(x):\n    return x + 1\n\ndef other(x):\n    return x + 2", pretended)
    with progress_of(Console(), 0, []):
        njit(lambda x: x - 1)(1)
        assert capsys.readouterr().out == ""
        njit(pretended["one"])(1), njit(pretended["other"])(1)
    assert capsys.readouterr().out.count("Compiling the analysis, once on this machine") == 1
    njit(pretended["one"])(1.0)
    assert capsys.readouterr().out == ""


def test_that_an_analysis_is_compiled_is_said_where_numba_comes_with_it(tmp_path: Path) -> None:
    code = """
        import sys
        from rich.console import Console
        from best_sim.cli.common import progress_of
        from best_sim.trial import compiling
        with progress_of(Console(), 0, []):
            assert "numba" not in sys.modules
            pretended = {"__name__": "best_sim.trial.analysis.pretended"}
            exec("def one(x): return x + 1", pretended)
            compiling.compiler()(pretended["one"])(1)
        with progress_of(Console(), 0, []):
            pass
        assert compiling.when_imported == []
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Compiling the analysis, once on this machine") == 1


def test_a_simulation_that_cannot_go_on_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def app() -> None:
        raise SimulationError("the queue of glasgow is full", "family_enters", 3, 12.0)

    monkeypatch.setattr(cli, "app", app)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3
    assert "the queue of glasgow is full" in capsys.readouterr().err


@pytest.mark.parametrize(("module", "name", "code"), cli._ENDS)
def test_an_error_that_ends_a_command_is_there(module: str, name: str, code: int) -> None:
    assert issubclass(getattr(importlib.import_module(module), name), Exception) and code in (2, 3)


def test_a_mistake_in_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def app() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app", app)
    with pytest.raises(ZeroDivisionError):
        cli.main()
