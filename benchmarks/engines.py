"""How fast one replicate of the default trial is: SimPy, compiled, and a bare SimPy loop of as many timeouts.

Run it with ``make bench``. Everything is measured in one run, in interleaved rounds, so that a busy machine slows all
alike; what is reported are medians, and ratios within the run. First calls (with and without a compile cache) are timed
apart, in processes of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import simpy
from matplotlib.figure import Figure

from best_sim.pathway import simulate
from best_sim.pathway.lowering import lower
from best_sim.scenario import Scenario

COMPILED, ON_SIMPY, BARE = "pathway, compiled", "pathway on SimPy", "bare SimPy timeouts"
HERE = Path(__file__).parent
PICTURE = HERE.parent / "docs" / "pictures" / "benchmark.png"

FIRST_CALL = """
import json, time
from best_sim.scenario import Scenario
from best_sim.pathway import simulate
scenario = Scenario.load("trial-as-run")
begin = time.perf_counter(); simulate(scenario, 1, 0, "compiled"); print(json.dumps(time.perf_counter() - begin))
"""


def bare_simpy(timeouts: int) -> None:
    """One SimPy process that lets time pass as many times as the trial has commands."""

    def process(env: simpy.Environment):  # type: ignore[no-untyped-def]
        for _ in range(timeouts):
            yield env.timeout(1.0)

    env = simpy.Environment()
    env.process(process(env))
    env.run()


def seconds(task: Callable[[], object]) -> float:
    begin = time.perf_counter()
    task()
    return time.perf_counter() - begin


def first_calls() -> dict[str, float]:
    """Seconds of the first compiled replicate on a machine without and with a compile cache."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"BEST_SIM_CACHE": cache}
        out = {}
        for name in ("cold cache", "warm cache"):
            done = subprocess.run(
                [sys.executable, "-c", FIRST_CALL],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            out[name] = float(json.loads(done.stdout.splitlines()[-1]))
    return out


def measure(rounds: int) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, float]]:
    """Interleaved rounds of each engine, on the same replicates; who goes first changes from round to round."""
    lowered = lower(Scenario.load("trial-as-run"))
    simulate(lowered, 1, 0, "compiled")
    rows = []
    for k in range(rounds):
        journeys = simulate(lowered, 1, k, "compiled")
        commands = journeys.n_steps
        size = {
            "commands": commands,
            "events": len(journeys.record),
            "children": len(journeys.lived),
            "families": len(journeys.tables["families"]),
        }
        tasks: list[tuple[str, Callable[[], object]]] = [
            (COMPILED, lambda k=k: simulate(lowered, 1, k, "compiled")),
            (ON_SIMPY, lambda k=k: simulate(lowered, 1, k, "simpy")),
            (BARE, lambda commands=commands: bare_simpy(commands)),
        ]
        for n in range(len(tasks)):
            engine, task = tasks[(n + k) % len(tasks)]
            rows.append({"engine": engine, "round": k, "seconds": seconds(task), **size})
    raw = pd.DataFrame(rows)
    median = raw.groupby("engine")[["seconds", "commands", "children"]].median()
    spread = raw.groupby("engine")["seconds"].agg(["min", "max"]) * 1e3
    table = pd.DataFrame(
        {
            "ms a replicate": median["seconds"] * 1e3,
            "fastest": spread["min"],
            "slowest": spread["max"],
            "commands a second": median["commands"] / median["seconds"],
            "ns a command": median["seconds"] / median["commands"] * 1e9,
            "children a second": median["children"] / median["seconds"],
            "x compiled": median["seconds"] / median.loc[COMPILED, "seconds"],
        }
    ).sort_values("ms a replicate")
    table.loc[BARE, "children a second"] = np.nan
    return table, raw, first_calls()


def picture(raw: pd.DataFrame) -> Figure:
    """Milliseconds a replicate on a log scale, a dot for each round."""
    figure = Figure(figsize=(8, 2.8), layout="constrained")
    ax = figure.add_subplot()
    names = list(raw.groupby("engine")["seconds"].median().sort_values(ascending=False).index)
    for y, name in enumerate(names):
        ms = raw.loc[raw["engine"] == name, "seconds"].to_numpy() * 1e3
        ax.plot(ms, np.full(len(ms), y), "o", color="#0072B2", alpha=0.45, markersize=6)
        ax.plot(np.median(ms), y, "|", color="#1b1f24", markersize=20)
        ax.annotate(
            f"{np.median(ms):,.0f} ms", (np.median(ms), y), (0, 14), textcoords="offset points", ha="center"
        )
    ax.set_xscale("log")
    ax.set_ylim(-0.6, len(names) - 0.3)
    ax.set_yticks(range(len(names)), names)
    ax.set_xlabel(
        "milliseconds for one replicate of the default trial (log scale; dots: rounds, bar: median)"
    )
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def as_markdown(table: pd.DataFrame, raw: pd.DataFrame, first: dict[str, float]) -> str:
    """The results as a page."""
    size = raw[["commands", "events", "families", "children"]].median()
    lines = [
        "# Engines on one replicate of the default trial",
        "",
        f"Scenario `trial-as-run`, seed 1, {raw['round'].nunique()} interleaved rounds in one run. Python "
        f"{platform.python_version()}, numpy {np.__version__}, numba {version('numba')}, SimPy {version('simpy')}; "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores. Made by `make bench`.",
        "",
        f"One replicate (median): {size['families']:,.0f} families and {size['children']:,.0f} children from two years "
        f"before the start to the end of follow-up, in the trial and out of it; {size['commands']:,.0f} commands, "
        f"{size['events']:,.0f} events recorded.",
        "",
        "| engine | " + " | ".join(table.columns) + " |",
        "|" + "---|" * (1 + len(table.columns)),
    ]
    for name, row in table.iterrows():
        cells = ["" if np.isnan(v) else f"{v:,.1f}" if v < 1000 else f"{v:,.0f}" for v in row]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Milliseconds are medians over rounds, with the fastest and the slowest round; the rest follows from the "
        "medians. A command is what a process yields: let time pass, take a place, book a hearing, record an event. "
        "The bare SimPy loop does nothing but let time pass, once for each command; no model on SimPy can be faster "
        "than that.",
        "",
        "| first compiled replicate, in a new process | seconds |",
        "|---|---|",
        *(f"| {name} | {value:.1f} |" for name, value in first.items()),
        "",
        "With a cold cache the pathway is compiled first, once on a machine and for all scenarios. Imports are not "
        "counted.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    rounds = parser.parse_args().rounds
    table, raw, first = measure(rounds)
    text = as_markdown(table, raw, first)
    print(text)
    (HERE / "results.md").write_text(text, encoding="utf-8")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    picture(raw).savefig(PICTURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
