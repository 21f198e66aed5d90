"""Cost and memory for each child, from 500 children in a run to 100,000: ``python benchmarks/scale.py``.

A size is reached with more areas, all alike: each has a court with its own diary and sends it some 500 children in
twelve years. Sitting time, the court's other cases and the children grow together, so each court is as busy at every
size, and a child meets the same waits. The area is a scaled copy of the smallest of `parameters/england.toml`.

Each measurement is made in a process of its own, so that its peak of memory is its own, and in interleaved rounds, so
that a busy machine slows all alike. A process imports, loads what is compiled, and takes the memory it has then as
none; it simulates one replicate, for the peak of memory and to warm up, and then replicates that are timed. Time is
the processor's, so that a process that has to wait for another is not charged for it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from best_sim.engine.luck import uniform_at
from best_sim.engine.simpy_driver import run_simpy
from best_sim.pathway.journeys import Journeys
from best_sim.pathway.lowering import lower, state_of
from best_sim.pathway.model import PATHWAY, compiled_pathway
from best_sim.scenario import Scenario, shipped_parameters
from best_sim.scenario.writing import toml_document

HERE = Path(__file__).parent
PAGE = HERE / "scale.md"
PICTURE = HERE.parent / "docs" / "pictures" / "scale.png"

AREA, PER_AREA = "luton", 500
SIZES = (500, 5_000, 50_000, 100_000)
ENGLAND = 0
"""Stands for the scenario of England, whose areas are not all alike."""
PLAN = [("compiled", n) for n in SIZES] + [("simpy", n) for n in SIZES[:2]] + [("compiled", ENGLAND)]
PARTS = ("state", "run", "tables")
PART_NAMES = {"state": "making the state", "run": "running it", "tables": "making the tables"}
TABLES = (
    "events", "families", "children", "placements", "proceedings", "hearings", "services", "assessments", "visits",
)  # fmt: skip
CHILDREN_TIMED = {"compiled": 20_000, "simpy": 4_000}
"""In each process so many children are timed, in as many replicates as it takes, and one replicate at least."""


# --- the scenario -------------------------------------------------------------------------------------------


def _times(entry: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """A dated parameter with all of its values multiplied."""
    return {**entry, "value": [{**at, "value": at["value"] * factor} for at in entry["value"]]}


def areas_alike(areas: int) -> Scenario:
    """England's sites, years and unit costs, with so many areas of some 500 children each, and a court for each."""
    table = tomllib.loads((shipped_parameters() / "england.toml").read_text(encoding="utf-8"))
    court, borough = table["courts"].pop(AREA), table["boroughs"].pop(AREA)
    per_year = float(np.mean([at["value"] for at in borough["entries"]["value"]]))
    years = (
        365.25 * 2
        + (table["simulation"]["end_date"]["value"] - table["simulation"]["start_date"]["value"]).days
    )
    factor = PER_AREA / (per_year * years / 365.25)
    table["courts"] = {
        f"area_{k}": {
            **court,
            **{name: _times(court[name], factor) for name in ("sitting_days_per_week", "other_cases")},
        }
        for k in range(areas)
    }
    table["boroughs"] = {
        f"area_{k}": {
            **borough,
            "entries": _times(borough["entries"], factor),
            "court": {**borough["court"], "value": f"area_{k}"},
        }
        for k in range(areas)
    }
    leaves: list[tuple[tuple[str, ...], Mapping[str, Any]]] = []

    def walk(path: tuple[str, ...], inside: Mapping[str, Any]) -> None:
        for key, value in inside.items():
            if "value" in value:
                leaves.append(((*path, key), value))
            else:
                walk((*path, key), value)

    walk((), {key: value for key, value in table.items() if isinstance(value, dict)})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scale.toml"
        file.write_text(toml_document({"extends": "base"}, leaves), encoding="utf-8")
        return Scenario.load(file)


# --- one measurement, in a process of its own ---------------------------------------------------------------


def peak() -> float:
    """Most memory that this process has held so far, in MiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


def one(engine: str, size: int, seed: int) -> dict[str, float]:
    """Cost by part and memory of one size: microseconds a child, MiB, and how many children there were."""
    scenario = Scenario.load("england") if size == ENGLAND else areas_alike(size // PER_AREA)
    lowered = lower(scenario)
    run = compiled_pathway().run if engine == "compiled" else lambda state: run_simpy(PATHWAY, state)
    uniform_at(seed, 0, 1, 0, 1, 0)
    before = peak()
    seconds, children, commands = dict.fromkeys(PARTS, 0.0), 0, 0
    out: dict[str, float] = {}
    replicate = 0
    while children < CHILDREN_TIMED[engine]:
        times = [time.process_time()]
        state = state_of(lowered, seed, replicate)
        times.append(time.process_time())
        done = run(state)
        times.append(time.process_time())
        journeys = Journeys.from_run(done, lowered, seed, replicate)
        if replicate == 0:
            out["MiB without tables"] = peak() - before
        times[-1] = time.process_time()
        for name in TABLES:
            getattr(journeys, name)
        times.append(time.process_time())
        if replicate == 0:
            out["MiB"] = peak() - before
            out["children"] = len(journeys.lived)
        else:
            for part, took in zip(PARTS, np.diff(times), strict=True):
                seconds[part] += took
            children += len(journeys.lived)
            commands += journeys.n_steps
        del state, done, journeys
        replicate += 1
    out |= {part: took / children * 1e6 for part, took in seconds.items()}
    out["total"] = sum(out[part] for part in PARTS)
    out["commands"] = commands / children
    return out


# --- all of them --------------------------------------------------------------------------------------------


def measure(rounds: int) -> pd.DataFrame:
    """Every measurement in every round; who goes first changes from round to round."""
    rows = []
    for k in range(rounds):
        for n in range(len(PLAN)):
            engine, size = PLAN[(n + 3 * k) % len(PLAN)]
            command = [sys.executable, __file__, "--one", engine, str(size), "--seed", str(k + 1)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows.append(
                {"round": k, "engine": engine, "size": size, **json.loads(done.stdout.splitlines()[-1])}
            )
            print(
                f"round {k + 1} of {rounds}: {engine}, {name_of(size)}: {rows[-1]['total']:.1f} us a child",
                flush=True,
            )
    raw = pd.DataFrame(rows)
    base = raw[(raw["engine"] == "compiled") & (raw["size"] == 5_000)].set_index("round")["total"]
    raw["ratio"] = raw["total"] / base.loc[raw["round"]].to_numpy()
    raw["KiB a child"] = raw["MiB"] * 1024 / raw["children"]
    return raw


def name_of(size: int) -> str:
    return "England" if size == ENGLAND else f"{size:,} children"


def medians(raw: pd.DataFrame) -> pd.DataFrame:
    """Medians over rounds, in the order of the plan."""
    return raw.groupby(["engine", "size"]).median().loc[PLAN]


def growth(middle: pd.DataFrame) -> list[str]:
    """What is flat and what is not, in words with the run's own numbers."""
    few, some, many = (middle.loc[("compiled", size)] for size in (500, 5_000, 100_000))
    slope = (some["tables"] * some["children"] - few["tables"] * few["children"]) / (
        some["children"] - few["children"]
    )
    fixed = (few["tables"] - slope) * few["children"] / 1e3
    return [
        "A child has as many commands at every size. Running one costs "
        f"{many['run'] / some['run']:.1f} times as much at 100,000 children as at 5,000. We lay it to memory, "
        f"{many['MiB']:,.0f} MiB against {some['MiB']:,.0f}: less of it is found in the processor's cache (not counted "
        "here), and its pages are asked anew of the system for each replicate. Making the tables has a part that does "
        f"not depend on the children, some {fixed:.0f} ms a replicate, which is most of the cost at 500 children.",
        "",
    ]


def as_markdown(raw: pd.DataFrame) -> str:
    """The results as a page."""
    middle = medians(raw)
    spread = raw.groupby(["engine", "size"])["ratio"].agg(["min", "max"])
    lines = [
        "# Cost and memory by size",
        "",
        f"From 500 children in a run to 100,000; {raw['round'].nunique()} interleaved rounds, medians. Python "
        f"{platform.python_version()}, numpy {np.__version__}, pandas {pd.__version__}, numba {version('numba')}, "
        f"SimPy {version('simpy')}; {platform.system()} {platform.machine()}, {os.cpu_count()} cores. Made by "
        "`python benchmarks/scale.py`.",
        "",
        "| engine | size | children | microseconds a child | "
        + " | ".join(PART_NAMES[part] for part in PARTS)
        + " | x 5,000 | commands a child | peak, MiB | KiB a child |",
        "|---|---|" + "---:|" * 9,
    ]
    for engine, size in PLAN:
        row, least, most = middle.loc[(engine, size)], *spread.loc[(engine, size)]
        lines.append(
            f"| {engine} | {name_of(size)} | {row['children']:,.0f} | {row['total']:,.1f} | "
            + " | ".join(f"{row[part]:,.1f}" for part in PARTS)
            + f" | {row['ratio']:.2f} ({least:.2f} to {most:.2f}) | {row['commands']:.1f} | {row['MiB']:,.0f} "
            f"| {row['KiB a child']:,.1f} |"
        )
    lines += [
        "",
        "A size is reached with more areas, all alike: 1, 10, 100 and 200 courts, each with its own diary and some "
        "500 children in twelve years (two of warm-up). Sitting time and the court's other cases grow with the "
        "children, so that each court is as busy at every size. England is the shipped scenario, with 41 areas of "
        "unequal size.",
        "",
        "Making the state: who enters when, and empty tables. Running it: the processes, from first to last, and the "
        "event record. Making the tables: all nine of `Journeys`; they are made only when they are asked for. Time is "
        "the processor's, the system's part of it included. The ratio is that of microseconds a child to those of the "
        "compiled engine at 5,000 children in the same round, with the least and the greatest of the rounds. Peak "
        "memory is what a process with one replicate and all of its tables holds at most, less what it held after "
        "imports.",
        "",
        *growth(middle),
        "",
    ]
    return "\n".join(lines)


def picture(raw: pd.DataFrame):  # type: ignore[no-untyped-def]
    """Cost for each child, and peak memory, by children in the run; a dot for each round."""
    from matplotlib.figure import Figure

    middle = medians(raw)
    blue, orange, ink, grey = "#0072B2", "#D55E00", "#1b1f24", "#6b7280"
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    cost, memory = figure.subplots(1, 2)
    alike = raw[raw["size"] != ENGLAND]
    england = raw[raw["size"] == ENGLAND]
    for ax, column in ((cost, "total"), (memory, "MiB")):
        for engine, color in (("compiled", blue), ("simpy", orange)):
            dots = alike[alike["engine"] == engine]
            ax.plot(dots["children"], dots[column], "o", color=color, alpha=0.35, markersize=5, clip_on=False)
            line = middle.loc[engine].drop(index=ENGLAND, errors="ignore")
            ax.plot(line["children"], line[column], color=color, lw=1.8)
        ax.plot(england["children"], england[column], "D", color=ink, alpha=0.5, markersize=5)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlim(350, 250_000)
        ax.set_xticks(SIZES, [f"{n:,}" for n in SIZES])
        for label, side in zip(ax.get_xticklabels()[-2:], ("right", "left"), strict=True):
            label.set_ha(side)
        ax.minorticks_off()
        ax.set_xlabel("children in the run")
        ax.spines[["top", "right"]].set_visible(False)
    shade = {"state": ":", "run": "--", "tables": "-."}
    line = middle.loc["compiled"].drop(index=ENGLAND)
    for part in PARTS:
        cost.plot(line["children"], line[part], color=grey, lw=1.0, ls=shade[part], label=PART_NAMES[part])
    cost.set_ylim(0.5, 2_000)
    cost.set_yticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    cost.set_title("Microseconds for each child", loc="left", fontsize=11)
    cost.legend(
        frameon=False,
        fontsize=8,
        loc=(0.56, 0.72),
        title="parts, compiled",
        title_fontsize=8,
        alignment="left",
    )
    on_simpy, compiled = middle.loc[("simpy", 5_000)], middle.loc[("compiled", 100_000)]
    cost.annotate(
        "SimPy", (on_simpy["children"], on_simpy["total"]), (10, -3), textcoords="offset points", color=orange
    )
    cost.annotate(
        f"compiled: {compiled['total']:.0f}", (compiled["children"], compiled["total"]), (-30, 14),
        textcoords="offset points", color=blue,
    )  # fmt: skip
    memory.set_yticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    memory.set_title("Peak memory of one replicate with its tables, MiB", loc="left", fontsize=11)
    there = middle.loc[("compiled", ENGLAND)]
    memory.annotate(
        f"England\n{there['MiB']:,.0f} MiB", (there["children"], there["MiB"]), (6, -26),
        textcoords="offset points", color=ink, fontsize=9,
    )  # fmt: skip
    memory.annotate(
        f"{compiled['KiB a child']:.0f} KiB a child",
        (compiled["children"], compiled["MiB"]),
        (-62, -70),
        textcoords="offset points",
        color=blue,
    )
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", nargs=2, metavar=("ENGINE", "SIZE"), help="one measurement, as JSON")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one[0], int(asked.one[1]), asked.seed)))
        return
    compiled_pathway()  # compiled once, before anything is measured
    raw = measure(asked.rounds)
    text = as_markdown(raw)
    print(text)
    PAGE.write_text(text, encoding="utf-8")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    picture(raw).savefig(PICTURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
