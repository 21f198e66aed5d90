"""A scenario made into records, and the state from which a replicate starts.

A parameter becomes a field of the same path (`best_sim.pathway.parameters`). What is written out here is what has to be
computed from several: hazards by placement type and band, places, diaries, who is known when.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincinv

from best_sim.engine.luck import purpose, series_record, stream, uniform_at, uniforms_at
from best_sim.engine.maths import log, logs
from best_sim.engine.model import State, starts_table
from best_sim.pathway.kinds import FAMILY_ENTERS, OTHER_CASES, OTHER_REFERRAL, TEAM_CALENDAR
from best_sim.pathway.parameters import names_of, write_parameters
from best_sim.pathway.records import LARGEST_FAMILY, MOST_HOLIDAYS, PIECES, TABLES, WORLD
from best_sim.pathway.rules.placements import BY_ARRANGEMENT
from best_sim.pathway.scores import OutcomeModel
from best_sim.pathway.words import (
    ADOPTED,
    ARMS,
    HOME,
    OUT_OF_CARE,
    PLACEMENT_TYPES,
    PROFESSIONS,
    SHORT_STAYS,
    SPECIAL_GUARDIANSHIP,
    WITH_PARENTS,
)
from best_sim.scenario.bank_holidays import bank_holidays
from best_sim.scenario.durations import MONTH, WEEK, YEAR
from best_sim.scenario.schema import Court

if TYPE_CHECKING:
    from collections.abc import Mapping

    from best_sim.scenario import Scenario, Series
    from best_sim.scenario.schema import Placements, Team, WeeklyHours
    from best_sim.scenario.values import Section

PLACES_OF = ("social_work", "psychology", "psychiatry")
"""Where a team's record has the dated places of each profession."""
ARRIVAL = purpose("arrival of a family")
RATE = purpose("rate of a borough")
OTHER_ARRIVAL = purpose("arrival of another referral")


@dataclass(frozen=True)
class Lowered:
    """A scenario as records, made once and used for every replicate.

    Attributes
    ----------
    scenario : str
        The scenario's name.
    overridden : tuple of str
        What was overridden in it, in words.
    world : numpy.ndarray
        The world record with every parameter, before a seed is set.
    fixed : dict of numpy.ndarray
        Tables that are the same in every replicate: boroughs, sites, courts, teams.
    capacities, diaries, day_hours, stretch : numpy.ndarray
        Places of each resource; free hours of each court on each day; hours of one courtroom's day; what a day takes
        beyond its hours, for each day of waiting.
    resources : tuple of str
        Names of the resources, in their order.
    names : dict of tuple of str
        Names of boroughs, sites, courts and teams, in order of their numbers; and of each court's jurisdiction.
    start, end : float
        First and last moment, days since `start_date`.
    begins : dict of numpy.ndarray
        Moments from which each borough, court and team is simulated.
    outcomes : OutcomeModel
        What scores are made by, once the run is over.
    """

    scenario: str
    overridden: tuple[str, ...]
    world: np.ndarray
    fixed: dict[str, np.ndarray]
    capacities: np.ndarray
    diaries: np.ndarray
    day_hours: np.ndarray
    stretch: np.ndarray
    resources: tuple[str, ...]
    entries: tuple[tuple[int, np.ndarray, np.ndarray, float], ...]
    referrals: tuple[tuple[int, np.ndarray, np.ndarray], ...]
    names: dict[str, tuple[str, ...]]
    start_date: dt.date
    start: float
    begins: dict[str, np.ndarray]
    end: float
    outcomes: OutcomeModel


def lower(scenario: Scenario, arm: str | None = None) -> Lowered:
    """Make the records of a scenario.

    Parameters
    ----------
    scenario : Scenario
    arm : {"SAU", "LIFT"}, optional
        Allocate every family to this arm, whatever is drawn; for tracing one child through both services.
    """
    start_date = scenario.simulation.start_date
    end = float((scenario.simulation.end_date - start_date).days)
    # whole days, so that the court's days begin at midnight
    running = scenario.simulation.starts_with == "running"
    start = 0.0 - math.ceil(scenario.simulation.warm_up) if running else 0.0  # never -0.0
    world = np.zeros(1, WORLD)
    w = world[0]
    w["end"] = end
    w["first_weekday"] = start_date.weekday()
    w["forced_arm"] = 0 if arm is None else ARMS.index(arm)
    w["bank_holidays"] = [_holidays(law, start_date, start, end) for law in names_of(Court, "jurisdiction")]
    w["hazard"], w["hazard_until"] = _hazards(scenario.placements)
    write_parameters(world, 0, scenario.parameters, start_date)

    sites = _named(scenario.sites, "sites", start_date)
    courts = _named(scenario.courts, "courts", start_date)
    n_days = math.ceil(end - start) + 2
    diaries = np.zeros((2 * len(courts), n_days))
    day_hours = np.zeros(2 * len(courts))
    for i, (row, court) in enumerate(zip(courts, scenario.courts.values(), strict=True)):
        row["diary"], row["urgent_diary"] = 2 * i, 2 * i + 1
        diaries[2 * i : 2 * i + 2] = _diaries(court, start_date, start, n_days)
        day_hours[2 * i : 2 * i + 2] = court.hours_per_sitting_day
    stretch = np.tile(
        np.array([scenario.proceedings.stretch, scenario.proceedings.urgent_stretch]) / WEEK, len(courts)
    )

    resources: list[str] = []
    capacities: list[int] = []
    teams = _named(scenario.lift.teams, "teams", start_date)
    referrals = []
    for i, (row, team) in enumerate(zip(teams, scenario.lift.teams.values(), strict=True)):
        times, places = _places(team, scenario.lift.weekly_hours, start_date)
        now = max(0, int(np.searchsorted(times, start, side="right")) - 1)
        for k, (profession, field) in enumerate(zip(PROFESSIONS, PLACES_OF, strict=True)):
            row["resource"][k] = len(resources)
            resources.append(f"lift.{list(scenario.lift.teams)[i]}.{profession}")
            capacities.append(int(places[k, now]))
            row[field] = series_record(list(times), list(places[k]))
        needed = np.array([1.0, 1.0, max(scenario.lift.needs_psychiatrist, 1e-9)])
        row["order"] = np.argsort(places.min(axis=1) / needed, kind="stable")
        referrals.append((i, *_dated(team.other_referrals, start_date, 1 / YEAR)))
    for k, name in enumerate(scenario.sau.assessor.names):
        places_of = getattr(scenario.sau.places, name)
        w["assessor_resource"][k] = -1
        if places_of > 0:
            w["assessor_resource"][k] = len(resources)
            resources.append(f"sau.{name}")
            capacities.append(int(places_of))

    boroughs = _named(scenario.boroughs, "boroughs", start_date)
    entries = []
    shares = np.asarray(scenario.population.children_per_family.shares)
    mean_size = float(shares @ np.arange(1, LARGEST_FAMILY + 1))
    # those who come back into care are among the children who start to be looked after; the model returns its own
    families_of = scenario.entry.first_time_share / mean_size
    for i, (row, borough) in enumerate(zip(boroughs, scenario.boroughs.values(), strict=True)):
        row["site"] = list(scenario.sites).index(borough.site)
        row["court"] = list(scenario.courts).index(borough.court)
        row["team"] = list(scenario.lift.teams).index(borough.lift_team)
        times, rates = _dated(borough.entries, start_date, families_of / YEAR)
        entries.append((i, times, rates, float(borough.rate_variation)))
    begins = _beginnings(scenario, boroughs, start)
    return Lowered(
        scenario=scenario.name,
        overridden=scenario.overridden,
        world=world,
        fixed={"boroughs": boroughs, "sites": sites, "courts": courts, "teams": teams},
        capacities=np.asarray(capacities, np.int64),
        diaries=diaries,
        day_hours=day_hours,
        stretch=stretch,
        resources=tuple(resources),
        entries=tuple(entries),
        referrals=tuple(referrals),
        names={
            "boroughs": tuple(scenario.boroughs),
            "sites": tuple(scenario.sites),
            "courts": tuple(scenario.courts),
            "jurisdictions": tuple(court.jurisdiction for court in scenario.courts.values()),
            "teams": tuple(scenario.lift.teams),
        },
        start_date=start_date,
        start=start,
        begins=begins,
        end=end,
        outcomes=OutcomeModel.of(scenario),
    )


def state_of(lowered: Lowered, seed: int, replicate: int) -> State:
    """The state from which one replicate starts: who will become known when, and nothing else has happened.

    A pure function of the scenario, the seed and the replicate's number.
    """
    world = np.empty_like(lowered.world)
    world.view(np.uint8)[...] = lowered.world.view(np.uint8)  # as bytes: numpy would copy field by field
    world["seed"], world["replicate"] = seed, replicate
    world["now"] = lowered.start
    boroughs = lowered.fixed["boroughs"]
    known: list[np.ndarray] = []
    where: list[np.ndarray] = []
    numbers: list[np.ndarray] = []
    for i, times, rates, cv in lowered.entries:
        rate = _between_replicates(cv, int(boroughs["stream"][i]), seed, replicate)
        since = float(lowered.begins["boroughs"][i])
        at = _arrivals(
            times, rates * rate, int(boroughs["stream"][i]), ARRIVAL, seed, replicate, (since, lowered.end)
        )
        known.append(at)
        where.append(np.full(len(at), i))
        numbers.append(8 * np.arange(len(at)))
    n = sum(map(len, known))
    tables = {name: array.copy() for name, array in lowered.fixed.items()}
    families = tables["families"] = _blank("families", n)
    if n:
        order = np.argsort(np.concatenate(known), kind="stable")
        families["known_at"] = np.concatenate(known)[order]
        families["borough"] = np.concatenate(where)[order]
        families["number"] = np.concatenate(numbers)[order]
    families["index"] = np.arange(n)
    of = families["borough"].copy()
    for name in ("stream", "site", "court", "team"):
        families[name] = boroughs[name][of]
    tables["children"] = _blank("children", n * LARGEST_FAMILY)
    tables["groups"] = _blank("groups", n * LARGEST_FAMILY)
    cases = tables["cases"] = _blank("cases", n * (1 + LARGEST_FAMILY))
    cases["index"][:n] = cases["family"][:n] = families["index"]
    for name in ("stream", "number"):
        cases[name][:n] = families[name]
    world["n_families"] = n

    others = []
    for i, times, rates in lowered.referrals:
        window = (float(lowered.begins["teams"][i]), lowered.end)
        at = _arrivals(
            times, rates, int(tables["teams"]["stream"][i]), OTHER_ARRIVAL, seed, replicate, window
        )
        rows = _blank("others", len(at))
        rows["asked"], rows["team"] = at, i
        rows["stream"], rows["number"] = tables["teams"]["stream"][i], np.arange(len(at))
        others.append(rows)
    tables["others"] = np.concatenate(others) if others else np.zeros(0, TABLES["others"])
    tables["others"]["index"] = np.arange(len(tables["others"]))

    starts = [(families["known_at"], FAMILY_ENTERS), (tables["others"]["asked"], OTHER_REFERRAL)]
    starts += [(np.full(len(tables["teams"]), lowered.start), TEAM_CALENDAR)]
    starts += [(lowered.begins["courts"], OTHER_CASES)]
    return State(
        world=world,
        tables=tables,
        capacities=lowered.capacities.copy(),
        diaries=lowered.diaries.copy(),
        day_hours=lowered.day_hours.copy(),
        stretch=lowered.stretch.copy(),
        diary_start=lowered.start,
        starts=starts_table(
            np.concatenate([at for at, _ in starts]),
            np.concatenate([np.full(len(at), kind) for at, kind in starts]),
            np.concatenate([np.arange(len(at)) for at, _ in starts]),
        ),
    )


_NOT_YET = {
    "families": (
        "entered", "issue_at", "removal_due", "invited", "answered", "baseline", "randomised", "ineligible", "settled",
        "lift_asked", "lift_started", "lift_assessed", "treatment_started", "treatment_ended", "lift_freed",
        "carers_started", "carers_ended", "visit_due", "visit_at",
    ),
    "children": (),
    "groups": ("directed_at", "approved_at"),
    "cases": (
        "issued", "first_sat", "directed", "report_due", "evidence_in", "decided", "order_until", "interim_since",
    ),
    "others": ("started", "gave_up", "assessed", "ended"),
}  # fmt: skip
"""Fields that are NAN until something happens."""
_NOBODY = {"children": ("index",), "groups": ("index",), "cases": ("index", "group")}
"""Fields that are -1 until somebody is there."""


def _blank(table: str, n: int) -> np.ndarray:
    """Rows to which nothing has happened."""
    row = np.zeros(1, TABLES[table])
    for name in _NOT_YET[table]:
        row[name] = np.nan
    for name in _NOBODY.get(table, ()):
        row[name] = -1
    rows = np.empty(n, TABLES[table])
    # as bytes: numpy would copy field by field
    rows.view(np.uint8).reshape(n, row.itemsize)[...] = row.view(np.uint8)
    return rows


def _between_replicates(cv: float, of: int, seed: int, replicate: int) -> float:
    """A gamma variable with mean one: how this replicate's rate differs from the plan (Anisimov and Fedorov 2007)."""
    if cv <= 1e-6:  # no different from one, and its shape would be beyond what numbers can hold
        return 1.0
    shape = 1.0 / cv**2
    u = uniform_at(seed, replicate, of, 0, RATE, 0)
    return float(gammaincinv(shape, u) / shape)


def _arrivals(
    times: np.ndarray,
    rates: np.ndarray,
    of: int,
    why: int,
    seed: int,
    replicate: int,
    window: tuple[float, float],
) -> np.ndarray:
    """Times in a window of a Poisson process whose rate is a step function.

    They are unit exponentials through the inverse of the rate's integral.

    The n-th gap has its own address, so a higher rate brings the same arrivals sooner, and more of them.
    """
    since, until = window
    edges = np.append(times, until)
    edges = np.clip(edges, since, until)
    edges[0] = since
    reached = np.append(0.0, np.cumsum(rates * np.diff(edges)))
    total = reached[-1]
    if total <= 0.0:
        return np.zeros(0)
    n = int(total + 10.0 * math.sqrt(total) + 20.0)
    steps = np.cumsum(_unit_exponentials(seed, replicate, of, why, n))
    while steps[-1] < total:
        n *= 2
        steps = np.cumsum(_unit_exponentials(seed, replicate, of, why, n))
    steps = steps[steps < total]
    k = np.searchsorted(reached, steps, side="right") - 1
    return edges[k] + (steps - reached[k]) / rates[k]


def _unit_exponentials(seed: int, replicate: int, of: int, why: int, n: int) -> np.ndarray:
    return -logs(uniforms_at(seed, replicate, of, 8 * np.arange(n), why, 0))


def _beginnings(scenario: Scenario, boroughs: np.ndarray, start: float) -> dict[str, np.ndarray]:
    """From when each borough is simulated; a court or a team, from when the first borough that it serves is."""
    opens = np.full(len(scenario.sites), np.inf)
    np.minimum.at(opens, boroughs["site"], boroughs["opens"])
    before = math.ceil(scenario.simulation.before_opening)
    begins = {"boroughs": np.maximum(start, opens[boroughs["site"]] - before)}
    for what, n in (("court", len(scenario.courts)), ("team", len(scenario.lift.teams))):
        first = np.full(n, np.inf)
        np.minimum.at(first, boroughs[what], begins["boroughs"])
        begins[f"{what}s"] = np.where(np.isfinite(first), first, start)
    return begins


def _named(named: Mapping[str, Section], table: str, start_date: dt.date) -> np.ndarray:
    rows = np.zeros(len(named), TABLES[table])
    rows["index"] = np.arange(len(named))
    rows["stream"] = [stream(f"{table}.{name}") for name in named]
    for i, section in enumerate(named.values()):
        write_parameters(rows, i, section, start_date)
    return rows


def _dated(series: Series, start_date: dt.date, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    times, values = series.lowered(start_date)
    return np.asarray(times), np.asarray(values) * scale


def _diaries(court: Court, start_date: dt.date, start: float, n_days: int) -> np.ndarray:
    """Sitting hours of each day, ordinary and urgent.

    A fifth of the week's on each working day, none at the weekend or on a bank holiday; a share of each day is kept for
    first hearings, in lists of their own.
    """
    times, per_week = _dated(court.sitting_days_per_week, start_date)
    days = start + np.arange(n_days)
    k = np.maximum(np.searchsorted(times, days, side="right") - 1, 0)
    weekday = (np.floor(days).astype(int) + start_date.weekday()) % 7
    week = per_week[k] * court.hours_per_sitting_day
    dates = [start_date + dt.timedelta(days=int(day)) for day in np.floor(days)]
    holiday = np.array([day in bank_holidays(court.jurisdiction, day.year) for day in dates])
    hours = np.where((weekday < 5) & ~holiday, week / 5.0, 0.0)
    return np.stack([hours * (1.0 - court.urgent_share), hours * court.urgent_share])


def _holidays(jurisdiction: str, start_date: dt.date, start: float, end: float) -> np.ndarray:
    """The bank holidays of a run, and of a year before and after it, in days since `start_date`."""
    first, last = (start_date + dt.timedelta(days=at) for at in (start, end))
    days = [
        float((day - start_date).days)
        for year in range(first.year - 1, last.year + 2)
        for day in bank_holidays(jurisdiction, year)
    ]
    found = np.full(MOST_HOLIDAYS, np.inf)
    some = sorted(days)[:MOST_HOLIDAYS]
    found[: len(some)] = some
    return found


def _places(team: Team, hours: WeeklyHours, start_date: dt.date) -> tuple[np.ndarray, np.ndarray]:
    """Whole places of each profession of a team over time: its clinicians by the families each can serve.

    A full-time social worker serves `families_per_clinician` at a time; who gives a family fewer hours a week serves
    the more of them. A profession that gives a family no hours is never asked for a place.
    """
    parts = [_dated(getattr(team, name), start_date) for name in PROFESSIONS]
    times = np.unique(np.concatenate([t for t, _ in parts]))
    staff = np.array([v[np.maximum(np.searchsorted(t, times, side="right") - 1, 0)] for t, v in parts])
    weekly = np.array([getattr(hours, name) for name in PROFESSIONS])
    caseload = team.families_per_clinician * weekly[0] / np.where(weekly > 0, weekly, np.inf)
    return times, np.floor(staff * caseload[:, None] + 1e-9)


def _hazards(placements: Placements) -> tuple[np.ndarray, np.ndarray]:
    """Hazard of an unplanned move, a day, by placement type and piece of the time since it began; when each piece ends.

    In care it is so much a year, however long the placement has lasted, but with parents, where it is another in the
    first month; and nil in placements that are meant to be short. At home it is what brings the share back within the
    first year, and falls off after it.
    """
    unplanned, breakdown = placements.unplanned, placements.breakdown
    hazard = np.zeros((len(PLACEMENT_TYPES) + 1, PIECES))
    until = np.full_like(hazard, np.inf)

    def told(kind: int, *pieces: tuple[float, float]) -> None:
        for k, (rate, end) in enumerate(pieces):
            hazard[kind, k], until[kind, k] = rate / YEAR, end

    for k, name in enumerate(PLACEMENT_TYPES):
        if k not in OUT_OF_CARE and k not in SHORT_STAYS:
            told(k, (getattr(unplanned, name), np.inf))
    told(WITH_PARENTS, (unplanned.with_parents_first_month, MONTH), (unplanned.with_parents, np.inf))
    in_first_year = -log(1.0 - breakdown.home_first_year)
    told(HOME, (in_first_year, YEAR), (breakdown.home_second_year, 2 * YEAR), (breakdown.home_later, np.inf))
    told(SPECIAL_GUARDIANSHIP, (breakdown.special_guardianship, np.inf))
    told(BY_ARRANGEMENT, (breakdown.child_arrangements, np.inf))
    told(ADOPTED, (breakdown.adoption, 5 * YEAR), (breakdown.adoption_later, np.inf))
    return hazard, until
