"""The command line: `best-sim`."""

from __future__ import annotations

import datetime as dt
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import pandas as pd

    from best_sim.experiments.power import PowerExperiment, PowerResult
    from best_sim.pathway import Journeys
    from best_sim.replications import Store
    from best_sim.scenario import Scenario

app = typer.Typer(
    name="best-sim",
    help="Simulate the care pathway of young children and the BeST? trial: invented children, marked assumptions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Set = Annotated[
    list[str], typer.Option("--set", metavar="KEY=VALUE", help="Override a parameter; may be repeated.")
]
Seed = Annotated[int, typer.Option(min=0, help="Address of the luck.")]
Number = Annotated[int, typer.Option(min=0, help="Which replicate.")]
Out = Annotated[Path | None, typer.Option(help="Folder to write to.")]
Engine = Annotated[str, typer.Option(help="auto, compiled or simpy; all give the same answers.")]


def main() -> None:
    """Run the command line; bad input is one clear message and exit code 2."""
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("Stopped; nothing was written.", err=True)
        sys.exit(130)
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        typer.echo(str(error), err=True)
        sys.exit(code)


def _exit_code(error: Exception) -> int | None:
    """2 for bad input, 3 for a simulation that can't go on, None for a mistake in the program."""
    # imported only when something went wrong: these rooms are slow to import, and `--help` needs none of them
    from best_sim.display.trace import UnknownChildError
    from best_sim.engine import SimulationError
    from best_sim.exchange.runs import ChangedError
    from best_sim.replications import ClusterError, StoreError
    from best_sim.scenario import ScenarioError

    if isinstance(
        error, ScenarioError | UnknownChildError | _RefusedError | StoreError | ChangedError | ClusterError
    ):
        return 2
    return 3 if isinstance(error, SimulationError) else None


class _RefusedError(Exception):
    """Something on the command line that can't be used."""


# --- power --------------------------------------------------------------------------------------------------
@app.command()
def power(
    experiment: Annotated[
        str | None, typer.Argument(help="A shipped experiment's name, or a TOML file.", show_default="power")
    ] = None,
    scenario: Annotated[str | None, typer.Option(help="Another scenario than the experiment's.")] = None,
    replicates: Annotated[
        int | None, typer.Option(min=2, help="Number of replicates; the most, with --until-mcse.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Address of the luck.")] = None,
    out: Out = None,
    changes: Set = [],  # noqa: B006 - typer wants a list
    engine: Engine = "auto",
    resume: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Go on with a run, or add replicates to it.")
    ] = None,
    until_mcse: Annotated[
        float | None,
        typer.Option(
            metavar="ERROR", help="Stop when the Monte Carlo standard error of --figure is below this."
        ),
    ] = None,
    figure: Annotated[
        str,
        typer.Option(help="Which quantity of the summary --until-mcse is about; the worst design counts."),
    ] = "power",
    workers: Annotated[int | None, typer.Option(min=1, help="How many; as many as cores by default.")] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask cluster: tcp://host:port, or 'local'.")
    ] = None,
) -> None:
    """How often the trial would find an effect, how long it recruits, and what happens to the children."""
    from best_sim.display.tables import power_table
    from best_sim.exchange.results import run_folder
    from best_sim.exchange.runs import begin, other_versions
    from best_sim.exchange.runs import resume as go_on
    from best_sim.experiments.power import PowerExperiment, power_plan
    from best_sim.replications import Store
    from best_sim.scenario import Scenario

    console = Console()
    started = dt.datetime.now(dt.UTC)
    if until_mcse is not None and not 0 < until_mcse < float("inf"):
        raise _RefusedError(f"--until-mcse\n  found:   {until_mcse}\n  allowed: a number above 0")
    if resume is None:
        _free(out)
        most = replicates or (_MOST if until_mcse is not None else None)
        asked = PowerExperiment.load(
            experiment or "power",
            scenario=scenario,
            replicates=most,
            seed=seed,
            overrides=tuple(changes) or None,
        )
    else:
        given = {
            "experiment": experiment,
            "--scenario": scenario,
            "--seed": seed,
            "--out": out,
            "--set": changes,
        }
        if wrong := [name for name, value in given.items() if value]:
            raise _RefusedError(
                f"--resume goes on with what is in the folder\n  found:   {', '.join(wrong)} beside it\n"
                "  allowed: --replicates, --until-mcse, --figure, --engine, --workers, --cluster"
            )
        store = Store(resume)
        asked = go_on(store, replicates or (_MOST if until_mcse is not None else None))
    for design in asked.designs:
        asked.scenario_of(design)
    if until_mcse is not None:
        _known_figure(asked, figure)
    console.print(f"[bold]{asked.title}[/bold]")
    console.print(
        f"{'At most ' if until_mcse is not None else ''}{asked.replicates} replicates of each of "
        f"{len(asked.designs)} designs, scenario {asked.scenario}."
    )
    used = _engine(engine, console)
    if resume is None:
        chunk = power_plan(asked, used).chunk
        base = Scenario.load(asked.scenario, asked.overrides)
        folder = run_folder(asked.name, base, asked.seed, out, started)
        store = begin(folder, asked, experiment or "power", used, chunk, started)
        (folder / "experiment.toml").write_text(asked.text, encoding="utf-8")
        (folder / "scenario.toml").write_text(store.manifest["scenario_toml"], encoding="utf-8")
    with store.held():
        if resume is not None:
            for one in store.set_damaged_aside():
                console.print(f"Damaged: {one.path.name}; moved to {one.moved_to}, and run again.")
            there = sum(len(numbers) for numbers in store.done())
            console.print(f"{there} replicates are there.")
            for told in other_versions(store):
                console.print(f"Not as when it began: {told}; new replicates may differ in the last digit.")
        store.update(state="running", replicates_asked=asked.replicates)
        with _workers(used, workers, cluster) as executor:
            whole, asked = _run(console, asked, store, used, executor, until_mcse, figure)
        result = _write_power(store, asked, used, started, whole)
        if result is not None:
            console.print(power_table(_shown(result)))
            console.print(_recruitment_words(result))
            console.print(
                f"\nWritten to [bold]{store.folder}[/bold]; "
                f"open [bold]{store.folder / 'report.html'}[/bold] in a browser."
            )
    if not whole:
        console.print(
            f"Stopped. To go on:\n  best-sim power --resume {shlex.quote(str(store.folder))}", soft_wrap=True
        )
        raise typer.Exit(130)


_MOST = 20_000
"""Replicates at which a run until it is sure stops, unless another number is given."""
_BATCH = 200
"""Replicates after which such a run looks whether it is sure: always these, whatever the machine."""


def _known_figure(asked: PowerExperiment, figure: str) -> None:
    """Refuse a figure that the summary will not have, before any long work."""
    import difflib
    from dataclasses import replace

    from best_sim.experiments.power import power_plan, power_summary, quantities_with_errors
    from best_sim.replications import Memory
    from best_sim.replications import run as run_plan

    few = replace(asked, replicates=2)
    keep = Memory()
    run_plan(power_plan(few, _engine("auto", Console(quiet=True))), keep=keep)
    known = quantities_with_errors(power_summary(few, keep))
    if figure not in known:
        near = difflib.get_close_matches(figure, known, n=1)
        nearest = f"\n  nearest: {near[0]}" if near else ""
        raise _RefusedError(f"--figure\n  found:   {figure}\n  allowed: {'; '.join(known)}{nearest}")


@contextmanager
def _workers(engine: str, n: int | None, address: str | None) -> Iterator[Executor | None]:
    from best_sim.replications import cluster, workers

    if address is not None:
        with cluster(address, n) as executor:
            yield executor
        return
    own = workers(engine, n)
    try:
        yield own
    finally:
        if own is not None:
            own.shutdown(cancel_futures=True)


def _run(
    console: Console,
    asked: PowerExperiment,
    store: Store,
    engine: Literal["compiled", "simpy"],
    executor: Executor | None,
    until_mcse: float | None,
    figure: str,
) -> tuple[bool, PowerExperiment]:
    """Run what is missing; whether all of it is there, and the experiment with the replicates that it came to."""
    from dataclasses import replace

    from best_sim.experiments.power import least_certain, power_plan, power_summary
    from best_sim.replications import run as run_plan
    from best_sim.replications import whole_from_start

    def stopping() -> None:
        console.print("Finishing what is under way; Ctrl-C once more stops at once.")

    chunk = int(store.manifest["chunk"])
    there = sum(len(numbers) for numbers in store.done())
    with _progress(console, asked.replicates, there) as tick:
        if until_mcse is None:
            plan = power_plan(asked, engine, chunk)
            return run_plan(plan, executor, keep=store, progress=tick, stopping=stopping), asked
        for batch in range(_BATCH, asked.replicates + _BATCH, _BATCH):
            now = replace(asked, replicates=min(batch, asked.replicates))
            if whole_from_start(store) < now.replicates:
                plan = power_plan(now, engine, chunk)
                if not run_plan(plan, executor, keep=store, progress=tick, stopping=stopping):
                    return False, asked
            error = least_certain(power_summary(now, store), figure)
            if error < until_mcse:
                break
    console.print(
        f"{figure}: Monte Carlo standard error {error:.2g} after {now.replicates} replicates"
        + (", below" if error < until_mcse else ", the most that was asked for; not below")
        + f" {until_mcse:g}."
    )
    return True, now


def _write_power(
    store: Store,
    asked: PowerExperiment,
    engine: Literal["compiled", "simpy"],
    started: dt.datetime,
    whole: bool,
) -> PowerResult | None:
    """Write the tables, pictures and report of what is finished; None if there is too little of it."""
    from best_sim.display.style import save
    from best_sim.exchange.results import files_replaced, manifest, write_tables
    from best_sim.experiments.power import power_result
    from best_sim.replications import whole_from_start

    done = min(whole_from_start(store), asked.replicates)
    if done < 2:
        store.update(state="interrupted", replicates=done)
        return None
    result = power_result(asked, store, engine)
    about = store.manifest | manifest(
        experiment=asked.name, scenario=result.scenario, seed=asked.seed, replicates=done,
        replicates_asked=asked.replicates, engine=engine, started=started,
        failed=int(result.power["failed"].sum()), state="finished" if whole else "interrupted",
        chunks=[f"{numbers.start}-{numbers.stop}" for numbers in store.done()],
    )  # fmt: skip
    about["scenario_toml"] = store.manifest["scenario_toml"]
    with files_replaced(store.folder) as scratch:
        write_tables(scratch, result)
        figures = _pictures(result)
        for name, one in figures.items():
            save(one, scratch / name)
        _report(scratch, result, about, figures)
    store.update(**about)
    return result


@app.command()
def runs(
    folder: Annotated[Path, typer.Argument(help="Where to look, and below it.")] = Path("results"),
) -> None:
    """List runs: how far each has come, and whether it is finished, running, interrupted or damaged."""
    from rich.table import Table

    from best_sim.exchange.runs import runs_table

    console = Console()
    if not folder.is_dir():
        raise _RefusedError(
            f"runs\n  found:   {folder}, which is not a folder\n  allowed: a folder with runs"
        )
    table = runs_table(folder)
    if table.empty:
        console.print(f"No run in {folder}.")
        return
    if not console.is_terminal:
        console = Console(width=200)
    shown = Table()
    shown.add_column("folder", overflow="fold")
    for name in ("scenario", "seed", "replicates", "state", "last written (UTC)", "size"):
        shown.add_column(name, no_wrap=True)
    for row in table.to_dict("records"):
        shown.add_row(
            row["folder"], row["scenario"], str(row["seed"]), f"{row['done']} of {row['asked']}", row["state"],
            row["changed"][:16].replace("T", " "), f"{row['size'] / 1e6:.1f} MB",
        )  # fmt: skip
    console.print(shown)
    if (table["state"].isin(["interrupted", "damaged"])).any():
        console.print("To go on with one: best-sim power --resume FOLDER")


def _shown(result: PowerResult) -> pd.DataFrame:
    """Power by the primary analysis; an effect that is a ratio by its logarithm, so that none is 0."""
    import numpy as np

    from best_sim.experiments.power import EFFECT

    power = result.primary
    if EFFECT.get(result.experiment.primary.outcome, ("", 0.0))[1] == 1.0:
        power = power.assign(effect=np.log(power["effect"]))
    return power


def _pictures(result: PowerResult) -> dict[str, Any]:
    """Every picture of a power experiment, by name."""
    import pandas as pd

    from best_sim.display import figures as draw
    from best_sim.display.consort import consort_figure
    from best_sim.display.designs import analyses_figure, coverage_figure
    from best_sim.experiments.power.summary import complete_contrast

    openings = {b.title: b.opens for b in result.scenario.boroughs.values()}
    rows, power = result.replicates, _shown(result)
    rows = rows[rows["analysis"] == result.experiment.primary.name]
    estimates = rows[["design", "estimate"]].merge(
        power[["design", "closed_form_effect"]].rename(columns={"closed_form_effect": "truth"}),
        on="design",
    )
    sample, said = result.sample, result.experiment.published
    outcome, end = result.experiment.primary.outcome, sample[0].end
    pictures = {
        "power": draw.power_figure(power, alpha=result.experiment.alpha, outcome=outcome),
        "recruitment": draw.recruitment_figure(
            result.curve,
            result.scenario.trial.target_families,
            openings=openings,
            when=result.when,
            published=(said.recruitment_ended, said.families) if said else None,
        ),  # fmt: skip
        "consort": consort_figure(result.flow, replicates=result.experiment.replicates),
        "estimates": draw.estimates_figure(
            estimates,
            title="What single trials would estimate, beside the direct effect",
            outcome=outcome,
            published=(said.estimate, *said.interval) if said and outcome == "sdq" else None,
        ),
        "living": draw.outcomes_of_care_figure(draw.living_by_month(sample)),
        "proceedings": draw.proceedings_figure(
            pd.concat([j.proceedings for j in sample], ignore_index=True), end=end
        ),
    }
    if len(result.experiment.analyses) > 1:
        pictures["analyses"] = analyses_figure(result.power, result.experiment.alpha)
    chosen = power["design"].iloc[int(power["effect"].abs().fillna(0.0).argmax())]
    mine = rows[rows["design"] == chosen]
    _, truth = complete_contrast(result.experiment.primary, mine)
    if truth == truth:  # not where there is none
        unit = draw.OUTCOMES[outcome][0]
        pictures["coverage"] = coverage_figure(mine, truth, unit=unit, alpha=result.experiment.alpha)
    services = pd.concat([j.services for j in sample], ignore_index=True)
    if (services["asked_days"].notna()).any():
        pictures["waits"] = draw.waits_figure(services, end=end)
    return pictures


def _report(folder: Path, result: PowerResult, about: dict[str, Any], figures: dict[str, Any]) -> None:
    import pandas as pd

    from best_sim.display.figures import living_by_month
    from best_sim.display.report import write_report

    said, whom = result.experiment.published, set(result.power["applies_to"])
    write_report(
        folder / "report.html",
        _shown(result),
        manifest={k: v for k, v in about.items() if not k.endswith("_toml")},
        curve=result.curve,
        target=result.scenario.trial.target_families,
        published=(said.recruitment_ended, said.families) if said else None,
        openings={b.title: b.opens for b in result.scenario.boroughs.values()},
        when=result.when,
        flow=result.flow,
        flow_replicates=result.experiment.replicates,
        living=living_by_month(result.sample),
        proceedings=pd.concat([j.proceedings for j in result.sample], ignore_index=True),
        services=pd.concat([j.services for j in result.sample], ignore_index=True),
        parameters=result.scenario.table(),
        title=result.experiment.title,
        question=result.experiment.question,
        alpha=result.experiment.alpha,
        outcome=result.experiment.primary.outcome,
        applies_to=whom.pop() if len(whom) == 1 else "",
        end=result.sample[0].end,
        figures=figures,
    )


def _recruitment_words(result: PowerResult) -> str:
    target = result.scenario.trial.target_families
    early, median, late = result.when
    if median is None:
        return f"In most replicates the target of {target} families is not reached within the run."
    ends = (
        f"{early:%B %Y} to {late:%B %Y}"
        if early and late
        else f"from {early:%B %Y}; in some replicates never"
    )
    return f"The target of {target} families is reached in {median:%B %Y} (median; 90 % interval {ends})."


# --- designing a trial --------------------------------------------------------------------------------------
Experiment = Annotated[str, typer.Argument(help="A shipped experiment's name, or a TOML file.")]
Chosen = Annotated[str | None, typer.Option("--design", help="Which of the experiment's designs.")]
Workers = Annotated[int | None, typer.Option(min=1, help="How many; as many as cores by default.")]
Times = Annotated[
    int | None, typer.Option("--scorings", min=1, max=1000, help="How often each simulated trial is scored.")
]


@app.command("sample-size")
def sample_size(
    experiment: Experiment = "power",
    design: Chosen = None,
    power: Annotated[float, typer.Option(help="The power that is wanted.")] = 0.8,
    within: Annotated[float, typer.Option(help="Half width of the 95 % interval of the size.")] = 10.0,
    along: Annotated[str, typer.Option(help="The parameter that is searched.")] = "trial.target_families",
    least: Annotated[float, typer.Option(help="Smallest size that is tried.")] = 50,
    most: Annotated[float, typer.Option(help="Largest size that is tried.")] = 2000,
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
    from best_sim.display.style import save
    from best_sim.experiments.sample_size import (
        Crossing,
        NoSampleSizeError,
        begin_search,
        find_sample_size,
        words_of,
    )

    console = Console()
    asked = _asked(experiment, scenario, None, scorings, seed, changes)
    try:
        begin_search(asked, design, power, within, along, (least, most))
    except ValueError as error:
        raise _RefusedError(str(error)) from error
    used = _engine(engine, console)
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
        with _workers(used, workers, None) as executor:
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
    _written(console, folder)


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
    """Average the power over what is believed of the parameters: the experiment's [[prior]] tables."""
    from best_sim.display.designs import assurance_figure
    from best_sim.display.style import save
    from best_sim.display.wording import percent
    from best_sim.experiments.assurance import run_assurance

    console = Console()
    asked = _asked(experiment, scenario, replicates, scorings, seed, changes)
    folder = _new_folder("assurance", asked, out)
    used = _engine(engine, console)
    with _progress(console, asked.replicates) as tick, _workers(used, workers, None) as executor:
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
    _written(console, folder)


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
    """What each assumption does to the power: the experiment's [[vary]] tables, one at a time."""
    from rich.table import Table

    from best_sim.display.designs import fragility_figure
    from best_sim.display.style import save
    from best_sim.display.wording import number, percent
    from best_sim.experiments.assurance import run_fragility

    console = Console()
    asked = _asked(experiment, scenario, replicates, scorings, seed, changes)
    folder = _new_folder("fragility", asked, out)
    used = _engine(engine, console)
    many = 1 + 2 * len(asked.varied)
    with _workers(used, workers, None) as executor:
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
    _written(console, folder)


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
    from best_sim.display.style import save
    from best_sim.display.wording import with_error
    from best_sim.experiments.twins import twins as both

    _free(out)
    console = Console()
    world = _load(scenario, changes)
    used = _engine(engine, console)
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
    _written(console, folder)


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
    from best_sim.display.style import save
    from best_sim.display.wording import number
    from best_sim.experiments.allocations import compare_allocations

    _free(out)
    console = Console()
    world = _load(scenario, changes)
    used = _engine(engine, console)
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
    _written(console, folder)


def _asked(
    experiment: str, scenario: str | None, replicates: int | None, scorings: int | None, seed: int | None,
    changes: list[str],
) -> PowerExperiment:  # fmt: skip
    from best_sim.experiments.power import PowerExperiment

    return PowerExperiment.load(
        experiment, scenario=scenario, replicates=replicates, scorings=scorings, seed=seed,
        overrides=tuple(changes) or None,
    )  # fmt: skip


def _design_folder(what: str, asked: PowerExperiment) -> Path:
    from best_sim.exchange.results import run_folder
    from best_sim.scenario import Scenario

    base = Scenario.load(asked.scenario, asked.overrides)
    return run_folder(what, base, asked.seed, None, dt.datetime.now(dt.UTC))


def _new_folder(what: str, asked: PowerExperiment, out: Path | None) -> Path:
    _free(out)
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
            raise _RefusedError(
                f"--out {folder}\n  found:   a search with another {key}: {was.get(key)}\n"
                f"  allowed: the same search, whose {key} would be {search[key]}, or a new folder"
            )
    elif any(folder.iterdir()):
        raise _RefusedError(
            f"--out\n  found:   {folder}, which is not empty\n  allowed: a new folder, or an empty one"
        )
    else:
        path.write_text(json.dumps(search, indent=2) + "\n", encoding="utf-8")


def _written(console: Console, folder: Path) -> None:
    console.print(f"Written to [bold]{folder}[/bold].")


# --- one run ------------------------------------------------------------------------------------------------
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
    from best_sim.exchange.results import whole_folder
    from best_sim.pathway import simulate as run

    _free(out)
    console = Console()
    world = _load(scenario, changes)
    used = _engine(engine, console)

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
        str, typer.Argument(help="A child's number, or 'first LIFT', 'first SAU'.")
    ] = "first LIFT",
    scenario: Annotated[str, typer.Argument(help="A scenario's name or file.")] = "london-2017",
    seed: Seed = 1,
    replicate: Number = 0,
    both: Annotated[bool, typer.Option("--both-services", help="The same child in LIFT and in SAU.")] = False,
    out: Annotated[Path | None, typer.Option(help="Where to save the timeline, as PNG and SVG.")] = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
) -> None:
    """Tell one simulated child's story in plain words, and draw it as a timeline."""
    from best_sim.display.style import save
    from best_sim.display.timeline import timeline_figure
    from best_sim.display.trace import choose_child, story
    from best_sim.pathway import simulate as run

    console = Console()
    world = _load(scenario, changes)
    used = _engine(engine, console)
    journeys = run(world, seed, replicate, used)
    number = int(child) if child.lstrip("-").isdigit() else choose_child(journeys, child)
    told: list[tuple[str, Journeys]] = [("as it went", journeys)]
    if both:
        told = [(f"in {arm}", run(world, seed, replicate, used, arm=arm)) for arm in ("LIFT", "SAU")]
    for how, one in told:
        if both:
            console.rule(f"The same child, {how}")
        typer.echo(story(one, number).text(min(96, console.width)))
    figure = timeline_figure(told[0][1], number, told[1][1] if both else None)
    path = out or Path("results") / "trace" / f"{world.name}-{seed}-{replicate}-child-{number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    png, _ = save(figure, path)
    console.print(f"\nTimeline: [bold]{png}[/bold]")


# --- parameters ---------------------------------------------------------------------------------------------
@app.command()
def parameters(
    scenario: Annotated[str, typer.Argument(help="A scenario's name or file.")] = "trial-as-run",
    changed: Annotated[bool, typer.Option("--changed", help="Only those that differ from base.")] = False,
    changes: Set = [],  # noqa: B006
) -> None:
    """List every parameter: name, value, unit, source and how sure it is."""
    from best_sim.scenario import parameters_table

    console = Console()
    if not console.is_terminal:
        console = Console(width=240)
    console.print(parameters_table(_load(scenario, changes), changed))


@app.command()
def check(
    file: Annotated[str, typer.Argument(help="A scenario's name or file.")],
    changes: Set = [],  # noqa: B006
) -> None:
    """Say all that is wrong with a scenario, at once."""
    from best_sim.scenario import check as problems_of

    problems = problems_of(file, changes)
    for problem in problems:
        typer.echo(f"{problem}\n", err=not problem.warning)
    if any(not problem.warning for problem in problems):
        raise typer.Exit(2)
    typer.echo("Nothing is wrong." if not problems else "It can be used; see the warnings.")


@app.command()
def validate(
    scenario: Annotated[str, typer.Argument(help="A scenario's name or file.")] = "trial-as-run",
    replicates: Annotated[int, typer.Option(min=2)] = 100,
    seed: Seed = 2025,
    out: Out = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
) -> None:
    """Set the published figures beside simulated ones."""
    from rich.table import Table

    from best_sim.exchange.results import whole_folder
    from best_sim.experiments.validation import validation_table

    _free(out)
    console = Console()
    world = _load(scenario, changes)
    used = _engine(engine, console)
    with _progress(console, replicates) as tick:
        table = validation_table(world, replicates, seed, used, tick)
    shown = Table(
        "figure", "published", "simulated", "MCSE", "used to", "near", title="Published and simulated"
    )
    for row in table.to_dict("records"):
        shown.add_row(
            row["figure"], f"{row['published']:g} {row['unit']}", f"{row['simulated']:.4g}", f"{row['mcse']:.2g}",
            row["role"], row["near"] + (f": {row['note']}" if row["note"] else ""),
        )  # fmt: skip
    console.print(shown)
    if out is not None:
        with whole_folder(out) as scratch:
            table.to_csv(scratch / "validation.csv", index=False)
        console.print(f"Written to [bold]{out / 'validation.csv'}[/bold].")


@app.command()
def version() -> None:
    """Print the version."""
    import best_sim

    typer.echo(best_sim.__version__)


# --- helpers ------------------------------------------------------------------------------------------------
def _load(scenario: str, changes: list[str]) -> Scenario:
    from best_sim.scenario import Scenario

    return Scenario.load(scenario, changes)


def _free(out: Path | None) -> None:
    """Refuse to write over what is there already; said before any long work."""
    from best_sim.exchange.results import is_taken

    if out is not None and is_taken(out):
        raise _RefusedError(
            f"--out\n  found:   {out}, which is not empty\n  allowed: a new folder, or an empty one"
        )


def _engine(asked: str, console: Console) -> Literal["compiled", "simpy"]:
    """The engine to use; says what it does while it compiles, and where it can't."""
    if asked not in ("auto", "compiled", "simpy"):
        raise _RefusedError(f"--engine\n  found:   {asked}\n  allowed: auto, compiled, simpy")
    if asked == "simpy":
        return "simpy"
    import warnings

    from best_sim.engine import CompilationError, is_compiled
    from best_sim.pathway import PATHWAY, engine_in_use

    try:
        if not is_compiled(PATHWAY):
            console.print("Compiling the pathway, once on this machine; about half a minute ...")
    except CompilationError:
        pass
    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        used = engine_in_use()
    if used == "simpy":
        if asked == "compiled":
            why = "\n".join(str(w.message) for w in said)
            raise _RefusedError(f"--engine\n  found:   compiled, but {why}\n  allowed: auto, simpy")
        console.print("numba can't compile the pathway here:")
        for warning in said:
            console.print(str(warning.message))
    elif time.perf_counter() - started > 5:
        console.print(f"Compiled in {time.perf_counter() - started:.0f} s.")
    return used


@contextmanager
def _progress(console: Console, total: int, there: int = 0) -> Iterator[Callable[[int], object]]:
    """A bar with rate and time left; plain lines where there is no terminal. `there` were done before."""
    if not console.is_terminal:
        started, step = time.perf_counter(), max(1, total // 10)
        told = [there]

        def tell(done: int) -> None:
            if done - told[0] >= step or done == total:
                told[0] = done
                rate = (done - there) / (time.perf_counter() - started)
                console.print(
                    f"{done} of {total} replicates, {rate:.1f} a second, {(total - done) / rate:.0f} s left"
                )

        yield tell
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("replicates"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(), console=console,
    ) as bar:  # fmt: skip
        started = time.perf_counter()
        task = bar.add_task("", total=total, completed=there, rate="")
        yield lambda done: bar.update(
            task, completed=done, rate=f"{(done - there) / (time.perf_counter() - started):.1f} a second"
        )


if __name__ == "__main__":
    main()
