"""Quantities that published figures are of, each counted as its publisher counts it."""

from collections.abc import Mapping
from types import MappingProxyType

from best_sim.measures.quantities import care, courts, hearings, leaving, trials
from best_sim.measures.quantities.definition import Quantity

QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {one.name: one for one in (*care.ALL, *leaving.ALL, *courts.ALL, *hearings.ALL, *trials.ALL)}
)
"""All of them, by name."""
