"""Runs a model's WebAssembly module as a page does, with wasmtime, for the tests that compare it with native runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import wasmtime

from best_sim.engine import EVENT, Model, State, compiled_driver
from best_sim.engine.model import ready
from best_sim.engine.native import NAME
from best_sim.engine.records import hidden_fields

_PAGE = 1 << 16


class Module:
    """A module, ready to run.

    Parameters
    ----------
    folder : Path
        With the module and its table of layouts.
    """

    def __init__(self, folder: Path) -> None:
        config = wasmtime.Config()
        config.wasm_memory64 = True
        self._store = wasmtime.Store(wasmtime.Engine(config))
        module = wasmtime.Module.from_file(self._store.engine, str(folder / f"{NAME}.wasm"))
        self.imports = [one.name for one in module.imports]
        self._exports = wasmtime.Instance(self._store, module, []).exports(self._store)
        self._memory = self._exports["memory"]
        self._free = self._exports["__heap_base"].value(self._store)
        self.layouts = json.loads((folder / "layouts.json").read_text(encoding="utf-8"))

    def call(self, name: str, *given: Any) -> Any:
        """Call one of its functions."""
        return self._exports[name](self._store, *given)

    def run(self, model: Model, state: State, log_room: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The event record, and the tables, world, diaries and resources as they are after a run."""
        strides = self._strides(model)
        state = ready(model, state)
        compiled = compiled_driver.CompiledModel(model, lambda address, measuring: 0)
        compiled.strides = strides
        memory = compiled_driver._Memory(compiled, state, log_room)
        memory.loop["pause_at"] = 2**62
        arrays = {
            "world": state.world, "loop": memory.loop, "kind": memory.kinds, "resource": memory.resources,
            "raw": memory.raw, "rows": memory.rows, "hint": memory.hint, "starts": state.starts,
            "diaries": state.diaries, "opening": np.asarray(state.opening), "day_hours": state.day_hours,
            "stretch": np.asarray(state.stretch), **{f"table {name}": one for name, one in state.tables.items()},
        }  # fmt: skip
        logged = memory.log.ctypes.data
        places = self._write(arrays, [name for name, _ in hidden_fields(model.tables)][::2])
        stopped = self._kernel(places["world"], 0)
        assert stopped == self.layouts["stops"]["done"], stopped
        after = {name: self._read(places[name], one) for name, one in arrays.items() if name != "raw"}
        count = int(after["loop"]["logged"][0])
        start = places["raw"] + logged - memory.raw.ctypes.data
        events = np.frombuffer(self._memory.read(self._store, start, start + count * EVENT.itemsize), EVENT)
        for name in ("_loop", *(name for name, _ in hidden_fields(model.tables))):
            after["world"][name] = 0
        after["world"]["now"] = after["world"]["end"]  # as the driver leaves it
        return events, after

    # --- its memory -----------------------------------------------------------------------------------------
    def _kernel(self, address: int, measuring: int) -> int:
        at = (self._free + 15) // 16 * 16  # where the kernel leaves its result, and what it fails by
        status = self.call("best_sim_kernel", at, at + 8, address, measuring)
        assert status == 0, f"the kernel failed with status {status}"
        return int.from_bytes(self._memory.read(self._store, at, at + 8), "little")

    def _strides(self, model: Model) -> np.ndarray:
        kinds = np.zeros(len(model.processes), compiled_driver.KIND)
        loop = np.zeros(1, compiled_driver.LOOP)
        loop["kinds"], loop["n_kinds"] = kinds.ctypes.data, len(kinds)
        world = np.zeros(1, model.world)
        world["_loop"] = loop.ctypes.data
        arrays = {"world": world, "loop": loop, "kind": kinds}
        places = self._write(arrays, ())
        self._kernel(places["world"], 1)
        return self._read(places["kind"], kinds)["stride"].copy()

    def _write(self, arrays: Mapping[str, np.ndarray], of_tables: Iterable[str]) -> dict[str, int]:
        """Copy arrays to free memory, their addresses put right; where each went."""
        at, places = (self._free + 4095) // 4096 * 4096, {}
        for name, array in arrays.items():
            places[name] = at
            at += (array.nbytes + 127) // 64 * 64
        missing = -(-(at - self._memory.data_len(self._store)) // _PAGE)
        if missing > 0:
            self._memory.grow(self._store, missing)

        def moved(address: int) -> int:
            for name, array in arrays.items():
                beyond = address - array.ctypes.data
                if 0 <= beyond < max(array.nbytes, 1):
                    return places[name] + beyond
            return 0  # of what has no rows

        addresses = {
            name: [field for field, told in record["fields"].items() if told["type"] == "address"]
            for name, record in self.layouts["records"].items()
        }
        addresses["world"] = [
            field for field, told in self.layouts["world"]["fields"].items() if told["type"] == "address"
        ]
        assert {"_loop", *of_tables} <= {*addresses["world"]}
        for name, array in arrays.items():
            copy = _as_bytes(array.tobytes(), array)
            for field in addresses.get(name, ()):
                copy[field] = [moved(int(one)) for one in array[field]]
            self._memory.write(self._store, copy.tobytes(), places[name])
        return places

    def _read(self, at: int, like: np.ndarray) -> np.ndarray:
        return _as_bytes(self._memory.read(self._store, at, at + like.nbytes), like)


def _as_bytes(content: bytes, like: np.ndarray) -> np.ndarray:
    """An array with all bytes of the content: numpy would copy the fields alone, and leave out what is between them."""
    return np.frombuffer(bytearray(content), like.dtype).reshape(like.shape)
