"""How near a default run comes to the published figures: `best-sim validate`.

Every figure of the evidence is here with what it says, where it stands, and whether it set a parameter (`set`) or was
left to check the model (`check`). A figure that the model does not come near is said to be so, with the reason.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

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
from best_sim.pathway.lowering import lower

if TYPE_CHECKING:
    from best_sim.scenario import Scenario

MONTH = 365.25 / 12
YEAR = 365.25
RECRUITMENT_ENDED = dt.date(2021, 7, 31)
"""Published end of recruitment (Trials 2022;23:122, table of stages)."""


@dataclass(frozen=True)
class Published:
    """One published figure.

    Attributes
    ----------
    key : str
        Name of the figure among those that `figures_of` computes.
    text : str
        What it is, in words.
    value : float
        As published.
    unit : str
    role : {"set", "check"}
        Whether a parameter was chosen to meet it, or it was left to check the model.
    near : float
        How far the simulated mean may lie and still be called near: a share of the published value.
    source : str
    why_not : str
        Where the model is not near: why.
    """

    key: str
    text: str
    value: float
    unit: str
    role: Literal["set", "check"]
    near: float
    source: str
    why_not: str = ""


_TRIAL = "Crawford et al., Nature Medicine 2025;31:1617-25"
_DFE = "DfE, Children looked after in England including adoptions"
_COURT = "Ministry of Justice, Family Court Statistics Quarterly"
_GUIDANCE = "President of the Family Division, case management guidance, 2022"
_PREPRINT = "Crawford et al., preprint rs-4872730"
_PIRGAS = "220 BeST? children, preprint rs-6828302"
_COSTS = "Deidda et al., J Public Health 2025;47:478-86"

FIGURES = (
    Published("weeks_2017", "Proceedings decided in 2017, mean", 28.2, "weeks", "set", 0.07, _COURT),
    Published("weeks_2018", "Proceedings decided in 2018, mean", 30.0, "weeks", "set", 0.07, _COURT),
    Published("weeks_2019", "Proceedings decided in 2019, mean", 33.0, "weeks", "set", 0.07, _COURT),
    Published("weeks_2020", "Proceedings decided in 2020, mean", 39.0, "weeks", "set", 0.07, _COURT),
    Published("weeks_2021", "Proceedings decided in 2021, mean", 45.0, "weeks", "set", 0.07, _COURT),
    Published("within_26_2017", "Decided in 2017 within 26 weeks", 0.57, "share", "check", 0.15, _COURT),
    Published("within_26_2018", "Decided in 2018 within 26 weeks", 0.497, "share", "set", 0.10, _COURT),
    Published("hearings_2017", "Hearings per case, 2016/17", 5.2, "hearings", "set", 0.07, _GUIDANCE),
    Published("hearings_2019", "Hearings per case, 2019/20", 5.8, "hearings", "check", 0.07, _GUIDANCE,
              "adjournment probabilities are constant, set to 2016/17, and congestion alone adds no hearings"),
    Published("moves", "Moves per child-year in care", 0.54, "per year", "set", 0.10, _DFE + " (2021, derived)"),
    Published("three_in_year_to_march", "Three or more placements in a year, in care on 31 March", 0.105, "share",
              "check", 0.25, _DFE, "published for all ages; under-fives stay in care for months rather than years, so "
              "fewer of them are exposed for a whole year, and the rate of moves was set to the mean of all ages"),
    Published("ended_month", "Ended foster placements that lasted under a month", 0.261, "share", "set", 0.12,
              _DFE + " (2016/17)"),
    Published("ended_half_year", "Ended foster placements that lasted under six months", 0.563, "share", "set", 0.12,
              _DFE + " (2016/17)"),
    Published("ended_year", "Ended foster placements that lasted under a year", 0.745, "share", "check", 0.12,
              _DFE + " (2016/17)"),
    Published("entry_to_decision", "Adoption, under one at entry: entry to decision", 6.0, "months", "check", 0.25,
              _DFE + " (adopted in 2021)"),
    Published("decision_to_match", "Adoption, under one at entry: decision to match", 7.0, "months", "set", 0.15,
              _DFE + " (adopted in 2021)"),
    Published("match_to_placed", "Adoption, under one at entry: match to placed", 1.0, "months", "set", 0.10,
              _DFE + " (adopted in 2021)"),
    Published("placed_to_order", "Adoption, under one at entry: placed to order", 9.0, "months", "set", 0.10,
              _DFE + " (adopted in 2021)"),
    Published("home_and_back", "Home, then back in care within a year", 0.20, "share", "set", 0.10,
              "Goldacre et al., Br J Soc Work 2022"),
    Published("families", "Families randomised by 31 July 2021", 382, "families", "set", 0.05, _TRIAL),
    Published("children", "Children in those families", 488, "children", "check", 0.05, _TRIAL),
    Published("months", "Months from January 2012 to the 382nd family, where reached", 115, "months", "check", 0.05,
              _TRIAL),
    Published("lift_share", "Share allocated to LIFT", 0.5, "share", "set", 0.03, _TRIAL),
    Published("ineligible", "Found ineligible later", 0.058, "share", "set", 0.10, _PREPRINT),
    Published("seen", "Eligible families seen at 2.5 years", 0.794, "share", "set", 0.03, _TRIAL),
    Published("received", "Families that got the service allocated", 0.664, "share", "set", 0.05, _PREPRINT),
    Published("sdq_sau", "SDQ at 2.5 years, SAU, mean", 11.1, "points", "set", 0.05, _TRIAL),
    Published("sdq_sau_sd", "SDQ at 2.5 years, SAU, SD", 7.2, "points", "set", 0.05, _TRIAL),
    Published("sdq_lift", "SDQ at 2.5 years, LIFT, mean", 11.5, "points", "check", 0.05, _TRIAL),
    Published("sdq_lift_sd", "SDQ at 2.5 years, LIFT, SD", 7.6, "points", "check", 0.07, _TRIAL),
    Published("sdq_difference", "SDQ at 2.5 years, LIFT - SAU", 1.4, "points", "check", 0.0, _TRIAL,
              "the default is no direct effect; the published +1.4 (95 % CI -0.63 to 3.53) includes zero"),
    Published("pirgas_first", "PIR-GAS at baseline, mean", 66.1, "points", "set", 0.03, _PIRGAS),
    Published("pirgas_first_sd", "PIR-GAS at baseline, SD", 17.1, "points", "set", 0.05, _PIRGAS),
    Published("pirgas_third", "PIR-GAS at 2.5 years, mean", 79.7, "points", "set", 0.03, _PIRGAS),
    Published("pirgas_third_sd", "PIR-GAS at 2.5 years, SD", 16.5, "points", "set", 0.05, _PIRGAS),
    Published("cost_lift", "Cost of the service per child, LIFT", 10002, "GBP", "set", 0.07, _COSTS),
    Published("cost_sau", "Cost of the service per child, SAU", 4336, "GBP", "set", 0.07, _COSTS),
)  # fmt: skip


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
        **_placement_figures(journeys),
        **_adoption_figures(journeys),
        **_trial_figures(journeys),
        **_score_figures(journeys),
        **_cost_figures(journeys, scenario),
    }


def validation_table(
    scenario: Scenario,
    replicates: int = 100,
    seed: int = 2025,
    engine: Literal["auto", "compiled", "simpy"] = "auto",
    progress: Callable[[int], object] | None = None,
) -> pd.DataFrame:
    """Published and simulated figures beside each other.

    Parameters
    ----------
    scenario : Scenario
        The default for the published figures is ``trial-as-run``.
    replicates, seed : int
    engine : str
        As `best_sim.simulate`.
    progress : callable, optional
        Called with the number of replicates done.

    Returns
    -------
    pandas.DataFrame
        One row for each figure: figure, published, unit, simulated (mean over replicates), mcse (its Monte Carlo
        standard error), low and high (5th and 95th centile of replicates), role (set or check), near (yes, no or
        "includes"), source, note.
    """
    lowered = lower(scenario)
    rows = []
    for k in range(replicates):
        rows.append(figures_of(simulate(lowered, seed, k, engine), scenario))
        if progress is not None:
            progress(k + 1)
    got = pd.DataFrame(rows)
    out = []
    for figure in FIGURES:
        values = got[figure.key].dropna()
        mean = float(values.mean()) if len(values) else np.nan
        mcse = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan
        is_near = bool(abs(mean - figure.value) <= figure.near * abs(figure.value))
        out.append(
            {
                "figure": figure.text,
                "published": figure.value,
                "unit": figure.unit,
                "simulated": mean,
                "mcse": mcse,
                "low": float(values.quantile(0.05)) if len(values) else np.nan,
                "high": float(values.quantile(0.95)) if len(values) else np.nan,
                "role": figure.role,
                "near": "yes" if is_near else "no",
                "source": figure.source,
                "note": "" if is_near else figure.why_not,
                "key": figure.key,
            }
        )
    return pd.DataFrame(out)


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


def _placement_figures(j: Journeys) -> dict[str, float]:
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


def _adoption_figures(j: Journeys) -> dict[str, float]:
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


def _trial_figures(j: Journeys) -> dict[str, float]:
    f = j.tables["families"]
    f = f[f["arm"] != W.NOT_ALLOCATED]
    by = (RECRUITMENT_ENDED - j.start_date).days + 1.0
    then = f[f["randomised"] < by]
    order = np.sort(f["randomised"])
    first = (dt.date(2012, 1, 1) - j.start_date).days
    eligible = f[np.isnan(f["ineligible"]) & (f["visit_state"][:, 2] != W.NOT_DUE)]
    settled = f[np.isnan(f["ineligible"]) & (f["receipt"] != W.PENDING)]
    return {
        "families": float(len(then)),
        "children": float(then["n_children"].sum()),
        "months": (order[381] - first) / MONTH if len(order) >= 382 else np.nan,
        "lift_share": _mean(f["arm"] == W.LIFT),
        "ineligible": _mean(~np.isnan(f["ineligible"])),
        "seen": _mean(eligible["visit_state"][:, 2] == W.SEEN),
        "received": _mean(settled["receipt"] == W.RECEIVED),
    }


def _score_figures(j: Journeys) -> dict[str, float]:
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


def _cost_figures(j: Journeys, scenario: Scenario) -> dict[str, float]:
    costs = service_costs(j, scenario)
    return {"cost_lift": float(costs["LIFT"]), "cost_sau": float(costs["SAU"])}


def _mean(values: pd.Series | np.ndarray) -> float:
    return float(np.nanmean(np.asarray(values, float))) if len(values) else np.nan
