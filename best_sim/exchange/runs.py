"""A power run in a folder: begun, gone on with, added to, and finished; refused where what it is has changed."""

from __future__ import annotations

import datetime as dt
import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from best_sim import __version__
from best_sim.exchange.results import manifest, versions
from best_sim.experiments.power import PowerExperiment
from best_sim.replications import Store, StoreError, find_stores
from best_sim.scenario import Scenario, ScenarioError

_ROOMS = ("scenario", "engine", "pathway", "trial", "measures", "experiments")
"""Where the code is that a replicate's rows depend on."""
_SHOWN = 8
_OF_THE_RUN = ("name", "scenario", "replicates", "seed", "published", "overrides", "text")
"""Fields of an experiment that the folder, not the experiment's file, decides, or that hold its text as it stands."""


class ChangedError(Exception):
    """A run can't go on as it was begun; the message says what has changed."""


@cache
def model_hash() -> str:
    """Hash of the code that a replicate's rows depend on."""
    digest = hashlib.blake2b(digest_size=8)
    here = Path(__file__).parents[1]
    for room in _ROOMS:
        for path in sorted((here / room).rglob("*.py")):
            digest.update(path.relative_to(here).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def begin(
    folder: Path, asked: PowerExperiment, file: str, engine: str, chunk: int, started: dt.datetime
) -> Store:
    """Begin a run in a new folder.

    Parameters
    ----------
    folder : pathlib.Path
    asked : PowerExperiment
    file : str
        The experiment's name or path, as it was given.
    engine : str
    chunk : int
    started : datetime.datetime

    Returns
    -------
    Store

    Raises
    ------
    StoreError
        If something is in the folder.
    """
    scenario = Scenario.load(asked.scenario, asked.overrides)
    about = manifest(
        experiment=asked.name, scenario=scenario, seed=asked.seed, replicates=0, replicates_asked=asked.replicates,
        engine=engine, started=started, method=asked.primary.method, alpha=asked.alpha, overrides=list(asked.overrides),
        chunk=chunk, version=__version__, model=model_hash(), experiment_file=_where(file),
        scenario_file=_where(asked.scenario), published=asked.published is not None, experiment_toml=asked.text,
    )  # fmt: skip
    del about["finished"], about["seconds"]
    return Store.create(folder, about)


def resume(store: Store, replicates: int | None = None) -> PowerExperiment:
    """The experiment of a run that is gone on with.

    Parameters
    ----------
    store : Store
    replicates : int, optional
        How many it is to have; by default as many as were asked for.

    Returns
    -------
    PowerExperiment
        As it stands today, where it came from; where its files are no longer there, as the folder has it.

    Raises
    ------
    ChangedError
        If the scenario, the experiment or the model is no longer what it was, or fewer replicates are asked for than
        are there.
    StoreError
        If the folder holds another kind of run.
    """
    about = store.manifest
    missing = [key for key in ("experiment_toml", "scenario_toml", "seed", "model") if key not in about]
    if missing:
        raise StoreError(
            f"{store.folder}: this is not a power run that can go on ({', '.join(missing)} missing)"
        )
    if about["model"] != model_hash():
        raise ChangedError(
            f"{store.folder}: the model has changed since this run began; its replicates and new ones would not belong "
            f"together.\n  begun with: best_sim {about['version']}, model {about['model']}\n"
            f"  here:       best_sim {__version__}, model {model_hash()}\n"
            "Begin a new run, or go on with the version it was begun with."
        )
    experiment = _experiment(store)
    if told := _differences(about["scenario_toml"], _scenario_toml(experiment)):
        raise ChangedError(
            f"{store.folder}: the scenario {about['scenario']} has changed since this run began.\n{_listed(told)}\n"
            "Set it back, or begin a new run."
        )
    asked = about["replicates_asked"] if replicates is None else replicates
    there = max((numbers.stop for numbers in store.done()), default=0)
    if asked < there:
        raise ChangedError(
            f"--replicates\n  found:   {asked}, and {store.folder} holds {there} already\n"
            f"  allowed: {there} or more; what is there is kept"
        )
    return replace(experiment, replicates=asked)


def _experiment(store: Store) -> PowerExperiment:
    about = store.manifest
    stored = store.folder / "experiment.toml"
    own: dict[str, Any] = {
        "seed": about["seed"],
        "overrides": tuple(about["overrides"]),
        "replicates": about["replicates_asked"],
    }
    if not stored.exists():
        stored.write_text(about["experiment_toml"], encoding="utf-8")
    was = PowerExperiment.load(stored)
    try:
        now = PowerExperiment.load(about["experiment_file"])
    except ScenarioError as error:
        if Path(about["experiment_file"]).exists():
            raise ChangedError(f"{store.folder}: its experiment can't be read any more.\n{error}") from error
        now = was
    changed = [
        (field.name, getattr(was, field.name), getattr(now, field.name))
        for field in fields(PowerExperiment)
        if field.name not in _OF_THE_RUN and getattr(was, field.name) != getattr(now, field.name)
    ]
    if changed:
        raise ChangedError(
            f"{store.folder}: the experiment {about['experiment_file']} has changed since this run began.\n"
            f"{_listed(changed)}\nSet it back, or begin a new run."
        )
    scenario = about["scenario_file"]
    try:
        Scenario.load(scenario, own["overrides"])
    except ScenarioError as error:
        if Path(scenario).exists():
            raise ChangedError(f"{store.folder}: its scenario can't be read any more.\n{error}") from error
        kept = store.folder / "scenario.toml"
        kept.write_text(about["scenario_toml"], encoding="utf-8")
        scenario = str(kept)
    got = replace(now, scenario=scenario, name=about["experiment"], **own)
    return got if about["published"] else replace(got, published=None)


def _scenario_toml(experiment: PowerExperiment) -> str:
    return Scenario.load(experiment.scenario, experiment.overrides).as_toml()


def _where(name_or_path: str) -> str:
    path = Path(name_or_path)
    return str(path.resolve()) if path.is_file() else name_or_path


def _differences(was: str, now: str) -> list[tuple[str, Any, Any]]:
    old, new = (dict(_leaves(tomllib.loads(text))) for text in (was, now))
    missing = "not there"
    return [
        (key, old.get(key, missing), new.get(key, missing))
        for key in dict.fromkeys([*old, *new])
        if old.get(key, missing) != new.get(key, missing)
    ]


def _leaves(table: Mapping[str, Any], below: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        key = f"{below}.{name}".lstrip(".")
        if isinstance(value, Mapping) and "value" not in value:
            yield from _leaves(value, key)
        elif isinstance(value, Mapping):
            yield key, value["value"]
        elif key != "title":
            yield key, value


def _listed(changes: list[tuple[str, Any, Any]]) -> str:
    lines = [f"  {key}\n    began with: {old}\n    is now:     {new}" for key, old, new in changes[:_SHOWN]]
    more = len(changes) - _SHOWN
    return "\n".join([*lines, *([f"  and {more} more"] if more > 0 else [])])


def other_versions(store: Store) -> list[str]:
    """What has another version than when the run began; its results may differ in the last digit."""
    was, now = store.manifest.get("versions", {}), versions()
    return [f"{name} {was[name]}, now {now[name]}" for name in now if name in was and was[name] != now[name]]


def runs_table(folder: Path) -> pd.DataFrame:
    """Every run in a folder and below it.

    Parameters
    ----------
    folder : pathlib.Path

    Returns
    -------
    pandas.DataFrame
        folder, experiment, scenario, seed, done, asked (replicates), state, changed (time, UTC), size (bytes).
    """
    rows = []
    for store in find_stores(folder):
        about = store.manifest
        rows.append(
            {
                "folder": str(store.folder),
                "experiment": about.get("experiment", ""),
                "scenario": about.get("scenario", ""),
                "seed": about.get("seed"),
                "done": sum(len(numbers) for numbers in store.done()),
                "asked": about.get("replicates_asked"),
                "state": store.state(),
                "changed": about.get("changed", ""),
                "size": store.size,
            }
        )
    columns = ["folder", "experiment", "scenario", "seed", "done", "asked", "state", "changed", "size"]
    return pd.DataFrame(rows, columns=columns)
