"""How one value of a file is read: from what TOML gives to what the schema declares, or a clear refusal."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic_core import PydanticUndefined

from best_sim.scenario.durations import DAYS_IN, Duration, is_number
from best_sim.scenario.problems import NotAllowedError, nearest_name
from best_sim.scenario.values import (
    MOST_DATES,
    OVERRIDES,
    SHARES_TOLERANCE,
    Mix,
    Named,
    Section,
    Series,
    Shares,
    Unit,
    magnitudes,
)
from best_sim.scenario.writing import shown

FIRST_DATE, LAST_DATE = dt.date(1900, 1, 1), dt.date(2199, 12, 31)
"""Dates beyond these are slips, and a run between them would not end."""
_LONGEST, _LARGEST = 10_000 * DAYS_IN["years"], 1e12
"""Days, and any other number, beyond which sums are no longer exact or not finite."""

METADATA = ("value", "unit", "range", "status", "source", "link", "note")
"""Keys of a described leaf."""

Kind = Literal[
    "number",
    "whole",
    "numbers",
    "wholes",
    "flag",
    "date",
    "dates",
    "text",
    "choice",
    "names",
    "overrides",
    "mix",
    "series",
    "duration",
]
"""What a leaf may hold: a number, a whole number, several of them, yes or no, ..."""


@dataclass(frozen=True)
class Leaf:
    """What the schema says of one leaf.

    Attributes
    ----------
    kind : Kind
        What it holds.
    limits : Unit
        Unit and hard limits.
    names : tuple of str
        Allowed names, of a choice, a list of choices or a mix; empty where any may stand.
    optional : bool
        Whether it may be absent.
    has_range : bool
        Whether a plausible range makes sense for it.
    """

    kind: Kind
    limits: Unit
    names: tuple[str, ...] = ()
    optional: bool = False
    has_range: bool = False

    @property
    def unit(self) -> str:
        """Unit of the attribute."""
        return self.limits.unit

    @property
    def units(self) -> tuple[str, ...]:
        """Units in which a file may give it."""
        return tuple(DAYS_IN) if self.unit == "days" else (self.unit,)

    def scale(self, unit: str) -> float:
        """By what a number in `unit` is multiplied to be in the unit of the attribute."""
        return DAYS_IN[unit] if self.unit == "days" else 1.0

    def read(self, raw: Any, unit: str) -> Any:
        """The value of the attribute.

        Parameters
        ----------
        raw : object
            As TOML gives it.
        unit : str
            Unit in which it is written.

        Returns
        -------
        object

        Raises
        ------
        NotAllowedError
            If unit, type or value is not allowed.
        """
        if unit not in self.units:
            raise NotAllowedError(
                "this unit is not allowed here",
                found=shown(unit),
                allowed=", ".join(self.units),
                nearest=nearest_name(unit, self.units),
                below="unit",
            )
        value = _READERS[self.kind](self, raw, unit)
        self._refuse_the_absurd(value, f"{shown(raw)} ({unit})")
        if self.has_range and not isinstance(value, dt.date):
            try:
                self.limits.refuse_outside(value)
            except NotAllowedError as refused:
                if unit != self.unit:
                    as_written = float(refused.found) / self.scale(unit)
                    refused.found = f"{as_written:g} {unit}, {refused.found} {self.unit}"
                raise
        return value

    def _refuse_the_absurd(self, value: Any, written: str) -> None:
        """Refuse what no limit of a leaf names, but no run could come to an end with."""
        dates = value.dates if isinstance(value, Series) else value if isinstance(value, tuple) else (value,)
        for day in dates:
            if isinstance(day, dt.date) and not FIRST_DATE <= day <= LAST_DATE:
                raise NotAllowedError(
                    "this date is too far away", found=str(day), allowed=f"from {FIRST_DATE} to {LAST_DATE}"
                )
        if not self.has_range or self.kind in ("date", "dates"):
            return
        largest, words = (_LONGEST, "10,000 years") if self.unit == "days" else (_LARGEST, f"{_LARGEST:g}")
        if not all(abs(number) <= largest for number in magnitudes(value)):
            raise NotAllowedError("this is too large", found=written, allowed=f"{words} at most")


Node = Leaf | type[Section] | Named[type[Section]]
"""What a field of a section may be. `Named` sections are a mapping of one item: `ANY_NAME` to their class."""

ANY_NAME = "*"


@cache
def nodes_of(section: type[Section]) -> Mapping[str, Node]:
    """What each field of a section class declares.

    Parameters
    ----------
    section : subclass of Section

    Returns
    -------
    mapping of str to Leaf, subclass of Section, or Named
        Always the same, not to be changed.

    Raises
    ------
    TypeError
        If a field is declared in a way that no leaf has.
    """
    nodes = {}
    for name, field in section.model_fields.items():
        where = f"{section.__name__}.{name}"
        if field.default not in (PydanticUndefined, None):
            raise TypeError(
                f"{where}: a default other than None would be a number in code; it belongs in a file"
            )
        nodes[name] = node_of(where, field.annotation, tuple(field.metadata))
    return nodes


def node_of(where: str, annotation: Any, metadata: tuple[Any, ...] = ()) -> Node:
    """What one field declares.

    Parameters
    ----------
    where : str
        What to call the field where it declares nothing.
    annotation : type
    metadata : tuple
        Of an `Annotated` type, where it is not in the annotation itself.

    Returns
    -------
    Leaf, subclass of Section, or Named

    Raises
    ------
    TypeError
        If no leaf is declared in this way.
    """
    if get_origin(annotation) is Annotated:
        inside, *more = get_args(annotation)
        return node_of(where, inside, (*metadata, *more))
    if get_origin(annotation) in (Union, types.UnionType):
        inside = [arg for arg in get_args(annotation) if arg is not type(None)]
        if len(inside) == 1 and isinstance(leaf := node_of(where, inside[0], metadata), Leaf):
            return replace(leaf, optional=True)
        raise TypeError(f"{where}: only a leaf can be optional, as in `Days | None = None`")
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    if get_origin(annotation) is Named:
        return Named({ANY_NAME: get_args(annotation)[0]})
    return _leaf(where, annotation, metadata)


def _leaf(where: str, annotation: Any, metadata: tuple[Any, ...]) -> Leaf:
    unit = next((item for item in metadata if isinstance(item, Unit)), None)
    shares = next((item for item in metadata if isinstance(item, Shares)), None)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return Leaf("choice", unit or Unit("choice"), names=args)
    if origin is tuple and args[1:] == (...,) and get_origin(args[0]) is Literal:
        return Leaf("names", unit or Unit("names"), names=get_args(args[0]))
    if annotation == tuple[str, ...] and unit is OVERRIDES:
        return Leaf("overrides", unit)
    if annotation is Mix and shares is not None:
        return Leaf("mix", unit or Unit("probability"), names=shares.names)
    if annotation is Duration:
        return Leaf("duration", unit or Unit("days", 0), has_range=True)
    if annotation in _PLAIN:
        kind, usual_unit = _PLAIN[annotation]
        return Leaf(kind, unit or Unit(usual_unit), has_range=annotation is dt.date)
    if annotation in _NUMERIC and unit is not None:
        return Leaf(_NUMERIC[annotation], unit, has_range=True)
    raise TypeError(f"{where}: {annotation} with {metadata} declares no leaf; see best_sim.scenario.values")


# --- readers ------------------------------------------------------------------------------------------------


def _wrong_type(what: str, raw: Any, allowed: str) -> NotAllowedError:
    return NotAllowedError(f"this is not {what}", found=shown(raw), allowed=allowed)


def _read_number(leaf: Leaf, raw: Any, unit: str) -> float:
    if not is_number(raw):
        raise _wrong_type("a number", raw, leaf.limits.limits())
    return float(raw) * leaf.scale(unit)


def _read_whole(leaf: Leaf, raw: Any, unit: str) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise _wrong_type("a whole number", raw, f"a whole number, {leaf.limits.limits()}")
    return raw


def _read_wholes(leaf: Leaf, raw: Any, unit: str) -> tuple[int, ...]:
    if not isinstance(raw, list | tuple) or not raw:
        raise _wrong_type("a list of whole numbers", raw, f"[...], each {leaf.limits.limits()}")
    return tuple(_read_whole(leaf, item, unit) for item in raw)


def _read_numbers(leaf: Leaf, raw: Any, unit: str) -> tuple[float, ...]:
    if not isinstance(raw, list | tuple) or not raw:
        raise _wrong_type("a list of numbers", raw, f"[...], each {leaf.limits.limits()}")
    return tuple(_read_number(leaf, item, unit) for item in raw)


def _read_flag(leaf: Leaf, raw: Any, unit: str) -> bool:
    if not isinstance(raw, bool):
        raise _wrong_type("yes or no", raw, "true or false")
    return raw


def _is_date(raw: Any) -> bool:
    # A datetime is a date to Python; a time of day has no place in a scenario.
    return isinstance(raw, dt.date) and not isinstance(raw, dt.datetime)


def _read_date(leaf: Leaf, raw: Any, unit: str) -> dt.date:
    if not _is_date(raw):
        raise _wrong_type("a date", raw, "a date without quotes, e.g. 2017-09-01")
    return cast(dt.date, raw)


def _read_dates(leaf: Leaf, raw: Any, unit: str) -> tuple[dt.date, ...]:
    if not isinstance(raw, list | tuple) or not raw or not all(map(_is_date, raw)):
        raise _wrong_type("a list of dates", raw, "[...], dates without quotes")
    _refuse_out_of_order(tuple(raw))
    return tuple(raw)


def _refuse_out_of_order(dates: tuple[dt.date, ...]) -> None:
    for before, after in zip(dates[:-1], dates[1:], strict=True):
        if after <= before:
            raise NotAllowedError(
                "the dates are out of order",
                found=f"{after} after {before}",
                allowed="each date later than the one before",
            )


def _read_text(leaf: Leaf, raw: Any, unit: str) -> str:
    if not isinstance(raw, str):
        raise _wrong_type("a text", raw, "a text in quotes")
    return raw


def _read_choice(leaf: Leaf, raw: Any, unit: str) -> str:
    if raw not in leaf.names:
        raise NotAllowedError(
            "this is not one of the choices",
            found=shown(raw),
            allowed=", ".join(leaf.names),
            nearest=nearest_name(raw, leaf.names),
        )
    return str(raw)


def _read_names(leaf: Leaf, raw: Any, unit: str) -> tuple[str, ...]:
    allowed = f"a list of {', '.join(leaf.names)}" if leaf.names else "a list of texts"
    if not isinstance(raw, list | tuple) or not all(isinstance(item, str) for item in raw):
        raise _wrong_type("a list of names", raw, allowed)
    if leaf.names:
        for item in raw:
            _read_choice(leaf, item, unit)
    if len(set(raw)) < len(raw):
        raise NotAllowedError("a name stands there twice", found=shown(raw), allowed=f"{allowed}, each once")
    return tuple(raw)


def _read_overrides(leaf: Leaf, raw: Any, unit: str) -> tuple[str, ...]:
    changes = _read_names(leaf, raw, unit)
    for one in changes:
        if "=" not in one:
            raise NotAllowedError(
                "this is no override", found=shown(one), allowed="key=value, as in trial.target_families=200"
            )
    return changes


def _read_mix(leaf: Leaf, raw: Any, unit: str) -> Mix:
    names = ", ".join(leaf.names)
    if not isinstance(raw, Mapping):
        raise _wrong_type("a table of shares", raw, f"a share for each of {names}")
    for name, share in raw.items():
        if name not in leaf.names:
            raise NotAllowedError(
                "no share has this name",
                found=name,
                allowed=names,
                nearest=nearest_name(name, leaf.names),
                below=name,
            )
        if not is_number(share) or not 0 <= share <= 1:
            raise NotAllowedError(
                "this is not a share", found=shown(share), allowed="a number from 0 to 1", below=name
            )
    missing = [name for name in leaf.names if name not in raw]
    if missing:
        raise NotAllowedError(
            f"no share for {', '.join(missing)}", found=shown(raw), allowed=f"a share for each of {names}"
        )
    total = sum(raw.values())
    if abs(total - 1) > SHARES_TOLERANCE:
        raise NotAllowedError(
            "the shares do not sum to one", found=f"{shown(raw)}, sum {total:.10g}", allowed="sum 1"
        )
    return Mix({name: float(raw[name]) for name in leaf.names})


def _read_series(leaf: Leaf, raw: Any, unit: str) -> Series:
    example = "[ { from = 2017-04-01, value = 50 }, ... ]"
    if isinstance(raw, Series):
        raw = raw.as_list()
    if not isinstance(raw, list | tuple) or not all(
        isinstance(item, Mapping) and set(item) == {"from", "value"} for item in raw
    ):
        raise _wrong_type("a list of dated values", raw, example)
    if not raw:
        raise NotAllowedError(
            "the list of dated values is empty", found="[]", allowed=f"at least one: {example}"
        )
    if len(raw) > MOST_DATES:
        raise NotAllowedError("too many dated values", found=str(len(raw)), allowed=f"at most {MOST_DATES}")
    dates = tuple(_read_date(leaf, item["from"], unit) for item in raw)
    _refuse_out_of_order(dates)
    return Series(dates, tuple(_read_number(leaf, item["value"], unit) for item in raw))


def _read_duration(leaf: Leaf, raw: Any, unit: str) -> Duration:
    if not isinstance(raw, Mapping) or "distribution" not in raw:
        raise _wrong_type("a distribution", raw, 'a table such as { distribution = "constant", value = 3 }')
    return Duration.of(
        raw["distribution"], unit, **{name: v for name, v in raw.items() if name != "distribution"}
    )


_READERS: Mapping[Kind, Callable[[Leaf, Any, str], Any]] = types.MappingProxyType(
    {
        "number": _read_number,
        "whole": _read_whole,
        "wholes": _read_wholes,
        "numbers": _read_numbers,
        "flag": _read_flag,
        "date": _read_date,
        "dates": _read_dates,
        "text": _read_text,
        "choice": _read_choice,
        "names": _read_names,
        "overrides": _read_overrides,
        "mix": _read_mix,
        "series": _read_series,
        "duration": _read_duration,
    }
)
"""What makes the value of a leaf of each kind from what TOML gives: ``reader(leaf, raw, unit)``."""

_PLAIN: Mapping[Any, tuple[Kind, str]] = types.MappingProxyType(
    {
        bool: ("flag", "yes/no"),
        dt.date: ("date", "date"),
        tuple[dt.date, ...]: ("dates", "date"),
        str: ("text", "text"),
        tuple[str, ...]: ("names", "names"),
    }
)

_NUMERIC: Mapping[Any, Kind] = types.MappingProxyType(
    {
        float: "number",
        int: "whole",
        tuple[int, ...]: "wholes",
        tuple[float, ...]: "numbers",
        Series: "series",
    }
)


def read_range(leaf: Leaf, raw: Any) -> tuple[Any, Any]:
    """A plausible range, as it is written.

    Parameters
    ----------
    leaf : Leaf
    raw : object
        As TOML gives it.

    Returns
    -------
    low, high : float or date

    Raises
    ------
    NotAllowedError
        If it is no range, or the leaf has none.
    """
    if not leaf.has_range:
        raise NotAllowedError("only numbers, times and dates have a range", found=shown(raw), below="range")
    is_end = _is_date if leaf.kind == "date" else is_number
    if not isinstance(raw, list) or len(raw) != 2 or not all(map(is_end, raw)) or raw[0] > raw[1]:
        allowed = "[lowest, highest]"
        raise NotAllowedError("this is not a range", found=shown(raw), allowed=allowed, below="range")
    return raw[0], raw[1]
