"""The outcomes that can be analysed, each defined once.

To add one, add it to `_ALL`: with a function of `best_sim.trial.outcomes.taking` that takes it from journeys, and, if
no analysis of its kind is there yet, one in `best_sim.trial.methods`.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, get_args

import numpy as np

from best_sim.pathway import words as W
from best_sim.trial.outcomes import taking
from best_sim.trial.outcomes.definition import Absent, AnalysisSet, Asked, Effect, Estimand, Outcome, Recorded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from best_sim.pathway import Journeys

_RECORDS = "children, by the local authority's own records"
_SEEN, _ALL_KNOWN = "Those seen", "Nobody is missing"

_ON_SDQ = Effect(
    parameter="outcomes.sdq.lift_effect",
    scale="difference",
    unit="SDQ points",
    short="points",
    better=-1,
    below="fewer difficulties",
    above="more difficulties",
    to_received=True,
    of_outcome=True,
    decimals=1,
)
_ON_MOVES = Effect(
    parameter="placements.unplanned.lift_hazard_ratio",
    scale="ratio",
    unit="hazard ratio of an unplanned move",
    short="hazard ratio",
    better=-1,
    below="fewer unplanned moves",
    above="more unplanned moves",
    to_received=False,
    of_outcome=False,
    decimals=2,
)

_ALL = (
    Outcome(
        name="sdq",
        kind="score",
        label="SDQ total difficulties, 0 to 40",
        short="SDQ",
        unit="points",
        axis="SDQ points",
        each="points",
        better=-1,
        below="fewer difficulties",
        above="more difficulties",
        whom="children old enough for the SDQ",
        missing=_SEEN,
        known="seen at the visit",
        take=taking.score,
        complete=taking.scores_of_all,
        effect=_ON_SDQ,
        absent=Absent("no_score", "seen, but no SDQ score"),
    ),
    Outcome(
        name="pirgas",
        kind="score",
        label="PIR-GAS, 1 to 100",
        short="PIR-GAS",
        unit="points",
        axis="PIR-GAS points",
        each="points",
        better=1,
        below="lower ratings",
        above="higher ratings",
        whom="children",
        missing=_SEEN,
        known="seen at the visit",
        take=taking.score,
        complete=taking.scores_of_all,
        effect=Effect(
            parameter="outcomes.pirgas.lift_effect",
            scale="difference",
            unit="PIR-GAS points",
            short="points",
            better=1,
            below="lower ratings",
            above="higher ratings",
            to_received=True,
            of_outcome=True,
            decimals=1,
        ),
        absent=Absent("no_rating", "seen, but no PIR-GAS rating"),
    ),
    Outcome(
        name="utility",
        kind="score",
        label="health utility, 0 to 1 (an assumed mapping)",
        short="utility",
        unit="utility",
        axis="utility",
        each="utility",
        better=1,
        below="lower utility",
        above="higher utility",
        whom="children old enough for the SDQ, from which the utility is made by an assumed line",
        missing=_SEEN,
        known="seen at the visit",
        take=taking.score,
        complete=taking.scores_of_all,
        effect=replace(_ON_SDQ, short="SDQ points", of_outcome=False),
        absent=Absent("no_utility", "seen, but no SDQ score to make a utility of"),
    ),
    Outcome(
        name="moves",
        kind="count",
        label="moves in care after randomisation",
        short="moves in care",
        unit="per child-year in care",
        axis="moves per child-year in care",
        each="moves",
        better=-1,
        below="fewer moves",
        above="more moves",
        whom=_RECORDS,
        missing=_ALL_KNOWN,
        known="recorded until the visit",
        take=taking.moves,
        complete=taking.by_exposure,
        effect=_ON_MOVES,
        records=(Recorded("exposure", "years in care", lambda data: data.exposure),),
    ),
    Outcome(
        name="three_or_more",
        kind="yes or no",
        label="three or more placements within a year of entry to care",
        short="three or more placements",
        unit="share",
        axis="share of children",
        each="share",
        better=-1,
        below="fewer children with three placements or more",
        above="more children with three placements or more",
        whom=_RECORDS,
        missing=_ALL_KNOWN,
        known="recorded",
        take=taking.three_or_more,
        complete=taking.as_analysed,
        effect=_ON_MOVES,
        absent=Absent("year_not_over", "first year of care not over by the end"),
        takes_visit=False,
    ),
    Outcome(
        name="permanence",
        kind="time",
        label="time from randomisation to permanence",
        short="time to permanence",
        unit="days",
        axis="days",
        each="days",
        better=0,
        below="later permanence",
        above="sooner permanence",
        whom="children who were not yet there when they were randomised, by the local authority's own records",
        missing=_ALL_KNOWN,
        known="recorded",
        take=taking.permanence,
        complete=taking.no_mean,
        instead=("lift.treats", "orders.placement_order.lift", "advice.lift"),
        absent=Absent("there_already", "permanent already when randomised, or not followed"),
        records=(Recorded("events", "events", lambda data: data.event),),
    ),
    Outcome(
        name="cost",
        kind="amount",
        label="cost per child to the horizon",
        short="cost",
        unit="GBP",
        axis="GBP",
        each="GBP",
        better=-1,
        below="lower cost",
        above="higher cost",
        whom="children followed to the horizon of the costs, by records",
        missing="Nobody followed to the horizon is missing",
        known="recorded",
        take=taking.amount,
        complete=taking.as_analysed,
        instead=(
            "costs.lift_overhead",
            "lift.weekly_hours.psychologists",
            "placements.unplanned.lift_hazard_ratio",
        ),
        absent=Absent("horizon_not_reached", "not followed to the horizon of the costs"),
        amount="cost",
        takes_visit=False,
    ),
    Outcome(
        name="net_benefit",
        kind="amount",
        label="net benefit per child at the scenario's threshold (an assumed utility)",
        short="net benefit",
        unit="GBP",
        axis="GBP",
        each="GBP",
        better=1,
        below="lower net benefit",
        above="higher net benefit",
        whom="children followed to the horizon of the costs and seen at the last visit",
        missing=_SEEN,
        known="seen at the visit",
        take=taking.amount,
        complete=taking.as_analysed,
        instead=("outcomes.sdq.lift_effect", "costs.lift_overhead", "lift.weekly_hours.psychologists"),
        absent=Absent("no_net_benefit", "no SDQ score, or not followed to the horizon of the costs"),
        amount="net_benefit",
        visit=W.VISITS,
        takes_visit=False,
    ),
)

OUTCOMES: Mapping[str, Outcome] = MappingProxyType({one.name: one for one in _ALL})
"""The outcomes that can be analysed, by name."""


def analysis_set(
    journeys: Journeys,
    outcome: str = "sdq",
    visit: int = 3,
    estimand: Estimand = "intention-to-treat",
    *,
    complete: bool = True,
    amounts: Mapping[str, np.ndarray] | None = None,
) -> AnalysisSet:
    """What is analysed of one trial: children of eligible randomised families.

    Parameters
    ----------
    journeys : Journeys
    outcome : str
        One of `OUTCOMES`.
    visit : {1, 2, 3}
        Of a score, the visit; of moves and of permanence, the visit until which they are counted. It makes no
        difference to an outcome that takes none (`Outcome.takes_visit`).
    estimand : {"intention-to-treat", "per protocol"}
        Everybody as allocated, or only families that received what they were allocated. Those who receive a service
        may differ from those who do not, so the second compares unlike groups.
    complete : bool
        Leave out children whose score is not known. If not, they are kept with a NaN, for analyses that impute.
    amounts : mapping of str to numpy.ndarray, optional
        By row of the table of children, where the outcome is a cost or a net benefit
        (`best_sim.measures.economics.amounts_of`).

    Returns
    -------
    AnalysisSet

    Raises
    ------
    ValueError
        If the outcome, the visit or the estimand is not one of these, or a cost or net benefit comes without amounts.

    Notes
    -----
    The SDQ is for children from two years, so most have no baseline. In a randomised trial a missing baseline may be
    given the mean of those measured, with an indicator of missingness, without biasing the comparison of arms
    (White and Thompson, Statistics in Medicine 2005;24:993-1007).

    A child below the age of the SDQ at the visit has no score to be missing, and is in no analysis of it.
    """
    asked = _asked(outcome, visit, estimand, complete, amounts)
    return asked.outcome.take(journeys, taking.children_of(journeys, estimand), asked)


def means_of_all(
    journeys: Journeys,
    outcome: str = "sdq",
    visit: int = 3,
    amounts: Mapping[str, np.ndarray] | None = None,
) -> tuple[float, float]:
    """What complete data would show: the mean outcome by arm of all children of eligible families, seen or not.

    Parameters
    ----------
    journeys, outcome, visit
        As `analysis_set` takes them.
    amounts : mapping of str to numpy.ndarray, optional
        As complete data would have them.

    Returns
    -------
    lift, sau : float
        The mean score or share; moves per year in care; NaN for a time, and for an arm without children.
    """
    asked = _asked(outcome, visit, "intention-to-treat", True, amounts)
    whole = asked.outcome.complete(journeys, asked)
    if whole is None:
        return np.nan, np.nan
    y, lift, weight = whole
    with_lift, without = weight[lift].sum(), weight[~lift].sum()
    return (
        float(y[lift].sum() / with_lift) if with_lift > 0 else np.nan,
        float(y[~lift].sum() / without) if without > 0 else np.nan,
    )


def _asked(
    outcome: str, visit: int, estimand: Estimand, complete: bool, amounts: Mapping[str, np.ndarray] | None
) -> Asked:
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome: found {outcome!r}, allowed {', '.join(map(repr, OUTCOMES))}")
    if visit not in range(1, W.VISITS + 1):
        raise ValueError(f"visit: found {visit!r}, allowed 1 to {W.VISITS}")
    if estimand not in get_args(Estimand):
        raise ValueError(f"estimand: found {estimand!r}, allowed {', '.join(map(repr, get_args(Estimand)))}")
    return Asked(OUTCOMES[outcome], visit, estimand, complete, amounts)
