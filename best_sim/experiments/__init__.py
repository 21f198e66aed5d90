"""Questions that are not yet in the shape of `best_sim.questions`."""
