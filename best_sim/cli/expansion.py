"""Comparing plans of expansion: `expand`."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from best_sim.cli.common import (
    Engine,
    Out,
    RefusedError,
    Set,
    Workers,
    app,
    engine_of,
    executor_of,
    must_be_free,
    say_where,
)
from best_sim.cli.common import (
    progress_in_lines as progress_of,
)

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.experiments.expansion import ExpansionPlan


@app.command()
def expand(
    experiment: Annotated[
        str,
        typer.Argument(metavar="EXPERIMENT", help="A shipped experiment's name, or a TOML file of plans."),
    ] = "expansion",
    scenario: Annotated[str | None, typer.Option(help="Another scenario than the experiment's.")] = None,
    replicates: Annotated[int | None, typer.Option(min=2, help="Simulated trials of each plan.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Address of the luck.")] = None,
    out: Out = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
    workers: Workers = None,
) -> None:
    """Compare plans: which boroughs open when, with how large a LIFT team; dates, waits, courts, moves, costs."""
    from rich import box
    from rich.table import Table

    from best_sim.display.expanding import (
        differences_figure,
        plan_figure,
        plans_table,
        write_expansion_report,
    )
    from best_sim.drawing.style import save
    from best_sim.experiments.expansion import ExpansionExperiment, run_expansion, words_of
    from best_sim.questions.writing import versions, whole_folder

    must_be_free(out)
    console = Console()
    asked = ExpansionExperiment.load(
        experiment, scenario=scenario, replicates=replicates, seed=seed, overrides=tuple(changes)
    )
    started = dt.datetime.now(dt.UTC)
    used = engine_of(engine, console)
    with progress_of(console, asked.replicates) as tick, executor_of(used, workers, None) as executor:
        found = run_expansion(asked, engine=used, executor=executor, progress=tick)
    if found.replicates < asked.replicates:
        console.print(
            f"Stopped after {found.replicates} of {asked.replicates} replicates; what follows is of those."
        )
    about = {
        "experiment": asked.name, "scenario": asked.scenario.name, "seed": asked.seed, "replicates": found.replicates,
        "engine": used, "started": started.isoformat(timespec="seconds"), "versions": versions(),
        "target": asked.target, "baseline": asked.baseline,
        "plans": {one.name: found.scenarios[one.name].hash for one in found.plans},
    }  # fmt: skip
    folder = (
        out or Path("results") / "expand" / f"{started:%Y%m%d-%H%M%S}-{asked.scenario.hash[:8]}-{asked.seed}"
    )
    try:
        with whole_folder(folder) as scratch:
            (scratch / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
            (scratch / "experiment.toml").write_text(asked.text, encoding="utf-8")
            found.table().to_csv(scratch / "plans.csv", index=False)
            found.differences().to_csv(scratch / "differences.csv", index=False)
            found.dates().to_csv(scratch / "dates.csv", index=False)
            _of_all(found.monthly, asked.plans).to_csv(scratch / "months.csv", index=False)
            _of_all(found.by_borough, asked.plans).to_csv(scratch / "boroughs.csv", index=False)
            _of_all(found.costs, asked.plans).to_csv(scratch / "costs.csv", index=False)
            found.rows.to_parquet(scratch / "replicates.parquet", index=False)
            for one in found.plans:
                save(plan_figure(found, one.name), scratch / _file_name(one.name))
            if len(found.plans) > 1:
                save(differences_figure(found), scratch / "differences")
            write_expansion_report(found, scratch / "report.html", manifest=about)
    except FileExistsError as error:
        raise RefusedError(str(error)) from error
    console.print(f"{asked.title}: means of {found.replicates} replicates (Monte Carlo standard error)")
    shown = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table = plans_table(found, short=True)
    shown.add_column("Plan")
    for label, unit in zip(table["label"], table["unit"], strict=True):
        shown.add_column(f"{label},\n{unit}" if unit != "date" else str(label), justify="right")
    for one in found.plans:
        shown.add_row(one.shown, *table[one.name])
    console.print(shown)
    for sentence in words_of(found):
        console.print(sentence, soft_wrap=True, markup=False)
    say_where(console, folder)


def _of_all(table_of: Callable[[str], pd.DataFrame], plans: Iterable[ExpansionPlan]) -> pd.DataFrame:
    """A table of every plan, the plan's name in its first column."""
    import pandas as pd

    tables = {one.name: table_of(one.name) for one in plans}
    return pd.concat(tables, names=["plan", ""]).reset_index("plan")


def _file_name(plan: str) -> str:
    """A plan's name as part of a file's."""
    return "plan-" + re.sub(r"[^\w-]+", "-", plan).strip("-")
