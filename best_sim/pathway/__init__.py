"""What happens to a child: the model, written once, and run by either driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["PATHWAY", "Journeys", "engine_in_use", "simulate"]

if TYPE_CHECKING:
    from best_sim.pathway.journeys import Journeys
    from best_sim.pathway.model import PATHWAY, engine_in_use, simulate

_WHERE = {
    "PATHWAY": "best_sim.pathway.model",
    "Journeys": "best_sim.pathway.journeys",
    "engine_in_use": "best_sim.pathway.model",
    "simulate": "best_sim.pathway.model",
}


def __getattr__(name: str) -> Any:
    # Imported when used: whoever wants the words alone is spared numba and pandas.
    if name not in _WHERE:
        raise AttributeError(f"module 'best_sim.pathway' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_WHERE[name]), name)
