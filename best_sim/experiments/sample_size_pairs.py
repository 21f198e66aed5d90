"""The sample size against a second parameter: which pairs give the wanted power, as families and LIFT places."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from best_sim.engine.model import Engine
from best_sim.experiments.sample_size import (
    FAMILIES,
    Crossing,
    NoSampleSizeError,
    SampleSize,
    begin_search,
    find_sample_size,
)
from best_sim.replications import working

if TYPE_CHECKING:
    from best_sim.questions.power.ask import PowerQuestion


@dataclass(frozen=True)
class SizePairs:
    """What was found.

    Attributes
    ----------
    along, against : str
        The parameter whose size was searched, and the one it was searched against.
    wanted : float
        Power.
    found : tuple of (float, SampleSize or None)
        By value of the second parameter; None where no size within the limits has the power.
    reasons : dict of float to str
        Why not, by value.
    """

    along: str
    against: str
    wanted: float
    found: tuple[tuple[float, SampleSize | None], ...]
    reasons: dict[float, str]

    @property
    def table(self) -> pd.DataFrame:
        """One row for each value: value, size, low, high, trials, children, months (median), cost (GBP), reason."""
        rows = []
        for value, one in self.found:
            if one is None:
                rows.append({"value": value, "size": math.nan, "reason": self.reasons[value]})
                continue
            rows.append(
                {
                    "value": value, "size": one.size, "low": one.interval[0], "high": one.interval[1],
                    "trials": one.replicates, "children": one.children, "months": one.months[1], "cost": one.cost,
                    "reason": "",
                }
            )  # fmt: skip
        return pd.DataFrame(rows)


def find_size_pairs(
    experiment: PowerQuestion,
    against: str,
    values: Sequence[float],
    design: str | None = None,
    *,
    power: float = 0.8,
    within: float = 15.0,
    along: str = FAMILIES,
    limits: tuple[float, float] = (20, 2_000),
    most: int = 30_000,
    engine: Engine = "compiled",
    executor: Executor | None | Literal["default"] = "default",
    folder: Path | None = None,
    progress: Callable[[float, int, Crossing | None], object] | None = None,
) -> SizePairs:
    """Find the size at which a design has the wanted power, at each of some values of a second parameter.

    Parameters
    ----------
    experiment : PowerQuestion
    against : str
        The second parameter's dotted name, as ``lift.teams.london.families_per_clinician``.
    values : sequence of float
        Its values; the search at each begins near the answer at the one before.
    design, power, within, along, limits, most, engine, executor
        As `find_sample_size` takes them; `most` is for each value.
    folder : pathlib.Path, optional
        Where finished replicates are kept, a folder for each value; a search that was broken off goes on from there.
    progress : callable, optional
        Called after each batch with the value, the replicates done at it and the curve so far.

    Returns
    -------
    SizePairs

    Raises
    ------
    ScenarioError
        If a value can't be used; before anything is simulated.
    ValueError
        If there are no values, or the power, the precision or the limits make no sense.

    Notes
    -----
    Every value meets the same luck, so neighbours differ by the parameter more than by chance.
    """
    if not values:
        raise ValueError(f"values of {against}: found none, allowed one or more numbers")
    asked = {
        value: experiment.replaced(overrides=(*experiment.overrides, f"{against}={value:g}"))
        for value in values
    }
    for one in asked.values():
        begin_search(one, design, power, within, along, limits)
    with working(engine, executor) as own:
        found: list[tuple[float, SampleSize | None]] = []
        reasons: dict[float, str] = {}
        for value, one in asked.items():
            try:
                answer = find_sample_size(
                    one, design, power=power, within=within, along=along, limits=limits, most=most, engine=engine,
                    executor=own, folder=None if folder is None else folder / f"{against}={value:g}",
                    progress=None if progress is None else lambda n, c, v=value: progress(v, n, c),  # type: ignore[misc]
                )  # fmt: skip
                found.append((value, answer))
            except NoSampleSizeError as error:
                found.append((value, None))
                reasons[value] = str(error)
    return SizePairs(along, against, power, tuple(found), reasons)


def words_of_pairs(found: SizePairs) -> str:
    """What was found, a line for each value."""
    what = "families" if found.along == FAMILIES else found.along
    lines = [f"For a power of {found.wanted:.0%}, against {found.against}:"]
    for row in found.table.to_dict("records"):
        if row["reason"]:
            lines.append(f"{row['value']:g}: none within the limits. {row['reason']}")
        else:
            lines.append(
                f"{row['value']:g}: {row['size']:,.0f} {what} (95 % interval {row['low']:,.0f} to {row['high']:,.0f}); "
                f"{row['months']:.0f} months to recruit (median); service about GBP {row['cost']:,.0f}"
            )
    return "\n".join(lines)
