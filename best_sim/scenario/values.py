"""The words in which a schema is declared: sections, and the leaves in them.

A schema is a tree of `Section` classes, pydantic models that are frozen and take no unknown field. The Python
type of a field says what kind of leaf it is, and `Unit` gives its unit and hard limits:

==================================================== ======================================================
field                                                leaf
==================================================== ======================================================
``x: Annotated[float, Unit("points", 0, 40)]``       a number, with unit, lowest and highest
``x: Annotated[int, Unit("families", 1)]``           a whole number
``x: Annotated[tuple[int, ...], Unit("families")]``  a list of whole numbers
``x: Annotated[tuple[float, ...], Unit("share")]``   a list of numbers
``x: Probability``                                   a number from 0 to 1, unit ``probability``
``x: Days``                                          a time, 0 or more
``x: Annotated[float, Unit("days", 1, 365)]``        a time within limits
``x: Duration``                                      a distribution of a time
``x: Annotated[Duration, Unit("days", 1, 365)]``     the same, its mean within limits
``x: Annotated[Series, Unit("GBP per week", 0)]``    dated values, each within limits
``x: Annotated[Mix, Shares("one", "two", "three")]`` shares that sum to one, of exactly these names
``x: Literal["first come", "youngest"]``             a choice, unit ``choice``
``x: tuple[Literal["site", "borough"], ...]``        a list of choices without repeats, unit ``names``
``x: bool``                                          a flag, unit ``yes/no``
``x: date``                                          a date, unit ``date``
``x: tuple[date, ...]``                              a list of dates, each later than the one before
``x: str``                                           a text, unit ``text``
``x: tuple[str, ...]``                               a list of names without repeats, unit ``names``
``x: Overrides``                                     a list of texts, each ``key=value``, unit ``key=value``
``x: Days | None = None``                            any of the above, optional: None where absent
``x: Consent``                                       a section inside the section
``x: Named[Borough]``                                sections by name, given by the user; may be empty
==================================================== ======================================================

A leaf whose unit is ``days`` may be written in days, weeks, months (365.25/12 days) or years; its attribute
is always in days. Any other unit must be written as the schema has it. There are no defaults but None:
numbers belong in files.

Examples
--------
>>> class Borough(Section):
...     '''A local authority.'''
...
...     court: str
...     entries: Annotated[Series, Unit("children per year", 0)]
...     opens: date
...     closes: date | None = None
...
...     def check(self) -> Iterator[Wrong]:
...         if self.closes is not None and self.closes < self.opens:
...             yield Wrong(
...                 "closes", "it closes before it opens", found=self.closes, allowed=f"after {self.opens}"
...             )
>>> class World(Section):
...     '''The root of a small schema.'''
...
...     consent: Probability
...     notice: Duration
...     routes: Annotated[Mix, Shares("voluntary", "emergency")]
...     boroughs: Named[Borough]
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from best_sim.scenario.durations import Duration
from best_sim.scenario.problems import NotAllowedError, nearest_name
from best_sim.scenario.writing import with_unit

T = TypeVar("T")

MOST_DATES = 48
"""Dates a series may have: the engine's records (`best_sim.engine.luck.SERIES_POINTS`) hold no more."""

MOST_WHOLES = 8
"""Whole numbers a list of them may have: the pathway's records (`best_sim.pathway.parameters`) hold no more."""

SHARES_TOLERANCE = 1e-9
"""By how much shares may miss one: rounding, no more."""


# --- values that are more than a number ---------------------------------------------------------------------


class Named(Mapping[str, T]):
    """A mapping by name that can't be changed, in the order in which it was written.

    In a schema, ``Named[Borough]`` declares sections by name.

    Parameters
    ----------
    items : mapping
    """

    __slots__ = ("_items",)
    _items: dict[str, T]

    def __init__(self, items: Mapping[str, T] | Iterable[tuple[str, T]] = ()) -> None:
        object.__setattr__(self, "_items", dict(items))

    def __getitem__(self, name: str) -> T:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} can't be changed")

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._items,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._items!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inside = (
            handler.generate_schema(get_args(source)[0]) if get_args(source) else core_schema.any_schema()
        )
        return core_schema.no_info_after_validator_function(
            cls, core_schema.dict_schema(core_schema.str_schema(), inside, strict=False)
        )


class Mix(Named[float]):
    """Named shares that sum to one, in the schema's order.

    Attributes
    ----------
    names : tuple of str
    shares : tuple of float

    Examples
    --------
    >>> mix = Mix({"foster": 0.8, "kinship": 0.2})
    >>> mix["foster"], mix.shares
    (0.8, (0.8, 0.2))
    """

    __slots__ = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the schema's order."""
        return tuple(self)

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares, in the schema's order."""
        return tuple(self.values())

    def __str__(self) -> str:
        return ", ".join(f"{name} {share:g}" for name, share in self.items())

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)


@dataclass(frozen=True)
class Series:
    """A quantity that changes on given dates: a step function.

    Attributes
    ----------
    dates : tuple of date
        Strictly increasing; at least one.
    values : tuple of float
        ``values[i]`` holds from ``dates[i]`` until the next date; the first also holds before it.

    Iterating gives pairs of date and value.
    """

    dates: tuple[date, ...]
    values: tuple[float, ...]

    def at(self, day: date) -> float:
        """The value that holds on a day.

        Parameters
        ----------
        day : date

        Returns
        -------
        float
        """
        return self.values[max(bisect_right(self.dates, day) - 1, 0)]

    def __iter__(self) -> Iterator[tuple[date, float]]:
        return iter(zip(self.dates, self.values, strict=True))

    def lowered(self, start: date) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """As numbers: the arguments of `best_sim.engine.luck.series_record`.

        Parameters
        ----------
        start : date
            Day 0.

        Returns
        -------
        times : tuple of float
            Days since `start`; negative before it.
        values : tuple of float
        """
        return tuple(float((day - start).days) for day in self.dates), self.values

    def as_list(self) -> list[dict[str, Any]]:
        """As it would be written in a file: ``[{"from": date, "value": number}, ...]``."""
        return [{"from": day, "value": value} for day, value in self]

    def __str__(self) -> str:
        return ", ".join(f"{value:g} from {day}" for day, value in self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)


# --- what a leaf may be -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    """Unit and hard limits of a leaf: what can't be, not what is unlikely (that is the range in the file).

    Parameters
    ----------
    unit : str
        Its name. ``"days"`` makes the leaf a time, which a file may also give in weeks, months or years.
    lowest, highest : float
        Limits, included. For a `Series` of each value, for a `Duration` of the mean.
    """

    unit: str
    lowest: float = -math.inf
    highest: float = math.inf

    def refuse_outside(self, value: Any) -> None:
        """Refuse a value outside the limits.

        Parameters
        ----------
        value : float, int, tuple, Series or Duration

        Raises
        ------
        NotAllowedError
            (a `ValueError`) If a number in it is outside.
        """
        for number in magnitudes(value):
            if not self.lowest <= number <= self.highest:
                side = "too low" if number < self.lowest else "too high"
                of = "its mean is " if isinstance(value, Duration) else ""
                raise NotAllowedError(f"{of}{side}", found=f"{number:g}", allowed=self.limits())

    def limits(self) -> str:
        """The limits in words, e.g. ``from 0 to 1 (probability)``."""
        if math.isinf(self.lowest) and math.isinf(self.highest):
            span = "any number"
        elif math.isinf(self.highest):
            span = f"{self.lowest:g} or more"
        elif math.isinf(self.lowest):
            span = f"{self.highest:g} or less"
        else:
            span = f"from {self.lowest:g} to {self.highest:g}"
        return f"{span} ({self.unit})"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # So that a section made in Python keeps the limits too, not only one read from a file.
        if math.isinf(self.lowest) and math.isinf(self.highest):
            return handler(source)

        def within(value: Any) -> Any:
            if not isinstance(value, str):
                self.refuse_outside(value)
            return value

        return core_schema.no_info_after_validator_function(within, handler(source))


class Shares:
    """Names of a `Mix`, in the order in which the model uses them.

    Parameters
    ----------
    *names : str
    """

    def __init__(self, *names: str) -> None:
        self.names = names

    def __repr__(self) -> str:
        return f"Shares{self.names!r}"


Probability = Annotated[float, Unit("probability", 0, 1)]
"""A number from 0 to 1."""

Days = Annotated[float, Unit("days", 0)]
"""A time, 0 or more, in days."""

OVERRIDES = Unit("key=value")
Overrides = Annotated[tuple[str, ...], OVERRIDES]
"""Parameters to set otherwise, each ``key=value``."""


def magnitudes(value: Any) -> tuple[float, ...]:
    """The numbers of a value that limits and ranges are about.

    Parameters
    ----------
    value : float, int, tuple of int, Series or Duration

    Returns
    -------
    tuple of float
        Of a series each value, of a duration the mean.
    """
    if isinstance(value, Duration):
        return (value.mean,)
    if isinstance(value, Series):
        return value.values
    return value if isinstance(value, tuple) else (value,)


# --- sections -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wrong:
    """Something that is wrong in a section, found by its `Section.check`.

    Parameters
    ----------
    key : str
        Dotted, from the section on, e.g. ``"closes"`` or ``"boroughs.barnet.court"``.
    message : str
        What is wrong, in a few words.
    found : object, optional
        What stands there.
    allowed : str, optional
        What may stand there.
    nearest : str, optional
        The nearest allowed name.
    warning : bool, optional
        True if the scenario can be used all the same.
    because : str, optional
        Key that it doesn't fit: where that was given beside a question's file, it is what is wrong.
    """

    key: str
    message: str
    found: Any = None
    allowed: str = ""
    nearest: str | None = None
    warning: bool = False
    because: str = ""


class Section(BaseModel):
    """A part of a schema; see the module for how its fields are declared.

    Text under a field (an attribute docstring) is its description. Instances are frozen, compare by value and
    pickle.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        validate_default=False,
    )

    def check(self) -> Iterable[Wrong]:
        """What is wrong between the fields of this section; override it where something can be.

        Called once each field is right by itself, first for the sections inside. Yield all that is wrong.

        Returns
        -------
        iterable of Wrong
        """
        return ()

    def __repr__(self) -> str:
        width = max(map(len, type(self).model_fields), default=0)
        lines = (
            f"  {name:{width}}  {_in_words(getattr(self, name), field)}"
            for name, field in type(self).model_fields.items()
        )
        return "\n".join([f"{type(self).__name__}:", *lines])

    def __str__(self) -> str:
        return repr(self)


def _in_words(value: Any, field: FieldInfo) -> str:
    """An attribute's value with its unit; of a section inside, its fields or the names in it."""
    if value is None:
        return "not given"
    if isinstance(value, Section):
        return f"<{type(value).__name__}: {', '.join(type(value).model_fields)}>"
    if isinstance(value, Mapping) and not isinstance(value, Mix):
        return f"<{', '.join(value) or 'none'}>"
    if isinstance(value, Duration):  # which says its unit
        return str(value)
    declared = [field.metadata, *(getattr(arg, "__metadata__", ()) for arg in get_args(field.annotation))]
    unit = next((item.unit for items in declared for item in items if isinstance(item, Unit)), "")
    if isinstance(value, Mix | Series):
        value = str(value)
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return with_unit(value, unit or "text")


def unknown_name(key: str, found: str, known: Iterable[str], what: str) -> Wrong:
    """What is wrong with a reference to something that is not there.

    Parameters
    ----------
    key : str
        Key of the leaf that holds the name, from the section on.
    found : str
        The name it holds.
    known : iterable of str
        Names there are.
    what : str
        What is named, e.g. ``"court"``.

    Returns
    -------
    Wrong
    """
    known = list(known)
    return Wrong(
        key,
        f"no {what} has this name",
        found=found,
        allowed=", ".join(known) or f"no {what} is given",
        nearest=nearest_name(found, known),
    )
