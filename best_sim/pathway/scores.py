"""Outcome scores at the trial's visits, made from what happened to the children.

Nothing in the pathway depends on a score, so scores are no part of a run: they are computed afterwards, for the
children of families whose visit fell due, from the run's tables and the same random numbers. One run can so be scored
under many assumptions about outcomes (an effect, a spread, a correlation), for a small part of what simulating it again
would cost.

Scores exist whether or not a family is seen; the trial has only those that were.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from best_sim.engine.luck import uniforms_at
from best_sim.pathway import words as W
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.pathway.rules import purposes
from best_sim.scenario.durations import MONTH

if TYPE_CHECKING:
    from best_sim.scenario import Scenario

SCORES = ("sdq", "pirgas", "utility")
_APART = 16
"""Between the counts of one scoring's random numbers and the next's."""
_LOW_SDQ, _HIGH_SDQ, _LOW_PIRGAS, _HIGH_PIRGAS = 0.0, 40.0, 1.0, 100.0


@dataclass(frozen=True)
class OutcomeModel:
    """The parameters that scores depend on, and nothing else does: `outcomes.*` of a scenario.

    Attributes
    ----------
    effect_on_received : bool
        Whether the effect of LIFT is on those who received it by the visit, rather than on all allocated to it.
    sdq_mean, sdq_sd, sdq_icc, sdq_correlation
        By visit, mean; standard deviation; correlation of siblings, and of one child's visits.
    sdq_need, sdq_lift, sdq_move, sdq_month
        Correlation of the family's trait with its need; points for LIFT, for each move, and for each month until
        permanence.
    sdq_from_age : float
        Days of age below which there is no SDQ.
    pirgas_mean, pirgas_sd, pirgas_icc, pirgas_correlation, pirgas_lift
        As of the SDQ; mean and standard deviation by visit.
    utility_at_zero, utility_sdq, utility_sd
        Utility where the SDQ is 0, its change for each point, and its spread.
    """

    effect_on_received: bool
    sdq_mean: tuple[float, float, float]
    sdq_sd: float
    sdq_icc: float
    sdq_correlation: float
    sdq_need: float
    sdq_lift: float
    sdq_move: float
    sdq_month: float
    sdq_from_age: float
    pirgas_mean: tuple[float, float, float]
    pirgas_sd: tuple[float, float, float]
    pirgas_icc: float
    pirgas_correlation: float
    pirgas_lift: float
    utility_at_zero: float
    utility_sdq: float
    utility_sd: float

    @classmethod
    def of(cls, scenario: Scenario) -> OutcomeModel:
        """Those of a scenario."""
        o = scenario.outcomes
        sdq, pirgas, utility = o.sdq, o.pirgas, o.utility
        return cls(
            effect_on_received=o.effect_applies_to == "received",
            sdq_mean=(float(sdq.mean_first), float(sdq.mean_second), float(sdq.mean_third)),
            sdq_sd=float(sdq.sd),
            sdq_icc=float(sdq.sibling_correlation),
            sdq_correlation=float(sdq.correlation_over_time),
            sdq_need=float(sdq.need),
            sdq_lift=float(sdq.lift_effect),
            sdq_move=float(sdq.per_move),
            sdq_month=float(sdq.per_month_to_permanence),
            sdq_from_age=float(sdq.youngest_age),
            pirgas_mean=(float(pirgas.mean_first), float(pirgas.mean_second), float(pirgas.mean_third)),
            pirgas_sd=(float(pirgas.sd_first), float(pirgas.sd_second), float(pirgas.sd_third)),
            pirgas_icc=float(pirgas.sibling_correlation),
            pirgas_correlation=float(pirgas.correlation_over_time),
            pirgas_lift=float(pirgas.lift_effect),
            utility_at_zero=float(utility.at_sdq_zero),
            utility_sdq=float(utility.per_sdq_point),
            utility_sd=float(utility.sd),
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> OutcomeModel:
        """From what `dataclasses.asdict` gave, perhaps by way of JSON."""
        got = {one.name: values[one.name] for one in fields(cls)}
        model: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in got.items()}
        return cls(**model)


@dataclass(frozen=True, eq=False)
class Scores(Mapping[str, np.ndarray]):
    """Scores by name (`SCORES`), each made when it is first asked for.

    Each is an array of a row for every row of the table of children and a column for every visit: NaN where there was
    no child, no visit fell due, or the child was too young.

    Parameters
    ----------
    tables : dict of numpy.ndarray
        Final tables of a run.
    seed, replicate : int
        Random seed and number of the replicate.
    model : OutcomeModel
    scoring : int
        The n-th time that this run is scored, from 0, with new random numbers: the same pathway, another day's answers
        and children of another temper. Need, which the pathway depends on too, stays what it was.
    """

    tables: dict[str, np.ndarray]
    seed: int
    replicate: int
    model: OutcomeModel
    scoring: int = 0
    _made: dict[str, np.ndarray] = field(default_factory=dict, init=False, repr=False)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in SCORES:
            raise KeyError(name)
        if name not in self._made:
            made: Callable[[], np.ndarray] = getattr(self, f"_{name}")
            scores = np.full((len(self.tables["children"]), W.VISITS), np.nan)
            rows = self._rows
            scores[rows] = np.where(self._due, made(), np.nan)
            self._made[name] = scores
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(SCORES)

    def __len__(self) -> int:
        return len(SCORES)

    # --- who is scored, and what had happened by then -------------------------------------------------------
    def _once(self, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    @property
    def _rows(self) -> np.ndarray:
        """Rows of children for whom some visit fell due."""

        def make() -> np.ndarray:
            families = self.tables["families"]
            of = np.flatnonzero(families["arm"] != W.NOT_ALLOCATED)
            of = of[families["visit_state"][of, 0] > 0]
            rows = (of[:, None] * LARGEST_FAMILY + np.arange(LARGEST_FAMILY)).ravel()
            return rows[self.tables["children"]["index"][rows] >= 0]

        return self._once("rows", make)

    def _of_family(self, name: str) -> np.ndarray:
        return self.tables["families"][name][self._rows // LARGEST_FAMILY]

    def _of_child(self, name: str) -> np.ndarray:
        return self.tables["children"][name][self._rows]

    @property
    def _due(self) -> np.ndarray:
        return self._once("due", lambda: self._of_family("visit_state") > 0)

    @property
    def _at(self) -> np.ndarray:
        return self._once("at", lambda: self._of_family("visit_at"))

    @property
    def _counts_as_lift(self) -> np.ndarray:
        """By child and visit: whether a direct effect of LIFT applies."""

        def make() -> np.ndarray:
            lift = (self._of_family("arm") == W.LIFT)[:, None]
            if not self.model.effect_on_received:
                return np.broadcast_to(lift, self._at.shape)
            received = (self._of_family("receipt") == W.RECEIVED)[:, None]
            return lift & received & (self._of_family("settled")[:, None] <= self._at)

        return self._once("counts_as_lift", make)

    # --- random numbers -----------------------------------------------------------------------------------------------
    def _normals(self, who: Callable[[str], np.ndarray], why: int, count: int) -> np.ndarray:
        address = (np.ascontiguousarray(who("stream")), np.ascontiguousarray(who("number")))
        return ndtri(uniforms_at(self.seed, self.replicate, *address, why, count + _APART * self.scoring))

    def _occasions(self, why: int) -> np.ndarray:
        return np.column_stack([self._normals(self._of_child, why, k) for k in range(W.VISITS)])

    def _trait(
        self, of_family: int, of_child: int, icc: float, correlation: float, need: float
    ) -> np.ndarray:
        """A standard normal trait whose scores correlate over time and between siblings as given.

        A score is sqrt(correlation) x trait + sqrt(1 - correlation) x occasion; siblings' scores then correlate by
        `icc` when their traits correlate by icc / correlation.
        """
        shared = min(1.0, icc / correlation) if correlation > 0.0 else 0.0
        family = need * self._of_family("need") + math.sqrt(1.0 - need * need) * self._normals(
            self._of_family, of_family, 0
        )
        own = self._normals(self._of_child, of_child, 0)
        return math.sqrt(shared) * family + math.sqrt(1.0 - shared) * own

    # --- the scores -----------------------------------------------------------------------------------------
    def _sdq(self) -> np.ndarray:
        """SDQ total difficulties: 0 to 40, whole; NaN below the age it is meant for."""
        m, r, at = self.model, self.model.sdq_correlation, self._at
        trait = self._trait(
            purposes.SDQ_TRAIT_FAMILY, purposes.SDQ_TRAIT_CHILD, m.sdq_icc, m.sdq_correlation, m.sdq_need
        )
        z = math.sqrt(r) * trait[:, None] + math.sqrt(1.0 - r) * self._occasions(purposes.SDQ_OCCASION)
        score = np.asarray(m.sdq_mean) + m.sdq_sd * z
        entered = self._of_family("entered")[:, None]
        permanent = self.tables["groups"]["permanent_at"][self._of_child("group")][:, None]
        until = np.fmin(permanent, at)
        since_entry = (
            m.sdq_lift * self._counts_as_lift
            + m.sdq_move * self._of_child("moves_then")
            + m.sdq_month * (until - entered) / MONTH
        )
        score[:, 1:] += since_entry[:, 1:]
        young = self._of_child("age_at_entry")[:, None] + at - entered < m.sdq_from_age
        return np.where(young, np.nan, np.clip(np.floor(score + 0.5), _LOW_SDQ, _HIGH_SDQ))

    def _pirgas(self) -> np.ndarray:
        """PIR-GAS: 1 to 100, whole."""
        m, r = self.model, self.model.pirgas_correlation
        trait = self._trait(
            purposes.PIRGAS_FAMILY, purposes.PIRGAS_CHILD, m.pirgas_icc, m.pirgas_correlation, 0.0
        )
        z = math.sqrt(r) * trait[:, None] + math.sqrt(1.0 - r) * self._occasions(purposes.PIRGAS_OCCASION)
        score = np.asarray(m.pirgas_mean) + np.asarray(m.pirgas_sd) * z
        score[:, 1:] += m.pirgas_lift * self._counts_as_lift[:, 1:]
        return np.clip(np.floor(score + 0.5), _LOW_PIRGAS, _HIGH_PIRGAS)

    def _utility(self) -> np.ndarray:
        """Health utility from the SDQ (an assumption throughout): 0 to 1; NaN where there is no SDQ."""
        m = self.model
        value = m.utility_at_zero + m.utility_sdq * self["sdq"][self._rows]
        return np.clip(value + m.utility_sd * self._occasions(purposes.UTILITY), 0.0, 1.0)
