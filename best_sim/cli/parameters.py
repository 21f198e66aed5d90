"""Commands about what a user may set: `parameters`, `check`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from best_sim.cli.common import RefusedError, Set, app, load

if TYPE_CHECKING:
    from rich.table import Table

    from best_sim.scenario import Provenance, Scenario

NOT_THERE = "-"
_WIDE, _GAP = 400, 2
"""Width where there is no terminal, so that each parameter is a line; between columns."""


@app.command()
def parameters(
    scenario: Annotated[str, typer.Argument(help="A scenario's name or file.")] = "trial-as-run",
    part: Annotated[str, typer.Argument(help="Only those with this in their name.", show_default=False)] = "",
    changed: Annotated[
        bool, typer.Option("--changed", help="Only what you changed, and what was there.")
    ] = False,
    against: Annotated[
        str | None, typer.Option(help="Only what differs from this scenario, whoever changed it.")
    ] = None,
    sources: Annotated[
        bool, typer.Option("--sources", help="Each with its plausible range, source and link.")
    ] = False,
    changes: Set = [],  # noqa: B006
) -> None:
    """List parameters: name, value with unit, how sure it is.

    What you changed is what --set says, and what your own files say; it is told
    against the scenario beneath them that comes with best-sim.

    Example: best-sim parameters mine.toml --changed --sources
    """
    world = load(scenario, changes)
    if changed and against is not None:
        raise RefusedError("--changed\n  found:   --changed with --against\n  allowed: one of them")
    other = None if against is None else load(against, [])
    chosen = _with_part(world, part, None if other is None else [*other.provenance])
    if other is not None:
        differ = [name for name in world.diff(other)["name"] if name in chosen]
        if differ:
            _print_differences(world, other, differ, sources)
        else:
            typer.echo(f"Nothing differs between {world.name} and {other.name}.")
        return
    entries = [world[name] for name in chosen if world[name].changed or not changed]
    if not entries:
        typer.echo(_nothing_changed(world))
    elif changed:
        _print_changed(entries, sources)
    else:
        title = f"{world.name}: {world.title}" if world.title else world.name
        typer.echo(fill(title, _console().width) + "\n")
        _print_all(entries, sources)


def _with_part(world: Scenario, part: str, more: Iterable[str] | None) -> list[str]:
    """Names of parameters that hold `part`."""
    from best_sim.scenario.problems import nearest_name

    names = list(dict.fromkeys([*world.provenance, *(more or ())]))
    chosen = [name for name in names if part in name]
    if not chosen:
        words = {".".join(name.split(".")[:depth]) for name in names for depth in range(1, 5)}
        near = nearest_name(part, [*sorted(words), *(name.rpartition(".")[2] for name in names)])
        raise RefusedError(
            f"PART\n  no parameter's name has this in it\n  found:   {part}"
            + (f"\n  did you mean {near}?" if near else "")
        )
    return chosen


def _nothing_changed(world: Scenario) -> str:
    against = world.extends[-1] if world.extends else "base"
    return (
        f"You changed nothing of {world.name}.\n"
        f"What differs from another scenario: best-sim parameters {world.name} --against {against}"
    )


# --- how they are printed -----------------------------------------------------------------------------------
def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=_WIDE, highlight=False)


def _print_all(entries: Sequence[Provenance], sources: bool) -> None:
    if sources:
        _print_described(entries)
        return
    table = _table(["parameter", "value", "how sure"], [entry.key for entry in entries])
    section = ""
    for entry in entries:
        top = entry.key.partition(".")[0]
        if section and top != section:
            table.add_row()
        section = top
        _add(table, entry.key, str(entry), entry.status)
    _print(table)


def _print_changed(entries: Sequence[Provenance], sources: bool) -> None:
    files = sorted(dict.fromkeys(entry.file for entry in entries), key=lambda file: file.startswith("--"))
    for n, file in enumerate(files):
        mine = [entry for entry in entries if entry.file == file]
        typer.echo(f"{'' if n == 0 else chr(10)}Changed {'by' if file.startswith('--') else 'in'} {file}:")
        if sources:
            _print_described(mine)
            continue
        table = _table(["parameter", "before", "now"], [entry.key for entry in mine])
        for entry in mine:
            _add(table, entry.key, NOT_THERE if entry.before is None else str(entry.before), str(entry))
        _print(table)


def _print_differences(world: Scenario, other: Scenario, names: Sequence[str], sources: bool) -> None:
    if sources:
        for one in (other, world):
            typer.echo(f"{one.name}:")
            _print_described([one[name] for name in names if name in one])
        return
    table = _table(["parameter", f"in {other.name}", f"in {world.name}"], names)
    for name in names:
        _add(table, name, *(str(one[name]) if name in one else NOT_THERE for one in (other, world)))
    _print(table)


def _table(heads: Sequence[str], names: Iterable[str]) -> Table:
    """A table without rules; names take at most half of the width."""
    from rich.table import Table

    longest = max([len(heads[0]), *map(len, names)])
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    table.add_column(heads[0], width=min(longest, _console().width // 2), overflow="fold")
    for head in heads[1:]:
        table.add_column(head, overflow="fold")
    return table


def _add(table: Table, name: str, *cells: str) -> None:
    from rich.text import Text

    width = table.columns[0].width or len(name)
    # As text, not markup: a list in square brackets is not a style.
    table.add_row(Text("\n  ".join(_broken(name, width))), *map(Text, cells))


def _broken(name: str, width: int) -> list[str]:
    """A name in pieces that fit, broken before a dot or an underscore."""
    if len(name) <= width:
        return [name]
    at = max(name.rfind(".", 1, width), name.rfind("_", 1, width))
    at = at if at > 0 else width
    return [name[:at], *_broken(name[at:], width - _GAP)]


def _print(table: Table) -> None:
    _console().print(table)


def _print_described(entries: Iterable[Provenance]) -> None:
    width = min(Console().width, 100)

    def said(text: str, indent: str = "    ") -> str:
        return fill(
            text,
            width,
            initial_indent=indent,
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )

    lines: Callable[[Provenance], list[str]] = lambda entry: [  # noqa: E731
        said(f"{entry.key} = {entry}", ""),
        said(", ".join([entry.status, *([f"plausible {entry.range_as_text()}"] if entry.range else [])])),
        *(said(text) for text in (entry.source, entry.link, entry.note) if text),
        *([said(f"before: {entry.before}")] if entry.before is not None else []),
    ]
    for entry in entries:
        typer.echo("\n".join(lines(entry)) + "\n")


# --- what is wrong ------------------------------------------------------------------------------------------
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
