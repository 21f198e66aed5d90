"""What the court orders: shares by age, and the intercepts of the model's logit that would give them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.tools.numdiff import approx_fprime

from best_sim.questions.local_rates.estimation import Estimation, JointEstimate, first_status
from best_sim.questions.local_rates.intervals import Bools, Floats, Ints, logit_interval, seen_weights
from best_sim.scenario import Scenario
from best_sim.scenario.durations import WEEK, YEAR

_WITH_PARENTS = ("with_parents", "parent_and_baby")
_DIRECTIONS = ("home", "special_guardianship", "child_arrangements", "placement_order", "care_order")
_TO_KIN = [_DIRECTIONS.index("special_guardianship"), _DIRECTIONS.index("child_arrangements")]
"""Orders that no court makes where there are no kin."""


def orders(work: Estimation) -> None:
    """What the court orders: the first of a care order, a placement order or leaving care, after an interim order."""
    first = work.firsts
    begun = first_status(work.spells, first, ("C1",))
    first, begun = first[np.isfinite(begun)], begun[np.isfinite(begun)]
    if not len(first):
        work.missing.append("orders: no child came to proceedings in the window")
        return
    care, adoption = (first_status(work.spells, first, (code,)) for code in ("C2", "E1"))
    leaves = first["end"].to_numpy()
    out = first["ends_in"].to_numpy(object)
    when = np.minimum.reduce([care, adoption, leaves, np.full(len(first), work.span)])
    kind = np.where(
        adoption <= when,
        "placement_order",
        np.where(care <= when, "care_order", np.where(leaves <= when, out, "open")),
    )
    kind = np.where(kind == "adoption", "placement_order", kind)
    seen = np.isin(kind, _DIRECTIONS)
    days = np.maximum(when - begun, 0.5)
    if seen.sum() >= 2 * work.least:
        with np.errstate(all="ignore"):
            sf = SurvfuncRight(days, seen.astype(int))
        for q, word in ((0.25, "lower quartile"), (0.5, "median"), (0.75, "upper quartile")):
            with np.errstate(all="ignore"):  # where everybody has left the log of nothing is taken
                low, high = (
                    sf.quantile_ci(q, alpha=1.0 - work.level) if sf.surv_prob[-1] < 1.0 - q else (np.nan,) * 2
                )
            n, figures = int(seen.sum()), (sf.quantile(q), low, high)
            work.row(
                "days from interim order to the court's order or leaving care", word, n, n, "days", figures
            )
    weight = seen_weights(days, seen)
    # the court, as the model has it, looks at the youngest of the siblings
    under = (first["youngest"] < 1.0).to_numpy()
    state = _states(work, first, when)
    _court_orders(work, kind, weight, seen, under, first["family"].to_numpy(), state)


def _states(work: Estimation, first: pd.DataFrame, when: Floats) -> pd.DataFrame:
    """What the court sees of each child when it decides: newborn at entry, where it lives, taken from a parent.

    Who went to its parents from carers, before the order, was to go home: it counts where it lived when that was
    decided.
    """
    s = work.spells[work.spells["period"] == 0]
    s = s[s["start"] < s["child"].map(pd.Series(when, first["child"].to_numpy()))]
    before = s.groupby("child")["type"].shift()
    sent_home = (s["type"] == "with_parents") & before.notna() & ~before.isin(_WITH_PARENTS)
    with_parent = s["type"].isin(_WITH_PARENTS)
    last = s["type"].where(~sent_home, before).groupby(s["child"]).last().reindex(first["child"]).fillna("")
    lives = s.groupby("child")["type"].last().reindex(first["child"]).fillna("")
    was = with_parent.groupby(s["child"]).any().reindex(first["child"], fill_value=False)
    place = np.where(last.isin(_WITH_PARENTS), "with_parents", "elsewhere").astype(object)
    place[(last == "kinship_foster").to_numpy()] = "with_kin"
    place[(last == "early_permanence").to_numpy()] = "early_permanence"
    newborn = (first["youngest"] * YEAR < WEEK).to_numpy()
    removed = was.to_numpy(bool) & ~lives.isin(_WITH_PARENTS).to_numpy()
    return pd.DataFrame({"newborn": newborn, "place": place, "removed": removed})


def _court_orders(
    work: Estimation,
    kind: NDArray[Any],
    weight: Floats,
    seen: Bools,
    under: Bools,
    family: Ints,
    state: pd.DataFrame,
) -> None:
    """Orders by age, and the intercepts of the court's logit that would give them."""
    targets, covariances, counted = [], [], []
    for is_under, word in ((False, "one to four"), (True, "under one")):
        here = seen & (under == is_under)
        w = weight[here]
        hits = (
            np.column_stack([kind[here] == d for d in _DIRECTIONS]) if here.any() else np.zeros((0, 5), bool)
        )
        counts = hits.sum(axis=0)
        shares = w @ hits / w.sum() if len(w) else np.full(5, np.nan)
        influence = w[:, None] * (hits - shares)
        sums = pd.DataFrame(influence).groupby(family[here]).sum().to_numpy() if len(w) else np.zeros((0, 5))
        covariance = sums.T @ sums / w.sum() ** 2 if len(w) else np.full((5, 5), np.nan)
        for k, d in enumerate(_DIRECTIONS):
            sd = math.sqrt(covariance[k, k])
            work.row(f"court's order, {word} at entry", d.replace("_", " "), counts[k], here.sum(), "probability",
                     logit_interval(shares[k], sd, work.z), block=f"orders {word}")  # fmt: skip
        targets.append(shares)
        covariances.append(covariance)
        counted.append(counts)
    if min(c.min() for c in counted) < work.least:
        work.missing.append(
            f"orders: fewer than {work.least} orders of one kind at one age, so all as in the base file"
        )
        return
    weighed = state.assign(under=under, weight=np.where(seen, weight, 0.0))
    model = CourtModel.of(work.base, weighed)
    x = np.concatenate([model.intercepts(targets[0], False), model.intercepts(targets[1], True)])
    blocks = []
    for k, is_under in enumerate((False, True)):
        slope = approx_fprime(
            x[4 * k : 4 * k + 4], lambda b, u=is_under: model.shares(b, u)[1:], centered=True
        )
        inverse = np.linalg.inv(slope)
        blocks.append(inverse @ covariances[k][1:, 1:] @ inverse.T)
    zero = np.zeros((4, 4))
    covariance = np.block([[blocks[0], zero], [zero, blocks[1]]])
    units, sources, ranges = {}, {}, {}
    for k, d in enumerate(_DIRECTIONS[1:]):
        for word, value, variance in (
            ("intercept", x[k], covariance[k, k]),
            ("under_one", x[4 + k] - x[k], covariance[k, k] + covariance[4 + k, 4 + k]),
        ):
            name = f"orders.{d}.{word}"
            wide = work.z * math.sqrt(variance)
            figures = [value, value - wide, value + wide]
            n = int(counted[0][k + 1]) if word == "intercept" else int(counted[1][k + 1])
            total = int(counted[0].sum()) if word == "intercept" else int(counted[1].sum())
            group = f"{d.replace('_', ' ')}, {word.replace('_', ' ')}"
            work.row("court's order: log odds against home", group, n, total, "log odds", figures, name)
            units[name], ranges[name] = "log odds", (max(figures[1], -10.0), min(figures[2], 10.0))
            text = f"{n} of {total} orders; effects of need, kin, place and advice as in the base file"
            sources[name] = work.source(text, figures)

    def values(x: Floats) -> dict[str, Any]:
        x = np.clip(x, -5.0, 5.0)
        return {
            f"orders.{d}.{word}": float(value)
            for k, d in enumerate(_DIRECTIONS[1:])
            for word, value in (("intercept", x[k]), ("under_one", x[4 + k] - x[k]))
        }

    work.parts.append(JointEstimate(x, covariance, values, units, sources, ranges))


@dataclass(frozen=True)
class CourtModel:
    """The model's shares of orders at an age, over what the court sees of a child, as a function of the intercepts.

    Attributes
    ----------
    weight : mapping of bool to numpy.ndarray
        By whether the child is under one: of each combination of need, kin, advice and what is seen of the child.
    fixed : mapping of bool to numpy.ndarray
        What does not depend on the intercepts, a row for each combination; minus infinity where there can be no order.
    start : mapping of bool to numpy.ndarray
        The scenario's own intercepts.
    """

    weight: Mapping[bool, Floats]
    fixed: Mapping[bool, Floats]
    start: Mapping[bool, Floats]

    @classmethod
    def of(cls, base: Scenario, states: pd.DataFrame) -> CourtModel:
        """With the effects that a scenario has.

        Parameters
        ----------
        base : Scenario
        states : pandas.DataFrame
            Children of whom the court decided: under (one at entry), newborn, place ("with_kin", "with_parents",
            "early_permanence" or "elsewhere"), removed (from a parent), weight.
        """
        node, mass = np.polynomial.hermite_e.hermegauss(30)
        directions = [getattr(base.orders, d) for d in _DIRECTIONS]
        weight, fixed, start = {}, {}, {}
        for under in (False, True):
            mine = states[states["under"] == under]
            kinds = mine.groupby(["newborn", "place", "removed"])["weight"].sum()
            kinds = kinds / kinds.sum()
            parts, scores = [], []
            shares = kinds.reset_index()
            for newborn, place, removed, share in shares.itertuples(index=False, name=None):
                has_kin = _kin_share(base, kinds, place)
                need, kin, home = (
                    x.ravel() for x in np.meshgrid(node, (0.0, 1.0), (0.0, 1.0), indexing="ij")
                )
                p = special.expit(
                    base.advice.intercept + base.advice.need * need + base.advice.under_one * under
                )
                m = share * np.repeat(mass / mass.sum(), 4)
                parts.append(
                    m * np.where(kin == 1.0, has_kin, 1.0 - has_kin) * np.where(home == 1.0, p, 1.0 - p)
                )
                score = np.column_stack(
                    [
                        d.need * need
                        + d.kin * kin
                        + d.return_advised * home
                        + d.newborn * newborn
                        + d.removed * removed
                        + (getattr(d, place) if place != "elsewhere" else 0.0)
                        for d in directions
                    ]
                )
                score[np.ix_(kin == 0.0, _TO_KIN)] = -np.inf
                scores.append(score)
            weight[under], fixed[under] = np.concatenate(parts), np.concatenate(scores)
            fixed[under][:, 0] += directions[0].intercept + directions[0].under_one * under
            start[under] = np.asarray([d.intercept + d.under_one * under for d in directions[1:]])
        return cls(weight, fixed, start)

    def shares(self, intercepts: Floats, under: bool) -> Floats:
        """Shares of the five directions, of children under one or of the others."""
        score = self.fixed[under] + np.append(0.0, intercepts)
        return self.weight[under] @ special.softmax(score, axis=1)

    def intercepts(self, shares: Floats, under: bool) -> Floats:
        """The intercepts that give these shares."""

        def off(b: Floats) -> Floats:
            return np.log(self.shares(b, under)[1:] / shares[1:])

        return np.asarray(optimize.root(off, self.start[under]).x)


def _kin_share(base: Scenario, kinds: pd.Series, place: str) -> float:
    """Share with kin who could care, of children who live in one place; all who live with them."""
    if place in ("with_kin", "early_permanence"):
        return 1.0 if place == "with_kin" else 0.0
    kin = float(base.population.kin_available_share)
    if place == "with_parents":
        return kin
    of = kinds.groupby("place").sum()
    at = {name: float(of.get(name, 0.0)) for name in ("with_kin", "with_parents", "elsewhere")}
    left = kin - at["with_kin"] - kin * at["with_parents"]
    return float(np.clip(left / at["elsewhere"], 0.0, 1.0))
