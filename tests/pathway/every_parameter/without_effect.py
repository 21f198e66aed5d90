"""Parameters that change nothing in a run: what people call a place, and terms that no family can have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from every_parameter.court import NEVER, WHERE_IT_HOLDS
from every_parameter.effects import NAMED, merged
from every_parameter.worlds import KIN, small
from small_worlds import BOROUGH, COURT, SITE, TEAM, Changes, first_difference, run


@dataclass(frozen=True)
class Without:
    """A parameter that changes nothing in a run.

    Attributes
    ----------
    parameter : str
        Its dotted name in the scenario.
    low, high : object
        Two values.
    why : str
        Why that is meant.
    changes : mapping
        What else is changed in the small world.
    """

    parameter: str
    low: Any
    high: Any
    why: str
    changes: Changes

    @property
    def leaf(self) -> str:
        """Its name in the schema."""
        return NAMED.sub(r"\1.*.", self.parameter)

    def check(self) -> None:
        """Runs with the two values are the same to the last bit, and the scenario has them."""
        one, two = (small({**self.changes, self.parameter: value}) for value in (self.low, self.high))
        for scenario, value in ((one, self.low), (two, self.high)):
            got: Any = scenario.parameters
            for name in self.parameter.split("."):
                got = got[name] if hasattr(got, "keys") else getattr(got, name)
            assert got == value
        assert first_difference(run(one), run(two)) is None, (
            f"{self.parameter}: {self.why}, but it changes a run"
        )


WITHOUT = [
    *(Without(f"{place}.title", "One name", "Another", "a title is for people", {})
      for place in (SITE, COURT, TEAM, BOROUGH)),
    *(Without(f"orders.{direction}.{covariate}", -5.0, 5.0,
              "whoever has relatives who could care does not go to carers who may adopt",
              merged(KIN, WHERE_IT_HOLDS[covariate])) for direction, covariate in sorted(NEVER)),
]  # fmt: skip
