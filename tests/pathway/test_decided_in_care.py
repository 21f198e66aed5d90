"""No child comes into care after its case was decided, which would leave it there without an order."""

from __future__ import annotations

import numpy as np

from best_sim.pathway import simulate
from best_sim.scenario import Scenario


def test_the_court_decides_once_the_child_is_in_care() -> None:
    late = "entry.entry_after_issue={distribution='lognormal', mean=400, cv=0.5}"
    older = "population.under_one_share_of_youngest=[{from=2012-01-01, value=0.0}]"
    journeys = simulate(Scenario.load("london-2017", [late, older]), 4, 0)
    families, cases = (
        journeys.tables["families"],
        journeys.tables["cases"][: len(journeys.tables["families"])],
    )
    decided = ~np.isnan(cases["decided"]) & (families["route"] == 2)
    assert decided.sum() > 100
    assert (families["entered"][decided] <= cases["decided"][decided]).all()
    assert (families["entered"][decided] == cases["decided"][decided]).any()  # the rule was needed
    children = journeys.children
    first_time = children[(children["re_entries"] == 0) & children["family"].isin(families["index"][decided])]
    assert len(first_time) > 100
    assert (first_time["order"] != "none_yet").all()
