"""Interim analyses of simulated trials."""
