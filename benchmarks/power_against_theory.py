"""Power by simulation beside closed forms that know nothing of it: ``python benchmarks/power_against_theory.py``.

Each design is a whole trial in a small world, simulated child by child from entry to the last visit: families of one
to three children, unequal arms, families that are missed, LIFT that is declined, moves whose hazard LIFT changes. The
world is small enough for theory to say what power the trial has; the closed form is given the design's parameters, and
nothing that was simulated. Designs of times to an event have no such small world in this pathway (nothing in it has a
hazard that is proportional between arms), so their times are drawn directly.

The simulated power agrees if it lies within four Monte Carlo standard errors.
"""

from __future__ import annotations

import argparse
import math
import platform
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special, stats

from best_sim.scenario.durations import YEAR

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from small_worlds import BOROUGH, CERTAIN, SITE, TEAM, after, always, in_days, plain_world  # noqa: E402

from best_sim.pathway import simulate  # noqa: E402
from best_sim.pathway.lowering import Lowered, lower  # noqa: E402
from best_sim.trial import closed_forms as theory  # noqa: E402
from best_sim.trial.analysis import cox, log_rank  # noqa: E402
from best_sim.trial.closed_forms import rate_ratio_power, risk_power, schoenfeld_power  # noqa: E402
from best_sim.trial.methods import METHODS  # noqa: E402
from best_sim.trial.outcomes import analysis_set  # noqa: E402

PAGE = HERE / "power-against-theory.md"
ROUNDING = 1.0 / 12.0
"""Variance that rounding to whole points adds."""
MIXED = {1: 0.76, 2: 0.20, 3: 0.04}
"""Families of one, two and three children, as in the trial."""
MEAN_SIZE = sum(size * share for size, share in MIXED.items())


@dataclass(frozen=True)
class Design:
    """A trial of which theory knows the power.

    `world` changes the plain world of the tests; `closed_form` is a function of the design's own numbers.
    """

    name: str
    method: str
    closed_form: Callable[[], float]
    families: int = 0
    world: Mapping[str, Any] = field(default_factory=dict)
    outcome: str = "sdq"
    alpha: float = 0.05
    draw: Callable[[np.random.Generator], float] | None = None  # the p value of a trial drawn directly
    note: str = ""

    def lowered(self) -> Lowered:
        """The world, ready to run."""
        return lower(plain_world({**SMALL, "trial.target_families": self.families, **self.world}))

    def found(self, lowered: Lowered | None, seed: int, number: int) -> float:
        """1 where trial `number` finds an effect, 0 where not, NaN where it could not be analysed."""
        if self.draw is not None:
            key = np.array([seed, number], np.uint64)
            return float(self.draw(np.random.Generator(np.random.Philox(key=key))) < self.alpha)
        assert lowered is not None
        journeys = simulate(lowered, seed, number, "compiled", events=False)
        data = analysis_set(journeys, self.outcome)  # type: ignore[arg-type]
        fit = METHODS[self.method].run(data, self.alpha, 0.0)
        return float(fit.p_value < self.alpha) if fit.converged else math.nan


# --- the worlds ---------------------------------------------------------------------------------------------
SMALL: dict[str, Any] = {
    "simulation.end_date": after(40),
    "trial.stops_at_target": True,
    "trial.allocation.method": "blocks",
    "trial.allocation.strata": "none",
    "trial.allocation.block_sizes": [2],
    f"{SITE}.recruiting": always(1),
    f"{BOROUGH}.entries": [{"from": after(0), "value": 60_000}, {"from": after(7), "value": 0}],
    f"{TEAM}.social_workers": always(200),
    f"{TEAM}.families_per_clinician": 20.0,
    "visits.first": in_days(1),
    "visits.second": in_days(2),
    "visits.third": in_days(3),
    "outcomes.effect_applies_to": "allocated",
    "outcomes.sdq.youngest_age": in_days(0),
    "outcomes.sdq.per_move": 0.0,
    "outcomes.sdq.per_month_to_permanence": 0.0,
    **{f"outcomes.sdq.mean_{when}": 20.0 for when in ("first", "second", "third")},
    "outcomes.sdq.sd": 5.0,
    "outcomes.sdq.sibling_correlation": 0.0,
    "outcomes.sdq.correlation_over_time": 0.0,
    "outcomes.sdq.need": 0.0,
}
"""Scores three days after randomisation, far from floor and ceiling; everybody is seen, unless a design says not."""


def siblings(shares: Mapping[int, float]) -> dict[str, Any]:
    """A mix of family sizes."""
    names = {1: "one", 2: "two", 3: "three"}
    return {"population.children_per_family": {name: shares.get(size, 0.0) for size, name in names.items()}}


def scores(effect: float, icc: float = 0.0, over_time: float = 0.0, **more: Any) -> dict[str, Any]:
    """SDQ scores with an effect, a correlation of siblings, and of a child's own; without it nobody has a baseline."""
    return {
        "outcomes.sdq.lift_effect": effect,
        "outcomes.sdq.sibling_correlation": icc,
        "outcomes.sdq.correlation_over_time": max(icc, over_time),
        **({} if over_time else {"visits.retention.first": -CERTAIN}),
        **more,
    }


def moves(rate: float, ratio: float, frailty: float = 0.0) -> dict[str, Any]:
    """Every child in foster care for the whole of the follow-up, moving at a constant rate; no order in that time."""
    return {
        "simulation.end_date": after(1200),
        "placements.unplanned.foster": rate,
        "placements.unplanned.lift_hazard_ratio": ratio,
        "population.frailty_sd": frailty,
        "proceedings.timetable": in_days(3000),
        "visits.third": in_days(2.5 * YEAR),
    }


# --- what theory says ---------------------------------------------------------------------------------------
SD = math.sqrt(25.0 + ROUNDING)


def shrunk(correlation: float) -> float:
    """A correlation of scores, after rounding."""
    return correlation * 25.0 / SD**2


def t_test(effect: float, treated: float, control: float, alpha: float = 0.05) -> float:
    """Single children."""
    return theory.t_power(effect, SD, treated, control, alpha)


def families(
    effect: float, n: int, icc: float, shares: Mapping[int, float] = MIXED, share: float = 0.5, **more: Any
) -> float:
    """Families of mixed sizes, the best linear estimator."""
    arms = (n * share, n * (1.0 - share))
    return theory.power_clustered(effect, SD, arms, shares, shrunk(icc), **more).power


def family_means(effect: float, n: int, icc: float, shares: Mapping[int, float] = MIXED) -> float:
    """Each family counts once: the variance of a mean of m siblings, averaged over families."""
    rho = shrunk(icc)
    variance = sum(share * SD**2 * (1.0 + (m - 1.0) * rho) / m for m, share in shares.items())
    return theory.t_power(effect, math.sqrt(variance), n / 2.0, n / 2.0)


def children_once(effect: float, n: int, icc: float) -> float:
    """Each child counts once: Eldridge, Ashby and Kerry's design effect, with the spread of family sizes."""
    square = sum(share * m * m for m, share in MIXED.items())
    cv = math.sqrt(square / MEAN_SIZE**2 - 1.0)
    inflation = theory.design_effect_from_cv(MEAN_SIZE, cv, shrunk(icc))
    each = n / 2.0 * MEAN_SIZE / inflation
    return theory.t_power(effect, SD, each, each, df=n - 2.0)


def declined(effect: float, n: int, share: float) -> float:
    """LIFT helps those who receive it; the arm that mixes both kinds of family varies a little more."""
    treated = SD**2 + share * (1.0 - share) * effect**2
    return theory.t_power(effect * share, math.sqrt((treated + SD**2) / 2.0), n / 2.0, n / 2.0)


def lost(effect: float, n: int, seen: float, icc: float) -> float:
    """Families missed at random: power averaged over how many are seen in each arm."""
    out = 0.0
    half = n // 2
    spread = math.sqrt(half * seen * (1.0 - seen))
    numbers = np.arange(max(3, int(half * seen - 5 * spread)), min(half, int(half * seen + 5 * spread)) + 1)
    weight = stats.binom.pmf(numbers, half, seen)
    step = max(1, len(numbers) // 25)
    for i in range(0, len(numbers), step):
        for j in range(0, len(numbers), step):
            arms = (float(numbers[i]), float(numbers[j]))
            power = theory.power_clustered(effect, SD, arms, MIXED, shrunk(icc)).power
            out += weight[i] * weight[j] * power
    return out / float(weight[::step].sum()) ** 2


def with_baseline(effect: float, n: int, correlation: float) -> float:
    """Single children, the score adjusted for the same score before."""
    factor = theory.ancova_factor(shrunk(correlation))
    return theory.t_power(effect, SD * math.sqrt(factor), n / 2.0, n / 2.0, df=n - 3.0)


def siblings_with_baseline(effect: float, n: int, icc: float, over_time: float) -> float:
    """Both: siblings' residuals correlate by rho (1 - r) / (1 + r), since all their scores correlate by rho."""
    rho, r = shrunk(icc), shrunk(over_time)
    left = rho * (1.0 - r) / (1.0 + r)
    sd = SD * math.sqrt(theory.ancova_factor(r))
    return theory.power_clustered(effect, sd, (n / 2.0, n / 2.0), MIXED, left).power


def rates(rate: float, ratio: float, n: int, dispersion: float = 0.0) -> float:
    """Moves in two and a half years of care, single children."""
    return rate_ratio_power(ratio, rate, (2.5, 2.5), (n / 2.0, n / 2.0), dispersion)


def rates_of_siblings(rate: float, ratio: float, n: int) -> float:
    """Siblings placed together move together: a family is one child, counted as often as it has children."""
    weight = sum(share * m * m for m, share in MIXED.items()) / MEAN_SIZE
    children = n / 2.0 * MEAN_SIZE
    return rate_ratio_power(ratio, rate, (2.5, 2.5), (children, children), 0.0, inflation=weight)


def third_placement(rate: float, ratio: float, n: int) -> float:
    """Two moves or more within the year, at a constant rate: the difference of the risks."""
    risks = [1.0 - math.exp(-r) * (1.0 + r) for r in (rate * ratio, rate)]
    return risk_power(risks[0], risks[1], (n / 2.0, n / 2.0))


def third_placement_ratio(rate: float, ratio: float, n: int) -> float:
    """Their ratio, exactly: summed over both binomial numbers, since its logarithm is not near enough to normal.

    The Wald test of the log ratio, with t of families less one, as the analysis has it.
    """
    half = n // 2
    risks = [1.0 - math.exp(-r) * (1.0 + r) for r in (rate * ratio, rate)]
    numbers = np.arange(1, half)
    lift, sau = np.meshgrid(numbers, numbers, indexing="ij")
    small = n / (n - 1.0) * (n - 1.0) / (n - 2.0)
    error = np.sqrt(small * (1.0 / lift + 1.0 / sau - 2.0 / half))
    found = np.abs(np.log(lift / sau)) / error > special.stdtrit(n - 1.0, 0.975)
    weight = np.outer(stats.binom.pmf(numbers, half, risks[0]), stats.binom.pmf(numbers, half, risks[1]))
    return float(weight[found].sum())


# --- times, drawn directly ----------------------------------------------------------------------------------
def censored(rng: np.random.Generator, n: int, ratio: float, until: float) -> tuple[np.ndarray, ...]:
    """Exponential times of hazard one (control), ended at a common time."""
    treated = np.repeat([1.0, 0.0], n // 2)
    at = rng.exponential(1.0 / np.where(treated == 1.0, ratio, 1.0))
    return np.minimum(at, until), at <= until, treated, np.arange(n)


def events(n: int, ratio: float, until: float) -> float:
    """Expected events of such a trial."""
    return n / 2.0 * ((1.0 - math.exp(-until)) + (1.0 - math.exp(-ratio * until)))


def p_log_rank(rng: np.random.Generator, n: int, ratio: float, until: float) -> float:
    """Of one drawn trial."""
    return log_rank(*censored(rng, n, ratio, until)).p_value


def p_cox(rng: np.random.Generator, n: int, ratio: float, until: float) -> float:
    """Of one drawn trial."""
    return cox(*censored(rng, n, ratio, until)).p_value


def local(n: int, ratio: float, until: float) -> float:
    """Schoenfeld's formula for the log-rank test."""
    return schoenfeld_power(ratio, events(n, ratio, until))


def wald(n: int, ratio: float, until: float) -> float:
    """Of the log hazard ratio: each arm's information is its events, where arms are equally large (Lachin)."""
    one = n / 2.0 * (1.0 - math.exp(-ratio * until))
    other = n / 2.0 * (1.0 - math.exp(-until))
    shift = math.log(ratio) / math.sqrt(1.0 / one + 1.0 / other)
    critical = float(special.ndtri(0.975))
    return float(special.ndtr(shift - critical) + special.ndtr(-shift - critical))


TOGETHER = {"population.split_with_one_sibling": 0.0, "population.split_with_two_siblings": 0.0}
LOG_ODDS_OF_794 = math.log(0.794 / 0.206)
DESIGNS = (
    Design("nothing to find", "mixed-model", lambda: 0.05, 200, scores(0.0, 0.3) | siblings(MIXED)),
    Design("single children", "t-test-children", partial(t_test, 2.0, 64, 64), 128, scores(2.0)),
    Design("a small trial", "t-test-children", partial(t_test, 5.0, 12, 12), 24, scores(5.0)),
    Design(
        "alpha of 1 %", "t-test-children", partial(t_test, 2.5, 80, 80, 0.01), 160, scores(2.5), alpha=0.01
    ),
    Design(
        "two to one", "t-test-children", partial(t_test, 2.0, 100, 50), 150,
        scores(2.0) | {"trial.allocation.block_sizes": [3], "trial.allocation.lift_share": 2 / 3},
    ),
    Design(
        "pairs of siblings", "mixed-model", partial(families, 2.0, 100, 0.5, {2: 1.0}), 100,
        scores(2.0, 0.5) | siblings({2: 1.0}),
    ),
    Design(
        "the trial's families", "mixed-model", partial(families, 1.6, 260, 0.3), 260, scores(1.6, 0.3) | siblings(MIXED)
    ),
    Design(
        "the same, Kenward and Roger", "mixed-model-kenward-roger", partial(families, 1.6, 260, 0.3), 260,
        scores(1.6, 0.3) | siblings(MIXED),
    ),
    Design(
        "means of families", "t-test-family-means", partial(family_means, 1.6, 260, 0.5), 260,
        scores(1.6, 0.5) | siblings(MIXED),
    ),
    Design(
        "every child once", "ancova-cluster-robust", partial(children_once, 1.6, 260, 0.5), 260,
        scores(1.6, 0.5) | siblings(MIXED),
    ),
    Design(
        "79.4 % seen", "mixed-model", partial(lost, 1.6, 382, 0.794, 0.3), 382,
        scores(1.6, 0.3) | siblings(MIXED) | {"visits.retention.third": LOG_ODDS_OF_794},
    ),
    Design(
        "30 % decline LIFT", "t-test-children", partial(declined, 2.4, 240, 0.7), 240,
        scores(2.4) | {"lift.declines": 0.3, "outcomes.effect_applies_to": "received", "visits.third": in_days(100),
        "simulation.end_date": after(150)},
    ),
    Design(
        "adjusted for baseline", "mixed-model", partial(with_baseline, 1.6, 240, 0.6), 240, scores(1.6, 0.0, 0.6)
    ),
    Design(
        "siblings, adjusted for baseline", "mixed-model", partial(siblings_with_baseline, 1.4, 240, 0.4, 0.6), 240,
        scores(1.4, 0.4, 0.6) | siblings(MIXED),
    ),
    Design("moves", "negative-binomial", partial(rates, 0.5, 0.75, 300), 300, moves(0.5, 0.75), "moves"),
    Design(
        "moves, children differ", "negative-binomial", partial(rates, 0.5, 0.7, 300, math.exp(0.7**2) - 1.0), 300,
        moves(0.5, 0.7, 0.7), "moves", note="lognormal frailty of SD 0.7 on the log scale",
    ),
    Design(
        "moves of siblings placed together", "poisson-robust", partial(rates_of_siblings, 0.5, 0.75, 300), 300,
        moves(0.5, 0.75) | siblings(MIXED) | TOGETHER, "moves",
    ),
    Design(
        "three or more placements", "risk-difference", partial(third_placement, 1.2, 0.65, 300), 300,
        moves(1.2, 0.65), "three_or_more",
    ),
    Design(
        "three or more placements, ratio", "risk-ratio", partial(third_placement_ratio, 1.2, 0.65, 300), 300,
        moves(1.2, 0.65), "three_or_more",
    ),
    Design(
        "log-rank", "log-rank", partial(local, 300, 0.7, 2.0), draw=partial(p_log_rank, n=300, ratio=0.7, until=2.0)
    ),
    Design("Cox", "cox", partial(wald, 300, 0.7, 2.0), draw=partial(p_cox, n=300, ratio=0.7, until=2.0)),
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What came of one design."""

    design: Design
    power: float
    error: float
    exact: float
    failed: int
    seconds: float

    @property
    def away(self) -> float:
        """From the closed form, in Monte Carlo standard errors of a simulation of that power."""
        return (self.power - self.exact) / self.error


def simulated(design: Design, replicates: int, seed: int, workers: int = 2) -> Result:
    """Power by simulation beside the closed form."""
    start = time.perf_counter()
    lowered = None if design.draw else design.lowered()
    with ThreadPoolExecutor(workers) as pool:
        got = np.fromiter(
            pool.map(partial(design.found, lowered, seed), range(replicates)), float, replicates
        )
    known = got[~np.isnan(got)]
    exact = design.closed_form()
    return Result(
        design, float(known.mean()), math.sqrt(exact * (1.0 - exact) / len(known)), exact,
        int(np.isnan(got).sum()), time.perf_counter() - start,
    )  # fmt: skip


def page(results: list[Result], replicates: int) -> str:
    """The results as a page."""
    lines = [
        "# Power by simulation and by theory\n",
        f"{len(results)} designs, {replicates:,} trials of each. The closed form is given a design's parameters and "
        "nothing that was simulated; the last column is their difference in Monte Carlo standard errors (MCSE), of "
        f"which four are allowed. Python {platform.python_version()}, numpy {np.__version__}, best_sim "
        f"{version('best-sim')}. Made by `python benchmarks/power_against_theory.py`.\n",
        "| design | families | analysis | simulated, % | MCSE | closed form, % | apart, in MCSE | failed |",
        "|---|---:|---|---:|---:|---:|---:|---:|",
    ]
    for one in results:
        of = str(one.design.families or 300)
        apart = f"{one.away:+.1f}" if abs(one.away) <= 4 else f"**{one.away:+.1f}**"
        lines.append(
            f"| {one.design.name} | {of} | `{one.design.method}` | {100 * one.power:.2f} | {100 * one.error:.2f} | "
            f"{100 * one.exact:.2f} | {apart} | {one.failed} |"
        )
    lines.append(
        "\nIn the last two the times are drawn directly, from exponential distributions. All others are whole "
        "simulated trials in a small world: who enters, is allocated, receives LIFT, moves, and is seen."
    )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Simulate every design, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    results = []
    for design in DESIGNS:
        if asked.only and asked.only not in design.name:
            continue
        got = simulated(design, asked.replicates, asked.seed)
        print(
            f"{design.name}: {got.power:.4f} against {got.exact:.4f} ({got.away:+.1f} MCSE, {got.seconds:.0f} s)",
            flush=True,
        )
        results.append(got)
    if not asked.only:
        PAGE.write_text(page(results, asked.replicates), encoding="utf-8")


if __name__ == "__main__":
    main()
