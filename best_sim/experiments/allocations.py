"""Methods of allocation compared: how unequal the arms come out, and how well the next allocation can be guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from best_sim.engine.model import EngineAsked
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import lower
from best_sim.scenario import Scenario
from best_sim.scenario.durations import YEAR

METHODS: Mapping[str, Mapping[str, Any]] = {
    "simple": {"trial.allocation.method": "simple", "trial.allocation.strata": "none"},
    "blocks by site": {"trial.allocation.method": "blocks", "trial.allocation.strata": "site"},
    "blocks by borough": {"trial.allocation.method": "blocks", "trial.allocation.strata": "borough"},
    "minimisation": {"trial.allocation.method": "minimisation", "trial.allocation.strata": "none"},
}
"""The methods that are compared by default: changes of the scenario, by name."""

FACTORS = ("all families", "site", "borough", "under one", "siblings", "kin available")


@dataclass(frozen=True)
class Allocations:
    """What came out.

    Attributes
    ----------
    scenario : Scenario
    imbalance : pandas.DataFrame
        One row for each method, replicate and factor: method, replicate, factor, imbalance. That is the largest
        difference between arms in a level of the factor at the end, in families; with unequal shares, what is more or
        less than each arm's share of the level, doubled.
    path : pandas.DataFrame
        One row for each method, replicate and number of families allocated: method, replicate, families, difference
        (LIFT less SAU, less what the shares ask).
    guessed : pandas.DataFrame
        One row for each method and replicate: method, replicate, share of allocations that are guessed by somebody who
        knows all earlier ones of the same borough, or of the same site, and always bets on the arm that is behind.
    """

    scenario: Scenario
    imbalance: pd.DataFrame
    path: pd.DataFrame
    guessed: pd.DataFrame

    def summary(self) -> pd.DataFrame:
        """By method: mean imbalance of each factor with its 95th centile, and the share guessed, each with its error.

        Returns
        -------
        pandas.DataFrame
            Columns method, quantity, mean, mcse, high (95th centile over replicates).
        """
        parts = [
            self.imbalance.rename(columns={"factor": "quantity", "imbalance": "value"}),
            *(
                self.guessed[["method", "replicate", column]]
                .rename(columns={column: "value"})
                .assign(quantity=f"guessed within the {column}")
                for column in ("borough", "site")
            ),
        ]
        table = pd.concat(parts, ignore_index=True)
        grouped = table.groupby(["method", "quantity"], sort=False)["value"]
        out = grouped.agg(
            mean="mean", mcse=lambda v: v.std(ddof=1) / np.sqrt(len(v)), high=lambda v: v.quantile(0.95)
        )
        return out.reset_index()


def compare_allocations(
    scenario: Scenario,
    replicates: int = 50,
    seed: int = 1,
    methods: Mapping[str, Mapping[str, Any]] = METHODS,
    *,
    engine: EngineAsked = "auto",
) -> Allocations:
    """Recruit the same families under several methods of allocation.

    Parameters
    ----------
    scenario : Scenario
    replicates : int
        Trials of each method, with the same luck.
    seed : int
    methods : mapping
        Changes of the scenario, by name of the method.
    engine : {"auto", "compiled", "simpy"}

    Returns
    -------
    Allocations

    Raises
    ------
    ScenarioError
        If a method's changes can't be used.

    References
    ----------
    Blackwell and Hodges (1957) Annals of Mathematical Statistics 28:449 (the guesser who bets on the arm behind).
    Pocock and Simon (1975) Biometrics 31:103. Berger (2005) Selection Bias and Covariate Imbalances in Randomized
    Clinical Trials.
    """
    imbalance, path, guessed = [], [], []
    for name, changes in methods.items():
        changed = scenario.replace(dict(changes))
        lowered, share = lower(changed), float(changed.trial.allocation.lift_share)
        for number in range(replicates):
            journeys = simulate(lowered, seed, number, engine, events=False)
            order, lift = _allocated(journeys)
            about = {"method": name, "replicate": number}
            levels = _levels(journeys, order)
            imbalance += [
                about | {"factor": f, "imbalance": _largest(levels[f], lift, share)} for f in FACTORS
            ]
            steps = 2.0 * np.cumsum(lift - share)
            path.append(pd.DataFrame(about | {"families": np.arange(1, len(lift) + 1), "difference": steps}))
            right = {k: share_guessed(levels[k], lift, share) for k in ("borough", "site")}
            guessed.append(about | right)
    return Allocations(
        scenario, pd.DataFrame(imbalance), pd.concat(path, ignore_index=True), pd.DataFrame(guessed)
    )


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
