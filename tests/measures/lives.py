"""Journeys made by hand: a few children, each with the stays that a test gives it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from best_sim.engine.model import EVENT, USE
from best_sim.pathway import Journeys
from best_sim.pathway import words as W
from best_sim.pathway.records import LARGEST_FAMILY, TABLES
from best_sim.pathway.scores import OutcomeModel
from best_sim.scenario import Scenario

Stay = tuple[float, int, int]
"""When it began, the type of placement, why it began."""


def journeys_of(
    *lives: list[Stay], end: float = 1000.0, events: list[tuple] = (), **columns: Any
) -> Journeys:
    """Journeys in which family i has one child with the i-th life; further events and family columns as given.

    `events` are (time, event, subject, value); `columns` are of the table of families, a value for each.
    """
    n = len(lives)
    tables = {
        name: np.zeros(0, TABLES[name]) for name in ("families", "children", "groups", "cases", "others")
    }
    f = tables["families"] = np.zeros(n, TABLES["families"])
    f["index"] = np.arange(n)
    f["n_children"] = f["n_groups"] = 1
    for name in ("ineligible", "settled", "lift_asked", "lift_started", "lift_freed", "treatment_started"):
        f[name] = np.nan
    f["entered"] = [life[0][0] if life else 0.0 for life in lives]
    c = tables["children"] = np.zeros(n * LARGEST_FAMILY, TABLES["children"])
    g = tables["groups"] = np.zeros(n * LARGEST_FAMILY, TABLES["groups"])
    c["index"] = g["index"] = -1
    g["permanent_at"] = np.nan
    only = np.arange(n) * LARGEST_FAMILY
    c["index"][only] = c["group"][only] = g["index"][only] = only
    c["family"][only] = g["family"][only] = np.arange(n)
    cases = tables["cases"] = np.zeros(n * (1 + LARGEST_FAMILY), TABLES["cases"])
    cases["family"][:n] = np.arange(n)
    cases["family"][n:] = np.repeat(np.arange(n), LARGEST_FAMILY)
    permanent = columns.pop("permanent_at", None)
    if permanent is not None:
        g["permanent_at"][only] = permanent
    for name, values in columns.items():
        f[name] = values
    rows = [
        (time, W.PLACED[why], i * LARGEST_FAMILY, float(place))
        for i, life in enumerate(lives)
        for time, place, why in life
    ]
    record = np.asarray([*rows, *events], EVENT)
    return Journeys(
        event_record=record[np.argsort(record["time"], kind="stable")],
        tables=tables,
        use=np.zeros(0, USE),
        names={
            "boroughs": ("here",), "sites": ("site",), "courts": ("court", "other court"), "teams": ("team",),
            "resources": (),
        },
        start_date=dt.date(2018, 1, 1),
        start=-500.0,
        end=end,
        seed=0,
        replicate=0,
        n_steps=0,
        outcomes=OutcomeModel.of(Scenario.load("london-2017")),
    )  # fmt: skip
