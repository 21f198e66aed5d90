"""Recruitment and allocation against their closed forms: the Poisson-gamma model, blocks, minimisation, shares."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.recruits import recruitment_count
from scipy import stats
from small_worlds import (
    BOROUGH,
    COURT,
    MORNING,
    SITE,
    after,
    always,
    assert_agrees,
    days,
    even,
    mean_and_error,
    plain_world,
    rows,
    run,
)

from best_sim.engine.luck import uniform_at
from best_sim.pathway import words as W
from best_sim.pathway.lowering import lower
from best_sim.pathway.rules.purposes import BLOCK_SIZE

pytestmark = pytest.mark.theory


# --- how many -----------------------------------------------------------------------------------------------
def test_a_boroughs_recruits_are_negative_binomial(many_boroughs):
    """Rates are gamma between replicates, everyone is eligible and consents at once, so who entered is randomised.

    The last hearing of the window is on day 26, a Saturday's eve: everyone who entered until then, and nobody who
    entered after, is randomised. Forty boroughs a replicate are as many independent samples.
    """
    per_day, cv, last = 0.25, 0.5, 25 + MORNING  # Friday
    world = lower(many_boroughs(per_day * 365.25, {"simulation.end_date": after(27)}, cv=cv))
    counts = []
    for replicate in range(1000):
        journeys = run(world, replicate=replicate)
        randomised = rows(journeys, W.RANDOMISED)["subject"]
        borough = journeys.tables["families"]["borough"][randomised]
        counts.append(np.bincount(borough, minlength=40))
    counts = np.concatenate(counts)
    shape = 1.0 / cv**2
    exact = recruitment_count(last, 1, shape, shape / per_day)
    assert_agrees(*mean_and_error(counts), exact.mean(), "mean number recruited")
    spread = np.sqrt(((counts - exact.mean()) ** 2).mean())
    _, error = mean_and_error((counts - exact.mean()) ** 2)
    assert_agrees(spread, error / (2.0 * spread), exact.std(), "its standard deviation")
    top = int(exact.ppf(0.999))
    seen = np.bincount(np.minimum(counts, top), minlength=top + 1)
    share = np.append(exact.pmf(np.arange(top)), exact.sf(top - 1))
    assert stats.chisquare(seen, len(counts) * share).pvalue > 6e-5


def test_boroughs_rates_do_not_go_together(many_boroughs):
    """Each borough's gamma variable is its own: the variance of the sum is the sum of the variances."""
    per_day, cv = 1.0, 0.5
    world = lower(
        many_boroughs(
            per_day * 365.25, {"simulation.end_date": after(30), f"{COURT}.other_cases": always(0)}, cv=cv
        )
    )
    counts = np.array(
        [np.bincount(run(world, replicate=r).tables["families"]["borough"], minlength=40) for r in range(300)]
    )
    between = np.corrcoef(counts.T)[np.triu_indices(40, 1)]
    # 780 correlations of 300 replicates, each with standard error 1/sqrt(300), nearly independent
    assert abs(between.mean()) < 4.0 / np.sqrt(300 * len(between))
    assert counts[0].std() > 5.0


def test_dated_entries_come_at_the_dated_rate():
    """Thinned and thickened by date: the expected number between any two dates is the integral of the rate."""
    series = [
        {"from": after(0), "value": 36525.0},
        {"from": after(100), "value": 0.0},
        {"from": after(150), "value": 73050.0},
        {"from": after(250), "value": 18262.5},
    ]
    known = run(plain_world({"simulation.end_date": after(400), f"{BOROUGH}.entries": series})).tables[
        "families"
    ]["known_at"]
    for begin, end, rate in ((0, 100, 100.0), (150, 250, 200.0), (250, 400, 50.0)):
        count = ((known >= begin) & (known < end)).sum()
        expected = rate * (end - begin)
        assert abs(count - expected) < 4.0 * np.sqrt(expected)
        inside = known[(known >= begin) & (known < end)]
        assert stats.kstest((inside - begin) / (end - begin), "uniform").pvalue > 6e-5
    assert not ((known >= 100) & (known < 150)).any()


def test_children_a_family_do_not_change_the_number_of_children():
    """Entries are given as children: larger families are fewer."""
    world = plain_world(
        {
            "simulation.end_date": after(365),
            f"{BOROUGH}.entries": always(60_000),
            "population.children_per_family": {"one": 0.76, "two": 0.20, "three": 0.04},
        }
    )
    families = run(world).tables["families"]
    children = families["n_children"].sum()
    expected = 60_000 * 365 / 365.25
    # a compound Poisson variable: variance is families x E[size^2]
    error = np.sqrt(len(families) * (0.76 + 0.2 * 4 + 0.04 * 9))
    assert_agrees(children, error, expected, "children entering")


def test_recruitment_stops_at_its_target_and_on_its_days():
    world = plain_world(
        {
            "simulation.end_date": after(700),
            f"{BOROUGH}.entries": always(365),
            f"{SITE}.recruiting": [
                {"from": after(0), "value": 0},
                {"from": after(60), "value": 1},
                {"from": after(120), "value": 0},
                {"from": after(180), "value": 1},
            ],
            "trial.target_families": 150,
            "trial.stops_at_target": True,
        }
    )
    journeys = run(world)
    at = rows(journeys, W.RANDOMISED)["time"]
    assert len(at) == 150
    assert ((at >= 60) & (at < 120) | (at >= 180)).all()
    (complete,) = rows(journeys, W.RECRUITMENT_COMPLETE)
    assert complete["time"] == at[-1]
    assert complete["value"] == 150
    assert (rows(journeys, W.SCREENED)["time"] <= at[-1]).all()


# --- to which arm -------------------------------------------------------------------------------------------
ALLOCATED = {
    "simulation.end_date": after(300),
    f"{BOROUGH}.entries": always(100_000),
    "population.children_per_family": {"one": 0.6, "two": 0.3, "three": 0.1},
}


def arms_in_order(journeys):
    """1 for LIFT, 0 for SAU, in order of randomisation; and who they are."""
    randomised = rows(journeys, W.RANDOMISED)
    return (randomised["value"] == W.LIFT).astype(int), randomised["subject"]


@pytest.mark.parametrize("share", [0.5, 0.3])
def test_simple_allocation_has_the_share_that_is_asked_for(share):
    world = plain_world(
        {**ALLOCATED, "simulation.end_date": after(600), "trial.allocation.lift_share": share}
    )
    arms, _ = arms_in_order(run(world))
    error = np.sqrt(share * (1 - share) / len(arms))
    assert_agrees(arms.mean(), error, share, "share allocated to LIFT")
    # each allocation is independent of the last: pairs are as frequent as they should be
    both = (arms[1:] * arms[:-1]).mean()
    assert abs(both - share**2) < 4.0 * np.sqrt(share**2 * (1 + 2 * share - 3 * share**2) / len(arms))


@pytest.mark.parametrize(
    ("sizes", "share", "lift"), [([4, 6], 0.5, {4: 2, 6: 3}), ([3, 6, 9], 1 / 3, {3: 1, 6: 2, 9: 3})]
)
def test_every_block_is_balanced_to_the_family(many_boroughs, sizes, share, lift):
    """Blocks of random size, one list a borough: sizes are worked out here from the address of their luck."""
    world = lower(
        many_boroughs(
            3_000,
            {
                "simulation.end_date": after(60),
                "trial.allocation.method": "blocks",
                "trial.allocation.strata": "borough",
                "trial.allocation.block_sizes": sizes,
                "trial.allocation.lift_share": share,
            },
        )
    )
    journeys = run(world)
    arms, families = arms_in_order(journeys)
    borough = journeys.tables["families"]["borough"][families]
    seen = {size: 0 for size in sizes}
    patterns = set()
    for b in range(40):
        mine = arms[borough == b]
        stream = int(world.fixed["boroughs"]["stream"][b])
        begin = block = 0
        while True:
            u = uniform_at(1, 0, stream, 0, BLOCK_SIZE, block)
            size = sizes[int(len(sizes) * u)]
            if begin + size > len(mine):
                break
            assert mine[begin : begin + size].sum() == lift[size], (b, block)
            seen[size] += 1
            if size == sizes[0]:
                patterns.add(tuple(mine[begin : begin + size]))
            begin += size
            block += 1
    counts = np.array(list(seen.values()))
    assert stats.chisquare(counts).pvalue > 6e-5
    # every order of the smallest block occurs
    assert len(patterns) == {4: 6, 3: 3}[sizes[0]]


def test_orders_within_a_block_are_equally_likely():
    world = plain_world(
        {
            **ALLOCATED,
            "trial.allocation.method": "blocks",
            "trial.allocation.strata": "none",
            "trial.allocation.block_sizes": [4],
        }
    )
    arms, _ = arms_in_order(run(world))
    blocks = arms[: len(arms) // 4 * 4].reshape(-1, 4)
    assert (blocks.sum(axis=1) == 2).all()
    seen = np.unique(blocks @ [8, 4, 2, 1], return_counts=True)[1]
    assert len(seen) == 6
    assert len(blocks) > 10_000
    assert stats.chisquare(seen).pvalue > 6e-5


def margins(journeys, arms, families):
    """Difference between arms in each level of the factors: under one, siblings, borough."""
    f = journeys.tables["families"][families]
    signed = 2 * arms - 1
    levels = {
        "under one": f["youngest_days"] < 365.25,
        "siblings": f["n_children"] > 1,
        "borough": f["borough"],
    }
    return {
        (name, int(level)): signed[values == level].sum()
        for name, values in levels.items()
        for level in np.unique(values)
    }


def test_minimisation_keeps_every_margin_close(many_boroughs):
    """Pocock and Simon: imbalance of a margin stays bounded, where simple allocation's grows with the square root."""
    changes = {
        "simulation.end_date": after(60),
        "population.children_per_family": ALLOCATED["population.children_per_family"],
    }
    worst = {}
    for method, best in (("minimisation", 0.8), ("minimisation", 1.0), ("simple", 0.8)):
        world = lower(
            many_boroughs(
                3_000,
                {
                    **changes,
                    "trial.allocation.method": method,
                    "trial.allocation.strata": "none",
                    "trial.allocation.factors": ["borough", "under_one", "siblings"],
                    "trial.allocation.probability_of_best_arm": best,
                },
            )
        )
        journeys = run(world)
        arms, families = arms_in_order(journeys)
        assert len(arms) > 10_000
        worst[method, best] = {key: abs(value) for key, value in margins(journeys, arms, families).items()}
    for best, bound in ((1.0, 12), (0.8, 30)):
        assert max(worst["minimisation", best].values()) <= bound
    assert max(worst["simple", 0.8].values()) > 60


@pytest.mark.parametrize("share", [0.5, 2 / 3, 0.25])
def test_minimisation_keeps_the_share_in_the_long_run(share):
    world = plain_world(
        {
            **ALLOCATED,
            "trial.allocation.method": "minimisation",
            "trial.allocation.strata": "none",
            "trial.allocation.factors": ["under_one", "siblings"],
            "trial.allocation.lift_share": share,
        }
    )
    arms, _ = arms_in_order(run(world))
    batches = arms[: len(arms) // 100 * 100].reshape(-1, 100).mean(axis=1)
    assert_agrees(*mean_and_error(batches), share, "share allocated to LIFT")


def test_minimisation_follows_its_best_arm_as_often_as_it_says():
    """Of allocations where one arm leaves less imbalance, the share that goes there is the probability set."""
    best = 0.7
    world = plain_world(
        {
            **ALLOCATED,
            "trial.allocation.method": "minimisation",
            "trial.allocation.strata": "none",
            "trial.allocation.factors": ["under_one", "siblings"],
            "trial.allocation.probability_of_best_arm": best,
        }
    )
    journeys = run(world)
    arms, families = arms_in_order(journeys)
    f = journeys.tables["families"][families]
    levels = np.stack([f["youngest_days"] < 365.25, f["n_children"] > 1], axis=1).astype(int)
    difference = np.zeros((2, 2), int)  # LIFT less SAU, by factor and level
    followed, chances = 0, 0
    for arm, level in zip(arms, levels, strict=True):
        now = difference[[0, 1], level]
        lean = np.abs(now - 1).sum() - np.abs(now + 1).sum()  # above zero: LIFT leaves less
        if lean != 0:
            chances += 1
            followed += (lean > 0) == (arm == 1)
        difference[[0, 1], level] += 2 * arm - 1
    assert_agrees(followed / chances, np.sqrt(best * (1 - best) / chances), best, "allocated to the best arm")


def test_consent_and_exclusion_have_their_shares():
    consent, other = 0.6, 0.25
    world = plain_world(
        {
            **ALLOCATED,
            "simulation.end_date": after(850),
            f"{SITE}.consent": consent,
            f"{SITE}.other_exclusion": other,
            "trial.consent_delay": even(0, 1),
            "trial.randomisation_delay": days(0),
        }
    )
    journeys = run(world)
    screened = rows(journeys, W.SCREENED)["value"]
    answers = rows(journeys, W.CONSENT_ANSWERED)["value"]
    n, m = len(screened), len(answers)
    assert_agrees(
        (screened == W.OTHER_REASON).mean(),
        np.sqrt(other * (1 - other) / n),
        other,
        "excluded for another reason",
    )
    assert_agrees((answers == W.CONSENTED).mean(), np.sqrt(consent * (1 - consent) / m), consent, "consented")
