"""Plans of openings and LIFT teams, compared with common random numbers."""
