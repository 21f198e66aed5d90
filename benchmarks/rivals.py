"""How fast the same small pathway is in this package's engine and in others, and whether their results agree.

Run it with ``make bench``, which installs the other engines first; one that is not there is named and left out.
Everything is measured in one run, in interleaved rounds, and who goes first changes from round to round. The results of
all rounds are then compared: this package's two drivers must give the same replicates to the last bit, and the means of
every other engine must lie within four standard errors of this package's. If they don't, nothing is written.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from small_pathway.parameters import COMPILED, ON_SIMPY, OUTPUTS, Engine, Parameters, Replicate

HERE = Path(__file__).parent
PICTURE = HERE.parent / "docs" / "pictures" / "rivals.png"
PAGE = HERE.parent / "docs" / "explanation" / "engines-compared.md"
BEGIN, END = "<!-- written by make bench -->", "<!-- until here -->"

RIVALS = {"SimPy": "on_simpy", "Ciw": "on_ciw", "salabim": "on_salabim", "Cimba": "on_cimba"}
"""The engines compared with, and the modules of `small_pathway` that hold their models."""

BOUND = 4.0
"""Standard errors by which a mean may differ from this package's."""

FEWEST = 30
"""Rounds from which a mean over its standard error is near enough to normal for that bound."""

WORDS = {
    "children": "children",
    "moves": "moves per child",
    "lift_wait": "days of wait for the team",
    "room_wait": "days of wait for a room",
    "case_weeks": "weeks to the last hearing",
    "visits": "visits seen per child",
    "team_in_use": "places in use",
}

START = """
import json, sys, time
begin = time.perf_counter()
import importlib
module = importlib.import_module("small_pathway." + sys.argv[1])
imported = time.perf_counter()
from small_pathway.parameters import Parameters
module.engines(Parameters.load())[0].run(1, 1)
print(json.dumps([imported - begin, time.perf_counter() - imported]))
"""


# --- running ------------------------------------------------------------------------------------------------


def prepare(p: Parameters, rivals: dict[str, str]) -> tuple[list[Engine], dict[str, str]]:
    """The engines that can be had here, ready to run, and why the others can't.

    Parameters
    ----------
    p : Parameters
    rivals : dict of str to str
        As `RIVALS`.

    Returns
    -------
    engines : list of Engine
        This package's two first.
    left_out : dict of str to str
        By name of a rival, the reason.
    """
    # Whatever a rival stumbles over, the others are still compared.
    modules, left_out = {}, {}
    for name, module in rivals.items():
        try:
            modules[name] = importlib.import_module(f"small_pathway.{module}")
        except Exception as error:
            left_out[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    # After the rivals: Cimba cannot compile a model if numba has compiled anything before Cimba was imported.
    from small_pathway import on_best_sim

    engines = on_best_sim.engines(p)
    for name, module in modules.items():
        try:
            engines += module.engines(p)
        except Exception as error:
            left_out[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    return engines, left_out


def measure(engines: list[Engine], rounds: int) -> tuple[pd.DataFrame, dict[str, list[Replicate]]]:
    """Interleaved rounds of all engines.

    Parameters
    ----------
    engines : list of Engine
    rounds : int

    Returns
    -------
    times : pandas.DataFrame
        A row for each engine and round: `engine`, `round`, `seconds` of the processor for a replicate.
    replicates : dict of str to list of Replicate
        What each engine reported, over all rounds.
    """
    rows, replicates = [], {engine.name: [] for engine in engines}
    for k in range(rounds):
        for n in range(len(engines)):
            engine = engines[(n + k) % len(engines)]
            gc.collect()  # what one engine leaves behind is not cleared away at the cost of the next
            # Processor time of this process and its threads: all engines run on one, and none waits for anything.
            begin = time.process_time()
            found = engine.run(k, engine.replicates)
            seconds = (time.process_time() - begin) / engine.replicates
            rows.append({"engine": engine.name, "round": k, "seconds": seconds})
            replicates[engine.name] += found
            if engine.name == ON_SIMPY:
                mine = found
            elif engine.name == COMPILED:
                reference = found
        check_drivers(mine, reference, k)
        print(f"round {k + 1} of {rounds}", file=sys.stderr)
    return pd.DataFrame(rows), replicates


def check_drivers(on_simpy: list[Replicate], compiled: list[Replicate], seed: int) -> None:
    """End the benchmark if this package's two drivers differ in anything, for the replicates that both have run."""
    for k, (one, other) in enumerate(zip(on_simpy, compiled, strict=False)):
        if one != other:
            raise SystemExit(
                f"rivals.py: the two drivers of best_sim differ, seed {seed}, replicate {k}.\n"
                f"  on SimPy: {one}\n  compiled: {other}"
            )


# --- agreement ----------------------------------------------------------------------------------------------


def agreement(replicates: dict[str, list[Replicate]]) -> pd.DataFrame:
    """By engine, mean and standard error of each output, and how far it is from the compiled engine's.

    Parameters
    ----------
    replicates : dict of str to list of Replicate
        `COMPILED` among them.

    Returns
    -------
    pandas.DataFrame
        A row for each engine and output: `engine`, `output`, `replicates`, `mean`, `error` (standard error of the
        mean), `z` (difference from the compiled engine in standard errors of the difference). `z` is NaN for this
        package's own two drivers, whose replicates are not independent of each other but equal.
    """
    rows = []
    reference = np.array(replicates[COMPILED], dtype=float)[:, : len(OUTPUTS)]
    middle = reference.mean(axis=0)
    spread = reference.std(axis=0, ddof=1) / np.sqrt(len(reference))
    for engine, found in replicates.items():
        values = np.array(found, dtype=float)[:, : len(OUTPUTS)]
        mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
        for i, output in enumerate(OUTPUTS):
            z = (mean[i] - middle[i]) / np.hypot(error[i], spread[i])
            rows.append(
                {
                    "engine": engine,
                    "output": output,
                    "replicates": len(values),
                    "mean": mean[i],
                    "error": error[i],
                    "z": np.nan if engine in (COMPILED, ON_SIMPY) else z,
                }
            )
    return pd.DataFrame(rows)


def disagreements(compared: pd.DataFrame) -> list[str]:
    """One line for each mean beyond the bound, or not a number; none if all agree."""
    wrong = compared[~compared["engine"].isin([COMPILED, ON_SIMPY]) & ~(compared["z"].abs() <= BOUND)]
    reference = compared[compared["engine"] == COMPILED].set_index("output")
    return [
        f"{row['engine']}, {WORDS[row['output']]}: {row['mean']:.4g} (standard error {row['error']:.2g}), "
        f"against {reference.loc[row['output'], 'mean']:.4g} "
        f"(standard error {reference.loc[row['output'], 'error']:.2g}); z = {row['z']:.1f}, allowed {BOUND:g}"
        for _, row in wrong.iterrows()
    ]


# --- starting -----------------------------------------------------------------------------------------------


def starts(modules: dict[str, str]) -> pd.DataFrame:
    """Seconds to import each engine, and to its first replicate, each in a new process.

    This package is started twice, with an empty folder for compiled models and with the one that this has filled.
    """
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, module in modules.items():
            done = subprocess.run(
                [sys.executable, "-c", START, module],
                env=os.environ | {"BEST_SIM_CACHE": folder, "PYTHONPATH": str(HERE)},
                capture_output=True,
                text=True,
                check=True,
            )
            rows[name] = json.loads(done.stdout.splitlines()[-1])
    return pd.DataFrame.from_dict(rows, orient="index", columns=["import", "first replicate"])


# --- telling ------------------------------------------------------------------------------------------------


def speed(engines: list[Engine], times: pd.DataFrame, replicates: dict[str, list[Replicate]]) -> pd.DataFrame:
    """The table: fastest engine first, all ratios from medians of the same run."""
    seconds = times.groupby("engine")["seconds"].agg(["median", "min", "max"])
    events = pd.Series({name: np.mean([each.events for each in found]) for name, found in replicates.items()})
    table = pd.DataFrame(
        {
            "version": {engine.name: version(engine.library) for engine in engines},
            "ms a replicate": seconds["median"] * 1e3,
            "fastest": seconds["min"] * 1e3,
            "slowest": seconds["max"] * 1e3,
            "events a second": events / seconds["median"],
            "x compiled": seconds["median"] / seconds.loc[COMPILED, "median"],
        }
    )
    return table.sort_values("ms a replicate")


def number(value: object) -> str:
    """A cell of a table."""
    if not isinstance(value, float):
        return str(value)
    return (
        f"{value:,.0f}" if abs(value) >= 1000.0 else f"{value:.3g}" if abs(value) < 100.0 else f"{value:.0f}"
    )


def table_of(header: list[str], rows: list[list[object]]) -> list[str]:
    """A table in Markdown."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(number(cell) for cell in row) + " |" for row in rows]


def as_markdown(
    table: pd.DataFrame,
    times: pd.DataFrame,
    compared: pd.DataFrame,
    first: pd.DataFrame,
    left_out: dict[str, str],
) -> str:
    """What was measured, as the part of a page."""
    rounds, events = (
        times["round"].nunique(),
        (table["events a second"] * table["ms a replicate"])[COMPILED] / 1e3,
    )
    runs = compared.groupby("engine")["replicates"].first()
    order = list(table.index)
    means = compared.pivot(index="engine", columns="output", values="mean")
    errors = compared.pivot(index="engine", columns="output", values="error")
    z = compared.pivot(index="engine", columns="output", values="z")
    others = [name for name in order if name not in (COMPILED, ON_SIMPY)]
    size = f"{means.loc[COMPILED, 'children']:.0f}"
    lines = [
        f"{rounds} interleaved rounds in one run, on one thread. Python {platform.python_version()}, numpy "
        f"{np.__version__}, numba {version('numba')}; {platform.system()} {platform.machine()}, {os.cpu_count()} "
        f"cores. A replicate has {size} children and {events:,.0f} events on average.",
        "",
        *table_of(["engine", *table.columns], [[name, *row] for name, row in table.iterrows()]),
        "",
        "Milliseconds are processor time, which other programs disturb less than the clock on the wall: medians over "
        "rounds, with the fastest and the slowest round; the rest follows from the medians. Events are counted alike "
        "for all: entries, places taken and given back, hearings begun and ended, moves, visits due. A round is one "
        "replicate; for the compiled engines it is fifty, of which the mean is taken.",
        "",
        *(f"Left out: {name}, which could not be used here ({reason})." for name, reason in left_out.items()),
        *([""] if left_out else []),
        "Differences from the compiled engine in standard errors (z); all must lie within "
        f"{BOUND:g}. The first line is what the compiled engine found, with standard errors in brackets.",
        "",
        *table_of(
            ["engine", "replicates", *(WORDS[output] for output in OUTPUTS)],
            [
                [
                    COMPILED,
                    f"{runs[COMPILED]:,}",
                    *(f"{means.loc[COMPILED, o]:.4g} ({errors.loc[COMPILED, o]:.1g})" for o in OUTPUTS),
                ],
                [ON_SIMPY, f"{runs[ON_SIMPY]:,}", *["equal"] * len(OUTPUTS)],
                *([name, f"{runs[name]:,}", *(f"{z.loc[name, o]:+.1f}" for o in OUTPUTS)] for name in others),
            ],
        ),
        "",
        "Seconds before that, in a new process, which the first table does not count:",
        "",
        *table_of(["engine", *first.columns], [[name, *row] for name, row in first.iterrows()]),
    ]
    return "\n".join(lines)


def picture(times: pd.DataFrame) -> Figure:
    """Milliseconds a replicate on a log scale, a dot for each round."""
    median = times.groupby("engine")["seconds"].median().sort_values(ascending=False) * 1e3
    figure = Figure(figsize=(8, 0.45 * len(median) + 0.9), layout="constrained")
    ax = figure.add_subplot()
    for y, (name, middle) in enumerate(median.items()):
        ms = times.loc[times["engine"] == name, "seconds"].to_numpy() * 1e3
        colour = "#D55E00" if str(name).startswith("best_sim") else "#0072B2"
        ax.plot(ms, np.full(len(ms), y), "o", color=colour, alpha=0.3, markersize=5, markeredgewidth=0)
        ax.plot(middle, y, "|", color="#1b1f24", markersize=15)
        ax.annotate(
            f"{middle:,.3g} ms" if middle < 1000.0 else f"{middle:,.0f} ms",
            (1.0, y),
            xycoords=ax.get_yaxis_transform(),
            ha="right",
            va="center",
        )
    ax.set_xscale("log")
    ax.set_xlim(right=ax.get_xlim()[1] * 3.0)
    ax.set_ylim(-0.6, len(median) - 0.4)
    ax.set_yticks(range(len(median)), list(median.index))
    ax.set_xlabel("milliseconds a replicate (log scale; dots: rounds, bar and number: median)")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def put_into_page(page: Path, text: str) -> None:
    """Replace what stands between the two marks of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise SystemExit(
            f"{page.name}: the lines {BEGIN!r} and {END!r}, between which the table goes, are not there"
        )
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help=f"at least {FEWEST}; default 40")
    rounds = parser.parse_args().rounds
    if rounds < FEWEST:
        parser.error(f"--rounds: found {rounds}; a standard error can be relied on from {FEWEST} rounds on")
    engines, left_out = prepare(Parameters.load(), RIVALS)
    for name, reason in left_out.items():
        print(f"{name} can't be used here and is left out: {reason}", file=sys.stderr)
    times, replicates = measure(engines, rounds)
    compared = agreement(replicates)
    if lines := disagreements(compared):
        raise SystemExit(
            "rivals.py: the engines do not agree, so nothing is written.\n- " + "\n- ".join(lines)
        )
    mine = {"best_sim, nothing compiled yet": "on_best_sim", "best_sim, compiled before": "on_best_sim"}
    there = {name: module for name, module in RIVALS.items() if name not in left_out}
    text = as_markdown(speed(engines, times, replicates), times, compared, starts(mine | there), left_out)
    print(text)
    (HERE / "rivals.md").write_text(f"# Engines on the same small pathway\n\n{text}\n", encoding="utf-8")
    put_into_page(PAGE, text)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    picture(times).savefig(PICTURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
