"""Scenario files: where they are, what they extend, on which line a key stands."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from best_sim.scenario.problems import Problem, ScenarioError, nearest_name
from best_sim.scenario.reading import UnreadableError, table_of, text_of
from best_sim.scenario.writing import shown


@dataclass(frozen=True)
class ScenarioFile:
    """One file, read. Two are equal if they have the same text and name, in the same place.

    Attributes
    ----------
    shown : str
        Its name in messages and provenance: as the user gave it, ``parameters/...`` for what is shipped.
    path : Path
    text : str
    table : dict
        What TOML makes of the text, without `title` and `extends`.
    title : str
        Its title, or empty.
    extends : tuple of str
        What it extends.
    shipped : bool
        Whether it comes with the package.
    """

    shown: str
    path: Path
    text: str
    table: dict[str, Any] = field(compare=False)
    title: str
    extends: tuple[str, ...]
    shipped: bool


def shipped_parameters() -> Path:
    """The folder of the parameters that come with the package.

    Returns
    -------
    Path
        Inside an installed package, or beside the package in a checkout of the source.

    Raises
    ------
    FileNotFoundError
        If there is neither.
    """
    package = Path(__file__).resolve().parents[1]
    places = (package / "_parameters", package.parent / "parameters")
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(f"the package's parameters are neither in {places[0]} nor in {places[1]}")


PUBLISHED = "published"
"""Name of the file beside the scenarios that holds the published figures, and is none."""


def shipped_names() -> tuple[str, ...]:
    """Names of the scenarios that come with the package, in alphabetical order."""
    names = (path.stem for path in shipped_parameters().glob("*.toml"))
    return tuple(sorted(name for name in names if name != PUBLISHED))


def read_with_extended(name_or_path: str | os.PathLike[str]) -> list[ScenarioFile]:
    """A file and all that it extends, what is extended first, each once.

    Parameters
    ----------
    name_or_path : str or path
        The name of a shipped scenario, or the path of a file: anything with ``.toml`` or a ``/`` in it.

    Returns
    -------
    list of ScenarioFile
        The first extends nothing, the last is the one asked for.

    Raises
    ------
    ScenarioError
        If a file is not found or is not TOML, or they extend each other in a circle.
    """
    first = _read(*_find(os.fspath(name_or_path)))
    order: dict[_Identity, ScenarioFile] = {}
    inside = {_identity(first.path): (first, iter(first.extends))}
    while inside:
        identity, (this, extends) = next(reversed(inside.items()))
        extended = next(extends, None)
        if extended is None:
            order[identity] = this
            del inside[identity]
            continue
        path, name = _find(extended, beside=this)
        if (identity := _identity(path)) in inside:
            raise _circle([file for file, _ in inside.values()], name)
        if identity not in order:
            file = _read(path, name)
            inside[identity] = file, iter(file.extends)
    return list(order.values())


def line_of(text: str, key: Sequence[str]) -> int | None:
    """The line on which a key, or the longest part of it that is there, stands.

    Searches the text, as the TOML reader keeps no positions; made for messages, not for certainty.

    Parameters
    ----------
    text : str
        Of a TOML file.
    key : sequence of str

    Returns
    -------
    int or None
        From 1; None if no part of the key is found.
    """
    lines = _lines_of_keys(text)
    parts = (tuple(key[:n]) for n in range(len(key), 0, -1))
    return next((lines[part] for part in parts if part in lines), None)


@lru_cache(maxsize=32)
def _lines_of_keys(text: str) -> Mapping[tuple[str, ...], int]:
    """The line on which each key of a TOML file first stands: searched once, however many problems a file has."""
    lines: dict[tuple[str, ...], int] = {}
    section: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+([^\[\]]+)\]+\s*(#.*)?$", line):
            section = here = _parts(header[1])
        elif assignment := re.match(
            r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"))*)\s*=""", line
        ):
            here = section + _parts(assignment[1])
        else:
            continue
        lines.setdefault(tuple(here), number)
    return lines


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def _is_path(name: str) -> bool:
    return name.endswith(".toml") or "/" in name or os.sep in name


def _find(name: str, beside: ScenarioFile | None = None) -> tuple[Path, str]:
    """Path and shown name of what a user, or the file `beside`, calls `name`."""
    shipped = shipped_parameters()
    candidates: list[tuple[Path, str]] = []
    if beside is not None:
        file_name = name if name.endswith(".toml") else f"{name}.toml"
        candidates.append(
            (beside.path.parent / file_name, os.path.join(os.path.dirname(beside.shown), file_name))
        )
    elif _is_path(name):
        candidates.append((Path(name), name))
    if not _is_path(name):
        candidates.append((shipped / f"{name}.toml", f"parameters/{name}.toml"))
    there = [(path, shown_name) for path, shown_name in candidates if os.path.isfile(path)]
    # A user's own base.toml may extend the shipped one: a file means another than itself, if there is one.
    others = [item for item in there if beside is None or not item[0].samefile(beside.path)]
    if others or there:
        return (others or there)[0]
    names = shipped_names()
    if beside is None and _is_path(name):
        path = Path(name)
        near = (
            nearest_name(path.name, [p.name for p in path.parent.glob("*.toml")])
            if os.path.isdir(path.parent)
            else None
        )
        near = str(path.parent / near) if near else nearest_name(path.stem, names)
    else:
        near = nearest_name(name, names)
    problem = Problem(
        file=name if beside is None else beside.shown,
        key="" if beside is None else "extends",
        found=shown(name),
        allowed=f"a path, or one of {', '.join(names)}",
        nearest=near,
        message="there is no such scenario file",
        line=None if beside is None else line_of(beside.text, ["extends"]),
    )
    raise ScenarioError([problem])


_Identity = tuple[int, int]


def _identity(path: Path) -> _Identity:
    """The same for the same file, whatever it is called."""
    about = path.stat()
    return about.st_dev, about.st_ino


def _circle(inside: Sequence[ScenarioFile], name: str) -> ScenarioError:
    last = inside[-1]
    return ScenarioError(
        [
            Problem(
                file=last.shown,
                key="extends",
                found=" -> ".join([*(file.shown for file in inside), name]),
                message="scenario files extend each other in a circle",
                line=line_of(last.text, ["extends"]),
            )
        ]
    )


@lru_cache(maxsize=32)
def _parsed(text: str) -> Mapping[str, Any]:
    """What TOML makes of a text: more than half of the work of loading a scenario, and mostly of the same files."""
    return table_of(text)


def _read(path: Path, name: str) -> ScenarioFile:
    try:
        text = text_of(path.read_bytes())
        table = dict(_parsed(text))
    except UnreadableError as error:
        raise ScenarioError([Problem(file=name, message=error.message, line=error.line)]) from None
    except OSError as error:
        raise ScenarioError(
            [Problem(file=name, message=f"this file can't be read: {error.strerror}")]
        ) from None
    title, extends = table.pop("title", ""), table.pop("extends", [])
    extends = [extends] if isinstance(extends, str) else extends
    problems = []
    if not isinstance(title, str):
        problems.append(
            Problem(file=name, key="title", found=shown(title), allowed="a text", message="this is no title")
        )
    if not isinstance(extends, list) or not all(isinstance(item, str) for item in extends):
        allowed = "the name or path of a scenario, or a list of them"
        message = "this can't be extended"
        problems.append(
            Problem(file=name, key="extends", found=shown(extends), allowed=allowed, message=message)
        )
    if problems:
        raise ScenarioError(problems)
    shipped = path.resolve().parent == shipped_parameters().resolve()
    return ScenarioFile(name, path, text, table, title, tuple(extends), shipped)
