"""Compiled kernels are kept, and never kept for too long."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest
import script
import toy
from comparing import script_state, toy_state

from best_sim.engine import (
    CompilationError,
    Model,
    ProcessKind,
    compile_model,
    hold,
    is_compiled,
    run_simpy,
    world_dtype,
)

pytest.importorskip("numba")
from best_sim.engine import compiled_driver  # noqa: E402

THING = np.dtype([("x", "f8")])


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BEST_SIM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


PACKAGE = {
    "__init__.py": "",
    "constants.py": "DAYS = 1.0\n",
    "rules.py": """
        from best_sim.engine import rule
        from garden import constants

        @rule
        def days_to_flower(plant):
            return constants.DAYS + plant.depth
    """,
    "processes.py": """
        from best_sim.engine import hold
        from .rules import days_to_flower

        def plant(me, world):
            yield hold(days_to_flower(me))
            me.flowered = world.now
    """,
    "run.py": """
        import time
        import numpy as np
        from best_sim.engine import Model, ProcessKind, State, compile_model, is_compiled, run_simpy
        from best_sim.engine import starts_table, world_dtype
        from garden import processes

        PLANT = np.dtype([("depth", "f8"), ("flowered", "f8")])
        WORLD = world_dtype([], ["plants"])
        model = Model(WORLD, {"plants": PLANT}, (ProcessKind("plant", processes.plant, "plants"),))
        world, plants = np.zeros(1, WORLD), np.zeros(1, PLANT)
        world["end"] = 100.0
        state = State(world, {"plants": plants}, starts_table([0.0], [0], [0]))
        warm = is_compiled(model)
        compiled = compile_model(model)
        for run in (compiled.run(state), run_simpy(model, state)):
            print(warm, run.state.tables["plants"]["flowered"][0], sum(compiled._kernel.stats.cache_hits.values()))
    """,
}


def test_a_change_anywhere_in_the_model_changes_the_result(tmp_path, empty_cache):
    folder = tmp_path / "garden"
    folder.mkdir()
    for name, text in PACKAGE.items():
        (folder / name).write_text(textwrap.dedent(text))

    def start():
        path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
        return subprocess.Popen(
            [sys.executable, "-m", "garden.run"],
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def finish(process):
        told, errors = process.communicate()
        assert process.returncode == 0, errors
        return told.split("\n")[:2]

    def run():
        return finish(start())

    at_once = [start(), start()]  # one compiles, the other waits and loads
    assert sorted(finish(one)[0].split(" ", 1)[1] for one in at_once) == ["1.0 0", "1.0 1"]
    assert run() == ["True 1.0 1", "True 1.0 1"]  # loaded, not compiled again
    (folder / "constants.py").write_text("DAYS = 2.0\n")  # two imports away from the process
    assert run() == ["False 2.0 0", "False 2.0 0"]
    rules = (folder / "rules.py").read_text()
    (folder / "rules.py").write_text(rules.replace("+ plant.depth", "* 2.0"))
    assert run() == ["False 4.0 0", "False 4.0 0"]
    (folder / "rules.py").write_text(rules)
    assert run() == ["True 2.0 1", "True 2.0 1"]


def test_the_key_depends_on_the_records_and_the_order_of_processes():
    keys = {compiled_driver.kernel_key(model) for model in (toy.MODEL, script.MODEL)}
    swapped = Model(script.WORLD, script.TABLES, script.MODEL.processes[::-1])
    wider = Model(world_dtype([("more", "f8")], script.TABLES), script.TABLES, script.MODEL.processes)
    keys |= {compiled_driver.kernel_key(swapped), compiled_driver.kernel_key(wider)}
    assert len(keys) == 4
    again = Model(script.WORLD, script.TABLES, script.MODEL.processes)
    assert compiled_driver.kernel_key(again) == compiled_driver.kernel_key(script.MODEL)


def test_a_model_is_compiled_once_in_a_session():
    assert compile_model(script.MODEL) is compile_model(script.MODEL)
    assert is_compiled(script.MODEL)


def test_nothing_is_compiled_in_an_empty_cache(empty_cache):
    assert not is_compiled(script.MODEL)


def test_numbas_settings_are_left_alone():
    from numba import config

    before = config.CACHE_DIR
    compile_model(script.MODEL)
    assert before == config.CACHE_DIR


def sleeper(me, world):
    yield hold(me.no_such_field)


def test_what_numba_cannot_compile_is_told(empty_cache):
    dtype = world_dtype([], ["things"])
    model = Model(dtype, {"things": THING}, (ProcessKind("sleeper", sleeper, "things"),))
    with pytest.raises(CompilationError, match="no_such_field"):
        compile_model(model)
    assert not is_compiled(model)


def test_without_numba_the_model_runs_on_simpy(tmp_path):
    expected = run_simpy(toy.MODEL, toy_state(n=10)).events
    code = """
        import sys
        sys.modules["numba"] = None
        import numpy as np, toy
        from comparing import toy_state
        from best_sim.engine import CompilationError, compile_model, is_compiled, run_simpy
        np.save(sys.argv[1], run_simpy(toy.MODEL, toy_state(n=10)).events)
        for refused in (compile_model, is_compiled):
            try:
                refused(toy.MODEL)
            except CompilationError as error:
                print(error)
    """
    path = os.pathsep.join([os.path.dirname(__file__), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "events.npy")],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("numba cannot be imported") == 2
    assert np.load(tmp_path / "events.npy").tobytes() == expected.tobytes()


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("BEST_SIM_CACHE", str(tmp_path / "file"))  # a file is not a folder
    model = Model(script.WORLD, script.TABLES, script.MODEL.processes[:1])
    assert not is_compiled(model)
    run = compile_model(model).run(script_state([[hold(1.0)]]))
    assert run.n_steps == 2


def not_a_generator(me, world):
    return None


@pytest.mark.parametrize(
    ("processes", "world", "words"),
    [
        ((ProcessKind("a", sleeper, "things"),) * 2, None, "two kinds of process are called 'a'"),
        ((ProcessKind("a", not_a_generator, "things"),), None, "does not yield"),
        ((ProcessKind("a", sleeper, "others"),), None, "the table 'others', which is not there"),
        ((), np.dtype([("now", "f8")]), "the world lacks the field 'end'"),
        ((), world_dtype([("half", "f4")], ["things"]), "world.half is float32"),
    ],
)
def test_a_model_that_cannot_be_run_is_refused(processes, world, words):
    world = world_dtype([], ["things"]) if world is None else world
    with pytest.raises(ValueError, match=words):
        Model(world, {"things": THING}, processes)


def test_the_cache_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("BEST_SIM_CACHE", str(tmp_path))
    assert compiled_driver.cache_folder() == tmp_path
    monkeypatch.delenv("BEST_SIM_CACHE")
    assert compiled_driver.cache_folder().name == "best_sim"


def test_a_user_without_a_home_has_no_cache(monkeypatch):
    monkeypatch.delenv("BEST_SIM_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)

    def none():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(compiled_driver.Path, "home", none)
    assert not compiled_driver.is_compiled(toy.MODEL)
    folder = compiled_driver._kernel_folder("key")
    assert folder.is_dir() and folder.parent == Path(tempfile.gettempdir())
    folder.rmdir()


def test_the_generated_module_can_be_read():
    text = compiled_driver.kernel_source(toy.MODEL)
    compile(text, "kernel", "exec")
    assert "# client" in text and max(map(len, text.splitlines())) <= 110
