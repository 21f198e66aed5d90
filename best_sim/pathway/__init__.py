"""What happens to a child: the model, written once, and run by either driver."""

from best_sim.pathway.journeys import Journeys
from best_sim.pathway.model import PATHWAY, engine_in_use, simulate

__all__ = ["PATHWAY", "Journeys", "engine_in_use", "simulate"]
