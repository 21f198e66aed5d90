"""What a run leaves: one folder, begun with its manifest and its question, finished with tables, pictures and report.

::

    manifest.json      what was run, when, with which versions, and the checksum of every file below
    question.toml      the question with everything that was given beside its file; `best-sim run` asks it again
    scenario.toml      the whole scenario, every parameter with its source
    inputs/            copies of the files that the question reads, but for rows about real children
    chunks/            the finished replicates, from which an interrupted run goes on
    *.csv, *.parquet   tables; *.png, *.svg pictures; words.txt the answer in sentences; report.html all of it
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.metadata
import itertools
import json
import os
import platform
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from best_sim import __version__
from best_sim.questions.asking import Input, Question, QuestionError, SimulatedQuestion
from best_sim.questions.found import Found
from best_sim.questions.running import chunk_for
from best_sim.replications import Store, StoreError, why_no_run_fits
from best_sim.replications.store import SCRATCH
from best_sim.scenario.problems import Problem
from best_sim.scenario.writing import toml_text

if TYPE_CHECKING:
    from best_sim.engine.model import Engine

QUESTION, SCENARIO, INPUTS, WORDS, REPORT = (
    "question.toml",
    "scenario.toml",
    "inputs",
    "words.txt",
    "report.html",
)
_PACKAGES = (
    "best-sim",
    "numpy",
    "scipy",
    "pandas",
    "numba",
    "simpy",
    "matplotlib",
    "pyarrow",
    "pydantic",
    "statsmodels",
)
_LONGEST_NAME = 50
"""Letters of a name that a folder or a copy takes on: no file system has names of more than 255 bytes."""
_ROOMS = ("scenario", "engine", "pathway", "trial", "measures", "exchange", "questions")
"""Where the code is that an answer depends on."""


# --- what was run ---------------------------------------------------------------------------------------------
@cache
def versions() -> Mapping[str, str]:
    """Versions of Python and of the packages that a result depends on: those with which this process began."""
    out = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            out[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            out[name] = "not installed"
    return MappingProxyType(out)


def platform_name() -> str:
    """Operating system and processor."""
    return f"{platform.system()} {platform.machine()}"


@cache
def model_hash() -> str:
    """Hash of the code that an answer depends on."""
    digest = hashlib.blake2b(digest_size=8)
    here = Path(__file__).parents[1]
    for room in _ROOMS:
        for path in sorted((here / room).rglob("*.py")):
            digest.update(path.relative_to(here).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def checksum(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of all files in a folder."""
    if path.is_dir():
        digest = hashlib.sha256()
        for one in sorted(path.rglob("*")):
            if one.is_file():
                digest.update(one.relative_to(path).as_posix().encode())
                digest.update(checksum(one).encode())
        return digest.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_question(question: Question, inputs: Iterable[str]) -> dict[str, Any]:
    """What a question says, by dotted key: but how many replicates, and what is compared by its content."""
    # a file may be named from another folder: what is in it counts
    apart = {"replicates", "scenario", "set", *inputs}
    return {key: value for key, value in _flat(question.as_table()) if key not in apart}


def _flat(value: Any, below: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _flat(one, f"{below}.{name}".lstrip("."))
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for i, one in enumerate(value):
            yield from _flat(one, f"{below}[{i}]")
    else:
        yield below, value


def checksum_of(one: Input) -> str:
    """Of what is kept of an input: its file, or the text in its place."""
    return checksum(one.path) if one.text is None else hashlib.sha256(one.text.encode()).hexdigest()


def identity(question: Question) -> str:
    """What a question's replicates are of: the same wherever and however far it is run, another for another question.

    Parameters
    ----------
    question : Question

    Returns
    -------
    str
        Digest of what it says (random seed and all), of every parameter's value, of the files that it reads, and of
        the code.
    """
    inputs = question.inputs()
    about = {
        "question": of_question(question, [*inputs, *question.reads]),
        "scenario": question.world.hash if isinstance(question, SimulatedQuestion) else "",
        "inputs": [checksum_of(one) for one in inputs.values()],
        "model": model_hash(),
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()


def manifest(question: Question, engine: str, started: dt.datetime, folder: Path) -> dict[str, Any]:
    """What is run: enough to repeat it.

    Parameters
    ----------
    question : Question
    engine : str
    started : datetime.datetime
    folder : pathlib.Path
        Where the run lies: files are named by the way to them from there.

    Returns
    -------
    dict
        kind, name, title, of (`identity`), question_toml; scenario (name, title, hash, and the whole of it as TOML),
        seed, replicates_asked, chunk where it simulates; engine, command, started, platform, versions, version, model.
    """
    about: dict[str, Any] = {"kind": question.kind, "name": question.name, "title": question.heading}
    about["of"] = identity(question)
    if isinstance(question, SimulatedQuestion):
        world = question.world
        about |= {
            "scenario": world.name,
            "scenario_title": world.title,
            "scenario_hash": world.hash,
            "seed": question.seed,
            "replicates": 0,
            "replicates_asked": question.replicates if question.simulates else 0,
            "chunk": question.chunk
            or chunk_for("simpy" if engine == "simpy" else "compiled", question.replicates),
            "scenario_file": where(question.scenario, folder),
        }
    about |= {
        "engine": engine,
        "command": command(),
        "started": started.isoformat(timespec="seconds"),
        "platform": platform_name(),
        "versions": dict(versions()),
        "version": __version__,
        "model": model_hash(),
        "inputs": {
            key: {
                "path": where(one.path, folder),
                "sha256": checksum_of(one),
                "copied": one.copied,
            }
            for key, one in question.inputs().items()
        },
        "question_toml": question.as_toml(),
    }
    if isinstance(question, SimulatedQuestion):
        about["scenario_toml"] = question.world.as_toml()
    return about


def where(name_or_path: str | Path, folder: Path) -> str:
    """A name as it is; a file by the way to it from a run's folder, or from the user's home: no user is named in it."""
    if not os.path.exists(name_or_path):
        return str(name_or_path)
    path, home = Path(name_or_path).resolve(), _home()
    if home is not None and path.is_relative_to(home) and not folder.resolve().is_relative_to(home):
        return Path("~", path.relative_to(home)).as_posix()
    try:
        return Path(os.path.relpath(path, folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return path.as_posix()


def found_again(written: str, folder: Path) -> Path:
    """The path of which `where` wrote the way."""
    home = _home()
    if written.startswith("~/") and home is not None:
        return home / written[2:]
    return Path(os.path.normpath(folder.resolve() / written))


def _home() -> Path | None:
    try:
        return Path.home().resolve()
    except (OSError, RuntimeError):  # a user without one, as in a container
        return None


def command() -> str:
    """The command line as it can be typed again, the user's home written as ``~``."""
    home = _home()
    words = (shlex.quote(word) for word in sys.argv[1:])
    typed = " ".join(["best-sim", *words])
    return typed if home is None or len(home.parts) < 2 else typed.replace(f"{home}{os.sep}", "~/")


def command_for(typed: str, replicates: int) -> str:
    """A command that asks at once for as many replicates as a run has come to have since it was typed."""
    words, kept = iter(shlex.split(typed)), []
    for word in words:
        option, _, value = word.partition("=")
        if option not in ("--replicates", "--until-mcse", "--figure"):
            kept.append(word)
        elif not value:
            next(words, None)
    # not quoted where the shell should find the user's home
    said = (word if word.startswith("~/") else shlex.quote(word) for word in kept)
    return " ".join([*said, "--replicates", str(replicates)])


# --- the folder -----------------------------------------------------------------------------------------------
def refuse_taken(folder: Path | None, name: str = "--out") -> None:
    """Refuse a folder to which no run can be written; to be asked before any long work.

    Parameters
    ----------
    folder : pathlib.Path or None
    name : str
        What named it.

    Raises
    ------
    QuestionError
    """
    why = None if folder is None else why_no_run_fits(folder)
    if why is not None:
        raise QuestionError(
            [Problem(file=name, message=why, found=str(folder), allowed="a new folder, or an empty one")]
        )


def run_folder(question: Question, out: Path | None, started: dt.datetime) -> Path:
    """Where a run goes: `out`, or a new folder ``results/<kind>/<date-time>-<name>-<seed>`` below the current one."""
    if out is not None:
        return out
    seed = f"-{question.seed}" if isinstance(question, SimulatedQuestion) else ""
    name = f"{started:%Y%m%d-%H%M%S}-{question.name[:_LONGEST_NAME]}{seed}"
    folder = Path("results") / question.kind / name
    again = itertools.count(2)
    while folder.exists():  # two runs begun in the same second
        folder = folder.with_name(f"{name}-{next(again)}")
    return folder


def begin(
    question: Question,
    folder: Path,
    engine: str,
    started: dt.datetime,
    *,
    file: str | None = None,
    given: Mapping[str, Any] | None = None,
    figures: bool = True,
) -> Store:
    """Begin a run in a new folder.

    Parameters
    ----------
    question : Question
    folder : pathlib.Path
        New, or empty.
    engine : str
    started : datetime.datetime
    file : str, optional
        The question's file as it was named, to be looked at again when the run goes on.
    given : mapping, optional
        What was given beside it.
    figures : bool
        Whether its figures are to be drawn.

    Returns
    -------
    Store

    Raises
    ------
    StoreError
        If something is in the folder.
    """
    about = manifest(question, engine, started, folder)
    about["file"] = None if file is None else where(file, folder)
    about["given_toml"] = toml_text(dict(given or {}))
    about["figures"] = figures
    store = Store.create(folder, about)
    try:
        _write_copies(folder, question, about)
    except BaseException as error:
        discard(store)
        if isinstance(error, OSError):
            raise StoreError(
                f"{error.filename or folder}: this can't be written: {error.strerror}"
            ) from error
        raise
    return store


def _write_copies(folder: Path, question: Question, about: Mapping[str, Any]) -> None:
    """What a run is of, beside the manifest, for people."""
    (folder / QUESTION).write_text(about["question_toml"], encoding="utf-8")
    if "scenario_toml" in about:
        (folder / SCENARIO).write_text(about["scenario_toml"], encoding="utf-8")
    for key, one in question.inputs().items():
        if one.copied:
            (folder / INPUTS).mkdir(exist_ok=True)
            if one.text is None:
                shutil.copyfile(one.path, copy_of(folder, key, one.path))
            else:
                copy_of(folder, key, one.path).write_text(one.text, encoding="utf-8")


def draws(about: Mapping[str, Any]) -> bool:
    """Whether the manifest of a run asks for its figures; runs of before there was a choice all drew them."""
    return bool(about.get("figures", True))


def copy_of(folder: Path, key: str, path: str | Path) -> Path:
    """Where the copy of an input lies."""
    return folder / INPUTS / f"{key}-{Path(path).name[-_LONGEST_NAME:]}"


def finish(
    store: Store,
    found: Found,
    *,
    started: dt.datetime,
    engine: Engine,
    state: str = "finished",
    resumed: bool = False,
) -> dict[str, Any]:
    """Write the tables, pictures, words and report of what was found.

    Parameters
    ----------
    store : Store
        Its manifest says whether pictures are wanted.
    found : Found
    started : datetime.datetime
    engine : str
    state : {"finished", "interrupted"}
    resumed : bool
        Whether the run was begun by another command than this one.

    Returns
    -------
    dict
        The manifest.
    """
    from best_sim.drawing.style import save
    from best_sim.questions.report import write_report

    now = dt.datetime.now(dt.UTC)
    question = found.question
    if not draws(store.manifest):
        found = found.undrawn()
    about = store.manifest | {
        "finished": now.isoformat(timespec="seconds"),
        "seconds": seconds(store, started),
        "state": state,
        "settled": found.settled,
        "answer": dict(found.answer()),
        "versions": dict(versions()),
        "platform": platform_name(),
        "engine": engine,
    }
    if isinstance(question, SimulatedQuestion):
        kept = question.decides or not question.simulates
        about["replicates"] = store.finished() if kept else question.replicates
        if resumed and not kept:
            about["command"] = command_for(about["command"], question.replicates)
    if chunks := [f"{numbers.start}-{numbers.stop}" for numbers in store.done()]:
        about["chunks"] = chunks
    with files_replaced(store.folder) as scratch:
        for name, table in found.tables().items():
            write_table(table, scratch / name)
        for name, figure in found.drawn.items():
            save(figure, scratch / name, found.svg[name])
        found.files(scratch)
        (scratch / WORDS).write_text("\n\n".join(found.words()) + "\n", encoding="utf-8")
        about["outputs"] = outputs(scratch)
        write_report(scratch / REPORT, found, manifest=about)
    # the files of one replicate, where there are several now
    gone = set(store.manifest.get("outputs", ())) - set(about["outputs"])
    store.update(**about)
    for name in gone:
        (store.folder / name).unlink(missing_ok=True)
    return about


def seconds(store: Store, started: dt.datetime) -> float:
    """Seconds that a run has taken, with this session, which began at `started`."""
    return round(store.manifest.get("seconds", 0.0) + (dt.datetime.now(dt.UTC) - started).total_seconds(), 1)


def discard(store: Store) -> None:
    """Remove a run that has nothing to say, and the folders that were made for it alone."""
    shutil.rmtree(store.folder)
    for folder in list(store.folder.parents)[:2]:
        if folder.name not in ("results", store.manifest["kind"]) or any(folder.iterdir()):
            break
        folder.rmdir()


def write_table(table: Any, path: Path) -> None:
    """A table under its name: Parquet where the name says so, else CSV. A named index becomes the first columns.

    In CSV a text that a spreadsheet would take for a formula, as where a design is called ``=cmd``, has an apostrophe
    before it, heads too. Names may come from any file, and ``+2 points`` is a good one: so none is refused for it.
    """
    if table.index.name is not None or any(name is not None for name in table.index.names):
        table = table.reset_index()
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table = table.rename(columns=_no_formula)
        for name in table.select_dtypes(exclude=["number", "bool", "datetime"]):
            table[name] = table[name].map(_no_formula)
        table.to_csv(path if path.suffix else path.with_name(f"{path.name}.csv"), index=False)


def _no_formula(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; numbers that are written as text stay."""
    if not isinstance(cell, str) or len(cell) < 2 or not cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def outputs(folder: Path) -> dict[str, str]:
    """The checksum of every file in a folder, by its name from there on."""
    return {
        path.relative_to(folder).as_posix(): checksum(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@contextmanager
def files_replaced(folder: Path) -> Iterator[Path]:
    """A scratch folder whose files, once all are written, take the place of those in `folder`, each at once.

    Parameters
    ----------
    folder : pathlib.Path
        May hold other things, which stay.

    Yields
    ------
    pathlib.Path
        Where to write; removed in any case.
    """
    scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=folder))
    try:
        yield scratch
        for path in sorted(scratch.rglob("*")):
            if path.is_file():
                there = folder / path.relative_to(scratch)
                there.parent.mkdir(parents=True, exist_ok=True)
                path.chmod(0o644)
                path.replace(there)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
