"""What is asked of a calibration: which parameters may change, within which ranges, and which figures are to be met."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from best_sim.questions.asking import (
    Part,
    QuestionError,
    SimulatedQuestion,
    names_apart,
)
from best_sim.questions.calibration.parameters import changed, present, untold, unusable
from best_sim.questions.calibration.targets import COURT_FIGURE, described, measures, published
from best_sim.scenario.problems import Problem, nearest_name
from best_sim.scenario.values import Unit, Wrong

if TYPE_CHECKING:
    from collections.abc import Callable

    from best_sim.questions.calibration.run import CalibrationFound
    from best_sim.questions.running import Running
    from best_sim.scenario import Scenario

Scale = Literal["linear", "log", "logit"]
Change = Literal["value", "factor"]
InUnit = Annotated[float, Unit("in the scenario's unit")]
OfFigure = Annotated[float, Unit("in the figure's unit")]

_Z95 = 1.959963984540054
_COURTS = "weeks_YEAR, within_26_YEAR, hearings_YEAR"


class Parameter(Part):
    """A parameter to be fitted.

    Attributes
    ----------
    name : str
        What tables call it; by default its first key.
    keys : tuple of str
        Dotted names in the scenario. All of them get the same value, or are multiplied by the same factor.
    """

    named: str | None = Field(None, alias="name")
    """What tables call it."""
    key: str | None = None
    """Dotted name in the scenario, as proceedings.notice.further.mean."""
    several: tuple[str, ...] = Field((), alias="keys")
    """Instead of `key`, where several get the same value or factor."""
    low: InUnit
    """The least that it may be: a value in the unit in which the scenario writes it, or a factor."""
    high: InUnit
    """The most."""
    scale: Scale = "linear"
    """On which every value of the range is held equally likely, and steps are taken."""
    change: Change = "value"
    """Whether the number is the parameter's value, or what multiplies the scenario's."""
    since: dt.date | None = Field(None, alias="from")
    """Of a dated parameter: only what holds from dates since this one (included)."""
    until: dt.date | None = None
    """Of a dated parameter: only what holds from dates until this one (left out)."""
    note: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """Dotted names in the scenario."""
        return self.several or ((self.key,) if self.key else ())

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.named or self.keys[0]

    def at(self, x: Any) -> Any:
        """The value at a share of the range, from 0 to 1."""
        to, back = _scale(self.scale)
        low, high = to(self.low), to(self.high)
        return np.clip(back(low + np.asarray(x, float) * (high - low)), self.low, self.high)

    def share(self, value: Any) -> Any:
        """Where in the range a value lies, from 0 to 1."""
        to, _ = _scale(self.scale)
        low, high = to(self.low), to(self.high)
        return (to(np.asarray(value, float)) - low) / (high - low)

    def check(self) -> Iterator[Wrong]:
        """Keys said twice or not at all, and ranges that are none."""
        if bool(self.key) == bool(self.several):
            found = "key and keys" if self.key else None
            yield Wrong(
                "key", "which parameter is meant must be said once", found=found, allowed="key, or keys"
            )
        ends = f"{self.low:g} to {self.high:g}"
        if not self.low < self.high:
            yield Wrong("low", "the range has no inside", found=ends, allowed="low below high")
        elif self.scale == "log" and self.low <= 0:
            yield Wrong(
                "low", "there is no logarithm of it", found=self.low, allowed="above 0 where scale is log"
            )
        elif self.scale == "logit" and not 0 < self.low < self.high < 1:
            yield Wrong(
                "low", "there is no logit of it", found=ends, allowed="between 0 and 1, ends left out"
            )
        if self.since is not None and self.until is not None and not self.since < self.until:
            yield Wrong(
                "until", "the time ends before it begins", found=self.until, allowed=f"after {self.since}"
            )


def _scale(name: Scale) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """To a scale, and back from it."""
    from scipy import special

    scales: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
        "linear": (lambda v: v, lambda v: v),
        "log": (np.log, np.exp),
        "logit": (special.logit, special.expit),
    }
    return scales[name]


class Target(Part):
    """A figure that a simulated run should give.

    One of the published figures that come with the package brings its value, how well it is known and its source; a
    file says them only where it has others.

    Attributes
    ----------
    value : float
        As published, or as counted locally; where only a range was published, its middle.
    error : float
        Its standard error: how far the figure may be from what the model should give, by chance or because it was
        counted otherwise. Given, or half the width of a 95 % interval over 1.96; else a quarter of the width in which
        a validation says that the published figure holds.
    """

    measure: str
    """Which figure: one of `best_sim.questions.calibration.targets.measures`, or a court's of a year."""
    court: str | None = None
    """For the courts' figures: of one court; by default of all English ones."""
    given: OfFigure | None = Field(None, alias="value")
    """As published, or as counted locally; by default that of the published figure."""
    standard_error: Annotated[float, Unit("in the figure's unit", 0)] | None = None
    """How far the figure may be from what the model should give."""
    interval: Annotated[tuple[float, ...], Unit("in the figure's unit")] | None = None
    """Instead of the standard error: a 95 % interval."""
    printed: str = Field("", alias="source")
    """Where the figure is printed; by default what the published figure says."""
    note: str = ""

    @property
    def value(self) -> float:
        """As published, or as counted locally."""
        if self.given is not None:
            return self.given
        figure = published(self.measure)
        return figure.middle / figure.scale if figure is not None else math.nan

    @property
    def error(self) -> float:
        """The standard error."""
        if self.standard_error is not None:
            return self.standard_error
        if self.interval is not None:
            return (self.interval[1] - self.interval[0]) / (2 * _Z95)
        figure = published(self.measure)
        if figure is None:
            return math.nan
        low, high = figure.held_between
        return (high - low) / (4.0 * figure.scale)

    @property
    def source(self) -> str:
        """Where the figure is printed."""
        figure = published(self.measure)
        return self.printed or (figure.source if figure is not None and self.given is None else "")

    @property
    def name(self) -> str:
        """The measure, and the court where it is of one."""
        return self.measure if self.court is None else f"{self.measure} ({self.court})"

    @property
    def said(self) -> tuple[str, str]:
        """What it is, in words, and its unit."""
        text, unit = described(self.measure)
        return (text if self.court is None else f"{text} ({self.court})"), unit

    def check(self) -> Iterator[Wrong]:
        """A measure that there is not, and an error that is none."""
        known = measures()
        of_court = COURT_FIGURE.fullmatch(self.measure)
        if self.measure not in known and not of_court:
            yield Wrong(
                "measure", "no figure has this name", found=self.measure, allowed=f"{', '.join(known)}; {_COURTS}",
                nearest=nearest_name(self.measure, known),
            )  # fmt: skip
        elif self.court is not None and not of_court:
            yield Wrong("court", "this measure is not of courts", found=self.court, allowed=_COURTS)
        yield from self._check_known()

    def _check_known(self) -> Iterator[Wrong]:
        """A value or an error that is said nowhere, twice, or is none."""
        known = published(self.measure) is not None
        given = [key for key in ("standard_error", "interval") if getattr(self, key) is not None]
        if self.given is None and not known:
            yield Wrong("value", "the figure is said nowhere", allowed="a number")
        if not given and self.given is None and known:
            if not self.error > 0.0:
                yield Wrong(
                    "standard_error",
                    "how sure the published figure is isn't published",
                    allowed="a number above 0",
                )
        elif len(given) != 1:
            yield Wrong(
                "standard_error", "how sure the figure is must be said once", found=" and ".join(given) or None,
                allowed="standard_error, or interval = [low, high] (95 %)",
            )  # fmt: skip
        elif self.standard_error == 0:
            yield Wrong("standard_error", "this can't be used", found=0, allowed="a number above 0")
        elif self.interval is not None and not (
            len(self.interval) == 2
            and self.interval[0] <= self.value <= self.interval[1]
            and self.interval[0] < self.interval[1]
        ):
            yield Wrong(
                "interval", "this can't be used", found=list(self.interval), allowed="[low, high] about the value"
            )  # fmt: skip


class CalibrationQuestion(SimulatedQuestion):
    """Which values of parameters that nobody measured give the figures that somebody did."""

    kind: ClassVar[str] = "calibration"
    options: ClassVar[tuple[str, ...]] = ("steps", "discrepancy")

    replicates: Annotated[int, Unit("replicates", 4, 100_000_000)] = 60
    """Simulated runs of each candidate; as many others judge the result."""
    steps: Annotated[int, Unit("steps", 1, 1000)] = 12
    """Steps after which the search ends, converged or not."""
    difference: Annotated[float, Unit("share of the range", 0.001, 0.5)] = 0.08
    """Of the finite differences: wide enough that the chance left between two points is small beside what it does."""
    parameters: tuple[Parameter, ...] = Field(alias="parameter")
    """Those that are fitted."""
    targets: tuple[Target, ...] = Field(alias="target")
    """Figures that are to be met."""
    discrepancy: Annotated[float, Unit("share of the figure", 0, 1)] = 0.0
    """How far a model that is right in kind may be from a figure: a standard error added to each figure's own."""

    @property
    def errors_of_targets(self) -> np.ndarray:
        """Standard error of each target, discrepancy included."""
        return np.array([math.hypot(one.error, self.discrepancy * abs(one.value)) for one in self.targets])

    @cached_property
    def start(self) -> np.ndarray:
        """The parameters as the scenario has them: values, or factors of 1."""
        return np.array([present(self.world, one) for one in self.parameters])

    def scenario_at(self, values: Sequence[float] | np.ndarray) -> Scenario:
        """The scenario with other values of the parameters, in their order; its `warnings` are not told.

        Raises
        ------
        ScenarioError
            If the scenario does not allow them.
        """
        with untold():
            return changed(self.world, self.parameters, values)

    def replicates_words(self) -> str:
        """What will be simulated, in words."""
        counts = ((len(self.parameters), "parameter"), (len(self.targets), "figure"))
        said = ", ".join(f"{n} {what}{'s' * (n != 1)}" for n, what in counts)
        return f"{said}, {super().replicates_words()} of each candidate"

    def check(self) -> Iterator[Wrong]:
        """What is wrong inside the file."""
        if not self.parameters:
            yield Wrong("parameter", "there is no parameter to be fitted", allowed="[[parameter]] tables")
        if not self.targets:
            yield Wrong("target", "there is no target", allowed="[[target]] tables")
        yield from names_apart("parameter", "parameters", [one.name for one in self.parameters])
        yield from names_apart("target", "targets", [one.name for one in self.targets])

    def refuse(self) -> None:
        """Refuse what the scenario does not have or allow."""
        world = self.world
        with untold():
            problems = [
                p for i, one in enumerate(self.parameters) for p in unusable(self.file, i, one, world)
            ]
        first, last = world.simulation.start_date.year, world.simulation.end_date.year
        for i, target in enumerate(self.targets):
            if target.court is not None and target.court not in world.courts:
                problems.append(
                    Problem(
                        file=self.file, key=f"target[{i}].court", message="no court has this name",
                        found=target.court, allowed=", ".join(world.courts),
                        nearest=nearest_name(target.court, world.courts),
                    )
                )  # fmt: skip
            match = COURT_FIGURE.fullmatch(target.measure)
            if match and not first <= int(match[2]) <= last:
                problems.append(
                    Problem(
                        file=self.file, key=f"target[{i}].measure", message="this year is not simulated",
                        found=target.measure, allowed=f"{first} to {last}",
                    )
                )  # fmt: skip
        if problems:
            raise QuestionError(problems)

    def run(self, running: Running) -> CalibrationFound:
        """Search for the values that come nearest to the figures, and judge them with other replicates."""
        from best_sim.questions.calibration.run import calibrated

        return calibrated(self, running)
