"""Placement stability: how often children move, by group, and how many children it takes to see what LIFT changes."""
