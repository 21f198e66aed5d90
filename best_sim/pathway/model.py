"""The model put together, and one replicate of it: `simulate`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from numbers import Integral
from typing import TYPE_CHECKING

from best_sim.engine.compiled_driver import CompilationError, CompiledModel, compile_model
from best_sim.engine.model import Engine, EngineAsked, Model, ProcessKind, State
from best_sim.engine.simpy_driver import run_simpy
from best_sim.pathway import (
    allocation,
    childrens_hearings,
    entry,
    followup,
    kinds,
    parameters,
    permanence_planning,
    placements,
    population,
    proceedings,
    records,
    services,
    words,
)
from best_sim.pathway.journeys import Journeys
from best_sim.pathway.lowering import Lowered, lower, state_of

if TYPE_CHECKING:
    from best_sim.scenario import Scenario

_NUMBERS = 2**63
_PROCESSES = {
    kinds.FAMILY_ENTERS: ProcessKind("family_enters", entry.family_enters, "families"),
    kinds.PLACEMENT: ProcessKind("placement", placements.placement, "groups"),
    kinds.PROCEEDINGS: ProcessKind("proceedings", proceedings.proceedings, "cases"),
    kinds.TRIAL_ENTRY: ProcessKind("trial_entry", entry.trial_entry, "families"),
    kinds.PARENTING_ASSESSMENT: ProcessKind("parenting_assessment", services.parenting_assessment, "cases"),
    kinds.LIFT_SERVICE: ProcessKind("lift_service", services.lift_service, "families"),
    kinds.FOLLOW_UP: ProcessKind("follow_up", followup.follow_up, "families"),
    kinds.TEAM_CALENDAR: ProcessKind("team_calendar", services.team_calendar, "teams"),
    kinds.OTHER_CASES: ProcessKind("other_cases", proceedings.other_cases, "courts"),
    kinds.OTHER_REFERRAL: ProcessKind("other_referral", services.other_referral, "others"),
    kinds.WORK_WITH_CARERS: ProcessKind("work_with_carers", services.work_with_carers, "families"),
    kinds.LOOKED_AFTER_REVIEWS: ProcessKind(
        "looked_after_reviews", permanence_planning.looked_after_reviews, "cases"
    ),
    kinds.CHILDRENS_HEARINGS: ProcessKind(
        "childrens_hearings", childrens_hearings.childrens_hearings, "cases"
    ),
    kinds.PERMANENCE_PLANNING: ProcessKind(
        "permanence_planning", permanence_planning.permanence_planning, "groups"
    ),
    kinds.LATER_REVIEWS: ProcessKind("later_reviews", permanence_planning.later_reviews, "cases"),
}

PATHWAY = Model(
    world=records.WORLD,
    tables=records.TABLES,
    processes=tuple(_PROCESSES[number] for number in range(len(_PROCESSES))),
    sources=(
        allocation,
        childrens_hearings,
        entry,
        followup,
        kinds,
        parameters,
        permanence_planning,
        placements,
        population,
        proceedings,
        records,
        services,
        words,
    ),  # fmt: skip
)
"""The pathway: each process under its number in `best_sim.pathway.kinds`."""


@lru_cache(maxsize=1)
def _compiled_or_why_not() -> CompiledModel | CompilationError:
    try:
        return compile_model(PATHWAY)
    except CompilationError as error:
        warnings.warn(f"{error}. SimPy gives the same answers, more slowly.", RuntimeWarning, stacklevel=3)
        return error


def compiled_pathway() -> CompiledModel:
    """The pathway compiled, once per process.

    Raises
    ------
    CompilationError
        Where numba can't compile it here.
    """
    got = _compiled_or_why_not()
    if isinstance(got, CompilationError):
        raise got
    return got


def engine_in_use() -> Engine:
    """What the engine ``auto`` comes to here: compiled, or SimPy where numba can't compile."""
    return "simpy" if isinstance(_compiled_or_why_not(), CompilationError) else "compiled"


def simulate(
    scenario: Scenario | Lowered,
    seed: int = 1,
    replicate: int = 0,
    engine: EngineAsked = "auto",
    *,
    arm: str | None = None,
    events: bool = True,
    progress: Callable[[float], object] | None = None,
    hooks: Sequence[Callable] = (),
    extensions: Sequence[Callable] = (),
) -> Journeys:
    """Simulate one replicate: every child who enters care, from entry to the end of the run.

    The result is a function of (scenario, seed, replicate) and of nothing else: not of the engine, the process or the
    order in which replicates are run.

    Parameters
    ----------
    scenario : Scenario or Lowered
        What to simulate; a `Lowered` scenario spares the lowering where many replicates are run.
    seed, replicate : int
        Random seed and number of the replicate, each from 0 to 2**63 - 1.
    engine : {"auto", "compiled", "simpy"}
        Which driver runs the pathway; "auto" takes SimPy where there are hooks or extensions, or where numba can't
        compile (with one warning), else the compiled one. Both give the same journeys.
    arm : {"SAU", "LIFT"}, optional
        Allocate every family to this arm; for the same child in both services.
    events : bool
        Whether to keep the event record, from which the tables of placements, hearings and services are made. Without
        it (compiled engine) a run is a little faster; children, families, cases and scores are the same.
    progress : callable, optional
        Compiled engine: called now and then, in runs of a second or more, with the simulated day that is reached.
    hooks : sequence of callable
        SimPy only: each called as ``hook(time, process, index, command)`` for every command.
    extensions : sequence of callable
        SimPy only: the user's own SimPy processes, ``process(env, run)``, run beside the children.

    Returns
    -------
    Journeys

    Raises
    ------
    ValueError
        If hooks or extensions are given to the compiled engine, the engine's name is unknown, or the seed or the
        number of the replicate is none.
    CompilationError
        If the compiled engine is asked for by name, and numba can't compile here.
    """
    lowered = scenario if isinstance(scenario, Lowered) else lower(scenario, arm)
    if engine not in ("auto", "compiled", "simpy"):
        raise ValueError(f"engine: found {engine!r}, allowed 'auto', 'compiled', 'simpy'")
    if (hooks or extensions) and engine == "compiled":
        raise ValueError("engine: hooks and extensions need 'simpy' (or 'auto'), found 'compiled'")
    for name, number in (("seed", seed), ("replicate", replicate)):
        if not isinstance(number, Integral) or not 0 <= number < _NUMBERS:
            raise ValueError(f"{name}: found {number!r}, allowed a whole number from 0 to 2**63 - 1")
    state: State = state_of(lowered, seed, replicate)
    if engine == "auto":
        engine = "simpy" if hooks or extensions else engine_in_use()
    if engine == "simpy":
        run = run_simpy(PATHWAY, state, hooks=hooks, extensions=extensions)
    else:
        run = compiled_pathway().run(state, events=events, in_place=True, progress=progress)
    return Journeys.from_run(run, lowered, seed, replicate, events=events or engine == "simpy")
