"""What children are grouped by: what holds of the family (arm, site, borough, court), the child's age, the period."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from best_sim.measures.observed import Floats, Ints, labels, named
from best_sim.scenario.durations import YEAR

if TYPE_CHECKING:
    from best_sim.pathway import Journeys

OF_THE_FAMILY = ("arm", "site", "borough", "court")
GROUPS = (*OF_THE_FAMILY, "age", "period")
AGES = ("under 1", "1 or 2", "3 or 4")
"""Ages at entry to care, in completed years."""
_FROM_YEARS = (1.0, 3.0)
PERIODS = ("before", "after")


def child_labels(
    journeys: Journeys,
    child: Ints,
    by: Sequence[str],
    *,
    at: Floats | None = None,
    split: float | None = None,
) -> dict[str, Any]:
    """Names by which a table of children may be grouped, for each of its rows.

    Parameters
    ----------
    journeys : Journeys
    child : numpy.ndarray of int
        Row numbers in the table `children`.
    by : sequence of {"arm", "site", "borough", "court", "age", "period"}
        ``age`` is the age at entry to care, in the bands of `AGES`; ``period`` is before or after `split`.
    at : numpy.ndarray of float, optional
        Days since `start_date` at which a row belongs to a period: its event, or the child's entry.
    split : float, optional
        Days since `start_date` that part the periods; the day itself is after.

    Returns
    -------
    dict of str to pandas.Categorical

    Raises
    ------
    ValueError
        If a name is not one of these, or a period is asked for without a day that parts them; all of it at once.
    """
    require_groups(by, split)
    family = journeys.tables["children"]["family"][child]
    out: dict[str, Any] = {}
    for one in by:
        if one == "age":
            years = journeys.tables["children"]["age_at_entry"][child] / YEAR
            out[one] = named(AGES, np.searchsorted(_FROM_YEARS, years, side="right"))
        elif one == "period":
            assert at is not None and split is not None
            out[one] = named(PERIODS, (np.asarray(at) >= split).astype(np.int64))
        else:
            out |= labels(journeys, family, (one,))
    return out


def require_groups(by: Sequence[str], split: float | None) -> None:
    """Refuse groups that there are not, each with the nearest name, and periods without a day between them."""
    wrong = []
    for one in by:
        if one not in GROUPS:
            near = difflib.get_close_matches(one, GROUPS, 1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            wrong.append(f"by: found {one!r}, allowed {', '.join(map(repr, GROUPS))}{hint}")
    if len(set(by)) < len(by):
        wrong.append(f"by: found {', '.join(map(repr, by))}, allowed each name once")
    if "period" in by and split is None:
        wrong.append("split: found none, allowed a day that parts before and after, for by 'period'")
    if wrong:
        raise ValueError("\n".join(wrong))
