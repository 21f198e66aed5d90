"""Children grow up: what no longer happens as they do, and what depends on how old they are when they come back."""

from __future__ import annotations

from types import SimpleNamespace as Record

import numpy as np
import pytest
from small_worlds import BOROUGH, CERTAIN, after, days, plain_world, rows, run

from best_sim.pathway import words as W
from best_sim.pathway.rules.orders import order_score
from best_sim.scenario.durations import YEAR

LONG = {"simulation.end_date": after(16 * 365), f"{BOROUGH}.entries": [
    {"from": after(-5000), "value": 150}, {"from": after(700), "value": 0}
]}  # fmt: skip


def test_care_ends_at_eighteen():
    """Who is in care on its eighteenth birthday leaves on that day, and does not come back."""
    j = run(plain_world(LONG | {"orders.care_order.intercept": CERTAIN}))
    left = rows(j, W.LEFT_CARE_OF_AGE)
    g, f = j.tables["groups"], j.tables["families"]
    of = g[left["subject"]]
    age = of["youngest_days"] + left["time"] - f["entered"][of["family"]]
    assert len(left) > 15
    assert age == pytest.approx(np.full(len(left), 18 * YEAR))
    c = j.children
    grown = ((j.end - c["born_days"]) / YEAR).to_numpy() >= 18.0
    assert (c["lives"][grown] == "of_age").all()
    assert not c["in_care"][grown].any()
    assert c["in_care"][~grown].all()
    # nobody's move: neither the carers nor the court have done anything
    assert set(c["moves"][grown]) == {0, 1}  # to long-term carers, who may be the same
    story = "\n".join(
        sentence for line in j.story(int(c["child"][grown].iloc[0])).lines for sentence in line.sentences
    )
    assert "turned 18 and left care" in story


def test_nobody_comes_to_court_again_at_sixteen():
    """At 16 children may agree to care themselves (Children Act 1989, section 20(11)), at 17 no order can be made."""
    j = run(
        plain_world(
            LONG | {
                "orders.home.intercept": CERTAIN,
                "placements.planned.home_delay": days(10),
                "placements.breakdown.home_later": 0.3,
                "placements.breakdown.issued_again": 1.0,
                "placements.breakdown.issued_again_delay": days(5),
            }
        )
    )  # fmt: skip
    g, f = j.tables["groups"], j.tables["families"]
    back = rows(j, W.PLACED_ON_RE_ENTRY)
    of = g[back["subject"]]
    age = (of["youngest_days"] + back["time"] - f["entered"][of["family"]]) / YEAR
    issued = rows(j, W.PROCEEDINGS_ISSUED)
    again = issued[issued["value"] > 0]
    family = f[j.tables["cases"]["family"][again["subject"]]]
    at_issue = (family["youngest_days"] + again["time"] - family["entered"]) / YEAR
    assert (age >= 16.0).sum() >= 3
    assert len(again) >= (age < 15.9).sum() * 0.5
    assert at_issue.max() < 16.1
    assert age.max() < 18.0


GROUP = {"removed": 0, "place": W.FOSTER, "index": 0, "stream": 1, "number": 3, "episode": 2, "re_entries": 1}


def test_an_order_goes_by_the_age_at_which_this_time_in_care_began():
    none = Record(
        intercept=0.0, need=0.0, kin=0.0, with_kin=0.0, with_parents=0.0, removed=0.0, early_permanence=0.0,
        lift=0.0, return_advised=0.0, under_one=1.0, newborn=10.0, year_over_five=-0.8,
    )  # fmt: skip
    family = Record(need=0.0, kin_available=0, entered=1000.0)
    case = Record(assessor=W.IN_HOUSE, advice=0)
    for years, score in ((0.0, 11.0), (0.5, 1.0), (2.0, 0.0), (6.0, -0.8), (9.5, -0.8 * 4.5)):
        group = Record(**GROUP, youngest_days=3.0, episode_since=1000.0 + years * YEAR)
        small = -0.8 * 3.0 / YEAR if years >= 5.0 else 0.0
        assert order_score(none, family, group, case) == pytest.approx(score + small)
