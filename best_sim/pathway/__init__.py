"""What happens to a child: the model, written once, and run by either driver."""

from best_sim.pathway.journeys import Journeys
from best_sim.pathway.model import PATHWAY, simulate

__all__ = ["PATHWAY", "Journeys", "simulate"]
