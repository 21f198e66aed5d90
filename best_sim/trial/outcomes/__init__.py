"""What the trial has to analyse: an outcome of each child, with the arm, the family and the covariates.

Everything that is said of an outcome anywhere stands once, in `best_sim.trial.outcomes.registry`.
"""

from best_sim.trial.outcomes.definition import (
    Absent,
    AnalysisSet,
    Asked,
    Effect,
    Estimand,
    Kind,
    Outcome,
    Recorded,
)
from best_sim.trial.outcomes.registry import OUTCOMES, analysis_set, means_of_all

__all__ = [
    "OUTCOMES",
    "Absent",
    "AnalysisSet",
    "Asked",
    "Effect",
    "Estimand",
    "Kind",
    "Outcome",
    "Recorded",
    "analysis_set",
    "means_of_all",
]
