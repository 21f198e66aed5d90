"""Power and recruitment: how often the trial would find an effect, and how long it would take to recruit."""

from best_sim.experiments.files import shipped_experiments
from best_sim.experiments.power.experiment import (
    AnalysisPlan,
    Design,
    PowerExperiment,
    Published,
)
from best_sim.experiments.power.running import (
    PowerResult,
    least_certain,
    power_plan,
    power_result,
    power_summary,
    quantities_with_errors,
    run_power,
)
from best_sim.experiments.power.summary import SHARED

__all__ = [
    "SHARED",
    "AnalysisPlan",
    "Design",
    "PowerExperiment",
    "PowerResult",
    "Published",
    "least_certain",
    "power_plan",
    "power_result",
    "power_summary",
    "quantities_with_errors",
    "run_power",
    "shipped_experiments",
]
