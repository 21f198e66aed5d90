"""The plans of a scenario's boroughs, with the meaning that the simulation gives to its parameters."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from best_sim.trial.recruitment.plans import BoroughPlan, Floats, delay_by_day, of_sum_one

if TYPE_CHECKING:
    from best_sim.scenario import Scenario


def borough_plans(scenario: Scenario) -> tuple[BoroughPlan, ...]:
    """The plans of a scenario's boroughs, with the meaning that the simulation gives to its parameters.

    Parameters
    ----------
    scenario : Scenario

    Returns
    -------
    tuple of BoroughPlan
        In the scenario's order. Entries are families: children who start to be looked after for the
        first time, over the mean number of children in a family. The
        eligible are those who reach the court, without an older child where the site excludes such families, not
        first placed with a parent, and not excluded for another reason.

    Notes
    -----
    Left out, and so the ways in which the simulated number may differ: courts are taken to hear each case on the
    first day that they sit, families to be placed at the first hearing as they were at entry, orders to come after
    the parents' answer, and entry after issue not to be brought forward by a birth. In the shipped scenario of London
    a test finds all of this together to be within the Monte Carlo error of 500 replicates.
    """
    sizes = scenario.population.children_per_family.shares
    children = sum(n * share for n, share in enumerate(sizes, start=1))
    start = scenario.simulation.start_date
    if scenario.simulation.starts_with == "running":
        start -= dt.timedelta(days=math.ceil(scenario.simulation.warm_up))
    before = math.ceil(scenario.simulation.before_opening)
    first_opening: dict[str, dt.date] = {}
    for borough in scenario.boroughs.values():
        first_opening[borough.site] = min(borough.opens, first_opening.get(borough.site, borough.opens))
    to_randomisation = _to_randomisation(scenario)
    to_invitation = {
        name: _to_invitation_in_scotland(scenario)
        if court.jurisdiction == "Scotland"
        else _to_invitation(scenario)
        for name, court in scenario.courts.items()
    }
    plans = []
    for name, borough in scenario.boroughs.items():
        days_before = min(before, (first_opening[borough.site] - start).days)
        plans.append(
            BoroughPlan(
                name=name,
                opens=borough.opens,
                closes=borough.closes,
                entries=tuple(
                    (day, rate * scenario.entry.first_time_share / children) for day, rate in borough.entries
                ),
                eligible=_eligible(scenario, borough.site, scenario.courts[borough.court].jurisdiction),
                consent=scenario.sites[borough.site].consent,
                shape=_shape(borough.rate_variation),
                pauses=_pauses(scenario.sites[borough.site].recruiting, borough.opens, borough.closes),
                site=borough.site,
                title=borough.title,
                known_since=first_opening[borough.site] - dt.timedelta(days=days_before),
                to_invitation=to_invitation[borough.court],
                to_randomisation=to_randomisation,
            )
        )
    return tuple(plans)


def _shape(variation: float) -> float:
    return 1.0 / variation**2 if variation > 1e-6 else math.inf


def _eligible(scenario: Scenario, site: str, jurisdiction: str) -> float:
    """Share of families entering care in a site that are invited; in Scotland of those entering away from home."""
    place = scenario.sites[site]
    entry = scenario.entry
    young = 1.0 if place.invites_families_with_older_child else 1.0 - scenario.population.older_sibling_share
    if jurisdiction == "Scotland":
        return (1.0 - scenario.childrens_hearings.route["at_home"]) * young * (1.0 - place.other_exclusion)
    route = _routes(scenario)
    in_court = 1.0 - route["voluntary"] * entry.voluntary_never_in_proceedings
    # only an interim order lets a child live with parents, and so only those who come after issue do
    with_parents = route["during_proceedings"] * entry.first_placement["with_parents"]
    return (in_court - with_parents) * young * (1.0 - place.other_exclusion)


def _newborns(scenario: Scenario) -> float:
    """Share of families whose youngest child is newborn."""
    return _infants(scenario) * scenario.population.newborn_share_of_under_one


def _infants(scenario: Scenario) -> float:
    """Share of families whose youngest child is under one, on the middle day of the run: it changes little by year."""
    span = scenario.simulation
    middle = span.start_date + (span.end_date - span.start_date) / 2
    return scenario.population.under_one_share_of_youngest.at(middle)


def _voluntary_newborns(scenario: Scenario) -> float:
    """Of families whose youngest child is newborn, those who come in voluntarily: by the odds of the others, raised."""
    share = scenario.entry.route["voluntary"]
    raised = share * math.exp(scenario.entry.voluntary_newborn)
    return raised / (raised + 1.0 - share)


def _routes(scenario: Scenario) -> dict[str, float]:
    """Shares of families by the route on which they come into care, newborns and older together."""
    route, newborns = scenario.entry.route, _newborns(scenario)
    voluntary = (1.0 - newborns) * route["voluntary"] + newborns * _voluntary_newborns(scenario)
    rest = (1.0 - voluntary) / (1.0 - route["voluntary"]) if route["voluntary"] < 1.0 else 0.0
    return {name: voluntary if name == "voluntary" else share * rest for name, share in route.items()}


def _pauses(
    recruiting: Iterable[tuple[dt.date, float]], opens: dt.date, closes: dt.date | None
) -> tuple[tuple[dt.date, dt.date], ...]:
    """When the site does not recruit while the borough is open; without an end, to the last date there is."""
    series = list(recruiting)
    since = [dt.date.min, *(day for day, _ in series[1:])]
    until = [*since[1:], dt.date.max]
    last = dt.date.max if closes is None else closes
    return tuple(
        (max(a, opens), min(b, last))
        for a, b, (_, value) in zip(since, until, series, strict=True)
        if value <= 0.5 and max(a, opens) < min(b, last)
    )


def _to_randomisation(scenario: Scenario) -> tuple[float, ...]:
    trial = scenario.trial
    delays = [trial.consent_delay, trial.randomisation_delay]
    if trial.steps == "consent > baseline > randomisation":
        delays.append(trial.baseline_delay)
    return delay_by_day(*(delay.quantile for delay in delays))


def _to_invitation(scenario: Scenario) -> tuple[float, ...]:
    """From when a family becomes known to its first hearing, or to entry where that is later."""
    entry, notice = scenario.entry, scenario.proceedings.notice
    interim, removal = scenario.proceedings.interim, scenario.proceedings.removal
    # first hearings are listed from Monday to Friday
    working_days = _wait_for_next([1.0] * 4 + [3.0])
    managed = np.array(delay_by_day(notice.case_management.quantile, working_days))
    urgent = np.array(delay_by_day(notice.interim.quantile, working_days))
    newborns, route = _newborns(scenario), _routes(scenario)

    def first(share: float) -> Floats:
        return _mixture([(1.0 - share, managed), (share, urgent)])

    in_court = 1.0 - entry.voluntary_never_in_proceedings
    older = (1.0 - _infants(scenario)) * entry.route["voluntary"]
    infants = route["voluntary"] - older
    issued = _mixture(
        [
            (older, np.array(delay_by_day(entry.issue_after_voluntary.quantile))),
            (infants, np.array(delay_by_day(entry.issue_after_voluntary_under_one.quantile))),
        ]
    )
    voluntary = in_court * np.convolve(issued, first(interim.after_voluntary))
    after_order = (1.0 - newborns) * interim.after_order + newborns * interim.newborn
    ordered = np.convolve(delay_by_day(entry.issue_after_order.quantile), first(after_order))
    # removal during proceedings: when it is needed, at a hearing listed then but for emergencies
    due = np.array(delay_by_day(entry.entry_after_issue.quantile))
    heard = np.convolve(due, urgent)
    entered = _mixture([(removal.by_emergency_order, due), (1.0 - removal.by_emergency_order, heard)])
    hearing = first(0.0)
    return of_sum_one(
        _mixture(
            [
                (1.0, voluntary),
                (route["emergency_or_interim"], ordered),
                (route["during_proceedings"], _later_of(entered, hearing)),
            ]
        )
    )


def _to_invitation_in_scotland(scenario: Scenario) -> tuple[float, ...]:
    """From when a family becomes known, where a hearing removes the child from its referral, to the invitation."""
    section = scenario.childrens_hearings
    entered = np.array(delay_by_day(section.invitation.quantile))
    # a hearing sits from Monday to Friday
    referred = np.array(delay_by_day(section.referral_to_grounds.quantile, _wait_for_next([1.0] * 4 + [3.0])))
    by_hearing = section.route["hearing"] / (1.0 - section.route["at_home"])
    return of_sum_one(_mixture([(1.0 - by_hearing, entered), (by_hearing, np.convolve(referred, entered))]))


def _wait_for_next(gaps: Sequence[float]) -> Callable[[float], float]:
    """Quantile function of the wait, from any time of a cycle of gaps between sittings, for the next sitting."""
    lengths = np.sort(np.asarray(gaps, dtype=np.float64))
    cycle = lengths.sum()
    # P(wait <= w) is the length of all within w of a gap's end, over the cycle: linear between the gaps' lengths
    points = np.append(0.0, np.unique(lengths))
    levels = [float(np.minimum(lengths, w).sum() / cycle) for w in points]
    return lambda p: float(np.interp(p, levels, points))


def _mixture(parts: Sequence[tuple[float, Floats]]) -> Floats:
    out = np.zeros(max(len(shares) for _, shares in parts))
    for weight, shares in parts:
        out[: len(shares)] += weight * shares
    return out


def _later_of(one: Floats, other: Floats) -> Floats:
    """Shares by day of the later of two independent delays."""
    n = max(len(one), len(other))
    reached = np.cumsum(np.pad(one, (0, n - len(one)))) * np.cumsum(np.pad(other, (0, n - len(other))))
    return np.diff(reached, prepend=0.0)
