"""The size of every analysis's test when there is nothing to find: ``python benchmarks/type_one_error.py``.

Trials of the shipped power experiment are simulated, with siblings who resemble each other, families that are missed
and services that are not received. Then the arms are dealt out to the families anew, at random within each site, many
times for each trial. Whatever an arm does to a child, it does to both of these, so there is nothing to find, exactly,
for any outcome; what a test finds is its error of the first kind. All else (sizes of families, ties, skew, floors, who
was seen) is as in the trial.

An analysis is within its limits if its error lies within four Monte Carlo standard errors of the nominal 5 %. Dealings
of one trial are not independent of each other, so the error counts trials.
"""

from __future__ import annotations

import argparse
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from best_sim.measures.costs import UnitCosts
from best_sim.measures.economics import amounts_of
from best_sim.pathway import simulate
from best_sim.pathway.lowering import lower
from best_sim.questions.power.ask import PowerQuestion
from best_sim.trial.methods import METHODS
from best_sim.trial.outcomes import OUTCOMES, AnalysisSet, analysis_set
from best_sim.trial.performance import error_over_trials

HERE = Path(__file__).parent
PAGE = HERE / "type-one-error.md"
SEED, ALPHA = 11, 0.05
OUTCOME_OF = {
    "score": "sdq",
    "count": "moves",
    "yes or no": "three_or_more",
    "time": "permanence",
    "amount": "cost",
}
EXPECTED = {"t-test-children": "siblings are no strangers: too many false findings, as it should show"}
"""Analyses whose error is known to be another, and why."""


def dealt(data: AnalysisSet, rng: np.random.Generator, site: np.ndarray) -> AnalysisSet:
    """The same children, the arms dealt out to their families anew within each site."""
    families, first, back = np.unique(data.family, return_index=True, return_inverse=True)
    arm, where = data.treated[first], site[first]
    new = arm.copy()
    for one in np.unique(where):
        mine = where == one
        new[mine] = rng.permutation(arm[mine])
    treated = new[back]
    # a family complies in the same way in either arm
    return replace(data, treated=treated, had_lift=data.received & (treated == 1))


def of_trial(lowered: Any, prices: UnitCosts, number: int, dealings: int, methods: list[str]) -> pd.DataFrame:
    """One trial, dealt several times: a row for each dealing and analysis."""
    costed = any(METHODS[name].kind == "amount" for name in methods)
    journeys = simulate(lowered, SEED, number, "compiled", events=costed)
    sites = journeys.tables["families"]["site"]
    rng = np.random.Generator(np.random.Philox(key=np.array([SEED, number], np.uint64)))
    sets: dict[tuple[str, bool], AnalysisSet] = {}
    rows = []
    for name in methods:
        method = METHODS[name]
        key = (OUTCOME_OF[method.kind], method.keeps_unseen)
        if key not in sets:
            amounts = amounts_of(journeys, prices).known if method.kind == "amount" else None
            sets[key] = analysis_set(journeys, key[0], complete=not method.keeps_unseen, amounts=amounts)  # type: ignore[arg-type]
    for dealing in range(dealings):
        state = rng.bit_generator.state
        for name in methods:
            method = METHODS[name]
            data = sets[OUTCOME_OF[method.kind], method.keeps_unseen]
            rng.bit_generator.state = state
            fresh = replace(dealt(data, rng, sites[data.family]), luck=(SEED, number, dealing))
            start = time.perf_counter()
            fit = method.run(fresh, ALPHA, 0.0)
            spent = time.perf_counter() - start
            rows.append((name, number, dealing, fit.p_value, fit.converged, spent))
        rng.random()
    return pd.DataFrame(rows, columns=["method", "trial", "dealing", "p", "converged", "seconds"])


def page(rows: pd.DataFrame, trials: int, dealings: int) -> str:
    """The results as a page."""
    lines = [
        "# Errors of the first kind\n",
        f"Every analysis on {trials * dealings:,} trials in which there is nothing to find: {trials:,} simulated "
        f"trials of `trial-as-run`, in each of which the arms were dealt out to the families {dealings} times anew. "
        f"Nominal 5 %. Python {platform.python_version()}, numpy {np.__version__}, best_sim {version('best-sim')}. "
        "Made by `python benchmarks/type_one_error.py`.\n",
        "| analysis | outcome | error, % | MCSE | from 5 %, in MCSE | failed | ms a fit | |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for name in dict.fromkeys(rows["method"]):
        mine = rows[(rows["method"] == name) & rows["converged"]]
        found = (mine["p"] < ALPHA).to_numpy(float)
        share, error = float(found.mean()), error_over_trials(found, mine["trial"])
        away = (share - ALPHA) / error
        told = EXPECTED.get(name, "within four" if abs(away) <= 4 else "**beyond four**")
        failed = int((~rows.loc[rows["method"] == name, "converged"]).sum())
        outcome = OUTCOMES[OUTCOME_OF[METHODS[name].kind]].label
        ms = 1e3 * float(mine["seconds"].median())
        figures = f"{100 * share:.2f} | {100 * error:.2f} | {away:+.1f} | {failed} | {ms:.2f}"
        lines.append(f"| `{name}` | {outcome} | {figures} | {told} |")
    lines.append(
        "\nDealings of one trial share its children, so the error is computed over trials. The complier-average "
        "analysis takes a family to comply in either arm as it did in its own."
    )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Simulate, deal, analyse, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--dealings", type=int, default=20)
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    asked = parser.parse_args()
    experiment = PowerQuestion.load("power")
    scenario = experiment.scenario_of(experiment.designs[0])
    lowered, prices = lower(scenario), UnitCosts.of(scenario)
    parts = []
    with ThreadPoolExecutor(2) as workers:
        work = workers.map(
            lambda k: of_trial(lowered, prices, k, asked.dealings, asked.methods), range(asked.trials)
        )
        for k, part in enumerate(work):
            parts.append(part)
            if (k + 1) % 50 == 0:
                print(f"{k + 1} of {asked.trials} trials", flush=True)
    text = page(pd.concat(parts, ignore_index=True), asked.trials, asked.dealings)
    PAGE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
