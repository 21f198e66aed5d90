"""The analyses of a trial's outcomes; each takes the same columns and returns the same :class:`Fit`.

So a power experiment can swap one for another. They run once per simulated trial, thousands of times. What depends on
the data is never an exception: a trial in which an arm is empty gives a `Fit` that says so.

Throughout, the contrast is *treated minus control*: for a score where more is worse, as the SDQ's total difficulties, a
benefit is negative.
"""

from collections.abc import Mapping
from types import MappingProxyType

from best_sim.trial.analysis.bootstrap import clustered_bootstrap
from best_sim.trial.analysis.counts import negative_binomial, poisson_robust, risk_difference, risk_ratio
from best_sim.trial.analysis.curves import aalen_johansen, incidence_difference, kaplan_meier
from best_sim.trial.analysis.fit import Analysis, Fit
from best_sim.trial.analysis.instrumental import complier_average
from best_sim.trial.analysis.least_squares import ancova_cluster_robust, t_test_children, t_test_family_means
from best_sim.trial.analysis.missing import multiple_imputation, pooled, tipping_points
from best_sim.trial.analysis.mixed import mixed_model
from best_sim.trial.analysis.repeated import RepeatedMeasures, repeated_measures, repeated_measures_whole
from best_sim.trial.analysis.survival import cox, log_rank

PRIMARY_METHODS: Mapping[str, Analysis] = MappingProxyType(
    {
        "mixed-model": mixed_model,
        "ancova-cluster-robust": ancova_cluster_robust,
        "t-test-family-means": t_test_family_means,
        "t-test-children": t_test_children,
    }
)
"""The analyses of a score that a scenario may name, by name."""

__all__ = [
    "PRIMARY_METHODS",
    "Analysis",
    "Fit",
    "RepeatedMeasures",
    "aalen_johansen",
    "ancova_cluster_robust",
    "clustered_bootstrap",
    "complier_average",
    "cox",
    "incidence_difference",
    "kaplan_meier",
    "log_rank",
    "mixed_model",
    "multiple_imputation",
    "negative_binomial",
    "poisson_robust",
    "pooled",
    "repeated_measures",
    "repeated_measures_whole",
    "risk_difference",
    "risk_ratio",
    "t_test_children",
    "t_test_family_means",
    "tipping_points",
]
