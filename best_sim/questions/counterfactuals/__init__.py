"""Paired counterfactuals: each simulated family under LIFT and under services as usual, with common random numbers."""
