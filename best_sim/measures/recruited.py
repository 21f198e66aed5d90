"""What a trial office would have in its books: families screened, eligible, consented and randomised, by week.

The table is that of `best_sim.exchange.observed_recruitment`, so a simulated trial can be put through the same forecast
as a real one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pandas as pd

from best_sim.measures.observed import day_of
from best_sim.pathway import Journeys
from best_sim.pathway import words as W

COLUMNS = ("date", "borough", "screened", "eligible", "consented", "randomised")


def recruitment_by_week(
    journeys: Journeys, cut_off: dt.date, opened: Mapping[str, dt.date] | None = None
) -> pd.DataFrame:
    """Families by the week in which they were screened, and what was known of them on a day.

    Parameters
    ----------
    journeys : Journeys
        With its event record.
    cut_off : datetime.date
        First day of which nothing is known.
    opened : mapping of str to datetime.date, optional
        When boroughs opened: their rows begin then, with or without a family. By default a borough's rows begin with
        the first family that it screened.

    Returns
    -------
    pandas.DataFrame
        One row for each borough and week: date (the week's Monday), borough, screened, eligible, consented, randomised
        (of these families, before the cut-off).

    Raises
    ------
    ValueError
        If the run kept no event record.
    """
    record, weekday = journeys.record, journeys.start_date.weekday()
    last = day_of(journeys, cut_off)
    screened = record[(record["event"] == W.SCREENED) & (record["time"] < last)]
    f = journeys.tables["families"][screened["subject"]]
    invited = f["screening"] == W.INVITED
    agreed = invited & (f["answered"] < last) & (f["consent"] == W.CONSENTED)
    table = pd.DataFrame(
        {
            "borough": f["borough"], "week": (screened["time"] + weekday) // 7, "screened": 1, "eligible": invited,
            "consented": agreed, "randomised": agreed & (f["randomised"] < last) & (f["arm"] != W.NOT_ALLOCATED),
        }
    )  # fmt: skip
    counted = table.groupby(["borough", "week"])[list(COLUMNS[2:])].sum().astype(int)
    parts = []
    for number, name in enumerate(journeys.names["boroughs"]):
        weeks = counted.index[counted.index.get_level_values("borough") == number].get_level_values("week")
        begins = weeks.min() if len(weeks) else np.inf
        if opened is not None:
            begins = (day_of(journeys, opened[name]) + weekday) // 7 if name in opened else np.inf
        if not begins * 7 - weekday < last:
            continue
        every = np.arange(begins, (last - 1 + weekday) // 7 + 1)
        mine = counted.reindex(
            pd.MultiIndex.from_product([[number], every], names=["borough", "week"]), fill_value=0
        )
        parts.append(mine.reset_index("week").reset_index(drop=True).assign(borough=name))
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in COLUMNS})
    out = pd.concat(parts)
    out["date"] = pd.Timestamp(journeys.start_date) + pd.to_timedelta(out["week"] * 7 - weekday, "D")
    return out[list(COLUMNS)].sort_values(["date", "borough"], kind="stable").reset_index(drop=True)
