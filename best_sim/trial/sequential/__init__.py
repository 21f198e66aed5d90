"""Looks at the data before the end."""

from best_sim.trial.sequential.bounds import *  # noqa: F403
