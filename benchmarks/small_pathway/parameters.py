"""Parameters of the small pathway, what they imply in closed form, and what a run of it reports."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np

COMPILED, ON_SIMPY = "best_sim, compiled", "best_sim on SimPy"
"""Names of this package's two drivers among the engines."""

FILE = Path(__file__).with_name("parameters.toml")


@dataclass(frozen=True)
class Parameters:
    """The values in `parameters.toml`, under the same names and in the units given there."""

    children: float
    entry_days: float
    end_day: float
    lift_share: float
    team_places: int
    assessment_mean: float
    assessment_cv: float
    treatment_mean: float
    rooms: int
    hearings: int
    notice_mean: float
    notice_cv: float
    hearing_hours: float
    sitting_hours: float
    move_gap: float
    visit_months: tuple[float, ...]
    month_days: float
    missed: float

    @property
    def entry_gap(self) -> float:
        """Mean days between children who enter."""
        return self.entry_days / self.children

    @property
    def assessment(self) -> tuple[float, float]:
        """Mean and standard deviation of the logarithm of an assessment's days."""
        return lognormal(self.assessment_mean, self.assessment_cv)

    @property
    def notice(self) -> tuple[float, float]:
        """Mean and standard deviation of the logarithm of a notice's days."""
        return lognormal(self.notice_mean, self.notice_cv)

    @property
    def hearing_days(self) -> float:
        """Mean days for which a hearing takes a room."""
        return self.hearing_hours / self.sitting_hours

    @property
    def visit_gaps(self) -> tuple[float, ...]:
        """Days from entry to the first visit, and from each visit to the next."""
        days = [0.0, *(self.month_days * month for month in self.visit_months)]
        return tuple(after - before for before, after in zip(days, days[1:], strict=False))

    @classmethod
    def load(cls) -> Parameters:
        """Read `parameters.toml`."""
        found = tomllib.loads(FILE.read_text(encoding="utf-8"))
        values = {name: entry["value"] for name, entry in found.items()}
        values["visit_months"] = tuple(values["visit_months"])
        if missing := {field.name for field in fields(cls)} ^ values.keys():
            raise ValueError(f"{FILE.name} and Parameters differ in {sorted(missing)}")
        return cls(**values)


def lognormal(mean: float, cv: float) -> tuple[float, float]:
    """Parameters of the lognormal distribution with this mean and coefficient of variation."""
    variance = math.log1p(cv**2)
    return math.log(mean) - variance / 2.0, math.sqrt(variance)


def seeds(seed: int, replicates: int) -> list[int]:
    """Seeds of so many replicates, for engines that have one stream of random numbers: 32-bit, unrelated."""
    return [int(each) for each in np.random.SeedSequence(seed).generate_state(replicates)]


class Replicate(NamedTuple):
    """What one run of the small pathway reports, the same from every engine.

    The first seven are compared between engines; `events` is what their speed is counted in.
    """

    children: float
    """Children who entered."""
    moves: float
    """Moves per child until the end of the run."""
    lift_wait: float
    """Mean days from joining the team's queue to a place, of those given one."""
    room_wait: float
    """Mean days that a hearing waited for a room, of hearings begun."""
    case_weeks: float
    """Mean weeks from entry to the end of the last hearing, of cases that got there."""
    visits: float
    """Visits seen per child."""
    team_in_use: float
    """Mean places of the team in use, over the whole run."""
    events: int
    """Things that happened: see `Tally`."""


OUTPUTS = Replicate._fields[:-1]
"""What is compared between engines."""


@dataclass
class Tally:
    """Counts and sums that an engine keeps during a run, where it has no better way of its own."""

    children: int = 0
    places_taken: int = 0
    places_given_back: int = 0
    lift_wait: float = 0.0
    place_days: float = 0.0
    hearings_begun: int = 0
    hearings_ended: int = 0
    room_wait: float = 0.0
    cases: int = 0
    case_days: float = 0.0
    moves: int = 0
    visits_due: int = 0
    visits_seen: int = 0

    @property
    def events(self) -> int:
        """Entries, places taken and given back, hearings begun and ended, moves, and visits due, seen or not.

        An engine may need more steps or fewer for one of these; what counts is that the same things happened.
        """
        return (
            self.children
            + self.places_taken
            + self.places_given_back
            + self.hearings_begun
            + self.hearings_ended
            + self.moves
            + self.visits_due
        )

    def replicate(self, end_day: float) -> Replicate:
        """The run as it is reported."""
        return Replicate(
            children=self.children,
            moves=self.moves / self.children,
            lift_wait=self.lift_wait / self.places_taken,
            room_wait=self.room_wait / self.hearings_begun,
            case_weeks=self.case_days / self.cases / 7.0,
            visits=self.visits_seen / self.children,
            team_in_use=self.place_days / end_day,
            events=self.events,
        )


@dataclass(frozen=True)
class Engine:
    """An engine that runs the small pathway.

    Parameters
    ----------
    name : str
        As the table calls it.
    library : str
        The distribution whose version is told.
    run : callable
        `run(seed, replicates)` gives a list of so many `Replicate`.
    replicates : int
        How many replicates one call is asked for when it is timed; more where one is too short to time, or where the
        engine is made to run many in one call.
    """

    name: str
    library: str
    run: Callable[[int, int], list[Replicate]]
    replicates: int = 1
