"""Placement stability for planners: `stability`."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from best_sim.experiments.stability import Stability

_WIDE = 4
"""So many groups stand beside each other with their ranges; more stand below each other, without."""


@app.command()
def stability(
    scenario: Annotated[str, typer.Argument(help="A scenario's name or file.")] = "london-2017",
    by: Annotated[
        list[str], typer.Option("--by", help="arm, site, borough, court, age or period; may be repeated.")
    ] = ["arm"],  # noqa: B006
    split: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="With --by period: the first day after, of an expansion, say."),
    ] = None,
    months: Annotated[
        float | None, typer.Option(help="Count moves only in so many months from a child's entry to care.")
    ] = None,
    horizon: Annotated[int, typer.Option(help="Months at which shares with permanence are compared.")] = 12,
    power: Annotated[float, typer.Option(help="For the number of children that it takes.")] = 0.8,
    replicates: Annotated[int, typer.Option(min=2, help="Simulated trials.")] = 200,
    seed: Seed = 1,
    out: Out = None,
    changes: Set = [],  # noqa: B006
    engine: Engine = "auto",
    workers: Workers = None,
) -> None:
    """How often children move and how long placements last, by group; what LIFT changes, and who could see it."""
    from best_sim.display.stability import stability_figure
    from best_sim.drawing.style import save
    from best_sim.experiments.stability import run_stability, words_of

    must_be_free(out)
    console = Console()
    world = load(scenario, changes)
    day = _day(split)
    used = engine_of(engine, console)
    with progress_of(console, replicates) as tick, executor_of(used, workers, None) as executor:
        found = run_stability(
            world, replicates, seed, by=tuple(by), split=day, months=months, horizon=horizon, power=power, engine=used,
            executor=executor, progress=tick,
        )  # fmt: skip
    groups = "-".join(found.by)
    folder = out or Path("results") / "stability" / f"{world.name}-{world.hash[:8]}-{groups}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    found.measures.to_csv(folder / "measures.csv", index=False)
    found.curves.to_csv(folder / "permanence.csv", index=False)
    if found.contrast:
        found.effects.to_csv(folder / "effects.csv", index=False)
    about = {"scenario": world.name, "scenario_hash": world.hash, "seed": seed, "replicates": found.replicates,
             "by": list(found.by), "split": split, "months": found.months, "horizon": horizon, "power": power,
             "alpha": found.alpha}  # fmt: skip
    (folder / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    save(stability_figure(found), folder / "stability")
    _show(console, found)
    console.print(words_of(found), soft_wrap=True)
    say_where(console, folder)


def _show(console: Console, found: Stability) -> None:
    from rich.table import Table

    from best_sim.drawing.wording import number, with_error
    from best_sim.experiments.stability import MEASURES, SIDES, effect_words, group_name

    rows = found.measure("moves").to_dict("records")
    names = [group_name(found, {str(key): value for key, value in row.items()}) for row in rows]
    shown = Table(title="Placement stability: mean, and where nine of ten realisations lie")
    if len(names) <= _WIDE:
        for column in ("", *names):
            shown.add_column(column)
        for measure, (label, unit) in MEASURES.items():
            cells = [_cell(row) for row in found.measure(measure).to_dict("records")]
            of = {"share": "", "days": ", days"}.get(unit, f" {unit}")
            shown.add_row(f"{label[:1].upper()}{label[1:]}{of}", *cells)
    else:
        shown.title = "Placement stability: means; ranges are in measures.csv"
        few = (
            "moves",
            "three_in_year_to_march",
            "same_carer",
            "ended_median_days",
            "permanence_12",
            "re_entry",
        )
        heads = ("Moves a year", "3 or more", "Same carer", "Ended, days", "Permanence, 12 m", "Back in care")
        for column in ("", *heads):
            shown.add_column(column)
        means = [[_mean(row) for row in found.measure(name).to_dict("records")] for name in few]
        for i, name in enumerate(names):
            shown.add_row(name, *(column[i] for column in means))
    console.print(shown)
    if not found.contrast:
        return
    one, other = SIDES[found.contrast]
    compared = Table(title=f"{one} against {other}")
    for column in ("", "Mean effect", f"{1 - found.alpha:.0%} interval of one", "Children needed"):
        compared.add_column(column)
    for row in found.effects.to_dict("records"):
        label = f"{row['label'][:1].upper()}{row['label'][1:]}"
        if not math.isfinite(row["estimate"]):
            compared.add_row(label, "not estimated", "", "")
            continue
        low, high = (effect_words(row[end], row["scale"]) for end in ("low", "high"))
        if row["scale"] == "ratio":
            middle = with_error(row["estimate"], row["estimate"] * row["mcse"])
        else:
            middle = f"{with_error(100.0 * row['estimate'], 100.0 * row['mcse'])} points"
        needed = number(row["children_needed"]) if row["told"] else "no effect told from none"
        compared.add_row(label, middle, f"{low} to {high}", needed)
    console.print(compared)


def _mean(row: dict[Any, Any], name: str = "mean") -> str:
    from best_sim.drawing.wording import number, percent

    if not math.isfinite(row[name]):
        return "none"
    if row["unit"] == "share":
        return percent(row[name])
    return number(row[name], 0 if row["unit"] == "days" else 2)


def _cell(row: dict[Any, Any]) -> str:
    if not math.isfinite(row["mean"]):
        return "none"
    return f"{_mean(row)} ({_mean(row, 'low_90')} to {_mean(row, 'high_90')})"


def _day(text: str | None) -> dt.date | None:
    """A date given on the command line."""
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise RefusedError(f"--split\n  found:   {text}\n  allowed: a date such as 2021-07-31") from error
