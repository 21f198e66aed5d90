"""What a user may set: typed, unit-bearing, sourced parameters, read from TOML, extended and overridden.

`Scenario.load` reads a scenario; `check` says what is wrong with one. The parameters are declared in
`best_sim.scenario.schema`, in the words of `best_sim.scenario.values`.
"""

from best_sim.scenario.durations import Duration
from best_sim.scenario.files import shipped_names, shipped_parameters
from best_sim.scenario.layers import Provenance
from best_sim.scenario.problems import Problem, ScenarioError, ScenarioWarning
from best_sim.scenario.scenario import Scenario, check
from best_sim.scenario.values import Mix, Named, Section, Series

__all__ = [
    "Duration",
    "Mix",
    "Named",
    "Problem",
    "Provenance",
    "Scenario",
    "ScenarioError",
    "ScenarioWarning",
    "Section",
    "Series",
    "check",
    "shipped_names",
    "shipped_parameters",
]
