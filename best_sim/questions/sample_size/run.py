"""What comes out of the search for a sample size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.running import Running
from best_sim.questions.sample_size.ask import SampleSizeQuestion
from best_sim.questions.sample_size.search import Search, SizeFound

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class SampleSizeFound(Found):
    """What was found.

    Attributes
    ----------
    question : SampleSizeQuestion
        As it was asked; its replicates are the most, not those that were run.
    sizes : tuple of SizeFound
        One for each value of the second parameter; one alone where there is none.
    settled : bool
        Whether every search found a size, in an interval as narrow as was asked for.
    """

    question: SampleSizeQuestion
    sizes: tuple[SizeFound, ...]
    interrupted: bool = False

    @property
    def settled(self) -> bool:  # type: ignore[override]
        """Whether every search found a size, in an interval as narrow as was asked for."""
        return all(one.reached for one in self.sizes)

    @property
    def replicates(self) -> int:
        """Trials that were simulated, in all."""
        return sum(one.replicates for one in self.sizes)

    @property
    def by_value(self) -> pd.DataFrame:
        """One row for each search: value, size, low, high, trials, children, months (median), cost (GBP), reason."""
        rows = [
            {
                "value": one.value, "size": one.size, "low": one.interval[0], "high": one.interval[1],
                "trials": one.replicates, "children": one.children, "months": one.months[1], "cost": one.cost,
                "reason": one.reason,
            }
            for one in self.sizes
        ]  # fmt: skip
        return pd.DataFrame(rows)

    # --- as every question's --------------------------------------------------------------------------------
    def words(self) -> list[str]:
        """A sentence for each size, or for why there is none."""
        from best_sim.questions.sample_size.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """The sizes found, and every size that was tried."""
        against = self.question.against is not None
        points = pd.concat([one.points.assign(value=one.value) for one in self.sizes], ignore_index=True)
        tried = points[["value", *(name for name in points.columns if name != "value")]]
        sizes = self.by_value
        return {
            "pairs" if against else "size": sizes if against else sizes.drop(columns="value"),
            "points": tried if against else tried.drop(columns="value"),
        }

    def figures(self) -> Mapping[str, Figure]:
        """The fitted curve of each search; sizes against the second parameter."""
        from best_sim.questions.sample_size.figures import size_curve_figure, size_pairs_figure

        if self.question.against is None:
            return {"sample-size": size_curve_figure(self.question, self.sizes[0])}
        curves = {
            f"sample-size-{one.value:.12g}": size_curve_figure(self.question, one) for one in self.sizes
        }
        return {"pairs": size_pairs_figure(self), **curves}

    def shown(self) -> list[Shown]:
        """The sizes that were tried, or found at each value."""
        from best_sim.questions.sample_size.show import found_shown, tried_shown

        return (
            [found_shown(self)] if self.question.against is not None else [tried_shown(self, self.sizes[0])]
        )

    def answer(self) -> Mapping[str, Any]:
        """Size, interval, and what else is told of it, for each value of the second parameter."""
        if self.question.against is None:
            return _answer(self.question, self.sizes[0])
        return {f"{one.value:.12g}": _answer(self.question, one) for one in self.sizes}

    def notes(self) -> list[str]:
        """What the answer rests on."""
        from best_sim.questions.sample_size.show import notes_of

        return notes_of(self)

    def chapters(self) -> list[Chapter]:
        """The answer, the search, and how it is made."""
        from best_sim.questions.sample_size.show import chapters_of

        return chapters_of(self)


def _answer(question: SampleSizeQuestion, one: SizeFound) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "size": one.size, "interval": list(one.interval), "power": question.power, "within": question.within,
        "reached": one.reached, "trials": one.replicates, "children": one.children, "months": list(one.months),
        "service_cost_gbp": one.cost, "trials_of_a_fitted_grid": one.by_grid[0],
        "trials_of_a_plain_grid": one.by_grid[1], "misfit_p": one.curve.misfit, "reason": one.reason,
    }  # fmt: skip
    return {
        name: [_finite(x) for x in value] if isinstance(value, list) else _finite(value)
        for name, value in answer.items()
    }


def _finite(value: Any) -> Any:
    """JSON has no number for what is infinite or not known."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def sample_size_found(question: SampleSizeQuestion, running: Running) -> SampleSizeFound:
    """Search at each value of the second parameter.

    Parameters
    ----------
    question : SampleSizeQuestion
    running : Running

    Returns
    -------
    SampleSizeFound

    Raises
    ------
    StoppedError
        If it was interrupted.

    Notes
    -----
    Every value has the same random numbers, so neighbours differ by the parameter more than by chance.
    """
    sizes: list[SizeFound] = []
    for value, trial in question.steps:
        before = sum(one.replicates for one in sizes)
        sizes.append(Search(question, trial, running, value, before).search())
    return SampleSizeFound(question, tuple(sizes))
