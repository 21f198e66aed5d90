"""Commands about the model: `simulate`, `trace`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from best_sim.cli.common import (
    Engine,
    Number,
    Out,
    Seed,
    Set,
    app,
    engine_of,
    load,
    must_be_free,
)

if TYPE_CHECKING:
    from best_sim.pathway import Journeys


@app.command()
def simulate(
    scenario: Annotated[str, typer.Argument(help="A scenario's name or file.")] = "trial-as-run",
    seed: Seed = 1,
    replicate: Number = 0,
    out: Out = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
) -> None:
    """Simulate one replicate and write its journeys as Parquet tables."""
    from best_sim.questions.writing import whole_folder

    must_be_free(out)
    console = Console()
    world = load(scenario, changes)
    used = engine_of(engine, console)

    from best_sim.pathway import simulate as run

    first = world.simulation.start_date
    with console.status("Simulating ...") as status:

        def tell(day: float) -> None:
            status.update(
                f"Simulating: {first + dt.timedelta(days=day):%B %Y} of {world.simulation.end_date:%B %Y}"
            )

        journeys = run(world, seed, replicate, used, progress=tell)
    folder = out or Path("results") / "simulate" / f"{world.name}-{seed}-{replicate}"
    with whole_folder(folder, replace=out is None) as scratch:
        journeys.save(scratch)
        (scratch / "scenario.toml").write_text(world.as_toml(), encoding="utf-8")
    families, children = journeys.families, journeys.children
    console.print(
        f"{len(children)} children of {len(families)} families; "
        f"{int((families['arm'] != 'not allocated').sum())} families randomised; {len(journeys.record)} events."
    )
    console.print(f"Written to [bold]{folder}[/bold].")


@app.command()
def trace(
    child: Annotated[
        str, typer.Argument(help="A child's number, or one of the descriptions below.", show_default=True)
    ] = "first LIFT",
    scenario: Annotated[str, typer.Argument(help="A scenario's name or file.")] = "london-2017",
    seed: Seed = 1,
    replicate: Number = 0,
    both: Annotated[bool, typer.Option("--both-services", help="The same child in LIFT and in SAU.")] = False,
    out: Annotated[Path | None, typer.Option(help="Where to save the timeline, as PNG and SVG.")] = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
) -> None:
    """Tell one simulated child's story in plain words, and draw it as a timeline.

    The child is a number of the table of children, or one of these:

    first: entered care first after day zero
    first LIFT: first whose family was allocated to LIFT
    first SAU: first whose family was allocated to services as usual
    first adopted: first of the trial who lives with adopters at the end
    first home: first of the trial who lives at home at the end
    first kin: first of the trial who lives with guardians or kin at the end
    first re-entry: first who came back into care
    most moves: most moves in care

    Example: best-sim trace "most moves" --set proceedings.timetable_sau=20
    """
    console = Console()
    world = load(scenario, changes)

    from best_sim.drawing.style import save
    from best_sim.pathway import simulate as run

    used = engine_of(engine, console)
    journeys = run(world, seed, replicate, used)
    number = journeys.child(int(child) if child.lstrip("-").isdigit() else child)
    told: list[tuple[str, Journeys]] = [("as it went", journeys)]
    if both:
        told = [(f"in {arm}", run(world, seed, replicate, used, arm=arm)) for arm in ("LIFT", "SAU")]
    for how, one in told:
        if both:
            console.rule(f"The same child, {how}")
        typer.echo(one.story(number).text(min(96, console.width)))
    figure = told[0][1].timeline(number, told[1][1] if both else None)
    path = out or Path("results") / "trace" / f"{world.name}-{seed}-{replicate}-child-{number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    png, _ = save(figure, path)
    console.print(f"\nTimeline: [bold]{png}[/bold]")
