"""The CONSORT flow: counted by hand on a small table, and adding up on simulated ones."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from oracles.flow import sums_that_fail

from best_sim.measures.costs import UnitCosts
from best_sim.measures.economics import amounts_of
from best_sim.pathway import simulate
from best_sim.pathway import words as W
from best_sim.pathway.records import CHILD, FAMILY, LARGEST_FAMILY
from best_sim.scenario import Scenario
from best_sim.trial.consort import consort
from best_sim.trial.methods import METHODS
from best_sim.trial.outcomes import OUTCOMES, Estimand, analysis_set


def journeys_of(*families: dict) -> SimpleNamespace:
    """Journeys with just these families, each with as many children as it says, their scores given."""
    f = np.zeros(len(families), FAMILY)
    c = np.zeros(len(families) * LARGEST_FAMILY, CHILD)
    c["index"] = -1
    sdq = np.full((len(c), W.VISITS), np.nan)
    f["ineligible"] = np.nan
    f["n_children"] = 1
    f["index"] = np.arange(len(families))
    for i, given in enumerate(families):
        scores = given.pop("scores", [])
        for name, value in given.items():
            f[name][i] = value
        for k in range(f["n_children"][i]):
            row = i * LARGEST_FAMILY + k
            c["index"][row], c["family"][row] = row, i
            if k < len(scores):
                sdq[row, 2] = scores[k]
    return SimpleNamespace(
        tables={"families": f, "children": c}, lived=np.flatnonzero(c["index"] >= 0), scores={"sdq": sdq},
        seed=0, replicate=0, scoring=0,
    )  # fmt: skip


SEEN = [W.SEEN, W.SEEN, W.SEEN]


def test_a_flow_counted_by_hand() -> None:
    flow = consort(
        journeys_of(
            {},  # never screened: not counted
            {"screening": W.TOO_OLD, "n_children": 2},
            {"screening": W.INVITED, "consent": W.DECLINED},
            {"screening": W.INVITED, "consent": W.CONSENTED},
            {"screening": W.INVITED, "consent": W.CONSENTED, "arm": W.LIFT, "receipt": W.RECEIVED,
             "visit_state": SEEN, "n_children": 3, "scores": [10, 12]},
            {"screening": W.INVITED, "consent": W.CONSENTED, "arm": W.LIFT, "receipt": W.WAITED_TOO_LONG,
             "visit_state": [W.SEEN, W.MISSED, W.MISSED]},
            {"screening": W.INVITED, "consent": W.CONSENTED, "arm": W.SAU, "receipt": W.RECEIVED, "ineligible": 30.0},
            {"screening": W.INVITED, "consent": W.CONSENTED, "arm": W.SAU, "receipt": W.PENDING,
             "visit_state": [W.SEEN, W.NOT_DUE, W.NOT_DUE]},
        )
    )  # fmt: skip
    expected = {
        "screened": (7, 10), "excluded.child_of_60_months_or_more": (1, 2), "invited": (6, 8),
        "not_randomised.declined": (1, 1), "not_randomised.not_yet_allocated": (1, 1), "randomised": (4, 6),
        "LIFT.allocated": (2, 4), "LIFT.received": (1, 3), "LIFT.not_received.waited_too_long": (1, 1),
        "LIFT.visit_2.seen": (1, 3), "LIFT.visit_2.missed": (1, 1), "LIFT.analysed": (1, 2),
        "LIFT.not_analysed.not_seen": (1, 1), "LIFT.not_analysed.no_score": (0, 1),
        "SAU.allocated": (2, 2), "SAU.found_ineligible": (1, 1), "SAU.not_received.pending": (1, 1),
        "SAU.visit_3.not_due": (1, 1), "SAU.analysed": (0, 0), "SAU.not_analysed.found_ineligible": (1, 1),
    }  # fmt: skip
    assert {name: flow[name] for name in expected} == expected
    assert sums_that_fail(flow) == []


@pytest.mark.parametrize("change", [[], ["simulation.end_date=2020-01-15"], ["trial.target_families=40"]])
def test_boxes_add_up_in_every_replicate(change: list[str]) -> None:
    scenario = Scenario.load("london-2017", change)
    flows = [consort(simulate(scenario, 5, k)) for k in range(6)]
    for flow in flows:
        assert sums_that_fail(flow) == []
        assert flow["randomised"][0] > 10


def test_a_sum_that_fails_is_named() -> None:
    flow = consort(simulate(Scenario.load("london-2017"), 5, 0))
    flow["LIFT.visit_2.seen"] = (flow["LIFT.visit_2.seen"][0] + 1, flow["LIFT.visit_2.seen"][1])
    assert len(sums_that_fail(flow)) == 1
    assert sums_that_fail(flow)[0].startswith("LIFT.allocated")


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("estimand", ["intention-to-treat", "per protocol"])
def test_the_flow_of_every_outcome_counts_its_analysis_and_adds_up(outcome: str, estimand: Estimand) -> None:
    scenario = Scenario.load("trial-as-run", ["simulation.end_date=2020-01-15"])
    journeys = simulate(scenario, 5, 0)
    amounts = amounts_of(journeys, UnitCosts.of(scenario)).known
    data = analysis_set(journeys, outcome, estimand=estimand, amounts=amounts)
    flow = consort(journeys, data)
    assert sums_that_fail(flow) == []
    for arm, which in (("LIFT", data.treated == 1), ("SAU", data.treated == 0)):
        assert flow[f"{arm}.analysed"] == (len(np.unique(data.family[which])), which.sum())
    per_protocol = flow.get("LIFT.not_analysed.service_not_received", (0, 0))[0] > 0
    assert per_protocol == (estimand == "per protocol")


def test_imputed_children_are_analysed() -> None:
    journeys = simulate(Scenario.load("london-2017"), 5, 0)
    data = analysis_set(journeys, complete=False)
    imputed, repeated = (METHODS[name].used(data) for name in ("multiple-imputation", "repeated-measures"))
    assert imputed.all() and not repeated.all()
    assert consort(journeys, data)["LIFT.not_analysed.not_seen"] == (0, 0)
    flow = consort(journeys, data.only(repeated))
    assert flow["LIFT.not_analysed.not_seen"][0] > 0 and sums_that_fail(flow) == []
