"""Closed forms that the simulation is held against: power, and the precision of what is simulated.

Nothing here is used by the simulation, and nothing here uses it: a simulated figure agrees with a closed form only if
both are right. Each function states what it assumes; where the simulated trial departs from that (waiting lists, a
skewed score, fixed numbers of places) the two should differ, and by how much is a result.

All tests are two-sided, and power counts rejection in either direction.
"""

from best_sim.trial.closed_forms.monte_carlo import (
    exact_bounds,
    monte_carlo_error,
    monte_carlo_error_mean,
    monte_carlo_error_quantile,
    monte_carlo_error_sd,
)
from best_sim.trial.closed_forms.power import (
    ClusteredPower,
    ancova_factor,
    design_effect,
    design_effect_from_cv,
    power_clustered,
    t_power,
)
from best_sim.trial.closed_forms.ratios import rate_ratio_power, risk_power
from best_sim.trial.closed_forms.survival import design_effect_survival, schoenfeld_power

__all__ = [
    "ClusteredPower",
    "ancova_factor",
    "design_effect",
    "design_effect_from_cv",
    "design_effect_survival",
    "exact_bounds",
    "monte_carlo_error",
    "monte_carlo_error_mean",
    "monte_carlo_error_quantile",
    "monte_carlo_error_sd",
    "power_clustered",
    "rate_ratio_power",
    "risk_power",
    "schoenfeld_power",
    "t_power",
]
