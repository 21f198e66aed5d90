"""The small pathway in SimPy, as its tutorial writes models: generators, `with resource.request()`, `random`."""

from __future__ import annotations

import random
from collections.abc import Iterator

import simpy

from .parameters import Engine, Parameters, Replicate, Tally, seeds


class Pathway:
    """The team, the rooms, and what happens in and beside them."""

    def __init__(self, p: Parameters, seed: int) -> None:
        self.p, self.rng, self.tally = p, random.Random(seed), Tally()
        self.env = simpy.Environment()
        self.team = simpy.Resource(self.env, capacity=p.team_places)
        self.rooms = simpy.Resource(self.env, capacity=p.rooms)

    def run(self) -> Replicate:
        """Run to the end."""
        self.env.process(self.intake())
        self.env.run(until=self.p.end_day)
        return self.tally.replicate(self.p.end_day)

    def intake(self) -> Iterator[simpy.Event]:
        """Children enter until the time of entry is over."""
        while True:
            yield self.env.timeout(self.rng.expovariate(1.0 / self.p.entry_gap))
            if self.env.now > self.p.entry_days:
                break
            self.tally.children += 1
            if self.rng.random() < self.p.lift_share:
                self.env.process(self.lift())
            self.env.process(self.case())
            self.env.process(self.placement())
            self.env.process(self.follow_up())

    def lift(self) -> Iterator[simpy.Event]:
        """A child allocated to LIFT waits for a place, is assessed and treated."""
        env, p, tally = self.env, self.p, self.tally
        asked = env.now
        with self.team.request() as place:
            yield place
            tally.places_taken += 1
            tally.lift_wait += env.now - asked
            days = self.rng.lognormvariate(*p.assessment)
            days_of_treatment = self.rng.expovariate(1.0 / p.treatment_mean)
            # SimPy keeps no account of its resources: those still in the place at the end are counted until then.
            tally.place_days += min(days + days_of_treatment, p.end_day - env.now)
            yield env.timeout(days)
            yield env.timeout(days_of_treatment)
        tally.places_given_back += 1

    def case(self) -> Iterator[simpy.Event]:
        """Hearings follow each other, each after its notice and in a room."""
        env, p, tally = self.env, self.p, self.tally
        entered = env.now
        for _ in range(p.hearings):
            yield env.timeout(self.rng.lognormvariate(*p.notice))
            listed_for = env.now
            with self.rooms.request() as room:
                yield room
                tally.hearings_begun += 1
                tally.room_wait += env.now - listed_for
                yield env.timeout(self.rng.expovariate(1.0 / p.hearing_days))
            tally.hearings_ended += 1
        tally.cases += 1
        tally.case_days += env.now - entered

    def placement(self) -> Iterator[simpy.Event]:
        """The child moves, at exponential gaps."""
        while True:
            yield self.env.timeout(self.rng.expovariate(1.0 / self.p.move_gap))
            self.tally.moves += 1

    def follow_up(self) -> Iterator[simpy.Event]:
        """Visits fall due, and are made or missed."""
        for gap in self.p.visit_gaps:
            yield self.env.timeout(gap)
            self.tally.visits_due += 1
            if self.rng.random() >= self.p.missed:
                self.tally.visits_seen += 1


def engines(p: Parameters) -> list[Engine]:
    """SimPy by the book."""

    def run(seed: int, replicates: int) -> list[Replicate]:
        return [Pathway(p, each).run() for each in seeds(seed, replicates)]

    return [Engine("SimPy", "simpy", run)]
