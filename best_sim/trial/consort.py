"""The CONSORT flow: where every family of a replicate goes, in boxes that add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from best_sim.pathway import words as W
from best_sim.pathway.records import LARGEST_FAMILY

if TYPE_CHECKING:
    from best_sim.pathway import Journeys

Pair = tuple[float, float]
"""Families, and children."""

_ARMS = {"LIFT": W.LIFT, "SAU": W.SAU}


def consort(journeys: Journeys) -> dict[str, Pair]:
    """The flow of one replicate, as pairs of families and children.

    Parameters
    ----------
    journeys : Journeys

    Returns
    -------
    dict of str to (float, float)
        ``screened``; ``excluded.REASON``; ``invited``; ``not_randomised.REASON``; ``randomised``; and for each arm A
        ``A.allocated``, ``A.received``, ``A.not_received.REASON``, ``A.found_ineligible``, ``A.visit_K.seen``,
        ``.missed``, ``.not_due`` (K from 1), ``A.analysed`` and ``A.not_analysed.REASON``. Families are analysed if
        they were eligible, seen at the last visit and a child has an SDQ score; children then are those with one.
    """
    f = journeys.tables["families"]
    f = f[f["screening"] != W.NOT_SCREENED]
    flow: dict[str, Pair] = {"screened": _count(f)}
    for k in range(W.TOO_OLD, len(W.SCREENINGS)):
        flow[f"excluded.{W.SCREENINGS[k]}"] = _count(f[f["screening"] == k])
    invited = f[f["screening"] == W.INVITED]
    flow["invited"] = _count(invited)
    out = invited[invited["arm"] == W.NOT_ALLOCATED]
    for k, reason in enumerate(W.CONSENTS):
        name = "not_yet_allocated" if k == W.CONSENTED else reason
        flow[f"not_randomised.{name}"] = _count(out[out["consent"] == k])
    flow["randomised"] = _count(invited[invited["arm"] != W.NOT_ALLOCATED])
    scored = _children_scored(journeys)
    for arm, number in _ARMS.items():
        mine = invited[invited["arm"] == number]
        flow[f"{arm}.allocated"] = _count(mine)
        for k, receipt in enumerate(W.RECEIPTS):
            name = "received" if k == W.RECEIVED else f"not_received.{receipt}"
            flow[f"{arm}.{name}"] = _count(mine[mine["receipt"] == k])
        eligible = mine[np.isnan(mine["ineligible"])]
        flow[f"{arm}.found_ineligible"] = _count(mine[~np.isnan(mine["ineligible"])])
        for k in range(W.VISITS):
            state = eligible["visit_state"][:, k]
            for number_of, name in ((W.SEEN, "seen"), (W.MISSED, "missed"), (W.NOT_DUE, "not_due")):
                flow[f"{arm}.visit_{k + 1}.{name}"] = _count(eligible[state == number_of])
        last = eligible["visit_state"][:, W.VISITS - 1]
        seen = eligible[last == W.SEEN]
        with_score = scored[seen["index"]]
        n_scored = float(with_score.sum())
        flow[f"{arm}.analysed"] = (float((with_score > 0).sum()), n_scored)
        flow[f"{arm}.not_analysed.found_ineligible"] = flow[f"{arm}.found_ineligible"]
        flow[f"{arm}.not_analysed.not_seen"] = _count(eligible[last == W.MISSED])
        flow[f"{arm}.not_analysed.not_due"] = _count(eligible[last == W.NOT_DUE])
        flow[f"{arm}.not_analysed.no_score"] = (
            float((with_score == 0).sum()),
            float(seen["n_children"].sum()) - n_scored,
        )
    return flow


def sums_that_fail(flow: Mapping[str, Pair]) -> list[str]:
    """Every box that is not the sum of the boxes it leads to, in words; empty where all add up.

    Parameters
    ----------
    flow : mapping
        As `consort` gives it, or means over replicates.
    """
    whole_and_parts = [
        ("screened", ["invited", *_below(flow, "excluded.")]),
        ("invited", ["randomised", *_below(flow, "not_randomised.")]),
        ("randomised", [f"{arm}.allocated" for arm in _ARMS]),
    ]
    for arm in _ARMS:
        allocated = f"{arm}.allocated"
        whole_and_parts.append((allocated, [f"{arm}.received", *_below(flow, f"{arm}.not_received.")]))
        whole_and_parts.append((allocated, [f"{arm}.analysed", *_below(flow, f"{arm}.not_analysed.")]))
        for k in range(W.VISITS):
            visit = _below(flow, f"{arm}.visit_{k + 1}.")
            whole_and_parts.append((allocated, [f"{arm}.found_ineligible", *visit]))
    failed = []
    for whole, parts in whole_and_parts:
        for unit, what in enumerate(("families", "children")):
            total = sum(flow[part][unit] for part in parts)
            if abs(total - flow[whole][unit]) > 1e-6 * max(1.0, flow[whole][unit]):
                failed.append(f"{whole}: {flow[whole][unit]:g} {what}, its parts {total:g}")
    return failed


def mean_flow(flows: Iterable[Mapping[str, Pair]]) -> dict[str, Pair]:
    """The mean of several flows, box by box."""
    many = list(flows)
    return {
        name: (float(np.mean([f[name][0] for f in many])), float(np.mean([f[name][1] for f in many])))
        for name in many[0]
    }


def _count(families: np.ndarray) -> Pair:
    return float(len(families)), float(families["n_children"].sum())


def _children_scored(journeys: Journeys) -> np.ndarray:
    """By family, how many children have an SDQ score at the last visit."""
    has = np.flatnonzero(~np.isnan(journeys.scores["sdq"][:, W.VISITS - 1]))
    return np.bincount(has // LARGEST_FAMILY, minlength=len(journeys.tables["families"]))


def _below(flow: Mapping[str, Pair], start: str) -> list[str]:
    return [name for name in flow if name.startswith(start)]
