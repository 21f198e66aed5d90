"""Runs in folders: gone on with, listed, and repeated; refused where what they were asked has changed."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from best_sim import __version__
from best_sim.questions.asking import Question, SimulatedQuestion, read_question, shipped_questions
from best_sim.questions.kinds import KINDS
from best_sim.questions.running import Progress, answer
from best_sim.questions.writing import (
    QUESTION,
    SCENARIO,
    begin,
    checksum_of,
    copy_of,
    draws,
    finish,
    found_again,
    identity,
    model_hash,
    of_question,
    platform_name,
    versions,
)
from best_sim.replications import Store, StoreError, find_stores
from best_sim.replications.store import MANIFEST
from best_sim.scenario.files import shipped_names
from best_sim.scenario.problems import ProblemsError
from best_sim.scenario.reading import UnreadableError, table_of

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.engine.model import Engine

_SAID: Mapping[str, type | tuple[type, ...]] = MappingProxyType(
    {
        "kind": str, "name": str, "file": (str, type(None)), "question_toml": str, "given_toml": str,
        "model": str, "version": str, "engine": str, "command": str, "platform": str, "versions": dict, "inputs": dict,
    }
)  # fmt: skip
"""What the manifest of every run says."""
_SAID_OF_A_SIMULATION: Mapping[str, type | tuple[type, ...]] = MappingProxyType(
    {
        "scenario": str, "scenario_file": str, "scenario_hash": str, "scenario_toml": str, "seed": int,
        "replicates": int, "replicates_asked": int,
    }
)  # fmt: skip
_SAID_OF_AN_INPUT = MappingProxyType({"path": str, "sha256": str, "copied": bool})
_SAID_IF_AT_ALL = MappingProxyType({"seconds": (int, float), "outputs": dict, "chunk": int})
_SHOWN = 8


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
    _refuse_unless(store, about, {"of": str})
    if about["model"] != model_hash():
        raise ChangedError(
            f"{store.folder}: the model has changed since this run began; its replicates and new ones would not belong "
            f"together.\n  begun with: best_sim {about['version']}, model {about['model']}\n"
            f"  here:       best_sim {__version__}, model {model_hash()}\n"
            "Begin a new run, or go on with the version it was begun with."
        )
    was = stored(store)
    now = _today(store, was)
    told = _differences(*(of_question(one, about["inputs"]) for one in (was, now)))
    if told:
        raise ChangedError(
            f"{store.folder}: the question {about['file'] or about['kind']} has changed since this run began.\n"
            f"{_listed(told)}\nSet it back, or begin a new run."
        )
    now = _with_inputs(store, now)
    if isinstance(now, SimulatedQuestion):
        now = _with_scenario(store, now)
    _refuse_another(store, now)
    if not isinstance(now, SimulatedQuestion):
        return now
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
    question = read_question(_copy(store, QUESTION, store.manifest["question_toml"]))
    question._name, question._file = store.manifest["name"], str(store.folder / QUESTION)
    return question


def _copy(store: Store, name: str, text: str) -> Path:
    """The copy of a file that lies in the folder for people, made again where it is gone; refused, where it was edited.

    What was run is what the manifest has: if an edited copy were read, a run would go on as another.
    """
    path = store.folder / name
    if not path.exists():
        path.write_text(text, encoding="utf-8")
    elif path.read_bytes().decode("utf-8", "replace").splitlines() != text.splitlines():
        raise ChangedError(
            f"{path}: this copy of what was run is not what {MANIFEST} says: one of the two has been edited.\nSet it "
            "back, or remove the copy: it is then made again. To ask something else, begin a new run with it."
        )
    return path


def checked(store: Store) -> dict[str, Any]:
    """What a run's manifest says; an error, if that is too little to go on with it or to repeat it."""
    about = store.manifest
    _refuse_unless(store, about, _SAID)
    if about["kind"] not in KINDS:
        raise StoreError(f"{store.folder}: found a run of kind {about['kind']!r}; allowed {', '.join(KINDS)}")
    if issubclass(KINDS[about["kind"]].cls, SimulatedQuestion):
        _refuse_unless(store, about, _SAID_OF_A_SIMULATION)
    for one in about["inputs"].values():
        _refuse_unless(store, one if isinstance(one, dict) else {}, _SAID_OF_AN_INPUT, "inputs: ")
    _refuse_unless(store, about, {key: kind for key, kind in _SAID_IF_AT_ALL.items() if key in about})
    return about


def _refuse_unless(store: Store, about: Mapping[str, Any], said: Mapping[str, Any], where: str = "") -> None:
    if wrong := [key for key, kind in said.items() if key not in about or not isinstance(about[key], kind)]:
        raise StoreError(
            f"{store.folder}: this is no run that can go on or be repeated ({where}{', '.join(wrong)} missing in its "
            "manifest, or not what a run writes)"
        )


def _refuse_another(store: Store, question: Question) -> None:
    """Refuse replicates of something else than of the question: the manifest, or a chunk, was edited or exchanged."""
    about = store.manifest
    if about["of"] != identity(question):
        raise ChangedError(
            f"{store.folder / MANIFEST}: what it says to run is not what its replicates are of; it has been edited "
            "since the run began.\nSet it back, or begin a new run."
        )
    if isinstance(question, SimulatedQuestion) and about["seed"] != question.seed:
        told = _listed([("seed", question.seed, about["seed"])])
        raise ChangedError(f"{store.folder / MANIFEST}: this has been edited since the run began.\n{told}")
    if foreign := store.foreign():
        raise ChangedError(
            f"{store.folder}: replicates of another run lie in its folder ({len(foreign)} files).\n  found:   "
            f"{foreign[0]}\nMove them elsewhere; those of this run are kept."
        )


def _today(store: Store, was: Question) -> Question:
    """The question as its file has it today; as the folder has it, where the file is no longer there."""
    about = store.manifest
    file = about["file"]
    if file is not None and file not in (*shipped_questions(), *shipped_names()):
        path = found_again(file, store.folder)
        if not path.exists():
            return was
        file = os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
    try:
        now = read_question(file, type(was), table_of(about["given_toml"]))
    except UnreadableError as error:
        raise StoreError(f"{store.folder / MANIFEST}: given_toml: {error.message}") from error
    except ProblemsError as error:
        if file is None:
            return was  # what was given names a file that is gone
        raise ChangedError(f"{store.folder}: its question can't be read any more.\n{error}") from error
    now._name = about["name"]
    return now


def _with_scenario(store: Store, question: SimulatedQuestion) -> SimulatedQuestion:
    """The question, where its scenario is as it was; with the folder's scenario, where its file is gone."""
    about = store.manifest
    if question.scenario not in shipped_names():
        path = found_again(about["scenario_file"], store.folder)
        if not path.exists():
            return with_stored_scenario(store, question)
        if not os.path.exists(question.scenario) or not path.samefile(question.scenario):
            question = question.replaced(scenario=str(path))  # it goes on from another folder
    try:
        now = question.world
    except ProblemsError as error:
        raise ChangedError(f"{store.folder}: its scenario can't be read any more.\n{error}") from error
    texts = about["scenario_toml"], now.as_toml()
    if texts[0] != texts[1] and (told := _differences(*(dict(_leaves(table_of(text))) for text in texts))):
        raise ChangedError(
            f"{store.folder}: the scenario {about['scenario']} has changed since this run began.\n{_listed(told)}\n"
            "Set it back, or begin a new run."
        )
    return question


def with_stored_scenario(store: Store, question: SimulatedQuestion) -> SimulatedQuestion:
    """The question with the scenario that lies in the run's folder, under the name that it had.

    Overrides are set once more, which changes no value: so what was overridden can still be named.
    """
    kept = _copy(store, SCENARIO, store.manifest["scenario_toml"])
    asked = question.replaced(scenario=str(kept))
    asked._named = store.manifest["scenario"]
    return asked


def _with_inputs(store: Store, question: Question) -> Question:
    """The question, where the files that it reads are as they were; with their copies, where they are gone."""
    paths: dict[str, Path] = {}
    for key, about in store.manifest["inputs"].items():
        path = found_again(about["path"], store.folder)
        paths[key] = path if path.exists() else copy_of(store.folder, key, about["path"])
        if not paths[key].exists():
            kept = "its copy is gone too" if about["copied"] else "no copy of it is kept"
            raise ChangedError(f"{store.folder}: {about['path']} ({key}) is no longer there, and {kept}.")
    if not paths:
        return question
    question = question.reading(paths)
    for key, one in question.inputs().items():
        if checksum_of(one) != store.manifest["inputs"].get(key, {}).get("sha256"):
            raise ChangedError(
                f"{store.folder}: {one.path} ({key}) has changed since this run began. Set it back, or begin a new run."
            )
    return question


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
    was, now = store.manifest["versions"], versions()
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
                "seed": _whole(about.get("seed")),
                "done": store.finished(),
                "asked": _whole(about.get("replicates_asked")),
                "state": store.state(),
                "changed": about.get("changed", ""),
                "size": store.size,
            }
        )
    columns = ["folder", "kind", "name", "scenario", "seed", "done", "asked", "state", "changed", "size"]
    return pd.DataFrame(rows, columns=columns).astype({"seed": "Int64", "asked": "Int64"})


def _whole(value: Any) -> int | None:
    """A whole number of a manifest; None where something else stands there."""
    return value if isinstance(value, int) and abs(value) < 2**63 else None


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
