"""The same child has the same random numbers in every scenario: a change reaches those it touches, and nobody else."""

from __future__ import annotations

import numpy as np
import pytest
from small_worlds import (
    BOROUGH,
    TEAM,
    after,
    always,
    days,
    even,
    exponential,
    plain_world,
    run,
)

from best_sim.engine import stream
from best_sim.pathway import words as W
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.pathway.scores import SCORES
from best_sim.scenario import Duration, Scenario

AT_ENTRY = (
    "stream", "number", "known_at", "comes_in", "issue_at", "route", "reaches_court", "n_children", "n_groups",
    "youngest_days", "older_sibling", "kin_available", "need",
)  # fmt: skip
OF_CHILD = ("stream", "number", "age_at_entry", "male", "frailty")


def fixed(family, row, name):
    """A field that is fixed when a family becomes known, of the family or of a child.

    One that comes in during proceedings waits for a hearing, and an infant born on the day of issue is older by that.
    """
    waits = family["route"] == W.DURING_PROCEEDINGS
    if name == "comes_in":
        name = "removal_due" if waits else "entered"
    if waits and name in ("youngest_days", "age_at_entry"):
        return None
    return row[name].item()


def who(journeys, borough=None):
    """Families by the address of their numbers, with all that is fixed at entry, and the same of their children."""
    f = journeys.tables["families"]
    keep = f["n_children"] > 0
    if borough is not None:
        keep &= f["borough"] == journeys.names["boroughs"].index(borough)
    c = journeys.tables["children"].reshape(-1, LARGEST_FAMILY)[keep]
    families = {
        (int(row["stream"]), int(row["number"])): tuple(fixed(row, row, name) for name in AT_ENTRY)
        for row in f[keep]
    }
    children = {
        (int(child["stream"]), int(child["number"])): tuple(fixed(row, child, name) for name in OF_CHILD)
        for row, family in zip(f[keep], c, strict=True)
        for child in family
        if child["index"] >= 0
    }
    return families, children


def histories(journeys, borough):
    """All events of one borough's families by address, and with numbers that do not depend on others."""
    f = journeys.tables["families"]
    mine = f["borough"] == journeys.names["boroughs"].index(borough)
    n = len(f)
    r = journeys.record
    subject = r["subject"].astype(np.int64)
    kind = np.array([event.subject for event in W.EVENTS], object)[r["event"]]
    family = np.where(kind == "family", subject, -1)
    family = np.where(kind == "group", subject // LARGEST_FAMILY, family)
    case = kind == "case"
    family = np.where(case, np.where(subject < n, subject, (subject - n) // LARGEST_FAMILY), family)
    keep = (family >= 0) & mine[family]
    number = f["number"][family]
    within = np.where(kind == "group", subject % LARGEST_FAMILY, 0)
    within = np.where(case & (subject >= n), 10 + (subject - n) % LARGEST_FAMILY, within)
    return np.rec.fromarrays(
        [r["time"][keep], r["event"][keep], number[keep], within[keep], r["value"][keep]]
    ).tobytes()


@pytest.fixture(scope="module")
def endless(trial):
    """The trial without an end to recruitment: else one borough's pace would end the other's.

    The share of infants is the same in all years: a family that comes sooner may be younger where it is not.
    """
    return trial.replace(
        {"trial.stops_at_target": False, "population.under_one_share_of_youngest": always(0.68)}
    )


@pytest.fixture(scope="module")
def before(endless):
    return run(endless, seed=4)


def test_a_change_of_lift_in_london_leaves_glasgow_as_it_is(endless, before):
    changed = run(endless.replace({"lift.teams.london.families_per_clinician": 1.5}), seed=4)
    assert who(before) == who(changed), "arrivals, ages and all that is fixed at entry"
    assert histories(before, "glasgow") == histories(changed, "glasgow")
    assert histories(before, "croydon") != histories(changed, "croydon")
    waiting, less = (
        j.resources.set_index("resource").filter(like="lift.london", axis=0)["mean_waiting"].sum()
        for j in (changed, before)
    )
    assert waiting > 2.0 * less > 0.0


def test_a_change_of_lift_leaves_everyone_else_as_they_are_where_nothing_is_shared(endless):
    """With courts that never fill and no limited assessors, only families allocated to LIFT can differ."""
    roomy = endless.replace(
        {
            **{f"courts.{court}.sitting_days_per_week": always(5000) for court in endless.courts},
            **{f"courts.{court}.other_cases": always(0) for court in endless.courts},
            "trial.allocation.method": "simple",
            "sites.london.other_exclusion": 0.0,  # so that London has many families
            "sites.london.consent": 1.0,
        }
    )
    one = run(roomy, seed=6)
    other = run(roomy.replace({"lift.teams.london.families_per_clinician": 0.5}), seed=6)
    f = one.tables["families"]
    differ = {"families": set(), "groups": set(), "children": set()}
    for name in differ:
        a, b = one.tables[name], other.tables[name]
        rows = np.array([x.tobytes() != y.tobytes() for x, y in zip(a, b, strict=True)])
        index = np.flatnonzero(rows)
        differ[name] = set((index if name == "families" else index // LARGEST_FAMILY).tolist())
    touched = set().union(*differ.values())
    # of some hundred families two fifths are served by LIFT in neither: the legal context, or their own choice
    assert len(touched) > 35
    assert (f["arm"][sorted(touched)] == W.LIFT).all()
    assert (f["site"][sorted(touched)] == one.names["sites"].index("london")).all()


def test_a_borough_more_changes_no_other_boroughs_families(trial, trial_run, tmp_path):
    source = 'status = "assumption", source = "for a test"'
    text = f"""
        extends = "trial-as-run"
        [boroughs.aldgate]
        title = {{ value = "Aldgate", unit = "text", {source} }}
        site = {{ value = "london", unit = "text", {source} }}
        court = {{ value = "east_london", unit = "text", {source} }}
        lift_team = {{ value = "london", unit = "text", {source} }}
        opens = {{ value = 2018-01-01, unit = "date", {source} }}
        entries = {{ value = [ {{ from = 2010-01-01, value = 60 }} ], unit = "children per year", {source} }}
        rate_variation = {{ value = 0.2, unit = "ratio", {source} }}
    """
    (tmp_path / "more.toml").write_text(
        "\n".join(line.strip() for line in text.splitlines()), encoding="utf-8"
    )
    more = run(Scenario.load(tmp_path / "more.toml"))
    assert len(more.names["boroughs"]) == len(trial.boroughs) + 1
    for borough in trial.boroughs:
        assert who(trial_run, borough) == who(more, borough), borough


def test_a_borough_that_grows_has_the_same_families_sooner(endless, before):
    """More entries are the same random numbers at a faster pace: the n-th family is who it was, and comes no later."""
    grown = run(endless.replace({"boroughs.croydon.entries": always(200)}), seed=4)
    for borough in ("glasgow", "sutton"):
        assert who(before, borough) == who(grown, borough)
    (old, children), (new, more) = who(before, "croydon"), who(grown, "croydon")
    assert set(old) < set(new)
    at = AT_ENTRY.index("known_at")
    timeless = [i for i, name in enumerate(AT_ENTRY) if name not in ("known_at", "comes_in", "issue_at")]
    assert all(new[key][at] <= old[key][at] for key in old)
    assert all([new[key][i] for i in timeless] == [old[key][i] for i in timeless] for key in old)
    assert all(more[key] == children[key] for key in children)


@pytest.mark.parametrize(
    ("change", "same", "other"),
    [
        # one more thing that is drawn, and what it must not touch
        ({"population.frailty_sd": 0.0}, ("age_at_entry", "male", "sdq", "pirgas"), ("frailty",)),
        ({"trial.found_ineligible": 0.5}, ("age_at_entry", "male", "frailty"), ("sdq",)),
        (
            {"outcomes.utility.sd": 0.2},
            ("age_at_entry", "frailty", "sdq", "pirgas", "moves_then"),
            ("utility",),
        ),
        ({"outcomes.pirgas.sibling_correlation": 0.0}, ("age_at_entry", "sdq", "moves_then"), ("pirgas",)),
        ({"population.male_share": 0.9}, ("age_at_entry", "frailty", "sdq", "pirgas", "utility"), ("male",)),
    ],
    ids=lambda part: next(iter(part)) if isinstance(part, dict) else None,
)
def test_one_parameter_more_changes_nothing_else(change, same, other):
    # a world in which children move by the plan alone, so that what is drawn for one thing can be seen to stay there
    world = plain_world(
        {
            "population.frailty_sd": 0.6,
            "simulation.end_date": after(1600),
            f"{BOROUGH}.entries": always(300),
            "population.children_per_family": {"one": 0.5, "two": 0.3, "three": 0.2},
        }
    )
    one, two = run(world), run(world.replace(change))

    def of(journeys, name):
        return (journeys.scores[name] if name in SCORES else journeys.tables["children"][name]).tobytes()

    for name in same:
        assert of(one, name) == of(two, name), name
    for name in other:
        assert of(one, name) != of(two, name), name


def test_a_longer_mean_is_a_longer_time_for_the_same_child():
    lengths = {}
    for mean in (40.0, 60.0):
        world = plain_world(
            {
                "simulation.end_date": after(900),
                f"{TEAM}.assessment": Duration.of("lognormal", mean=mean, cv=0.5),
                f"{BOROUGH}.entries": [{"from": after(0), "value": 300}, {"from": after(365), "value": 0}],
            }
        )
        f = run(world, arm="LIFT").tables["families"]
        lengths[mean] = f["lift_assessed"] - f["lift_started"]
    assert len(lengths[40.0]) > 200
    # with the same coefficient of variation a lognormal time is stretched by the ratio of the means
    assert lengths[60.0] == pytest.approx(1.5 * lengths[40.0])


@pytest.mark.parametrize("kind", [days, exponential, lambda mean: even(0, 2 * mean)])
def test_every_kind_of_duration_is_stretched(kind):
    world = {
        "simulation.end_date": after(700),
        f"{BOROUGH}.entries": [{"from": after(0), "value": 300}, {"from": after(200), "value": 0}],
        "trial.consent_delay": kind(5.0),
    }
    short = run(plain_world(world)).tables["families"]
    long = run(plain_world({**world, "trial.consent_delay": kind(8.0)})).tables["families"]
    assert (short["invited"] == long["invited"]).all()
    took = [f["answered"] - f["invited"] for f in (short, long)]
    assert took[1] == pytest.approx(1.6 * took[0])


def test_the_same_child_in_both_services(trial):
    lift, sau = (run(trial, seed=8, arm=arm) for arm in ("LIFT", "SAU"))
    assert who(lift) == who(sau)
    for journeys, arm in ((lift, W.LIFT), (sau, W.SAU)):
        f = journeys.tables["families"]
        assert (f["arm"][~np.isnan(f["randomised"])] == arm).all()
    # until the first is randomised nothing differs
    first = min(np.nanmin(j.tables["families"]["randomised"]) for j in (lift, sau))
    a, b = (j.record[j.record["time"] < first] for j in (lift, sau))
    assert a.tobytes() == b.tobytes()
    assert np.isnan(sau.tables["families"]["lift_asked"]).all()


def test_luck_has_its_address_and_no_other(trial_run):
    """A borough's stream is a hash of its name; a child's number is its family's and its place in it."""
    f, c = trial_run.tables["families"], trial_run.tables["children"][trial_run.lived]
    names = np.array([stream(f"boroughs.{name}") for name in trial_run.names["boroughs"]])
    assert (f["stream"] == names[f["borough"]]).all()
    address = np.stack([np.append(f["stream"], c["stream"]), np.append(f["number"], c["number"])], axis=1)
    assert len(np.unique(address, axis=0)) == len(address), "two share one address"
