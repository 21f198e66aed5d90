"""A small schema with one leaf of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from best_sim.scenario.durations import Duration
from best_sim.scenario.values import (
    Days,
    Mix,
    Named,
    Probability,
    Section,
    Series,
    Shares,
    Unit,
    Wrong,
    unknown_name,
)


class Court(Section):
    notice: Annotated[Duration, Unit("days", 0, 365)]


class Trial(Section):
    consent: Probability
    families: Annotated[int, Unit("families", 1)]
    """How many are wanted."""
    blocks: Annotated[tuple[int, ...], Unit("families", 2, 20)]
    method: Literal["minimisation", "blocks"]
    factors: tuple[Literal["site", "age"], ...]
    stops: bool
    starts: date
    label: str
    wait: Days
    pause: Days | None = None
    mix: Annotated[Mix, Shares("home", "foster", "kin")]
    court: Court


class Borough(Section):
    entries: Annotated[Series, Unit("children per year", 0, 1000)]
    opens: date
    closes: date | None = None
    partner: str | None = None
    tags: tuple[str, ...] | None = None

    def check(self) -> Iterator[Wrong]:
        if self.closes is not None and self.closes < self.opens:
            allowed = f"after it opens, {self.opens}"
            yield Wrong("closes", "it closes before it opens", found=self.closes, allowed=allowed)


class Toy(Section):
    trial: Trial
    boroughs: Named[Borough]

    def check(self) -> Iterator[Wrong]:
        for name, borough in self.boroughs.items():
            if borough.partner is not None and borough.partner not in self.boroughs:
                yield unknown_name(f"boroughs.{name}.partner", borough.partner, self.boroughs, "borough")
