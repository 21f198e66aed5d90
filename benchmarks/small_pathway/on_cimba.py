"""The small pathway in Cimba: a model of classes whose processes are compiled by numba and run by Cimba's C engine.

A child is a model of its own, spawned on entry, with a process for each of the four things that go on. Cimba is made to
run many replications in one experiment, so one call asks for many, on one thread (it would use all there are).
"""

from __future__ import annotations

import cimba as cb
import numpy as np
from cimba import random

from .parameters import Engine, Parameters, Replicate, Tally, seeds


class Pathway(cb.Model):
    """The team, the rooms, the intake, and what is counted."""

    entry_days: cb.Param[float]
    entry_gap: cb.Param[float]
    lift_share: cb.Param[float]
    assessment_mu: cb.Param[float]
    assessment_sigma: cb.Param[float]
    treatment_mean: cb.Param[float]
    hearings: cb.Param[int]
    notice_mu: cb.Param[float]
    notice_sigma: cb.Param[float]
    hearing_days: cb.Param[float]
    move_gap: cb.Param[float]
    missed: cb.Param[float]
    visit_gaps: cb.Array[float]

    team: cb.Resource
    rooms: cb.Resource

    children: cb.Output[int]
    places_taken: cb.Output[int]
    places_given_back: cb.Output[int]
    lift_wait: cb.Output[float]
    team_in_use: cb.Output[float]
    hearings_begun: cb.Output[int]
    hearings_ended: cb.Output[int]
    room_wait: cb.Output[float]
    cases: cb.Output[int]
    case_days: cb.Output[float]
    moves: cb.Output[int]
    visits_due: cb.Output[int]
    visits_seen: cb.Output[int]

    @cb.on_start
    def begin(self):
        """Sums start at zero."""
        self.lift_wait = 0.0
        self.room_wait = 0.0
        self.case_days = 0.0

    @cb.process
    def intake(self):
        """Children enter until the time of entry is over."""
        while True:
            cb.hold(random.exponential(self.entry_gap))
            if cb.now() > self.entry_days:
                break
            self.children += 1
            cb.spawn(Child, pathway=self, allocated=random.bernoulli(self.lift_share))

    @cb.on_end
    def close(self):
        """Ask the engine for its account of the team."""
        self.team_in_use = self.team.mean_in_use()


class Child(cb.Model):
    """A child who enters."""

    pathway: cb.Ref[Pathway]
    allocated: bool

    @cb.process
    def lift(self):
        """A child allocated to LIFT waits for a place, is assessed and treated."""
        if self.allocated:
            pathway = self.pathway
            asked = cb.now()
            pathway.team.acquire()
            pathway.places_taken += 1
            pathway.lift_wait += cb.now() - asked
            cb.hold(random.lognormal(pathway.assessment_mu, pathway.assessment_sigma))
            cb.hold(random.exponential(pathway.treatment_mean))
            pathway.team.release()
            pathway.places_given_back += 1

    @cb.process
    def case(self):
        """Hearings follow each other, each after its notice and in a room."""
        pathway = self.pathway
        entered = cb.now()
        for _ in range(pathway.hearings):
            cb.hold(random.lognormal(pathway.notice_mu, pathway.notice_sigma))
            listed_for = cb.now()
            pathway.rooms.acquire()
            pathway.hearings_begun += 1
            pathway.room_wait += cb.now() - listed_for
            cb.hold(random.exponential(pathway.hearing_days))
            pathway.rooms.release()
            pathway.hearings_ended += 1
        pathway.cases += 1
        pathway.case_days += cb.now() - entered

    @cb.process
    def placement(self):
        """The child moves, at exponential gaps."""
        pathway = self.pathway
        while True:
            cb.hold(random.exponential(pathway.move_gap))
            pathway.moves += 1

    @cb.process
    def follow_up(self):
        """Visits fall due, and are made or missed."""
        pathway = self.pathway
        for gap in pathway.visit_gaps:
            cb.hold(gap)
            pathway.visits_due += 1
            if not random.bernoulli(pathway.missed):
                pathway.visits_seen += 1


def configured(p: Parameters) -> Pathway:
    """The model with these parameters."""
    pathway = Pathway()
    for name in (
        "entry_days",
        "entry_gap",
        "lift_share",
        "treatment_mean",
        "hearings",
        "hearing_days",
        "move_gap",
        "missed",
    ):
        setattr(pathway, name, getattr(p, name))
    pathway.assessment_mu, pathway.assessment_sigma = p.assessment
    pathway.notice_mu, pathway.notice_sigma = p.notice
    pathway.visit_gaps = cb.Array(list(p.visit_gaps))
    pathway.team = cb.Resource(capacity=p.team_places)
    pathway.rooms = cb.Resource(capacity=p.rooms)
    return pathway


def engines(p: Parameters) -> list[Engine]:
    """Cimba on one thread; the model is compiled at once."""
    pathway = configured(p)
    counted = [name for name in Tally.__dataclass_fields__ if name != "place_days"]

    def run(seed: int, replicates: int) -> list[Replicate]:
        experiment = cb.Experiment(
            pathway,
            replications=replicates,
            window=cb.Window(duration=p.end_day),
            seeds=np.array(seeds(seed, replicates), dtype=np.uint64),
        )
        results = experiment.run(workers=1)
        if results.failed.any():
            raise RuntimeError(f"Cimba's replications failed: {results.failure_reasons}")
        columns = {name: np.asarray(getattr(results[pathway], name))[0] for name in counted}
        in_use = np.asarray(results[pathway].team_in_use)[0]
        return [
            Tally(
                **{name: column[k].item() for name, column in columns.items()},
                place_days=in_use[k].item() * p.end_day,
            ).replicate(p.end_day)
            for k in range(replicates)
        ]

    run(0, 1)
    return [Engine("Cimba", "cimba", run, replicates=50)]
