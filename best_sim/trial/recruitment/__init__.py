"""Recruitment in closed form."""

from best_sim.trial.recruitment.forecast import *  # noqa: F403
