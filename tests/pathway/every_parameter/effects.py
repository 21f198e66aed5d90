"""What a parameter does to a figure of a run: the entries of the table of every parameter, and how one is checked.

Both values are run with the same random numbers, so that nothing differs but what the parameter changes: where an
effect is dropped the two figures are equal, and where its sign is turned their difference is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from small_worlds import Changes, plain_world, run

from best_sim.pathway.journeys import Journeys
from best_sim.scenario import Scenario

Figure = Callable[[Journeys, Scenario], float]
"""A number that a run and its scenario give."""
World = Callable[[Changes], Scenario]
"""A scenario, from changes by dotted name."""

ROUNDING = 1e-6
NAMED = re.compile(r"^(sites|courts|boroughs|lift\.teams)\.[^.]+\.")


@dataclass(frozen=True)
class Effect:
    """What one parameter does: by its two values, a figure rises or falls, or is known before and after.

    Attributes
    ----------
    parameter : str
        Its dotted name in the scenario.
    low, high : object
        Its two values.
    figure : Figure
    changes : mapping
        What else makes the world one in which the parameter matters.
    sign : int
        1 where the figure rises, -1 where it falls, 0 where `gives` alone says what it is.
    by : float, optional
        By how much it changes, where that is known.
    gives : tuple of float, optional
        What it is with either value, where that is known.
    within : float
        How far off `by` and `gives` may be: days until the next working day, mostly.
    spread : int
        Where more than 1, over so many replicates, the standard deviation of the figure is meant.
    world : World
        The scenario that the changes are made to.
    """

    parameter: str
    low: Any
    high: Any
    figure: Figure
    changes: Changes
    sign: int = 1
    by: float | None = None
    gives: tuple[float, float] | None = None
    within: float = ROUNDING
    spread: int = 1
    world: World = plain_world

    @property
    def leaf(self) -> str:
        """Its name in the schema, which has a star for the name of a place."""
        return NAMED.sub(r"\1.*.", self.parameter)

    def measured(self) -> tuple[float, float]:
        """The figure with either value."""
        return self._with(self.low), self._with(self.high)

    def _with(self, value: Any) -> float:
        scenario = self.world({**self.changes, self.parameter: value})
        figures = [self.figure(run(scenario, replicate=k), scenario) for k in range(self.spread)]
        return float(np.std(figures)) if self.spread > 1 else float(figures[0])

    def check(self, low: float, high: float) -> None:
        """Say what is wrong with the figure's two values, if anything is."""
        __tracebackhide__ = True
        said = f"{self.parameter}: the figure is {low:.6g} with {self.low!r}, {high:.6g} with {self.high!r}"
        assert math.isfinite(low) and math.isfinite(high), f"{said}; it is of nobody"
        if self.gives is not None:
            expected = self.gives
            assert max(abs(low - expected[0]), abs(high - expected[1])) <= self.within, (
                f"{said}; expected {expected[0]:.6g} and {expected[1]:.6g}"
            )
        if self.by is not None:
            assert abs(high - low - self.by) <= self.within, (
                f"{said}; a difference of {self.by:.6g} was expected"
            )
        if self.sign:
            words = "rises" if self.sign > 0 else "falls"
            assert self.sign * (high - low) > ROUNDING, f"{said}; expected: it {words}"


def rises(parameter: str, low: Any, high: Any, figure: Figure, *changes: Changes, **more: Any) -> Effect:
    """The figure is greater with the second value."""
    return Effect(parameter, low, high, figure, merged(*changes), **more)


def falls(parameter: str, low: Any, high: Any, figure: Figure, *changes: Changes, **more: Any) -> Effect:
    """The figure is less with the second value."""
    return Effect(parameter, low, high, figure, merged(*changes), sign=-1, **more)


def moves(
    parameter: str, low: Any, high: Any, by: float, figure: Figure, *changes: Changes, **more: Any
) -> Effect:
    """The figure changes by so much."""
    return Effect(parameter, low, high, figure, merged(*changes), sign=int(np.sign(by)), by=by, **more)


def gives(
    parameter: str,
    low: Any,
    high: Any,
    expected: tuple[float, float],
    figure: Figure,
    *changes: Changes,
    **more: Any,
) -> Effect:
    """The figure is known with both values."""
    sign = int(np.sign(expected[1] - expected[0]))
    return Effect(parameter, low, high, figure, merged(*changes), sign=sign, gives=expected, **more)


def in_world(world: World, *effects: Effect) -> list[Effect]:
    """These effects, of changes to another scenario than the plain one."""
    return [replace(effect, world=world) for effect in effects]


def merged(*changes: Changes) -> Changes:
    """Several changes as one; what comes later wins."""
    return {name: value for one in changes for name, value in one.items()}
