"""What care, court and services cost: unit costs of the scenario times what the journeys used.

Costs are counted from a child's entry to care to the horizon (30 months by default), in pounds of the year in which
they fall, discounted to the day of entry. The service part is what the published comparison of LIFT and SAU is about:
clinicians' time or parenting assessments, and usual support.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from best_sim.pathway import words as W

if TYPE_CHECKING:
    from best_sim.pathway import Journeys
    from best_sim.scenario import Scenario, Series

MONTH = 365.25 / 12
YEAR = 365.25
_ASSESSMENT = {
    "in_house": "assessment_in_house",
    "independent_social_worker": "assessment_independent",
    "external_expert": "assessment_expert",
    "social_work_statement": "assessment_statement",
}
_BY_PSYCHOLOGIST = ("parent_infant_psychotherapy",)
"""Treatments given by a psychologist; the others by a social worker."""


def child_costs(journeys: Journeys, scenario: Scenario) -> pd.DataFrame:
    """Costs of every randomised child by part.

    Parameters
    ----------
    journeys : Journeys
    scenario : Scenario
        Unit costs, discount rate, horizon and perspective (`scenario.costs`).

    Returns
    -------
    pandas.DataFrame
        One row for each child of an eligible randomised family: child, family, arm, and in GBP: service (clinicians or
        parenting assessments, and usual support), court (hearings), placements (weeks by type and year), total (the
        parts within the perspective). A family's service and court costs are shared between its children.

    Notes
    -----
    Perspectives: ``public sector`` counts all parts; ``local authority`` leaves out the court and LIFT's NHS staff
    (psychologists and psychiatrists); ``service only`` counts the service.
    """
    f = journeys.tables["families"]
    trial = f[(f["arm"] != W.NOT_ALLOCATED) & np.isnan(f["ineligible"])]
    family = pd.DataFrame(
        {
            "family": trial["index"],
            "arm": np.asarray(W.ARMS, object)[trial["arm"]],
            "entered": trial["entered"],
            "n": trial["n_children"],
        }
    ).set_index("family")
    until = np.minimum(family["entered"] + scenario.costs.horizon, journeys.end)
    lift_council, lift_health = _lift_costs(trial, scenario)
    usual = _assessment_costs(journeys, scenario, family, until)
    months = (until - family["entered"]).clip(lower=0) / MONTH
    support = months * scenario.costs.usual_support_month
    court = _court_costs(journeys, scenario, family, until)
    c = journeys.tables["children"][journeys.lived]
    c = c[np.isin(c["family"], family.index)]
    of = c["family"]
    service_council = (lift_council + usual)[of] / family["n"][of] + support[of]
    service_health = lift_health[of] / family["n"][of]
    out = pd.DataFrame(
        {
            "child": c["index"],
            "family": of,
            "arm": family["arm"][of].to_numpy(),
            "service": (service_council + service_health).to_numpy(),
            "court": (court[of] / family["n"][of]).to_numpy(),
            "placements": _placement_costs(journeys, scenario, c, family, until).to_numpy(),
        }
    )
    perspective = scenario.costs.perspective
    if perspective == "service only":
        out["total"] = out["service"]
    elif perspective == "local authority":
        out["total"] = service_council.to_numpy() + out["placements"]
    else:
        out["total"] = out["service"] + out["court"] + out["placements"]
    return out


def service_costs(journeys: Journeys, scenario: Scenario) -> dict[str, float]:
    """Mean service cost per child by arm, GBP; NaN for an arm without children.

    Returns
    -------
    dict
        Keys ``"LIFT"`` and ``"SAU"``; the published figures are 10,002 and 4,336 (Deidda et al. 2025).
    """
    costs = child_costs(journeys, scenario)
    return {arm: float(costs.loc[costs["arm"] == arm, "service"].mean()) for arm in ("LIFT", "SAU")}


def _discounted(amount: np.ndarray, days: np.ndarray, rate: float) -> np.ndarray:
    """Present value at entry of an amount that falls some days after it."""
    return amount / (1.0 + rate) ** (np.maximum(days, 0.0) / YEAR)


def _lift_costs(trial: np.ndarray, scenario: Scenario) -> tuple[pd.Series, pd.Series]:
    """LIFT's cost of each family: what the council's staff and what health staff gave it.

    Assessment hours are shared between professions as the teams are staffed; a broken-off assessment costs half.
    """
    costs, lift = scenario.costs, scenario.lift
    staff = np.array(
        [
            [max(getattr(team, name).values) for name in ("social_workers", "psychologists", "psychiatrists")]
            for team in lift.teams.values()
        ]
    )
    share = (staff / np.maximum(staff.sum(axis=1, keepdims=True), 1e-9))[
        trial["team"]
    ]  # a team may have no staff
    began = ~np.isnan(trial["lift_started"])
    done = np.where(~np.isnan(trial["lift_assessed"]), 1.0, 0.5) * began
    hours = share * (done * costs.lift_assessment_hours)[:, None]
    for k, name in enumerate(W.TREATMENTS):
        given = (trial["treatment"] == k) & ~np.isnan(trial["treatment_started"])
        full = getattr(lift.sessions, name) * getattr(lift.hours_per_session, name)
        # a treatment that ends at the mid-way review has had half its sessions; one still open is counted by half
        part = np.where(given, _share_given(trial), 0.0)
        hours[:, 1 if name in _BY_PSYCHOLOGIST else 0] += part * full
    hours *= 1.0 + costs.lift_overhead
    at = np.where(began, trial["lift_started"] - trial["entered"], 0.0)
    council = _discounted(hours[:, 0] * costs.social_worker_hour, at, costs.discount_rate)
    health = _discounted(
        hours[:, 1] * costs.psychologist_hour + hours[:, 2] * costs.psychiatrist_hour, at, costs.discount_rate
    )
    return pd.Series(council, index=trial["index"]), pd.Series(health, index=trial["index"])


def _share_given(trial: np.ndarray) -> np.ndarray:
    """Share of a full course that was given: all, or half where it was broken off or has not ended."""
    return np.where(np.isnan(trial["treatment_ended"]) | (trial["treatment_full"] == 0), 0.5, 1.0)


def _assessment_costs(j: Journeys, scenario: Scenario, family: pd.DataFrame, until: pd.Series) -> pd.Series:
    """Parenting assessments and statements of all the family's proceedings within the horizon."""
    a = j.assessments
    a = a[(a["assessor"].astype(str) != "lift") & a["in_days"].notna()]
    of = j.tables["cases"]["family"][a["case"].to_numpy(int)]
    use = np.isin(of, family.index)
    a, of = a[use], of[use]
    price = (
        a["assessor"]
        .astype(str)
        .map({k: getattr(scenario.costs, v) for k, v in _ASSESSMENT.items()})
        .to_numpy(float)
    )
    at = a["in_days"].to_numpy() - family.loc[of, "entered"].to_numpy()
    price = np.where(a["in_days"].to_numpy() <= until[of].to_numpy(), price, 0.0)
    return _by_family(of, _discounted(price, at, scenario.costs.discount_rate), family)


def _court_costs(j: Journeys, scenario: Scenario, family: pd.DataFrame, until: pd.Series) -> pd.Series:
    h = j.hearings
    h = h[h["held_days"].notna() & h["family"].isin(family.index)]
    of = h["family"].to_numpy()
    held = h["held_days"].to_numpy()
    price = np.where(held <= until[of].to_numpy(), _at(scenario.costs.hearing, held, j), 0.0)
    at = held - family.loc[of, "entered"].to_numpy()
    return _by_family(of, _discounted(price, at, scenario.costs.discount_rate), family)


def _placement_costs(
    j: Journeys, scenario: Scenario, c: np.ndarray, family: pd.DataFrame, until: pd.Series
) -> pd.Series:
    """Weeks in each placement at the price of each financial year, discounted at the middle of each stay in it."""
    p = j.placements
    p = p[p["child"].isin(c["index"])]
    of = p["family"].to_numpy()
    begin = p["start_days"].to_numpy()
    end = np.minimum(p["end_days"].fillna(j.end).to_numpy(), until[of].to_numpy())
    entered = family.loc[of, "entered"].to_numpy()
    total = np.zeros(len(p))
    kinds = p["type"].astype(str).to_numpy()
    for name in W.PLACEMENT_TYPES:
        series: Series = getattr(scenario.costs, f"{name}_week")
        times, prices = (np.asarray(x) for x in series.lowered(j.start_date))
        edges = np.append(times, np.inf)
        edges[0] = -np.inf
        mine = kinds == name
        for low, high, price in zip(edges[:-1], edges[1:], prices, strict=True):
            since, to = np.maximum(begin[mine], low), np.minimum(end[mine], high)
            weeks = np.maximum(to - since, 0.0) / 7.0
            middle = 0.5 * (since + to) - entered[mine]
            total[mine] += _discounted(
                weeks * price, np.where(weeks > 0, middle, 0.0), scenario.costs.discount_rate
            )
    by_child = pd.Series(total).groupby(p["child"].to_numpy()).sum()
    return by_child.reindex(c["index"]).fillna(0.0)


def _by_family(of: np.ndarray, amount: np.ndarray, family: pd.DataFrame) -> pd.Series:
    return pd.Series(amount).groupby(of).sum().reindex(family.index).fillna(0.0)


def _at(series: Series, days: np.ndarray, j: Journeys) -> np.ndarray:
    times, values = (np.asarray(x) for x in series.lowered(j.start_date))
    return values[np.maximum(np.searchsorted(times, days, side="right") - 1, 0)]
