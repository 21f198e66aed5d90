"""Commands for trial designers: `sample-size`, `assurance`, `fragility`, `twins`, `allocations`."""

from __future__ import annotations

import datetime as dt
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from best_sim.cli.common import (
    Chosen,
    Engine,
    Experiment,
    Out,
    RefusedError,
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


@app.command("sample-size")
def sample_size(
    experiment: Experiment = "power",
    design: Chosen = None,
    power: Annotated[float, typer.Option(help="The power that is wanted.")] = 0.8,
    within: Annotated[float, typer.Option(help="Half width of the 95 % interval of the size.")] = 10.0,
    along: Annotated[str, typer.Option(help="The parameter that is searched.")] = "trial.target_families",
    least: Annotated[float, typer.Option(help="Smallest size that is tried.")] = 50,
    most: Annotated[float, typer.Option(help="Largest size that is tried.")] = 2000,
    against: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="A second parameter, at each of whose --values to search."),
    ] = None,
    values: Annotated[str | None, typer.Option(help="Its values, by commas.")] = None,
    trials: Annotated[
        int, typer.Option(min=500, help="Simulated trials after which the search ends.")
    ] = 50_000,
    scorings: Times = 10,
    scenario: Annotated[str | None, typer.Option(help="Another scenario than the experiment's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Address of the luck.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; a search that is there already goes on.")
    ] = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
    workers: Workers = None,
) -> None:
    """Find the number of families (or another size) that gives a wanted power."""
    import json

    from best_sim.display.designs import sample_size_figure
    from best_sim.drawing.style import save
    from best_sim.experiments.sample_size import (
        Crossing,
        NoSampleSizeError,
        begin_search,
        find_sample_size,
        words_of,
    )

    console = Console()
    asked = _asked(experiment, scenario, None, scorings, seed, changes)
    if against is not None or values is not None:
        _size_pairs(
            console,
            asked,
            design,
            against,
            values,
            power,
            within,
            along,
            (least, most),
            trials,
            out,
            engine,
            workers,
        )
        return
    try:
        begin_search(asked, design, power, within, along, (least, most))
    except ValueError as error:
        raise RefusedError(str(error)) from error
    used = engine_of(engine, console)
    folder = out or _design_folder("sample-size", asked)
    search = {
        "experiment": asked.name, "scenario": asked.scenario, "overrides": list(asked.overrides), "design": design,
        "along": along, "limits": [least, most], "scorings": asked.scorings, "seed": asked.seed,
    }  # fmt: skip
    _same_search(folder, search)

    def tell(done: int, so_far: Crossing | None) -> None:
        if so_far is None:
            console.print(f"{done:,} trials, to find about where")
        else:
            console.print(
                f"{done:,} trials: {so_far.x:,.0f} (95 % interval {so_far.low:,.0f} to {so_far.high:,.0f})"
            )

    try:
        with executor_of(used, workers, None) as executor:
            found = find_sample_size(
                asked, design, power=power, within=within, along=along, limits=(least, most), most=trials,
                engine=used, executor=executor, folder=folder, progress=tell,
            )  # fmt: skip
    except NoSampleSizeError as error:
        console.print(str(error), soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print(
            f"Stopped. To go on: the same command with --out {shlex.quote(str(folder))}", soft_wrap=True
        )
        raise typer.Exit(130) from None
    start = found.experiment.scenario_of(found.experiment.designs[0]).simulation.start_date
    found.points.to_csv(folder / "points.csv", index=False)
    answer = {
        "size": found.size, "interval": list(found.interval), "power": power, "within": within,
        "reached": found.reached, "trials": found.replicates, "children": found.children,
        "months": list(found.months), "service_cost_gbp": found.cost,
        "trials_of_a_fitted_grid": found.by_grid[0], "trials_of_a_plain_grid": found.by_grid[1],
        "misfit_p": found.curve.misfit,
    }  # fmt: skip
    (folder / "answer.json").write_text(json.dumps(search | answer, indent=2) + "\n", encoding="utf-8")
    save(sample_size_figure(found), folder / "sample-size")
    console.print(words_of(found, start), soft_wrap=True)
    if not found.reached:
        console.print(f"The interval is wider than was asked for: {trials:,} trials were the most.")
    say_where(console, folder)


def _size_pairs(
    console: Console, asked: PowerQuestion, design: str | None, against: str | None, values: str | None,
    power: float, within: float, along: str, limits: tuple[float, float], trials: int, out: Path | None, engine: str,
    workers: int | None,
) -> None:  # fmt: skip
    """The search at each of some values of a second parameter."""
    from best_sim.display.designs import size_pairs_figure
    from best_sim.drawing.style import save
    from best_sim.experiments.sample_size import Crossing
    from best_sim.experiments.sample_size_pairs import find_size_pairs, words_of_pairs

    try:
        tried = tuple(float(part) for part in (values or "").split(","))
    except ValueError:
        tried = ()
    if against is None or not tried:
        raise RefusedError(
            f"--against and --values\n  found:   {against or 'nothing'} and {values or 'nothing'}\n"
            "  allowed: a parameter and its values, such as "
            "--against lift.teams.london.families_per_clinician --values 4,6,8"
        )
    folder = out or _design_folder("sample-size", asked)
    search = {
        "experiment": asked.name, "scenario": asked.scenario, "overrides": list(asked.overrides), "design": design,
        "along": along, "against": against, "values": list(tried), "limits": list(limits),
        "scorings": asked.scorings, "seed": asked.seed,
    }  # fmt: skip
    used = engine_of(engine, console)

    def tell(value: float, done: int, so_far: Crossing | None) -> None:
        where = "to find about where" if so_far is None else f"{so_far.x:,.0f}"
        console.print(f"{against} = {value:g}: {done:,} trials, {where}")

    try:
        with executor_of(used, workers, None) as executor:
            _same_search(folder, search)
            found = find_size_pairs(
                asked, against, tried, design, power=power, within=within, along=along, limits=limits, most=trials,
                engine=used, executor=executor, folder=folder, progress=tell,
            )  # fmt: skip
    except ValueError as error:
        raise RefusedError(str(error)) from error
    except KeyboardInterrupt:
        console.print(
            f"Stopped. To go on: the same command with --out {shlex.quote(str(folder))}", soft_wrap=True
        )
        raise typer.Exit(130) from None
    found.table.to_csv(folder / "pairs.csv", index=False)
    save(size_pairs_figure(found), folder / "pairs")
    console.print(words_of_pairs(found), soft_wrap=True)
    say_where(console, folder)


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


def _same_search(folder: Path, search: dict[str, Any]) -> None:
    """Refuse to go on with a search in whose folder another one was begun."""
    import json

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "search.json"
    if path.exists():
        was = json.loads(path.read_text(encoding="utf-8"))
        if different := [key for key in search if was.get(key) != search[key]]:
            key = different[0]
            raise RefusedError(
                f"--out {folder}\n  found:   a search with another {key}: {was.get(key)}\n"
                f"  allowed: the same search, whose {key} would be {search[key]}, or a new folder"
            )
    elif any(folder.iterdir()):
        raise RefusedError(
            f"--out\n  found:   {folder}, which is not empty\n  allowed: a new folder, or an empty one"
        )
    else:
        path.write_text(json.dumps(search, indent=2) + "\n", encoding="utf-8")


@app.command()
def interims(
    experiment: Experiment = "power",
    design: Chosen = None,
    looks: Annotated[
        str, typer.Option(help="Shares of the target's last visits at which to look, by commas.")
    ] = "0.5,0.75",
    spending: Annotated[
        str, typer.Option(help="How alpha is spent: obrien-fleming, pocock, hwang-shih-decani.")
    ] = "obrien-fleming",
    futility: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Conditional power below which to stop; 0 for never.")
    ] = 0.1,
    power: Annotated[float, typer.Option(help="Power that the trial is to have.")] = 0.8,
    reestimate: Annotated[
        float | None, typer.Option(help="Share of last visits at which families are re-estimated, blind.")
    ] = None,
    most: Annotated[int | None, typer.Option(help="Most families that it may ask for.")] = None,
    replicates: Annotated[int | None, typer.Option(min=2, help="Simulated trials.")] = None,
    scenario: Annotated[str | None, typer.Option(help="Another scenario than the experiment's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Address of the luck.")] = None,
    out: Out = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
    workers: Workers = None,
) -> None:
    """Look at the data before the end: when, what it shows, and what stopping or re-estimating does."""
    from rich.table import Table

    from best_sim.display.designs import interims_figure
    from best_sim.drawing.style import save
    from best_sim.drawing.wording import percent
    from best_sim.experiments.interims import LookPlan, run_interims, words_of

    console = Console()
    asked = _asked(experiment, scenario, replicates, None, seed, changes)
    try:
        shares = tuple(float(part) for part in looks.split(","))
    except ValueError as error:
        raise RefusedError(
            f"--looks\n  found:   {looks}\n  allowed: shares between 0 and 1, such as 0.5,0.75"
        ) from error
    plan = LookPlan(shares, spending, futility or None, power, reestimate, most)
    folder = _new_folder("interims", asked, out)
    used = engine_of(engine, console)
    with progress_of(console, asked.replicates) as tick, executor_of(used, workers, None) as executor:
        found = run_interims(asked, plan, design, engine=used, executor=executor, progress=tick)
    folder.mkdir(parents=True, exist_ok=True)
    found.looks.to_parquet(folder / "looks.parquet", index=False)
    found.trials.to_parquet(folder / "trials.parquet", index=False)
    table = found.by_look()
    table.to_csv(folder / "by-look.csv", index=False)
    save(interims_figure(found), folder / "interims")
    shown = Table(title=f"Looks at {len(found.trials):,} simulated trials")
    for name in (
        "look",
        "last visits",
        "z",
        "date (median)",
        "randomised",
        "benefit",
        "harm",
        "futility",
        "ended",
    ):
        shown.add_column(name)
    for row in table.to_dict("records"):
        when = f"{row['date']:%m/%Y}" if row["date"] else ""
        shown.add_row(
            str(row["look"]), percent(row["share"]), f"{row['bound']:.2f}", when,
            f"{row['randomised']:.0f}", *(percent(row[w], 1) for w in ("benefit", "harm", "futility", "ended")),
        )  # fmt: skip
    console.print(shown)
    console.print(words_of(found), soft_wrap=True)
    say_where(console, folder)
