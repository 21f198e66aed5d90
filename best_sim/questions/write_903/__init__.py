"""Simulated children as SSDA903 returns."""
