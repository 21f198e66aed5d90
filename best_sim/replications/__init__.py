"""Many runs: what to run, and running it."""

from best_sim.replications.local import Plan, run, workers

__all__ = ["Plan", "run", "workers"]
