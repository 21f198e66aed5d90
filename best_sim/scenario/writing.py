"""Values out: in TOML, so that what is written reads back the same, and in words."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def toml_key(name: str) -> str:
    """A key as TOML writes it: quoted only where it must be."""
    return name if _BARE_KEY.fullmatch(name) else _text(name)


def toml_value(value: Any) -> str:
    """A value as TOML writes it, on one line.

    Parameters
    ----------
    value : bool, int, float, str, date, mapping, list or tuple

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If TOML has no such value.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return (
            f"{{ {', '.join(f'{toml_key(k)} = {toml_value(v)}' for k, v in value.items())} }}"
            if value
            else "{}"
        )
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    raise TypeError(f"TOML has no value like {value!r}")


def shown(value: Any) -> str:
    """A value as a message shows it: as TOML would write it where it can, shortened where it is long."""
    try:
        text = toml_value(value)
    except TypeError:
        text = repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        text = "a number of thousands of digits"
    return text if len(text) <= 100 else f"{text[:97]}..."


def value_as_text(value: Any) -> str:
    """A value as written in a file, in words.

    Parameters
    ----------
    value : object
        As of `best_sim.scenario.layers.Provenance`.

    Returns
    -------
    str
        Of a distribution ``lognormal: mean 18, cv 0.4``, of a series ``50 from 2016-04-01, 56 from ...``.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping) and set(value) == {"from", "value"}:
        return f"{value_as_text(value['value'])} from {value['from']}"
    if isinstance(value, Mapping):
        name = f"{value['distribution']}: " if "distribution" in value else ""
        return name + ", ".join(f"{k} {value_as_text(v)}" for k, v in value.items() if k != "distribution")
    if isinstance(value, tuple):
        return ", ".join(map(value_as_text, value))
    return str(value)


def with_unit(value: Any, unit: str) -> str:
    """A value and its unit, in words.

    Examples
    --------
    >>> (
    ...     with_unit(12, "weeks"),
    ...     with_unit(1, "weeks"),
    ...     with_unit(0.67, "probability"),
    ...     with_unit("text", "choice"),
    ... )
    ('12 weeks', '1 week', '0.67 (probability)', 'text')
    """
    text = value_as_text(value)
    if unit in ("choice", "date", "key=value", "names", "text", "yes/no"):
        return text
    is_measure = unit not in ("correlation", "probability", "ratio", "utility", "year")
    if isinstance(value, int | float) and is_measure and not unit.startswith("log "):
        return f"{text} {unit[:-1] if value == 1 and unit in ('days', 'weeks', 'months', 'years') else unit}"
    return f"{text} ({unit})"


def toml_document(
    head: Mapping[str, Any], leaves: Iterable[tuple[tuple[str, ...], Mapping[str, Any]]]
) -> str:
    """A document of described leaves.

    Parameters
    ----------
    head : mapping
        Keys before the first section.
    leaves : iterable of (path, table)
        In the order in which they are written; leaves of one section follow one another.

    Returns
    -------
    str
    """
    lines = [f"{toml_key(key)} = {toml_value(value)}" for key, value in head.items()]
    section: tuple[str, ...] = ()
    for path, table in leaves:
        if path[:-1] != section:
            section = path[:-1]
            lines += ["", f"[{'.'.join(map(toml_key, section))}]"]
        lines.append(f"{toml_key(path[-1])} = {toml_value(table)}")
    return "\n".join(lines) + "\n"


def toml_text(table: Mapping[str, Any], below: tuple[str, ...] = ()) -> str:
    """A table as TOML: plain values, then tables under their heads, then lists of tables.

    Parameters
    ----------
    table : mapping
        Nothing in it may be None.
    below : tuple of str
        Where it stands.

    Returns
    -------
    str
    """

    def head(name: str) -> str:
        return ".".join(map(toml_key, (*below, name)))

    plain, inside = [], []
    for name, value in table.items():
        if isinstance(value, Mapping):
            inside.append(f"[{head(name)}]\n{toml_text(value, (*below, name))}")
        elif isinstance(value, list | tuple) and value and all(isinstance(one, Mapping) for one in value):
            inside += [f"[[{head(name)}]]\n{toml_text(one, (*below, name))}" for one in value]
        else:
            plain.append(f"{toml_key(name)} = {toml_value(value)}\n")
    return "\n".join(["".join(plain), *inside]) if plain or not inside else "\n".join(inside)


def _text(value: str) -> str:
    # A JSON string is a TOML basic string, but for the one control character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
