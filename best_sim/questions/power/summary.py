"""What the replicates of a power experiment say: power, the ADEMP measures, recruitment, the flow; each with an error.

Every figure over replicates has a Monte Carlo standard error, or none where it is not a figure over replicates.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from best_sim.pathway import words as W
from best_sim.questions.power.ask import AnalysisPlan, Design, PowerQuestion, Published
from best_sim.questions.power.replicate import BY_MONTH, PERMANENT_AT
from best_sim.questions.target_times import time_of_share
from best_sim.replications import Keep, tables, whole_table
from best_sim.scenario import Scenario
from best_sim.scenario.durations import MONTH
from best_sim.trial.closed_forms import (
    design_effect_survival,
    monte_carlo_error,
    monte_carlo_error_mean,
    monte_carlo_error_quantile,
    power_clustered,
    rate_ratio_power,
    risk_power,
    schoenfeld_power,
    t_power,
)
from best_sim.trial.consort import UNITS, mean_flow
from best_sim.trial.methods import METHODS
from best_sim.trial.outcomes import OUTCOMES
from best_sim.trial.performance import Estimate, Performance, error_over_trials, performance

SHARED = "all designs"
"""Name in the summary of what does not depend on the effect."""

_REASON = {
    "score": "the same formula with the effect that the analysis finds on average: what is left between it and the "
    "simulated power is not a matter of the effect's size",
    "count": "a Wald test of two negative binomial rates at the ratio found on average; it takes every child to have "
    "the mean exposure, and siblings to be as alike in moves as they are on average",
    "yes or no": "a Wald test of two risks at the contrast found on average; it takes arms and families to be of "
    "their mean size",
    "time": "Schoenfeld's formula for the events seen, at the hazard ratio found on average; hazards here are not "
    "proportional, and which follow-up is cut short is not by chance",
    "amount": "a t test of the mean difference found on average; costs are skewed, and their spread differs between "
    "the arms",
}
"""By kind of outcome: the closed form at the mean estimate, and why the simulated power may differ from it."""


def rows_of(keep: Keep, replicates: int) -> pd.DataFrame:
    """A row for each replicate, design and analysis, of all that is one number or text."""
    return whole_table(keep, replicates, without=[BY_MONTH]).to_pandas()


def pathway_rows(experiment: PowerQuestion, got: pd.DataFrame) -> pd.DataFrame:
    """The rows that hold what does not depend on scores: one for each replicate and design, its first scoring's."""
    return got[(got["analysis"] == experiment.primary.name) & (got["scoring"] == 0)]


# --- power --------------------------------------------------------------------------------------------------
def power_table(experiment: PowerQuestion, got: pd.DataFrame, scenarios: list[Scenario]) -> pd.DataFrame:
    """One row for each design and analysis; the columns are those of `PowerFound.power`."""
    rows = []
    for design, scenario in zip(experiment.designs, scenarios, strict=True):
        mine = got[got["design"] == design.name]
        for plan in experiment.analyses:
            fits = mine[mine["analysis"] == plan.name] if len(experiment.analyses) > 1 else mine
            rows.append(_power_of(experiment, design, plan, fits, scenario))
    return pd.DataFrame(rows)


def _power_of(
    experiment: PowerQuestion, design: Design, plan: AnalysisPlan, rows: pd.DataFrame, scenario: Scenario
) -> dict[str, Any]:
    got = performance_of(plan, rows, experiment.alpha)
    of = experiment.effect
    applies = of.applies_to(scenario.outcomes.effect_applies_to) if of else ""
    fits = rows[rows["converged"]]
    # a closed form takes an effect on the outcome itself, not one on what leads to it
    effect = design.effect if plan == experiment.primary and of is not None and of.of_outcome else None
    closed = closed_form_of(plan, fits, 0.0 if effect is None else effect, applies, experiment.alpha)
    seen = power_at_estimate(plan, fits, got.mean.value, experiment.alpha) if got.n else np.nan
    return {
        "design": design.name,
        "analysis": plan.name,
        "outcome": plan.outcome,
        "method": plan.method,
        "effect": np.nan if design.effect is None else design.effect,
        "applies_to": applies,
        "power": got.rejected.value,
        "mcse": got.rejected.mcse,
        "low": got.rejected_interval[0],
        "high": got.rejected_interval[1],
        "closed_form": closed.power if closed and effect is not None else np.nan,
        "replicates": got.n,
        "failed": got.failed,
        "note": design.note,
        "closed_form_effect": closed.effect_intention_to_treat if closed and effect is not None else np.nan,
        "closed_form_se": closed.standard_error if closed else np.nan,
        "closed_form_at_estimate": seen,
        "truth": got.truth,
        "bias": got.bias.value,
        "bias_mcse": got.bias.mcse,
    }


def performance_of(plan: AnalysisPlan, rows: pd.DataFrame, alpha: float) -> Performance:
    """The ADEMP measures of one analysis of one design (or design and analysis of a grid).

    Parameters
    ----------
    plan : AnalysisPlan
    rows : pandas.DataFrame
        Its rows.
    alpha : float

    Notes
    -----
    The truth is what complete data show on average over the replicates: the contrast between all children of eligible
    families that were allocated to LIFT and all that were allocated to SAU, seen or not. Randomisation makes it the
    effect of allocation. It is not known for hazard ratios, nor among those who received their service.
    """
    reference, truth = complete_contrast(plan, rows)
    return performance(
        rows["estimate"], rows["standard_error"], rows["p"], rows["low"], rows["high"], rows["converged"],
        truth=truth, reference=reference if np.isfinite(truth) else None, trial=rows["replicate"], alpha=alpha,
    )  # fmt: skip


def complete_contrast(plan: AnalysisPlan, rows: pd.DataFrame) -> tuple[np.ndarray, float]:
    """By replicate, the contrast that complete data would give, and its expectation; NaN where there is none."""
    lift, sau = rows["all_lift"].to_numpy(float), rows["all_sau"].to_numpy(float)
    if plan.estimand != "intention-to-treat" or METHODS[plan.method].estimates == "complier average":
        return np.full(len(rows), np.nan), np.nan
    if METHODS[plan.method].is_ratio:
        with np.errstate(divide="ignore", invalid="ignore"):
            each = np.log(lift / sau)
            return each, float(np.log(np.nanmean(lift) / np.nanmean(sau))) if np.isfinite(
                lift
            ).any() else np.nan
    each = lift - sau
    return each, float(np.nanmean(each)) if np.isfinite(each).any() else np.nan


def _error_of_truth(each: np.ndarray, rows: pd.DataFrame) -> float:
    known = np.isfinite(each)
    return mean_error(each[known], rows["replicate"].to_numpy()[known])


def closed_form_of(plan: AnalysisPlan, fits: pd.DataFrame, effect: float, applies: str, alpha: float) -> Any:
    """The closed form of an effect on a score, fed with the simulation's own sizes, spread and correlations."""
    if fits.empty or OUTCOMES[plan.outcome].kind != "score":
        return None
    if fits[["families_lift", "families_sau"]].mean().min() < 3:
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
        icc=0.0 if np.isnan(icc) else icc,
        baseline_correlation=float(np.nan_to_num(fits["baseline_correlation"].mean())),
        baseline_measured_share=float(fits["baseline_share"].mean()),
        share_received=received,
        alpha=alpha,
    )


def power_at_estimate(plan: AnalysisPlan, fits: pd.DataFrame, estimate: float, alpha: float) -> float:
    """Power by the closed form of the kind of outcome, if the mean estimate were the effect; NaN where there is none.

    Sizes, spread and the correlation of siblings are the simulation's own. Counts: a Wald test of two negative binomial
    rates. Yes or no: a Wald test of two risks. Times: Schoenfeld's formula with the events seen. Families inflate the
    variance by as much as a mean over children would have it.
    """
    kind, method = OUTCOMES[plan.outcome].kind, METHODS[plan.method]
    if kind == "score":
        closed = closed_form_of(plan, fits, estimate, "allocated", alpha)
        return closed.power if closed else np.nan
    m = fits.select_dtypes("number").mean()
    if fits.empty or m[["children_lift", "children_sau"]].min() < 3 or not np.isfinite(estimate):
        return np.nan
    sizes = {k: float(m[f"families_of_{word}"]) for k, word in ((1, "one"), (2, "two"), (3, "three"))}
    inflation = design_effect_survival(
        sizes, float(np.clip(np.nan_to_num(m["sibling_correlation"]), 0.0, 1.0))
    )
    children = (float(m["children_lift"]), float(m["children_sau"]))
    if kind == "amount":
        spread = np.sqrt((fits["sd_lift"] ** 2 + fits["sd_sau"] ** 2).mean() / 2)
        each = [n / inflation for n in children]
        return t_power(estimate, spread, each[0], each[1], alpha)
    if kind == "count":
        years = (float(m["exposure_lift"]), float(m["exposure_sau"]))
        rate = m["mean_sau"] * children[1] / years[1]
        mean = (m["mean_lift"] * children[0] + m["mean_sau"] * children[1]) / sum(children)
        variance = (fits["sd_lift"] ** 2 + fits["sd_sau"] ** 2).mean() / 2
        exposure = (years[0] / children[0], years[1] / children[1])
        dispersion = max((variance - mean) / mean**2, 0.0)
        return rate_ratio_power(
            float(np.exp(estimate)), rate, exposure, children, dispersion, inflation=inflation, alpha=alpha
        )
    if kind == "yes or no":
        ratio = method.is_ratio
        lift = m["mean_sau"] * np.exp(estimate) if ratio else m["mean_sau"] + estimate
        if not 0.0 < lift < 1.0 or not 0.0 < m["mean_sau"] < 1.0:
            return np.nan
        return risk_power(
            float(lift), float(m["mean_sau"]), children, ratio=ratio, inflation=inflation, alpha=alpha
        )
    if not method.is_ratio:
        return np.nan
    events = float(m["events_lift"] + m["events_sau"])
    return schoenfeld_power(float(np.exp(estimate)), events / inflation, children[0] / sum(children), alpha)


# --- the summary --------------------------------------------------------------------------------------------
class _Tidy:
    """Rows of the summary: a quantity of a design and analysis, with its Monte Carlo standard error."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.analysis = ""
        self.trial: pd.Series | None = None  # of each row, where a simulated trial has several

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
            {"design": design, "analysis": self.analysis, "quantity": quantity, "value": float(value), "mcse": mcse,
             "low": low, "high": high, "unit": unit, "note": note}
        )  # fmt: skip

    def estimate(self, design: str, quantity: str, got: Estimate, unit: str, note: str = "") -> None:
        self.say(design, quantity, got.value, got.mcse, unit, note)

    def mean(
        self,
        design: str,
        quantity: str,
        values: pd.Series,
        unit: str,
        note: str = "",
    ) -> None:
        known = values[values.notna()]
        got = known.to_numpy(float)
        of = None if self.trial is None else self.trial[known.index].to_numpy()
        error = mean_error(got, of) if len(got) > 1 else np.nan
        self.say(design, quantity, got.mean() if len(got) else np.nan, error, unit, note)


def summary_of(experiment: PowerQuestion, got: pd.DataFrame, power: pd.DataFrame) -> pd.DataFrame:
    """The tidy summary; the columns are those of `PowerFound.summary`."""
    tidy = _Tidy()
    plans = {plan.name: plan for plan in experiment.analyses}
    for record in power.to_dict("records"):
        row = {str(key): value for key, value in record.items()}
        mine = got[(got["design"] == row["design"]) & (got["analysis"] == row["analysis"])]
        tidy.analysis = str(row["analysis"])
        _summarise_design(tidy, experiment, plans[tidy.analysis], row, mine)
    tidy.analysis, tidy.trial = "", None
    first = pathway_rows(experiment, got)
    pathways = [experiment.pathway_of(design) for design in experiment.designs]
    if len(set(pathways)) == 1:
        name = experiment.designs[0].name
        _summarise_pathway(tidy, experiment, SHARED, first[first["design"] == name])
    else:
        for design, pathway in zip(experiment.designs, pathways, strict=True):
            described = experiment.designs[pathways.index(pathway)].name
            _summarise_pathway(tidy, experiment, design.name, first[first["design"] == described])
    return pd.DataFrame(tidy.rows)


def _summarise_design(
    tidy: _Tidy, experiment: PowerQuestion, plan: AnalysisPlan, row: dict[str, Any], rows: pd.DataFrame
) -> None:
    """The ADEMP measures of one analysis of one design (Morris, White and Crowther 2019)."""
    name, primary = row["design"], plan == experiment.primary
    got = performance_of(plan, rows, experiment.alpha)
    mine = rows[rows["converged"]]
    tidy.trial = rows["replicate"] if rows["replicate"].duplicated().any() else None
    of, method = OUTCOMES[plan.outcome], METHODS[plan.method]
    unit = "log ratio" if method.is_ratio else method.unit or of.unit
    tidy.say(
        name, "power", row["power"], row["mcse"], "share", "two-sided p below alpha; type I error where no effect",
        (row["low"], row["high"]),
    )  # fmt: skip
    if np.isfinite(row["closed_form"]):
        tidy.say(
            name, "power by closed form", row["closed_form"], np.nan, "share",
            "noncentral t, design effect for siblings, baseline and receipt; it leaves out what passes through "
            "moves, "
            "the floor of the score, and that those missed differ from those seen",
        )  # fmt: skip
    if np.isfinite(row["closed_form_at_estimate"]):
        tidy.say(
            name, "power by closed form at the mean estimate", row["closed_form_at_estimate"], np.nan, "share",
            _REASON[of.kind],
        )  # fmt: skip
    tidy.say(
        name,
        "fits that failed",
        row["failed"],
        np.nan,
        "replicates",
        "left out of every figure of the analysis",
    )
    if primary and np.isfinite(row["closed_form_effect"]):
        tidy.say(
            name, "effect that the closed form takes", row["closed_form_effect"], np.nan, unit,
            "the direct effect, times the share that received LIFT where it applies to those only; what passes "
            "through moves is not in it",
        )  # fmt: skip
    tidy.estimate(name, "mean estimate", got.mean, unit)
    if np.isfinite(got.truth):
        each, _ = complete_contrast(plan, rows)
        tidy.say(
            name, "true effect of allocation", got.truth, _error_of_truth(each, rows), unit,
            "between all children of eligible families, seen or not, on average over the replicates: direct, and "
            "through moves and the length of cases",
        )  # fmt: skip
        tidy.estimate(name, "bias", got.bias, unit, "mean estimate less true effect of allocation")
    tidy.estimate(name, "empirical standard error", got.empirical_se, unit)
    tidy.estimate(name, "model standard error", got.model_se, unit, "root mean square")
    tidy.estimate(name, "relative error of the model standard error", got.relative_error, "ratio")
    if np.isfinite(got.truth):
        tidy.estimate(name, "coverage", got.coverage, "share", f"of {1 - experiment.alpha:.0%} intervals")
        tidy.estimate(name, "mean squared error", got.mse, f"{unit} squared")
    said = ""
    if experiment.published and primary and experiment.published.outcome == plan.outcome:
        low, high = experiment.published.interval
        said = f"published: {high - low:.2f} ({low} to {high})"
    tidy.estimate(name, "width of the interval", got.width, unit, said)
    if of.kind == "score":
        tidy.mean(
            name, "correlation of siblings, given the covariates",
            mine["family_variance"] / (mine["family_variance"] + mine["residual_variance"]), "ratio",
        )  # fmt: skip
        tidy.mean(name, "baseline measured", mine["baseline_share"], "share")
        tidy.mean(name, "correlation of baseline and outcome", mine["baseline_correlation"], "ratio")
    for column, its_unit in (
        ("mean_lift", of.each), ("mean_sau", of.each), ("sd_lift", of.each), ("sd_sau", of.each),
        *((f"{more.name}_{arm}", more.unit) for more in of.records for arm in ("lift", "sau")),
        ("families_lift", "families"), ("families_sau", "families"), ("children_lift", "children"),
        ("children_sau", "children"), ("received_lift", "share"), ("received_sau", "share"),
    ):  # fmt: skip
        if column in mine and mine[column].notna().any():
            tidy.mean(name, column.replace("_", ", "), mine[column], its_unit)


def _summarise_pathway(tidy: _Tidy, experiment: PowerQuestion, name: str, rows: pd.DataFrame) -> None:
    """What does not depend on the effect: recruitment, what happens to the children, the flow."""
    n = len(rows)
    reached = float(rows["target_days"].notna().mean())
    tidy.say(name, "target reached within the run", reached, monte_carlo_error(reached, n), "share")
    months = rows["target_days"].fillna(np.inf).to_numpy() / MONTH
    early, median, late = (time_of_share(months, q) for q in (0.05, 0.5, 0.95))
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
    for box in mean_flow(rows):
        for unit in UNITS:
            tidy.mean(name, f"flow: {box}", rows[f"flow.{box}.{unit}"], unit)


def _summarise_published_end(tidy: _Tidy, published: Published, name: str, rows: pd.DataFrame) -> None:
    """Recruitment by the day on which the published trial ended it."""
    end = f"{published.recruitment_ended:%d %B %Y}".lstrip("0")
    got = rows["by_published_end"].to_numpy(float)
    low, high = np.quantile(got, [0.05, 0.95])
    tidy.say(
        name, f"families randomised by {end}", got.mean(), mean_error(got), "families",
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
        for month in PERMANENT_AT
    ),
    ("moves_per_year", "moves per child-year in care", "per year"),
    ("re_entered", "came back into care", "share"),
    ("proceedings_weeks", "weeks of proceedings", "weeks"),
    ("hearings", "hearings per case", "hearings"),
    *((order, order.replace("_", " "), "share") for order in W.ORDERS[1:]),
)
"""What happens to the children: column of the rows, words of the summary, unit."""


def curve_of(keep: Keep, replicates: int, design: str, start: dt.date) -> pd.DataFrame:
    """Families randomised by the end of each month, over replicates of one design."""
    parts = [
        np.asarray(
            table.filter(pc.and_(pc.equal(table["design"], design), pc.is_valid(table[BY_MONTH])))[
                BY_MONTH
            ].to_pylist(),
            np.uint16,
        )
        for table in tables(keep, replicates, ["design", BY_MONTH])
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


def mean_error(values: np.ndarray, trial: np.ndarray | None = None) -> float:
    """The Monte Carlo standard error of a mean, over simulated trials where one was scored several times."""
    if trial is None:
        return monte_carlo_error_mean(float(np.std(values, ddof=1)), len(values))
    return error_over_trials(values, trial)
