"""The care pathway of young children, and the BeST? trial that ran through it, as a simulation.

The way through is `Scenario -> simulate -> Journeys -> trial and measures -> table, figure, report`; see
`docs/explanation/rooms-and-words.md`.

Examples
--------
>>> from best_sim import Scenario, simulate
>>> journeys = simulate(Scenario.load("london-2017"), seed=1, replicate=0, engine="simpy")
>>> journeys.families["borough"].nunique()
5
>>> child = journeys.child("first LIFT")
>>> print(journeys.story(child).lines[0])  # doctest: +ELLIPSIS
On ...: The child came into care ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = ["Journeys", "Scenario", "ScenarioWarning", "__version__", "compare", "run_experiment", "simulate"]

if TYPE_CHECKING:
    from best_sim.pathway import Journeys, simulate
    from best_sim.questions import run_experiment
    from best_sim.replications.comparing import compare
    from best_sim.scenario import Scenario, ScenarioWarning

_WHERE = {
    "Scenario": "best_sim.scenario",
    "ScenarioWarning": "best_sim.scenario",
    "Journeys": "best_sim.pathway",
    "simulate": "best_sim.pathway",
    "compare": "best_sim.replications.comparing",
    "run_experiment": "best_sim.questions",
}


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    # The public names are imported when they are used, so that the command line answers at once.
    if name not in _WHERE:
        raise AttributeError(f"module 'best_sim' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_WHERE[name]), name)
