"""The small pathway in salabim: components with a `process`, of which one makes the others.

Three times: without `yield`, on greenlets, which is salabim's default; with `yield`, which it offers as well; and with
`yield` and with all monitoring off, since it monitors every queue, resource and component unless told otherwise.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import salabim as sim

from .parameters import Engine, Parameters, Replicate, Tally, seeds


class Pathway:
    """The environment, the team, the rooms, the distributions, and what is counted."""

    def __init__(self, p: Parameters, seed: int, yieldless: bool, monitored: bool) -> None:
        self.p, self.tally, self.monitored = p, Tally(), monitored
        self.env = sim.Environment(trace=False, random_seed=seed, yieldless=yieldless)
        self.team = sim.Resource("team", capacity=p.team_places, monitor=monitored)
        self.rooms = sim.Resource("rooms", capacity=p.rooms, monitor=monitored)
        self.entry = sim.Exponential(p.entry_gap)
        self.assessment = sim.External(random.lognormvariate, *p.assessment)
        self.treatment = sim.Exponential(p.treatment_mean)
        self.notice = sim.External(random.lognormvariate, *p.notice)
        self.hearing = sim.Exponential(p.hearing_days)
        self.move = sim.Exponential(p.move_gap)
        self.chance = sim.Uniform(0.0, 1.0)
        self.intake, *self.parts = (Intake, Lift, Case, Placement, FollowUp) if yieldless else YIELDING

    def run(self) -> Replicate:
        """Run to the end."""
        self.intake(pathway=self)
        self.env.run(till=self.p.end_day)
        if self.monitored:
            self.tally.place_days = self.team.claimed_quantity.mean() * self.p.end_day
        return self.tally.replicate(self.p.end_day)


class Part(sim.Component):
    """What every part of the pathway needs, monitored or not."""

    def setup(self, pathway: Pathway) -> None:
        """Keep the pathway at hand."""
        self.pathway, self.p, self.tally = pathway, pathway.p, pathway.tally
        if not pathway.monitored:
            self.status.monitor(False)
            self.mode.monitor(False)


class Intake(Part):
    """Children enter until the time of entry is over."""

    def process(self) -> None:
        """Without `yield`."""
        self.hold(self.pathway.entry())
        while self.env.now() <= self.p.entry_days:
            self.child_enters()
            self.hold(self.pathway.entry())

    def child_enters(self) -> None:
        """Count the child and start what goes on beside each other."""
        self.tally.children += 1
        lift, *others = self.pathway.parts
        if self.pathway.chance() < self.p.lift_share:
            lift(pathway=self.pathway)
        for part in others:
            part(pathway=self.pathway)


class YieldingIntake(Intake):
    """The same with `yield`."""

    def process(self) -> Iterator[None]:
        """With `yield`."""
        yield self.hold(self.pathway.entry())
        while self.env.now() <= self.p.entry_days:
            self.child_enters()
            yield self.hold(self.pathway.entry())


class Lift(Part):
    """Waits for a place of the team; is assessed and treated."""

    def process(self) -> None:
        """Without `yield`."""
        asked = self.env.now()
        self.request(self.pathway.team)
        self.take_place(asked)
        self.hold(self.days)
        self.hold(self.days_of_treatment)
        self.release(self.pathway.team)
        self.tally.places_given_back += 1

    def take_place(self, asked: float) -> None:
        """Count, and draw how long the place will be held."""
        now, pathway = self.env.now(), self.pathway
        self.tally.places_taken += 1
        self.tally.lift_wait += now - asked
        self.days, self.days_of_treatment = pathway.assessment(), pathway.treatment()
        if not pathway.monitored:
            self.tally.place_days += min(self.days + self.days_of_treatment, self.p.end_day - now)


class YieldingLift(Lift):
    """The same with `yield`."""

    def process(self) -> Iterator[None]:
        """With `yield`."""
        asked = self.env.now()
        yield self.request(self.pathway.team)
        self.take_place(asked)
        yield self.hold(self.days)
        yield self.hold(self.days_of_treatment)
        self.release(self.pathway.team)
        self.tally.places_given_back += 1


class Case(Part):
    """Hearings follow each other, each after its notice and in a room."""

    def process(self) -> None:
        """Without `yield`."""
        entered = self.env.now()
        for _ in range(self.p.hearings):
            self.hold(self.pathway.notice())
            listed_for = self.env.now()
            self.request(self.pathway.rooms)
            self.tally.hearings_begun += 1
            self.tally.room_wait += self.env.now() - listed_for
            self.hold(self.pathway.hearing())
            self.release(self.pathway.rooms)
            self.tally.hearings_ended += 1
        self.tally.cases += 1
        self.tally.case_days += self.env.now() - entered


class YieldingCase(Part):
    """The same with `yield`."""

    def process(self) -> Iterator[None]:
        """With `yield`."""
        entered = self.env.now()
        for _ in range(self.p.hearings):
            yield self.hold(self.pathway.notice())
            listed_for = self.env.now()
            yield self.request(self.pathway.rooms)
            self.tally.hearings_begun += 1
            self.tally.room_wait += self.env.now() - listed_for
            yield self.hold(self.pathway.hearing())
            self.release(self.pathway.rooms)
            self.tally.hearings_ended += 1
        self.tally.cases += 1
        self.tally.case_days += self.env.now() - entered


class Placement(Part):
    """Moves, at exponential gaps."""

    def process(self) -> None:
        """Without `yield`."""
        while True:
            self.hold(self.pathway.move())
            self.tally.moves += 1


class YieldingPlacement(Part):
    """The same with `yield`."""

    def process(self) -> Iterator[None]:
        """With `yield`."""
        while True:
            yield self.hold(self.pathway.move())
            self.tally.moves += 1


class FollowUp(Part):
    """Visits fall due, and are made or missed."""

    def process(self) -> None:
        """Without `yield`."""
        for gap in self.p.visit_gaps:
            self.hold(gap)
            self.fall_due()

    def fall_due(self) -> None:
        """A visit is made, or missed."""
        self.tally.visits_due += 1
        if self.pathway.chance() >= self.p.missed:
            self.tally.visits_seen += 1


class YieldingFollowUp(FollowUp):
    """The same with `yield`."""

    def process(self) -> Iterator[None]:
        """With `yield`."""
        for gap in self.p.visit_gaps:
            yield self.hold(gap)
            self.fall_due()


YIELDING = (YieldingIntake, YieldingLift, YieldingCase, YieldingPlacement, YieldingFollowUp)


def engines(p: Parameters) -> list[Engine]:
    """Salabim, three ways; the first is left out where greenlet, which it needs, is not there."""

    def engine(name: str, yieldless: bool, monitored: bool) -> Engine:
        def run(seed: int, replicates: int) -> list[Replicate]:
            return [Pathway(p, each, yieldless, monitored).run() for each in seeds(seed, replicates)]

        return Engine(name, "salabim", run)

    ways = [engine("salabim, yield", False, True), engine("salabim, yield, monitors off", False, False)]
    try:
        import greenlet  # noqa: F401
    except ImportError:
        return ways
    return [engine("salabim, yieldless", True, True), *ways]
