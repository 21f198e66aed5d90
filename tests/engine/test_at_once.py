"""Compiled processes do at once what lets no time pass, and nothing comes out differently for it."""

from __future__ import annotations

import inspect

import pytest
import toy
from comparing import assert_same, toy_state

pytest.importorskip("numba")
from best_sim.engine import at_once as rewriting
from best_sim.engine import compile_model, compiled_driver, hold, record, run_simpy
from best_sim.engine.at_once import at_once
from best_sim.engine.compiled_driver import CompiledModel


def walker(me, world):
    """Walks."""
    yield hold(me.days)
    for step in range(3):
        yield record(step, me.index, 0.0)
    outcome = yield hold(1.0)
    return outcome


def test_a_process_is_rewritten_and_stays_what_it_was():
    rewritten, asks = at_once(walker)
    assert asks and rewritten is not walker and inspect.isgeneratorfunction(rewritten)
    assert "_record_at_once" in rewritten.__code__.co_names and "_ask" in rewritten.__code__.co_names
    assert "_record_at_once" not in walker.__code__.co_names
    # errors are told at the lines that were written
    assert rewritten.__code__.co_filename == walker.__code__.co_filename
    lines = {line for *_, line in rewritten.__code__.co_lines() if line}
    first = walker.__code__.co_firstlineno
    assert lines <= set(range(first, first + len(inspect.getsource(walker).splitlines())))


def test_what_cannot_be_rewritten_is_left_as_it_is():
    def inside(me, world):
        yield hold(days)

    days = 2.0
    assert at_once(inside) == (inside, False)
    written: dict = {"hold": hold}
    exec("def sourceless(me, world):\n    yield hold(1.0)\n", written)
    assert at_once(written["sourceless"]) == (written["sourceless"], False)


def test_it_makes_no_difference_to_what_comes_out(monkeypatch, tmp_path):
    """The whole toy, every command in it, with processes as they were written."""
    monkeypatch.setenv("BEST_SIM_CACHE", str(tmp_path))
    monkeypatch.setattr(rewriting, "at_once", lambda process: (process, False))
    key = compiled_driver.kernel_key(toy.MODEL)
    kernel = compiled_driver.load_kernel(toy.MODEL, compiled_driver._kernel_folder(key), f"plain_{key}")
    state = toy_state(n=40, capacities=(1, 1), patience=0.5)
    plain = CompiledModel(toy.MODEL, kernel).run(state)
    monkeypatch.undo()
    assert_same(plain, compile_model(toy.MODEL).run(state))


def test_a_run_may_pause_after_any_command(monkeypatch):
    state = toy_state(n=40)
    expected = run_simpy(toy.MODEL, state)
    reached: list[float] = []
    monkeypatch.setattr(compiled_driver, "_PAUSE", 1)
    assert_same(expected, compile_model(toy.MODEL).run(state, log_room=1, progress=reached.append))
    assert len(reached) > 100 and reached == sorted(reached) and reached[-1] <= state.world["end"][0]


def test_without_events_all_else_is_the_same():
    state = toy_state(n=40)
    compiled = compile_model(toy.MODEL)
    whole, bare = compiled.run(state), compiled.run(state, events=False)
    assert len(bare.events) == 0 < len(whole.events)
    assert bare.n_steps == whole.n_steps and bare.resources.tobytes() == whole.resources.tobytes()
    for name, table in whole.state.tables.items():
        assert bare.state.tables[name].tobytes() == table.tobytes()


def test_a_state_may_be_run_in_place():
    compiled = compile_model(toy.MODEL)
    state = toy_state(n=20)
    expected = compiled.run(state)
    once = state.copy()
    assert_same(expected, compiled.run(once, in_place=True))
    assert once.tables["clients"].tobytes() == expected.state.tables["clients"].tobytes()
    assert state.tables["clients"].tobytes() != expected.state.tables["clients"].tobytes()
