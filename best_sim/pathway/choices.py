"""The descriptions by which a child is found, apart from the code that looks: whoever lists them is spared numba."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CHOICES: Mapping[str, str] = MappingProxyType(
    {
        "first": "the first child who entered care after day zero",
        "first LIFT": "the first child whose family was allocated to LIFT",
        "first SAU": "the first child whose family was allocated to services as usual",
        "first adopted": "the first randomised child who lives with adopters at the end",
        "first home": "the first randomised child who lives at home at the end",
        "first kin": "the first randomised child who lives with special guardians or other kin at the end",
        "first re-entry": "the first child who came back into care",
        "most moves": "the child with the most moves in care, the first of them",
    }
)
"""What `best_sim.pathway.story.choose_child` can find."""


class UnknownChildError(ValueError):
    """There is no child of this number, or none of this description."""
