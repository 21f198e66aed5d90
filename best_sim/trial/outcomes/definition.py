"""What an outcome is, what an effect on it is, and the arrays of one analysis."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from best_sim.pathway import Journeys

Kind = Literal["score", "count", "yes or no", "time", "amount"]
Estimand = Literal["intention-to-treat", "per protocol"]
Known = Literal["seen at the visit", "recorded until the visit", "recorded"]


@dataclass(frozen=True)
class Effect:
    """What a design may set as the effect of LIFT on an outcome.

    Attributes
    ----------
    parameter : str
        Dotted key that it sets.
    scale : {"difference", "ratio"}
        Of the parameter: LIFT less services as usual, or LIFT over services as usual.
    unit : str
        Of a difference, or what the ratio is of.
    short : str
        The same in the head of a table.
    better : int
        1 where more than none is better for children, -1 where less is, 0 where neither can be said.
    below, above : str
        What less, and more, than none means.
    to_received : bool
        Whether `outcomes.effect_applies_to` says to whom it applies; if not, it applies to all allocated to LIFT.
    of_outcome : bool
        Whether it shifts the outcome itself, in the outcome's unit, so that a closed form can take it.
    decimals : int
        With which it is written, at least; never fewer than it was entered with.
    """

    parameter: str
    scale: Literal["difference", "ratio"]
    unit: str
    short: str
    better: int
    below: str
    above: str
    to_received: bool
    of_outcome: bool
    decimals: int

    @property
    def none(self) -> float:
        """The value at which there is no effect."""
        return 1.0 if self.scale == "ratio" else 0.0

    @property
    def name(self) -> str:
        """What a value of it is, in a sentence."""
        return self.unit if self.scale == "ratio" else "direct effect"

    @property
    def allowed(self) -> str:
        """Which values may be entered, in words."""
        return f"a {self.unit}, above 0, 1 for none" if self.scale == "ratio" else f"a number of {self.unit}"

    def allows(self, value: float) -> bool:
        """Whether a value may be entered."""
        return self.scale == "difference" or value > 0.0

    def size(self, value: float) -> float:
        """How far a value is from none, whichever way; 0 for a value that is not known."""
        if not math.isfinite(value):
            return 0.0
        return abs(math.log(value)) if self.scale == "ratio" else abs(value)

    def side(self, value: float) -> str:
        """What a value other than none means for children, in words."""
        return self.above if value > self.none else self.below

    def applies_to(self, whom: str) -> str:
        """To whom it applies, where the scenario says `whom` of effects on outcomes: "received" or "allocated"."""
        return whom if self.to_received else "allocated"


@dataclass(frozen=True)
class Absent:
    """Why a child who was followed is in no analysis of an outcome: a name in the CONSORT flow, and in words."""

    name: str
    words: str


@dataclass(frozen=True)
class Recorded:
    """What a replicate's row records of an outcome besides means: a sum over the children of each arm.

    Attributes
    ----------
    name, unit : str
    of : callable
        ``of(data)`` gives an array, a row for each child.
    """

    name: str
    unit: str
    of: Callable[[AnalysisSet], np.ndarray]


@dataclass(frozen=True)
class Asked:
    """What is asked of an outcome in one analysis.

    Attributes
    ----------
    outcome : Outcome
    visit : {1, 2, 3}
    estimand : {"intention-to-treat", "per protocol"}
    complete : bool
        Leave out children whose score is not known.
    amounts : mapping of str to numpy.ndarray, optional
        By row of the table of children, for an outcome that is an amount.
    """

    outcome: Outcome
    visit: int
    estimand: Estimand = "intention-to-treat"
    complete: bool = True
    amounts: Mapping[str, np.ndarray] | None = None


@dataclass(frozen=True)
class Outcome:
    """One outcome: all that is said of it anywhere.

    Attributes
    ----------
    name : str
    kind : {"score", "count", "yes or no", "time", "amount"}
        Which analyses fit it.
    label : str
        In words.
    short : str
        In few words.
    unit : str
        Of its contrast on the scale of the outcome.
    axis : str
        The same where the outcome is not named beside it.
    each : str
        Of one child's value.
    better : int
        1 where an estimate above none is better for children, -1 where one below is, 0 where neither can be said.
    below, above : str
        What an estimate below, and above, none means.
    whom : str
        Who is measured.
    missing : str
        Of whom an analysis is that fills nothing in.
    known : {"seen at the visit", "recorded until the visit", "recorded"}
        What has to have happened for it to be known of a child.
    take : callable
        ``take(journeys, rows, asked)`` gives the analysis set of some rows of the table of children.
    complete : callable
        ``complete(journeys, asked)`` gives what every child of an eligible family would have shown, seen or not:
        value, whether with LIFT, and weight of each child; None where there is no such mean.
    effect : Effect or None
        What a design may set.
    instead : tuple of str
        Where there is no effect to set: parameters that lead to the outcome.
    absent : Absent or None
        Why a child who was followed may not be analysed; None where all are.
    records : tuple of Recorded
    amount : str
        Where it is made of prices and the event record: its name among the amounts.
    visit : int or None
        Of which visit it always is; None where the analysis says.
    takes_visit : bool
        Whether an analysis says of which visit it is, or until which it is counted.
    """

    name: str
    kind: Kind
    label: str
    short: str
    unit: str
    axis: str
    each: str
    better: int
    below: str
    above: str
    whom: str
    missing: str
    known: Known
    take: Callable[[Journeys, np.ndarray, Asked], AnalysisSet]
    complete: Callable[[Journeys, Asked], tuple[np.ndarray, np.ndarray, np.ndarray] | None]
    effect: Effect | None = None
    instead: tuple[str, ...] = ()
    absent: Absent | None = None
    records: tuple[Recorded, ...] = ()
    amount: str = ""
    visit: int | None = None
    takes_visit: bool = True


@dataclass(frozen=True)
class AnalysisSet:
    """Arrays of one analysis, a row for each child.

    Attributes
    ----------
    y : numpy.ndarray of float
        The outcome: the score at the visit; moves; 1 for three or more placements, else 0; days until permanence or
        until the child was no longer followed.
    treated : numpy.ndarray of float
        1 for LIFT, 0 for SAU, as allocated.
    family : numpy.ndarray of int
        The cluster.
    baseline : numpy.ndarray of float
        A score at the first visit, NaN where it was not taken; NaN for the other outcomes.
    covariates : numpy.ndarray of float, shape (children, columns)
        Baseline with its mean where missing, an indicator of missingness where any is missing, and sites but the first.
    received : numpy.ndarray of bool
        Whether the family received what it was allocated.
    had_lift : numpy.ndarray of bool
        Whether the family received LIFT.
    exposure : numpy.ndarray of float
        Years in care during which moves were counted; NaN for other outcomes.
    cause : numpy.ndarray of int
        Of a time: what permanence was, by number in `words.PLACEMENT_TYPES` plus one; 0 where it was not reached.
    visits : numpy.ndarray of float, shape (children, 3)
        Scores at all visits at which the family was seen, NaN elsewhere; NaN for the other outcomes.
    outcome, visit, estimand
        What was asked for.
    luck : tuple of int
        Seed, replicate and scoring, for an analysis that draws numbers itself.
    """

    y: np.ndarray
    treated: np.ndarray
    family: np.ndarray
    baseline: np.ndarray
    covariates: np.ndarray
    received: np.ndarray
    had_lift: np.ndarray = field(repr=False)
    exposure: np.ndarray = field(repr=False)
    cause: np.ndarray = field(repr=False)
    visits: np.ndarray = field(repr=False)
    outcome: str = "sdq"
    visit: int = 3
    estimand: Estimand = "intention-to-treat"
    luck: tuple[int, int, int] = (0, 0, 0)

    @property
    def event(self) -> np.ndarray:
        """Of a time: whether permanence was reached."""
        return self.cause > 0

    def only(self, which: np.ndarray) -> AnalysisSet:
        """The same of some children: those for whom `which` is true."""
        arrays = (one.name for one in fields(self) if isinstance(getattr(self, one.name), np.ndarray))
        return replace(self, **{name: getattr(self, name)[which] for name in arrays})
