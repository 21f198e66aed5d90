"""How fast the primary analysis is, beside what else could do it: ``python benchmarks/analyses.py``.

The same simulated trials, with as many families of one to three children as the published trial would have seen, are
analysed by this package's mixed model, by statsmodels' MixedLM (the same model) and by its GEE, in turn. MCPower fits
mixed models fast, in Rust, and draws its data itself; it refuses fewer than five children a family, so it is compared
on the nearest design that it accepts: as many children, in families of five.
"""

from __future__ import annotations

import argparse
import math
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from best_sim.trial.analysis import Fit, ancova_cluster_robust, mixed_model

PAGE = Path(__file__).parent / "analyses.md"
FAMILIES, ICC, EFFECT, BASELINE = 303, 0.3, 0.3, 0.4
SIZES = {1: 0.76, 2: 0.20, 3: 0.04}
FIVE = 5


@dataclass(frozen=True)
class Trial:
    """One trial's columns."""

    y: np.ndarray
    treated: np.ndarray
    family: np.ndarray
    covariates: np.ndarray


def drawn(rng: np.random.Generator, sizes: np.ndarray, covariates: int = 4) -> Trial:
    """A trial of families of given sizes: baseline and others, a family's part and a child's own."""
    family = np.repeat(np.arange(len(sizes)), sizes)
    n = len(family)
    treated = (family % 2).astype(float)
    x = rng.normal(size=(n, covariates))
    y = EFFECT * treated + BASELINE * x[:, 0]
    y += math.sqrt(ICC) * rng.normal(size=len(sizes))[family] + math.sqrt(1.0 - ICC) * rng.normal(size=n)
    return Trial(y, treated, family, x)


def trials(n: int, seed: int = 3) -> list[Trial]:
    """Trials with families as in the published one."""
    rng = np.random.default_rng(seed)
    return [drawn(rng, rng.choice(list(SIZES), size=FAMILIES, p=list(SIZES.values()))) for _ in range(n)]


# --- what is compared ---------------------------------------------------------------------------------------
def ours(trial: Trial) -> Fit:
    """The primary analysis."""
    return mixed_model(trial.y, trial.treated, trial.family, trial.covariates)


def kenward_roger(trial: Trial) -> Fit:
    """The same with Kenward and Roger's standard error and degrees of freedom."""
    return mixed_model(trial.y, trial.treated, trial.family, trial.covariates, df="kenward-roger")


def robust(trial: Trial) -> Fit:
    """Least squares, robust to families."""
    return ancova_cluster_robust(trial.y, trial.treated, trial.family, trial.covariates)


def _design(trial: Trial) -> np.ndarray:
    return np.column_stack([np.ones(len(trial.y)), trial.covariates, trial.treated])


def statsmodels_mixed(trial: Trial) -> tuple[float, float]:
    """The same model by statsmodels, REML."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = MixedLM(trial.y, _design(trial), groups=trial.family).fit(reml=True)
    return float(fit.fe_params[-1]), float(fit.bse_fe[-1])


def statsmodels_gee(trial: Trial) -> tuple[float, float]:
    """Generalised estimating equations by statsmodels, exchangeable."""
    from statsmodels.genmod.cov_struct import Exchangeable
    from statsmodels.genmod.generalized_estimating_equations import GEE

    fit = GEE(trial.y, _design(trial), groups=trial.family, cov_struct=Exchangeable()).fit()
    return float(fit.params[-1]), float(fit.bse[-1])


def seconds_each(work: Callable[[Trial], Any], some: list[Trial]) -> float:
    """Seconds for each trial, one after another."""
    start = time.perf_counter()
    for trial in some:
        work(trial)
    return (time.perf_counter() - start) / len(some)


def seconds_on_threads(work: Callable[[Trial], Any], some: list[Trial], workers: int) -> float:
    """Seconds for each trial, shared between threads."""
    parts = [some[k::workers] for k in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(len, parts))
        start = time.perf_counter()
        list(pool.map(lambda part: [work(trial) for trial in part], parts))
        return (time.perf_counter() - start) / len(some)


# --- MCPower ------------------------------------------------------------------------------------------------
def mcpower_seconds(replicates: int) -> tuple[float, float] | None:
    """Seconds for each of MCPower's trials, and the power it finds; None where it is not installed."""
    try:
        from mcpower import MCPower
    except ImportError:
        return None
    clusters = _of_five()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MCPower("y = treated + baseline + (1|family)", family="lme")
        model.set_variable_type("treated=binary")
        model.set_effects(
            f"treated={EFFECT / math.sqrt(1.0 - ICC)}, baseline={BASELINE / math.sqrt(1.0 - ICC)}"
        )
        model.set_cluster("family", ICC=ICC, n_clusters=clusters, cluster_level_vars=["treated"])
        model.set_seed(5)
        start = time.perf_counter()
        got = model.find_power(
            sample_size=clusters * FIVE, n_sims=replicates, target_test="treated", verbose=False,
            progress_callback=False,
        )  # fmt: skip
        spent = time.perf_counter() - start
    return spent / replicates, float(got["power_uncorrected"][0][0])


def _of_five() -> int:
    children = FAMILIES * sum(size * share for size, share in SIZES.items())
    return round(children / FIVE)


def ours_on_five(replicates: int) -> tuple[float, float]:
    """The same with this package: draw and analyse, on two threads."""

    def one(number: int) -> bool:
        rng = np.random.default_rng([5, number])
        trial = drawn(rng, np.full(_of_five(), FIVE), 1)
        treated = (rng.random(_of_five()) < 0.5).astype(float)[trial.family]
        y = trial.y + EFFECT * (treated - trial.treated)
        return mixed_model(y, treated, trial.family, trial.covariates).p_value < 0.05

    with ThreadPoolExecutor(2) as pool:
        start = time.perf_counter()
        found = list(pool.map(one, range(replicates), chunksize=50))
        return (time.perf_counter() - start) / replicates, statistics.mean(found)


def main() -> None:
    """Run, compare, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    some, few = trials(2000), trials(40)
    for work in (ours, kenward_roger, robust):
        work(some[0])
    times: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        times.setdefault(name, []).append(value)

    for _ in range(asked.rounds):
        note("mixed model, two threads", seconds_on_threads(ours, some, 2))
        note("mixed model", seconds_each(ours, some))
        note("mixed model, Kenward and Roger", seconds_each(kenward_roger, some))
        note("least squares, robust", seconds_each(robust, some))
        note("statsmodels MixedLM", seconds_each(statsmodels_mixed, few))
        note("statsmodels GEE", seconds_each(statsmodels_gee, few))
    apart = []
    for trial in few:
        mine, (estimate, error) = ours(trial), statsmodels_mixed(trial)
        apart.append((abs(mine.estimate - estimate) / error, abs(error / mine.standard_error - 1.0)))
    base = statistics.median(times["mixed model"])
    lines = [
        "# How fast the primary analysis is\n",
        f"Trials of {FAMILIES} families of one to three children, four covariates. Median of {asked.rounds} rounds, in "
        f"turn, in one run; Python {platform.python_version()}, numpy {np.__version__}, {_versions()}. "
        "Made by `python benchmarks/analyses.py`.\n",
        "| analysis | ms each | a second | times the mixed model |",
        "|---|---:|---:|---:|",
    ]
    for name, each in times.items():
        one = statistics.median(each)
        lines.append(f"| {name} | {1e3 * one:.3f} | {1.0 / one:,.0f} | {one / base:.2f} |")
    lines.append(
        f"\nOn {len(few)} of them the estimate differs from MixedLM's by at most {max(a for a, _ in apart):.1e} "
        f"standard errors, and MixedLM's standard error by {100 * statistics.median(b for _, b in apart):.2f} % "
        f"(median) and at most {100 * max(b for _, b in apart):.2f} % from this one."
    )
    mine = ours_on_five(4000)
    theirs = mcpower_seconds(4000)
    lines.append(
        f"\n## MCPower, families of five\n\n{_of_five()} families of five children, drawn and analysed.\n"
    )
    lines.append("| | ms a trial | a second | power, % |\n|---|---:|---:|---:|")
    lines.append(
        f"| best_sim, two threads | {1e3 * mine[0]:.3f} | {1 / mine[0]:,.0f} | {100 * mine[1]:.1f} |"
    )
    if theirs is not None:
        lines.append(
            f"| MCPower {version('mcpower')} | {1e3 * theirs[0]:.3f} | {1 / theirs[0]:,.0f} | "
            f"{100 * theirs[1]:.1f} |"
        )
        lines.append(
            "\nMCPower fits by maximum likelihood and refers to between-within degrees of freedom; it does not take "
            "families of one to three children, nor non-receipt, nor losses that depend on anything."
        )
    else:
        lines.append("\nMCPower was not installed.")
    text = "\n".join(lines) + "\n"
    PAGE.write_text(text, encoding="utf-8")
    print(text)


def _versions() -> str:
    out = []
    for name in ("best-sim", "statsmodels", "mcpower"):
        try:
            out.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(out)


if __name__ == "__main__":
    main()
