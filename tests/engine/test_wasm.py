"""The WebAssembly module: it takes nothing from outside, and gives the bits of a native run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import toy
from comparing import toy_state

from best_sim.engine import Model, compile_model, run_simpy, shipping
from best_sim.engine.luck import uniform_at_by_numpy

pytest.importorskip("numba")
pytest.importorskip("wasmtime")
try:
    shipping.linker(["wasm-ld"])
except shipping.ShippingError as without:
    pytest.skip(str(without), allow_module_level=True)

from in_wasm import Module  # noqa: E402

MAKING = """
import sys
from pathlib import Path
import toy
from best_sim.engine import shipping
shipping.make_wasm(toy.MODEL, Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the module of the small model."""
    folder = tmp_path_factory.mktemp("wasm")
    path = os.pathsep.join([os.path.dirname(__file__), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", MAKING, str(folder)],
        env={**os.environ, **shipping.SETTINGS, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def module(made: Path) -> Module:
    return Module(made)


def test_it_takes_nothing_from_outside(module: Module) -> None:
    assert module.imports == []


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 40])
def test_it_gives_the_bits_of_both_drivers(module: Module, n: int, seed: int) -> None:
    state = toy_state(n=n, seed=seed)
    native, readable = compile_model(toy.MODEL).run(state), run_simpy(toy.MODEL, state)
    events, after = module.run(toy.MODEL, state, log_room=len(native.events) + 1)
    assert events.tobytes() == native.events.tobytes() == readable.events.tobytes()
    assert after["world"].tobytes() == native.state.world.tobytes()
    assert after["diaries"].tobytes() == native.state.diaries.tobytes()
    for name, table in native.state.tables.items():
        assert after[f"table {name}"].tobytes() == table.tobytes(), name


def test_its_random_numbers_are_numpys(module: Module) -> None:
    for address in ((1, 2, 3, 4, 5, 6), (2**62, 0, 2**61, 7, 2**63 - 1, 9)):
        assert module.call("best_sim_uniform_at", *address) == uniform_at_by_numpy(*address)


def test_the_table_says_what_is_where(module: Module) -> None:
    """The record of events and the table of clients, read as a page does: by offset and type alone."""
    state = toy_state(n=20)
    run = compile_model(toy.MODEL).run(state)
    told = json.loads(json.dumps(shipping.layouts_of(toy.MODEL)))
    assert told == module.layouts

    def read(content: bytes, record: dict, row: int, field: str) -> np.ndarray:
        of = record["fields"][field]
        shape = tuple(of.get("shape", ()))
        at, count = row * record["size"] + of["offset"], int(np.prod(shape, dtype=int))
        return np.frombuffer(content, of["type"], count, at).reshape(shape)

    events, row = run.events.tobytes(), len(run.events) // 2
    for name in run.events.dtype.names:
        assert read(events, told["records"]["event"], row, name) == run.events[name][row]
    clients = run.state.tables["clients"]
    for name in ("stream", "entered", "visits", "urgent", "times"):
        assert np.array_equal(read(clients.tobytes(), told["tables"]["clients"], 7, name), clients[name][7])
    within = told["tables"]["clients"]["fields"]["last"]
    assert within["offset"] == toy.CLIENTS.fields["last"][1] and within["type"]["size"] == 16
    assert told["world"]["fields"]["services"]["shape"] == [2]
    pointing = {name for name, of in told["world"]["fields"].items() if of["type"] == "address"}
    assert pointing == {"_loop", "_address_of_clients", "_address_of_offices"}


def test_a_process_with_other_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(shipping.ShippingError, match="not started with"):
        shipping.make_wasm(Model(toy.WORLD, toy.TABLES, toy.MODEL.processes[:1]), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_linker_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "find_spec", lambda name: None)
    with pytest.raises(shipping.ShippingError, match="neither no-such-linker nor the package ziglang"):
        shipping.linker(["no-such-linker"])


def test_a_linker_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(shipping.ShippingError, match="cannot link"):
        shipping.link(b"not object code", shipping.linker(["wasm-ld"]), tmp_path / "out.wasm")
