"""Every decision and every duration of the pathway, one pure function each, named for what it decides.

A rule reads records and random numbers and returns a number; it never lets time pass. The processes call them. Each
draw has a purpose of its own (`best_sim.pathway.rules.purposes`), so that one more draw anywhere changes no other.
"""
