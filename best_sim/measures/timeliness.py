"""Timeliness: how long until the court decides; and what permanence may be, the time to which is counted as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from best_sim.measures.observed import labels, nth_of, year_in
from best_sim.pathway import words as W
from best_sim.scenario.durations import WEEK, YEAR

if TYPE_CHECKING:
    from best_sim.pathway import Journeys

STATUTORY_WEEKS = 26.0
"""Children Act 1989, section 32, as amended in 2014."""
PERMANENCE = (W.HOME, W.SPECIAL_GUARDIANSHIP, W.PLACED_FOR_ADOPTION, W.LONG_TERM_FOSTER)
"""What permanence may be: placement types."""


def decided_cases(journeys: Journeys, since: float = 0.0) -> pd.DataFrame:
    """Every set of proceedings that was decided in the window.

    Parameters
    ----------
    journeys : Journeys
    since : float
        Days since `start_date` from which decisions are counted; the proceedings may have been issued before it.

    Returns
    -------
    pandas.DataFrame
        One row for each decision: case, family, court, arm (of the family's first proceedings; later ones are after
        re-entry, and not allocated), again (0 for first proceedings), year (of the decision), weeks (from issue to
        decision), hearings.

    Notes
    -----
    Counted by the year of the decision, as the Family Court Statistics Quarterly counts disposals. Durations by year of
    issue would leave out cases that are still open.
    """
    record = journeys.record
    issued = record[record["event"] == W.PROCEEDINGS_ISSUED]
    decided = record[record["event"] == W.CASE_DECIDED]
    issued = issued[np.argsort(issued["subject"], kind="stable")]
    decided = decided[np.argsort(decided["subject"], kind="stable")]
    # a case is issued again only after it was decided, so its n-th decision belongs to its n-th issue
    case = decided["subject"].astype(np.int64)
    first = np.searchsorted(issued["subject"], case)
    of = first + nth_of(case)
    use = decided["time"] >= since
    case, of, decided = case[use], of[use], decided[use]
    family = journeys.tables["cases"]["family"][case]
    again = issued["value"][of].astype(np.int64)
    named = labels(journeys, family, ("court", "arm"))
    arm = named["arm"]
    arm[again > 0] = W.ARMS[W.NOT_ALLOCATED]
    return pd.DataFrame(
        {
            "case": case,
            "family": family,
            "court": named["court"],
            "arm": arm,
            "again": again,
            "year": year_in(journeys, decided["time"]),
            "weeks": (decided["time"] - issued["time"][of]) / WEEK,
            "hearings": decided["value"].astype(np.int64),
        }
    )


def courts_falling_behind(journeys: Journeys) -> list[str]:
    """Courts that decided fewer cases in the run's last year than were issued, by a sixth and more than by chance.

    Parameters
    ----------
    journeys : Journeys

    Returns
    -------
    list of str
        Names of courts, in their order; none of a run that ends within two years of day zero, since what is undecided
        after a warm-up alone grows as it settles. More than by chance: by three square roots of the number issued,
        which varies about as a Poisson variable does.

    Notes
    -----
    What is undecided may have grown for years, so its growth is compared with what came in, not with what lay there.
    """
    if journeys.end < 2 * YEAR:
        return []
    record = journeys.record
    court_of = journeys.tables["families"]["court"][journeys.tables["cases"]["family"]]
    names = journeys.names["courts"]
    last_year = record["time"] > journeys.end - YEAR

    def in_last_year(event: int) -> np.ndarray:
        case = record["subject"][(record["event"] == event) & last_year].astype(np.int64)
        return np.bincount(court_of[case], minlength=len(names))

    issued, decided = in_last_year(W.PROCEEDINGS_ISSUED), in_last_year(W.CASE_DECIDED)
    behind = issued - decided > np.maximum(issued / 6.0, 3.0 * np.sqrt(issued))
    return [name for name, falls in zip(names, behind, strict=True) if falls]


def proceedings_by(journeys: Journeys, by: Sequence[str] = ("year",), since: float = 0.0) -> pd.DataFrame:
    """Duration of proceedings and hearings per case, by year of decision, court or arm.

    Parameters
    ----------
    journeys : Journeys
    by : sequence of {"year", "court", "arm", "again"}
    since : float
        As `decided_cases` takes it.

    Returns
    -------
    pandas.DataFrame
        One row for each group: cases, mean_weeks, median_weeks, within_26 (share decided within 26 weeks), hearings
        (mean per case).
    """
    cases = decided_cases(journeys, since)
    cases["within_26"] = cases["weeks"] <= STATUTORY_WEEKS
    groups = cases.groupby(list(by), observed=True, sort=True) if by else cases.groupby(lambda _: 0)
    out = groups.agg(
        cases=("weeks", "size"),
        mean_weeks=("weeks", "mean"),
        median_weeks=("weeks", "median"),
        within_26=("within_26", "mean"),
        hearings=("hearings", "mean"),
    )
    return out.reset_index(drop=not by)
