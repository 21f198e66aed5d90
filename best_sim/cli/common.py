"""What commands share: options, folders that are free, the engine, workers, progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

if TYPE_CHECKING:
    from concurrent.futures import Executor

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


Experiment = Annotated[str, typer.Argument(help="A shipped experiment's name, or a TOML file.")]
Chosen = Annotated[str | None, typer.Option("--design", help="Which of the experiment's designs.")]
Workers = Annotated[int | None, typer.Option(min=1, help="How many; as many as cores by default.")]
Times = Annotated[
    int | None, typer.Option("--scorings", min=1, max=1000, help="How often each simulated trial is scored.")
]


class RefusedError(Exception):
    """Something on the command line that can't be used."""


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


def say_where(console: Console, folder: Path) -> None:
    """The last line of a command."""
    console.print(f"Written to [bold]{folder}[/bold].")


def load(scenario: str, changes: list[str]) -> Scenario:
    """A scenario with overrides."""
    from best_sim.scenario import Scenario

    return Scenario.load(scenario, changes)


def must_be_free(out: Path | None) -> None:
    """Refuse to write over what is there already; said before any long work."""
    from best_sim.exchange.results import is_taken

    if out is not None and is_taken(out):
        raise RefusedError(
            f"--out\n  found:   {out}, which is not empty\n  allowed: a new folder, or an empty one"
        )


def engine_of(asked: str, console: Console) -> Literal["compiled", "simpy"]:
    """The engine to use; says what it does while it compiles, and where it can't."""
    if asked not in ("auto", "compiled", "simpy"):
        raise RefusedError(f"--engine\n  found:   {asked}\n  allowed: auto, compiled, simpy")
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
            raise RefusedError(f"--engine\n  found:   compiled, but {why}\n  allowed: auto, simpy")
        console.print("numba can't compile the pathway here:")
        for warning in said:
            console.print(str(warning.message))
    elif time.perf_counter() - started > 5:
        console.print(f"Compiled in {time.perf_counter() - started:.0f} s.")
    return used


@contextmanager
def progress_of(console: Console, total: int, there: int = 0) -> Iterator[Callable[[int], object]]:
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
