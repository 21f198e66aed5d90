"""An effect in words: what a design sets, as its outcome defines it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from best_sim.drawing import wording as say

if TYPE_CHECKING:
    from best_sim.trial.outcomes import Effect

_WHOM = {"received": " for a child who receives LIFT", "allocated": " for every child allocated to LIFT"}


def written(effect: Effect, value: float) -> str:
    """A value as it stands in a table: a difference with its sign, a ratio as it was entered.

    Examples
    --------
    >>> from best_sim.trial.outcomes import OUTCOMES
    >>> [written(OUTCOMES["sdq"].effect, value) for value in (-2.4, 1.0, 0.0)]
    ['−2.4', '+1.0', 'none']
    >>> [written(OUTCOMES["moves"].effect, value) for value in (0.8, 0.755, 1.0)]
    ['0.80', '0.755', 'none']
    """
    if not math.isfinite(value):
        return say.UNKNOWN
    if value == effect.none:
        return "none"
    plus = "+" if effect.scale == "difference" and value > 0 else ""
    return plus + say.entered(value, effect.decimals)


def named(effect: Effect, value: float) -> str:
    """A value with what it is, to stand in a sentence.

    Examples
    --------
    >>> from best_sim.trial.outcomes import OUTCOMES
    >>> named(OUTCOMES["sdq"].effect, -2.4)
    'direct effect of −2.4 SDQ points'
    >>> named(OUTCOMES["moves"].effect, 0.8)
    'hazard ratio of an unplanned move of 0.80'
    """
    unit = f" {effect.unit}" if effect.scale == "difference" else ""
    return f"{effect.name} of {written(effect, value)}{unit}"


def supposed(effect: Effect, value: float) -> str:
    """A value that is supposed, after "if the".

    Examples
    --------
    >>> from best_sim.trial.outcomes import OUTCOMES
    >>> supposed(OUTCOMES["moves"].effect, 0.8)
    'hazard ratio of an unplanned move were 0.80'
    """
    unit = f" {effect.unit}" if effect.scale == "difference" else ""
    return f"{effect.name} were {written(effect, value)}{unit}"


def whom(effect: Effect, applies_to: str) -> str:
    """To whom it applies, to follow it in a sentence; empty where that is not known."""
    return _WHOM.get(effect.applies_to(applies_to), "")


def scale(effect: Effect | None) -> str:
    """What the figures in a table of effects are, and which side of none is better for children."""
    if effect is None:
        return (
            "No design sets an effect on the outcome itself: what LIFT does to it comes about by way of the parameters "
            "that a design sets."
        )
    side = effect.below if effect.better < 0 else effect.above
    of_none = f"{'below' if effect.better < 0 else 'above'} {effect.none:g} means {side} under LIFT."
    if effect.scale == "ratio":
        return f"Each effect is a {effect.unit}, LIFT over services as usual,{whom(effect, '')}; {of_none}"
    return (
        "Effects are LIFT minus services as usual, set in the design for the children to whom they apply; an effect "
        f"may also come about by way of moves or of time to permanence; {of_none}"
    )
