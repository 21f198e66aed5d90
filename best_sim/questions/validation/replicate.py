"""The figures of one replicate, each as the published one was made."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from best_sim.engine.model import Engine
from best_sim.measures.costs import service_costs
from best_sim.measures.stability import (
    ended_placements,
    move_rates,
    returns_to_care,
    shares_under,
    three_in_year_to_march,
)
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.questions.validation.published import FIGURES
from best_sim.replications import Row
from best_sim.scenario import Scenario
from best_sim.scenario.durations import MONTH, YEAR

if TYPE_CHECKING:
    from best_sim.questions.validation.ask import ValidationQuestion

RECRUITMENT_ENDED = dt.date(2021, 7, 31)
"""Published end of recruitment (Trials 2022;23:122, table of stages)."""


@dataclass(frozen=True)
class ReplicateOfFigures:
    """The row of one replicate: every published figure, as it comes out of it.

    Parameters
    ----------
    lowered : Lowered
    scenario : Scenario
        The same, for unit costs.
    seed : int
    engine : {"compiled", "simpy"}
    """

    lowered: Lowered
    scenario: Scenario
    seed: int
    engine: Engine

    @classmethod
    def of(cls, question: ValidationQuestion, engine: Engine) -> ReplicateOfFigures:
        """That of a question's scenario."""
        return cls(lower(question.world), question.world, question.seed, engine)

    def __call__(self, number: int) -> list[Row]:
        """The row of the replicate of this number."""
        got = figures_of(simulate(self.lowered, self.seed, number, self.engine), self.scenario)
        return [{"replicate": number, **{one.key: got[one.key] for one in FIGURES}}]


def figures_of(journeys: Journeys, scenario: Scenario) -> dict[str, float]:
    """The figures of one replicate, by the keys of `FIGURES`; NaN where a replicate has nobody to count.

    Parameters
    ----------
    journeys : Journeys
        One replicate of `scenario`.
    scenario : Scenario
        For unit costs.

    Returns
    -------
    dict of str to float
    """
    return {
        **_court_figures(journeys),
        **placement_figures(journeys),
        **adoption_figures(journeys),
        **trial_figures(journeys),
        **score_figures(journeys),
        **cost_figures(journeys, scenario),
    }


def _court_figures(j: Journeys) -> dict[str, float]:
    """English courts, proceedings not served by LIFT: the national figures hold few LIFT cases, or none."""
    p = j.proceedings
    english = p[
        (p["court"] != "glasgow")
        & (p["arm"] != "LIFT")
        & p["decided_days"].notna()
        & (p["decided_days"] >= 0)
    ]
    year = pd.to_datetime(j.start_date) + pd.to_timedelta(english["decided_days"], unit="D")
    out: dict[str, float] = {}
    for y in (2017, 2018, 2019, 2020, 2021):
        cases = english[year.dt.year == y]
        out[f"weeks_{y}"] = _mean(cases["weeks"])
        out[f"within_26_{y}"] = _mean(cases["weeks"] <= 26)
        out[f"hearings_{y}"] = _mean(cases["hearings"])
    return out


def placement_figures(j: Journeys) -> dict[str, float]:
    """Moves, placements that ended, and returns to care."""
    years = three_in_year_to_march(j)
    under_month, under_half, under_year = shares_under(ended_placements(j)["days"])
    return {
        "moves": float(move_rates(j)["rate"].iloc[0]),
        "three_in_year_to_march": float(years["with_three"].sum() / years["children"].sum())
        if len(years)
        else np.nan,
        "ended_month": under_month,
        "ended_half_year": under_half,
        "ended_year": under_year,
        "home_and_back": _mean(returns_to_care(j)["back"]),
    }


def adoption_figures(j: Journeys) -> dict[str, float]:
    """Children under one at entry, first episode, English courts, adopted in the year to March 2021.

    The agency's decision is not an event of the model; it is taken to follow four weeks after the final evidence.
    """
    p = j.placements
    placed = p[(p["type"] == "placed_for_adoption") & (p["ended_by"] == "same_carer")]
    c = j.children.set_index("child").loc[placed["child"]]
    first = (c["entry_age_days"].to_numpy() < YEAR) & (c["re_entries"].to_numpy() == 0)
    first &= (c["site"] != "glasgow").to_numpy()
    adopted = placed["end_days"].to_numpy()
    since, until = ((dt.date(y, 4, 1) - j.start_date).days for y in (2020, 2021))
    use = first & (adopted >= since) & (adopted < until)
    decision = j.tables["cases"]["evidence_in"][c["family"].to_numpy()[use]] + 28.0
    began, entered = placed["start_days"].to_numpy()[use], c["entered_days"].to_numpy()[use]
    matched = _match_times(j, placed["group"].to_numpy()[use], began)
    return {
        "entry_to_decision": _mean((decision - entered) / MONTH),
        "decision_to_match": _mean((matched - decision) / MONTH),
        "match_to_placed": _mean((began - matched) / MONTH),
        "placed_to_order": _mean((adopted[use] - began) / MONTH),
    }


def _match_times(j: Journeys, groups: np.ndarray, placed: np.ndarray) -> np.ndarray:
    """When each group was matched: its last plan to place for adoption before it was placed."""
    r = j.record
    plans = r[(r["event"] == W.PLAN_MADE) & (r["value"] == W.ADOPTION_PLACEMENT)]
    by_group = (
        pd.DataFrame({"group": plans["subject"], "at": plans["time"]})
        .groupby("group")["at"]
        .apply(np.asarray)
    )
    return np.asarray([by_group[g][by_group[g] <= at].max() for g, at in zip(groups, placed, strict=True)])


def trial_figures(j: Journeys) -> dict[str, float]:
    """Recruitment, allocation, eligibility, receipt, and who is seen at 2.5 years."""
    f = j.tables["families"]
    f = f[f["arm"] != W.NOT_ALLOCATED]
    by = (RECRUITMENT_ENDED - j.start_date).days + 1.0
    then = f[f["randomised"] < by]
    order = np.sort(f["randomised"])
    first = (dt.date(2012, 1, 1) - j.start_date).days
    eligible = f[np.isnan(f["ineligible"]) & (f["visit_state"][:, 2] != W.NOT_DUE)]
    settled = f[np.isnan(f["ineligible"]) & (f["receipt"] != W.PENDING)]
    return {
        "families": float(len(then)) if len(f) else np.nan,
        "children": float(then["n_children"].sum()) if len(f) else np.nan,
        "months": (order[381] - first) / MONTH if len(order) >= 382 else np.nan,
        "lift_share": _mean(f["arm"] == W.LIFT),
        "ineligible": _mean(~np.isnan(f["ineligible"])),
        "seen": _mean(eligible["visit_state"][:, 2] == W.SEEN),
        "received": _mean(settled["receipt"] == W.RECEIVED),
    }


def score_figures(j: Journeys) -> dict[str, float]:
    """Means and standard deviations of SDQ and PIR-GAS among those seen."""
    v = j.visits[j.visits["seen"]]
    first, third = v[v["visit"] == 1], v[v["visit"] == 3]
    sau, lift = (third.loc[third["arm"] == arm, "sdq"] for arm in ("SAU", "LIFT"))
    return {
        "sdq_sau": _mean(sau),
        "sdq_sau_sd": float(sau.std()),
        "sdq_lift": _mean(lift),
        "sdq_lift_sd": float(lift.std()),
        "sdq_difference": _mean(lift) - _mean(sau),
        "pirgas_first": _mean(first["pirgas"]),
        "pirgas_first_sd": float(first["pirgas"].std()),
        "pirgas_third": _mean(third["pirgas"]),
        "pirgas_third_sd": float(third["pirgas"].std()),
    }


def cost_figures(j: Journeys, scenario: Scenario) -> dict[str, float]:
    """Mean cost of the service per child, by arm."""
    costs = service_costs(j, scenario)
    return {"cost_lift": float(costs["LIFT"]), "cost_sau": float(costs["SAU"])}


def _mean(values: pd.Series | np.ndarray) -> float:
    return float(np.nanmean(np.asarray(values, float))) if len(values) else np.nan
