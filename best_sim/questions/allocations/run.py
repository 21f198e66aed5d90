"""What comes out of methods of allocation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from best_sim.engine.model import Engine
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.questions.allocations.ask import AllocationsQuestion
from best_sim.questions.found import Chapter, Found, Shown
from best_sim.replications import Keep, whole_table
from best_sim.scenario.durations import YEAR

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FACTORS = ("all families", "site", "borough", "under one", "siblings", "kin available")
GUESSERS = ("borough", "site")
"""Within what somebody who guesses sees all earlier allocations."""
_GUESSED = tuple(f"guessed within the {where}" for where in GUESSERS)
QUANTITIES = (*FACTORS, *_GUESSED)
"""What is told of each method and replicate."""
_PATH = "path"


@dataclass(frozen=True)
class EveryMethod:
    """One trial under every method: a row for each.

    Parameters
    ----------
    names : tuple of str
        Of the methods.
    lowered : tuple of Lowered
        Of each.
    shares : tuple of float
        Of LIFT under each.
    seed : int
    engine : {"compiled", "simpy"}
    """

    names: tuple[str, ...]
    lowered: tuple[Lowered, ...]
    shares: tuple[float, ...]
    seed: int
    engine: Engine

    @classmethod
    def of(cls, question: AllocationsQuestion, engine: Engine) -> EveryMethod:
        """For a question."""
        scenarios = [question.scenario_of(method) for method in question.methods]
        return cls(
            names=tuple(method.name for method in question.methods),
            lowered=tuple(map(lower, scenarios)),
            shares=tuple(float(each.trial.allocation.lift_share) for each in scenarios),
            seed=question.seed,
            engine=engine,
        )

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The rows of replicate `number`."""
        rows = []
        for name, lowered, share in zip(self.names, self.lowered, self.shares, strict=True):
            journeys = simulate(lowered, self.seed, number, self.engine, events=False)
            order, lift = _allocated(journeys)
            levels = _levels(journeys, order)
            values = [_largest(levels[factor], lift, share) for factor in FACTORS]
            values += [share_guessed(levels[where], lift, share) for where in GUESSERS]
            row = {"method": name, "replicate": number} | dict(zip(QUANTITIES, values, strict=True))
            rows.append(row | {_PATH: (2.0 * np.cumsum(lift - share)).tolist()})
        return rows


@dataclass(frozen=True)
class AllocationsFound(Found):
    """What was found.

    Attributes
    ----------
    question : AllocationsQuestion
        With as many replicates as were finished.
    trials : pandas.DataFrame
        One row for each method and replicate: method, replicate; for each factor the largest difference between arms
        in a level of it at the end, in families (with unequal shares, what is more or less than each arm's share of the
        level, doubled); and the shares of allocations that are guessed by somebody who knows all earlier ones of the
        same borough, or of the same site, and always bets on the arm that is behind.
    path : pandas.DataFrame
        One row for each method, replicate and number of families allocated: method, replicate, families, difference
        (LIFT less SAU, less what the shares ask).
    interrupted : bool
        Whether fewer replicates were run than asked for.

    References
    ----------
    Blackwell and Hodges (1957) Annals of Mathematical Statistics 28:449 (the guesser who bets on the arm behind).
    Pocock and Simon (1975) Biometrics 31:103. Berger (2005) Selection Bias and Covariate Imbalances in Randomized
    Clinical Trials.
    """

    question: AllocationsQuestion
    trials: pd.DataFrame
    path: pd.DataFrame
    interrupted: bool = False

    @property
    def summary(self) -> pd.DataFrame:
        """By method: mean imbalance of each factor with its 95th centile, and the share guessed, each with its error.

        Returns
        -------
        pandas.DataFrame
            Columns method, quantity, mean, mcse, high (95th centile over replicates).
        """
        parts = [self._long(FACTORS), *(self._long((each,)) for each in _GUESSED)]
        grouped = pd.concat(parts, ignore_index=True).groupby(["method", "quantity"], sort=False)["value"]
        return grouped.agg(
            mean="mean", mcse=lambda v: v.std(ddof=1) / np.sqrt(len(v)), high=lambda v: v.quantile(0.95)
        ).reset_index()

    def _long(self, quantities: tuple[str, ...]) -> pd.DataFrame:
        values, n = self.trials[list(quantities)].to_numpy(np.float64), len(self.trials)
        methods = np.repeat(self.trials["method"].to_numpy(), len(quantities))
        return pd.DataFrame({"method": methods, "quantity": np.tile(quantities, n), "value": values.ravel()})

    # --- as every question's --------------------------------------------------------------------------------
    def words(self) -> list[str]:
        """Balance and predictability of each method."""
        from best_sim.questions.allocations.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Means, a row for each method and replicate, and the difference between arms as families are allocated."""
        return {"summary": self.summary, "trials": self.trials, "path.parquet": self.path}

    def figures(self) -> Mapping[str, Figure]:
        """Imbalance by factor, and what can be guessed."""
        from best_sim.questions.allocations.figures import allocations_figure

        return {"allocations": allocations_figure(self)}

    def shown(self) -> list[Shown]:
        """A row for each quantity, a column for each method."""
        from best_sim.questions.allocations.show import methods_shown

        return [methods_shown(self)]

    def answer(self) -> Mapping[str, Any]:
        """The mean of each quantity under each method."""
        return {
            str(method): {str(r["quantity"]): float(r["mean"]) for r in mine.to_dict("records")}
            for method, mine in self.summary.groupby("method", sort=False)
        }

    def notes(self) -> list[str]:
        """What the answer rests on."""
        from best_sim.questions.allocations.show import notes_of

        return notes_of()

    def chapters(self) -> list[Chapter]:
        """The answer, and the methods compared."""
        from best_sim.questions.allocations.show import chapters_of

        return chapters_of(self)


def allocations_found(question: AllocationsQuestion, keep: Keep, done: int) -> AllocationsFound:
    """What the finished replicates say.

    Parameters
    ----------
    question : AllocationsQuestion
        With as many replicates as count.
    keep : Keep
    done : int
        Replicates that count.

    Returns
    -------
    AllocationsFound
    """
    rows = whole_table(keep, done).to_pandas().astype({"method": object})
    order = {method.name: k for k, method in enumerate(question.methods)}
    rows = rows.sort_values("method", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    steps = [np.asarray(one, np.float64) for one in rows[_PATH]]
    many = [len(one) for one in steps]
    path = pd.DataFrame(
        {
            "method": np.repeat(rows["method"].to_numpy(), many),
            "replicate": np.repeat(rows["replicate"].to_numpy(), many),
            "families": np.concatenate([np.arange(1, n + 1) for n in many]),
            "difference": np.concatenate(steps),
        }
    )
    return AllocationsFound(question=question, trials=rows.drop(columns=_PATH), path=path)


def _allocated(j: Journeys) -> tuple[np.ndarray, np.ndarray]:
    """Families in the order in which they were allocated, and whether each went to LIFT."""
    f = j.tables["families"]
    of = np.flatnonzero(f["arm"] != W.NOT_ALLOCATED)
    order = of[np.argsort(f["randomised"][of], kind="stable")]
    return order, (f["arm"][order] == W.LIFT).astype(float)


def _levels(j: Journeys, order: np.ndarray) -> dict[str, np.ndarray]:
    f = j.tables["families"]
    return {
        "all families": np.zeros(len(order), np.int64),
        "site": f["site"][order],
        "borough": f["borough"][order],
        "under one": (f["youngest_days"][order] < YEAR).astype(np.int64),
        "siblings": (f["n_children"][order] > 1).astype(np.int64),
        "kin available": f["kin_available"][order],
    }


def _largest(level: np.ndarray, lift: np.ndarray, share: float) -> float:
    if not len(level):
        return 0.0
    return float(np.abs(2.0 * np.bincount(level, lift - share)).max())


def share_guessed(group: np.ndarray, lift: np.ndarray, share: float = 0.5) -> float:
    """Share of allocations guessed by somebody who bets on the arm that is behind in the group so far.

    Parameters
    ----------
    group : (families,) array of int
        Where the guesser sees all earlier allocations: a borough, a site.
    lift : (families,) array of 0 or 1
        In order of allocation.
    share : float
        Of LIFT; when the arms are level, the larger one is bet on, and of equal ones either, which is right half the
        time.

    Returns
    -------
    float
        0.5 is what a coin would do, where the shares are equal.
    """
    right = 0.0
    for one in np.unique(group):
        mine = lift[group == one]
        ahead = np.append(0.0, np.cumsum(mine - share))[:-1]
        level = np.abs(ahead) < 1e-9
        bets = np.where(level, 1.0 if share > 0.5 else 0.0 if share < 0.5 else 0.5, (ahead < 0).astype(float))
        right += float((bets * mine + (1.0 - bets) * (1.0 - mine)).sum())
    return right / len(lift) if len(lift) else np.nan
