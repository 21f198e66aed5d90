"""What is run: a model (kinds of processes, records), the state it starts from, and the run that comes out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, Literal, TypeAlias

import numpy as np

from best_sim.engine.commands import Command
from best_sim.engine.records import WORLD_FIELDS, field_problems, hidden_fields

Array: TypeAlias = np.ndarray[Any, Any]
ProcessFunction: TypeAlias = Callable[[Any, Any], Generator[Command, None, None]]

Engine: TypeAlias = Literal["compiled", "simpy"]
"""A driver, by name."""
EngineAsked: TypeAlias = Literal["auto", "compiled", "simpy"]
"""A driver, or whichever there is here."""

STARTING = np.dtype([("time", "f8"), ("kind", "i8"), ("index", "i8")])
"""A process that begins by itself."""

EVENT = np.dtype([("time", "f8"), ("event", "i4"), ("subject", "i4"), ("value", "f8")])
"""A row of the event record."""

USE = np.dtype(
    [
        ("queue_time", "f8"),
        ("place_time", "f8"),
        ("asked", "i8"),
        ("granted", "i8"),
        ("gave_up", "i8"),
        ("signalled", "i8"),
        ("longest_queue", "i8"),
    ]
)
"""How a resource was used: integrals over time of the queue's length and of the places in use (days), counts of
requests by what became of them, and the longest queue. Those neither granted, given up nor signalled still queue."""


@dataclass(frozen=True)
class ProcessKind:
    """A kind of process.

    Parameters
    ----------
    name : str
        As messages call it.
    function : generator function
        `function(me, world)`, yielding commands; `me` is a row of the table.
    table : str
        Name of the table whose rows the processes belong to, one process of this kind a row.
    """

    name: str
    function: ProcessFunction
    table: str


@dataclass(frozen=True, eq=False)
class Model:
    """Kinds of processes and the records they work on.

    Parameters
    ----------
    world : numpy.dtype
        Made by `world_dtype`.
    tables : mapping of str to numpy.dtype
        By name, the dtype of each table.
    processes : tuple of ProcessKind
        The number of a kind is its place here.
    sources : tuple of module
        Modules that the processes call. Those in which the processes are defined, and those that any of them imports
        from the same package, are found without being named.

    Raises
    ------
    ValueError
        If names repeat, a table is missing, a function is not a generator function or a field has a type that cannot
        be used; the message lists every problem.
    """

    world: np.dtype[Any]
    tables: Mapping[str, np.dtype[Any]]
    processes: tuple[ProcessKind, ...]
    sources: tuple[ModuleType, ...] = ()

    def __post_init__(self) -> None:
        problems = [*self._problems_of_processes(), *self._problems_of_records()]
        if problems:
            raise ValueError("this model cannot be run:\n" + "\n".join(f"- {line}" for line in problems))

    def _problems_of_processes(self) -> list[str]:
        names = [kind.name for kind in self.processes]
        problems = [
            f"two kinds of process are called {name!r}" for name in {n for n in names if names.count(n) > 1}
        ]
        for kind in self.processes:
            if not inspect.isgeneratorfunction(kind.function):
                problems.append(f"the function of process {kind.name!r} does not yield")
            if kind.table not in self.tables:
                problems.append(
                    f"process {kind.name!r} belongs to the table {kind.table!r}, which is not there"
                )
        return problems

    def _problems_of_records(self) -> list[str]:
        needed = [*WORLD_FIELDS, *hidden_fields(self.tables)]
        there = self.world.names or ()
        problems = [f"the world lacks the field {name!r} ({form}); make it with world_dtype" for name, form in needed
                    if name not in there or self.world[name] != np.dtype(form)]  # fmt: skip
        for name, dtype in [("world", self.world), *self.tables.items()]:
            if dtype.names is None:
                problems.append(f"{name} has a dtype without fields")
            problems.extend(field_problems(dtype, name))
        return problems


def starts_table(
    time: Sequence[float] | Array, kind: Sequence[int] | Array, index: Sequence[int] | Array
) -> Array:
    """Processes that begin by themselves, as `State.starts` wants them.

    Parameters
    ----------
    time : sequence or array of float
    kind, index : sequences or arrays of int
        Which process begins then.

    Returns
    -------
    numpy.ndarray of STARTING
        In order of time; in the order given where times are equal.
    """
    table = np.empty(len(time), STARTING)
    table["time"], table["kind"], table["index"] = time, kind, index
    return table[np.argsort(table["time"], kind="stable")]


def _copy_of(table: Array) -> Array:
    # As bytes: numpy copies records field by field, which takes ten times as long.
    original = np.ascontiguousarray(table)
    copy = np.empty_like(original)
    copy.view(np.uint8)[...] = original.view(np.uint8)
    return copy


@dataclass
class State:
    """What a run starts from.

    Parameters
    ----------
    world : numpy.ndarray
        Structured, of length 1. Its `end` is the time at which the run stops.
    tables : dict of str to numpy.ndarray
        By name, structured. Their length is fixed for the run.
    starts : numpy.ndarray of STARTING
        Processes that begin by themselves, in order of time: see `starts_table`.
    capacities : numpy.ndarray of int
        By resource, the number of places at first.
    diaries : numpy.ndarray of float
        By diary and day, hours still free.
    opening : numpy.ndarray of float, optional
        By diary and day, hours before any booking (0 where there are no sittings); if left out, as `diaries`.
    day_hours : numpy.ndarray of float
        By diary, the longest sitting on one day.
    diary_start : float
        Time at which day 0 of the diaries begins; may be negative.
    stretch : numpy.ndarray of float, optional
        By diary, what a day takes beyond its opening hours for each day of waiting, as a share of them; if left out,
        nothing.
    """

    world: Array
    tables: dict[str, Array]
    starts: Array = field(default_factory=lambda: np.empty(0, STARTING))
    capacities: Array = field(default_factory=lambda: np.empty(0, np.int64))
    diaries: Array = field(default_factory=lambda: np.empty((0, 0)))
    opening: Array | None = None
    day_hours: Array = field(default_factory=lambda: np.empty(0))
    diary_start: float = 0.0
    stretch: Array | None = None

    def copy(self) -> State:
        """A state that shares no memory with this one, its arrays contiguous and of the types that drivers use."""
        return replace(
            self,
            world=_copy_of(self.world),
            tables={name: _copy_of(table) for name, table in self.tables.items()},
            starts=self.starts.copy(),
            capacities=np.array(self.capacities),
            diaries=np.array(self.diaries),
            opening=None if self.opening is None else np.array(self.opening),
            day_hours=np.array(self.day_hours),
            stretch=None if self.stretch is None else np.array(self.stretch),
        ).as_drivers_use_it()

    def as_drivers_use_it(self) -> State:
        """A state with arrays that are contiguous and of the types that drivers use: these, where they are so."""
        opening = self.diaries.copy() if self.opening is None else self.opening
        stretch = np.zeros(len(self.diaries)) if self.stretch is None else self.stretch
        return State(
            world=np.ascontiguousarray(self.world),
            tables={name: np.ascontiguousarray(table) for name, table in self.tables.items()},
            starts=np.ascontiguousarray(self.starts, dtype=STARTING),
            capacities=np.ascontiguousarray(self.capacities, dtype=np.int64),
            diaries=np.ascontiguousarray(self.diaries, dtype=np.float64),
            opening=np.ascontiguousarray(opening, dtype=np.float64),
            day_hours=np.ascontiguousarray(self.day_hours, dtype=np.float64),
            diary_start=float(self.diary_start),
            stretch=np.ascontiguousarray(stretch, dtype=np.float64),
        )


@dataclass
class Run:
    """What came out of a run.

    Attributes
    ----------
    events : numpy.ndarray of EVENT
        What the processes recorded, in the order they did.
    state : State
        As it was at the end. `world.now` is `world.end`; the state that was given is unchanged.
    resources : numpy.ndarray of USE
        By resource, how it was used from the first start to the end.
    n_steps : int
        Commands carried out.
    """

    events: Array
    state: State
    resources: Array
    n_steps: int


def ready(model: Model, state: State, *, in_place: bool = False) -> State:
    """The state, checked against the model, for a driver to run on: a copy, or itself if it may be changed.

    Parameters
    ----------
    model : Model
    state : State
    in_place : bool
        If its arrays are as drivers use them, they are changed; those that are not are copied all the same.

    Raises
    ------
    ValueError
        If it does not fit the model; the message lists every problem.
    """
    problems = []
    if state.world.dtype != model.world or state.world.shape != (1,):
        problems.append(f"the world is an array of length 1 of the model's dtype, not {state.world.shape}")
    elif not np.isfinite(state.world["end"][0]):
        problems.append(f"world.end must be finite, not {state.world['end'][0]}")
    if state.tables.keys() != model.tables.keys():
        problems.append(f"the tables are {sorted(model.tables)}, not {sorted(state.tables)}")
    problems += [
        f"the table {name!r} is not of the model's dtype, or not of one dimension"
        for name, dtype in model.tables.items()
        if name in state.tables and (state.tables[name].dtype != dtype or state.tables[name].ndim != 1)
    ]
    if not problems:
        problems += _problems_of_starts(model, state)
    problems += _problems_of_supply(state)
    if problems:
        raise ValueError("this state cannot be run:\n" + "\n".join(f"- {line}" for line in problems))
    return state.as_drivers_use_it() if in_place else state.copy()


def _problems_of_starts(model: Model, state: State) -> list[str]:
    starts, problems = state.starts, []
    if starts.dtype != STARTING:
        return ["starts are made with starts_table"]
    if not np.isfinite(starts["time"]).all() or (np.diff(starts["time"]) < 0.0).any():
        problems.append("starts must be in order of time, and their times finite")
    rows = np.array([len(state.tables[kind.table]) for kind in model.processes])
    known = (starts["kind"] >= 0) & (starts["kind"] < len(rows))
    known[known] = (starts["index"][known] >= 0) & (starts["index"][known] < rows[starts["kind"][known]])
    if not known.all():
        kind, index = starts[["kind", "index"]][~known][0]
        problems.append(
            f"{(~known).sum()} starts are of no process there is, the first of kind {kind}, index {index}"
        )
    return problems


def _problems_of_supply(state: State) -> list[str]:
    problems = []
    capacities, diaries = np.asarray(state.capacities), np.asarray(state.diaries)
    if capacities.ndim != 1 or (capacities < 0).any() or (capacities != np.floor(capacities)).any():
        problems.append("capacities are whole numbers, zero or more")
    if diaries.ndim != 2 or not np.isfinite(diaries).all() or (diaries < 0.0).any():
        problems.append("diaries are finite hours by diary and day, zero or more")
    elif state.opening is not None and (
        np.shape(state.opening) != diaries.shape or not (np.asarray(state.opening) >= diaries).all()
    ):
        problems.append("opening hours have the shape of the diaries, and are no fewer than the hours free")
    if np.shape(state.day_hours) != diaries.shape[:1] or not (np.asarray(state.day_hours) > 0.0).all():
        problems.append("day_hours are hours above zero, one for each diary")
    if state.stretch is not None and (
        np.shape(state.stretch) != diaries.shape[:1] or not (np.asarray(state.stretch) >= 0.0).all()
    ):
        problems.append("stretch is zero or more, one for each diary")
    if not np.isfinite(state.diary_start):
        problems.append("diary_start must be finite")
    return problems
