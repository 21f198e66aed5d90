"""A command for planners: `best-plan`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from best_sim.cli.common import (
    Engine,
    Experiment,
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

_SHOWN = 8
"""Contenders in the table that is printed; contenders.csv has all."""


@app.command("best-plan")
def best_plan(
    experiment: Experiment = "best-plan",
    goal: Annotated[str | None, typer.Option(help="cheapest or earliest; the file's by default.")] = None,
    replicates: Annotated[
        int | None,
        typer.Option(min=1, help="Simulated trials that may be spent in all; the file's by default."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Address of the luck; the file's by default.")
    ] = None,
    out: Out = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
    workers: Workers = None,
) -> None:
    """Which boroughs to open when: the cheapest plan that reaches a target in time, or the earliest in a budget."""
    from rich.table import Table

    from best_sim.display.best_plan import best_plan_figure
    from best_sim.drawing.style import save
    from best_sim.drawing.wording import percent
    from best_sim.experiments.best_plan import NoPlanError, TooManyPlansError, pareto
    from best_sim.experiments.best_plan import best_plan as find
    from best_sim.experiments.best_plan_problem import PlanProblem

    must_be_free(out)
    if goal not in (None, "cheapest", "earliest"):
        raise RefusedError(f"--goal\n  found:   {goal}\n  allowed: cheapest, earliest")
    console = Console()
    problem = PlanProblem.load(
        experiment, goal=goal, replicates=replicates, seed=seed, overrides=tuple(changes)
    )
    used = engine_of(engine, console)
    try:
        with (
            progress_of(console, problem.replicates) as tick,
            executor_of(used, workers, None) as executor,
        ):
            found = find(problem, engine=used, executor=executor, progress=tick)
        fronts = pareto(problem, found.space)
    except (NoPlanError, TooManyPlansError) as error:
        raise RefusedError(str(error)) from error
    folder = out or Path("results") / "best-plan" / f"{problem.name}-{problem.goal}-{problem.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    table = found.table()
    table.to_csv(folder / "contenders.csv", index=False)
    fronts.drop(columns="plan").to_csv(folder / "fronts.csv", index=False)
    (folder / "experiment.toml").write_text(problem.text, encoding="utf-8")
    about = {
        "experiment": problem.name, "goal": problem.goal, "scenario": problem.scenario, "seed": problem.seed,
        "scenario_hash": problem.world.hash, "replicates_allowed": problem.replicates,
        "replicates": found.selection.spent, "settled": found.selection.settled,
        "probability_of_right_choice": found.selection.probability, "by": str(found.by), "set": list(changes),
        "plans": found.space.size, "words": found.in_words(),
    }  # fmt: skip
    (folder / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    save(best_plan_figure(found, fronts), folder / "best-plan")
    rows = list(zip(found.contenders, table.to_dict("records"), strict=True))
    most = sorted((int(row["replicates"]) for _, row in rows), reverse=True)[:_SHOWN][-1]
    shown = Table(title="Contenders on which most trials were spent, the cheapest first", show_lines=True)
    shown.add_column("opens")
    for name in ("teams", "GBP", "closed form", "simulated", "trials"):
        shown.add_column(name, justify="left" if name == "teams" else "right")
    for contender, row in rows:
        if row["replicates"] < most and not row["chosen"]:
            continue
        openings = (f"{found.space.plans[name].shown} {day:%b %Y}" for name, day in contender.plan.openings)
        shown.add_row(
            ", ".join(openings) or "no borough", ", ".join(size for _, size in contender.plan.teams),
            f"{row['cost'] / 1000.0:,.0f}k", percent(row["closed"]),
            f"{percent(row['simulated'])} (MCSE {100 * row['mcse']:.1f})", str(row["replicates"]),
            style="bold" if row["chosen"] else None,
        )  # fmt: skip
    console.print(shown)
    console.print(found.in_words(), soft_wrap=True)
    say_where(console, folder)
