"""Commands for planners: `recruit`."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from best_sim.cli.common import (
    Engine,
    Out,
    RefusedError,
    Seed,
    Set,
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


@app.command()
def recruit(
    scenario: Annotated[str, typer.Argument(help="A scenario's name or file.")] = "london-2017",
    target: Annotated[int | None, typer.Option(min=1, help="Families; the scenario's by default.")] = None,
    by: Annotated[
        str | None, typer.Option(metavar="DATE", help="A date for which to give the probability.")
    ] = None,
    observed: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="What has been seen of the trial so far.")
    ] = None,
    cut_off: Annotated[
        str | None, typer.Option(metavar="DATE", help="First day of which nothing is known.")
    ] = None,
    rows: Annotated[
        str | None, typer.Option(help="What a row is: weeks or families; guessed if not said.")
    ] = None,
    consent_worth: Annotated[
        float, typer.Option(help="Families that the planned consent is worth, as a prior.")
    ] = 20.0,
    seen: Annotated[int, typer.Option(min=0, help="Families seen at the last visit so far ...")] = 0,
    due: Annotated[int, typer.Option(min=0, help="... of so many for whom it was due.")] = 0,
    replicates: Annotated[int, typer.Option(min=2, help="Simulated trials.")] = 200,
    seed: Seed = 1,
    out: Out = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
    workers: Workers = None,
) -> None:
    """When a target is reached: before a trial begins, or, with --observed, from what has been seen of it."""
    from rich.table import Table

    from best_sim.display.recruiting import date_words, forecast_figure
    from best_sim.drawing.style import save
    from best_sim.drawing.wording import percent
    from best_sim.exchange.observed_recruitment import read_observed_recruitment
    from best_sim.experiments.recruitment import forecast_recruitment, update_recruitment, words_of
    from best_sim.trial.recruitment import borough_plans

    must_be_free(out)
    console = Console()
    world = load(scenario, changes)
    wanted = _day("--by", by)
    last = _day("--cut-off", cut_off)
    if rows not in (None, "weeks", "families"):
        raise RefusedError(f"--rows\n  found:   {rows}\n  allowed: weeks, families")
    if observed is None and (
        given := [n for n, v in (("--cut-off", last), ("--rows", rows)) if v is not None]
    ):
        raise RefusedError(
            f"{given[0]}\n  found:   no --observed beside it\n  allowed: with --observed FILE.csv"
        )
    table = None
    if observed is not None:
        try:
            table = read_observed_recruitment(observed, borough_plans(world), cut_off=last, rows=rows)  # type: ignore[arg-type]
        except ValueError as error:
            raise RefusedError(str(error)) from error
        if table.missing_weeks:
            console.print(
                f"{table.missing_weeks} weeks have no row; nobody is taken to have been screened in them."
            )
    used = engine_of(engine, console)
    try:
        with progress_of(console, replicates) as tick, executor_of(used, workers, None) as executor:
            if table is None:
                found = forecast_recruitment(
                    world,
                    replicates,
                    seed,
                    target=target,
                    by=wanted,
                    engine=used,
                    executor=executor,
                    progress=tick,
                )
            else:
                found = update_recruitment(
                    world, table.table, table.cut_off, replicates, seed, target=target, by=wanted,
                    consent_worth=consent_worth, seen=seen, due=due, engine=used, executor=executor, progress=tick,
                )  # fmt: skip
    except ValueError as error:
        raise RefusedError(str(error)) from error
    folder = out or Path("results") / "recruit" / f"{world.name}-{world.hash[:8]}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    dates = found.table()
    dates.to_csv(folder / "dates.csv", index=False)
    days = found.closed.months()
    fan = found.closed.fan(days, found.target).merge(
        found.simulated.fan(days), on="date", suffixes=("", "_simulated")
    )
    fan.to_csv(folder / "fan.csv", index=False)
    found.contributions().to_csv(folder / "boroughs.csv", index=False)
    if found.seen is not None:
        found.seen.checks.table().to_csv(folder / "checks.csv", index=False)
        found.seen.consent.to_csv(folder / "consent.csv", index=False)
    about = {"scenario": world.name, "scenario_hash": world.hash, "seed": seed, "replicates": replicates,
             "target": found.target, "by": by, "cut_off": str(found.seen.cut_off) if found.seen else None}  # fmt: skip
    (folder / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    save(forecast_figure(found), folder / "recruitment")
    shown = Table(title=f"When {found.target} families are randomised")
    for name in ("forecast", "5 %", "25 %", "median", "75 %", "95 %", *([f"by {by}"] if by else [])):
        shown.add_column(name)
    for row in dates.to_dict("records"):
        cells = [date_words(row[q]) for q in ("lower_90", "lower_50", "median", "upper_50", "upper_90")]
        shown.add_row(str(row["forecast"]), *cells, *([percent(row["probability"])] if by else []))
    console.print(shown)
    console.print(words_of(found), soft_wrap=True)
    say_where(console, folder)


def _day(name: str, text: str | None) -> dt.date | None:
    """A date given on the command line."""
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise RefusedError(f"{name}\n  found:   {text}\n  allowed: a date such as 2021-07-31") from error
