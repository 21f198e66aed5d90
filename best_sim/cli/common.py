"""What commands share: options, folders that are free, the engine, workers, progress."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from best_sim.questions.found import Shown
    from best_sim.questions.running import Progress
    from best_sim.scenario import Scenario


_FORMER: Mapping[str, str] = MappingProxyType({"fragility": "sensitivity", "twins": "counterfactuals"})
"""Commands by the names that they had once, which go on working."""


class Commands(TyperGroup):
    """The commands; one of a question gets its options when it is called, so that `--help` answers at once."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is called."""
        from best_sim.cli.asking import command_of
        from best_sim.questions.kinds import COMMANDS

        if args and args[0] in _FORMER:
            typer.echo(f"{args[0]} is now called {_FORMER[args[0]]}", err=True)
            args = [_FORMER[args[0]], *args[1:]]
        if args and args[0] in COMMANDS:
            self.commands[args[0]] = typer.main.get_command(command_of(COMMANDS[args[0]]))
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="best-sim",
    cls=Commands,
    help="Simulate the care pathway of young children and the BeST? trial: invented children, marked assumptions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@contextmanager
def _warnings_as_problems() -> Iterator[None]:
    """Say what looks wrong in a scenario as errors are said, on stderr, wherever it was loaded or changed.

    Once for each key of a file: a search tries many values of one parameter.
    """
    told: set[tuple[str, str]] = set()
    otherwise = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        from best_sim.scenario import ScenarioWarning  # not sooner: `--help` needs none of it

        if not isinstance(message, ScenarioWarning):
            otherwise(message, category, *where, **more)
        elif (place := (message.problem.file, message.problem.key)) not in told:
            told.add(place)
            typer.echo(message.problem, err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _print_version(wanted: bool) -> None:
    if wanted:
        import best_sim

        typer.echo(best_sim.__version__)
        raise typer.Exit


@app.callback()
def _every_command(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    context.with_resource(_warnings_as_problems())


Set = Annotated[
    list[str], typer.Option("--set", metavar="KEY=VALUE", help="Override a parameter; may be repeated.")
]


class RefusedError(Exception):
    """Something on the command line that can't be used."""


def said_of(error: OSError, where: object = "") -> str:
    """What the system says is wrong, and of which file; or where, if it doesn't say."""
    return ": ".join(filter(None, [str(error.filename or where), error.strerror or str(error)]))


@contextmanager
def executor_of(engine: str, n: int | None, address: str | None) -> Iterator[Executor | None]:
    """Workers of this machine, or of a cluster; None for one worker."""
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


def load(scenario: str, changes: list[str]) -> Scenario:
    """A scenario with overrides."""
    from best_sim.scenario import Scenario

    return Scenario.load(scenario, changes)


def engine_of(asked: str, console: Console) -> Literal["compiled", "simpy"]:
    """The engine to use; says what it does while it compiles, and where it can't."""
    if asked not in ("auto", "compiled", "simpy"):
        raise RefusedError(f"--engine\n  found:   {asked}\n  allowed: auto, compiled, simpy")
    if asked == "simpy":
        return "simpy"
    from best_sim.engine import CompilationError, is_compiled
    from best_sim.pathway import PATHWAY, engine_in_use

    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with suppress(CompilationError):
            if not is_compiled(PATHWAY):
                console.print("Compiling the pathway, once on this machine; some twenty seconds ...")
        used = engine_in_use()
    if used == "simpy":
        if asked == "compiled":
            why = "\n".join(str(w.message) for w in said)
            raise RefusedError(f"--engine\n  found:   compiled, but {why}\n  allowed: auto, simpy")
        console.print("numba can't compile the pathway here:")
        for warning in said:
            console.print(str(warning.message), markup=False)
        return used
    if time.perf_counter() - started > 5:
        console.print(f"Compiled in {time.perf_counter() - started:.0f} s.")
    for warning in said:
        if issubclass(warning.category, RuntimeWarning):  # of a native library that is damaged
            console.print(str(warning.message), markup=False)
    return used


def show_table(console: Console, table: Shown) -> None:
    """Print a table of a question in the width there is."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(
        title=escape(table.title), caption=escape(table.note) or None, box=box.SIMPLE_HEAD, title_justify="left",
        caption_justify="left", title_style="bold", header_style="", caption_style="dim", pad_edge=False,
    )  # fmt: skip
    for i, head in enumerate(table.heads):
        shown.add_column(Text(head), justify="left" if i < table.left else "right", overflow="fold")
    for k, row in enumerate(table.rows):
        shown.add_row(*map(Text, row), style="bold" if k in table.strong else None)
    console.print(shown)


@contextmanager
def _compiling_told(console: Console) -> Iterator[None]:
    """Say, once, that an analysis is compiled, which holds up its first use on a machine."""
    from best_sim.trial.compiling import when_imported

    def listen() -> None:
        from numba.core import event

        class Telling(event.Listener):
            told = False

            def on_start(self, occurred: Any) -> None:
                of = occurred.data["dispatcher"].py_func.__module__
                if not self.told and of.startswith("best_sim.trial.analysis"):
                    self.told = True
                    console.print("Compiling the analysis, once on this machine; some ten seconds ...")

            def on_end(self, occurred: Any) -> None:
                pass

        listening.enter_context(event.install_listener("numba:compile", Telling()))

    with ExitStack() as listening:
        if sys.modules.get("numba") is not None:
            listen()
        else:  # it may come with the first analysis
            when_imported.append(listen)
            listening.callback(when_imported.clear)
        yield


@contextmanager
def progress_of(console: Console, there: int, told: list[str], *, lines: bool = True) -> Iterator[Progress]:
    """A bar with rate and time left; plain lines where there is no terminal. That an analysis is compiled is said.

    Parameters
    ----------
    console : rich.console.Console
    there : int
        Replicates that were done before.
    told : list of str
        What is said at the end of it, filled here.
    lines : bool
        Whether to print lines where there is no terminal.
    """
    started = time.perf_counter()
    last: dict[str, Any] = {"at": started, "done": there, "words": ""}

    def rate(done: int) -> float:
        return (done - there) / max(time.perf_counter() - started, 1e-9)

    def said(done: int, total: int | None, words: str) -> str:
        left = (
            "" if total is None or done >= total else f", {(total - done) / max(rate(done), 1e-9):.0f} s left"
        )
        many = f"{done:,} of {total:,}" if total is not None else f"{done:,}"
        fast = f", {rate(done):.1f} a second{left}" if done > there else ""
        return f"{many} replicates{fast}{f': {words}' if words else ''}"

    if not console.is_terminal:

        def tell(done: int, total: int | None, words: str) -> None:
            if words.endswith("."):  # a sentence: it is said once the bar is gone
                told.append(words)
                return
            if not lines:
                return
            step = max(1, (total or 10 * max(done, 1)) // 10)
            waited = time.perf_counter() - last["at"]
            if done - last["done"] >= step or done == total or words != last["words"] or waited > 10:
                last.update(at=time.perf_counter(), done=done, words=words)
                console.print(said(done, total, words), markup=False)

        with _compiling_told(console):
            yield tell
        return
    from rich.progress import BarColumn, Progress, TextColumn

    with (
        Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.fields[said]}", markup=False),
            console=console,
            transient=True,
        ) as bar,
        _compiling_told(console),
    ):
        task = bar.add_task("", total=None, completed=there, said="")

        def draw(done: int, total: int | None, words: str) -> None:
            if words.endswith("."):
                told.append(words)
                return
            bar.update(task, completed=done, total=total, said=said(done, total, words))

        yield draw
