"""Scenarios for the tests: small worlds in which almost nothing is left to chance, and what tests say of a run.

`plain_world` takes the shipped scenario of one site and switches everything off that can be: every delay is constant,
every probability 0 or 1, every covariate without effect, the court larger than it needs to be. A test then switches on
the one thing that it is about.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import differences
import numpy as np
from differences import Outcome, Words

from best_sim.engine import run_simpy, starts_table
from best_sim.pathway import simulate
from best_sim.pathway import words as W
from best_sim.pathway.journeys import Journeys
from best_sim.pathway.kinds import FAMILY_ENTERS
from best_sim.pathway.lowering import lower, state_of
from best_sim.pathway.model import PATHWAY, compiled_pathway
from best_sim.scenario import Duration, Scenario
from best_sim.scenario.bank_holidays import bank_holidays

MONDAY = dt.date(2018, 1, 1)
MORNING = 10.0 / 24.0
FOR_EVER = 1e6

Changes = Mapping[str, Any]


def days(value: float) -> Duration:
    """So many days, always."""
    return Duration.of("constant", value=value)


def exponential(mean: float) -> Duration:
    return Duration.of("exponential", mean=mean)


def even(low: float, high: float) -> Duration:
    return Duration.of("uniform", low=low, high=high)


def always(value: float, since: dt.date = dt.date(2000, 1, 1)) -> list[dict[str, Any]]:
    """A dated series of one value."""
    return [{"from": since, "value": value}]


def in_days(value: float) -> dict[str, Any]:
    """A time given in days, whatever the unit of the scenario."""
    return {"value": value, "unit": "days"}


def after(n: float) -> dt.date:
    """The n-th day of a plain world, which begins on a Monday."""
    return MONDAY + dt.timedelta(days=n)


TEAM = "lift.teams.glasgow"
COURT = "courts.glasgow"
SITE = "sites.glasgow"
BOROUGH = "boroughs.glasgow"
HEARINGS = ("interim", "case_management", "issues_resolution", "final")
COVARIATES = (
    "under_one", "newborn", "year_over_five", "need", "kin", "with_kin", "with_parents", "removed",
    "early_permanence", "lift", "return_advised",
)  # fmt: skip
DIRECTIONS = ("home", "special_guardianship", "child_arrangements", "placement_order", "care_order")
BY_SOCIAL_WORKERS = {
    "parent_infant_psychotherapy": 0.0, "circle_of_security": 1.0, "video_interaction_guidance": 0.0,
}  # fmt: skip
CERTAIN = 10.0
"""Log odds as near to always as a scenario may say."""

PLAIN: dict[str, Any] = {
    "simulation.start_date": MONDAY,
    "simulation.end_date": after(3650),
    "simulation.starts_with": "empty",
    "population.children_per_family": {"one": 1.0, "two": 0.0, "three": 0.0},
    "population.older_sibling_share": 0.0,
    "population.kin_available_share": 0.0,
    "population.frailty_sd": 0.0,
    "entry.route": {"voluntary": 0.0, "emergency_or_interim": 1.0, "during_proceedings": 0.0},
    "entry.voluntary_never_in_proceedings": 0.0,
    "entry.first_time_share": 1.0,
    "entry.voluntary_newborn": 0.0,
    "entry.issue_after_voluntary": days(0),
    "entry.issue_after_voluntary_under_one": days(0),
    "entry.issue_after_order": days(0),
    "entry.entry_after_issue": days(0),
    "entry.voluntary_stay": days(FOR_EVER),
    "entry.hospital_share_of_newborns": 0.0,
    "entry.first_placement": {"foster": 1.0, "kinship_foster": 0.0, "parent_and_baby": 0.0, "with_parents": 0.0},
    "trial.target_families": 1_000_000,
    "trial.stops_at_target": False,
    "trial.consent_delay": days(0),
    "trial.randomisation_delay": days(0),
    "trial.baseline_delay": days(0),
    "trial.found_ineligible": 0.0,
    "trial.allocation.method": "simple",
    f"{SITE}.recruiting": always(1),
    f"{SITE}.consent": 1.0,
    f"{SITE}.other_exclusion": 0.0,
    f"{SITE}.invites_families_with_older_child": True,
    f"{COURT}.sitting_days_per_week": always(5000),
    f"{COURT}.jurisdiction": "England and Wales",
    f"{COURT}.hours_per_sitting_day": 10,
    f"{COURT}.other_cases": always(0),
    "proceedings.content": always(1),
    "proceedings.complexity_sd": 0.0,
    **{f"proceedings.interim.{name}": 0.0 for name in ("after_voluntary", "after_order", "newborn")},
    "proceedings.removal.by_emergency_order": 0.0,
    "proceedings.timetable": in_days(70),
    "proceedings.pull.strength": 0.0,
    "proceedings.stretch": 0.0,
    "proceedings.urgent_stretch": 0.0,
    "proceedings.adjournment.growth": 0.0,
    "proceedings.evidence_patience": in_days(FOR_EVER),
    "proceedings.evidence_patience_outside_limit": in_days(FOR_EVER),
    "proceedings.contested_final": 1.0,
    "proceedings.agreed_at_issues_resolution": 0.0,
    **{f"proceedings.notice.{name}": days(0) for name in (*HEARINGS, "further")},
    **{f"proceedings.hours.{name}": 1.0 for name in HEARINGS},
    **{f"proceedings.adjournment.{name}": 0.0 for name in HEARINGS},
    "sau.assessor": {"in_house": 1.0, "independent_social_worker": 0.0, "external_expert": 0.0},
    "sau.not_assessed": 0.0,
    "sau.in_house": days(60),
    "lift.declines": 0.0,
    "lift.leaves_in_assessment": 0.0,
    "lift.patience": in_days(FOR_EVER),
    "lift.meeting": days(0),
    "lift.treats": 0.0,
    "lift.leaves_treatment": 0.0,
    f"{TEAM}.social_workers": always(100),
    f"{TEAM}.psychologists": always(0),
    f"{TEAM}.psychiatrists": always(0),
    f"{TEAM}.families_per_clinician": 1.0,
    "lift.weekly_hours.psychologists": 0.0,
    "lift.weekly_hours.psychiatrists": 0.0,
    "lift.not_possible": 0.0,
    "lift.court_waits": days(FOR_EVER),
    "lift.treats_carers": 0.0,
    f"{SITE}.assessment_ratio": 1.0,
    "lift.treatment_under_one": BY_SOCIAL_WORKERS,
    "lift.treatment_older": BY_SOCIAL_WORKERS,
    f"{TEAM}.assessment": days(60),
    f"{TEAM}.treatment": days(100),
    f"{TEAM}.other_referrals": always(0),
    "advice.intercept": -CERTAIN,
    **{f"advice.{name}": 0.0 for name in ("need", "under_one", "lift")},
    "orders.no_order_share": 0.0,
    **{f"orders.{name}.{x}": 0.0 for name in DIRECTIONS for x in ("intercept", *COVARIATES)},
    **{
        f"placements.unplanned.{name}": 0.0
        for name in (
            "foster", "kinship_foster", "parent_and_baby", "with_parents", "with_parents_first_month",
            "placed_for_adoption", "long_term_foster", "residential", "early_permanence", "age", "need",
        )
    },
    "placements.unplanned.lift_hazard_ratio": 1.0,
    "placements.unplanned.next_placement": {"foster": 1.0, "kinship_foster": 0.0, "residential": 0.0},
    **{f"placements.bridging.{share}": 0.0 for share in ("first_share", "first_share_of_newborns")},
    "placements.bridging.again_share": 0.0,
    "placements.planned.to_kin_share": 0.0,
    "placements.planned.home_first_share": 0.0,
    "placements.planned.early_permanence_share": 0.0,
    "placements.planned.no_match_share": 0.0,
    "placements.planned.guardianship_by_kin": 0.0,
    "placements.planned.guardianship_by_foster_carers": 0.0,
    **{f"placements.planned.adoption_match_older.{age}": 1.0 for age in ("one", "two", "three", "four")},
    **{
        f"placements.breakdown.{name}": 0.0
        for name in (
            "home_first_year", "home_second_year", "home_later", "special_guardianship", "child_arrangements",
            "adoption", "adoption_later", "issued_again",
        )
    },
    "visits.first": {"value": 1, "unit": "months"},
    "visits.window": in_days(0),
    "visits.arranging": days(0),
    **{f"visits.counted_from.{name}": "randomisation" for name in ("first", "second", "third")},
    **{f"visits.retention.{name}": CERTAIN for name in ("first", "second", "third")},
    **{f"visits.retention.{name}": 0.0 for name in ("lift", "with_adopters", "at_home", "per_move", "reach_sd")},
    f"{BOROUGH}.opens": MONDAY,
    f"{BOROUGH}.entries": always(1000),
    f"{BOROUGH}.rate_variation": 0.0,
}  # fmt: skip

_BASE: list[Scenario] = []


def plain_world(changes: Changes | None = None, /, **more: Any) -> Scenario:
    """The plain world with some parameters changed, by dotted name."""
    if not _BASE:
        _BASE.append(Scenario.load("glasgow").replace(PLAIN))
    wanted = {**(changes or {}), **more}
    return _BASE[0].replace(wanted) if wanted else _BASE[0]


def run(scenario: Any, seed: int = 1, replicate: int = 0, arm: str | None = None) -> Journeys:
    """One replicate, compiled."""
    return simulate(scenario, seed=seed, replicate=replicate, engine="compiled", arm=arm)


def run_known_at(
    scenario: Scenario, *known: float, arm: str | None = None, engine: str = "compiled"
) -> Journeys:
    """One replicate in which as many families become known as times are given, just then."""
    lowered = lower(scenario, arm)
    state = next(
        s
        for s in (state_of(lowered, seed, 0) for seed in range(10_000))
        if len(s.tables["families"]) == len(known)
    )
    state.tables["families"]["known_at"] = known
    starts = state.starts.copy()
    starts["time"][starts["kind"] == FAMILY_ENTERS] = known
    state.starts = starts_table(starts["time"].tolist(), starts["kind"].tolist(), starts["index"].tolist())
    got = run_simpy(PATHWAY, state) if engine == "simpy" else compiled_pathway().run(state)
    return Journeys.from_run(got, lowered, int(state.world["seed"][0]), 0)


def rows(journeys: Journeys, events: int | tuple[int, ...]) -> np.ndarray:
    """Rows of the event record of one name, or of any of some."""
    return journeys.record[np.isin(journeys.record["event"], events)]


def assert_agrees(simulated: float, error: float, exact: float, what: str, catches: float = 0.02) -> None:
    """The simulated figure is within 4 Monte Carlo standard errors of the exact one, and 4 of them are at most 2 %.

    The second half says that the test could fail: a model that is 2 % off lies outside what is allowed.
    """
    off = (simulated - exact) / error
    assert abs(off) <= 4.0, (
        f"{what}: simulated {simulated:.6g}, exact {exact:.6g}: {off:+.1f} Monte Carlo standard errors, "
        f"{simulated / exact - 1:+.2%}"
    )
    assert 4.0 * error <= catches * abs(exact), (
        f"{what}: too few replicates to catch an error of {catches:.0%}: 4 x {error:.3g} of {exact:.6g}"
    )


def mean_and_error(batches: np.ndarray) -> tuple[float, float]:
    """Mean of independent figures, and its standard error."""
    return float(np.mean(batches)), float(np.std(batches, ddof=1) / np.sqrt(len(batches)))


def ratio_and_error(top: np.ndarray, bottom: np.ndarray) -> tuple[float, float]:
    """Ratio of the sums over independent replicates, and its standard error (delta method)."""
    top, bottom = np.asarray(top, float), np.asarray(bottom, float)
    ratio = top.sum() / bottom.sum()
    return ratio, float(np.sqrt(len(top)) * np.std(top - ratio * bottom, ddof=1) / bottom.sum())


def controlled_mean(figures: np.ndarray, controls: np.ndarray) -> tuple[float, float]:
    """Mean of independent figures, and its standard error, with the help of controls whose mean is known to be zero.

    The intercept of the regression of the figures on the controls (Lavenberg and Welch 1981).
    """
    design = np.column_stack([np.ones(len(figures)), controls])
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ figures
    left = figures - design @ beta
    spread = left @ left / (len(figures) - design.shape[1])
    return float(beta[0]), float(np.sqrt(spread * inverse[0, 0]))


class JourneyWords(Words):
    """The pathway's words for what differs: the child, group, family or case, and the calendar day."""

    def __init__(
        self, tables: Mapping[str, np.ndarray], names: Mapping[str, tuple[str, ...]], start_date: dt.date
    ) -> None:
        self._tables, self._names, self._start_date = tables, names, start_date

    def day(self, time: float) -> str:
        try:
            return f"day {float(time)!r} ({self._start_date + dt.timedelta(days=float(np.floor(time)))})"
        except (OverflowError, ValueError):  # a driver that went wrong may say anything
            return f"day {float(time)!r} (no date)"

    def event(self, row: np.void) -> str:
        if not 0 <= row["event"] < len(W.EVENTS):
            return f"event {row['event']}, which there is not, with {float(row['value'])!r}"
        event = W.EVENTS[row["event"]]
        return f"{event.name} with {float(row['value'])!r} [{event.value}]"

    def whom(self, row: np.void) -> str:
        if not 0 <= row["event"] < len(W.EVENTS):
            return f"subject {row['subject']}"
        return self.owner(_TABLE_OF[W.EVENTS[row["event"]].subject], int(row["subject"]))

    def owner(self, table: str, index: int) -> str:
        rows = self._tables.get(table)
        if table in self._names and index < len(self._names[table]):
            return f"{_SUBJECT_OF[table]} {index}, {self._names[table][index]}"
        if rows is None or table not in _SUBJECT_OF or not 0 <= index < len(rows):
            return f"{_SUBJECT_OF.get(table, table)} {index}"
        who, row = f"{_SUBJECT_OF[table]} {index}", rows[index]
        if table == "families":
            return f"{who} of {self._names['boroughs'][row['borough']]}, {_counted(row['n_children'])}"
        if table == "others":
            return f"{who}, referred to {self._names['teams'][row['team']]}"
        if row["index"] < 0:
            return f"{who}, which never came to be"
        if table == "children":
            family = self.owner("families", int(row["family"]))
            return f"{who}, {row['age_at_entry']:.0f} days old at entry, in group {row['group']} of {family}"
        if table == "groups":
            return f"{who}, {_counted(row['n_children'])} of {self.owner('families', int(row['family']))}"
        of = f"group {row['group']} of " if row["group"] >= 0 else ""
        return f"{who} of {of}{self.owner('families', int(row['family']))}"

    def about(self, events: np.ndarray, row: np.void | None, table: str, index: int) -> np.ndarray:
        if row is not None and not 0 <= row["event"] < len(W.EVENTS):
            return super().about(events, row, table, index)
        if row is not None:
            table, index = _TABLE_OF[W.EVENTS[row["event"]].subject], int(row["subject"])
        subjects = np.asarray([_TABLE_OF[event.subject] for event in W.EVENTS], object)[events["event"]]
        family = self._family(table, index)
        if family is None:
            return (subjects == table) & (events["subject"] == index)
        same = np.zeros(len(events), bool)
        for each in ("families", "groups", "cases"):
            of_family = np.flatnonzero(
                self._tables[each]["index" if each == "families" else "family"] == family
            )
            same |= (subjects == each) & np.isin(events["subject"], of_family)
        return same

    def _family(self, table: str, index: int) -> int | None:
        """The family that a row of a table belongs to."""
        if table == "families":
            return index
        if table in ("children", "groups", "cases") and self._tables[table]["index"][index] >= 0:
            return int(self._tables[table]["family"][index])
        return None


_SUBJECT_OF = {
    "families": "family", "children": "child", "groups": "group", "cases": "case", "others": "other referral",
    "boroughs": "borough", "sites": "site", "courts": "court", "teams": "team",
}  # fmt: skip
_TABLE_OF = {"family": "families", "group": "groups", "case": "cases", "team": "teams", "other": "others",
             "world": "world"}  # fmt: skip


def _counted(children: int) -> str:
    return "1 child" if children == 1 else f"{children} children"


def are_working_days(journeys: Journeys, times: np.ndarray, jurisdiction: str) -> np.ndarray:
    """Whether each of these times is on a working day of a jurisdiction."""
    days, of = np.unique(np.floor(times), return_inverse=True)
    dates = [journeys.date(day) for day in days]
    fine = [day.weekday() < 5 and day not in bank_holidays(jurisdiction, day.year) for day in dates]
    return np.asarray(fine, bool)[of]


def first_difference(expected: Journeys, got: Journeys) -> str | None:
    """Where two runs differ first, as who, when, expected, got; None where they are the same to the last bit."""
    one, two = (
        Outcome(
            each.record,
            {
                **each.tables,
                "names of resources": each.resources["resource"].to_numpy(dtype="U"),
                "resources": each.resources.drop(columns="resource").to_records(index=False),
            },
            each.n_steps,
        )
        for each in (expected, got)
    )
    return differences.first_difference(
        one, two, JourneyWords(expected.tables, expected.names, expected.start_date)
    )
