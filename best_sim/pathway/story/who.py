"""Which child is meant: by number, or by a description such as "first adopted"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from best_sim.pathway.choices import CHOICES, UnknownChildError
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.scenario.problems import nearest_name

if TYPE_CHECKING:
    from best_sim.pathway.journeys import Journeys


def choose_child(journeys: Journeys, which: int | str) -> int:
    """The number of a child, given by it or by a description.

    Parameters
    ----------
    journeys : Journeys
    which : int or str
        A child's number, as in `Journeys.children`, or a key of `CHOICES`.

    Returns
    -------
    int

    Raises
    ------
    UnknownChildError
        If there is no such child: the message names the numbers there are, or the descriptions.
    """
    if isinstance(which, str):
        return _described(journeys, which)
    lived = journeys.tables["children"]["index"][journeys.lived]
    if len(lived) == 0:
        raise UnknownChildError(f"child {which}: this run has no children")
    if which not in lived:
        nearest = int(lived[np.argmin(np.abs(lived - which))])
        raise UnknownChildError(
            f"child {which}: no such child. Numbers run from {int(lived.min())} to {int(lived.max())}; "
            f"{LARGEST_FAMILY} are kept for each family, so not every number is used. The nearest is "
            f"{nearest}."
        )
    return int(which)


def _described(journeys: Journeys, which: str) -> int:
    if which not in CHOICES:
        near = nearest_name(which, CHOICES)
        hint = f"\n  did you mean {near}?" if near else ""
        raise UnknownChildError(
            "child: there is no description like that\n"
            f"  found:   {which}\n  allowed: a child's number, or {', '.join(CHOICES)}{hint}"
        )
    c = journeys.children
    c = c[c["entered_days"].notna()].sort_values(["entered_days", "child"])
    f = journeys.families.set_index("family")
    arm = c["arm"].astype(str)
    if which == "first":
        fit = c[c["entered_days"] >= 0]
    elif which in ("first LIFT", "first SAU"):
        fit = c[arm == which.split()[1]]
        when = f["randomised_days"].reindex(fit["family"]).to_numpy()
        fit = fit.assign(when=when).sort_values(["when", "child"])
    elif which == "most moves":
        fit = c.sort_values(["moves", "entered_days", "child"], ascending=[False, True, True])
    elif which == "first re-entry":
        fit = c[c["re_entries"] > 0]
    else:
        place = {"first adopted": "adopted", "first home": "home", "first kin": "special_guardianship"}[which]
        fit = c[(arm != "not allocated") & (c["lives"].astype(str) == place)]
    if len(fit) == 0:
        raise UnknownChildError(f"this run has no child like that: {CHOICES[which]}")
    return int(fit["child"].iloc[0])
