"""The small pathway says the same in this package's two drivers, in SimPy by the book, and in closed form.

No other engine is needed here; `make bench` compares those.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import rivals
from small_pathway import on_best_sim, on_simpy
from small_pathway.parameters import COMPILED, OUTPUTS, Engine, Parameters, Replicate

from best_sim.engine import Run, compile_model, run_simpy

pytest.importorskip("numba")

REPLICATES, ON_SIMPY = 300, 40


@pytest.fixture(scope="module")
def p() -> Parameters:
    return Parameters.load()


@pytest.fixture(scope="module")
def engines(p: Parameters) -> dict[str, Engine]:
    return {engine.name: engine for engine in [*on_best_sim.engines(p), *on_simpy.engines(p)]}


@pytest.fixture(scope="module")
def compiled(engines: dict[str, Engine]) -> list[Replicate]:
    return engines[COMPILED].run(1, REPLICATES)


@pytest.fixture(scope="module")
def by_the_book(engines: dict[str, Engine]) -> list[Replicate]:
    return engines["SimPy"].run(1, ON_SIMPY)


def runs(p: Parameters, seed: int) -> tuple[Run, Run]:
    """The same replicate by both drivers."""
    state = on_best_sim.state(p, seed, 0)
    return run_simpy(on_best_sim.MODEL, state), compile_model(on_best_sim.MODEL).run(state)


# --- the two drivers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("team_places", [0, 1, 72, 1000])
def test_the_drivers_give_the_same_to_the_last_bit(p: Parameters, team_places: int) -> None:
    on_simpy, compiled = runs(dataclasses.replace(p, team_places=team_places), seed=7)
    for name, table in on_simpy.state.tables.items():
        assert table.tobytes() == compiled.state.tables[name].tobytes(), name
    assert on_simpy.resources.tobytes() == compiled.resources.tobytes()
    assert on_simpy.n_steps == compiled.n_steps
    assert (on_simpy.resources["granted"][on_best_sim.TEAM] > 0) == (team_places > 0)


def test_a_difference_between_the_drivers_ends_the_benchmark(compiled: list[Replicate]) -> None:
    rivals.check_drivers(compiled[:2], compiled, seed=1)
    wrong = [compiled[0]._replace(moves=math.nextafter(compiled[0].moves, math.inf))]
    with pytest.raises(SystemExit, match="two drivers of best_sim differ, seed 1, replicate 0"):
        rivals.check_drivers(wrong, compiled, seed=1)


# --- SimPy by the book --------------------------------------------------------------------------------------


def test_simpy_by_the_book_agrees(compiled: list[Replicate], by_the_book: list[Replicate]) -> None:
    compared = rivals.agreement({COMPILED: compiled, "SimPy": by_the_book})
    assert rivals.disagreements(compared) == []
    assert compared["z"].count() == len(OUTPUTS)


@pytest.mark.parametrize(
    ("change", "output"),
    [
        ({"children": 620.0}, "children"),
        ({"move_gap": 165.0}, "moves per child"),
        ({"team_places": 50}, "days of wait for the team"),
        ({"rooms": 2}, "days of wait for a room"),
        ({"notice_mean": 64.0}, "weeks to the last hearing"),
        ({"missed": 0.14}, "visits seen per child"),
        ({"treatment_mean": 200.0}, "places in use"),
    ],
)
def test_a_slightly_different_model_is_told_apart(
    p: Parameters, compiled: list[Replicate], change: dict[str, float], output: str
) -> None:
    (other,) = on_simpy.engines(dataclasses.replace(p, **change))
    compared = rivals.agreement({COMPILED: compiled, "SimPy": other.run(1, 8)})
    assert any(line.startswith(f"SimPy, {output}: ") for line in rivals.disagreements(compared))


def test_a_mean_that_is_not_a_number_is_a_disagreement(compiled: list[Replicate]) -> None:
    wrong = [each._replace(lift_wait=math.nan) for each in compiled]
    lines = rivals.disagreements(rivals.agreement({COMPILED: compiled, "other": wrong}))
    assert len(lines) == 1
    assert lines[0].startswith("other, days of wait for the team: nan")


# --- closed forms -------------------------------------------------------------------------------------------


@pytest.mark.theory
@pytest.mark.parametrize("which", ["compiled", "by_the_book"])
def test_what_has_a_closed_form_is_met(p: Parameters, which: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(which)
    # Entries are uniform over the time of entry; moves are a Poisson process until the end; every visit falls due.
    expected = {
        "children": p.children,
        "moves": (p.end_day - p.entry_days / 2.0) / p.move_gap,
        "visits": len(p.visit_months) * (1.0 - p.missed),
    }
    for output, value in expected.items():
        values = np.array([getattr(each, output) for each in found])
        error = values.std(ddof=1) / math.sqrt(len(values))
        assert abs(values.mean() - value) < 4.0 * error, output
    assert np.var([each.children for each in found], ddof=1) == pytest.approx(p.children, rel=0.5)


@pytest.mark.theory
def test_a_team_without_a_queue_has_as_many_places_in_use_as_little_says(p: Parameters) -> None:
    ample = dataclasses.replace(p, team_places=10_000, end_day=p.end_day + 10.0 * p.treatment_mean)
    found = on_best_sim.engines(ample)[0].run(2, REPLICATES)
    assert {each.lift_wait for each in found} == {0.0}
    # Everybody has left by then, but for one in a million: places in use, times the days, is the sum of all stays.
    expected = p.children * p.lift_share * (p.assessment_mean + p.treatment_mean) / ample.end_day
    in_use = np.array([each.team_in_use for each in found])
    assert abs(in_use.mean() - expected) < 4.0 * in_use.std(ddof=1) / math.sqrt(REPLICATES)


def test_by_hand(p: Parameters) -> None:
    """One child at a time enters, nothing waits, nothing is missed."""
    quiet = dataclasses.replace(
        p, children=20.0, lift_share=1.0, team_places=1000, rooms=1000, missed=0.0, move_gap=1e12
    )
    for engine in (*on_best_sim.engines(quiet), *on_simpy.engines(quiet)):
        (found,) = engine.run(3, 1)
        assert found.lift_wait == found.room_wait == found.moves == 0.0
        assert found.visits == 3.0
        # Entry, place taken and given back, three hearings begun and ended, three visits due.
        assert found.events == 12 * found.children


def test_months_become_gaps_between_visits(p: Parameters) -> None:
    assert p.visit_gaps == pytest.approx([30.4375, 14 * 30.4375, 15 * 30.4375])
    assert np.exp(p.notice[0] + p.notice[1] ** 2 / 2.0) == pytest.approx(p.notice_mean)


# --- the benchmark itself -----------------------------------------------------------------------------------


def test_a_rival_that_is_not_there_is_named_and_the_others_go_on(p: Parameters) -> None:
    found, left_out = rivals.prepare(p, {"Nothing": "on_nothing", "SimPy": "on_simpy"})
    assert [engine.name for engine in found] == [COMPILED, "best_sim on SimPy", "SimPy"]
    assert list(left_out) == ["Nothing"]
    assert "on_nothing" in left_out["Nothing"]


def test_a_rival_that_fails_when_it_is_made_ready_is_named(p: Parameters, monkeypatch) -> None:
    def broken(_: Parameters) -> list[Engine]:
        raise RuntimeError("cannot compile\nmore of it")

    monkeypatch.setattr(on_simpy, "engines", broken)
    found, left_out = rivals.prepare(p, {"SimPy": "on_simpy"})
    assert len(found) == 2
    assert left_out == {"SimPy": "RuntimeError: cannot compile"}


def test_too_few_rounds_are_refused_at_once(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["rivals.py", "--rounds", "3"])
    with pytest.raises(SystemExit) as refused:
        rivals.main()
    assert refused.value.code == 2
    assert "--rounds: found 3" in capsys.readouterr().err


def test_interleaved_rounds_run_every_engine_and_change_who_goes_first(p: Parameters) -> None:
    order: list[tuple[str, int]] = []

    def engine(name: str) -> Engine:
        def run(seed: int, replicates: int) -> list[Replicate]:
            order.append((name, seed))
            return [Replicate(*[1.0] * len(OUTPUTS), events=10)] * replicates

        return Engine(name, "simpy", run, replicates=2)

    names = [COMPILED, "best_sim on SimPy", "third"]
    times, replicates = rivals.measure([engine(name) for name in names], 3)
    assert [name for name, _ in order] == [names[i] for i in (0, 1, 2, 1, 2, 0, 2, 0, 1)]
    assert [seed for _, seed in order] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert times.groupby("engine").size().to_dict() == dict.fromkeys(names, 3)
    assert {name: len(found) for name, found in replicates.items()} == dict.fromkeys(names, 6)


def test_the_page_for_readers_holds_what_the_last_run_wrote() -> None:
    page = rivals.PAGE.read_text(encoding="utf-8")
    written = (rivals.HERE / "rivals.md").read_text(encoding="utf-8")
    _, _, text = written.partition("\n\n")
    between = page.partition(rivals.BEGIN)[2].partition(rivals.END)[0]
    assert between.strip() == text.strip()


def test_a_page_without_its_marks_is_not_written_over(tmp_path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{rivals.BEGIN}\nold\n{rivals.END}\nafter\n", encoding="utf-8")
    rivals.put_into_page(page, "new")
    assert page.read_text(encoding="utf-8") == f"before\n{rivals.BEGIN}\n\nnew\n\n{rivals.END}\nafter\n"
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(SystemExit, match="are not there"):
        rivals.put_into_page(page, "new")
    assert page.read_text(encoding="utf-8") == "no marks"


# --- what is installed for it -------------------------------------------------------------------------------


def test_the_rivals_are_pinned_for_the_benchmark_and_nowhere_else() -> None:
    root = rivals.HERE.parent
    pins = {
        path.stem: {line.split("==")[0].lower() for line in path.read_text(encoding="utf-8").splitlines()}
        for path in (root / "requirements").glob("*.txt")
    }
    assert {"ciw", "salabim", "greenlet", "cimba"} <= pins["bench"]
    assert not pins["bench"] & (pins["core"] | pins["test"] | pins["build"])
