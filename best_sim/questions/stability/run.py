"""What comes out over realisations: means with errors, curves, and the children that it takes to see an effect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import optimize, special

from best_sim.engine.model import Engine
from best_sim.measures.observed import named
from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.stability.ask import StabilityQuestion
from best_sim.questions.stability.measured import AT_HORIZON, CURVE_MONTHS, EFFECTS, KINDS, MEASURES, SELECTED
from best_sim.questions.stability.replicate import FITTED
from best_sim.replications import Keep, whole_table
from best_sim.trial.closed_forms import monte_carlo_error_mean, rate_ratio_power, risk_power, schoenfeld_power

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TOLD = 3.0
"""Monte Carlo standard errors that an effect has to be from none to be told from it."""
_NORMAL = float(special.ndtri(0.975))
_MOST_CHILDREN = 1e9


@dataclass(frozen=True)
class StabilityFound(Found):
    """What was found of placement stability.

    Each replicate is one realisation: one trial, or what one set of boroughs would record. A figure comes with the mean
    over replicates, the Monte Carlo standard error of that mean, and the range in which nine of ten realisations lie.
    The second is the simulation's own error, and shrinks with more replicates; the third is how far a single year's
    returns may be from what is behind them, and does not.

    Attributes
    ----------
    question : StabilityQuestion
        With as many replicates as were finished.
    measures : pandas.DataFrame
        One row for each group and measure: the groups' columns, measure, label, unit, mean, mcse, low_90, high_90 (the
        range of nine of ten realisations), size (mean denominator: child-years, children, ended placements, returns
        home), replicates (in which there was one).
    curves : pandas.DataFrame
        One row for each group, kind of permanence and month: the groups' columns, to, month, mean, mcse, low_90,
        high_90, replicates.
    effects : pandas.DataFrame
        One row for each comparison (none without a contrast): effect, label, scale, estimate (a ratio or a difference
        of shares), mcse (of a ratio, on the log scale), low_90, high_90 (of estimates), low, high (ends of the 95 %
        interval of one realisation, on average), excludes_none (share of realisations whose interval does), told
        (whether it is more than three Monte Carlo standard errors from none), children, families (analysed, mean),
        design_effect, children_needed, families_needed (both groups together; NaN with a note), needed_low, needed_high
        (95 % Monte Carlo interval of the children needed), note, replicates.
    interrupted : bool
    """

    question: StabilityQuestion
    measures: pd.DataFrame
    curves: pd.DataFrame
    effects: pd.DataFrame
    interrupted: bool = False

    def measure(self, name: str) -> pd.DataFrame:
        """The rows of one measure, a row for each group.

        Raises
        ------
        ValueError
            If there is no such measure.
        """
        if name not in MEASURES:
            raise ValueError(f"measure: found {name!r}, allowed {', '.join(MEASURES)}")
        return self.measures[self.measures["measure"] == name].reset_index(drop=True)

    def words(self) -> list[str]:
        """What was found, a paragraph a group, then what is compared."""
        from best_sim.questions.stability.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Measures, curves of permanence, and comparisons where there are any."""
        compared = {"effects": self.effects} if self.question.contrast else {}
        return {"measures": self.measures, "permanence": self.curves, **compared}

    def figures(self) -> Mapping[str, Figure]:
        """Measures by group, and how children come to permanence."""
        from best_sim.questions.stability.figures import stability_figure

        return {"stability": stability_figure(self)}

    def shown(self) -> list[Shown]:
        """Measures by group, and what is compared."""
        from best_sim.questions.stability.show import shown_of

        return shown_of(self)

    def answer(self) -> Mapping[str, Any]:
        """Moves per child-year in care, by group."""
        from best_sim.questions.stability.show import group_name

        rows = self.measure("moves").to_dict("records")
        return {
            "moves_per_year": {group_name(self, {str(k): v for k, v in r.items()}): r["mean"] for r in rows}
        }

    def notes(self) -> list[str]:
        """What the figures rest on."""
        from best_sim.questions.stability.show import notes_of

        return notes_of(self)

    def chapters(self) -> list[Chapter]:
        """The answer with its tables, and the picture."""
        from best_sim.questions.stability.show import chapters_of

        return chapters_of(self)


def stability_found(question: StabilityQuestion, keep: Keep, done: int, engine: Engine) -> StabilityFound:
    """What the finished replicates say.

    Parameters
    ----------
    question : StabilityQuestion
    keep : Keep
    done : int
        Replicates that count.
    engine : {"compiled", "simpy"}
    """
    rows = whole_table(keep, done).to_pandas()
    groups = question.work(engine).groups()

    def stacked(name: str, *shape: int) -> np.ndarray:
        return np.stack([np.asarray(one, float) for one in rows[name]]).reshape(done, *shape)

    keys = pd.DataFrame(groups, columns=list(question.by)) if question.by else pd.DataFrame(index=[0])
    n = len(groups)
    values = stacked("values", n, len(MEASURES))
    sizes = stacked("sizes", n, len(MEASURES))
    curves = stacked("curves", n, len(KINDS), len(CURVE_MONTHS))
    fitted = stacked("fitted", len(EFFECTS) if question.contrast else 0, len(FITTED))
    effects = pd.DataFrame()
    if question.contrast:
        effects = _effects(fitted, question.horizon, question.power, question.alpha)
    return StabilityFound(question, _measures(keys, values, sizes), _curves(keys, curves), effects)


def _spread(values: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, Monte Carlo standard error and 90 % range over replicates (the first axis); NaN is no value."""
    n = np.sum(~np.isnan(values), axis=0)
    flat, count = values.reshape(len(values), -1), n.ravel()
    out = {name: np.full(flat.shape[1], np.nan) for name in ("mean", "mcse", "low_90", "high_90")}
    for i in range(flat.shape[1]):
        mine = flat[~np.isnan(flat[:, i]), i]
        if count[i]:
            out["mean"][i] = mine.mean()
            out["low_90"][i], out["high_90"][i] = np.quantile(mine, [0.05, 0.95])
        if count[i] > 1:
            out["mcse"][i] = monte_carlo_error_mean(float(mine.std(ddof=1)), int(count[i]))
    return {**out, "replicates": count}


def _measures(keys: pd.DataFrame, values: np.ndarray, sizes: np.ndarray) -> pd.DataFrame:
    n = len(keys)
    table = keys.loc[np.repeat(keys.index, len(MEASURES))].reset_index(drop=True)
    names = list(MEASURES)
    table["measure"] = names * n
    table["label"] = [MEASURES[name][0] for name in names] * n
    table["unit"] = [MEASURES[name][1] for name in names] * n
    told = _spread(values)
    for column in ("mean", "mcse", "low_90", "high_90"):
        table[column] = told[column]
    table["size"] = sizes.mean(axis=0).ravel()
    table["replicates"] = told["replicates"]
    return table


def _curves(keys: pd.DataFrame, curves: np.ndarray) -> pd.DataFrame:
    _, n, kinds, months = curves.shape
    table = keys.loc[np.repeat(keys.index, kinds * months)].reset_index(drop=True)
    table["to"] = named(KINDS, np.tile(np.repeat(np.arange(kinds), months), n))
    table["month"] = np.tile(CURVE_MONTHS, n * kinds)
    return table.assign(**_spread(curves))


def _effects(fitted: np.ndarray, horizon: int, power: float, alpha: float) -> pd.DataFrame:
    rows = []
    for i, (name, (label, scale)) in enumerate(EFFECTS.items()):
        one = dict(zip(FITTED, fitted[:, i].T, strict=True))
        one = {key: value[~np.isnan(fitted[:, i, 0])] for key, value in one.items()}
        if name in AT_HORIZON:
            label = f"{label} by {horizon} months"
        rows.append(
            {"effect": name, "label": label, "scale": scale, **_effect(name, scale, one, power, alpha)}
        )
    return pd.DataFrame(rows)


def _effect(name: str, scale: str, one: dict[str, np.ndarray], power: float, alpha: float) -> dict[str, Any]:
    n = len(one["estimate"])
    missing = dict.fromkeys(
        (
            "estimate", "mcse", "low_90", "high_90", "low", "high", "excludes_none", "children", "families",
            "design_effect", "children_needed", "families_needed", "needed_low", "needed_high",
        ),
        math.nan,
    )  # fmt: skip
    if n < 2:
        note = "in fewer than two realisations could it be estimated"
        return {**missing, "told": False, "note": note, "replicates": n}
    mean = {key: float(value.mean()) for key, value in one.items()}
    at = mean["estimate"]
    error = monte_carlo_error_mean(float(one["estimate"].std(ddof=1)), n)
    back = np.exp if scale == "ratio" else np.asarray
    low, high = np.quantile(one["estimate"], [0.05, 0.95])
    children = mean["children_1"] + mean["children_0"]
    told = abs(at) > _TOLD * error and error > 0.0
    independent = _independent_variance(name, mean)
    inflation = float(np.mean(one["standard_error"] ** 2)) / independent if independent > 0.0 else math.nan
    needed, note = math.nan, ""
    if not told:
        note = f"no effect in the model that {n} realisations can tell from none"
    elif not math.isfinite(inflation):
        note = "the closed form can't be had: a group has none, or all, of it"
    else:
        needed = _children_needed(name, at, mean, inflation, power, alpha)
        if not math.isfinite(needed):
            note = f"more than {_MOST_CHILDREN:.0e} children"
    if name in SELECTED:
        selected = "of children still in care after 2.5 years, which a service may change: not like with like"
        note = f"{note}; {selected}" if note else selected
    return {
        "estimate": float(back(at)), "mcse": error, "low_90": float(back(low)), "high_90": float(back(high)),
        "low": float(back(mean["low"])), "high": float(back(mean["high"])),
        "excludes_none": float(((one["low"] > 0.0) | (one["high"] < 0.0)).mean()),
        "needed_low": needed * (at / (abs(at) + _NORMAL * error)) ** 2,
        "needed_high": needed * (at / (abs(at) - _NORMAL * error)) ** 2 if told else math.nan,
        "told": bool(told), "children": children, "families": mean["families"], "design_effect": inflation,
        "children_needed": needed, "families_needed": needed * mean["families"] / children,
        "note": note, "replicates": n,
    }  # fmt: skip


def _independent_variance(name: str, mean: Mapping[str, float]) -> float:
    """Variance of a comparison by its closed form, were all children independent and watched for the mean time."""
    n, y = (mean["children_1"], mean["children_0"]), (mean["mean_1"], mean["mean_0"])
    if min(n) <= 0.0 or min(y) <= 0.0:
        return math.nan
    if name in ("moves", "unplanned_moves"):
        return sum((1.0 / m + mean["dispersion"]) / k for m, k in zip(y, n, strict=True))
    if name == "permanence_hazard":
        share = n[0] / sum(n)
        return 1.0 / (share * (1.0 - share) * (y[0] * n[0] + y[1] * n[1]))
    return sum(p * (1.0 - p) / k for p, k in zip(y, n, strict=True)) if max(y) < 1.0 else math.nan


def _children_needed(
    name: str, effect: float, mean: Mapping[str, float], inflation: float, power: float, alpha: float
) -> float:
    """Children in both groups together, in the shares simulated, for the closed form to give the power."""
    n, y = (mean["children_1"], mean["children_0"]), (mean["mean_1"], mean["mean_0"])
    exposure = (mean["exposure_1"], mean["exposure_0"])
    share = n[0] / sum(n)

    def beyond(log_children: float) -> float:
        total = math.exp(log_children)
        both = (total * share, total * (1.0 - share))
        if name in ("moves", "unplanned_moves"):
            got = rate_ratio_power(
                math.exp(effect), y[1] / exposure[1], exposure, both, mean["dispersion"],
                inflation=inflation, alpha=alpha,
            )  # fmt: skip
        elif name == "permanence_hazard":
            events = (both[0] * y[0] + both[1] * y[1]) / inflation
            got = schoenfeld_power(math.exp(effect), events, share, alpha)
        else:
            got = risk_power(*y, both, inflation=inflation, alpha=alpha)
        return got - power

    low, high = math.log(1e-3), math.log(_MOST_CHILDREN)
    if beyond(high) < 0.0:
        return math.inf
    return math.ceil(math.exp(float(optimize.brentq(beyond, low, high, xtol=1e-9))))
