"""Where two runs differ is told as whose, when, expected, got, and what came before."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import toy
from comparing import assert_same, toy_state
from differences import Outcome, first_difference

from best_sim.engine import run_simpy


@pytest.fixture(scope="module")
def run():
    return run_simpy(toy.MODEL, toy_state())


def test_the_first_event_that_differs_is_told_with_the_events_before(run):
    events = run.events.copy()
    events["value"][[30, 40]] += 1.0
    row = run.events[30]
    day, value = float(row["time"]), float(row["value"])
    told = first_difference(
        Outcome.of_run(run), Outcome.of_run(dataclasses.replace(run, events=events))
    ).splitlines()
    assert told[0] == f"event 30 differs: subject {row['subject']}, day {day!r}"
    assert told[1] == f"  expected: event {row['event']} of {row['subject']} with {value!r}"
    assert told[2] == f"  got: event {row['event']} of {row['subject']} with {value + 1!r}"
    assert told[3] == "  before it:"
    for line, earlier in zip(told[4:8], run.events[26:30], strict=True):
        assert line.startswith(f"    day {float(earlier['time'])!r}: event {earlier['event']} of ")
    if len(told) > 8:
        assert told[8] == "  of the same before it:"
        assert all(line.endswith(f"subject {row['subject']}") for line in told[9:])


def test_a_nested_field_is_told_by_its_place(run):
    state = run.state.copy()
    state.world["counts"][0, 1, 2] += 1
    told = first_difference(Outcome.of_run(run), Outcome.of_run(dataclasses.replace(run, state=state)))
    assert told.startswith("world 0, counts[1, 2] differs at the end: world 0")
    state = run.state.copy()
    state.tables["clients"]["last"]["time"][5] = np.pi
    told = first_difference(Outcome.of_run(run), Outcome.of_run(dataclasses.replace(run, state=state)))
    assert told.startswith("clients 5, last.time differs at the end: clients 5, last heard of on day ")


def test_tables_of_another_form_are_told(run):
    state = run.state.copy()
    state.tables["clients"] = state.tables["clients"][:-1]
    told = first_difference(Outcome.of_run(run), Outcome.of_run(dataclasses.replace(run, state=state)))
    assert told.startswith("the table clients differs in form")
    del state.tables["clients"]
    told = first_difference(Outcome.of_run(run), Outcome.of_run(dataclasses.replace(run, state=state)))
    assert told.startswith("the tables differ")


def test_a_run_is_the_same_as_itself_and_as_its_repetition(run):
    assert first_difference(Outcome.of_run(run), Outcome.of_run(run)) is None
    assert_same(run, run_simpy(toy.MODEL, toy_state()))
    with pytest.raises(AssertionError, match="the number of commands carried out differs"):
        assert_same(run, dataclasses.replace(run, n_steps=7))
