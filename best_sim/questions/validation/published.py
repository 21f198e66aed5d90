"""Published figures: what each says, of whom and when, how sure it is, where it stands, and what it is compared with.

They are read from a TOML file, a table for each, as scenarios and questions are: with every problem at once.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import Field, PrivateAttr

from best_sim.measures.quantities import QUANTITIES
from best_sim.measures.quantities.definition import Quantity, Statistic, Subpopulation, Taken
from best_sim.pathway import words as W
from best_sim.questions.asking import Part, QuestionError, Table, read_part, read_toml
from best_sim.questions.source import Source
from best_sim.scenario.files import PUBLISHED, shipped_parameters
from best_sim.scenario.problems import nearest_name
from best_sim.scenario.values import Unit, Wrong

Role = Literal["set", "check", "context"]
Sure = Literal["retrieved", "derived", "rule", "own"]
"""Read where it stands; worked out from figures that were; a rule of law or practice; a user's own."""
Compared = Literal["itself", "difference", "ratio"]
InUnit = Annotated[float, Unit("in the figure's unit")]
Number = Annotated[int, Unit("number", 1, 2_000_000_000)]
Years = Annotated[tuple[float, ...], Unit("years", 0, 120)]
Months = Annotated[tuple[float, ...], Unit("months", 0, 1440)]

_NORMAL_95 = 1.959963984540054
_AGAINST = ("where", "arm")
PERCENT = "%"


class PublishedFigure(Part):
    """One published figure.

    Attributes
    ----------
    id : str
        Name of its table in the file.
    """

    # what was published
    what: str
    """What it is, in words."""
    group: str = "other"
    """Under which it is listed, and may be asked for alone."""
    role: Role = "check"
    """set: a parameter was set to it; check: it is only compared; context: the model has nothing to compare with it."""
    value: InUnit | None = None
    """As published; none where only a range was."""
    low: InUnit | None = None
    """Least of the published range: of years, of definitions, or of what a rule allows."""
    high: InUnit | None = None
    """Most of it."""
    unit: str
    """Of the value: "%" for a share."""
    population: str
    """Whom it is of, in words: ages, jurisdiction, boroughs."""
    period: str
    """When, in words."""
    source: str
    link: str = ""
    how_sure: Sure
    sets: tuple[str, ...] = ()
    """Of a figure with role set: the parameters."""
    reason: str = ""
    """Of a figure with role context: why the model has nothing to compare."""
    differs: str = ""
    """In what the simulated population or period differs from the published one; empty where it does not."""
    note: str = ""

    # how well it is known
    n: Number | None = None
    """How many it is of: its error is binomial (a share), Poisson (a rate), or from sd (a mean)."""
    sd: InUnit | None = None
    """Of the values of which it is a mean."""
    error: InUnit | None = None
    """Its standard error, where that is stated or worked out."""
    interval: Annotated[tuple[float, ...], Unit("in the figure's unit")] | None = None
    """Its 95 % confidence interval: two numbers."""
    rounded_to: Annotated[float, Unit("in the figure's unit", 0)] | None = None
    """The unit to which it was rounded; adds the standard deviation of what rounding takes away."""

    # what it is compared with
    simulated: Literal["scenario", "national"] = "scenario"
    """In which scenario it is computed: the question's, or the national one."""
    measure: str = ""
    """Name of a quantity."""
    statistic: Statistic | None = None
    """Mean by default; share where at_least, below or is say of which."""
    at_least: InUnit | None = None
    """A share: of values from this on."""
    below: InUnit | None = None
    """A share: of values below this."""
    named: tuple[str, ...] = Field((), alias="is")
    """A share: of rows that are one of these."""
    where: tuple[str, ...] = ()
    """england, scotland, or names of sites, boroughs or courts; everywhere by default."""
    arm: tuple[str, ...] = ()
    """Of families with this allocation only."""
    age: Years | None = None
    """From and below which age: when it happened, or on the day."""
    age_at_entry: Years | None = None
    """From and below which age at the first entry to care."""
    in_care_months: Months | None = None
    """From and below how many months in the present period of care."""
    having: Table = Field(default_factory=dict)
    """By what else rows are chosen, as the quantity allows."""
    since: dt.date | None = Field(None, alias="from")
    """First day of the period."""
    until: dt.date | None = None
    """Last day of the period."""
    against: Table = Field(default_factory=dict)
    """Another population (where, arm), with which this one is compared."""
    compared: Compared = "itself"
    """With against: the difference of the two, or their ratio."""

    _id: str = PrivateAttr("")

    @property
    def id(self) -> str:
        """Name of its table in the file."""
        return self._id

    # --- what is computed -------------------------------------------------------------------------------------
    @property
    def quantity(self) -> Quantity:
        """What it is a figure of."""
        return QUANTITIES[self.measure]

    @property
    def taken(self) -> Taken:
        """What is made of the values."""
        shares = self.at_least is not None or self.below is not None or bool(self.named)
        return Taken(self.statistic or ("share" if shares else "mean"), self.at_least, self.below, self.named)

    @property
    def counts(self) -> Subpopulation:
        """Who counts."""
        return self._population(self.where, self.arm)

    @property
    def other(self) -> Subpopulation | None:
        """Who is compared with, if anybody."""
        if not self.against:
            return None
        there = {key: tuple(value) for key, value in self.against.items()}
        return self._population(there.get("where", self.where), there.get("arm", self.arm))

    def _population(self, where: tuple[str, ...], arm: tuple[str, ...]) -> Subpopulation:
        having = {
            key: (value,) if isinstance(value, str) else tuple(value) for key, value in self.having.items()
        }
        return Subpopulation(
            where, arm, _pair(self.age), _pair(self.age_at_entry), _pair(self.in_care_months), having
        )

    @property
    def scale(self) -> float:
        """By what a computed figure is multiplied to be in the figure's unit."""
        return 100.0 if self.unit == PERCENT else 1.0

    # --- how well it is known ---------------------------------------------------------------------------------
    @property
    def standard_error(self) -> float:
        """The published figure's own standard error, in its unit."""
        return self._error[0]

    @property
    def error_from(self) -> str:
        """By which rule that is known."""
        return self._error[1]

    @property
    def _error(self) -> tuple[float, str]:
        parts: list[tuple[float, str]] = []
        value = self.middle
        if self.error is not None:
            parts.append((self.error, "as stated"))
        elif self.interval is not None:
            parts.append(((self.interval[1] - self.interval[0]) / (2 * _NORMAL_95), "its 95 % interval"))
        elif self.n is not None:
            parts.append(self._from_n(value, self.n))
        elif self.taken.statistic == "count":
            parts.append((math.sqrt(max(abs(value), 1.0)), "Poisson"))
        if self.rounded_to is not None:
            parts.append((self.rounded_to / math.sqrt(12.0), f"rounded to {self.rounded_to:g}"))
        if not parts:
            return 0.0, "range"
        return math.hypot(*(size for size, _ in parts)), ", ".join(name for _, name in parts)

    def _from_n(self, value: float, n: int) -> tuple[float, str]:
        kind = self.taken.statistic
        if kind == "share" and self.compared == "itself":
            p = min(max(value / self.scale, 0.5 / n), 1.0 - 0.5 / n)
            return self.scale * math.sqrt(p * (1.0 - p) / n), f"binomial, n = {n:,}"
        if kind == "rate" and self.compared == "itself":
            return math.sqrt(max(abs(value), 1.0 / n) / n), f"Poisson, n = {n:,}"
        if kind == "sd":
            return abs(value) / math.sqrt(2.0 * max(n - 1, 1)), f"normal, n = {n:,}"
        return (self.sd or 0.0) / math.sqrt(n), f"SD {self.sd:g}, n = {n:,}"

    @property
    def middle(self) -> float:
        """The value; where only a range was published, its middle."""
        if self.value is not None:
            return self.value
        return (self.low + self.high) / 2.0 if self.low is not None and self.high is not None else math.nan

    @property
    def held_between(self) -> tuple[float, float]:
        """Between what the model has to lie if it were known exactly: the range, and two errors about the value."""
        ends = [one for one in (self.low, self.high) if one is not None]
        if self.value is not None:
            ends += [self.value - 2.0 * self.standard_error, self.value + 2.0 * self.standard_error]
        return (min(ends), max(ends)) if ends else (-math.inf, math.inf)

    # --- what can be wrong ------------------------------------------------------------------------------------
    def check(self) -> Iterator[Wrong]:
        """Problems between its fields."""
        yield from self._check_value()
        if self.role == "context":
            if not self.reason:
                yield Wrong("reason", "why it can't be computed isn't said", allowed="a text")
            return
        if self.role == "set" and not self.sets:
            yield Wrong(
                "sets", "no parameter is named that was set to it", allowed="names of parameters; or a check"
            )
        if self.measure not in QUANTITIES:
            yield Wrong(
                "measure", "no measure has this name", found=self.measure or None, allowed=", ".join(QUANTITIES),
                nearest=nearest_name(self.measure, list(QUANTITIES)),
            )  # fmt: skip
            return
        yield from self._check_known()
        yield from self._check_statistic(self.quantity)
        yield from self._check_population(self.quantity)

    def _check_value(self) -> Iterator[Wrong]:
        if self.role != "context" and self.value is None and (self.low is None or self.high is None):
            yield Wrong("value", "no figure is there", allowed="value, or low and high")
        if self.low is not None and self.high is not None and self.low > self.high:
            yield Wrong("low", "the range is turned round", found=self.low, allowed=f"{self.high:g} or less")
        for key in ("interval", "age", "age_at_entry", "in_care_months"):
            pair = getattr(self, key)
            if pair is not None and (len(pair) != 2 or not pair[0] < pair[1]):
                yield Wrong(key, "these are not two limits", found=list(pair), allowed="[from, below]")
        if self.since is not None and self.until is not None and self.since > self.until:
            yield Wrong(
                "until",
                "the period ends before it begins",
                found=self.until,
                allowed=f"{self.since} or later",
            )

    def _check_known(self) -> Iterator[Wrong]:
        mean = self.taken.statistic in ("mean", "median") or self.compared != "itself"
        if self.n is not None and mean and self.sd is None and self.error is None and self.interval is None:
            yield Wrong("sd", "n alone gives no error of a mean", allowed="sd, error, interval or rounded_to")
        known = (self.n, self.error, self.interval, self.rounded_to, self.low, self.high)
        if all(one is None for one in known) and self.taken.statistic != "count":
            yield Wrong(
                "error",
                "how well it is known isn't said",
                allowed="n, error, interval, rounded_to, or low and high",
            )

    def _check_statistic(self, what: Quantity) -> Iterator[Wrong]:
        cut = self.at_least is not None or self.below is not None
        for one in self.named:
            if one not in what.names:
                allowed = ", ".join(what.names) or "none; at_least and below are for numbers"
                yield Wrong(
                    "is",
                    f"{self.measure} has no such name",
                    one,
                    allowed,
                    nearest_name(one, list(what.names)),
                )
        if what.names and (cut or self.taken.statistic in ("mean", "median", "sd")):
            yield Wrong("is", f"{self.measure} is no number", allowed=f"is = some of {', '.join(what.names)}")
        if self.taken.statistic == "share" and not (cut or self.named):
            yield Wrong(
                "statistic", "of what the share is isn't said", "share", "at_least, below or is beside it"
            )

    def _check_population(self, what: Quantity) -> Iterator[Wrong]:
        if self.in_care_months is not None and not what.in_care:
            able = [one.name for one in QUANTITIES.values() if one.in_care]
            yield Wrong(
                "in_care_months", f"{self.measure} has no time in care", allowed=f"with {', '.join(able)}"
            )
        for one in self.arm:
            if one not in W.ARMS:
                yield Wrong(
                    "arm", "no service has this name", one, ", ".join(W.ARMS), nearest_name(one, list(W.ARMS))
                )
        for key, value in self.having.items():
            names = what.having.get(key)
            if names is None:
                allowed = ", ".join(what.having) or f"nothing, of {self.measure}"
                yield Wrong(
                    "having",
                    "rows can't be chosen by this",
                    key,
                    allowed,
                    nearest_name(key, list(what.having)),
                )
                continue
            for one in value if isinstance(value, list | tuple) else [value]:
                if one not in names:
                    yield Wrong(
                        f"having.{key}", "no such name", one, ", ".join(names), nearest_name(one, list(names))
                    )
        for key, value in self.against.items():
            if key not in _AGAINST or not isinstance(value, list | tuple):
                yield Wrong("against", "this is no population", key, "where = [...], arm = [...]")
        if bool(self.against) != (self.compared != "itself"):
            yield Wrong(
                "compared", "a comparison needs both", allowed="against, and compared = difference or ratio"
            )


def _pair(limits: Sequence[float] | None) -> tuple[float, float] | None:
    return None if limits is None else (limits[0], limits[1])


# --- files ----------------------------------------------------------------------------------------------------
def published_file(name: str | Path = "") -> Path:
    """A file of figures; without a name, the one that comes with the package."""
    return Path(name) if str(name) else shipped_parameters() / f"{PUBLISHED}.toml"


def read_published(name: str | Path = "") -> tuple[PublishedFigure, ...]:
    """The figures of a file.

    Parameters
    ----------
    name : str or path
        Of a TOML file with a table for each figure, named by its id; without one, the file that comes with the package.

    Returns
    -------
    tuple of PublishedFigure
        In the file's order.

    Raises
    ------
    QuestionError
        With everything that is wrong in the file.
    """
    path = published_file(name)
    shown = str(name) or f"{PUBLISHED}.toml"
    text, table = read_toml(path, shown)
    source, out = Source(shown, text, frozenset(), ""), []
    for key, one in table.items():
        if key == "title":
            continue
        if not isinstance(one, Mapping):
            source.report((key,), message="this is no figure", found=str(one), allowed=f"[{key}], a table")
            continue
        figure = read_part(PublishedFigure, one, source, (key,))
        if figure is not None:
            figure = cast(PublishedFigure, figure)
            figure._id = key
            out.append(figure)
    if source.problems:
        raise QuestionError(source.problems)
    return tuple(out)
