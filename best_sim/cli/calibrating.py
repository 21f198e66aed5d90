"""The command `calibrate`."""

from __future__ import annotations

import json
import time
from math import isnan
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from best_sim.cli.common import (
    Engine,
    Out,
    Set,
    Workers,
    app,
    engine_of,
    executor_of,
    must_be_free,
    say_where,
)


@app.command()
def calibrate(
    calibration: Annotated[
        str, typer.Argument(help="A shipped calibration's name, or a TOML file.")
    ] = "calibration",
    replicates: Annotated[
        int | None, typer.Option(min=2, help="Simulated runs for each candidate; the file's by default.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Address of the luck; the file's by default.")
    ] = None,
    out: Out = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
    workers: Workers = None,
) -> None:
    """Fit chosen parameters to published or local figures; writes a scenario that extends the one fitted."""
    from rich.table import Table

    from best_sim.display.calibration import calibration_figure
    from best_sim.drawing.style import save
    from best_sim.drawing.wording import plural
    from best_sim.experiments.calibration import CalibrationExperiment, run_calibration, words_of

    must_be_free(out)
    console = Console()
    asked = CalibrationExperiment.load(
        calibration, replicates=replicates, seed=seed, overrides=tuple(changes) or None
    )
    console.print(
        f"{asked.title}: {plural(len(asked.parameters), 'parameter')}, {plural(len(asked.targets), 'figure')}, "
        f"{asked.replicates} simulated runs for each candidate."
    )
    used = engine_of(engine, console)
    told = [time.perf_counter()]

    def tell(simulated: int, least: float) -> None:
        if time.perf_counter() - told[0] > 10:
            told[0] = time.perf_counter()
            so_far = "" if isnan(least) else f", sum of squares {least:.1f}"
            console.print(f"{simulated:,} runs{so_far}")

    with executor_of(used, workers, None) as executor:
        found = run_calibration(asked, engine=used, executor=executor, progress=tell)
    before = asked.scenario_before()
    folder = out or Path("results") / "calibrate" / f"{asked.name}-{before.hash[:8]}-{asked.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    tables = ("parameters", "targets", "carried", "directions", "collinear", "slopes")
    for name in tables:
        getattr(found, name).to_csv(folder / f"{name}.csv", index=name == "slopes")
    (folder / f"{asked.name}-fitted.toml").write_text(found.as_toml(), encoding="utf-8")
    about = {"calibration": asked.name, "scenario": before.name, "scenario_hash": before.hash, "seed": asked.seed,
             "replicates": asked.replicates, "converged": found.converged, "simulated": found.simulated}  # fmt: skip
    (folder / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    (folder / "asked.toml").write_text(asked.text, encoding="utf-8")
    save(calibration_figure(found), folder / "calibration")

    shown = Table(title="Figures: published and simulated")
    for name in ("figure", "published", "before", "after", "in standard errors"):
        shown.add_column(name, justify="left" if name == "figure" else "right")
    for row in found.targets.to_dict("records"):
        figures = (_figure(row[key]) for key in ("published", "before", "after"))
        shown.add_row(str(row["figure"]), *figures, f"{row['distance']:+.1f}")
    console.print(shown)
    shown = Table(title="Parameters")
    for name in ("parameter", "was", "fitted", "95 % interval", "learned"):
        shown.add_column(name, justify="left" if name == "parameter" else "right")
    for row in found.parameters.to_dict("records"):
        reach = f"{_figure(row['low'])} to {_figure(row['high'])}"
        shown.add_row(
            str(row["parameter"]),
            _figure(row["start"]),
            _figure(row["fitted"]),
            reach,
            f"{100 * row['learned']:.0f} %",
        )
    console.print(shown)
    console.print(words_of(found), soft_wrap=True)
    say_where(console, folder)
    if not found.converged:
        raise typer.Exit(1)


def _figure(value: float) -> str:
    """A figure to three digits, whatever it counts."""
    return f"{value:.3g}"
