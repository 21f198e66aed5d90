"""What a forecast of recruitment rests on: plans, what was seen of them, and theory."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from best_sim.scenario import Scenario
from best_sim.trial.recruitment import (
    BetaShare,
    BoroughChecks,
    BoroughPlan,
    DriftTest,
    RecruitmentForecast,
    RecruitmentRates,
    borough_plans,
    check_boroughs,
    drift_test,
    expected_by_screening,
    forecast_before,
    forecast_during,
    forecast_with_consent,
    recruitment_rates,
)

if TYPE_CHECKING:
    from best_sim.questions.recruitment.ask import RecruitmentQuestion


@dataclass(frozen=True)
class SeenSoFar:
    """What was learnt from what has been seen of a trial.

    Attributes
    ----------
    cut_off : datetime.date
        First day of which nothing is known.
    table : pandas.DataFrame
        What was seen: date, borough, screened, eligible, consented, randomised.
    checks : BoroughChecks
        Whether boroughs keep to their plans.
    drift : DriftTest
        Whether rates change over time.
    rates : RecruitmentRates or None
        Families a month: required, so far and of late; None without a date.
    consent : pandas.DataFrame
        One row for each site: site, prior (mean), prior_worth (families), eligible, consented, posterior (mean), low,
        high (90 %).
    plug_in : RecruitmentForecast
        With rates set to their estimates, as if they were known.
    """

    cut_off: dt.date
    table: pd.DataFrame
    checks: BoroughChecks
    drift: DriftTest
    rates: RecruitmentRates | None
    consent: pd.DataFrame
    plug_in: RecruitmentForecast


@dataclass(frozen=True)
class Basis:
    """Plans, what was seen of them, and the forecast by theory.

    Attributes
    ----------
    plans : tuple of BoroughPlan
    closed : RecruitmentForecast
    recruited : mapping of str to int
        Families randomised before the cut-off, by borough; empty before the trial begins.
    seen : SeenSoFar or None
        None before the trial begins.
    retention : BetaShare
        What is believed of the share of families that are seen at the last visit.
    """

    plans: tuple[BoroughPlan, ...]
    closed: RecruitmentForecast
    recruited: Mapping[str, int]
    seen: SeenSoFar | None
    retention: BetaShare

    @classmethod
    def of(cls, question: RecruitmentQuestion, table: pd.DataFrame | None = None) -> Basis:
        """For a question.

        Parameters
        ----------
        question : RecruitmentQuestion
        table : pandas.DataFrame, optional
            What was seen, where it is not the question's file.
        """
        scenario, cut_off = question.at_target, question.cut_off
        plans, ends = borough_plans(scenario), scenario.simulation.end_date
        if table is None and question.seen_so_far is not None:
            table, cut_off = question.seen_so_far.table, question.seen_so_far.cut_off
        if table is None or cut_off is None:
            return cls(plans, forecast_before(plans, ends), {}, None, _retention(scenario, 0, 0, 20.0))
        worth = question.consent_worth
        plans = _begun(plans, table)
        counts = _counts(table, [plan.name for plan in plans])
        recruited = counts("randomised", cut_off)
        answered = cut_off - dt.timedelta(days=question.answered_within)
        asked = [answered] if table["date"].min().date() < answered else [cut_off]
        eligible, consented = counts("eligible", asked[0]), counts("consented", asked[0])
        priors = {
            site: BetaShare.worth(scenario.sites[site].consent, worth)
            for site in dict.fromkeys(plan.site for plan in plans)
            if 0.0 < scenario.sites[site].consent < 1.0
        }
        closed = forecast_with_consent(plans, eligible, consented, recruited, cut_off, ends, priors, asked[0])
        seen = SeenSoFar(
            cut_off=cut_off,
            table=table,
            checks=check_boroughs(plans, recruited, cut_off),
            drift=_drift(plans, table, cut_off),
            rates=_rates(plans, table, cut_off, question.families, question.by),
            consent=_consent_table(plans, priors, closed, eligible, consented, worth),
            plug_in=forecast_during(plans, recruited, cut_off, ends, "plug-in"),
        )
        return cls(plans, closed, recruited, seen, _retention(scenario, question.seen, question.due, worth))


def _begun(plans: Sequence[BoroughPlan], table: pd.DataFrame) -> tuple[BoroughPlan, ...]:
    """Plans that begin with the file: nothing is known of what came before."""
    first = table["date"].min().date()
    return tuple(replace(plan, opens=max(plan.opens, first)) for plan in plans)


def _counts(table: pd.DataFrame, names: Sequence[str]) -> Callable[[str, dt.date], dict[str, int]]:
    unknown = sorted(set(table["borough"]) - set(names))
    if unknown:
        raise ValueError(f"borough: found {', '.join(unknown)}, allowed {', '.join(names)}")

    def of(column: str, before: dt.date) -> dict[str, int]:
        mine = table[table["date"] < pd.Timestamp(before)]
        return {name: int(mine.loc[mine["borough"] == name, column].sum()) for name in names}

    return of


def _drift(plans: Sequence[BoroughPlan], table: pd.DataFrame, cut_off: dt.date) -> DriftTest:
    """By week of screening, with families who have yet to answer allowed for."""
    first = table["date"].min().date()
    weeks = max(1, (cut_off - first).days // 7)
    edges = [first + dt.timedelta(weeks=k) for k in range(weeks + 1)]
    week = np.array([(day.date() - first).days // 7 for day in table["date"]])
    counts = np.zeros((weeks, len(plans)), np.int64)
    expected = np.zeros((weeks, len(plans)))
    for i, plan in enumerate(plans):
        mine = (table["borough"] == plan.name).to_numpy() & (week < weeks)
        np.add.at(counts[:, i], week[mine], table["randomised"].to_numpy()[mine])
        expected[:, i] = expected_by_screening(plan, edges, "randomised", cut_off)
    counts = np.where(expected > 0.0, counts, 0)
    return drift_test(counts, expected)


def _rates(
    plans: Sequence[BoroughPlan], table: pd.DataFrame, cut_off: dt.date, target: int, by: dt.date | None
) -> RecruitmentRates | None:
    if by is None:
        return None
    dates = [day.date() for day in table["date"]]
    opened = min(plan.opens for plan in plans)
    return recruitment_rates(
        dates, table["randomised"].tolist(), target=target, opened=opened, cut_off=cut_off, by=by
    )


def _consent_table(
    plans: Sequence[BoroughPlan],
    priors: Mapping[str, BetaShare],
    closed: RecruitmentForecast,
    eligible: Mapping[str, int],
    consented: Mapping[str, int],
    worth: float,
) -> pd.DataFrame:
    rows = []
    for site, prior in priors.items():
        here = [plan.name for plan in plans if plan.site == site]
        now = closed.consents[site]
        low, high = now.interval(0.9)
        rows.append(
            {
                "site": site, "prior": prior.mean, "prior_worth": worth, "eligible": sum(eligible[n] for n in here),
                "consented": sum(consented[n] for n in here), "posterior": now.mean, "low": low, "high": high,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _retention(scenario: Scenario, seen: int, due: int, worth: float) -> BetaShare:
    """The share seen at the last visit: a prior at the scenario's for a family in foster care, and what was seen."""
    mean = 1.0 / (1.0 + math.exp(-scenario.visits.retention.third))
    return BetaShare.worth(mean, worth).updated(seen, due)
