"""A kernel is put together from functions that are not compiled alone, and gives what it gave when they were."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from best_sim.engine.rule import rule

njit = pytest.importorskip("numba").njit
from best_sim.engine import lowering  # noqa: E402, F401 - it makes rules known to numba

SCRIPT = """
import hashlib, json, sys
from numba.core.codegen import CPUCodeLibrary
from numba.core.typed_passes import NativeLowering
from best_sim.engine import compile_model, linking

optimised, optimise = [], CPUCodeLibrary._optimize_final_module
def counted(library):
    optimised.append(library.name)
    optimise(library)

CPUCodeLibrary._optimize_final_module = counted
if sys.argv[1] == "each alone":
    linking.Piece.lowering = linking.Whole.lowering = NativeLowering

import toy
from comparing import toy_state
run = compile_model(toy.MODEL).run(toy_state(n=300))
print(json.dumps([len(optimised), len(run.events), hashlib.sha256(run.events.tobytes()).hexdigest()]))
"""


@pytest.mark.slow
def test_functions_are_optimised_once_and_to_the_same_bits(tmp_path: Path) -> None:
    def compiled(how: str) -> tuple[int, int, str]:
        path = os.pathsep.join([os.path.dirname(__file__), *filter(None, sys.path)])
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": path, "BEST_SIM_CACHE": str(tmp_path / how)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    (few, n, together), (many, _, apart) = compiled("in one piece"), compiled("each alone")
    assert together == apart and n > 300
    # numba's own functions, such as min, are still compiled by themselves
    assert few < 15 < 60 < many


@rule
def doubled(x):
    return 2.0 * x


@rule
def doubled_and_more(x):
    return doubled(x) + doubled(1.0)


def test_what_is_compiled_otherwise_may_call_the_same_functions():
    @njit
    def both(x):
        return doubled_and_more(x) * doubled(x)

    assert both(3.0) == (6.0 + 2.0) * 6.0
