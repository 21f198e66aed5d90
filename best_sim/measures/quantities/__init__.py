"""Quantities that published figures are of, each counted as its publisher counts it."""

from best_sim.measures.quantities import care, courts, leaving, trials
from best_sim.measures.quantities.definition import (
    JURISDICTIONS,
    QUANTITIES,
    STATISTICS,
    Population,
    Quantity,
    Seen,
    Statistic,
    Taken,
    counted,
)

__all__ = [
    "JURISDICTIONS",
    "QUANTITIES",
    "STATISTICS",
    "Population",
    "Quantity",
    "Seen",
    "Statistic",
    "Taken",
    "care",
    "counted",
    "courts",
    "leaving",
    "trials",
]
