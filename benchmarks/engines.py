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
from pathlib import Path

import numpy as np
import pandas as pd
import simpy
from matplotlib.figure import Figure

from best_sim.pathway import simulate
from best_sim.pathway.lowering import lower
from best_sim.scenario import Scenario

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
    """Interleaved rounds of each engine, on the same replicates."""
    lowered = lower(Scenario.load("trial-as-run"))
    simulate(lowered, 1, 0, "compiled")
    rows = []
    for k in range(rounds):
        journeys = simulate(lowered, 1, k, "compiled")
        commands, children = journeys.n_steps, len(journeys.lived)
        for engine in ("compiled", "simpy"):
            taken = seconds(lambda engine=engine, k=k: simulate(lowered, 1, k, engine))
            rows.append(
                {"engine": engine, "round": k, "seconds": taken, "commands": commands, "children": children}
            )
        taken = seconds(lambda commands=commands: bare_simpy(commands))
        rows.append(
            {
                "engine": "bare SimPy timeouts",
                "round": k,
                "seconds": taken,
                "commands": commands,
                "children": children,
            }
        )
    raw = pd.DataFrame(rows)
    median = raw.groupby("engine")[["seconds", "commands", "children"]].median()
    table = pd.DataFrame(
        {
            "ms a replicate": median["seconds"] * 1e3,
            "commands a second": median["commands"] / median["seconds"],
            "ns a command": median["seconds"] / median["commands"] * 1e9,
            "children a second": median["children"] / median["seconds"],
            "x compiled": median["seconds"] / median.loc["compiled", "seconds"],
        }
    ).sort_values("ms a replicate")
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
    ax.set_yticks(
        range(len(names)),
        [{"simpy": "pathway on SimPy", "compiled": "pathway compiled"}.get(n, n) for n in names],
    )
    ax.set_xlabel(
        "milliseconds for one replicate of the default trial (log scale; dots: rounds, bar: median)"
    )
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def as_markdown(table: pd.DataFrame, first: dict[str, float], rounds: int) -> str:
    head = ["engine", *table.columns]
    lines = ["# Engines on one replicate of the default trial", ""]
    lines += [
        f"Scenario `trial-as-run`, {rounds} interleaved rounds in one run, medians; "
        f"Python {platform.python_version()}, {os.cpu_count()} cores. Made by `make bench`.",
        "",
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
    ]
    for name, row in table.iterrows():
        cells = [f"{v:,.1f}" if v < 1000 else f"{v:,.0f}" for v in row]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "| first compiled replicate | seconds |", "|---|---|"]
    lines += [f"| {name} | {value:.1f} |" for name, value in first.items()]
    lines += [
        "",
        "A bare SimPy loop does nothing but let time pass, once for each command that the pathway gives.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    rounds = parser.parse_args().rounds
    table, raw, first = measure(rounds)
    text = as_markdown(table, first, rounds)
    print(text)
    (HERE / "results.md").write_text(text, encoding="utf-8")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    picture(raw).savefig(PICTURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
