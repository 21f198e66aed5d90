"""Scotland: appeals, interim orders and the plans of looked-after children, as they are published there."""

from __future__ import annotations

import numpy as np

from best_sim.measures.observed import Ints
from best_sim.measures.quantities.definition import Seen, Values, quantity
from best_sim.pathway import words as W
from best_sim.scenario.durations import YEAR

_FOLLOWED = 4.0 * YEAR


@quantity("children who came into care more than four years ago: whether an appeal to the sheriff was made since",
          names=("no", "yes"))  # fmt: skip
def appealed_within_four_years(seen: Seen, first: float, last: float) -> Values:
    """By the day of entry; those with a compulsory supervision order, or none, alike."""
    j = seen.journeys
    made = j.record[j.record["event"] == W.APPEAL_MADE]
    of: Ints = j.tables["cases"]["family"][made["subject"]].astype(np.int64)
    entered = j.tables["families"]["entered"]
    soon = np.zeros(len(entered), bool)
    soon[of[made["time"] - entered[of] < _FOLLOWED]] = True
    family = j.tables["children"]["family"][j.lived].astype(np.int64)
    use = entered[family] + _FOLLOWED <= j.end
    return seen.of_children(
        j.lived[use],
        value=soon[family[use]].astype(float),
        at=entered[family[use]].astype(float),
    )


@quantity("proofs lodged: how often the sheriff extended the interim order meanwhile", "extensions a proof")
def extensions_of_interim_orders(seen: Seen, first: float, last: float) -> Values:
    """As a rate, extensions of the years over proofs lodged in them; by the day of either."""
    r = seen.journeys.record
    r = r[np.isin(r["event"], (W.PROOF_LODGED, W.INTERIM_ORDER_EXTENDED))]
    family: Ints = seen.journeys.tables["cases"]["family"][r["subject"]].astype(np.int64)
    extended = (r["event"] == W.INTERIM_ORDER_EXTENDED).astype(float)
    return seen.of_families(family, value=extended, at=r["time"].astype(float), exposure=1.0 - extended)


@quantity("children whose plan is set, and is not to return home", names=W.DIRECTIONS)
def plan_away_from_home(seen: Seen, first: float, last: float) -> Values:
    """The direction of the plan, by the child's age on the day on which it was set."""
    j = seen.journeys
    r = j.record
    r = r[(r["event"] == W.DIRECTION_SET) & (r["value"] != W.DIRECTION_HOME)]
    order = np.argsort(j.tables["children"]["group"][j.lived], kind="stable")
    groups = j.tables["children"]["group"][j.lived][order]
    low, high = (np.searchsorted(groups, r["subject"], side=side) for side in ("left", "right"))
    of = np.repeat(np.arange(len(r)), high - low)
    child = j.lived[order][np.concatenate([np.arange(a, b) for a, b in zip(low, high, strict=True)] or [low])]
    return seen.of_children(child, value=r["value"][of].astype(float), at=r["time"][of].astype(float))


ALL = (appealed_within_four_years, extensions_of_interim_orders, plan_away_from_home)
"""All quantities of this module."""
