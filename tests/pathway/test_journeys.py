"""The tables are the event record told another way; they have units, and come back from files as they were."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_worlds import first_difference, rows, run

from best_sim.pathway import words as W
from best_sim.pathway.journeys import UNITS, Journeys
from best_sim.scenario import Scenario

TABLES = (
    "events", "families", "children", "group_placements", "placements", "proceedings", "hearings", "services",
    "assessments", "visits", "queues",
)  # fmt: skip


@pytest.fixture(scope="module")
def limited(short_trial):
    """A run in which everything happens: few assessors, breakdowns, returns to care."""
    return run(
        short_trial.replace(
            {
                "sau.places.in_house": 12,
                "sau.places.independent_social_worker": 8,
                "placements.breakdown.home_first_year": 0.6,
                "placements.breakdown.issued_again": 1.0,
                "lift.patience": {"value": 60, "unit": "days"},
            }
        )
    )


def test_every_event_name_occurs_and_is_told(limited, short_trial, trial_run):
    """The list of events is closed, and none of it is dead."""
    happened = set(limited.events["event"]) | set(trial_run.events["event"])
    happened |= set(
        run(short_trial.replace({"trial.steps": "consent > baseline > randomisation"})).events["event"]
    )
    happened |= set(run(short_trial.replace({"trial.target_families": 5})).events["event"])
    impatient = short_trial.replace({"proceedings.evidence_patience": {"value": 0, "unit": "days"}})
    happened |= set(run(impatient).events["event"])
    assert {event.name for event in W.EVENTS} - happened == set()


def test_events(limited):
    e = limited.events
    assert len(e) == len(limited.record)
    assert (e["time_days"].to_numpy() == limited.record["time"]).all()
    names = {event.name: event.subject for event in W.EVENTS}
    assert (e["subject"] == e["event"].astype(str).map(names)).all()


def test_families_have_the_times_of_their_events(limited):
    f = limited.families.set_index("family")
    end = limited.end
    for event, column in (
        (W.ENTERED_CARE, "entered_days"),
        (W.RANDOMISED, "randomised_days"),
        (W.FOUND_INELIGIBLE, "ineligible_days"),
        (W.SERVICE_SETTLED, "settled_days"),
    ):
        told = pd.Series(rows(limited, event)["time"], rows(limited, event)["subject"])
        told = told.groupby(level=0).last()
        assert told.reindex(f.index).equals(f[column].where(f[column] <= end).rename(None)), column
    answers = pd.Series(
        rows(limited, W.CONSENT_ANSWERED)["value"], rows(limited, W.CONSENT_ANSWERED)["subject"]
    )
    answers = answers.groupby(level=0).last()
    assert (f["consent"].cat.codes.reindex(answers.index) == answers).all()


def test_children_have_the_orders_and_moves_of_their_groups(limited):
    c = limited.children
    order = rows(limited, W.ORDER_MADE)
    last = pd.Series(order["value"].astype(int), order["subject"]).groupby(level=0).last()
    # an order belongs to an episode: a child that came back into care since then has none yet
    again = c["re_entries"] > 0
    told = last.reindex(c["group"]).fillna(0).astype(int).to_numpy()
    assert (c["order"].cat.codes[~again] == told[~again]).all()
    assert (c["order"] != "none_yet").sum() > 100
    placements = limited.placements
    now = placements[placements["end_days"].isna()].set_index("child")["type"].astype(str)
    entered = c["entered_days"].notna()
    assert (now.reindex(c["child"][entered]).to_numpy() == c["lives"][entered].astype(str).to_numpy()).all()
    assert again.sum() > 20


def test_placements_are_each_childs_share_of_its_groups(limited):
    size = limited.children.groupby("group").size()
    group = limited.group_placements
    expected = size.reindex(group["group"]).sum()
    assert len(limited.placements) == expected
    assert limited.placements.groupby("child")["number"].apply(lambda n: (np.diff(n) == 1).all()).all()


def test_proceedings_and_hearings_are_counted_alike(limited):
    p, h = limited.proceedings, limited.hearings
    assert len(p) == len(rows(limited, W.PROCEEDINGS_ISSUED))
    assert p["decided_days"].notna().sum() == len(rows(limited, W.CASE_DECIDED))
    # the second proceedings of a case that comes to court again are told from its third
    assert not p.duplicated(["case", "again"]).any()
    assert p.duplicated("case").sum() > 0
    held = h.dropna(subset=["held_days"]).groupby(["case", "again"]).size()
    told = p.dropna(subset=["hearings"]).set_index(["case", "again"])["hearings"]
    assert (held.reindex(told.index) == told).all()
    assert p["weeks"].dropna().to_numpy() == pytest.approx(
        ((p["decided_days"] - p["issued_days"]) / 7).dropna().to_numpy()
    )
    assert (p["again"] > 0).sum() > 20
    assert (p.loc[p["again"] > 0, "arm"] == "not allocated").all()


def test_visits_are_one_a_child_and_visit(limited):
    v = limited.visits
    assert not v.duplicated(["child", "visit"]).any()
    visit = rows(limited, W.VISIT_DUE)
    size = limited.families.set_index("family")["n_children"]
    assert len(v) == size.reindex(visit["subject"]).sum()
    assert v["seen"].sum() == size.reindex(rows(limited, W.VISIT_MADE)["subject"]).sum()
    assert (v["visit_age_days"] >= 0).all()


def test_queues_have_the_driver_s_averages(limited):
    """The step functions of waiting and of places held integrate to what the driver counted by itself."""
    span = limited.end - limited.start
    q = limited.queues
    # of a LIFT team there is one line here, of the families; its professions are in test_queues.py
    pools = limited.resources[limited.resources["resource"].str.startswith("sau.")]
    for row in pools.to_dict("records"):
        mine = q[q["resource"] == row["resource"]]
        spans = np.diff(np.append(mine["time_days"], limited.end))
        assert (mine["waiting"] >= 0).all()
        assert (mine["waiting"] * spans).sum() == pytest.approx(
            row["mean_waiting"] * span, rel=1e-9, abs=1e-6
        )
        assert (mine["places_held"] * spans).sum() == pytest.approx(
            row["mean_in_use"] * span, rel=1e-9, abs=1e-6
        )
        assert row["asked"] >= row["granted"] + row["gave_up"] + row["called_away"]
        assert mine["waiting"].max() <= row["longest_queue"] + 1
    assert len(pools) == 2 and set(q["resource"]) > set(pools["resource"])
    assert limited.resources["mean_waiting"].max() > 1.0


@pytest.mark.parametrize("name", ["london-2017", "glasgow"])
def test_no_more_places_are_held_than_there_are(name):
    """Also of cases that are assessed again, and where a place is given back and taken at one moment."""
    assessors = ("in_house", "independent_social_worker", "external_expert")
    j = run(Scenario.load(name).replace({f"sau.places.{assessor}": 2 for assessor in assessors}))
    for resource, q in j.queues.groupby("resource"):
        assert q["time_days"].is_monotonic_increasing and q["time_days"].is_unique
        assert (q[["waiting", "places_held"]] >= 0).all(axis=None)
        if resource.startswith("sau."):
            assert q["places_held"].max() == 2 and (q.loc[q["waiting"] > 0, "places_held"] == 2).all()


def test_assessments_are_asked_begun_and_in(limited):
    a = limited.assessments
    assert (a["started_days"].dropna() >= a["asked_days"][a["started_days"].notna()]).all()
    both = a["in_days"].notna() & a["started_days"].notna()
    assert (a.loc[both, "in_days"] >= a.loc[both, "started_days"]).all()
    assert a["in_days"].notna().sum() == len(rows(limited, W.EVIDENCE_IN))
    told = rows(limited, W.EVIDENCE_IN)["value"].astype(int)
    counts = a[a["in_days"].notna()].groupby("assessor", observed=True).size()
    for number, name in enumerate(W.ASSESSORS):
        assert counts.get(name, 0) == (told == number).sum(), name


@pytest.mark.parametrize("name", TABLES)
def test_every_column_of_time_has_its_unit(limited, name):
    table = getattr(limited, name)
    units = table.attrs["units"]
    for column in table.columns:
        if column.endswith("_days") or column in ("sdq", "pirgas", "utility", "need", "frailty", "weeks"):
            assert units[column], column
    assert set(units) <= set(table.columns)
    assert len(table) > 0


def test_units_tell_age_from_date(limited):
    units = limited.visits.attrs["units"]
    assert units["visit_days"] == "days since start_date"
    assert units["visit_age_days"] == UNITS["_age_days"] == "days of age"
    assert limited.children.attrs["units"]["entry_age_days"] == "days of age"


def test_saved_and_read_back(limited, tmp_path):
    folder = limited.save(tmp_path / "journeys")
    back = Journeys.read(folder)
    assert first_difference(limited, back) is None
    for name in TABLES:
        one, other = getattr(limited, name), getattr(back, name)
        pd.testing.assert_frame_equal(one, other)
        assert one.attrs["units"] == other.attrs["units"]
    assert (back.names, back.start_date, back.start, back.end) == (
        limited.names, limited.start_date, limited.start, limited.end,
    )  # fmt: skip
    assert back.outcomes == limited.outcomes
    assert (back.seed, back.replicate) == (limited.seed, limited.replicate)
    assert (back.scenario, back.overridden) == (limited.scenario, limited.overridden) and back.overridden
    assert repr(back) == repr(limited)
    pd.testing.assert_frame_equal(
        pd.read_parquet(folder / "placements.parquet"), limited.placements, check_dtype=False
    )


def test_saved_twice_gives_the_same_bytes(limited, tmp_path):
    one, other = limited.save(tmp_path / "one"), limited.save(tmp_path / "other")
    files = sorted(path.name for path in one.iterdir())
    assert len(files) > 12
    for name in files:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_a_folder_without_journeys_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no journeys here"):
        Journeys.read(tmp_path)


def test_dates(limited):
    assert limited.date(0.0) == limited.start_date
    assert limited.date(0.99) == limited.start_date
    assert (limited.date(-0.01) - limited.start_date).days == -1
    assert (limited.date(30.5) - limited.start_date).days == 30
