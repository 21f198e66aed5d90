"""Commands about runs: `run`, `reproduce`, `runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from best_sim.cli import asking
from best_sim.cli.common import app, engine_of, executor_of, progress_of

_GROUP = "Runs"


@app.command(rich_help_panel=_GROUP)
def run(
    file: Annotated[
        str | None, typer.Argument(help="A shipped question's name, or a TOML file.", show_default=False)
    ] = None,
    scenario: asking.ScenarioOption = None,
    set: asking.SetOption = None,
    replicates: asking.Replicates = None,
    seed: asking.SeedOption = None,
    out: asking.OutOption = None,
    draw: asking.DrawOption = None,
    engine: asking.EngineOption = "auto",
    workers: asking.WorkersOption = None,
    cluster: asking.ClusterOption = None,
    resume: asking.ResumeOption = None,
) -> None:
    """Ask the question of a file, of whatever kind it is, or go on with a run.

    Example: [bold]best-sim run experiments/expansion.toml --replicates 20[/bold]
    """
    from best_sim.questions.asking import QuestionError, shipped_questions
    from best_sim.scenario.problems import Problem

    if file is None and resume is None:
        raise QuestionError(
            [
                Problem(
                    file="FILE", message="there is no question", found="nothing",
                    allowed=f"a TOML file, or {', '.join(shipped_questions())}",
                )
            ]
        )  # fmt: skip
    asking.ask(
        None, file=file, scenario=scenario, set=set, replicates=replicates, seed=seed, out=out, draw=draw,
        engine=engine, workers=workers, cluster=cluster, resume=resume,
    )  # fmt: skip


@app.command(rich_help_panel=_GROUP)
def reproduce(
    folder: Annotated[Path, typer.Argument(help="Of a finished run.")],
    out: Annotated[Path | None, typer.Option(help="Folder in which to leave the repetition.")] = None,
    engine: asking.EngineOption = "auto",
    workers: asking.WorkersOption = None,
    cluster: asking.ClusterOption = None,
) -> None:
    """Run again what a folder's manifest says, and say whether every file is the same to the byte.

    Example: [bold]best-sim reproduce results/power/20261128-101500-power-2017[/bold]
    """
    from best_sim.questions.runs import checked
    from best_sim.questions.runs import reproduce as again
    from best_sim.questions.writing import refuse_taken
    from best_sim.replications import Store

    refuse_taken(out)
    console = Console()
    about = checked(Store(folder))
    console.print(f"[bold]{escape(str(about.get('title') or about['kind']))}[/bold]")
    used = "compiled" if about["engine"] == "none" else engine_of(engine, console)
    told: list[str] = []
    with progress_of(console, 0, told) as tell, executor_of(used, workers, cluster) as executor:
        found = again(folder, out=out, engine=used, executor=executor, progress=tell)
    for name in found.files.loc[~found.files["agrees"], "file"]:
        console.print(f"  not the same: {name}", markup=False)
    for sentence in found.words():
        console.print(sentence, soft_wrap=True, markup=False)
    if not found.agrees:
        raise typer.Exit(1)


@app.command(rich_help_panel=_GROUP)
def runs(
    folder: Annotated[Path, typer.Argument(help="Where to look, and below it.")] = Path("results"),
) -> None:
    """List runs: how far each has come, and whether it is finished, running, interrupted or damaged.

    Example: [bold]best-sim runs results/power[/bold]
    """
    import pandas as pd

    from best_sim.cli.common import RefusedError, show_table
    from best_sim.questions.found import Shown
    from best_sim.questions.runs import runs_table

    console = Console()
    if not folder.is_dir():
        raise RefusedError(f"runs\n  found:   {folder}, which is not a folder\n  allowed: a folder with runs")
    table = runs_table(folder)
    if table.empty:
        console.print(f"No run in {folder}.", markup=False)
        return
    rows = []
    for row in table.to_dict("records"):
        many = (
            f"{row['done']} of {row['asked']}"
            if pd.notna(row["asked"]) and row["asked"]
            else f"{row['done']}"
        )
        changed = str(row["changed"])[:16].replace("T", " ")
        rows.append((str(row["folder"]), many, str(row["state"]), changed, f"{row['size'] / 1e6:.1f} MB"))
    show_table(
        console, Shown("Runs", ("folder", "replicates", "state", "last written, UTC", "size"), tuple(rows))
    )
    if (table["state"].isin(["interrupted", "damaged"])).any():
        console.print("To go on with one: best-sim run --resume FOLDER")
