"""Recruitment forecast: when a target is reached, before a trial begins and with what has been seen of it.

Two forecasts stand beside each other. The closed form (`best_sim.trial.recruitment`) has what
Poisson-gamma theory has: entries, eligibility, consent, openings and pauses. The simulation has the rest of the pathway
too: families who become known before a borough opens, siblings, hearings that are late, orders that come first. Their
difference is what that costs.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from best_sim.engine.model import Engine
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.questions.target_times import TargetTimes
from best_sim.replications import Keep, gather
from best_sim.scenario import Problem, Scenario, ScenarioError
from best_sim.scenario.durations import YEAR
from best_sim.trial.recruitment import (
    BetaShare,
    BoroughChecks,
    BoroughPlan,
    CountDistribution,
    DriftTest,
    GammaRate,
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
    retained,
)

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of every forecast: the ends of the 90 and 50 % intervals, and the median."""
_DRAWS = 3
"""Keeps the numbers that the updating draws apart from those of others with the same seed and replicate."""


@dataclass(frozen=True)
class Simulated(TargetTimes):
    """What the simulation forecasts.

    Attributes
    ----------
    randomised : tuple of numpy.ndarray of float
        Of each replicate, days on which families were randomised, in order; those already seen are not simulated, and
        lie at the cut-off.
    borough : tuple of numpy.ndarray of int
        Their boroughs.
    today : pandas.DataFrame
        One row for each replicate: what a trial looks like on the day of the forecast; empty before it begins.
    """

    randomised: tuple[np.ndarray, ...]
    borough: tuple[np.ndarray, ...]
    today: pd.DataFrame

    def fan(self, dates: Sequence[dt.date]) -> pd.DataFrame:
        """Families by each date: date, mean, lower_90, lower_50, median, upper_50, upper_90."""
        at = np.array([(day - self.since).days for day in dates], float)
        counts = np.stack([np.searchsorted(one, at, side="left") for one in self.randomised])
        q = np.quantile(counts, LEVELS, axis=0)
        names = ("lower_90", "lower_50", "median", "upper_50", "upper_90")
        return pd.DataFrame(
            {"date": list(dates), "mean": counts.mean(axis=0), **dict(zip(names, q, strict=True))}
        )

    def contributions(self, by: dt.date, names: Sequence[str]) -> pd.DataFrame:
        """Families of each borough by a date: borough, expected, mcse, lower_90, upper_90."""
        day = (by - self.since).days
        counts = np.stack(
            [
                np.bincount(of[at < day], minlength=len(names))
                for at, of in zip(self.randomised, self.borough, strict=True)
            ]
        )
        low, high = np.quantile(counts, [0.05, 0.95], axis=0)
        return pd.DataFrame(
            {
                "borough": list(names), "expected": counts.mean(axis=0),
                "mcse": counts.std(axis=0, ddof=1) / math.sqrt(len(counts)), "lower_90": low, "upper_90": high,
            }
        )  # fmt: skip


@dataclass(frozen=True)
class Seen:
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
class Recruitment:
    """A recruitment forecast.

    Attributes
    ----------
    scenario : Scenario
    target : int
    by : datetime.date or None
        A date for which the probability is asked.
    plans : tuple of BoroughPlan
    closed : RecruitmentForecast
    simulated : Simulated
    seen : Seen or None
        None before the trial begins.
    retention : BetaShare
        What is believed of the share of families that are seen at the last visit.
    """

    scenario: Scenario
    target: int
    by: dt.date | None
    plans: tuple[BoroughPlan, ...]
    closed: RecruitmentForecast
    simulated: Simulated
    seen: Seen | None
    retention: BetaShare

    def table(self) -> pd.DataFrame:
        """The date of the target by both forecasts.

        Returns
        -------
        pandas.DataFrame
            One row for the closed form and one for the simulation (and one for the plug-in, once something was seen):
            forecast, lower_90, lower_50, median, upper_50, upper_90 (dates; None if not by the end), mcse_days (of the
            median), probability and mcse (of the target by `by`; NaN without one).
        """
        names = ("lower_90", "lower_50", "median", "upper_50", "upper_90")
        closed = {"closed form": self.closed}
        if self.seen is not None:
            closed["closed form, rates taken as known"] = self.seen.plug_in
        rows: list[dict[str, Any]] = []
        for name, one in closed.items():
            time = one.time_to(self.target)
            chance = time.probability(self.by) if self.by else math.nan
            dates = {q: time.date(p) for q, p in zip(names, LEVELS, strict=True)}
            rows.append(
                {"forecast": name, **dates, "mcse_days": math.nan, "probability": chance, "mcse": math.nan}
            )
        share, error = self.simulated.probability(self.by) if self.by else (math.nan, math.nan)
        dates = {q: self.simulated.date(p) for q, p in zip(names, LEVELS, strict=True)}
        rows.insert(
            1,
            {
                "forecast": "simulation", **dates, "mcse_days": self.simulated.median_error(), "probability": share,
                "mcse": error,
            },
        )  # fmt: skip
        return pd.DataFrame(rows)

    def reckoned_on(self) -> dt.date:
        """The date asked for or the closed form's median date of the target, whichever is first; else the end."""
        return min(
            (day for day in (self.by, self.closed.time_to(self.target).median) if day is not None),
            default=self.closed.ends,
        )

    def contributions(self, by: dt.date | None = None) -> pd.DataFrame:
        """What each borough contributes by a date (by default `reckoned_on`).

        Returns
        -------
        pandas.DataFrame
            As `RecruitmentForecast.contributions`, with ``simulated`` and ``simulated_mcse``.
        """
        day = by or self.reckoned_on()
        table = self.closed.contributions(day)
        own = self.simulated.contributions(day, [plan.name for plan in self.plans])
        return table.assign(simulated=own["expected"], simulated_mcse=own["mcse"])

    def seen_at_last_visit(self) -> dict[str, float]:
        """Of the target's families, how many are seen at the last visit: mean, lower_90, upper_90."""
        whole = CountDistribution(self.target, np.ones(1))
        count = retained(whole, self.retention)
        low, high = count.interval(0.9)
        return {"mean": count.mean, "lower_90": float(low), "upper_90": float(high)}


# --- before -------------------------------------------------------------------------------------------------
def forecast_recruitment(
    scenario: Scenario,
    replicates: int = 200,
    seed: int = 1,
    *,
    target: int | None = None,
    by: dt.date | None = None,
    engine: Engine = "compiled",
    executor: Executor | None | Literal["default"] = "default",
    keep: Keep | None = None,
    progress: Callable[[int], object] | None = None,
) -> Recruitment:
    """The forecast before anything was seen.

    Parameters
    ----------
    scenario : Scenario
    replicates, seed : int
    target : int, optional
        Families; by default the scenario's.
    by : datetime.date, optional
        For which to give the probability.
    engine : {"compiled", "simpy"}
    executor : concurrent.futures.Executor or None, optional
        By default, workers on this machine's cores.
    keep : Keep, optional
        Where finished replicates are kept.
    progress : callable, optional
        Called with the number of replicates done.

    Returns
    -------
    Recruitment

    Raises
    ------
    ScenarioError
        If nobody recruits, or the target can't be one.
    """
    wanted = int(target or scenario.trial.target_families)
    scenario = _checked(scenario, wanted)
    plans = borough_plans(scenario)
    simulated = _simulated(
        _Trial(lower(scenario), seed, engine), scenario, wanted, replicates, executor, keep, progress, {}
    )
    closed = forecast_before(plans, scenario.simulation.end_date)
    return Recruitment(scenario, wanted, by, plans, closed, simulated, None, _retention(scenario, 0, 0, 20.0))


# --- during -------------------------------------------------------------------------------------------------
def update_recruitment(
    scenario: Scenario,
    table: pd.DataFrame,
    cut_off: dt.date,
    replicates: int = 200,
    seed: int = 1,
    *,
    target: int | None = None,
    by: dt.date | None = None,
    consent_worth: float = 20.0,
    answered_within: int = 60,
    seen: int = 0,
    due: int = 0,
    engine: Engine = "compiled",
    executor: Executor | None | Literal["default"] = "default",
    keep: Keep | None = None,
    progress: Callable[[int], object] | None = None,
) -> Recruitment:
    """The forecast of the rest, from what has been seen.

    Parameters
    ----------
    scenario : Scenario
        The plan: openings, entries, eligibility, consent, variation of rates.
    table : pandas.DataFrame
        What was seen, by week or by family: date (of screening), borough (the scenario's name), screened, eligible,
        consented, randomised (of these families, so far); as `best_sim.exchange.observed_recruitment` reads it.
    cut_off : datetime.date
        First day of which nothing is known.
    replicates, seed : int
    target : int, optional
        Families in all; by default the scenario's.
    by : datetime.date, optional
        For which to give the probability, and the rate that it takes.
    consent_worth : float
        Families that the plan's consent is worth as a prior.
    answered_within : int
        Days after screening after which a family that has not consented is taken to have declined.
    seen, due : int
        Families seen at the last visit so far, of those for whom it was due.
    engine, executor, keep, progress
        As `forecast_recruitment` takes them.

    Returns
    -------
    Recruitment

    Raises
    ------
    ScenarioError
        If nobody recruits, or the target can't be one.
    ValueError
        If a number can't be used, or the table names a borough that the scenario has not.

    Notes
    -----
    Rates: a gamma prior with the plan's mean and the scenario's variation, updated by families found eligible
    (Poisson); consent: a beta prior at the plan's, updated by families screened at least `answered_within` days ago.
    Boroughs are compared with their plans from the first day in the file on, if they opened before.

    The simulation of the rest runs the whole trial from its beginning with rates and consent drawn from what is now
    believed, and takes what comes after the cut-off: so families in proceedings, LIFT's places and the visits due on
    that day are those of trials like the one seen, not of an empty world. It adds to the number seen what it simulates
    from the cut-off on.
    """
    if not 0 <= seen <= due:
        raise ValueError(f"seen at the last visit: found {seen} of {due}, allowed none to all of those due")
    if not consent_worth > 0.0:
        raise ValueError(f"consent_worth: found {consent_worth:g}, allowed above 0")
    wanted = int(target or scenario.trial.target_families)
    scenario = _checked(scenario, wanted)
    plans = _begun(borough_plans(scenario), table)
    ends = scenario.simulation.end_date
    counts = _counts(table, [plan.name for plan in plans])
    recruited = counts("randomised", cut_off)
    answered = cut_off - dt.timedelta(days=answered_within)
    asked = [answered] if table["date"].min().date() < answered else [cut_off]
    eligible, consented = counts("eligible", asked[0]), counts("consented", asked[0])
    priors = {
        site: BetaShare.worth(scenario.sites[site].consent, consent_worth)
        for site in dict.fromkeys(plan.site for plan in plans)
        if 0.0 < scenario.sites[site].consent < 1.0
    }
    closed = forecast_with_consent(plans, eligible, consented, recruited, cut_off, ends, priors, asked[0])
    work = _Updated(scenario, plans, closed.rates, dict(closed.consents), cut_off, seed, engine)
    simulated = _simulated(work, scenario, wanted, replicates, executor, keep, progress, recruited, cut_off)
    found = Seen(
        cut_off=cut_off,
        table=table,
        checks=check_boroughs(plans, recruited, cut_off),
        drift=_drift(plans, table, cut_off),
        rates=_rates(plans, table, cut_off, wanted, by),
        consent=_consent_table(plans, priors, closed, eligible, consented, consent_worth),
        plug_in=forecast_during(plans, recruited, cut_off, ends, "plug-in"),
    )
    retention = _retention(scenario, seen, due, consent_worth)
    return Recruitment(scenario, wanted, by, plans, closed, simulated, found, retention)


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


# --- simulating ---------------------------------------------------------------------------------------------
def _checked(scenario: Scenario, target: int) -> Scenario:
    if not any(value > 0.5 for site in scenario.sites.values() for value in site.recruiting.values):
        raise ScenarioError(
            [
                Problem(
                    file=scenario.name, key="sites.*.recruiting", message="no site recruits: there is nothing to "
                    "forecast", found="0 throughout", allowed="1 from some date on",
                )
            ]
        )  # fmt: skip
    return scenario.replace({"trial.target_families": target})


def _randomised(j: Journeys) -> tuple[np.ndarray, np.ndarray]:
    f = j.tables["families"]
    mine = np.flatnonzero(f["arm"] != W.NOT_ALLOCATED)
    order = np.argsort(f["randomised"][mine], kind="stable")
    return f["randomised"][mine][order], f["borough"][mine][order]


@dataclass(frozen=True)
class _Trial:
    """One replicate of the trial as it is planned."""

    lowered: Lowered
    seed: int
    engine: Engine

    def __call__(self, number: int) -> list[dict[str, Any]]:
        j = simulate(self.lowered, self.seed, number, self.engine, events=False)
        at, of = _randomised(j)
        return [{"replicate": number, "at": at.tolist(), "of": of.tolist()}]


@dataclass(frozen=True)
class _Updated:
    """One replicate with rates and consent drawn from what is believed, and what it looks like on the day."""

    scenario: Scenario
    plans: tuple[BoroughPlan, ...]
    rates: tuple[GammaRate, ...]
    consents: Mapping[str, BetaShare]
    cut_off: dt.date
    seed: int
    engine: Engine

    def __call__(self, number: int) -> list[dict[str, Any]]:
        key = np.array([self.seed, number], np.uint64)
        rng = np.random.Generator(np.random.Philox(key=key, counter=_DRAWS))
        changes: dict[str, Any] = {"trial.stops_at_target": False}
        for plan, rate in zip(self.plans, self.rates, strict=True):
            times = rate.mean if math.isinf(rate.shape) else rng.gamma(rate.shape, rate.mean / rate.shape)
            entries = self.scenario.boroughs[plan.name].entries
            changes[f"boroughs.{plan.name}.entries"] = [
                {"from": day, "value": min(value * times, 100_000.0)} for day, value in entries
            ]
            changes[f"boroughs.{plan.name}.rate_variation"] = 0.0
        for site, share in self.consents.items():
            changes[f"sites.{site}.consent"] = float(rng.beta(share.successes, share.failures))
        lowered = lower(self.scenario.replace(changes))
        j = simulate(lowered, self.seed, number, self.engine, events=False)
        day = float((self.cut_off - j.start_date).days)
        at, of = _randomised(j)
        rest = at >= day
        return [{"replicate": number, "at": at[rest].tolist(), "of": of[rest].tolist()} | _today(j, day)]


def _today(j: Journeys, day: float) -> dict[str, int]:
    """Of families randomised before a day: in proceedings, waiting for LIFT, in LIFT, and visits due within a year."""
    f, cases = j.tables["families"], j.tables["cases"]
    mine = np.flatnonzero((f["arm"] != W.NOT_ALLOCATED) & (f["randomised"] < day) & np.isnan(f["ineligible"]))
    decided, issued = cases["decided"][mine], cases["issued"][mine]
    asked, started, freed = (f[name][mine] for name in ("lift_asked", "lift_started", "lift_freed"))
    settled = f["settled"][mine]
    due = f["visit_due"][mine]
    return {
        "today.in_proceedings": int(((issued <= day) & ~(decided <= day)).sum()),
        "today.waiting_for_lift": int(
            ((asked <= day) & ~(started <= day) & ~(settled <= day)).sum()
        ),
        "today.in_lift": int(((started <= day) & ~(freed <= day)).sum()),
        "today.visits_due_in_a_year": int(((due >= day) & (due < day + YEAR)).sum()),
        "today.last_visits_over": int((due[:, -1] < day).sum()),
    }  # fmt: skip


def _simulated(
    work: Any,
    scenario: Scenario,
    target: int,
    replicates: int,
    executor: Executor | None | Literal["default"],
    keep: Keep | None,
    progress: Callable[[int], object] | None,
    recruited: Mapping[str, int],
    cut_off: dt.date | None = None,
) -> Simulated:
    rows, done = gather(work, replicates, work.engine, executor, keep, progress)
    since = scenario.simulation.start_date
    names = list(scenario.boroughs)
    day = float((cut_off - since).days) if cut_off else 0.0
    before_of = np.repeat(np.arange(len(names)), [recruited.get(name, 0) for name in names])
    before = np.full(len(before_of), day - 1e-6)
    at = tuple(np.concatenate([before, np.asarray(one, float)]) for one in rows["at"])
    of = tuple(np.concatenate([before_of, np.asarray(one, np.int64)]) for one in rows["of"])
    days = np.array([one[target - 1] if len(one) >= target else np.inf for one in at])
    today = rows[[c for c in rows.columns if c.startswith("today.")]].rename(
        columns=lambda c: c.removeprefix("today.")
    )
    return Simulated(since, target, days, at, of, today)


# --- in words -----------------------------------------------------------------------------------------------
def words_of(found: Recruitment) -> str:
    """The forecast in plain words."""
    rows: dict[str, dict[str, Any]] = {row["forecast"]: row for row in _records(found.table())}
    simulated, closed = rows["simulation"], rows["closed form"]
    told = []
    for row, what in ((simulated, "simulated"), (closed, "closed form")):
        if row["median"] is None:
            told.append(f"{what}: not by the end of the run in most cases")
            continue
        late = f"{row['upper_90']:%B %Y}" if row["upper_90"] is not None else "after the end of the run"
        told.append(f"{what}: {row['median']:%B %Y} (90 % from {row['lower_90']:%B %Y} to {late})")
    lines = [f"{found.target} families are randomised by, {'; '.join(told)}."]
    if simulated["median"] is not None and closed["median"] is not None:
        days = (simulated["median"] - closed["median"]).days
        lines.append(
            "What only the simulation has (courts that are full, orders that come first, siblings, placements that "
            f"change) moves the median by {days:+d} days (Monte Carlo standard error {simulated['mcse_days']:.0f})."
        )
    if found.by is not None:
        lines.append(
            f"By {found.by:%d %B %Y} with a probability of {simulated['probability']:.0%} (simulated, MCSE "
            f"{100 * simulated['mcse']:.1f} points) or {closed['probability']:.0%} (closed form)."
        )
    if found.seen is not None:
        if found.seen.rates is not None:
            lines.append(found.seen.rates.in_words())
        lines += [found.seen.checks.in_words(), found.seen.drift.in_words()]
        for row in _records(found.seen.consent):
            lines.append(
                f"Consent, {row['site']}: planned {row['prior']:.0%} (a prior worth {row['prior_worth']:g} families), "
                f"{row['consented']} of {row['eligible']} seen, so now {row['posterior']:.0%} "
                f"(90 % interval {row['low']:.0%} to {row['high']:.0%})."
            )
        last = found.seen_at_last_visit()
        lines.append(
            f"Of {found.target} families {last['mean']:.0f} are seen at the last visit (90 % interval "
            f"{last['lower_90']:.0f} to {last['upper_90']:.0f})."
        )
        today = found.simulated.today.median()
        lines.append(
            f"On {found.seen.cut_off:%d %B %Y} a trial like this has (median) {today['in_proceedings']:.0f} families "
            f"in proceedings, {today['in_lift']:.0f} with LIFT and {today['waiting_for_lift']:.0f} waiting for it, and "
            f"{today['visits_due_in_a_year']:.0f} visits due within a year."
        )
    return "\n".join(lines)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
