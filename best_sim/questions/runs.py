"""Runs in folders: gone on with, listed, and repeated; refused where what they were asked has changed."""

from __future__ import annotations

import datetime as dt
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from best_sim import __version__
from best_sim.questions.asking import Question, SimulatedQuestion, read_question
from best_sim.questions.kinds import KINDS
from best_sim.questions.running import Progress, answer
from best_sim.questions.writing import (
    QUESTION,
    SCENARIO,
    begin,
    checksum,
    copy_of,
    draws,
    finish,
    model_hash,
    platform_name,
    versions,
)
from best_sim.replications import Store, StoreError, find_stores
from best_sim.scenario.problems import ProblemsError

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.engine.model import Engine

_NEEDED = ("kind", "name", "file", "question_toml", "given_toml", "model", "engine")
"""What the manifest of every run says."""
_SHOWN = 8
_OF_THE_RUN = ("replicates", "scenario", "set")
"""Keys of a question that the folder decides, or whose content is compared by itself."""


class ChangedError(Exception):
    """A run can't go on as it was begun; the message says what has changed."""


# --- going on -------------------------------------------------------------------------------------------------
def resume(store: Store, replicates: int | None = None) -> Question:
    """The question of a run that is gone on with.

    Parameters
    ----------
    store : Store
    replicates : int, optional
        How many it is to have; by default as many as were asked for.

    Returns
    -------
    Question
        As it stands today, where it came from; where its files are no longer there, as the folder has it.

    Raises
    ------
    ChangedError
        If the question, its scenario, a file that it reads or the model is no longer what it was, or fewer replicates
        are asked for than are there.
    StoreError
        If the folder holds no run that can go on.
    """
    about = checked(store)
    if about["model"] != model_hash():
        raise ChangedError(
            f"{store.folder}: the model has changed since this run began; its replicates and new ones would not belong "
            f"together.\n  begun with: best_sim {about['version']}, model {about['model']}\n"
            f"  here:       best_sim {__version__}, model {model_hash()}\n"
            "Begin a new run, or go on with the version it was begun with."
        )
    was = stored(store)
    now = _today(store, was)
    told = _differences(*(_of_question(one, about.get("inputs", {})) for one in (was, now)))
    if told:
        raise ChangedError(
            f"{store.folder}: the question {about['file'] or about['kind']} has changed since this run began.\n"
            f"{_listed(told)}\nSet it back, or begin a new run."
        )
    now = _with_inputs(store, now)
    if not isinstance(now, SimulatedQuestion):
        return now
    now = _with_scenario(store, now)
    asked = about["replicates_asked"] if replicates is None else replicates
    there = max((numbers.stop for numbers in store.done()), default=0)
    if asked < there:
        raise ChangedError(
            f"--replicates\n  found:   {asked}, and {store.folder} holds {there} already\n"
            f"  allowed: {there} or more; what is there is kept"
        )
    return now.replaced(replicates=asked) if now.simulates else now


def stored(store: Store) -> Question:
    """The question as the run's folder has it."""
    path = store.folder / QUESTION
    if not path.exists():
        path.write_text(store.manifest["question_toml"], encoding="utf-8")
    question = read_question(path)
    question._name, question._file = store.manifest["name"], str(path)
    return question


def checked(store: Store) -> dict[str, Any]:
    """What a run's manifest says; an error, if that is too little to go on with it or to repeat it."""
    about = store.manifest
    if missing := [key for key in _NEEDED if key not in about]:
        raise StoreError(f"{store.folder}: this is no run that can go on ({', '.join(missing)} missing)")
    if about["kind"] not in KINDS:
        raise StoreError(f"{store.folder}: found a run of kind {about['kind']!r}; allowed {', '.join(KINDS)}")
    return about


def _today(store: Store, was: Question) -> Question:
    """The question as its file has it today; as the folder has it, where the file is no longer there."""
    about = store.manifest
    given = tomllib.loads(about["given_toml"])
    try:
        now = read_question(about["file"], type(was), given)
    except ProblemsError as error:
        if about["file"] is not None and Path(about["file"]).exists():
            raise ChangedError(f"{store.folder}: its question can't be read any more.\n{error}") from error
        return was
    now._name = about["name"]
    return now


def _with_scenario(store: Store, question: SimulatedQuestion) -> SimulatedQuestion:
    """The question, where its scenario is as it was; with the folder's scenario, where its file is gone."""
    about = store.manifest
    try:
        now = question.world
    except ProblemsError as error:
        if Path(about["scenario_file"]).exists():
            raise ChangedError(f"{store.folder}: its scenario can't be read any more.\n{error}") from error
        return with_stored_scenario(store, question)
    if told := _differences(
        *(dict(_leaves(tomllib.loads(text))) for text in (about["scenario_toml"], now.as_toml()))
    ):
        raise ChangedError(
            f"{store.folder}: the scenario {about['scenario']} has changed since this run began.\n{_listed(told)}\n"
            "Set it back, or begin a new run."
        )
    return question


def with_stored_scenario(store: Store, question: SimulatedQuestion) -> SimulatedQuestion:
    """The question with the scenario that lies in the run's folder, under the name that it had.

    Overrides are set once more, which changes no value: so what was overridden can still be named.
    """
    kept = store.folder / SCENARIO
    kept.write_text(store.manifest["scenario_toml"], encoding="utf-8")
    asked = question.replaced(scenario=str(kept))
    asked._named = store.manifest["scenario"]
    return asked


def _with_inputs(store: Store, question: Question) -> Question:
    """The question, where the files that it reads are as they were; with their copies, where they are gone."""
    paths: dict[str, Path] = {}
    for key, about in store.manifest.get("inputs", {}).items():
        path = Path(about["path"])
        if path.exists():
            paths[key] = path
            if checksum(path) != about["sha256"]:
                raise ChangedError(
                    f"{store.folder}: {path} ({key}) has changed since this run began. Set it back, or begin a new run."
                )
        elif about["copied"]:
            paths[key] = copy_of(store.folder, key, path)
        else:
            raise ChangedError(
                f"{store.folder}: {path} ({key}) is no longer there, and no copy of it is kept."
            )
    return question.reading(paths) if paths else question


def _of_question(question: Question, inputs: Iterable[str]) -> dict[str, Any]:
    apart = {*_OF_THE_RUN, *inputs}  # a file may be named from another folder: what is in it counts
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


def _leaves(table: Mapping[str, Any], below: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        key = f"{below}.{name}".lstrip(".")
        if isinstance(value, Mapping) and "value" not in value:
            yield from _leaves(value, key)
        elif isinstance(value, Mapping):
            yield key, value["value"]
        elif key != "title":
            yield key, value


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    missing = "not there"
    return [
        (key, old.get(key, missing), new.get(key, missing))
        for key in dict.fromkeys([*old, *new])
        if old.get(key, missing) != new.get(key, missing)
    ]


def _listed(changes: list[tuple[str, Any, Any]]) -> str:
    lines = [f"  {key}\n    began with: {old}\n    is now:     {new}" for key, old, new in changes[:_SHOWN]]
    more = len(changes) - _SHOWN
    return "\n".join([*lines, *([f"  and {more} more"] if more > 0 else [])])


def other_versions(store: Store) -> list[str]:
    """What has another version than when the run began; its results may differ in the last digit."""
    was, now = store.manifest.get("versions", {}), versions()
    return [f"{name} {was[name]}, now {now[name]}" for name in now if name in was and was[name] != now[name]]


# --- listing --------------------------------------------------------------------------------------------------
def runs_table(folder: Path) -> pd.DataFrame:
    """Every run in a folder and below it.

    Parameters
    ----------
    folder : pathlib.Path

    Returns
    -------
    pandas.DataFrame
        folder, kind, name, scenario, seed, done, asked (replicates), state, changed (time, UTC), size (bytes).
    """
    import pandas as pd

    rows = []
    for store in find_stores(folder):
        about = store.manifest
        rows.append(
            {
                "folder": str(store.folder),
                "kind": about.get("kind", ""),
                "name": about.get("name", ""),
                "scenario": about.get("scenario", ""),
                "seed": about.get("seed"),
                "done": store.finished(),
                "asked": about.get("replicates_asked"),
                "state": store.state(),
                "changed": about.get("changed", ""),
                "size": store.size,
            }
        )
    columns = ["folder", "kind", "name", "scenario", "seed", "done", "asked", "state", "changed", "size"]
    return pd.DataFrame(rows, columns=columns).astype({"seed": "Int64", "asked": "Int64"})


# --- repeating ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Reproduced:
    """Whether a run gives the same bytes again.

    Attributes
    ----------
    store : Store
        The run.
    files : pandas.DataFrame
        One row for each file that the run wrote, but for its report, which holds the time: file, agrees.
    differs : list of str
        What is not as it was then: versions, platform, model, scenario.
    folder : pathlib.Path or None
        Where the repetition lies, if it was kept.
    """

    store: Store
    files: pd.DataFrame
    differs: list[str]
    folder: Path | None

    @property
    def agrees(self) -> bool:
        """Whether every file is the same to the byte."""
        return bool(self.files["agrees"].all())

    def words(self) -> list[str]:
        """What came out, in sentences."""
        n, same = len(self.files), int(self.files["agrees"].sum())
        if self.agrees:
            said = [f"All {n} files are the same to the byte."]
        else:
            other = ", ".join(self.files.loc[~self.files["agrees"], "file"])
            said = [f"{same} of {n} files are the same to the byte. Not the same: {other}."]
        if self.differs:
            said.append("Not as it was then: " + "; ".join(self.differs) + ".")
        elif not self.agrees:
            said.append("Versions, platform, model and scenario are those of the run.")
        return said


def reproduce(
    folder: Path,
    *,
    out: Path | None = None,
    engine: Engine | None = None,
    executor: Executor | None | Literal["default"] = "default",
    progress: Progress | None = None,
    stopping: Callable[[], object] | None = None,
) -> Reproduced:
    """Run again what a folder's manifest says, and compare the bytes.

    The question, its scenario and copies of what it reads are taken from the folder; they are compared with what they
    would be today.

    Parameters
    ----------
    folder : pathlib.Path
        Of a finished run.
    out : pathlib.Path, optional
        Where to leave the repetition; by default it is not kept.
    engine, executor, progress, stopping
        As `best_sim.questions.answer` takes them.

    Returns
    -------
    Reproduced

    Raises
    ------
    StoreError
        If the folder holds no finished run.
    ChangedError
        If a file that it reads is not what it was, and no copy is kept.
    """
    import pandas as pd

    store = Store(folder)
    about = checked(store)
    if "outputs" not in about:
        raise StoreError(
            f"{folder}: this run is not finished; `best-sim run --resume {folder}` goes on with it"
        )
    question, differs = stored(store), _differs(store)
    question = _with_inputs(store, question)
    if isinstance(question, SimulatedQuestion):
        try:
            same = question.world.hash == about["scenario_hash"]
        except ProblemsError:
            same = False
        if not same:
            differs.append(f"the scenario {about['scenario']}, of which the folder's copy was used")
            question = with_stored_scenario(store, question)
        done = 0 if question.decides else about["replicates"]
        if question.simulates:
            question = question.replaced(replicates=done or about["replicates_asked"])
    started = dt.datetime.now(dt.UTC)
    with tempfile.TemporaryDirectory(prefix="best-sim-") as scratch:
        again = begin(
            question, out or Path(scratch) / "again", about["engine"], started, figures=draws(about)
        )
        with again.held():
            found = answer(
                question, engine=engine or about["engine"], executor=executor, store=again, progress=progress,
                stopping=stopping,
            )  # fmt: skip
            now = finish(again, found, started=started, engine=about["engine"])["outputs"]
    was = about["outputs"]
    files = pd.DataFrame(
        [{"file": name, "agrees": was.get(name) == now.get(name)} for name in dict.fromkeys([*was, *now])]
    )
    return Reproduced(store, files, differs, out)


def _differs(store: Store) -> list[str]:
    about = store.manifest
    told = other_versions(store)
    if about["platform"] != platform_name():
        told.append(f"platform {about['platform']}, now {platform_name()}")
    if about["model"] != model_hash():
        told.append(f"best_sim's own code (model {about['model']}, now {model_hash()})")
    return told
