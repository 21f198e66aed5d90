"""Commands of power runs: `power`, `runs`."""

from __future__ import annotations

import datetime as dt
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from best_sim.cli.common import (
    Engine,
    Out,
    RefusedError,
    Set,
    app,
    engine_of,
    executor_of,
    must_be_free,
    progress_of,
)

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from best_sim.experiments.power import PowerExperiment, PowerResult
    from best_sim.replications import Store


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
        raise RefusedError(f"--until-mcse\n  found:   {until_mcse}\n  allowed: a number above 0")
    if resume is None:
        must_be_free(out)
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
            raise RefusedError(
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
    used = engine_of(engine, console)
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
        with executor_of(used, workers, cluster) as executor:
            whole, asked = _run(console, asked, store, used, executor, until_mcse, figure)
        result = _write_power(store, asked, used, started, whole)
        if result is not None:
            console.print(power_table(result.primary, outcome=asked.primary.outcome))
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
    run_plan(power_plan(few, engine_of("auto", Console(quiet=True))), keep=keep)
    known = quantities_with_errors(power_summary(few, keep))
    if figure not in known:
        near = difflib.get_close_matches(figure, known, n=1)
        nearest = f"\n  nearest: {near[0]}" if near else ""
        raise RefusedError(f"--figure\n  found:   {figure}\n  allowed: {'; '.join(known)}{nearest}")


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
    with progress_of(console, asked.replicates, there) as tick:
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
        raise RefusedError(f"runs\n  found:   {folder}, which is not a folder\n  allowed: a folder with runs")
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


def _pictures(result: PowerResult) -> dict[str, Any]:
    """Every picture of a power experiment, by name."""
    import pandas as pd

    from best_sim.display import figures as draw
    from best_sim.display.consort import consort_figure
    from best_sim.display.designs import analyses_figure, coverage_figure, curve_figure
    from best_sim.trial.methods import contrast_of

    openings = {b.title: b.opens for b in result.scenario.boroughs.values()}
    rows, power = result.replicates, result.primary
    rows = rows[rows["analysis"] == result.experiment.primary.name]
    estimates = rows[["design", "estimate"]].merge(power[["design", "truth"]], on="design")
    sample, said = result.sample, result.experiment.published
    plan, effect, end = result.experiment.primary, result.experiment.effect, sample[0].end
    outcome = plan.outcome
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
            title="What single trials would estimate, beside the true effect of allocation",
            outcome=outcome,
            method=plan.method,
            bias={r["design"]: (r["bias"], r["bias_mcse"]) for r in power.to_dict("records")},
            published=(said.estimate, *said.interval) if said and outcome == said.outcome else None,
        ),
        "living": draw.outcomes_of_care_figure(draw.living_by_month(sample)),
        "proceedings": draw.proceedings_figure(
            pd.concat([j.proceedings for j in sample], ignore_index=True), end=end
        ),
    }
    if len(result.experiment.analyses) > 1:
        pictures["analyses"] = analyses_figure(result.power, result.experiment.alpha)
    on_grid = [i for i, design in enumerate(result.experiment.designs) if design.setting]
    curve = curve_figure(
        power.iloc[on_grid], [dict(result.experiment.designs[i].setting) for i in on_grid],
        alpha=result.experiment.alpha,
    )  # fmt: skip
    if curve is not None:
        pictures["curve"] = curve
    sizes = [effect.size(value) if effect else 0.0 for value in power["effect"]]
    chosen = power.iloc[sizes.index(max(sizes))]
    if chosen["truth"] == chosen["truth"]:  # not where there is none
        pictures["coverage"] = coverage_figure(
            rows[rows["design"] == chosen["design"]], chosen["truth"], axis=contrast_of(outcome, plan.method),
            alpha=result.experiment.alpha,
        )  # fmt: skip
    services = pd.concat([j.services for j in sample], ignore_index=True)
    if (services["asked_days"].notna()).any():
        pictures["waits"] = draw.waits_figure(services, end=end)
    return pictures


def _report(folder: Path, result: PowerResult, about: dict[str, Any], figures: dict[str, Any]) -> None:
    import pandas as pd

    from best_sim.display.ademp import ademp_of
    from best_sim.display.figures import living_by_month
    from best_sim.display.report import write_report

    said, whom = result.experiment.published, set(result.power["applies_to"])
    write_report(
        folder / "report.html",
        result.primary,
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
        ademp=ademp_of(result.experiment, result.scenario),
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
