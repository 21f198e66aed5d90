"""Whole scenarios made by hypothesis, anywhere within what the schema allows: what both drivers are tried on.

A world has any number of sites, courts, teams and boroughs, of its own making, and its parameters are found in the
schema: each duration may have any distribution, each share, choice, number and dated series any value within its
limits. A parameter that is added to the schema is tried without a word here. Only what decides how much there is to
simulate (families, days, hazards) is held within bounds, so that a run by SimPy takes a fraction of a second.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from best_sim.engine import State, starts_table
from best_sim.pathway.lowering import Lowered, lower, state_of
from best_sim.scenario import Duration, Scenario
from best_sim.scenario.durations import YEAR
from best_sim.scenario.leaves import Leaf, nodes_of
from best_sim.scenario.values import Mix, Section, Series

LONG_AGO = dt.date(2000, 1, 1)

# --- the frame: places by name, in a file -------------------------------------------------------------------

SITE = """
[sites.site_{i}]
title = "A site"
recruiting = [{{ from = 2000-01-01, value = 1 }}]
consent = 0.9
other_exclusion = 0.1
invites_families_with_older_child = true
assessment_ratio = 1.0
"""
COURT = """
[courts.court_{i}]
title = "A court"
jurisdiction = "England and Wales"
sitting_days_per_week = [{{ from = 2000-01-01, value = 20 }}]
hours_per_sitting_day = 5
urgent_share = 0.1
other_cases = [{{ from = 2000-01-01, value = 20 }}]
other_cases_variation = 0.3
other_cases_notice = {{ distribution = "exponential", mean = 10 }}
care_orders_at_home = 0
"""
TEAM = """
[lift.teams.team_{i}]
title = "A team"
social_workers = [{{ from = 2000-01-01, value = 2 }}]
psychologists = [{{ from = 2000-01-01, value = 0 }}]
psychiatrists = [{{ from = 2000-01-01, value = 0 }}]
families_per_clinician = 1
assessment = {{ distribution = "exponential", mean = 60 }}
treatment = {{ distribution = "exponential", mean = 60 }}
other_referrals = [{{ from = 2000-01-01, value = 0 }}]
other_stay = {{ distribution = "exponential", mean = 60 }}
"""
BOROUGH = """
[boroughs.borough_{i}]
title = "A borough"
site = "site_{site}"
court = "court_{court}"
lift_team = "team_{team}"
opens = 2000-01-01
entries = [{{ from = 2000-01-01, value = 0 }}]
rate_variation = 0
"""


FRAME = [
    "trial.target_families=1000000",
    *(f"lift.weekly_hours.{p}=0" for p in ("psychologists", "psychiatrists")),
]
"""Few families are needed for a queue where only social workers are; scenarios may need the others too."""


@cache
def frame(sites: int, courts: int, teams: int, boroughs: int) -> Scenario:
    """A scenario with so many of each; nobody enters yet."""
    text = ['extends = "base"']
    for template, n in ((SITE, sites), (COURT, courts), (TEAM, teams)):
        text += [template.format(i=i) for i in range(n)]
    text += [BOROUGH.format(i=i, site=i % sites, court=i % courts, team=i % teams) for i in range(boroughs)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "frame.toml"
        file.write_text("\n".join(text), encoding="utf-8")
        return Scenario.load(file, overrides=FRAME)


# --- what the schema allows ---------------------------------------------------------------------------------


def leaves(section: Section, path: str = "") -> Iterator[tuple[str, Leaf, Any]]:
    """Every parameter of a section: its dotted name, what the schema says of it, and its value."""
    for name, node in nodes_of(type(section)).items():
        inside = getattr(section, name)
        if isinstance(node, Leaf):
            yield path + name, node, inside
        elif isinstance(inside, Mapping):
            for item, one in inside.items():
                yield from leaves(one, f"{path}{name}.{item}.")
        else:
            yield from leaves(inside, f"{path}{name}.")


BOUNDED = ("simulation.", "boroughs.", "costs.", "placements.unplanned.")
"""Beginnings of names that decide how much there is to simulate, or that nothing in a simulation reads."""

BOUNDED_TOO = ("population.frailty_sd", "population.children_per_family", "trial.target_families")


@cache
def free_leaves(shape: tuple[int, int, int, int]) -> dict[str, tuple[Leaf, Any]]:
    """Parameters that may have any value that the schema allows."""
    return {
        name: (leaf, value)
        for name, leaf, value in leaves(frame(*shape).parameters)
        if not name.startswith(BOUNDED)
        and name not in BOUNDED_TOO
        and not name.endswith((".title", ".other_referrals", ".sitting_days_per_week"))
    }


@cache
def values_in(shape: tuple[int, int, int, int]) -> dict[str, Any]:
    """Every parameter of the frame, as it is."""
    return {name: value for name, _, value in leaves(frame(*shape).parameters)}


def _is_so(shape: tuple[int, int, int, int], name: str, value: Any) -> bool:
    """Whether a parameter has this value in the frame already: what changes nothing need not be printed."""
    now = values_in(shape)[name]
    if isinstance(now, Series):
        return bool(now.as_list() == value)
    return bool(now == (value["value"] if isinstance(value, dict) and "unit" in value else value))


@cache
def names_of(shape: tuple[int, int, int, int], kind: type) -> tuple[str, ...]:
    """Names of the free parameters of one type."""
    return tuple(name for name, (_, value) in free_leaves(shape).items() if isinstance(value, kind))


# --- durations: every distribution, in every form -----------------------------------------------------------

whole = st.sampled_from([0.0, 0.0, 1.0, 7.0, 7.0, 14.0, 30.0])
"""Whole days, few of them: so that much happens at one moment."""
shape_of_weibull = st.sampled_from([0.3, 0.7, 1.0, 2.5, 20.0])
spread = st.sampled_from([0.0, 0.3, 1.0, 4.0])


@st.composite
def empirical(draw: Any) -> Duration:
    inner = sorted(draw(st.sets(st.floats(0.01, 0.99), max_size=10)))
    p = [0.0, *inner, 1.0]
    x = sorted(draw(st.lists(st.one_of(whole, st.floats(0.0, 300.0)), min_size=len(p), max_size=len(p))))
    return Duration.of("empirical", quantiles=[list(point) for point in zip(p, x, strict=True)])


def _between(low: float, more: float) -> Duration:
    return Duration.of("uniform", low=low, high=low + more)


def _durations(days: st.SearchStrategy[float]) -> st.SearchStrategy[Duration]:
    """Every distribution in every form, of so many days or thereabouts (more than none, but for a constant)."""
    some = days.map(lambda n: max(n, 0.001))
    return st.one_of(
        days.map(lambda n: Duration.of("constant", value=n)),
        some.map(lambda mean: Duration.of("exponential", mean=mean)),
        st.builds(lambda mean, cv: Duration.of("lognormal", mean=mean, cv=cv), some, spread),
        st.builds(lambda m, ratio: Duration.of("lognormal", median=m, p90=m * (1.0 + ratio)), some, spread),
        st.builds(
            lambda shape, scale: Duration.of("weibull", shape=shape, scale=min(scale, 1e5)),
            shape_of_weibull,
            some,
        ),
        st.builds(lambda mean, shape: Duration.of("weibull", mean=mean, shape=shape), some, shape_of_weibull),
        st.builds(_between, days, st.sampled_from([0.0, 1.0, 60.0])),
        empirical(),
    )


constants = whole.map(lambda days: Duration.of("constant", value=days))
shorter = _durations(st.one_of(whole, st.sampled_from([0.001, 0.5, 20.0, 60.0])))
durations = _durations(st.one_of(whole, st.sampled_from([0.001, 0.5, 90.0, 400.0, 50_000.0, 1e6])))

# --- values of any parameter --------------------------------------------------------------------------------

MOST = 1e6
"""What stands for a limit that is not there."""


def _limits(leaf: Leaf) -> tuple[float, float]:
    return max(leaf.limits.lowest, -MOST), min(leaf.limits.highest, MOST)


def _numbers(leaf: Leaf, now: float) -> st.SearchStrategy[float]:
    low, high = _limits(leaf)
    return st.one_of(
        st.sampled_from([now, low, high]), st.floats(low, min(high, max(1.0, low + 100.0)), allow_nan=False)
    )


@st.composite
def dated(draw: Any, values: st.SearchStrategy[float]) -> list[dict[str, Any]]:
    """A dated series of one to five steps, some of them on one day after another, some before all begins."""
    days = draw(st.sets(st.integers(-400, 900), max_size=4))
    dates = [LONG_AGO, *(MIDDLE + dt.timedelta(days=day) for day in sorted(days))]
    return [{"from": date, "value": draw(values)} for date in dates]


MIDDLE = dt.date(2018, 1, 1)


def values_of(leaf: Leaf, now: Any) -> st.SearchStrategy[Any]:
    """Whatever a parameter may be."""
    low, high = _limits(leaf)
    if isinstance(now, Duration):
        return durations
    if isinstance(now, Series):
        return dated(_numbers(leaf, now.values[0]))
    if isinstance(now, Mix):
        n = len(leaf.names)
        corners = [[float(i == k) for i in range(n)] for k in range(n)]
        weights = st.one_of(st.sampled_from(corners), st.lists(st.integers(1, 9), min_size=n, max_size=n))
        return weights.map(lambda w: dict(zip(leaf.names, (x / sum(w) for x in w), strict=True)))
    if isinstance(now, bool):
        return st.booleans()
    if isinstance(now, str):
        return st.sampled_from(leaf.names)
    if isinstance(now, tuple) and leaf.names:
        return st.lists(st.sampled_from(leaf.names), min_size=1, unique=True)
    if isinstance(now, tuple):
        return st.lists(st.integers(int(low), int(high)), min_size=1, max_size=8)
    if isinstance(now, int):
        return st.one_of(st.sampled_from([now, int(low), 1, 2, int(high)]), st.integers(int(low), 20)).filter(
            lambda n: low <= n <= high
        )
    if leaf.unit == "days":
        times = st.one_of(whole, st.sampled_from([0.25, 400.0, MOST]), st.floats(0.0, 200.0))
        return times.map(lambda days: {"value": min(days, high), "unit": "days"})
    return _numbers(leaf, now)


# --- a whole world ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """A scenario, as the frame and the changes that make it, and the address of its luck.

    Attributes
    ----------
    shape : tuple of int
        Sites, courts, teams, boroughs.
    changes : dict
        By dotted name.
    seed, replicate : int
    arm : str or None
        Arm that every family is allocated to.
    log_room : int
        Events that the compiled driver makes room for at first.
    to_the_day : bool
        Whether families become known at midnight, many of them at once and together with what the courts and teams
        do; else at the time they happen to.
    """

    shape: tuple[int, int, int, int]
    changes: dict[str, Any] = field(hash=False)
    seed: int = 1
    replicate: int = 0
    arm: str | None = None
    log_room: int = 1
    to_the_day: bool = False

    @cached_property
    def scenario(self) -> Scenario:
        return frame(*self.shape).replace(self.changes)

    @cached_property
    def lowered(self) -> Lowered:
        return lower(self.scenario, self.arm)

    def state(self) -> State:
        """What a run of this world starts from."""
        state = state_of(self.lowered, self.seed, self.replicate)
        if self.to_the_day:
            for times in (state.tables["families"]["known_at"], state.tables["others"]["asked"]):
                np.floor(times, out=times)
            starts = state.starts
            state.starts = starts_table(np.floor(starts["time"]), starts["kind"], starts["index"])
        return state


SIZES = ((1.0, 0.0, 0.0), (0.76, 0.20, 0.04), (0.2, 0.3, 0.5), (0.0, 0.0, 1.0))
CROWD = ("nobody", "a few", "some", "many")


def worlds(most_families: int = 45, most_changes: int = 12) -> st.SearchStrategy[World]:
    """Any world at all, with some `most_families` families at most (more where rates vary between replicates).

    As the one item of a list without repeats: hypothesis would else try five variants of each world, in which one
    value is copied to another place, and so a sixth as many worlds of their own.
    """
    alone = st.lists(_worlds(most_families, most_changes), min_size=1, max_size=1, unique_by=repr)
    return alone.map(lambda each: each[0])


@st.composite
def _worlds(draw: Any, most_families: int, most_changes: int) -> World:
    boroughs = draw(st.sampled_from([1, 1, 1, 2, 2, 3, 5, 0, 40]))
    least = min(boroughs, 1)
    shape = (
        draw(st.sampled_from([1, 2, 1, 4])) if least else draw(st.integers(0, 1)),
        draw(st.sampled_from([1, 2, 3])) if least else draw(st.integers(0, 2)),
        draw(st.sampled_from([1, 2, 3])) if least else draw(st.integers(0, 2)),
        boroughs,
    )
    changes: dict[str, Any] = {}
    for part in (
        _when(draw),
        _everything_of_a_kind(draw, shape),
        _here_and_there(draw, shape, most_changes),
        _teams(draw, shape),
        _assessors(draw),
        _moves(draw),
        _trial(draw, shape),
    ):
        changes |= part
    arm = draw(st.sampled_from([None, "LIFT", "SAU"]))
    if draw(st.booleans()):
        changes |= _crowded(draw, shape)
        arm = draw(st.sampled_from(["LIFT", "LIFT", "SAU", None]))
    changes |= _courts(draw, shape, changes)
    changes |= _entries(draw, shape, changes, most_families)
    _keep_consistent(shape, changes)
    return World(
        shape=shape,
        changes={name: value for name, value in changes.items() if not _is_so(shape, name, value)},
        seed=draw(st.one_of(st.integers(0, 3), st.just(2**63 - 1))),
        replicate=draw(st.integers(0, 3)),
        arm=arm,
        log_room=draw(st.sampled_from([1, 2, 7, 1 << 14])),
        to_the_day=draw(st.booleans()),
    )


def _when(draw: Any) -> dict[str, Any]:
    """From less than a week to seven years; with or without a warm-up of anything up to a year."""
    start = MIDDLE + dt.timedelta(days=draw(st.integers(0, 6)))
    days = draw(st.sampled_from([400, 900, 400, 900, 400, 60, 5, 2500]))
    return {
        "simulation.start_date": start,
        "simulation.end_date": start + dt.timedelta(days=days),
        "simulation.starts_with": draw(st.sampled_from(["empty", "running"])),
        "simulation.warm_up": {"value": draw(st.sampled_from([100.0, 0.0, 0.5, 365.0])), "unit": "days"},
    }


def _everything_of_a_kind(draw: Any, shape: tuple[int, int, int, int]) -> dict[str, Any]:
    """All durations and all probabilities at once, by turns from a short list: or left as they are."""
    changes: dict[str, Any] = {}
    how = draw(
        st.sampled_from(["as they are", "whole days", "any", "whole days", "as they are", "any without end"])
    )
    if how != "as they are":
        kind = {"whole days": constants, "any": shorter, "any without end": durations}[how]
        some = draw(st.lists(kind, min_size=1, max_size=7))
        names = names_of(shape, Duration)
        changes |= {name: some[i % len(some)] for i, name in enumerate(names)}
    probabilities = draw(st.lists(st.sampled_from([0.5, 0.9, 0.0, 1.0, 0.1]), min_size=2, max_size=5))
    if draw(st.sampled_from([False, False, True])):
        free = free_leaves(shape)
        names = tuple(n for n in names_of(shape, float) if free[n][0].limits.unit == "probability")
        for i, name in enumerate(names):
            low, high = _limits(free[name][0])
            changes[name] = min(high, max(low, probabilities[i % len(probabilities)]))
    return changes


def _here_and_there(draw: Any, shape: tuple[int, int, int, int], most: int) -> dict[str, Any]:
    """A few parameters, any, set to whatever the schema allows."""
    free = free_leaves(shape)
    names = draw(st.lists(st.sampled_from(tuple(free)), max_size=most, unique=True))
    return {name: draw(values_of(*free[name])) for name in names}


def _teams(draw: Any, shape: tuple[int, int, int, int]) -> dict[str, Any]:
    """None, one or two places; far more than anybody needs; rising and falling below what is in use."""
    changes: dict[str, Any] = {}
    for i in range(shape[2]):
        team = f"lift.teams.team_{i}"
        places = draw(st.sampled_from(["rising and falling", "few", "none", "as it is", "huge"]))
        if places == "few":
            changes[f"{team}.social_workers"] = _always(draw(st.integers(1, 3)))
        elif places == "none":
            changes[f"{team}.social_workers"] = _always(0)
        elif places == "huge":
            changes[f"{team}.social_workers"] = _always(200)
            changes[f"{team}.families_per_clinician"] = 100
        elif places == "rising and falling":
            changes[f"{team}.social_workers"] = draw(dated(st.sampled_from([0, 1, 2, 5, 12])))
            changes[f"{team}.psychologists"] = draw(dated(st.sampled_from([0, 0.5, 1])))
            changes[f"{team}.psychiatrists"] = draw(dated(st.sampled_from([0, 0.5, 1])))
    for name in ("lift.patience", "proceedings.evidence_patience"):
        patience = draw(st.sampled_from([None, 60.0, 1e6, 14.0, 1.0, 0.0]))
        if patience is not None:
            changes[name] = {"value": patience, "unit": "days"}
    changes["lift.weekly_hours.psychologists"] = draw(st.sampled_from([0.0, 0.0, 4.0]))
    changes["lift.weekly_hours.psychiatrists"] = draw(st.sampled_from([0.0, 0.0, 1.5]))
    changes["lift.works_as"] = draw(st.sampled_from(["LIFT", "LIFT", "LIFT", "services as usual"]))
    changes["lift.priority"] = draw(st.sampled_from(["first come", "youngest first"]))
    return changes


def _crowded(draw: Any, shape: tuple[int, int, int, int]) -> dict[str, Any]:
    """Nearly all families ask for a service, soon, and there are few places: queues that are left in every way."""
    changes: dict[str, Any] = {
        "entry.voluntary_never_in_proceedings": 0.0,
        "population.older_sibling_share": 0.0,
        "trial.target_families": 1_000_000,
        "lift.declines": 0.0,
        "sau.not_assessed": 0.0,
        "sau.places.in_house": draw(st.integers(1, 3)),
        "lift.patience": {"value": draw(st.sampled_from([14.0, 0.0, 1.0, 30.5, 60.0, 1e6])), "unit": "days"},
    }
    for i in range(shape[0]):
        changes |= {f"sites.site_{i}.consent": 1.0, f"sites.site_{i}.other_exclusion": 0.0}
        changes[f"sites.site_{i}.recruiting"] = _always(1)
    for name in ("consent_delay", "randomisation_delay"):
        changes[f"trial.{name}"] = draw(constants)
    for name in ("interim", "case_management", "further"):
        changes[f"proceedings.notice.{name}"] = draw(constants)
    for i in range(shape[1]):
        changes[f"courts.court_{i}.other_cases"] = _always(0)
    for i in range(shape[2]):
        changes[f"lift.teams.team_{i}.social_workers"] = draw(
            st.one_of(st.integers(0, 2).map(_always), dated(st.sampled_from([0, 1, 3, 8])))
        )
        changes[f"lift.teams.team_{i}.assessment"] = draw(shorter)
    return changes


def _assessors(draw: Any) -> dict[str, Any]:
    return {
        f"sau.places.{kind}": draw(st.sampled_from([0, 1, 2, 5, 100_000]))
        for kind in ("in_house", "independent_social_worker", "external_expert")
    }


def _moves(draw: Any) -> dict[str, Any]:
    """No unplanned move at all, some, or one after another; the last only in a small and short world."""
    how = draw(st.sampled_from([*["as shipped", "many"] * 3, "none", "one after another"]))
    if how == "as shipped":
        return {}
    if how == "none":
        hazard = st.just(0.0)
        effect, ratio, sd = st.sampled_from([-2.0, 0.0, 2.0]), st.sampled_from([0.01, 1.0, 20.0]), 3.0
    elif how == "many":
        hazard = st.sampled_from([0.0, 1.0, 6.0])
        effect, ratio, sd = st.sampled_from([-2.0, 0.0, 0.1]), st.sampled_from([0.01, 1.0, 2.0]), 0.6
    else:
        hazard = st.sampled_from([50.0, 0.0])
        effect, ratio, sd = st.sampled_from([-2.0, 0.0, 0.1]), st.sampled_from([0.01, 1.0, 2.0]), 0.3
    unplanned = (
        "foster", "kinship_foster", "parent_and_baby", "with_parents", "with_parents_first_month",
        "placed_for_adoption", "long_term_foster", "residential", "early_permanence",
    )  # fmt: skip
    breakdown = draw(st.sampled_from([0.0, 0.5, 0.99]))
    return {
        **{f"placements.unplanned.{name}": draw(hazard) for name in unplanned},
        **{f"placements.unplanned.{name}": draw(effect) for name in ("age", "need")},
        "placements.unplanned.lift_hazard_ratio": draw(ratio),
        "population.frailty_sd": sd,
        "placements.breakdown.home_first_year": breakdown,
        **{
            f"placements.breakdown.{name}": 20.0 * breakdown
            for name in (
                "home_second_year",
                "home_later",
                "special_guardianship",
                "child_arrangements",
                "adoption",
                "adoption_later",
            )
        },
        ENOUGH: how == "one after another",
    }


ENOUGH = "so much happens that the world is to be small"


def _trial(draw: Any, shape: tuple[int, int, int, int]) -> dict[str, Any]:
    """Targets reached at once, late or never; boroughs that open late, or never, and close."""
    changes: dict[str, Any] = {
        "population.children_per_family": dict(
            zip(("one", "two", "three"), draw(st.sampled_from(SIZES)), strict=True)
        ),
        "trial.target_families": draw(st.sampled_from([1_000_000, 1_000_000, 1_000_000, 1, 7])),
        "trial.allocation.method": draw(st.sampled_from(["minimisation", "blocks", "simple"])),
        "trial.allocation.strata": draw(st.sampled_from(["site", "borough", "none"])),
    }
    some_day = [MIDDLE + dt.timedelta(days=n) for n in (0, 30, 200, 10_000)]
    for i in range(min(shape[3], 5)):
        opens = draw(st.sampled_from([*[LONG_AGO] * 6, *some_day]))
        changes[f"boroughs.borough_{i}.opens"] = opens
        closes = draw(st.sampled_from([*[None] * 6, 1, 90, 6800]))
        if closes is not None:
            changes[f"boroughs.borough_{i}.closes"] = opens + dt.timedelta(days=closes)
        for name, n in (("site", shape[0]), ("court", shape[1]), ("lift_team", shape[2])):
            stem = name.removeprefix("lift_")
            changes[f"boroughs.borough_{i}.{name}"] = f"{stem}_{draw(st.integers(0, n - 1))}"
    return changes


def _courts(draw: Any, shape: tuple[int, int, int, int], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Courts that sit hardly ever, not yet, no longer, or more than anybody needs."""
    sits: dict[str, Any] = {}
    for i in range(shape[1]):
        court = f"courts.court_{i}"
        how = draw(st.sampled_from(["as it is", "huge", "as it is", "hardly", "as it is", "now and then"]))
        if how == "hardly":
            sits[f"{court}.sitting_days_per_week"] = _always(draw(st.sampled_from([0.05, 1.0, 4.0])))
        elif how == "now and then":
            steps = draw(dated(st.sampled_from([0.0, 2.0, 30.0])))
            sits[f"{court}.sitting_days_per_week"] = [{"from": LONG_AGO, "value": 1.0}, *steps[1:]]
        elif how == "huge":
            sits[f"{court}.sitting_days_per_week"] = _always(5000)
    return sits


def _entries(
    draw: Any, shape: tuple[int, int, int, int], changes: dict[str, Any], most_families: int
) -> dict[str, Any]:
    """Nobody, or as many families as there may be, at an even rate or all within a few days."""
    small = changes.pop(ENOUGH, False)
    if small:
        start = changes["simulation.start_date"]
        changes["simulation.end_date"] = min(changes["simulation.end_date"], start + dt.timedelta(days=20))
        changes["simulation.starts_with"] = "empty"
    most = 4 if small else most_families
    start, end = changes["simulation.start_date"], changes["simulation.end_date"]
    days = (end - start).days
    if changes["simulation.starts_with"] == "running":
        days += changes["simulation.warm_up"]["value"]
        start -= dt.timedelta(days=int(changes["simulation.warm_up"]["value"]))
    size = sum((i + 1) * share for i, share in enumerate(changes["population.children_per_family"].values()))
    entries: dict[str, Any] = {}
    for i in range(shape[3]):
        share = draw(st.sampled_from([1.0, 1.0, 0.2, 0.0])) if 0 < i < 5 else 1.0
        at_once = draw(st.booleans()) if i < 5 else False
        of_days = min(days, 30.0) if at_once else days
        rate = min(100_000.0, share * most / shape[3] * size * YEAR / of_days)
        series = [{"from": LONG_AGO, "value": rate}]
        if at_once:
            later = start + dt.timedelta(days=int(of_days) + 1)
            series.append({"from": later, "value": 0.0})
        entries[f"boroughs.borough_{i}.entries"] = series
        entries[f"boroughs.borough_{i}.rate_variation"] = (
            draw(st.sampled_from([0.0, 0.2, 1.0])) if i < 5 else 0.0
        )
    for i in range(shape[2]):
        referred = draw(st.sampled_from([0, 3, 20]))
        entries[f"lift.teams.team_{i}.other_referrals"] = _always(min(10_000, referred * YEAR / days))
    return entries


def _keep_consistent(shape: tuple[int, int, int, int], changes: dict[str, Any]) -> None:
    """What the schema asks of several parameters together."""
    now = values_in(shape)

    def at(name: str) -> Any:
        value = changes.get(name, now[name])
        return value["value"] if isinstance(value, dict) and "unit" in value else value

    hours = [at("proceedings.hours.interim"), at("proceedings.hours.case_management")]
    for i in range(shape[1]):
        court = f"courts.court_{i}"
        sits = at(f"{court}.sitting_days_per_week")
        most = max(sits.values if isinstance(sits, Series) else (step["value"] for step in sits))
        hours.append(most * at(f"{court}.hours_per_sitting_day") * at(f"{court}.urgent_share") / 5.0)
    for name in ("interim", "case_management"):
        changes[f"proceedings.hours.{name}"] = min(hours)
    visits = {f"visits.{name}": at(f"visits.{name}") for name in ("first", "second", "third")}
    if not visits["visits.first"] < visits["visits.second"] < visits["visits.third"]:
        in_order = sorted(visits.values())
        for name, days, k in zip(visits, in_order, range(3), strict=True):
            changes[name] = {"value": days + k, "unit": "days"}
    scale = "outcomes.sdq"
    changes[f"{scale}.sibling_correlation"] = min(
        at(f"{scale}.sibling_correlation"), at(f"{scale}.correlation_over_time")
    )


def _always(value: float) -> list[dict[str, Any]]:
    return [{"from": LONG_AGO, "value": value}]
