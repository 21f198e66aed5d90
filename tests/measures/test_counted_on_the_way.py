"""What a child's record counts as it goes is what the measures count afterwards from the event record."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.permanence import time_to_permanence

from best_sim.measures.observed import STILL_THERE, stays_of
from best_sim.measures.stability import child_moves
from best_sim.measures.timeliness import decided_cases
from best_sim.pathway import Journeys
from best_sim.pathway import words as W
from best_sim.questions.power.replicate import PERMANENT_AT, what_happened
from best_sim.scenario.durations import MONTH, YEAR
from best_sim.trial.analysis import kaplan_meier


def groups_of(journeys: Journeys, children: np.ndarray) -> np.ndarray:
    return journeys.tables["groups"][journeys.tables["children"]["group"][children]]


def test_moves_and_days_in_care(trial_run: Journeys) -> None:
    counted = child_moves(trial_run, since=-np.inf)
    g = groups_of(trial_run, counted["child"].to_numpy())
    days = g["care_days"] + np.where(g["in_care"] == 1, trial_run.end - g["episode_since"], 0.0)
    assert (g["care_moves"] == counted["moves"]).all() and counted["moves"].sum() > 1000
    assert days == pytest.approx(counted["years"].to_numpy() * YEAR, rel=1e-9)


def test_by_a_visit(trial_run: Journeys) -> None:
    """Until a visit, as counted from the stays that began by then."""
    stays = stays_of(trial_run)
    f, c = trial_run.tables["families"], trial_run.tables["children"]
    checked = 0
    for k in range(W.VISITS):
        due = f["visit_state"][stays.family, k] > 0
        mine = stays[due & stays.in_care]
        at = f["visit_at"][mine.family, k]
        days = np.bincount(mine.child, np.clip(np.minimum(mine.end, at) - mine.start, 0.0, None), len(c))
        moved = np.isin(mine.began_by, (W.UNPLANNED, W.PLANNED)) & (mine.start <= at)
        moves = np.bincount(mine.child, moved, len(c))
        children = np.unique(stays.child[due])
        assert (c["care_moves_then"][children, k] == moves[children]).all()
        assert c["care_days_then"][children, k] == pytest.approx(days[children], rel=1e-9, abs=1e-6)
        checked += len(children)
    assert checked > 1000


def test_the_third_placement(trial_run: Journeys) -> None:
    stays = stays_of(trial_run)
    counts = stays.in_care & (stays.began_by != W.SAME_CARER)
    mine = stays[counts]
    order = np.lexsort((mine.start, mine.child))
    child, start = mine.child[order], mine.start[order]
    first = np.searchsorted(child, child)
    third = (np.arange(len(child)) - first) == 2
    expected = np.full(len(trial_run.tables["children"]), np.nan)
    expected[child[third]] = start[third]
    got = groups_of(trial_run, trial_run.lived)["third_at"]
    assert np.array_equal(got, expected[trial_run.lived], equal_nan=True)
    assert 100 < np.isfinite(got).sum() < len(got) / 2


def test_what_permanence_was(trial_run: Journeys) -> None:
    table = time_to_permanence(trial_run)
    g = groups_of(trial_run, table["child"].to_numpy())
    reached = table["reached"].to_numpy()
    assert (
        np.asarray(W.PLACEMENT_TYPES)[g["permanent_to"][reached]] == table["to"].astype(str)[reached]
    ).all()
    assert len(set(g["permanent_to"][reached])) == 4
    assert STILL_THERE == -1


def test_the_summary_of_a_trial_is_that_of_the_measures(trial_run: Journeys) -> None:
    got = what_happened(trial_run)
    counted = child_moves(trial_run, since=-np.inf)
    cases = decided_cases(trial_run, since=-np.inf)
    permanent = time_to_permanence(trial_run)
    for arm in ("LIFT", "SAU"):
        name = arm.lower()
        mine, first = counted[counted["arm"] == arm], cases[(cases["again"] == 0) & (cases["arm"] == arm)]
        assert got[f"moves_per_year_{name}"] == pytest.approx(mine["moves"].sum() / mine["years"].sum())
        assert got[f"proceedings_weeks_{name}"] == pytest.approx(first["weeks"].mean())
        assert got[f"hearings_{name}"] == pytest.approx(first["hearings"].mean())
        theirs = permanent[permanent["arm"] == arm]
        days, reached = theirs["days"].to_numpy(), theirs["reached"].to_numpy()
        shares = 1.0 - kaplan_meier(days, reached, MONTH * np.array(PERMANENT_AT))
        for month, share in zip(PERMANENT_AT, shares, strict=True):
            assert got[f"permanent_{month}_months_{name}"] == pytest.approx(share)
