"""Every kind of question: what it answers, in a line, and where its class is, which is imported when it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from best_sim.questions.asking import Question

Group = Literal["Trial designers", "Planners", "The model", "Files"]


@dataclass(frozen=True)
class Kind:
    """One kind of question.

    Attributes
    ----------
    name : str
        Of its command, and ``kind`` in its files.
    group : str
        Under which ``best-sim --help`` lists it.
    summary : str
        What it answers, in a line.
    example : str
        A command, for ``--help``.
    where : str
        Module and name of its class.
    """

    name: str
    group: Group
    summary: str
    example: str
    where: str

    @property
    def cls(self) -> type[Question]:
        """Its class."""
        module, _, name = self.where.partition(":")
        found: type[Question] = getattr(import_module(f"best_sim.questions.{module}"), name)
        return found


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind(
                "power", "Trial designers",
                "How often the trial would find an effect, how long it recruits, and what happens to the children.",
                "best-sim power --replicates 200 --set trial.target_families=300",
                "power.ask:PowerQuestion",
            ),
        )
    }
)  # fmt: skip
"""The kinds of question, by name, in the order in which they are listed."""
