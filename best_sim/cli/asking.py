"""Commands of questions: one for each kind, made from what its class declares; `run` asks a file of any kind."""

from __future__ import annotations

import datetime as dt
import inspect
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_origin

import typer
from rich.console import Console
from rich.markup import escape

from best_sim.cli.common import engine_of, executor_of, progress_of, said_of, show_table
from best_sim.questions.kinds import KINDS, Kind

if TYPE_CHECKING:
    from best_sim.questions.asking import Question, SimulatedQuestion
    from best_sim.questions.found import Found
    from best_sim.replications import Store

_RUNNING = "Running it"
_QUESTION = "The question"
_GIVEN_WITH_RESUME = "--replicates, --until-mcse, --figure, --draw-figures, --engine, --workers, --cluster"
_MOST = 20_000
"""Replicates at which a run until it is sure stops, unless another number is given."""

File = Annotated[
    str | None,
    typer.Argument(help="A shipped question's name, a TOML file, or a scenario's name.", show_default=False),
]
OfTrial = Annotated[
    str | None,
    typer.Argument(
        help="A question's TOML file, a power experiment's name or TOML file, or a scenario's name.", show_default=False
    ),
]  # fmt: skip
Replicates = Annotated[
    int | None,
    typer.Option(help="How often it is simulated; the most, with --until-mcse.", rich_help_panel=_QUESTION),
]
SeedOption = Annotated[
    int | None,
    typer.Option("--seed", help="Random seed: the same one, the same children.", rich_help_panel=_QUESTION),
]
ScenarioOption = Annotated[
    str | None,
    typer.Option("--scenario", help="Another scenario than the question's.", rich_help_panel=_QUESTION),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Set a parameter; repeatable.", rich_help_panel=_QUESTION
    ),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Folder to write to, new or empty.", rich_help_panel=_RUNNING)
]
DrawOption = Annotated[
    bool | None,
    typer.Option(
        "--draw-figures/--no-figures", rich_help_panel=_RUNNING, show_default=False,
        help="Draw, or write tables and words alone. \\[default: draw-figures]",
    ),
]  # fmt: skip
EngineOption = Annotated[
    str, typer.Option(help="auto, compiled or simpy; all give the same answers.", rich_help_panel=_RUNNING)
]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="How many; as many as cores by default.", rich_help_panel=_RUNNING)
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS", help="A Dask cluster: tcp://host:port, or 'local'.", rich_help_panel=_RUNNING
    ),
]
ResumeOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Go on with a run, or add replicates to it.", rich_help_panel=_RUNNING
    ),
]
UntilOption = Annotated[
    float | None,
    typer.Option(
        "--until-mcse", metavar="ERROR", rich_help_panel=_RUNNING,
        help="Stop when the Monte Carlo standard error of --figure is below this.",
    ),
]  # fmt: skip
FigureOption = Annotated[
    str, typer.Option(help="Which figure of the summary --until-mcse is about.", rich_help_panel=_RUNNING)
]


def register(app: typer.Typer) -> None:
    """Give the app a command for each kind of question; its options are made when it is called."""
    for kind in KINDS.values():
        app.command(kind.command, help=kind.summary, rich_help_panel=kind.group)(lambda: None)


def command_of(kind: Kind) -> typer.Typer:
    """The command of one kind, with its options."""
    from best_sim.questions.asking import SimulatedQuestion

    cls = kind.cls
    usual = cls.defaults()
    rest = next((name for name in cls.arguments if isinstance(getattr(usual, name), tuple)), None)
    parameters: dict[str, tuple[Any, Any]] = {
        name: (_argument(cls, name, getattr(usual, name)), None) for name in cls.arguments
    }
    if rest is None:
        parameters["file"] = (OfTrial if "experiment" in cls.model_fields else File, None)
    readers: dict[str, Callable[[Any], Any]] = {name: str for name in cls.arguments if name != rest}
    for name in cls.options:
        annotation, reader = _option(cls, name, getattr(usual, name))
        parameters[name], readers[name] = (annotation, None), reader
    if issubclass(cls, SimulatedQuestion):
        parameters |= {"scenario": (ScenarioOption, None), "set": (SetOption, None)}
        if cls.repeated:
            parameters["replicates"] = (_replicates(cls, usual), None)
        parameters["seed"] = (SeedOption, None)
    parameters |= {"out": (OutOption, None), "draw": (DrawOption, None)}
    if issubclass(cls, SimulatedQuestion):
        parameters |= {
            "engine": (EngineOption, "auto"), "workers": (WorkersOption, None), "cluster": (ClusterOption, None),
            "resume": (ResumeOption, None),
        }  # fmt: skip
        if cls.errors is not SimulatedQuestion.errors:
            parameters |= {"until_mcse": (UntilOption, None), "figure": (FigureOption, cls.figure)}

    def command(**given: Any) -> None:
        typed = {name: given.pop(name) for name in readers}
        changes = {
            cls.key_of(name): readers[name](value) for name, value in typed.items() if value is not None
        }
        if rest is not None:
            words = given.pop(rest) or []
            files = [word for word in words if word.endswith(".toml")]
            given["file"] = files[0] if files else None
            if others := [word for word in words if word not in files[:1]]:
                changes[cls.key_of(rest)] = others
        ask(cls, **given, changes=changes)

    signature = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in parameters.items()
    ]
    command.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    command.__annotations__ = {name: annotation for name, (annotation, _) in parameters.items()}
    said = [kind.summary, cls.explained, f"Example: [bold]{kind.example}[/bold]"]
    command.__doc__ = "\n\n".join(filter(None, said))
    one = typer.Typer(rich_markup_mode="rich", add_completion=False, pretty_exceptions_enable=False)
    one.command(kind.command)(command)
    return one


def _argument(cls: type[Question], name: str, usual: Any) -> Any:
    """The argument of one field: a text, or as many as are typed, the question's own file among them."""
    said = cls.model_fields[name].description or ""
    if isinstance(usual, tuple):
        said = f"{said.rstrip('.')}; or the question's TOML file."
        return Annotated[list[str] | None, typer.Argument(metavar="FOLDER...", help=said, show_default=False)]
    return Annotated[str | None, typer.Argument(help=f"{said} \\[default: {usual}]", show_default=False)]


def _option(cls: type[Question], name: str, usual: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The option of one field, and how what is typed becomes what TOML would give."""
    from best_sim.questions.asking import leaf_of

    leaf = leaf_of(cls, name)
    said = cls.model_fields[name].description or ""
    shown = "" if usual is None or usual == () else f" \\[default: {_typed(usual)}]"
    if leaf.names and len(leaf.names) < 8:
        said = f"{said.rstrip('.')}: {', '.join(map(str, leaf.names))}."
    kind = cls.kind_of(name)
    flag = f"--{cls.key_of(name).replace('_', '-')}"

    def option(annotation: Any, *flags: str, **more: Any) -> Any:
        return Annotated[
            annotation, typer.Option(*flags, help=said + shown, rich_help_panel=_QUESTION, **more)
        ]

    if kind is bool:
        return option(bool | None, f"{flag}/--no-{flag[2:]}"), bool
    if kind is dt.date:
        return option(str | None, flag, metavar="DATE"), _day
    if kind in (int, float):
        return option(
            kind | None, flag, metavar=(leaf.unit if kind is float else "N").upper().replace(" ", "-")
        ), kind
    if kind in (tuple[float, ...], tuple[int, ...]):
        return option(list[str] | None, flag, metavar="A,B,..."), lambda texts: _numbers(",".join(texts))
    if get_origin(kind) is tuple:
        return option(list[str] | None, flag), list
    return option(str | None, flag, metavar="TEXT"), str


def _replicates(cls: type[SimulatedQuestion], usual: Any) -> Any:
    """The option for how often it is simulated, in the words of the question."""
    from best_sim.questions.asking import SimulatedQuestion

    said = cls.model_fields["replicates"].description or ""
    if cls.errors is not SimulatedQuestion.errors:
        said = f"{said} The most, with --until-mcse."
    return Annotated[
        int | None,
        typer.Option(help=f"{said} \\[default: {usual.replicates}]", rich_help_panel=_QUESTION),
    ]


def _typed(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_typed, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _numbers(text: str) -> Any:
    """Numbers by commas; the text itself where it holds something else, to be refused where it is read."""
    try:
        return [float(part) if "." in part or "e" in part else int(part) for part in text.split(",")]
    except ValueError:
        return text


def _day(text: str) -> dt.date | str:
    """A date; the text itself where it is none, to be refused where it is read."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return text


# --- asking ---------------------------------------------------------------------------------------------------
def ask(
    cls: type[Question] | None,
    *,
    file: str | None = None,
    changes: dict[str, Any] | None = None,
    scenario: str | None = None,
    set: list[str] | None = None,
    replicates: int | None = None,
    seed: int | None = None,
    out: Path | None = None,
    draw: bool | None = None,
    engine: str = "auto",
    workers: int | None = None,
    cluster: str | None = None,
    resume: Path | None = None,
    until_mcse: float | None = None,
    figure: str | None = None,
) -> None:
    """Ask a question, or go on with one, and show and write what was found.

    Parameters
    ----------
    cls : subclass of Question or None
        None for whatever kind the file says.
    file : str, optional
        As `best_sim.questions.read_question` takes it.
    changes : dict, optional
        Keys of the question that were given as options.
    scenario, set, replicates, seed, out, draw, engine, workers, cluster, resume, until_mcse, figure
        As the options say.

    Raises
    ------
    typer.Exit
        With 130 where it was interrupted, 1 where it ended without what was asked for.
    """
    from best_sim.pathway.choices import UnknownChildError
    from best_sim.questions.asking import QuestionError, SimulatedQuestion, read_question
    from best_sim.questions.running import Until, answer
    from best_sim.questions.runs import other_versions
    from best_sim.questions.runs import resume as go_on
    from best_sim.questions.writing import begin, discard, finish, refuse_taken, run_folder, seconds
    from best_sim.replications import Store, StoreError
    from best_sim.scenario.problems import Problem

    console = Console()
    started = dt.datetime.now(dt.UTC)
    most = replicates if replicates is not None else (_MOST if until_mcse is not None else None)
    given: dict[str, Any] = {"scenario": scenario, "set": set or None, "replicates": most, "seed": seed}
    given = {key: value for key, value in ((changes or {}) | given).items() if value is not None}
    store: Store | None = None
    if resume is not None:
        beside = {"FILE": file, "--out": out, **{f"--{key}": value for key, value in given.items()}}
        beside.pop("--replicates", None)
        if wrong := [name for name, value in beside.items() if value is not None]:
            raise QuestionError(
                [
                    Problem(
                        file="--resume", message="it goes on with what is in the folder",
                        found=f"{', '.join(wrong)} beside it", allowed=_GIVEN_WITH_RESUME,
                    )
                ]
            )  # fmt: skip
        store = Store(resume)
        question = go_on(store, most)
        if cls is not None and question.kind != cls.kind:
            raise QuestionError(
                [
                    Problem(
                        file="--resume", message="the folder holds another question", found=question.kind,
                        allowed=f"a folder of {cls.kind}; best-sim {KINDS[question.kind].command} --resume {resume}",
                    )
                ]
            )  # fmt: skip
    else:
        refuse_taken(out)
        question = read_question(file, cls, given, beside="--")
        folder = run_folder(question, out, started)
        refuse_taken(folder, "--out" if out else "where runs go")
    question.refuse()
    until = None if until_mcse is None else Until(until_mcse, figure or "")
    alone = isinstance(question, SimulatedQuestion) and not question.repeated
    if not alone:
        console.print(f"[bold]{escape(question.heading)}[/bold]")
    used: Any = "none"
    if isinstance(question, SimulatedQuestion) and question.simulates:
        if not alone:
            about = question.replicates_words()
            console.print(
                f"{'At most ' if until else ''}{about}, scenario {question.world.name}, random seed {question.seed}.",
                markup=False,
            )
        used = engine_of(engine, console)
    if until is not None and isinstance(question, SimulatedQuestion):
        from best_sim.questions.running import refuse_unknown_quantity

        refuse_unknown_quantity(question, until, used)
    found: Found | None = None
    with executor_of(used, workers, cluster) as executor:
        if store is None:
            store = begin(question, folder, used, started, file=file, given=given, figures=draw is not False)
        with store.held():
            said: list[str] = []
            stopped = False
            try:
                if resume is not None:
                    _tell_what_is_there(console, store, other_versions(store))
                    if draw is not None:
                        store.update(figures=draw)
                if isinstance(question, SimulatedQuestion) and question.simulates:
                    store.update(replicates_asked=question.replicates)
                store.update(state="running")
                with progress_of(console, store.finished(), said, lines=not alone) as tell:
                    found = answer(
                        question, engine="compiled" if used == "none" else used, executor=executor, store=store,
                        until=until, progress=tell,
                        stopping=lambda: console.print("Finishing what is under way; Ctrl-C once more stops at once."),
                    )  # fmt: skip
                for sentence in said:
                    console.print(sentence, soft_wrap=True, markup=False)
                show(console, found)  # first, for figures take a while
                state = "interrupted" if found.interrupted else "finished"
                finish(store, found, started=started, engine=used, state=state, resumed=resume is not None)
            except KeyboardInterrupt:
                stopped = True
                store.update(state="interrupted", seconds=seconds(store, started))
            except Exception as error:
                if resume is None and (isinstance(error, UnknownChildError) or not store.finished()):
                    discard(store)
                elif isinstance(error, OSError):
                    raise StoreError(f"{said_of(error, store.folder)}\n{_kept(store, question)}") from error
                raise
            if found is not None and not stopped:
                written = f"\nWritten to [bold]{escape(str(store.folder))}[/bold]; open [bold]"
                written += f"{escape(str(store.folder / 'report.html'))}[/bold] in a browser."
                console.print(written, soft_wrap=True)
    if found is None or stopped or found.interrupted:
        console.print(f"Stopped. {_kept(store, question)}", soft_wrap=True, markup=False)
        raise typer.Exit(130)
    if not found.settled:
        raise typer.Exit(1)


def _kept(store: Store, question: Question) -> str:
    """How a run that has ended early goes on."""
    again = f"best-sim {KINDS[question.kind].command} --resume {shlex.quote(str(store.folder))}"
    return f"To go on:\n  {again}"


def _tell_what_is_there(console: Console, store: Store, other: list[str]) -> None:
    """What a run holds that is gone on with; what is damaged is set aside."""
    for one in store.set_damaged_aside():
        console.print(f"Damaged: {one.path.name}; moved to {one.moved_to}, and run again.", markup=False)
    console.print(f"{store.finished()} replicates are there.")
    for told in other:
        console.print(f"Not as when it began: {told}; new replicates may differ in the last digit.")


def show(console: Console, found: Found) -> None:
    """Print the tables and words of what was found."""
    for table in found.shown():
        show_table(console, table)
    for sentence in found.printed(console.width):
        # a file keeps each sentence on its line; a terminal would break it within words
        console.print(sentence, soft_wrap=not console.is_terminal, markup=False, highlight=False)
