"""The small pathway in Ciw: a network of queues, with the distributions and the routing that Ciw brings.

A customer of Ciw is at one node at a time, and cannot be split. What goes on beside each other for one child is
therefore four customers, of four classes, who arrive at the same time: the arrival times are drawn once and given to
each class as a `Sequential` distribution. That is enough here, where the four don't look at each other. A pathway in
which they do (a hearing that waits for the team's report, a move that the order brings about) is beyond a network of
queues.
"""

from __future__ import annotations

import random
from itertools import pairwise

import ciw

from .parameters import Engine, Parameters, Replicate, Tally, seeds

TEAM, NOTICE, ROOMS, PLACEMENT, *DUE, VISIT = range(1, 9)
"""Nodes: the team, the time of notice, the rooms, the placement, the time before each visit, a visit that is made."""


class Stay(ciw.routing.Direct):
    """The placement: after a move the child is in a placement again."""

    def __init__(self) -> None:
        super().__init__(to=PLACEMENT)


def network(p: Parameters) -> ciw.network.Network:
    """The network for one replicate; its arrivals are drawn here, from `random`, which `ciw.seed` has seeded."""
    arrivals, time = [], 0.0
    while (time := time + random.expovariate(1.0 / p.entry_gap)) <= p.entry_days:
        arrivals.append(time)
    allocated = [time for time in arrivals if random.random() < p.lift_share]

    def at(times: list[float], node: int) -> list[ciw.dists.Distribution | None]:
        gaps = [after - before for before, after in pairwise([0.0, *times])]
        return [
            ciw.dists.Sequential([*gaps, float("inf")]) if n == node else None for n in range(1, VISIT + 1)
        ]

    def hearings(individual: ciw.Individual, simulation: ciw.Simulation) -> list[int]:
        return [ROOMS, *([NOTICE, ROOMS] * (p.hearings - 1))]

    def visits(individual: ciw.Individual, simulation: ciw.Simulation) -> list[int]:
        made = [[VISIT] if random.random() >= p.missed else [] for _ in DUE]
        return [
            *made[0],
            *(node for due, visit in zip(DUE[1:], made[1:], strict=True) for node in (due, *visit)),
        ]

    leave, endless = ciw.routing.Leave(), float("inf")
    services = [
        ciw.dists.Lognormal(*p.assessment) + ciw.dists.Exponential(1.0 / p.treatment_mean),
        ciw.dists.Lognormal(*p.notice),
        ciw.dists.Exponential(1.0 / p.hearing_days),
        ciw.dists.Exponential(1.0 / p.move_gap),
        *(ciw.dists.Deterministic(gap) for gap in p.visit_gaps),
        ciw.dists.Deterministic(0.0),
    ]
    return ciw.create_network(
        arrival_distributions={
            "lift": at(allocated, TEAM),
            "case": at(arrivals, NOTICE),
            "placement": at(arrivals, PLACEMENT),
            "follow-up": at(arrivals, DUE[0]),
        },
        service_distributions=dict.fromkeys(("lift", "case", "placement", "follow-up"), services),
        routing={
            "lift": ciw.routing.NetworkRouting([leave] * VISIT),
            "case": ciw.routing.ProcessBased(hearings),
            "placement": ciw.routing.NetworkRouting(
                [Stay() if n == PLACEMENT else leave for n in range(1, VISIT + 1)]
            ),
            "follow-up": ciw.routing.ProcessBased(visits),
        },
        number_of_servers=[p.team_places, endless, p.rooms, *[endless] * (VISIT - 3)],
    )


def replicate_of(simulation: ciw.Simulation, p: Parameters) -> Replicate:
    """The report of a run, from Ciw's records; those of services that go on at the end are asked for too."""
    tally = Tally()
    tally.place_days = simulation.transitive_nodes[TEAM - 1].server_utilisation * p.team_places * p.end_day
    tally.children = simulation.nodes[0].number_of_individuals_per_class["case"]
    entered: dict[int, float] = {}
    heard: dict[int, list[float]] = {}
    for record in simulation.get_all_records(include_incomplete=True):
        ended = record.record_type == "service"
        begun = ended or record.service_start_date is not None
        if record.node == TEAM and begun:
            tally.places_taken += 1
            tally.lift_wait += record.waiting_time
            tally.places_given_back += ended
        elif record.node == NOTICE:
            entered.setdefault(record.id_number, record.arrival_date)
        elif record.node == ROOMS and begun:
            tally.hearings_begun += 1
            tally.room_wait += record.waiting_time
            if ended:
                heard.setdefault(record.id_number, []).append(record.exit_date)
        elif record.node == PLACEMENT:
            tally.moves += ended
        elif record.node == VISIT:
            tally.visits_seen += ended
        elif record.node in DUE:
            tally.visits_due += ended
    tally.hearings_ended = sum(len(dates) for dates in heard.values())
    closed = [max(dates) - entered[n] for n, dates in heard.items() if len(dates) == p.hearings]
    tally.cases, tally.case_days = len(closed), sum(closed)
    return tally.replicate(p.end_day)


def engines(p: Parameters) -> list[Engine]:
    """Ciw."""

    def one(seed: int) -> Replicate:
        ciw.seed(seed)
        simulation = ciw.Simulation(network(p))
        simulation.simulate_until_max_time(p.end_day)
        return replicate_of(simulation, p)

    return [Engine("Ciw", "ciw", lambda seed, replicates: [one(each) for each in seeds(seed, replicates)])]
