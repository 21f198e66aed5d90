"""The CONSORT flow: where every family of a replicate goes, in boxes that add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from best_sim.pathway import words as W
from best_sim.trial.outcomes import OUTCOMES, AnalysisSet, analysis_set

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.pathway import Journeys

Pair = tuple[float, float]
"""Families, and children."""
UNITS = ("families", "children")

_ARMS = {"LIFT": W.LIFT, "SAU": W.SAU}


_COLUMNS = ("screening", "arm", "consent", "receipt", "ineligible", "visit_state", "n_children")


def consort(journeys: Journeys, data: AnalysisSet | None = None) -> dict[str, Pair]:
    """The flow of one replicate, as pairs of families and children.

    Parameters
    ----------
    journeys : Journeys
    data : AnalysisSet, optional
        The children of the primary analysis; by default those with an SDQ score at the last visit.

    Returns
    -------
    dict of str to (float, float)
        ``screened``; ``excluded.REASON``; ``invited``; ``not_randomised.REASON``; ``randomised``; and for each arm A
        ``A.allocated``, ``A.received``, ``A.not_received.REASON``, ``A.found_ineligible``, ``A.visit_K.seen``,
        ``.missed``, ``.not_due`` (K from 1), ``A.analysed`` and ``A.not_analysed.REASON``. Families are analysed if
        a child of theirs is. Reasons are those that the outcome and the estimand give.
    """
    data = analysis_set(journeys) if data is None else data
    table = journeys.tables["families"]
    # numpy copies whole records slowly: the columns wanted, of the families that were screened
    screened = np.flatnonzero(table["screening"] != W.NOT_SCREENED)
    f = {name: table[name][screened] for name in _COLUMNS}
    everybody = np.ones(len(screened), bool)

    def count(who: np.ndarray) -> Pair:
        return float(np.count_nonzero(who)), float(f["n_children"][who].sum())

    flow: dict[str, Pair] = {"screened": count(everybody)}
    for k in range(W.TOO_OLD, len(W.SCREENINGS)):
        flow[f"excluded.{W.SCREENINGS[k]}"] = count(f["screening"] == k)
    invited = f["screening"] == W.INVITED
    flow["invited"] = count(invited)
    allocated = invited & (f["arm"] != W.NOT_ALLOCATED)
    for k, reason in enumerate(W.CONSENTS):
        name = "not_yet_allocated" if k == W.CONSENTED else reason
        flow[f"not_randomised.{name}"] = count(invited & ~allocated & (f["consent"] == k))
    flow["randomised"] = count(allocated)
    analysed = np.bincount(data.family, minlength=len(table))[screened]
    for arm, number in _ARMS.items():
        mine = invited & (f["arm"] == number)
        flow[f"{arm}.allocated"] = count(mine)
        for k, receipt in enumerate(W.RECEIPTS):
            name = "received" if k == W.RECEIVED else f"not_received.{receipt}"
            flow[f"{arm}.{name}"] = count(mine & (f["receipt"] == k))
        eligible = mine & np.isnan(f["ineligible"])
        flow[f"{arm}.found_ineligible"] = count(mine & ~eligible)
        for k in range(W.VISITS):
            for state, name in ((W.SEEN, "seen"), (W.MISSED, "missed"), (W.NOT_DUE, "not_due")):
                flow[f"{arm}.visit_{k + 1}.{name}"] = count(eligible & (f["visit_state"][:, k] == state))
        flow[f"{arm}.analysed"] = (
            float(np.count_nonzero(analysed[eligible])),
            float(analysed[eligible].sum()),
        )
        flow[f"{arm}.not_analysed.found_ineligible"] = flow[f"{arm}.found_ineligible"]
        left = eligible.copy()
        for reason, why in _reasons(f, data).items():
            these = left & why & (analysed == 0)
            flow[f"{arm}.not_analysed.{reason}"] = count(these)
            left &= ~these
        absent = OUTCOMES[data.outcome].absent
        if absent is not None:  # whole families, and children whose siblings are analysed
            flow[f"{arm}.not_analysed.{absent.name}"] = (
                float(np.count_nonzero(left & (analysed == 0))),
                float(f["n_children"][left].sum() - analysed[left].sum()),
            )
    return flow


def _reasons(f: Mapping[str, np.ndarray], data: AnalysisSet) -> dict[str, np.ndarray]:
    """Why a family without a child in the analysis has none, the first that holds: by name, of which families."""
    outcome = OUTCOMES[data.outcome]
    state = f["visit_state"][:, (outcome.visit or data.visit) - 1]
    out = {}
    if data.estimand == "per protocol":
        out["service_not_received"] = f["receipt"] != W.RECEIVED
    if outcome.known == "seen at the visit":
        out["not_seen"] = state == W.MISSED
    if outcome.known != "recorded":
        out["not_due"] = state == W.NOT_DUE
    return out


def flow_row(flow: Mapping[str, Pair]) -> dict[str, float]:
    """A flow as the columns of one replicate's row: ``flow.BOX.families`` and ``flow.BOX.children``."""
    return {
        f"flow.{box}.{unit}": n for box, pair in flow.items() for unit, n in zip(UNITS, pair, strict=True)
    }


def mean_flow(rows: pd.DataFrame) -> dict[str, Pair]:
    """The mean flow over replicates, each a row with the columns of `flow_row`."""
    families = [c for c in rows.columns if c.startswith("flow.") and c.endswith(".families")]
    boxes = [c.removeprefix("flow.").removesuffix(".families") for c in families]
    means = rows[[f"flow.{box}.{unit}" for box in boxes for unit in UNITS]].mean()
    return {
        box: (float(means[f"flow.{box}.families"]), float(means[f"flow.{box}.children"])) for box in boxes
    }
