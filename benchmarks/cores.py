"""How much faster two workers are than one, and how long 2,000 trials with their primary analysis take.

Threads run the compiled engine, processes run SimPy, a local Dask cluster runs the compiled engine; one worker and two,
interleaved in one run, on the same replicates of the default trial. Written by `make bench` to `benchmarks/cores.md`
and `docs/pictures/cores.png`.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from best_sim.pathway import simulate
from best_sim.pathway.lowering import Lowered, lower
from best_sim.questions.power.ask import PowerQuestion
from best_sim.replications import Memory, Plan, cluster, run, whole_table
from best_sim.trial.analysis import PRIMARY_METHODS
from best_sim.trial.outcomes import analysis_set

HERE = Path(__file__).parent
PICTURE = HERE.parent / "docs" / "pictures" / "cores.png"
TRIALS = 2_000
SEED = 1
THREADS, PROCESSES, DASK = "threads, compiled", "processes, SimPy", "Dask local, compiled"


@dataclass(frozen=True)
class Trial:
    """One simulated trial and its primary analysis."""

    lowered: Lowered
    engine: Literal["compiled", "simpy"]
    method: str

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """Its row."""
        journeys = simulate(self.lowered, SEED, number, self.engine, events=False)
        data = analysis_set(journeys)
        fit = PRIMARY_METHODS[self.method](data.y, data.treated, data.family, data.covariates)
        return [
            {
                "replicate": number, "p": fit.p_value, "children": len(journeys.lived), "commands": journeys.n_steps,
            }
        ]  # fmt: skip


def default_trial() -> tuple[Lowered, str]:
    """The shipped power experiment's first design, and its method."""
    experiment = PowerQuestion.load("power")
    return lower(experiment.scenario_of(experiment.designs[0])), experiment.primary.method


def timed(work: Trial, executor: Executor, replicates: int, chunk: int) -> tuple[float, pd.DataFrame]:
    """Seconds, by the clock, and the rows."""
    keep = Memory()
    started = time.perf_counter()
    run(Plan(work, replicates, chunk), executor, keep=keep)
    return time.perf_counter() - started, whole_table(keep, replicates).to_pandas()


@dataclass(frozen=True)
class Way:
    """One way to run replicates."""

    name: str
    engine: Literal["compiled", "simpy"]
    workers: Callable[[int], AbstractContextManager[Executor]]
    replicates: int
    chunk: int


WAYS = (
    Way(THREADS, "compiled", ThreadPoolExecutor, 200, 10),
    Way(PROCESSES, "simpy", lambda n: ProcessPoolExecutor(n, mp_context=get_context("spawn")), 4, 1),
    Way(DASK, "compiled", lambda n: cluster("local", n), 200, 10),
)


def measure(rounds: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Interleaved rounds of each way with one worker and with two; seconds, and seconds until the first was ready."""
    lowered, method = default_trial()
    simulate(lowered, SEED, 0, "compiled")
    rows, starts = [], []
    for k in range(rounds):
        for way in WAYS:
            work = Trial(lowered, way.engine, method)
            for n in (1, 2) if k % 2 == 0 else (2, 1):
                began = time.perf_counter()
                with way.workers(n) as executor:
                    timed(work, executor, 2 * n, 1)  # imports, and loading what is compiled
                    ready = time.perf_counter() - began
                    seconds, got = timed(work, executor, way.replicates, way.chunk)
                rows.append({"way": way.name, "workers": n, "round": k, "ms": 1e3 * seconds / len(got)})
                starts.append({"way": way.name, "workers": n, "start-up": ready})
    return pd.DataFrame(rows), pd.DataFrame(starts)


def two_thousand() -> dict[str, float]:
    """The whole of it, by threads on every core."""
    lowered, method = default_trial()
    work = Trial(lowered, "compiled", method)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as executor:
        timed(work, executor, 2 * cores, 1)
        cpu = time.process_time()
        seconds, got = timed(work, executor, TRIALS, 20)
        cpu = time.process_time() - cpu
    return {
        "seconds, by the clock": seconds,
        "workers (threads)": cores,
        "ms a trial, by the clock": 1e3 * seconds / TRIALS,
        "ms a trial, of one core": 1e3 * cpu / TRIALS,
        "children simulated a second": got["children"].sum() / seconds,
        "commands a second": got["commands"].sum() / seconds,
        "ns a command, of one core": 1e9 * cpu / got["commands"].sum(),
        "most memory, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def summarised(raw: pd.DataFrame, starts: pd.DataFrame) -> pd.DataFrame:
    """A row for each way: milliseconds a trial with one worker and with two, the ratio within each round, start-up."""
    by = raw.pivot_table(index=["way", "round"], columns="workers", values="ms")
    ratio = by[1] / by[2]
    table = pd.DataFrame(
        {
            "ms a trial, one worker": by[1].groupby("way").median(),
            "two workers": by[2].groupby("way").median(),
            "speed-up": ratio.groupby("way").median(),
            "least": ratio.groupby("way").min(),
            "most": ratio.groupby("way").max(),
            "start-up, s": starts[starts["workers"] == 2].groupby("way")["start-up"].median(),
        }
    )
    return table.loc[[way.name for way in WAYS]]


def picture(raw: pd.DataFrame) -> Figure:
    """Speed-up of each round, beside what two workers could give at most."""
    by = raw.pivot_table(index=["way", "round"], columns="workers", values="ms")
    ratio = (by[1] / by[2]).reset_index(name="ratio")
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    ax = figure.add_subplot()
    names = [way.name for way in WAYS][::-1]
    for i, name in enumerate(names):
        mine = ratio.loc[ratio["way"] == name, "ratio"]
        ax.plot(mine, np.full(len(mine), i), "o", color="#4a6a8a", alpha=0.5, markersize=6)
        ax.plot([mine.median()] * 2, [i - 0.25, i + 0.25], color="#1f3147", linewidth=2)
        ax.annotate(f"{mine.median():.2f}", (mine.median(), i + 0.3), ha="center", va="bottom", fontsize=9)
    ax.axvline(1.0, color="#999999", linewidth=0.8)
    ax.axvline(2.0, color="#999999", linewidth=0.8, linestyle="--")
    ax.set_xlim(0.8, 2.2)
    ax.set_ylim(-0.6, len(names) - 0.2)
    ax.set_yticks(range(len(names)), names)
    ax.set_xlabel(
        "times as fast with two workers as with one\n(dots: rounds, bar: median, dashed: twice as fast)"
    )
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def as_markdown(table: pd.DataFrame, whole: dict[str, float], rounds: int, load: float) -> str:
    """The results as a page."""
    lines = [
        "# Workers, and 2,000 trials",
        "",
        "The trial of the shipped power experiment (`trial-as-run`, first design), simulated without the event record, "
        f"and its primary analysis. Seed {SEED}. Python {platform.python_version()}, numpy {np.__version__}, numba "
        f"{version('numba')}, SimPy {version('simpy')}, distributed {version('distributed')}; {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f} at the start. Made by `make bench`.",
        "",
        f"## {TRIALS:,} trials with their primary analysis",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {_shown(value)} |" for name, value in whole.items()),
        "",
        "Compiled before; the first compilation on a machine is in [results.md](results.md).",
        "",
        "## One worker and two",
        "",
        f"{rounds} rounds, interleaved; medians, with the least and the most of the rounds. "
        + ", ".join(f"{way.replicates} trials by {way.name}" for way in WAYS)
        + ". Start-up of two workers, with imports and the first trial, is not in the other figures.",
        "",
        "| | " + " | ".join(table.columns) + " |",
        "|" + "---|" * (1 + len(table.columns)),
        *(f"| {name} | " + " | ".join(_shown(v) for v in row) + " |" for name, row in table.iterrows()),
        "",
        "What two workers share keeps them from being twice as fast: for threads the interpreter's lock, which the "
        "kernel does not hold but the rest of a trial does; for all, the memory and the clock of the processor.",
        "",
    ]
    return "\n".join(lines)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    load = os.getloadavg()[0]
    whole = two_thousand()
    raw, starts = measure(rounds)
    text = as_markdown(summarised(raw, starts), whole, rounds, load)
    print(text)
    (HERE / "cores.md").write_text(text, encoding="utf-8")
    picture(raw).savefig(PICTURE, dpi=150)


if __name__ == "__main__":
    main()
