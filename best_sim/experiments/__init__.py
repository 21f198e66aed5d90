"""The questions that are asked of the simulation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from best_sim.experiments.power import PowerExperiment, PowerResult, run_power

__all__ = ["PowerExperiment", "PowerResult", "run_experiment", "run_power"]


def run_experiment(name_or_path: str | Path = "power", **changes: Any) -> PowerResult:
    """Run an experiment by name or file, and give back its tables.

    Parameters
    ----------
    name_or_path : str or path
        A shipped experiment, or a TOML file like ``experiments/power.toml``.
    **changes
        replicates, seed, scenario, overrides: instead of the file's.

    Returns
    -------
    PowerResult

    Raises
    ------
    ScenarioError
        With everything that is wrong in the file or the scenario.
    """
    return run_power(PowerExperiment.load(name_or_path, **changes))
