"""Figures and tables of what is not yet in the shape of `best_sim.questions`."""
