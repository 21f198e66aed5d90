"""Runs a model on SimPy: a real environment, real resources, hooks on every command, and processes of the user's own.

Simultaneous events happen in an order that both drivers keep. At one time, first whatever `start` and `signal` set
going, in order of issue; then the processes that begin by themselves (`State.starts`), in the order given; then
everything else (the end of a hold, of a wait, of patience, the grant of a place) in the order in which it was
scheduled. In SimPy's terms the first are urgent events, the second are scheduled before all others, and each
resumption of a process is one event.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import partial
from heapq import heappush
from typing import Any, ClassVar, TypeAlias

import numpy as np
import simpy
from simpy.core import BoundClass
from simpy.events import NORMAL
from simpy.resources.resource import PriorityRequest

from best_sim.engine.commands import (
    BOOK,
    GAVE_UP,
    GRANTED,
    HOLD,
    LOAD,
    RECORD,
    RELEASE,
    SEIZE,
    SET_CAPACITY,
    SIGNAL,
    SIGNALLED,
    START,
    TIMED_OUT,
    VACATE,
    WAIT,
    Command,
)
from best_sim.engine.diaries import book_hours, last_of_sitting, load_hours, vacate_hours
from best_sim.engine.faults import (
    FINE,
    NO_SUCH_DAY,
    NOT_IN_USE,
    STILL_ALIVE,
    STUCK,
    SimulationError,
    failure,
    fault_in,
    most_at_once,
    refusal,
)
from best_sim.engine.model import EVENT, USE, Model, Run, State, ready
from best_sim.engine.records import hidden_fields, rows_of, write_rows

Hook: TypeAlias = Callable[[float, str, int, Command], None]
Extension: TypeAlias = Callable[[simpy.Environment, "SimPyRun"], Generator[simpy.Event, Any, None]]


class Clock(simpy.Environment):
    """SimPy's environment, with events at a given time: now plus a delay is not always that time exactly."""

    def at(self, time: float) -> simpy.Event:
        """An event that happens at a time, by itself."""
        event = simpy.Event(self)
        event._ok, event._value = True, None
        heappush(self._queue, (time, NORMAL, next(self._eid), event))
        return event


class PlaceRequest(PriorityRequest):
    """A request for one place, counted by its resource."""

    resource: Places

    def __init__(self, resource: Places, priority: float = 0) -> None:
        resource.asked += 1
        super().__init__(resource, priority)  # type: ignore[arg-type] # any number sorts

    def cancel(self) -> None:
        """Leave the queue."""
        super().cancel()
        self.resource.settle()


class Places(simpy.PriorityResource):
    """A SimPy resource whose capacity may change, which grants without delay and keeps account of its use.

    Parameters
    ----------
    env : simpy.Environment
    capacity : int
        Places; may be zero.
    """

    request: ClassVar[Any] = BoundClass(PlaceRequest)

    def __init__(self, env: simpy.Environment, capacity: int) -> None:
        super().__init__(env, max(capacity, 1))  # SimPy knows no resource without places
        self._capacity = capacity
        self._settled = env.now
        self._in_use = self._queueing = 0
        self.queue_time = self.place_time = 0.0
        self.asked = self.granted = self.gave_up = self.signalled = self.longest_queue = 0

    def set_capacity(self, places: int) -> None:
        """Set the number of places from now on. Nobody loses a place; those waiting have the new ones at once."""
        self._capacity = places
        self._trigger_put(None)

    def settle(self) -> None:
        """Bring the account up to now; called after every change."""
        days = self._env.now - self._settled
        self.queue_time += days * self._queueing
        self.place_time += days * self._in_use
        self._settled = self._env.now
        self._queueing, self._in_use = len(self.put_queue), len(self.users)
        self.longest_queue = max(self.longest_queue, self._queueing)

    def close(self, end: float) -> tuple[float, float, int, int, int, int, int]:
        """The account up to `end`, as a row of `USE`."""
        days = end - self._settled
        return (
            self.queue_time + days * self._queueing,
            self.place_time + days * self._in_use,
            self.asked,
            self.granted,
            self.gave_up,
            self.signalled,
            self.longest_queue,
        )

    def _do_put(self, event: Any) -> bool:  # type: ignore[override] # as BaseResource has it
        super()._do_put(event)
        self.granted += event.triggered
        return bool(event.triggered)  # SimPy goes on to the next in the queue only if told so

    def _do_get(self, event: Any) -> None:
        # SimPy would grant the place when the release is processed, after what else happens now.
        super()._do_get(event)
        self._trigger_put(None)

    def _trigger_put(self, get_event: Any) -> None:
        super()._trigger_put(get_event)
        self.settle()


class _Activity:
    """A process of the model while it runs."""

    __slots__ = ("process", "request", "waiting")

    def __init__(self) -> None:
        self.process: simpy.Process | None = None
        self.waiting = False
        self.request: PlaceRequest | None = None


class SimPyRun:
    """A model in the course of a run on SimPy: what an extension gets as `run`.

    Attributes
    ----------
    env : simpy.Environment
    world : object
        The world's record; its fields are attributes.
    tables : dict of str to list
        By name, the rows of each table, as objects.
    resources : list of simpy.PriorityResource
        By number; they may be requested and released by extensions as by the model.
    """

    def __init__(self, model: Model, state: State, hooks: Iterable[Hook]) -> None:
        self._model, self._state, self._hooks = model, state, tuple(hooks)
        begin = float(state.starts["time"][0]) if len(state.starts) else float(state.world["end"][0])
        self._clock = Clock(begin)
        self.env: simpy.Environment = self._clock
        self.tables = {name: rows_of(table) for name, table in state.tables.items()}
        self.world = rows_of(state.world)[0]
        self.world.now = begin
        addresses = [name for name, _ in hidden_fields(self.tables)][::2]
        for name, table in zip(addresses, self.tables.values(), strict=True):
            setattr(self.world, name, table)
        self.resources = [Places(self.env, places) for places in state.capacities.tolist()]
        self._rows_of_kind = [len(state.tables[kind.table]) for kind in model.processes]
        self._alive: list[dict[int, _Activity]] = [{} for _ in model.processes]
        self._free, self._opening = state.diaries.tolist(), np.asarray(state.opening).tolist()
        self._day_hours, self._stretch = state.day_hours.tolist(), np.asarray(state.stretch).tolist()
        self._hint = [0] * len(self._free)
        self._events: list[tuple[float, int, int, float]] = []
        self._n_steps = 0
        self._moment, self._steps_before = -np.inf, 0
        self._most_at_once = most_at_once(sum(self._rows_of_kind))
        # An error ends the run at once; a SimPy process that fails would do so only after what else happens then.
        self._error: SimulationError | None = None

    # --- for extensions -------------------------------------------------------------------------------------

    def record(self, event: int, subject: int, value: float) -> None:
        """Write one row of the event record, at the present time."""
        self._events.append((self.env.now, event, subject, value))

    def process(self, kind: int, index: int) -> simpy.Process | None:
        """The SimPy process of a process of the model, to wait for its end; None if it does not run."""
        activity = self._alive[kind].get(index)
        return activity.process if activity else None

    def start(self, kind: int, index: int) -> None:
        """Begin a process of the model, now."""
        if index in self._alive[kind]:
            raise refusal(
                STILL_ALIVE,
                (START, kind, float(index), 0.0),
                self._model.processes[kind].name,
                index,
                self.env.now,
            )
        activity = self._alive[kind][index] = _Activity()
        activity.process = self.env.process(self._live(kind, index, activity))

    def signal(self, kind: int, index: int) -> None:
        """End the wait, or the queueing, of a process of the model."""
        activity = self._alive[kind].get(index)
        if activity is None or activity.process is None:
            return
        if activity.request is not None:
            if activity.request.triggered:  # the place is granted: the signal comes too late
                return
            activity.request.cancel()
            activity.request.resource.signalled += 1
            activity.request = None
        elif not activity.waiting:
            return
        activity.waiting = False
        activity.process.interrupt(SIGNALLED)

    # --- the run --------------------------------------------------------------------------------------------

    def _run(self, extensions: Iterable[Extension]) -> Run:
        env, end = self._clock, float(self._state.world["end"][0])
        for time, kind, index in self._state.starts.tolist():
            if time <= end:
                env.at(time).callbacks.append(partial(self._begin, kind, index))
        for extension in extensions:
            env.process(extension(env, self))
        while env.peek() <= end and self._error is None:
            env.step()
        if self._error is not None:
            raise self._error
        self.world.now = end
        self._write_back()
        return Run(
            events=np.array(self._events, dtype=EVENT),
            state=self._state,
            resources=np.array([places.close(max(end, env.now)) for places in self.resources], dtype=USE),
            n_steps=self._n_steps,
        )

    def _begin(self, kind: int, index: int, _: simpy.Event) -> None:
        self.start(kind, index)

    def _write_back(self) -> None:
        state = self._state
        for name, _ in hidden_fields(self.tables):
            setattr(self.world, name, 0)
        write_rows([self.world], state.world, "world")
        for name, objects in self.tables.items():
            write_rows(objects, state.tables[name], name)
        state.diaries[...] = np.reshape(self._free, state.diaries.shape)
        state.capacities[...] = [places.capacity for places in self.resources]

    def _live(self, kind: int, index: int, activity: _Activity) -> Generator[simpy.Event, Any, None]:
        """One process of the model as a SimPy process: each command becomes an event, or is done at once."""
        env, world = self.env, self.world
        name = self._model.processes[kind].name
        commands = self._model.processes[kind].function(
            self.tables[self._model.processes[kind].table][index], world
        )
        while True:
            world.now = env.now
            try:
                command = next(commands, None)
            except Exception as error:
                self._error = failure(error, name, index, env.now)
                self._error.__cause__ = error
                return
            if command is None:
                del self._alive[kind][index]
                return
            code, target, a, b = command
            outcome: Any
            fault = fault_in(code, target, a, b, self._rows_of_kind, len(self.resources), len(self._free))
            if env.now > self._moment:
                self._moment, self._steps_before = env.now, self._n_steps
            self._n_steps += 1
            if fault == FINE and self._n_steps - self._steps_before > self._most_at_once:
                fault = STUCK
            if fault != FINE:
                self._error = refusal(fault, command, name, index, env.now)
                return
            for hook in self._hooks:
                hook(env.now, name, index, command)
            if code == HOLD:
                yield env.timeout(a)
                world.outcome = TIMED_OUT
            elif code == WAIT:
                activity.waiting = True
                try:
                    yield env.timeout(a)
                    outcome = TIMED_OUT
                except simpy.Interrupt as interrupt:
                    outcome = interrupt.cause
                activity.waiting = False
                world.outcome = outcome
            elif code == SEIZE:
                request = self.resources[target].request(a)
                outcome = GRANTED
                if not request.triggered:
                    activity.request = request
                    if b < np.inf:
                        patience = env.timeout(b, (activity, request))
                        patience.callbacks.append(self._give_up)
                    try:
                        yield request
                    except simpy.Interrupt as interrupt:
                        outcome = interrupt.cause
                    activity.request = None
                world.outcome = outcome
            else:
                fault = self._do_at_once(code, target, a, b)
                if fault != FINE:
                    self._error = refusal(fault, command, name, index, env.now)
                    return

    def _give_up(self, patience: Any) -> None:
        activity, request = patience.value
        if activity.request is request and not request.triggered:
            request.cancel()
            request.resource.gave_up += 1
            activity.request = None
            activity.process.interrupt(GAVE_UP)

    def _do_at_once(self, code: int, target: int, a: float, b: float) -> int:
        """Carry out a command that lets no time pass; returns a fault's number."""
        if code == RECORD:
            self._events.append((self.env.now, target, int(a), b))
        elif code == SIGNAL:
            self.signal(target, int(a))
        elif code == START:
            if int(a) in self._alive[target]:
                return STILL_ALIVE
            self.start(target, int(a))
        elif code == RELEASE:
            places = self.resources[target]
            if not places.users:
                return NOT_IN_USE
            places.release(places.users[0])  # type: ignore[arg-type] # any will do: places are all alike
        elif code == SET_CAPACITY:
            self.resources[target].set_capacity(int(a))
        else:
            diary = (
                self._free[target],
                self._opening[target],
                self._day_hours[target],
                self._state.diary_start,
                self._hint,
                target,
            )
            if code == BOOK:
                self.world.booked = book_hours(*diary, a, b, self._stretch[target])
                self.world.booked_until = last_of_sitting(*diary[1:4], self.world.booked, b)
            elif code == LOAD:
                self.world.booked = load_hours(*diary, a, b, self._stretch[target])
            elif code == VACATE and not vacate_hours(*diary, a, b):
                return NO_SUCH_DAY
        return FINE


def run_simpy(
    model: Model, state: State, hooks: Iterable[Hook] = (), extensions: Iterable[Extension] = ()
) -> Run:
    """Run a model on SimPy.

    Parameters
    ----------
    model : Model
    state : State
        Left unchanged.
    hooks : iterable of callable
        Each is called as `hook(time, kind_name, index, command)` just before a command is carried out;
        `best_sim.engine.describe(command)` is its text.
    extensions : iterable of generator function
        Each is run as a SimPy process beside those of the model, from the first start on, as
        `extension(env, run)`, with a `SimPyRun` as `run`. Time still ends at `world.end`.

    Returns
    -------
    Run
        The same as the compiled driver's, to the last bit.

    Raises
    ------
    ValueError
        If the state does not fit the model.
    SimulationError
        If a process asks for what cannot be done, or fails.

    Examples
    --------
    A closure of a resource every Christmas, as a SimPy process of one's own::

        def christmas(env, run):
            while True:
                yield env.timeout(365.25)
                places = run.resources[0].capacity
                run.resources[0].set_capacity(0)
                yield env.timeout(14.0)
                run.resources[0].set_capacity(places)


        run_simpy(model, state, extensions=[christmas])
    """
    return SimPyRun(model, ready(model, state), hooks)._run(extensions)
