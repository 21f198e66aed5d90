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

_DIRECTIONS = ("home", "special_guardianship", "child_arrangements", "placement_order", "care_order")


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
    _court_orders(work, kind, weight, seen, under, first["family"].to_numpy())


def _court_orders(
    work: Estimation, kind: NDArray[Any], weight: Floats, seen: Bools, under: Bools, family: Ints
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
    model = CourtModel.of(work.base)
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
            text = f"{n} of {total} orders; effects of need, kin and advice as in the base file"
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
    """The model's shares of orders at an age, over need, kin and advice, as a function of the intercepts.

    Attributes
    ----------
    weight : numpy.ndarray
        Of each combination of need, kin and advice; a row for children over one, and one for those under.
    fixed : mapping of bool to numpy.ndarray
        By whether the child is under one: what does not depend on the intercepts, a row for each combination.
    start : mapping of bool to numpy.ndarray
        The scenario's own intercepts.
    """

    weight: Floats
    fixed: Mapping[bool, Floats]
    start: Mapping[bool, Floats]

    @classmethod
    def of(cls, base: Scenario) -> CourtModel:
        """With the effects of need, kin and advice that a scenario has."""
        node, mass = np.polynomial.hermite_e.hermegauss(30)
        kin_share, advice = float(base.population.kin_available_share), base.advice
        need, kin, home = (x.ravel() for x in np.meshgrid(node, (0.0, 1.0), (0.0, 1.0), indexing="ij"))
        m = np.repeat(mass / mass.sum(), 4)
        weight, fixed, start = [], {}, {}
        for under in (False, True):
            p = special.expit(advice.intercept + advice.need * need + advice.under_one * under)
            weight.append(
                m * np.where(kin == 1.0, kin_share, 1.0 - kin_share) * np.where(home == 1.0, p, 1.0 - p)
            )
            directions = [getattr(base.orders, d) for d in _DIRECTIONS]
            fixed[under] = np.column_stack(
                [d.need * need + d.kin * kin + d.return_advised * home for d in directions]
            )
            fixed[under][:, 0] += directions[0].intercept + directions[0].under_one * under
            start[under] = np.asarray([d.intercept + d.under_one * under for d in directions[1:]])
        return cls(np.asarray(weight), fixed, start)

    def shares(self, intercepts: Floats, under: bool) -> Floats:
        """Shares of the five directions, of children under one or of the others."""
        score = self.fixed[under] + np.append(0.0, intercepts)
        return self.weight[int(under)] @ special.softmax(score, axis=1)

    def intercepts(self, shares: Floats, under: bool) -> Floats:
        """The intercepts that give these shares."""

        def off(b: Floats) -> Floats:
            return np.log(self.shares(b, under)[1:] / shares[1:])

        return np.asarray(optimize.root(off, self.start[under]).x)
