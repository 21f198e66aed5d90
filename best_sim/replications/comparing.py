"""Two scenarios with common random numbers: what a change does to what is measured of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from best_sim.measures.usual import usual
from best_sim.pathway import Journeys, simulate
from best_sim.pathway.lowering import lower

if TYPE_CHECKING:
    from best_sim.scenario import Scenario

LEAST = 2
"""Replicates without which a difference has no Monte Carlo error."""


def compare(
    scenario: Scenario,
    changed: Scenario | Mapping[str, Any],
    replicates: int = 20,
    seed: int = 1,
    measures: Callable[[Journeys], Mapping[str, float]] = usual,
) -> pd.DataFrame:
    """What a change does, each replicate simulated with and without it, with common random numbers.

    The same families come on the same days in both, so what differs is the change, and differences are known far more
    exactly than either value. A quick look, in this process: several plans over a calendar, with costs, are a question
    of kind ``expansion``.

    Parameters
    ----------
    scenario : Scenario
    changed : Scenario or mapping of str to object
        The other scenario, or what to change of the first, as `Scenario.replace` takes it.
    replicates : int
        Two or more.
    seed : int
        Random seed, the same for both.
    measures : callable
        From the journeys of one run to numbers by name, NaN where there is none.

    Returns
    -------
    pandas.DataFrame
        One row for each measure: measure, before, after (means over replicates), difference (mean of after less before
        over replicates that have both) and mcse, its Monte Carlo standard error. ``attrs`` has replicates and seed.

    Raises
    ------
    ValueError
        If there are fewer than two replicates.
    ScenarioError
        If the change can't be made.

    Examples
    --------
    >>> from best_sim import Scenario, compare
    >>> table = compare(Scenario.load("london-2017"), {"lift.patience": 30}, replicates=2)
    >>> list(table.columns)
    ['measure', 'before', 'after', 'difference', 'mcse']
    """
    if replicates < LEAST:
        raise ValueError(f"replicates: found {replicates}, allowed {LEAST} or more")
    other = scenario.replace(changed) if isinstance(changed, Mapping) else changed
    before, after = (
        pd.DataFrame([measures(simulate(lowered, seed, number)) for number in range(replicates)])
        for lowered in (lower(scenario), lower(other))
    )
    difference = after - before
    known = difference.notna().sum()
    table = pd.DataFrame(
        {
            "before": before.mean(),
            "after": after.mean(),
            "difference": difference.mean(),
            "mcse": difference.std(ddof=1) / np.sqrt(known.where(known >= LEAST)),
        }
    )
    table = table.rename_axis("measure").reset_index()
    table.attrs |= {"replicates": replicates, "seed": seed}
    return table
