"""Commands for a local authority's own returns: `write-903`, `read-903`, `local-rates`."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from best_sim.cli.common import (
    Engine,
    Number,
    Out,
    RefusedError,
    Seed,
    Set,
    app,
    engine_of,
    load,
    must_be_free,
    say_where,
)

Returns = Annotated[
    list[Path], typer.Argument(help="Folders or CSV files of SSDA903 returns.", metavar="FOLDER...")
]
Least = Annotated[int, typer.Option(min=1, help="Counts above 0 and below this are not shown.")]


@app.command("write-903")
def write_903(
    scenario: Annotated[str, typer.Argument(help="A scenario's name or file.")] = "london-2017",
    year: Annotated[
        list[int], typer.Option(help="Collection year, by the year in which it ends; all by default.")
    ] = [],  # noqa: B006
    borough: Annotated[list[str], typer.Option(help="Only these boroughs' children.")] = [],  # noqa: B006
    seed: Seed = 1,
    number: Number = 0,
    out: Out = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
) -> None:
    """Write simulated children as SSDA903 returns: a folder of CSV files for each collection year."""
    from best_sim.exchange.write_903 import collection_years
    from best_sim.exchange.write_903 import write_903 as write
    from best_sim.pathway import simulate

    must_be_free(out)
    console = Console()
    world = load(scenario, changes)
    if wrong := [name for name in borough if name not in world.boroughs]:
        raise RefusedError(
            f"--borough\n  found:   {', '.join(wrong)}\n  allowed: {', '.join(world.boroughs)}"
        )
    journeys = simulate(world, seed, number, engine_of(engine, console))
    folder = out or Path("results") / "write-903" / f"{world.name}-{world.hash[:8]}-{seed}-{number}"
    try:
        paths = write(journeys, folder, year or None, boroughs=borough or None)
    except ValueError as error:
        raise RefusedError(f"--year\n  {error}") from error
    years = year or collection_years(journeys)
    console.print(
        f"Simulated children as returns of {len(years)} collection years ({min(years)} to {max(years)}), "
        f"{len(paths)} files. What the model does not have is filled by assumptions; nobody here is real."
    )
    say_where(console, folder)


@app.command("read-903")
def read_903(returns: Returns, least: Least = 5, out: Out = None) -> None:
    """Read and clean an authority's returns; say what was edited and why, and count, never child by child."""
    from best_sim.exchange.read_903 import read_903 as read

    must_be_free(out)
    console = Console()
    clean = read(returns)
    console.print(clean.in_words(), soft_wrap=True)
    folder = out or Path("results") / "read-903" / f"{clean.years[0]}-{clean.years[-1]}"
    folder.mkdir(parents=True, exist_ok=True)
    clean.edited().to_csv(folder / "edits.csv", index=False)
    clean.summary(least).to_csv(folder / "summary.csv", index=False)
    say_where(console, folder)


@app.command("local-rates")
def local_rates(
    returns: Returns,
    setting: Annotated[
        str, typer.Option(help="SCENARIO/BOROUGH whose site, court and team the authority has.")
    ] = "england/central_london",
    forecast: Annotated[
        bool, typer.Option("--backcast", help="Also forecast the last year from those before it.")
    ] = False,
    replicates: Annotated[int, typer.Option(min=2, help="Simulated runs of the back-cast.")] = 50,
    frailty: Annotated[
        str, typer.Option(help="The spread between children: estimated, base or none.")
    ] = "estimated",
    least: Least = 5,
    seed: Seed = 1,
    out: Out = None,
) -> None:
    """Estimate this model's placement parameters from an authority's returns; writes a scenario that extends base."""
    from best_sim.drawing.style import save
    from best_sim.exchange.read_903 import read_903 as read
    from best_sim.questions.local_rates.estimate import backcast, estimate_rates
    from best_sim.questions.local_rates.figures import backcast_figure, rates_figure
    from best_sim.scenario import Scenario

    must_be_free(out)
    console = Console()
    if frailty not in ("estimated", "base", "none"):
        raise RefusedError(f"--frailty\n  found:   {frailty}\n  allowed: estimated, base, none")
    where, _, borough = setting.partition("/")
    neighbours = Scenario.load(where).boroughs
    if borough not in neighbours:
        raise RefusedError(
            f"--setting\n  found:   {setting}\n  allowed: {where}/ and one of {', '.join(neighbours)}"
        )
    clean = read(returns)
    if forecast and len(clean.years) < 2:
        raise RefusedError("--backcast\n  found:   one collection year\n  allowed: two or more")
    console.print(clean.in_words(), soft_wrap=True)
    folder = out or Path("results") / "local-rates" / f"{clean.years[0]}-{clean.years[-1]}"
    folder.mkdir(parents=True, exist_ok=True)
    clean.edited().to_csv(folder / "edits.csv", index=False)
    clean.summary(least).to_csv(folder / "summary.csv", index=False)
    rates = estimate_rates(clean.episodes, *clean.window, frailty=frailty, least=least)  # type: ignore[arg-type]
    rates.table.to_csv(folder / "rates.csv", index=False)
    try:
        rates.to_toml(folder / "local.toml", setting=(where, borough))
    except ValueError as error:
        raise RefusedError(f"--{error}") from error
    save(rates_figure(rates, Scenario.load(where)), folder / "rates")
    shown = int((~rates.table["suppressed"]).sum())
    console.print(
        f"{shown} figures from {rates.children:,} children, {rates.followed:,} of them seen from the day they came "
        "into care."
    )
    for line in rates.missing:
        console.print(f"Not estimated: {line}", soft_wrap=True)
    if forecast:
        console.print("Back-cast: estimating from the earlier years, and simulating the last ...")
        (folder / "backcast").mkdir(exist_ok=True)
        found = backcast(
            clean.episodes, clean.window[0], dt.date(clean.years[-1] - 1, 4, 1), clean.window[1],
            folder=folder / "backcast", setting=(where, borough), frailty=frailty, replicates=replicates, seed=seed,  # type: ignore[arg-type]
            least=least,
        )  # fmt: skip
        found.months.to_csv(folder / "backcast.csv", index=False)
        save(backcast_figure(found), folder / "backcast")
        inside = found.months["inside"].dropna()
        console.print(
            f"{int(inside.sum())} of {len(inside)} months lie within the 95 % interval of the forecast."
        )
    about = {"years": list(clean.years), "rows": clean.rows_in, "children": rates.children, "frailty": rates.frailty,
             "setting": setting, "least": least, "seed": seed}  # fmt: skip
    (folder / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    say_where(console, folder)
