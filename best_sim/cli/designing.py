"""Commands for trial designers: `assurance`, `fragility`, `twins`, `allocations`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from best_sim.cli.common import (
    Chosen,
    Engine,
    Experiment,
    Out,
    Seed,
    Set,
    Times,
    Workers,
    app,
    engine_of,
    executor_of,
    load,
    must_be_free,
    say_where,
)
from best_sim.cli.common import (
    progress_in_lines as progress_of,
)

if TYPE_CHECKING:
    from best_sim.questions.power.ask import PowerQuestion


@app.command()
def assurance(
    experiment: Experiment = "power",
    design: Chosen = None,
    replicates: Annotated[int | None, typer.Option(min=8, help="Simulated trials.")] = None,
    scorings: Times = 5,
    scenario: Annotated[str | None, typer.Option(help="Another scenario than the experiment's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Address of the luck.")] = None,
    out: Out = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
    workers: Workers = None,
) -> None:
    """Average the power over what is believed of the parameters: the experiment's `prior` tables."""
    from best_sim.display.designs import assurance_figure
    from best_sim.drawing.style import save
    from best_sim.drawing.wording import percent
    from best_sim.experiments.assurance import run_assurance

    console = Console()
    asked = _asked(experiment, scenario, replicates, scorings, seed, changes)
    folder = _new_folder("assurance", asked, out)
    used = engine_of(engine, console)
    with progress_of(console, asked.replicates) as tick, executor_of(used, workers, None) as executor:
        found = run_assurance(asked, design, engine=used, executor=executor, progress=tick)
    folder.mkdir(parents=True, exist_ok=True)
    found.rows.to_parquet(folder / "trials.parquet", index=False)
    for prior in found.priors:
        name = f"by-{prior.key.replace('.', '-')}"
        found.by_value(prior.key).to_csv(folder / f"{name}.csv", index=False)
        save(assurance_figure(found, prior.key), folder / name)
    low, high = found.interval
    console.print(
        f"Assurance {percent(found.assurance.value, 1)} (95 % interval {percent(low, 1)} to {percent(high, 1)}); "
        f"in the direction that is better for children {percent(found.favourable.value, 1)}. With every parameter at "
        f"its median the power is {percent(found.at_means.value, 1)}. The beliefs are assumptions.",
        soft_wrap=True,
    )
    say_where(console, folder)


@app.command()
def fragility(
    experiment: Experiment = "power",
    design: Chosen = None,
    replicates: Annotated[int | None, typer.Option(min=2, help="Simulated trials of each setting.")] = None,
    scorings: Times = 10,
    scenario: Annotated[str | None, typer.Option(help="Another scenario than the experiment's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Address of the luck.")] = None,
    out: Out = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
    workers: Workers = None,
) -> None:
    """What each assumption does to the power: the experiment's `vary` tables, one at a time."""
    from rich.table import Table

    from best_sim.display.designs import fragility_figure
    from best_sim.drawing.style import save
    from best_sim.drawing.wording import number, percent
    from best_sim.experiments.assurance import run_fragility

    console = Console()
    asked = _asked(experiment, scenario, replicates, scorings, seed, changes)
    folder = _new_folder("fragility", asked, out)
    used = engine_of(engine, console)
    many = 1 + 2 * len(asked.varied)
    with executor_of(used, workers, None) as executor:
        found = run_fragility(
            asked, design, engine=used, executor=executor,
            progress=lambda done: console.print(f"{done} of {many} settings"),
        )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    found.table.to_csv(folder / "fragility.csv", index=False)
    save(fragility_figure(found), folder / "fragility")
    shown = Table(
        title=f"Power {percent(found.base.value, 1)}, and with one assumption at its low and high end"
    )
    for name in ("parameter", "low", "power", "high", "power"):
        shown.add_column(name)
    for row in found.table.to_dict("records"):
        ends = [
            f"{percent(row[f'power_{end}'], 1)} (change {100 * row[f'change_{end}']:+.1f}, "
            f"MCSE {number(100 * row[f'mcse_{end}'], 1)})"
            for end in ("low", "high")
        ]
        shown.add_row(row["key"], f"{row['low']:g}", ends[0], f"{row['high']:g}", ends[1])
    console.print(shown)
    say_where(console, folder)


@app.command()
def twins(
    scenario: Annotated[str, typer.Argument(help="A scenario's name or file.")] = "trial-as-run",
    replicates: Annotated[int, typer.Option(min=1, help="Simulated trials.")] = 5,
    seed: Seed = 1,
    out: Out = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
) -> None:
    """Every simulated child under LIFT and under services as usual, with the same luck."""
    from rich.table import Table

    from best_sim.display.designs import effects_table, twins_figure
    from best_sim.drawing.style import save
    from best_sim.drawing.wording import with_error
    from best_sim.experiments.twins import twins as both

    must_be_free(out)
    console = Console()
    world = load(scenario, changes)
    used = engine_of(engine, console)
    with console.status("Simulating every family in both services ..."):
        found = both(world, replicates, seed, engine=used)
    folder = out or Path("results") / "twins" / f"{world.name}-{world.hash[:8]}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    found.children.to_parquet(folder / "children.parquet", index=False)
    found.effects().to_csv(folder / "effects.csv", index=False)
    found.estimates.to_csv(folder / "estimates.csv", index=False)
    save(twins_figure(found), folder / "twins")
    shown = Table(title="LIFT less SAU of the same child")
    for name in ("outcome", "mean", "spread over children (SD)", "unit"):
        shown.add_column(name)
    for row in effects_table(found):
        mean = with_error(row["mean"], row["mcse"]) if row["mcse"] > 0 else f"{row['mean']:.2f}"
        shown.add_row(row["outcome"], mean, f"{row['sd']:.2f}", row["unit"])
    console.print(shown)
    say_where(console, folder)


@app.command()
def allocations(
    scenario: Annotated[str, typer.Argument(help="A scenario's name or file.")] = "trial-as-run",
    replicates: Annotated[int, typer.Option(min=2, help="Simulated trials of each method.")] = 50,
    seed: Seed = 1,
    out: Out = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
) -> None:
    """Compare methods of allocation: how unequal the arms come out, and how well the next can be guessed."""
    from rich.table import Table

    from best_sim.display.designs import allocations_figure
    from best_sim.drawing.style import save
    from best_sim.drawing.wording import number
    from best_sim.experiments.allocations import compare_allocations

    must_be_free(out)
    console = Console()
    world = load(scenario, changes)
    used = engine_of(engine, console)
    with console.status("Allocating the same families by each method ..."):
        found = compare_allocations(world, replicates, seed, engine=used)
    folder = out or Path("results") / "allocations" / f"{world.name}-{world.hash[:8]}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    summary = found.summary()
    summary.to_csv(folder / "summary.csv", index=False)
    found.path.to_parquet(folder / "path.parquet", index=False)
    save(allocations_figure(found), folder / "allocations")
    shown = Table(title="Mean over simulated trials (95th centile)")
    methods = list(dict.fromkeys(summary["method"]))
    for name in ("", *methods):
        shown.add_column(name)
    table = {(r["method"], r["quantity"]): r for r in summary.to_dict("records")}
    for quantity in dict.fromkeys(summary["quantity"]):
        digits = 2 if str(quantity).startswith("guessed") else 1
        cells = [
            f"{number(table[m, quantity]['mean'], digits)} ({number(table[m, quantity]['high'], digits)})"
            for m in methods
        ]
        shown.add_row(str(quantity), *cells)
    console.print(shown)
    say_where(console, folder)


def _asked(
    experiment: str, scenario: str | None, replicates: int | None, scorings: int | None, seed: int | None,
    changes: list[str],
) -> PowerQuestion:  # fmt: skip
    from best_sim.questions.power.ask import PowerQuestion

    return PowerQuestion.load(
        experiment,
        scenario=scenario,
        replicates=replicates,
        scorings=scorings,
        seed=seed,
        set=list(changes) or None,
    )


def _design_folder(what: str, asked: PowerQuestion) -> Path:
    from best_sim.questions.writing import run_folder

    return Path("results") / what / run_folder(asked, None, dt.datetime.now(dt.UTC)).name


def _new_folder(what: str, asked: PowerQuestion, out: Path | None) -> Path:
    must_be_free(out)
    return out or _design_folder(what, asked)
