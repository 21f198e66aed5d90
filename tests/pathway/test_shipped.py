"""What is shipped of the pathway, made anew: the native library and the WebAssembly module give numba's bits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from best_sim import Scenario
from best_sim.engine import shipping
from best_sim.pathway.lowering import lower, state_of
from best_sim.pathway.model import PATHWAY, compiled_pathway

pytest.importorskip("numba")
ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ("london-2017", "glasgow", "trial-as-run", "london", "england-sample")

RUNNING = """
import sys
sys.modules["numba"] = None
import numpy as np
from best_sim import Scenario
from best_sim.pathway.lowering import lower, state_of
from best_sim.pathway.model import compiled_pathway
out, *names = sys.argv[1:]
for name in names:
    run = compiled_pathway().run(state_of(lower(Scenario.load(name)), 7, 1))
    np.savez(f"{out}/{name}", events=run.events, **run.state.tables)
"""


def _made(kind: str, folder: Path) -> Path:
    done = subprocess.run(
        [sys.executable, str(ROOT / "shipping" / "make.py"), kind, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="native libraries are made on Linux")
def test_the_native_library_gives_numbas_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _made("native", tmp_path / "native")
    subprocess.run(
        [sys.executable, "-c", RUNNING, str(tmp_path), *SCENARIOS],
        env={**os.environ, "BEST_SIM_NATIVE": str(folder), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=True,
    )  # fmt: skip
    for name in SCENARIOS:
        expected = compiled_pathway().run(state_of(lower(Scenario.load(name)), 7, 1))
        got = np.load(tmp_path / f"{name}.npz")
        assert got["events"].tobytes() == expected.events.tobytes(), name
        for table, rows in expected.state.tables.items():
            assert got[table].tobytes() == rows.tobytes(), (name, table)


@pytest.mark.slow
def test_the_module_gives_numbas_bits(tmp_path: Path) -> None:
    pytest.importorskip("wasmtime")
    try:
        shipping.linker(["wasm-ld"])
    except shipping.ShippingError as without:
        pytest.skip(str(without))
    from in_wasm import Module

    module = Module(_made("wasm", tmp_path / "wasm"))
    assert module.imports == []
    for name in SCENARIOS:
        state = state_of(lower(Scenario.load(name)), 7, 1)
        expected = compiled_pathway().run(state)
        events, after = module.run(PATHWAY, state, log_room=len(expected.events))
        assert events.tobytes() == expected.events.tobytes(), name
        assert after["diaries"].tobytes() == expected.state.diaries.tobytes(), name
        assert after["world"].tobytes() == expected.state.world.tobytes(), name
        for table, rows in expected.state.tables.items():
            assert after[f"table {table}"].tobytes() == rows.tobytes(), (name, table)
