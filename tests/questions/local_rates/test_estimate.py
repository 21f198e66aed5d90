"""Parameters from episodes of care: known truths given back, left truncation and right censoring, small numbers."""

from __future__ import annotations

import datetime as dt
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import CumIncidenceRight

from best_sim import Scenario, simulate
from best_sim.measures.episodes import episodes_of, spells, time_at_risk
from best_sim.questions.local_rates.ask import LocalRatesQuestion
from best_sim.questions.local_rates.backcast import BackCast
from best_sim.questions.local_rates.estimate import _suppressed, estimate_rates
from best_sim.questions.local_rates.estimation import mix
from best_sim.questions.local_rates.intervals import clustering, rate_interval, seen_weights, share_interval
from best_sim.questions.local_rates.ordering import CourtModel
from best_sim.questions.local_rates.rates import LocalRates
from best_sim.questions.running import answer
from best_sim.scenario.durations import YEAR

ZERO = pd.Timestamp("2016-01-01")
WINDOW = 2000.0
Z95 = 1.959963984540054

TRUTH = {
    "foster": 0.30,
    "kinship_foster": 0.12,
    "residential": 0.60,
    "age": 0.10,
    "frailty_sd": 0.6,
}
PLACES = {"foster": "U6", "kinship_foster": "U3", "residential": "K2"}
NAMED = {
    **{name: f"placements.unplanned.{name}" for name in (*PLACES, "age")},
    "frailty_sd": "population.frailty_sd",
}


def at(day: np.ndarray | float) -> Any:
    """Calendar times of days since the window began."""
    return ZERO + pd.to_timedelta(day, unit="D")


def made_up(
    n: int, seed: int, truth: Mapping[str, float] = TRUTH, before: float = 1500.0, stay: float = 500.0
) -> pd.DataFrame:
    """Episodes straight from the hazards, with the time of every move by inversion of the cumulative hazard.

    Children come into care evenly from `before` days before the window to its end and leave at random; a planned move
    to another carer competes with the unplanned ones. All their episodes are written, as if no window had cut them.
    """
    rng = np.random.default_rng(seed)
    kinds = np.asarray(list(PLACES))
    rate = np.asarray([truth[name] for name in kinds])
    entered = rng.uniform(-before, WINDOW, n)
    age = rng.uniform(0.0, 4.5 * YEAR, n)
    leaves = entered + rng.exponential(stay, n)
    sd = truth["frailty_sd"]
    z = np.exp(sd * rng.normal(size=n) - 0.5 * sd * sd)
    now = entered.copy()
    place = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    why = np.full(n, "S", object)
    who, rows = np.arange(n), []
    while len(who):
        years_old = (age[who] + now[who] - entered[who]) / YEAR
        hazard = z[who] * rate[place[who]] * np.exp(truth["age"] * years_old)
        breaks = now[who] + rng.exponential(YEAR, len(who)) / hazard
        planned = now[who] + rng.exponential(700.0, len(who))
        end = np.minimum(np.minimum(breaks, planned), leaves[who])
        stays = end < leaves[who]
        unplanned = stays & (breaks < planned)
        rows.append(
            pd.DataFrame(
                {
                    "child": who,
                    "begun": now[who],
                    "ended": end,
                    "placement": np.asarray(list(PLACES.values()))[place[who]],
                    "reason_new": why[who],
                    "reason_ended": np.where(stays, "X1", "E4A"),
                    "reason_place_change": np.where(unplanned, "CREQB", np.where(stays, "CARPL", None)),
                }
            )
        )
        now[who], why[who] = end, "P"
        who = who[stays]
        place[who] = rng.choice(3, len(who), p=[0.6, 0.3, 0.1])
    e = pd.concat(rows, ignore_index=True)
    e["born"] = at((entered - age)[e["child"]])
    return e.assign(begun=at(e["begun"]), ended=at(e["ended"]), sex="F", legal_status="V2", provider="PR1")


def in_window(e: pd.DataFrame) -> pd.DataFrame:
    """What an authority's files of the window hold: who was in care in it, from the episode open when it began."""
    return e[(e["ended"] > ZERO) & (e["begun"] < at(WINDOW))].reset_index(drop=True)


def figures(rates: LocalRates) -> pd.DataFrame:
    """The estimated parameters, by dotted name."""
    return rates.table[(rates.table["parameter"] != "") & ~rates.table["suppressed"]].set_index("parameter")


def scores(rates: LocalRates, truth: Mapping[str, float]) -> pd.DataFrame:
    """Of each parameter: how many standard errors it is off, and whether its interval holds the truth."""
    got = figures(rates)
    rows = []
    for name, value in truth.items():
        row = got.loc[name]
        rows.append(
            {
                "parameter": name,
                "truth": value,
                "estimate": row["estimate"],
                "z": (row["estimate"] - value) / ((row["high"] - row["low"]) / (2.0 * Z95)),
                "inside": row["low"] <= value <= row["high"],
            }
        )
    return pd.DataFrame(rows).set_index("parameter")


HAZARDS = {NAMED[name]: TRUTH[name] for name in NAMED}
ALIKE = {**TRUTH, "frailty_sd": 0.0}


@pytest.fixture(scope="module")
def no_need() -> Scenario:
    """The base file, in which the whole spread between children is the frailty's."""
    return Scenario.load("base").replace({"placements.unplanned.need": 0.0})


# --- the truth given back -----------------------------------------------------------------------------------
def test_hazards_of_20000_made_up_children_are_given_back(no_need: Scenario) -> None:
    e = in_window(made_up(24_000, seed=11, before=400.0))
    assert e["child"].nunique() > 20_000
    got = scores(estimate_rates(e, ZERO, at(WINDOW), base=no_need), HAZARDS)
    assert got["z"].abs().max() < 3.5, got  # of 5: a chance of 1 in 400 that one is further off
    assert got["inside"].sum() >= 4, got
    # and the intervals are narrow enough to see what matters
    width = (got["estimate"] - got["truth"]).abs() / got["z"].abs()
    assert (width / got["truth"]).max() < 0.16, got


def test_without_frailty_all_children_count_from_the_day_they_are_seen(no_need: Scenario) -> None:
    e = in_window(made_up(8_000, seed=12, truth=ALIKE))
    rates = estimate_rates(e, ZERO, at(WINDOW), base=no_need, frailty="none")
    wanted = {NAMED[name]: ALIKE[name] for name in NAMED if name != "frailty_sd"}
    got = scores(rates, wanted)
    assert got["z"].abs().max() < 3.5, got
    assert got["inside"].sum() >= 3, got
    assert rates.children - rates.followed > 500  # children were in care when the window began


def moves_against_truth(table: pd.DataFrame) -> float:
    """Unplanned moves, less those that the true hazards give in the same time at risk, in standard deviations."""
    r = time_at_risk(table, (0.0,))
    hazard = r["type"].map(ALIKE) * np.exp(ALIKE["age"] * r["age"])
    expected = float((hazard * r["years"]).sum())
    return (r["moves"].sum() - expected) / math.sqrt(expected)


def test_time_before_the_window_counted_as_time_at_risk_would_bias_the_rates(no_need: Scenario) -> None:
    """Left truncation. The naive way takes each episode from its begin, though only those that lasted are on file."""
    e = in_window(made_up(3_500, seed=13, truth=ALIKE, before=4000.0, stay=2500.0))
    long_before = ZERO - pd.Timedelta(days=5000)
    assert abs(moves_against_truth(spells(e, ZERO, at(WINDOW)))) < 3.5
    assert moves_against_truth(spells(e, long_before, at(WINDOW))) < -7.0
    wanted = {NAMED[n]: ALIKE[n] for n in ("foster", "kinship_foster")}
    ours = scores(estimate_rates(e, ZERO, at(WINDOW), base=no_need, frailty="none"), wanted)
    naive = scores(estimate_rates(e, long_before, at(WINDOW), base=no_need, frailty="none"), wanted)
    assert ours["z"].abs().max() < 3.5, ours
    assert naive["z"].min() < -3.5, naive


def test_episodes_still_open_left_out_would_bias_the_rates(no_need: Scenario) -> None:
    """Right censoring. The naive way takes the episodes that have ended."""
    until = at(700.0)
    e = made_up(6_000, seed=14, truth=ALIKE, before=0.0, stay=2500.0)
    e = e[e["begun"] < until].reset_index(drop=True)
    table = spells(e, ZERO, until)
    closed = table[table["ends_in"] != "open"]
    closed.attrs = table.attrs
    assert abs(moves_against_truth(table)) < 3.5
    assert moves_against_truth(closed) > 7.0
    right = estimate_rates(e, ZERO, until, base=no_need, frailty="none")
    wanted = {NAMED[n]: ALIKE[n] for n in ("foster", "kinship_foster")}
    assert scores(right, wanted)["z"].abs().max() < 3.5
    later = e["ended"] > until
    blank = e.assign(
        ended=e["ended"].where(~later),
        reason_ended=e["reason_ended"].where(~later, None),
        reason_place_change=e["reason_place_change"].where(~later, None),
    )
    again = estimate_rates(blank, ZERO, until, base=no_need, frailty="none")
    pd.testing.assert_frame_equal(
        again.table, right.table
    )  # what ends later is open, however the file has it


def test_a_large_spread_between_children_is_given_back(no_need: Scenario) -> None:
    """And with it the rates, which without it would be those of the children who are left in care: too low."""
    truth = {**TRUTH, "frailty_sd": 1.0}
    e = in_window(made_up(3_000, seed=15, truth=truth, before=0.0, stay=2500.0))
    wanted = {NAMED["foster"]: truth["foster"], NAMED["frailty_sd"]: 1.0}
    ours = scores(estimate_rates(e, ZERO, at(WINDOW), base=no_need), wanted)
    assert ours["z"].abs().max() < 3.5, ours
    naive = scores(
        estimate_rates(e, ZERO, at(WINDOW), base=no_need, frailty="none"),
        {NAMED["foster"]: truth["foster"]},
    )
    assert naive.loc[NAMED["foster"], "z"] < -3.5


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say(no_need: Scenario) -> None:
    seeds, inside = 150, []
    for seed in range(seeds):
        e = in_window(made_up(1_000, seed=1000 + seed, before=400.0))
        got = figures(estimate_rates(e, ZERO, at(WINDOW), base=no_need))
        inside.append(
            [
                got.loc[p, "low"] <= v <= got.loc[p, "high"] if p in got.index else np.nan
                for p, v in HAZARDS.items()
            ]
        )
    covered = pd.DataFrame(inside, columns=list(HAZARDS), dtype=float)
    error = math.sqrt(0.95 * 0.05 / seeds)
    assert covered.notna().mean().min() > 0.9
    assert (covered.mean() > 0.95 - 3.0 * error).all(), covered.mean()
    assert covered.mean().mean() == pytest.approx(0.95, abs=0.015), covered.mean()


# --- from a model run ---------------------------------------------------------------------------------------
def always(value: float) -> list[dict[str, Any]]:
    return [{"from": dt.date(2000, 1, 1), "value": value}]


def model_world(entries: float, **changes: Any) -> Scenario:
    """Glasgow under English law and without a trial, with single children and a court that is never congested."""
    return Scenario.load("glasgow").replace(
        {
            "simulation.start_date": dt.date(2014, 1, 1),
            "simulation.end_date": dt.date(2023, 1, 1),
            "sites.glasgow.recruiting": always(0),
            "courts.glasgow.jurisdiction": "England and Wales",
            # what is estimated is one delay for children of all ages
            "entry.issue_after_voluntary_under_one": {"distribution": "lognormal", "median": 32, "p90": 200},
            "courts.glasgow.sitting_days_per_week": always(5000),
            "courts.glasgow.other_cases": always(0),
            "boroughs.glasgow.entries": always(entries),
            "boroughs.glasgow.rate_variation": 0.0,
            # the window is told one share for all of its years
            "population.under_one_share_of_youngest": always(0.68),
            "population.children_per_family": {"one": 1.0, "two": 0.0, "three": 0.0},
            **{key.replace("__", "."): value for key, value in changes.items()},
        }
    )


def truth_of(scenario: Scenario, names: list[str]) -> dict[str, float]:
    """The scenario's own values of parameters, some of them inside a mix or a duration."""
    out = {}
    for name in names:
        whole, _, part = name.rpartition(".")
        given = scenario.provenance.get(name)
        value = given.value if given is not None else scenario.provenance[whole].value[part]
        if isinstance(value, list | tuple):
            (value,) = {step["value"] for step in value}
        out[name] = float(value)
    return out


@pytest.mark.slow
def test_parameters_of_20000_children_of_a_model_run_are_given_back() -> None:
    """Every parameter that is estimated; the order is made not to depend on need, whose part in it no file tells."""
    changes = {
        f"orders__{d}__need": 0.0
        for d in ("special_guardianship", "child_arrangements", "placement_order", "care_order")
    }
    world = model_world(2_900.0, **changes, advice__need=0.0)
    e = episodes_of(simulate(world, seed=2), whole_days=False)
    rates = estimate_rates(e, "2016-01-01", "2023-01-01", base=world)
    assert rates.followed > 20_000
    names = [n for n in figures(rates).index if not n.startswith("boroughs.")]
    assert len(names) >= 32
    got = scores(rates, truth_of(world, names))
    assert got["z"].abs().max() < 4.0, got
    assert got["inside"].mean() > 0.85, got
    assert figures(rates).loc["boroughs.local.entries", "estimate"] == pytest.approx(2_900.0, rel=0.025)


@pytest.fixture(scope="module")
def world() -> Scenario:
    return model_world(600.0)


@pytest.fixture(scope="module")
def episodes(world: Scenario) -> pd.DataFrame:
    """As an authority's files have them: whole days."""
    return episodes_of(simulate(world, seed=3))


@pytest.fixture(scope="module")
def rates(world: Scenario, episodes: pd.DataFrame) -> LocalRates:
    return estimate_rates(episodes, "2016-01-01", "2023-01-01", base=world)


def test_parameters_of_a_model_run_are_given_back_from_whole_days(world: Scenario, rates: LocalRates) -> None:
    names = [n for n in figures(rates).index if not n.startswith("boroughs.")]
    got = scores(rates, truth_of(world, names))
    assert got["z"].abs().max() < 4.0, got
    assert got["inside"].mean() > 0.8, got
    row = figures(rates).loc["boroughs.local.entries"]
    assert row["low"] <= 600.0 <= row["high"]


def test_siblings_widen_the_intervals_by_what_the_design_effect_says() -> None:
    """A route is the family's: the variance of a share of children rises by E[k^2] / E[k] (Kish)."""
    shares = {"one": 0.2, "two": 0.5, "three": 0.3}
    effect = (0.2 + 0.5 * 4 + 0.3 * 9) / (0.2 + 0.5 * 2 + 0.3 * 3)
    crowd = model_world(
        400.0,
        population__children_per_family=shares,
        population__split_with_one_sibling=0.0,
        entry__voluntary_newborn=0.0,
    )
    e = episodes_of(simulate(crowd, seed=4))
    window = ("2017-01-01", "2023-01-01")
    both = (estimate_rates(x, *window, base=crowd) for x in (e, e.drop(columns="family")))
    with_them, without = (figures(r) for r in both)
    ratio = {}
    for name in ("entry.route.voluntary", "placements.unplanned.foster"):
        wide, narrow = with_them.loc[name], without.loc[name]
        if name == "entry.route.voluntary":
            assert wide["estimate"] == pytest.approx(narrow["estimate"], rel=1e-6)
        else:  # with siblings named the age that counts is the youngest's, which moves the hazard a little
            assert abs(wide["estimate"] - narrow["estimate"]) < 0.25 * (wide["high"] - wide["low"])
        ratio[name] = (wide["high"] - wide["low"]) / (narrow["high"] - narrow["low"])
    assert ratio["entry.route.voluntary"] == pytest.approx(math.sqrt(effect), rel=0.03)
    assert 1.15 < ratio["placements.unplanned.foster"] < 1.7


def test_what_depends_on_the_youngest_sibling_is_given_back_where_siblings_are_named() -> None:
    families = {"one": 0.4, "two": 0.4, "three": 0.2}
    # siblings stay together: the court looks at the youngest of those who live with each other, which no return tells
    apart = {f"population__split_with_{n}": 0.0 for n in ("one_sibling", "two_siblings")}
    many = model_world(2_800.0, population__children_per_family=families, **apart)
    e = episodes_of(simulate(many, seed=9))
    names = [
        "population.under_one_share_of_youngest",
        "orders.placement_order.intercept",
        "orders.placement_order.under_one",
    ]
    window = ("2016-01-01", "2023-01-01")
    named = scores(estimate_rates(e, *window, base=many, frailty="none"), truth_of(many, names))
    assert named["z"].abs().max() < 3.5, named
    alone = e.drop(columns="family")
    unnamed = scores(estimate_rates(alone, *window, base=many, frailty="none"), truth_of(many, names))
    assert unnamed.loc["orders.placement_order.intercept", "z"] > 3.5, unnamed


@pytest.mark.parametrize("named", [True, False])
def test_first_placements_in_a_unit_are_given_back_where_siblings_are_split(named: bool) -> None:
    """An older sibling who lives elsewhere can't be in a unit, and is no sign that units are rare."""
    families = {"one": 0.2, "two": 0.4, "three": 0.4}
    split = {f"population__split_with_{n}": 0.7 for n in ("one_sibling", "two_siblings")}
    mix = {"foster": 0.4, "kinship_foster": 0.2, "parent_and_baby": 0.4, "with_parents": 0.0}
    world = model_world(
        2_800.0, population__children_per_family=families, entry__first_placement=mix, **split
    )
    e = episodes_of(simulate(world, seed=9))
    rates = estimate_rates(
        e if named else e.drop(columns="family"), "2016-01-01", "2023-01-01", base=world, frailty="none"
    )
    name = "entry.first_placement.parent_and_baby"
    got = scores(rates, {name: 0.4}).loc[name]
    assert abs(got["z"]) < 3.0, got
    assert got["inside"]


def test_the_file_reads_back_with_what_was_estimated_and_nothing_else_of_the_model(
    tmp_path: Path, rates: LocalRates
) -> None:
    path = rates.to_toml(tmp_path / "local.toml", setting=None)
    text = path.read_text(encoding="utf-8")
    assert tomllib.loads(text)["extends"] == "base"
    base = Scenario.load("base")
    written = Scenario.load(
        rates.to_toml(tmp_path / "whole.toml", borough="here", setting=("england", "manchester"))
    )
    for name, value in rates.values.items():
        entry = written.provenance[name.replace("local", "here")]
        assert entry.status == "derived"
        assert "estimated from a local authority's episodes of care" in entry.source
        assert (
            "interval" in entry.source
            or isinstance(value, dict | list)
            or "variation" in name
            or "spread" in entry.source
        )
        if isinstance(value, float):
            assert entry.value == pytest.approx(value, rel=1e-3)
    placed = ("boroughs.", "courts.", "sites.", "lift.teams.", "simulation.")
    changed = {
        name
        for name, entry in written.provenance.items()
        if name in base.provenance and entry.file != "parameters/base.toml"
    }
    assert {n for n in changed if not n.startswith(placed)} == {
        n for n in rates.values if not n.startswith(placed)
    }
    assert written.boroughs["here"].entries.values[0] == pytest.approx(
        rates.values["boroughs.local.entries"][0]["value"], rel=1e-3
    )


def test_the_file_runs(tmp_path: Path, rates: LocalRates) -> None:
    scenario = Scenario.load(rates.to_toml(tmp_path / "local.toml"))
    e = episodes_of(simulate(scenario, seed=1), borough="local")
    per_year = e.groupby("child")["begun"].min().between("2016-01-01", "2023-01-01").sum() / 7.0
    assert per_year == pytest.approx(rates.values["boroughs.local.entries"][0]["value"], rel=0.12)


def test_draws_spread_as_the_intervals_do(rates: LocalRates) -> None:
    rng = np.random.default_rng(1)
    drawn = pd.DataFrame(
        [{k: v for k, v in rates.drawn(rng).items() if isinstance(v, float)} for _ in range(400)]
    )
    for name in (
        "placements.unplanned.foster",
        "placements.breakdown.home_first_year",
        "entry.voluntary_never_in_proceedings",
    ):
        row = figures(rates).loc[name]
        inside = drawn[name].between(row["low"], row["high"]).mean()
        assert 0.90 < inside < 0.99, name


# --- small numbers ------------------------------------------------------------------------------------------
def test_no_count_under_five_is_shown_or_can_be_told_by_subtraction() -> None:
    e = episodes_of(simulate(model_world(25.0), seed=3))
    rates = estimate_rates(e, "2018-01-01", "2022-01-01")
    shown = rates.table[~rates.table["suppressed"]]
    assert (shown["events"] >= 5).all()
    hidden = rates.table[rates.table["suppressed"]]
    assert len(hidden) > 20
    assert hidden[["exposure", "estimate", "low", "high"]].isna().all().all()
    assert hidden["events"].isna().all()
    for quantity in ("first placement", "share boys", "route into care"):
        part = rates.table[rates.table["quantity"] == quantity]
        total = part["exposure"].max()
        missing = total - part["events"].sum()
        # what is left over is nobody, or enough for nobody to be told from it, or nothing is shown
        assert missing == 0 or missing >= 5 or part["suppressed"].all(), quantity
    assert rates.missing
    assert not set(rates.table.columns) & {"child", "family", "born"}


def test_one_small_cell_hides_another() -> None:
    rows = [
        {"quantity": "q", "group": str(n), "events": n, "exposure": 1.0, "unit": "", "estimate": 1.0, "low": 0.0,
         "high": 2.0, "parameter": "", "block": "b"}
        for n in (40, 7, 2, 0)
    ]  # fmt: skip
    assert _suppressed(rows, 5)["suppressed"].tolist() == [False, True, True, True]
    only_zeros = [dict(row, events=n) for row, n in zip(rows, (40, 7, 0, 0), strict=True)]
    assert _suppressed(only_zeros, 5)["suppressed"].tolist() == [False, False, True, True]


def test_a_small_authority_keeps_what_it_can_not_tell_as_in_the_base_file(tmp_path: Path) -> None:
    e = episodes_of(simulate(model_world(12.0), seed=6))
    rates = estimate_rates(e, "2020-01-01", "2022-01-01")
    base = Scenario.load("base")
    written = Scenario.load(rates.to_toml(tmp_path / "small.toml"))
    assert rates.frailty == "base"
    assert written.orders == base.orders
    assert written.placements.unplanned.residential == base.placements.unplanned.residential
    assert any("too few" in words or "fewer than" in words for words in rates.missing)


def test_one_child_leaves_nothing_to_be_seen(tmp_path: Path) -> None:
    e = made_up(1, seed=1, before=0.0)
    rates = estimate_rates(e, ZERO, at(WINDOW))
    assert rates.table["suppressed"].all()
    assert rates.table["estimate"].isna().all()
    assert rates.values == {}
    text = rates.to_toml(tmp_path / "one.toml", setting=None).read_text(encoding="utf-8")
    assert set(tomllib.loads(text)) == {"extends", "title"}


# --- published figures and other hands ----------------------------------------------------------------------
def test_the_interval_of_a_rate_is_garwoods() -> None:
    """Exact Poisson limits for 10 and for 0 events: 4.795 to 18.390, 0 to 3.689 (Pearson and Hartley, table 40)."""
    assert rate_interval(10, 1.0, 0.95) == pytest.approx((10.0, 4.795, 18.390), abs=2e-3)
    assert rate_interval(0, 2.0, 0.95) == pytest.approx((0.0, 0.0, 3.689 / 2), abs=1e-3)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_share_is_wilsons(hits: int, n: int, low: float, high: float) -> None:
    """Newcombe (1998) Statistics in Medicine 17:857, table I, method 3."""
    got = share_interval(np.arange(n) < hits, np.arange(n), 0.95)
    assert got == pytest.approx((hits / n, low, high), abs=6e-5)


def test_siblings_who_are_alike_count_as_one() -> None:
    hit, family = np.arange(200) < 60, np.arange(200)
    twice = share_interval(np.repeat(hit, 2), np.repeat(family, 2), 0.95)
    assert twice == pytest.approx(share_interval(hit, family, 0.95), rel=1e-9)
    # sixty events in equal times: with the sums of two the variance over the mean is 2 x 0.7
    events, time = np.repeat(hit.astype(float), 2), np.ones(400)
    assert clustering(events, time, np.repeat(family, 2)) == pytest.approx(2.0 * 0.7)
    assert clustering(events, time, np.arange(400)) == 1.0  # never narrower than chance


def test_weights_of_the_seen_give_aalen_and_johansens_cumulative_incidence() -> None:
    rng = np.random.default_rng(4)
    n = 300
    cause = rng.integers(1, 4, n)
    days, lost = (
        np.round(rng.exponential(100.0 * cause), 0) + 1.0,
        np.round(rng.exponential(250.0, n), 0) + 1.0,
    )
    seen = days <= lost
    time = np.minimum(days, lost)
    weight = seen_weights(time, seen)
    by_weights = [float(np.sum(weight * (cause == k)) / n) for k in (1, 2, 3)]
    other = CumIncidenceRight(time, np.where(seen, cause, 0))
    assert by_weights == pytest.approx([float(c[-1]) for c in other.cinc], rel=1e-9)


def test_the_courts_intercepts_are_those_that_give_its_orders() -> None:
    states = pd.DataFrame(
        [
            (under, newborn, place, removed, weight)
            for under, newborn in ((False, False), (True, False), (True, True))
            for place, removed, weight in (
                ("elsewhere", False, 4.0),
                ("elsewhere", True, 0.5),
                ("with_kin", False, 2.0),
                ("with_parents", False, 1.0),
                ("early_permanence", False, 0.5 * under),
            )
        ],
        columns=["under", "newborn", "place", "removed", "weight"],
    )
    model = CourtModel.of(Scenario.load("base"), states)
    for under in (False, True):
        assert model.weight[under].sum() == pytest.approx(1.0)
        wanted = np.asarray([0.3, 0.2, 0.05, 0.25, 0.2])
        assert model.shares(model.intercepts(wanted, under), under) == pytest.approx(wanted, abs=1e-8)
        own = model.start[under]
        assert model.intercepts(model.shares(own, under), under) == pytest.approx(own, abs=1e-7)


def test_an_unknown_way_with_frailty_is_refused(episodes: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="allowed 'estimated', 'base', 'none'"):
        estimate_rates(episodes, "2016-01-01", "2023-01-01", frailty="gamma")  # type: ignore[arg-type]


# --- the back-cast ------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def forecasts() -> tuple[BackCast, ...]:
    """Two areas of the England scenario, whose truth is known: four years fitted, one forecast."""
    england = simulate(Scenario.load("england"), seed=3)
    casts = []
    for borough in ("newcastle", "sheffield"):
        question = LocalRatesQuestion(borough=borough, backcast=True, replicates=20)
        about = question.about(
            episodes_of(england, borough=borough), dt.date(2017, 1, 1), dt.date(2022, 1, 1)
        )
        casts.append(answer(about, executor=None).cast)
    assert casts[0].fitted == (dt.date(2017, 1, 1), dt.date(2021, 1, 1))
    return tuple(casts)


@pytest.fixture(scope="module")
def forecast(forecasts: tuple[BackCast, ...]) -> BackCast:
    return forecasts[0]


def test_a_back_cast_of_a_model_run_holds_the_months_that_followed(forecasts: tuple[BackCast, ...]) -> None:
    for cast in forecasts:
        m = cast.months
        assert m.groupby("quantity")["month"].nunique().tolist() == [12, 12, 12]
        assert (m["low"] <= m["forecast"]).all() and (m["forecast"] <= m["high"]).all()
        stock = m[m["quantity"] == "in_care"]
        assert stock["forecast"].to_numpy() == pytest.approx(stock["observed"].to_numpy(), rel=0.25)
        # narrow enough to be wrong about something: half the children, or twice as many, are outside
        assert (stock["low"] > 0.6 * stock["forecast"]).all() and (
            stock["high"] < 1.6 * stock["forecast"]
        ).all()
    # of 72 months, of which those of one area's children in care hold or fail together
    assert np.mean([cast.months["inside"].mean() for cast in forecasts]) >= 0.8


def test_a_back_cast_shows_no_small_count(forecast: BackCast) -> None:
    entries = forecast.months[forecast.months["quantity"] == "entries"]
    assert (entries["observed"].dropna() >= 5).all()
    assert entries["inside"].isna().equals(entries["observed"].isna())
    assert entries["observed"].isna().sum() != 1  # else the year's total would tell it


def test_shares_that_rounding_leaves_nothing_of_are_none() -> None:
    """Shares that are written with six digits may come to a millionth more than one: none is less than nil for it."""
    shares = mix(("a", "b", "c", "d"), np.array([0.0, 0.1234565, 0.4382715, 0.438272]))
    assert min(shares.values()) == 0.0
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-12)
    assert mix(("a", "b"), np.array([1.0, -0.2])) == {"a": 1.0, "b": 0.0}
