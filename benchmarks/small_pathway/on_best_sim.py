"""The small pathway as a model of `best_sim.engine`: written once, run compiled or on SimPy."""

from __future__ import annotations

import math

import numpy as np

from best_sim.engine import (
    Model,
    ProcessKind,
    Run,
    State,
    compile_model,
    exponential_quantile,
    hold,
    lognormal_quantile,
    purpose,
    release,
    rows,
    rule,
    run_simpy,
    seize,
    start,
    starts_table,
    stream,
    uniform,
    world_dtype,
)

from .parameters import COMPILED, ON_SIMPY, Engine, Parameters, Replicate, Tally

INTAKE, LIFT, CASE, PLACEMENT, FOLLOW_UP = range(5)
TEAM, ROOMS = range(2)

ENTRY = purpose("entry")
ALLOCATION = purpose("allocation")
ASSESSMENT = purpose("assessment")
TREATMENT = purpose("treatment")
NOTICE = purpose("notice")
HEARING = purpose("hearing")
MOVE = purpose("move")
VISIT = purpose("visit")

CHILDREN = np.dtype(
    [
        ("stream", "i8"),
        ("number", "i8"),
        ("entered_on", "f8"),
        ("lift_wait", "f8"),
        ("places_taken", "i8"),
        ("places_given_back", "i8"),
        ("hearings_begun", "i8"),
        ("hearings_ended", "i8"),
        ("room_wait", "f8"),
        ("case_days", "f8"),
        ("moves", "i8"),
        ("visits_due", "i8"),
        ("visits_seen", "i8"),
    ]
)
INTAKES = np.dtype([("stream", "i8"), ("number", "i8"), ("children", "i8")])
TABLES = {"children": CHILDREN, "intakes": INTAKES}
VISITS = 3
WORLD = world_dtype(
    [
        ("entry_days", "f8"),
        ("entry_gap", "f8"),
        ("lift_share", "f8"),
        ("assessment", "f8", (2,)),
        ("treatment_mean", "f8"),
        ("hearings", "i8"),
        ("notice", "f8", (2,)),
        ("hearing_days", "f8"),
        ("move_gap", "f8"),
        ("visit_gaps", "f8", (VISITS,)),
        ("missed", "f8"),
    ],
    TABLES,
)

children = rows("children", CHILDREN)


@rule
def exponential(me, world, why, count, mean):
    return exponential_quantile(uniform(world, me, why, count), mean)


@rule
def lognormal(me, world, why, count, parameters):
    return lognormal_quantile(uniform(world, me, why, count), parameters[0], parameters[1])


def intake(me, world):
    """Children enter until the time of entry is over."""
    while True:
        yield hold(exponential(me, world, ENTRY, me.children, world.entry_gap))
        if world.now > world.entry_days:
            break
        number = me.children
        me.children += 1
        child = children(world, number)
        child.stream = me.stream
        child.number = number
        child.entered_on = world.now
        if uniform(world, child, ALLOCATION, 0) < world.lift_share:
            yield start(LIFT, number)
        yield start(CASE, number)
        yield start(PLACEMENT, number)
        yield start(FOLLOW_UP, number)


def lift(me, world):
    """A child allocated to LIFT waits for a place, is assessed and treated."""
    yield seize(TEAM)
    me.lift_wait = world.now - me.entered_on
    me.places_taken = 1
    yield hold(lognormal(me, world, ASSESSMENT, 0, world.assessment))
    yield hold(exponential(me, world, TREATMENT, 0, world.treatment_mean))
    yield release(TEAM)
    me.places_given_back = 1


def case(me, world):
    """Hearings follow each other, each after its notice and in a room."""
    for hearing in range(world.hearings):
        yield hold(lognormal(me, world, NOTICE, hearing, world.notice))
        listed_for = world.now
        yield seize(ROOMS)
        me.room_wait += world.now - listed_for
        me.hearings_begun += 1
        yield hold(exponential(me, world, HEARING, hearing, world.hearing_days))
        yield release(ROOMS)
        me.hearings_ended += 1
    me.case_days = world.now - me.entered_on


def placement(me, world):
    """The child moves, at exponential gaps."""
    while True:
        yield hold(exponential(me, world, MOVE, me.moves, world.move_gap))
        me.moves += 1


def follow_up(me, world):
    """Visits fall due, and are made or missed."""
    for visit in range(VISITS):
        yield hold(world.visit_gaps[visit])
        me.visits_due += 1
        if uniform(world, me, VISIT, visit) >= world.missed:
            me.visits_seen += 1


MODEL = Model(
    world=WORLD,
    tables=TABLES,
    processes=(
        ProcessKind("intake", intake, "intakes"),
        ProcessKind("lift", lift, "children"),
        ProcessKind("case", case, "children"),
        ProcessKind("placement", placement, "children"),
        ProcessKind("follow_up", follow_up, "children"),
    ),
)


def state(p: Parameters, seed: int, replicate: int) -> State:
    """What a run starts from: an empty pathway, and the intake.

    The table has a fixed number of rows. Twelve standard deviations above the mean leave room for every Poisson number
    that will ever be drawn; one more child would be an error, not a child fewer.
    """
    if len(p.visit_months) != VISITS:
        raise ValueError(f"visit_months: found {len(p.visit_months)} visits, the model is made for {VISITS}")
    world = np.zeros(1, WORLD)
    world["seed"], world["replicate"], world["end"] = seed, replicate, p.end_day
    for name in (
        "entry_days",
        "entry_gap",
        "lift_share",
        "assessment",
        "treatment_mean",
        "hearings",
        "notice",
        "hearing_days",
        "move_gap",
        "visit_gaps",
        "missed",
    ):
        world[name] = getattr(p, name)
    intakes = np.zeros(1, INTAKES)
    intakes["stream"] = stream("small pathway")
    return State(
        world=world,
        tables={
            "children": np.zeros(math.ceil(p.children + 12.0 * math.sqrt(p.children)), CHILDREN),
            "intakes": intakes,
        },
        starts=starts_table([0.0], [INTAKE], [0]),
        capacities=np.array([p.team_places, p.rooms]),
    )


def replicate_of(run: Run, p: Parameters) -> Replicate:
    """The report of a run, from its tables and the engine's own account of the team."""
    child = run.state.tables["children"]
    counted = ("places_taken", "places_given_back", "lift_wait", "hearings_begun", "hearings_ended")
    sums = {name: child[name].sum().item() for name in (*counted, "room_wait", "case_days")}
    sums |= {name: child[name].sum().item() for name in ("moves", "visits_due", "visits_seen")}
    tally = Tally(
        children=int(run.state.tables["intakes"]["children"][0]),
        place_days=float(run.resources["place_time"][TEAM]),
        cases=int((child["hearings_ended"] == p.hearings).sum()),
        **sums,
    )
    return tally.replicate(p.end_day)


def engines(p: Parameters) -> list[Engine]:
    """The engine of this package, compiled and on SimPy; the model is compiled, or loaded, at once."""
    compiled = compile_model(MODEL)

    def run_compiled(seed: int, replicates: int) -> list[Replicate]:
        return [replicate_of(compiled.run(state(p, seed, k)), p) for k in range(replicates)]

    def run_on_simpy(seed: int, replicates: int) -> list[Replicate]:
        return [replicate_of(run_simpy(MODEL, state(p, seed, k)), p) for k in range(replicates)]

    return [
        Engine(COMPILED, "best-sim", run_compiled, replicates=50),
        Engine(ON_SIMPY, "best-sim", run_on_simpy),
    ]
