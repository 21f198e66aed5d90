"""Power and recruitment: how often the trial would find an effect, and how long it would take to recruit.

A design is the scenario with one effect of LIFT on the outcome, and perhaps other parameters. All designs meet the
same luck, replicate by replicate, so they differ by their parameters alone. An effect, and to whom it applies, changes
scores and nothing else: designs that differ only by these share one pathway, which is described once.
"""

from __future__ import annotations

import datetime as dt
import difflib
import tomllib
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from best_sim.measures.observed import MONTH, YEAR, day_of
from best_sim.measures.timeliness import kaplan_meier
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.replications import Keep, Memory, Plan, run, tables, whole_from_start, whole_table, workers
from best_sim.scenario import Problem, Scenario, ScenarioError
from best_sim.trial.analysis import PRIMARY_METHODS
from best_sim.trial.closed_forms import (
    clopper_pearson_interval,
    monte_carlo_error,
    monte_carlo_error_mean,
    monte_carlo_error_quantile,
    monte_carlo_error_sd,
    power_clustered,
)
from best_sim.trial.consort import Pair, consort
from best_sim.trial.outcomes import analysis_set

EFFECT = {"sdq": "outcomes.sdq.lift_effect", "pirgas": "outcomes.pirgas.lift_effect"}
_KEYS = (
    "title",
    "question",
    "scenario",
    "replicates",
    "seed",
    "outcome",
    "visit",
    "method",
    "alpha",
    "set",
    "published",
    "design",
)
_PICTURED = 24
"""Replicates whose journeys are kept for pictures of what happens to the children."""
_DESIGN_KEYS = ("name", "note", "effect", "set")
_PUBLISHED_KEYS = ("recruitment_ended", "families", "estimate", "interval", "source")
_PERMANENT_AT = (12, 18, 24, 30)
"""Months after entry to care at which permanence is counted."""
_UNITS = ("families", "children")
_BY_MONTH = "by_month"
_SCORES_ONLY, _WHO_IS_SCORED = "outcomes.", "outcomes.sdq.youngest_age"
SHARED = "all designs"
"""Name in the summary of what does not depend on the effect."""


@dataclass(frozen=True)
class Design:
    """One design: an effect of LIFT, and other parameters that differ from the scenario.

    Attributes
    ----------
    name, note : str
    effect : float
        On the outcome of a child to whom it applies (`outcomes.effect_applies_to`), in points.
    changes : tuple of str
        Overrides, ``key=value``.
    """

    name: str
    note: str
    effect: float
    changes: tuple[str, ...] = ()

    @property
    def pathway(self) -> tuple[str, ...]:
        """The changes that can alter more than scores; designs that agree in them share one pathway."""
        keys = {one: one.partition("=")[0].strip() for one in self.changes}
        return tuple(
            one for one, key in keys.items() if not key.startswith(_SCORES_ONLY) or key == _WHO_IS_SCORED
        )


@dataclass(frozen=True)
class Published:
    """What a trial reported, to be shown beside what is simulated.

    Attributes
    ----------
    recruitment_ended : datetime.date
        Last day of recruitment.
    families : int
        Randomised by then.
    estimate : float
        Adjusted difference of the outcome, LIFT less SAU, in points.
    interval : tuple of float
        Its 95 % confidence interval.
    source : str
    """

    recruitment_ended: dt.date
    families: int
    estimate: float
    interval: tuple[float, float]
    source: str = ""


@dataclass(frozen=True)
class PowerExperiment:
    """What is asked.

    Attributes
    ----------
    name, title, question : str
    scenario : str
        Name or path.
    replicates, seed : int
    outcome : {"sdq", "pirgas"}
    visit : int
    method : str
        One of `best_sim.trial.analysis.PRIMARY_METHODS`.
    alpha : float
        Two-sided level.
    designs : tuple of Design
    published : Published or None
        What the trial that the scenario stands for reported; None where the scenario is another than the file's.
    overrides : tuple of str
        Applied to every design: those of the file (`set`), then those that were given beside it.
    """

    name: str
    title: str
    question: str
    scenario: str
    replicates: int
    seed: int
    outcome: Literal["sdq", "pirgas"]
    visit: int
    method: str
    alpha: float
    designs: tuple[Design, ...]
    published: Published | None = None
    overrides: tuple[str, ...] = ()
    text: str = field(default="", repr=False)

    @classmethod
    def load(cls, name_or_path: str | Path = "power", **changes: Any) -> PowerExperiment:
        """Read an experiment.

        Parameters
        ----------
        name_or_path : str or path
            A shipped experiment's name, or the path of a TOML file.
        **changes
            Fields to set otherwise (replicates, seed, scenario, overrides); None leaves the file's.

        Returns
        -------
        PowerExperiment

        Raises
        ------
        ScenarioError
            With everything that is wrong in the file.
        """
        path, text = _find(name_or_path)
        try:
            raw = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ScenarioError([Problem(file=path, message=f"this is not TOML: {error}")]) from error
        experiment = _read(Path(path).stem, path, raw, text)
        wanted = {key: value for key, value in changes.items() if value is not None}
        wanted["overrides"] = (*experiment.overrides, *wanted.get("overrides", ()))
        if wanted.get("scenario", experiment.scenario) != experiment.scenario:
            wanted.setdefault("published", None)  # another trial than the one that was published
        experiment = replace(experiment, **wanted)
        key = EFFECT[experiment.outcome]
        if any(one.partition("=")[0].strip() == key for one in experiment.overrides):
            raise ScenarioError(
                [
                    Problem(
                        file="--set", key=key, message="each design of the experiment sets this itself",
                        allowed="another effect in a [[design]] of a copy of the experiment's file",
                    )
                ]
            )  # fmt: skip
        return experiment

    def scenario_of(self, design: Design) -> Scenario:
        """The scenario of one design.

        Raises
        ------
        ScenarioError
            If it can't be used, or nobody is recruited in it.
        """
        changes = (*self.overrides, f"{EFFECT[self.outcome]}={float(design.effect)!r}", *design.changes)
        scenario = Scenario.load(self.scenario, changes)
        if not any(value > 0.5 for site in scenario.sites.values() for value in site.recruiting.values):
            raise ScenarioError(
                [
                    Problem(
                        file=self.scenario, key="sites.*.recruiting", message="no site recruits: there is no trial",
                        found="0 throughout", allowed="1 from some date on; `best-sim simulate` runs it as it is",
                    )
                ]
            )  # fmt: skip
        return scenario


@dataclass(frozen=True)
class PowerResult:
    """What came out.

    Attributes
    ----------
    experiment : PowerExperiment
        With as many replicates as were finished, where the run was interrupted.
    scenario : Scenario
        Without a design's effect.
    replicates : pandas.DataFrame
        One row for each replicate and design. Columns that do not depend on scores are empty where an earlier design
        has the same pathway.
    power : pandas.DataFrame
        One row for each design: design, effect, applies_to, power, mcse, low, high, closed_form, replicates,
        failed, note, and what the closed form took and gives beside: closed_form_effect (by intention to treat),
        closed_form_se, closed_form_at_estimate.
    summary : pandas.DataFrame
        Tidy: design, quantity, value, mcse, low, high, unit, note.
    curve : pandas.DataFrame
        Families randomised by the end of each month: date, low90, low50, median, high50, high90.
    when : tuple
        Date on which the target is reached: early end of the 90 % interval, median, late end; None where not reached.
        Curve, dates, flow and sample are of the first design.
    flow : dict
        Mean CONSORT flow.
    sample : list of Journeys
        The first replicates, for pictures of what happens to the children.
    interrupted : bool
        Whether fewer replicates were run than asked for.
    """

    experiment: PowerExperiment
    scenario: Scenario
    replicates: pd.DataFrame
    power: pd.DataFrame
    summary: pd.DataFrame
    curve: pd.DataFrame
    when: tuple[dt.date | None, dt.date | None, dt.date | None]
    flow: dict[str, Pair]
    sample: list[Journeys]
    interrupted: bool = False


@dataclass(frozen=True)
class _Work:
    """One replicate of every design: a row for each; what does not depend on scores is in that of the first alone."""

    lowered: tuple[Lowered, ...]
    designs: tuple[Design, ...]
    seed: int
    outcome: Literal["sdq", "pirgas"]
    visit: int
    method: str
    alpha: float
    engine: Literal["compiled", "simpy"]
    recruitment_ended: dt.date | None

    def __call__(self, number: int) -> list[dict[str, Any]]:
        rows = []
        simulated: dict[tuple[str, ...], Journeys] = {}
        for lowered, design in zip(self.lowered, self.designs, strict=True):
            first = design.pathway not in simulated
            if first:
                simulated[design.pathway] = simulate(lowered, self.seed, number, self.engine, events=False)
            journeys = simulated[design.pathway].scored(lowered.outcomes)
            row = {"design": design.name, "replicate": number, "effect": design.effect}
            row |= self._analysis(journeys)
            if first:
                row |= self._pathway(journeys, int(lowered.world["target"][0]))
            rows.append(row)
        return rows

    def _pathway(self, journeys: Journeys, target: int) -> dict[str, Any]:
        """Recruitment, what happens to the children, and the flow; the same for every effect."""
        flow = {
            f"flow.{box}.{unit}": n
            for box, pair in consort(journeys).items()
            for unit, n in zip(_UNITS, pair, strict=True)
        }
        return _recruitment(journeys, target, self.recruitment_ended) | _what_happened(journeys) | flow

    def _analysis(self, journeys: Journeys) -> dict[str, Any]:
        data = analysis_set(journeys, self.outcome, self.visit)
        fit = PRIMARY_METHODS[self.method](
            data.y, data.treated, data.family, data.covariates, alpha=self.alpha
        )
        lift, sau = data.treated == 1, data.treated == 0
        both = ~np.isnan(data.baseline)
        sizes = (
            np.bincount(np.unique(data.family, return_counts=True)[1], minlength=4)[1:4]
            if len(data.y)
            else [0, 0, 0]
        )
        return {
            "estimate": fit.estimate,
            "standard_error": fit.standard_error,
            "df": fit.df,
            "p": fit.p_value,
            "low": fit.interval[0],
            "high": fit.interval[1],
            "converged": fit.converged,
            "note": fit.note,
            "families_lift": len(np.unique(data.family[lift])),
            "families_sau": len(np.unique(data.family[sau])),
            "children_lift": int(lift.sum()),
            "children_sau": int(sau.sum()),
            "families_of_one": int(sizes[0]),
            "families_of_two": int(sizes[1]),
            "families_of_three": int(sizes[2]),
            "family_variance": fit.family_variance,
            "residual_variance": fit.residual_variance,
            "mean_lift": _mean(data.y[lift]),
            "mean_sau": _mean(data.y[sau]),
            "sd_lift": _sd(data.y[lift]),
            "sd_sau": _sd(data.y[sau]),
            "baseline_share": _mean(both),
            "baseline_correlation": float(np.corrcoef(data.y[both], data.baseline[both])[0, 1])
            if both.sum() > 2
            else np.nan,
            "received_lift": _mean(data.received[lift]),
            "received_sau": _mean(data.received[sau]),
        }


def run_power(
    experiment: PowerExperiment,
    *,
    engine: Literal["compiled", "simpy"] = "compiled",
    executor: Executor | None | Literal["default"] = "default",
    keep: Keep | None = None,
    chunk: int | None = None,
    progress: Callable[[int], object] | None = None,
    stopping: Callable[[], object] | None = None,
) -> PowerResult:
    """Run a power experiment.

    Parameters
    ----------
    experiment : PowerExperiment
    engine : {"compiled", "simpy"}
    executor : concurrent.futures.Executor or None, optional
        By default, workers on this machine's cores.
    keep : best_sim.replications.Store or Memory, optional
        Where finished replicates are kept. Those that are there already are not run again.
    chunk : int, optional
        Replicates given to a worker, and kept, at a time; it changes no result.
    progress : callable, optional
        Called with the number of replicates done.
    stopping : callable, optional
        Called when an interrupt has come, and what is under way is being finished.

    Returns
    -------
    PowerResult
        Of the replicates that were finished, where the run is interrupted (Ctrl-C).

    Raises
    ------
    ScenarioError
        If the scenario or a design can't be used; before anything is simulated.
    KeyboardInterrupt
        If the run is interrupted before two replicates are finished.
    """
    plan = power_plan(experiment, engine, chunk)
    keep = Memory() if keep is None else keep
    own = workers(engine) if executor == "default" else executor
    try:
        whole = run(plan, own, keep=keep, progress=progress, stopping=stopping)
    finally:
        if executor == "default" and isinstance(own, Executor):
            own.shutdown(cancel_futures=True)
    if not whole and whole_from_start(keep) < 2:
        raise KeyboardInterrupt
    return power_result(experiment, keep, engine)


def power_plan(
    experiment: PowerExperiment, engine: Literal["compiled", "simpy"] = "compiled", chunk: int | None = None
) -> Plan:
    """The replicates of an experiment, ready to be run anywhere.

    Parameters
    ----------
    experiment : PowerExperiment
    engine : {"compiled", "simpy"}
    chunk : int, optional
        Replicates given to a worker at a time: by default what takes about a second, or more where there are so many
        replicates that chunks would be too many.

    Returns
    -------
    best_sim.replications.Plan

    Raises
    ------
    ScenarioError
        If the scenario or a design can't be used.
    """
    work = _Work(
        lowered=tuple(lower(experiment.scenario_of(design)) for design in experiment.designs),
        designs=experiment.designs,
        seed=experiment.seed,
        outcome=experiment.outcome,
        visit=experiment.visit,
        method=experiment.method,
        alpha=experiment.alpha,
        engine=engine,
        recruitment_ended=experiment.published.recruitment_ended if experiment.published else None,
    )
    usual = min(500, max(20, experiment.replicates // 1000)) if engine == "compiled" else 2
    return Plan(work, experiment.replicates, chunk or usual)


def power_result(
    experiment: PowerExperiment, keep: Keep, engine: Literal["compiled", "simpy"] = "compiled"
) -> PowerResult:
    """What the finished replicates of an experiment say.

    Parameters
    ----------
    experiment : PowerExperiment
    keep : best_sim.replications.Store or Memory
        With its finished replicates; those that come after a missing one are left out.
    engine : {"compiled", "simpy"}
        For the few replicates whose journeys are drawn.

    Returns
    -------
    PowerResult
    """
    done = min(whole_from_start(keep), experiment.replicates)
    interrupted = done < experiment.replicates
    experiment = replace(experiment, replicates=done)
    scenarios = [experiment.scenario_of(design) for design in experiment.designs]
    got = _rows_of(keep, done)
    power = _power(experiment, got, scenarios)
    first = got[got["design"] == experiment.designs[0].name]
    lowered = lower(scenarios[0])
    sample = [simulate(lowered, experiment.seed, k, engine) for k in range(min(_PICTURED, done))]
    return PowerResult(
        experiment=experiment,
        scenario=Scenario.load(experiment.scenario, experiment.overrides),
        replicates=got,
        power=power,
        summary=_summary(experiment, got, power),
        curve=_curve(keep, done, experiment.designs[0].name, lowered.start_date),
        when=_when(first, lowered.start_date),
        flow=_flow(first),
        sample=sample,
        interrupted=interrupted,
    )


def power_summary(experiment: PowerExperiment, keep: Keep) -> pd.DataFrame:
    """The summary of what is finished, without anything else of the result; as `PowerResult.summary`."""
    got = _rows_of(keep, min(whole_from_start(keep), experiment.replicates))
    scenarios = [experiment.scenario_of(design) for design in experiment.designs]
    return _summary(experiment, got, _power(experiment, got, scenarios))


def least_certain(summary: pd.DataFrame, quantity: str) -> float:
    """The largest Monte Carlo standard error of a quantity, over designs.

    Parameters
    ----------
    summary : pandas.DataFrame
        As `PowerResult.summary`.
    quantity : str

    Returns
    -------
    float
        `inf` where an error can't be told yet: where it is missing, or zero because all replicates agreed so far.

    Raises
    ------
    KeyError
        If the summary has no such quantity, or none with a Monte Carlo error.
    """
    mine = summary.loc[summary["quantity"] == quantity, "mcse"]
    if mine.empty or quantity not in quantities_with_errors(summary):
        raise KeyError(quantity)
    errors = mine.to_numpy(float)
    return float(np.where(np.isfinite(errors) & (errors > 0), errors, np.inf).max())


def quantities_with_errors(summary: pd.DataFrame) -> list[str]:
    """Names of the quantities of a summary that have a Monte Carlo standard error."""
    return list(dict.fromkeys(summary.loc[summary["mcse"].notna(), "quantity"]))


def _power(experiment: PowerExperiment, got: pd.DataFrame, scenarios: list[Scenario]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            _power_of(experiment, d, got[got["design"] == d.name], s.outcomes.effect_applies_to)
            for d, s in zip(experiment.designs, scenarios, strict=True)
        ]
    )


# --- one replicate ------------------------------------------------------------------------------------------
def _recruitment(j: Journeys, target: int, ended: dt.date | None) -> dict[str, Any]:
    """Families randomised: when the target was reached (NaN: never), by each month's end, and by a published end."""
    f = j.tables["families"]
    at = np.sort(f["randomised"][f["arm"] != W.NOT_ALLOCATED])
    by_site = {
        f"randomised.{name}": int(((f["arm"] != W.NOT_ALLOCATED) & (f["site"] == k)).sum())
        for k, name in enumerate(j.names["sites"])
    }
    out = {
        "randomised": len(at),
        "target_days": float(at[target - 1]) if len(at) >= target else np.nan,
        _BY_MONTH: np.searchsorted(at, _month_ends(j.start_date, j.end)).tolist(),
        **by_site,
    }
    if ended is not None:  # the last day of recruitment is a day of recruitment
        out["by_published_end"] = int(np.searchsorted(at, day_of(j, ended) + 1.0))
    return out


def _what_happened(j: Journeys) -> dict[str, Any]:
    """What became of the children of each arm: the order, permanence, moves, and the time until them."""
    out: dict[str, Any] = {}
    f, g, c, cases = (j.tables[name] for name in ("families", "groups", "children", "cases"))
    at = np.asarray(_PERMANENT_AT, float) * MONTH
    for number in (W.LIFT, W.SAU):
        name = W.ARMS[number].lower()
        families = np.flatnonzero(f["arm"] == number)
        children = j.lived[f["arm"][c["family"][j.lived]] == number]
        group = c["group"][children]
        days = g["care_days"][group]
        days = days + np.where(g["in_care"][group] == 1, j.end - g["episode_since"][group], 0.0)
        out[f"moves_per_year_{name}"] = _ratio(g["care_moves"][group].sum() * YEAR, days.sum())
        decided = families[cases["decided"][families] <= j.end]
        out[f"proceedings_weeks_{name}"] = _mean((cases["decided"] - cases["issued"])[decided] / 7.0)
        out[f"hearings_{name}"] = _mean(cases["hearings"][decided])
        out[f"re_entered_{name}"] = _mean(g["re_entries"][group] > 0)
        entered, permanent = f["entered"][c["family"][children]], g["permanent_at"][group]
        reached = permanent <= j.end  # False where NaN
        share = kaplan_meier(np.where(reached, permanent, j.end) - entered, reached, at)
        for month, still in zip(_PERMANENT_AT, share, strict=True):
            out[f"permanent_{month}_months_{name}"] = 1.0 - float(still)
        for order in range(1, len(W.ORDERS)):
            out[f"{W.ORDERS[order]}_{name}"] = _mean(g["order"][group] == order)
    return out


def _month_ends(start: dt.date, end: float) -> np.ndarray:
    """Days from the start to the first of each following month, to the end of the run."""
    days: list[int] = []
    year, month = start.year, start.month
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        day = (dt.date(year, month, 1) - start).days
        if day > end:
            return np.asarray(days, float)
        days.append(day)


# --- over replicates ----------------------------------------------------------------------------------------
def _power_of(
    experiment: PowerExperiment, design: Design, rows: pd.DataFrame, applies: str
) -> dict[str, Any]:
    fits = rows[rows["converged"]]
    n = len(fits)
    found = int((fits["p"] < experiment.alpha).sum())
    share = found / n if n else np.nan
    low, high = clopper_pearson_interval(found, n) if n else (np.nan, np.nan)
    closed = _closed_form(experiment, fits, design.effect, applies)
    seen = _closed_form(experiment, fits, float(fits["estimate"].mean()), "allocated")
    return {
        "design": design.name,
        "effect": design.effect,
        "applies_to": applies,
        "power": share,
        "mcse": monte_carlo_error(share, n) if n else np.nan,
        "low": low,
        "high": high,
        "closed_form": closed.power if closed else np.nan,
        "replicates": n,
        "failed": len(rows) - n,
        "note": design.note,
        "closed_form_effect": closed.effect_intention_to_treat if closed else np.nan,
        "closed_form_se": closed.standard_error if closed else np.nan,
        "closed_form_at_estimate": seen.power if seen else np.nan,
    }


def _closed_form(experiment: PowerExperiment, fits: pd.DataFrame, effect: float, applies: str) -> Any:
    """The closed form of an effect, fed with the simulation's own sizes, spread and correlations."""
    if fits.empty or fits[["families_lift", "families_sau"]].mean().min() < 3:
        return None
    total = fits["family_variance"] + fits["residual_variance"]
    icc = float(np.clip(fits["family_variance"].mean() / total.mean(), 0.0, 0.99))
    received = float(fits["received_lift"].mean()) if applies == "received" else 1.0
    return power_clustered(
        effect=effect,
        sd=float(np.sqrt((fits["sd_lift"] ** 2 + fits["sd_sau"] ** 2).mean() / 2)),
        families_per_arm=(float(fits["families_lift"].mean()), float(fits["families_sau"].mean())),
        size_shares={
            1: fits["families_of_one"].sum(),
            2: fits["families_of_two"].sum(),
            3: fits["families_of_three"].sum(),
        },
        icc=icc,
        baseline_correlation=float(np.nan_to_num(fits["baseline_correlation"].mean())),
        baseline_measured_share=float(fits["baseline_share"].mean()),
        share_received=received,
        alpha=experiment.alpha,
    )


class _Tidy:
    """Rows of the summary: a quantity of a design, with its Monte Carlo standard error."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def say(
        self,
        design: str,
        quantity: str,
        value: float,
        mcse: float,
        unit: str,
        note: str = "",
        interval: tuple[float, float] = (np.nan, np.nan),
    ) -> None:
        low, high = interval
        self.rows.append(
            {"design": design, "quantity": quantity, "value": float(value), "mcse": mcse, "low": low, "high": high,
             "unit": unit, "note": note}
        )  # fmt: skip

    def mean(
        self, design: str, quantity: str, values: pd.Series | np.ndarray, unit: str, note: str = ""
    ) -> None:
        got = np.asarray(values, float)
        got = got[~np.isnan(got)]
        value = got.mean() if len(got) else np.nan
        self.say(design, quantity, value, _mean_error(got) if len(got) > 1 else np.nan, unit, note)


def _summary(experiment: PowerExperiment, got: pd.DataFrame, power: pd.DataFrame) -> pd.DataFrame:
    tidy = _Tidy()
    for record in power.to_dict("records"):
        row = {str(key): value for key, value in record.items()}
        mine = got[(got["design"] == row["design"]) & got["converged"]]
        _summarise_design(tidy, experiment, row, mine)
    if len({d.pathway for d in experiment.designs}) == 1:
        first = got[got["design"] == experiment.designs[0].name]
        _summarise_pathway(tidy, experiment, SHARED, first)
    else:
        for design in experiment.designs:
            described = next(d for d in experiment.designs if d.pathway == design.pathway)
            _summarise_pathway(tidy, experiment, design.name, got[got["design"] == described.name])
    return pd.DataFrame(tidy.rows)


def _summarise_design(
    tidy: _Tidy, experiment: PowerExperiment, row: dict[str, Any], mine: pd.DataFrame
) -> None:
    """The ADEMP measures of one design (Morris, White and Crowther 2019)."""
    name, n, truth = row["design"], len(mine), row["closed_form_effect"]
    tidy.say(
        name, "power", row["power"], row["mcse"], "share", "two-sided p below alpha; type I error where no effect",
        (row["low"], row["high"]),
    )  # fmt: skip
    tidy.say(
        name, "power by closed form", row["closed_form"], np.nan, "share",
        "noncentral t, design effect for siblings, baseline and receipt; it leaves out what passes through moves, the "
        "floor of the score, and that those missed differ from those seen",
    )  # fmt: skip
    tidy.say(
        name, "power by closed form at the mean estimate", row["closed_form_at_estimate"], np.nan, "share",
        "the same formula with the effect that the analysis finds on average: what is left between it and the "
        "simulated power is not a matter of the effect's size",
    )  # fmt: skip
    tidy.say(
        name,
        "fits that failed",
        row["failed"],
        np.nan,
        "replicates",
        "left out of every figure of the design",
    )
    tidy.say(
        name,
        "intention-to-treat effect",
        truth,
        np.nan,
        "points",
        "the direct effect, times the share that received LIFT where it applies to those only",
    )
    if n > 1:
        estimates = mine["estimate"].to_numpy()
        spread = float(np.std(estimates, ddof=1))
        covered = float(((mine["low"] <= truth) & (mine["high"] >= truth)).mean())
        tidy.mean(
            name, "mean estimate less direct effect", estimates - truth, "points",
            "not only bias: moves add to the score, LIFT cases last longer, and the floor at 0 shrinks a benefit",
        )  # fmt: skip
        tidy.say(name, "empirical standard error", spread, monte_carlo_error_sd(spread, n), "points")
        tidy.mean(name, "model standard error", mine["standard_error"], "points")
        tidy.say(name, "coverage of the direct effect", covered, monte_carlo_error(covered, n), "share")
        said = ""
        if experiment.published:
            low, high = experiment.published.interval
            said = f"published: {high - low:.2f} ({low} to {high})"
        tidy.mean(name, "width of the interval", mine["high"] - mine["low"], "points", said)
        tidy.mean(
            name, "correlation of siblings, given the covariates",
            mine["family_variance"] / (mine["family_variance"] + mine["residual_variance"]), "ratio",
        )  # fmt: skip
        tidy.mean(name, "baseline measured", mine["baseline_share"], "share")
        tidy.mean(name, "correlation of baseline and outcome", mine["baseline_correlation"], "ratio")
    for column, unit in (
        ("mean_lift", "points"), ("mean_sau", "points"), ("sd_lift", "points"), ("sd_sau", "points"),
        ("families_lift", "families"), ("families_sau", "families"), ("children_lift", "children"),
        ("children_sau", "children"), ("received_lift", "share"), ("received_sau", "share"),
    ):  # fmt: skip
        tidy.mean(name, column.replace("_", ", "), mine[column], unit)


def _summarise_pathway(tidy: _Tidy, experiment: PowerExperiment, name: str, rows: pd.DataFrame) -> None:
    """What does not depend on the effect: recruitment, what happens to the children, the flow."""
    n = len(rows)
    reached = float(rows["target_days"].notna().mean())
    tidy.say(name, "target reached within the run", reached, monte_carlo_error(reached, n), "share")
    months = np.sort(rows["target_days"].fillna(np.inf).to_numpy()) / MONTH
    early, median, late = (_order_statistic(months, q) for q in (0.05, 0.5, 0.95))
    within = months[np.isfinite(months)]
    tidy.say(
        name, "months to the target, median", median if np.isfinite(median) else np.nan,
        # an order statistic does not depend on how late the latest are, only that they are later
        monte_carlo_error_quantile(np.minimum(months, within.max()), 0.5) if np.isfinite(median) else np.nan,
        "months", "from the start date; 90 % interval; a replicate that never reaches it counts as latest, an empty "
        "limit means never", (early, late if np.isfinite(late) else np.nan),
    )  # fmt: skip
    if experiment.published and "by_published_end" in rows:
        _summarise_published_end(tidy, experiment.published, name, rows)
    tidy.mean(name, "families randomised", rows["randomised"], "families")
    for column in [c for c in rows.columns if c.startswith("randomised.")]:
        tidy.mean(name, column.replace("randomised.", "families randomised, "), rows[column], "families")
    for column, words, unit in _HAPPENED:
        for arm in ("lift", "sau"):
            tidy.mean(name, f"{words}, {arm}", rows[f"{column}_{arm}"], unit)
    for box in _flow(rows):
        for unit in _UNITS:
            tidy.mean(name, f"flow: {box}", rows[f"flow.{box}.{unit}"], unit)


def _summarise_published_end(tidy: _Tidy, published: Published, name: str, rows: pd.DataFrame) -> None:
    """Recruitment by the day on which the published trial ended it."""
    end = f"{published.recruitment_ended:%d %B %Y}".lstrip("0")
    got = rows["by_published_end"].to_numpy(float)
    low, high = np.quantile(got, [0.05, 0.95])
    tidy.say(
        name, f"families randomised by {end}", got.mean(), _mean_error(got), "families",
        f"90 % interval of replicates; published: {published.families}", (float(low), float(high)),
    )  # fmt: skip
    for words, many in (
        (f"at least {published.families} families by {end}", got >= published.families),
        (f"target reached by {end}", rows["target_days"].notna() & (rows["randomised"] <= got)),
    ):
        share = float(many.mean())
        tidy.say(name, words, share, monte_carlo_error(share, len(rows)), "share")


_HAPPENED = (
    *(
        (f"permanent_{month}_months", f"permanent within {month} months of entry", "share")
        for month in _PERMANENT_AT
    ),
    ("moves_per_year", "moves per child-year in care", "per year"),
    ("re_entered", "came back into care", "share"),
    ("proceedings_weeks", "weeks of proceedings", "weeks"),
    ("hearings", "hearings per case", "hearings"),
    *((order, order.replace("_", " "), "share") for order in W.ORDERS[1:]),
)
"""What happens to the children: column of the rows, words of the summary, unit."""


def _order_statistic(ordered: np.ndarray, q: float) -> float:
    """The smallest value with at least a share q at or below it; the latest may be infinite."""
    return float(ordered[min(len(ordered) - 1, int(np.ceil(q * len(ordered))) - 1)])


def _rows_of(keep: Keep, replicates: int) -> pd.DataFrame:
    """A row for each replicate and design, of all that is one number or text."""
    return whole_table(keep, replicates, without=[_BY_MONTH]).to_pandas(split_blocks=True, self_destruct=True)


def _curve(keep: Keep, replicates: int, design: str, start: dt.date) -> pd.DataFrame:
    parts = [
        np.asarray(table.filter(pc.equal(table["design"], design))[_BY_MONTH].to_pylist(), np.uint16)
        for table in tables(keep, replicates, ["design", _BY_MONTH])
    ]
    counts = np.concatenate(parts)
    q = np.quantile(counts, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    dates, year, month = [], start.year, start.month
    for _ in range(counts.shape[1]):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        dates.append(dt.date(year, month, 1))
    return pd.DataFrame(
        {"date": dates, "low90": q[0], "low50": q[1], "median": q[2], "high50": q[3], "high90": q[4]}
    )


def _when(rows: pd.DataFrame, start: dt.date) -> tuple[dt.date | None, dt.date | None, dt.date | None]:
    """5th, 50th and 95th centile of the day on which the target is reached, replicates that never reach it last."""
    days = np.sort(rows["target_days"].fillna(np.inf).to_numpy())
    got = [_order_statistic(days, q) for q in (0.05, 0.5, 0.95)]
    early, median, late = (start + dt.timedelta(days=d) if np.isfinite(d) else None for d in got)
    return early, median, late


def _flow(rows: pd.DataFrame) -> dict[str, Pair]:
    families = [c for c in rows.columns if c.startswith("flow.") and c.endswith(".families")]
    boxes = [c.removeprefix("flow.").removesuffix(".families") for c in families]
    means = rows[[f"flow.{box}.{unit}" for box in boxes for unit in _UNITS]].mean()
    return {
        box: (float(means[f"flow.{box}.families"]), float(means[f"flow.{box}.children"])) for box in boxes
    }


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else np.nan


def _ratio(one: float, other: float) -> float:
    return float(one / other) if other > 0 else np.nan


def _mean_error(values: pd.Series | np.ndarray) -> float:
    return monte_carlo_error_mean(float(np.std(values, ddof=1)), len(values))


def _sd(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else np.nan


# --- reading the file ---------------------------------------------------------------------------------------
def shipped_experiments() -> dict[str, Any]:
    """Experiments that come with the package, by name."""
    checkout = Path(__file__).resolve().parents[2] / "experiments"
    inside = files("best_sim") / "_experiments"
    folder: Any = inside if inside.is_dir() else checkout
    return {p.name.removesuffix(".toml"): p for p in folder.iterdir() if p.name.endswith(".toml")}


def _find(name_or_path: str | Path) -> tuple[str, str]:
    shipped = shipped_experiments()
    if str(name_or_path) in shipped:
        return f"{name_or_path}.toml", shipped[str(name_or_path)].read_text(encoding="utf-8")
    path = Path(name_or_path)
    if path.is_file():
        return str(path), path.read_text(encoding="utf-8")
    near = difflib.get_close_matches(str(name_or_path), shipped, n=1)
    raise ScenarioError(
        [
            Problem(
                file=str(name_or_path), message="no experiment has this name, and there is no such file",
                found=str(name_or_path), allowed=", ".join(sorted(shipped)), nearest=near[0] if near else None,
            )
        ]
    )  # fmt: skip


def _read(name: str, path: str, raw: dict[str, Any], text: str) -> PowerExperiment:
    problems = list(_unknown(path, "", raw, _KEYS))

    def take(
        key: str,
        kind: type | tuple[type, ...],
        allowed: str,
        check: Callable[[Any], bool],
        default: Any = None,
    ) -> Any:
        value = raw.get(key, default)
        right = isinstance(value, kind) and not (isinstance(value, bool)) and check(value)
        if not right:
            found = "nothing" if value is None else repr(value)
            problems.append(
                Problem(file=path, key=key, message="this can't be used", found=found, allowed=allowed)
            )
        return value

    methods = list(PRIMARY_METHODS)
    got = {
        "title": take("title", str, "a text", bool, name),
        "question": take("question", str, "a text", lambda v: True, ""),
        "scenario": take("scenario", str, "the name or path of a scenario", bool),
        "replicates": take("replicates", int, "a whole number, 1 or more", lambda v: v >= 1),
        "seed": take("seed", int, "a whole number, 0 or more", lambda v: v >= 0),
        "outcome": take("outcome", str, ", ".join(EFFECT), lambda v: v in EFFECT, "sdq"),
        "visit": take("visit", int, "1, 2 or 3", lambda v: v in (1, 2, 3), 3),
        "method": take("method", str, ", ".join(methods), lambda v: v in methods, methods[0]),
        "alpha": take("alpha", float, "between 0 and 1", lambda v: 0 < v < 1, 0.05),
    }
    changes = take("set", list, 'a list of "key=value"', _is_changes, [])
    designs = _read_designs(path, raw.get("design", []), problems)
    published = _read_published(path, raw["published"], problems) if "published" in raw else None
    if problems:
        raise ScenarioError(problems)
    return PowerExperiment(
        name=name, designs=designs, published=published, overrides=tuple(changes), text=text, **got
    )


def _read_designs(path: str, listed: Any, problems: list[Problem]) -> tuple[Design, ...]:
    """The designs; what is wrong with them is added to the problems."""
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        problems.append(
            Problem(file=path, key="design", message="there is no design", allowed="[[design]] tables")
        )
        return ()
    designs = []
    for i, one in enumerate(listed):
        key = f"design[{i}]"
        problems += _unknown(path, key, one, _DESIGN_KEYS)
        values = {"name": f"design {i + 1}", "note": "", "effect": 0.0, "set": []} | one
        right = {
            "name": (isinstance(values["name"], str), "a text"),
            "note": (isinstance(values["note"], str), "a text"),
            "effect": (_is_number(values["effect"]), "a number of points"),
            "set": (_is_changes(values["set"]), 'a list of "key=value"'),
        }  # fmt: skip
        wrong = {name: allowed for name, (ok, allowed) in right.items() if not ok}
        problems += [
            Problem(
                file=path, key=f"{key}.{name}", message="this can't be used", found=repr(values[name]),
                allowed=allowed,
            )
            for name, allowed in wrong.items()
        ]  # fmt: skip
        if not wrong:
            designs.append(
                Design(values["name"], values["note"], float(values["effect"]), tuple(values["set"]))
            )
    names = [d.name for d in designs]
    for twice in sorted({name for name in names if names.count(name) > 1}):
        problems.append(
            Problem(
                file=path, key="design", message="two designs have the same name", found=twice,
                allowed="different names",
            )
        )  # fmt: skip
    return tuple(designs)


def _read_published(path: str, table: Any, problems: list[Problem]) -> Published | None:
    """What the trial reported; what is wrong with it is added to the problems."""
    if not isinstance(table, dict):
        problems.append(
            Problem(
                file=path, key="published", message="not a table", found=repr(table), allowed="[published]"
            )
        )
        return None
    problems += _unknown(path, "published", table, _PUBLISHED_KEYS)
    got: dict[str, Any] = {"source": ""} | table
    interval = got.get("interval")
    ended = got.get("recruitment_ended")
    right = {
        "recruitment_ended": (isinstance(ended, dt.date) and not isinstance(ended, dt.datetime), "a date"),
        "families": (isinstance(got.get("families"), int) and got["families"] > 0, "a whole number, 1 or more"),
        "estimate": (_is_number(got.get("estimate")), "a number of points"),
        "interval": (
            isinstance(interval, list) and len(interval) == 2 and all(map(_is_number, interval))
            and interval[0] < interval[1],
            "a list of two numbers, the lower first",
        ),
        "source": (isinstance(got["source"], str), "a text"),
    }  # fmt: skip
    wrong = {name: allowed for name, (ok, allowed) in right.items() if not ok}
    problems += [
        Problem(
            file=path, key=f"published.{name}", message="this can't be used",
            found=repr(got[name]) if name in got else "nothing", allowed=allowed,
        )
        for name, allowed in wrong.items()
    ]  # fmt: skip
    if wrong:
        return None
    low, high = got["interval"]
    return Published(
        recruitment_ended=got["recruitment_ended"],
        families=got["families"],
        estimate=float(got["estimate"]),
        interval=(float(low), float(high)),
        source=got["source"],
    )


def _is_changes(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and "=" in one for one in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def _unknown(path: str, below: str, table: dict[str, Any], known: Iterable[str]) -> list[Problem]:
    names = list(known)
    out = []
    for key in table:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            out.append(
                Problem(
                    file=path, key=f"{below}.{key}".lstrip("."), message="no key has this name", found=key,
                    allowed=", ".join(names), nearest=near[0] if near else None,
                )
            )  # fmt: skip
    return out
