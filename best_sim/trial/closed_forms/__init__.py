"""Closed forms of power, and how well a simulation knows what it says."""

from best_sim.trial.closed_forms.power import *  # noqa: F403
from best_sim.trial.closed_forms.ratios import rate_ratio_power, risk_power  # noqa: F401
from best_sim.trial.closed_forms.survival import *  # noqa: F403
