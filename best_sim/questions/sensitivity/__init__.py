"""One-way sensitivity analysis of the power: each assumption moved between its ends, one at a time."""
