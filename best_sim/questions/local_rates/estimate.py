r"""What a local authority's own episodes of care say of the model's parameters, each with an interval.

The table of episodes (`best_sim.measures.episodes`) is turned into occurrences and time at risk, and these into the
parameters that the model reads: entries, routes, first placements, the hazard of unplanned moves by placement type and
age, the spread between children, what the court orders, and returns to care.

Unplanned moves, and returns to care, are fitted together with one lognormal frailty a child, as the model has it: the
cause-specific hazard, with planned moves and exits as censoring. Children who were in care when the window began are
left out of that fit, for who is still in a placement after long is less frail than others; they count, from the day on
which the window begins, in the plain rates (occurrences over time at risk) and in the fit without frailty. The family's
need, which no file has, is part of the spread that is found; the rest of it is the model's own `population.frailty_sd`.

References
----------
Andersen and Keiding (2002) Statistical Methods in Medical Research 11:91 (multi-state models, delayed entry). Aalen and
Johansen (1978) Scandinavian Journal of Statistics 5:141 (competing events). Garwood (1936) Biometrika 28:437 and Wilson
(1927) Journal of the American Statistical Association 22:209 (intervals of rates and of shares). Kish (1965) Survey
Sampling, chapter 5 (the design effect of siblings).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from best_sim.measures.small_counts import hidden
from best_sim.questions.local_rates.entering import ages, entries, first_placements, routes, voluntary
from best_sim.questions.local_rates.estimation import Estimation, Frailty
from best_sim.questions.local_rates.leaving import exits, home_again, month_ends
from best_sim.questions.local_rates.moving import hazards, next_placements, plain_rates
from best_sim.questions.local_rates.ordering import orders
from best_sim.questions.local_rates.rates import LocalRates
from best_sim.scenario import Scenario


def estimate_rates(
    episodes: pd.DataFrame,
    window_start: dt.date | str,
    window_end: dt.date | str,
    *,
    base: Scenario | str = "base",
    frailty: Frailty = "estimated",
    level: float = 0.95,
    least: int = 5,
) -> LocalRates:
    """Estimate the model's parameters from episodes of care.

    Parameters
    ----------
    episodes : pandas.DataFrame
        One row for each episode; see `best_sim.measures.episodes.COLUMNS`. A column `family`, if there is one, names
        siblings: intervals then allow for them, and what the model makes depend on the youngest sibling's age at entry
        (first placement in a unit, orders) does. Without it every child counts as a family, intervals are too narrow
        where siblings come together, and older siblings of infants blur the effect of age.
    window_start, window_end : date
        What is observed: from the morning of the one to the morning of the other.
    base : Scenario or str
        Where what the episodes don't say is taken from: the share of families with kin, the effect of need, and
        whatever is too rare to estimate.
    frailty : {"estimated", "base", "none"}
        Whether the spread between children is estimated, taken from `base`, or left out. Only without it do children
        take part in the fit who were in care when the window began.
    level : float
        Of the intervals.
    least : int
        Counts below this are not shown, and what rests on fewer events is not estimated.

    Returns
    -------
    LocalRates

    Raises
    ------
    EpisodesError
        If the table can't be used.
    ValueError
        If `frailty` is not one of the three.
    """
    if frailty not in ("estimated", "base", "none"):
        raise ValueError(f"frailty: found {frailty!r}, allowed 'estimated', 'base', 'none'")
    base = Scenario.load(base) if isinstance(base, str) else base
    work = Estimation.of(episodes, window_start, window_end, base=base, level=level, least=least)
    for step in (entries, ages, routes, voluntary, first_placements):
        step(work)
    hazards(work, frailty)
    for step in (next_placements, plain_rates, orders, exits, home_again, month_ends):
        step(work)
    table = _suppressed(work.rows, least)
    return LocalRates(
        table=table,
        window=(work.start.date(), work.end.date()),
        children=int(work.spells["child"].nunique()),
        followed=int(work.spells.loc[work.spells["history"], "child"].nunique()),
        frailty=work.frailty,
        level=level,
        least=least,
        parts=tuple(work.parts),
        missing=tuple(work.missing),
        known=_known(base, table, work.since),
    )


def _suppressed(rows: list[dict[str, Any]], least: int) -> pd.DataFrame:
    """The table without small counts, and without what would give them away by subtraction."""
    out = pd.DataFrame(rows)
    block = (out["quantity"] + "/" + out["block"]).where(out["block"] != "", "")
    small = hidden(out["events"], least, block)
    out["events"] = out["events"].astype("Int64")
    out.loc[small, "events"] = pd.NA
    out.loc[small, ["exposure", "estimate", "low", "high"]] = np.nan
    out["suppressed"] = small
    return out.drop(columns="block")


def _known(base: Scenario, table: pd.DataFrame, day: dt.date) -> dict[str, float]:
    """The base file's values of the parameters of a table, where they are in its unit; of dated ones on a day."""
    known = {}
    for name, unit in table.loc[table["parameter"] != "", ["parameter", "unit"]].itertuples(index=False):
        whole, _, part = name.rpartition(".")
        entry = base.provenance.get(name) or base.provenance.get(whole)
        value = None if entry is None or entry.unit != unit else entry.value
        value = value.get(part) if isinstance(value, Mapping) else value
        if isinstance(value, list | tuple):
            value = [step["value"] for step in value if step is value[0] or step["from"] <= day][-1]
        if isinstance(value, int | float):
            known[name] = float(value)
    return known
