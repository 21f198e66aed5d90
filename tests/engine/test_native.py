"""The native library: the same bits without numba; one that does not fit is passed over, and damage is told of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import script
import toy
from comparing import toy_state

from best_sim.engine import native, run_simpy, shipping
from best_sim.engine.compiled_driver import shipped_kernel
from best_sim.engine.luck import uniform_at_by_numpy

pytest.importorskip("numba")
if not sys.platform.startswith("linux"):
    pytest.skip("native libraries are made on Linux", allow_module_level=True)
try:
    shipping.linker(shipping.LINKERS)
except shipping.ShippingError as without:
    pytest.skip(str(without), allow_module_level=True)

MAKING = """
    import sys
    from pathlib import Path
    import toy
    from best_sim.engine import shipping
    shipping.make_native(toy.MODEL, Path(sys.argv[1]))
"""
RUNNING = """
    import sys
    sys.modules["numba"] = None
    import numpy as np, toy
    from comparing import toy_state
    from best_sim.engine import SimulationError, compile_model, is_compiled
    model = compile_model(toy.MODEL)
    assert is_compiled(toy.MODEL)
    run = model.run(toy_state(n=60))
    np.save(sys.argv[1], run.events)
    for name, table in run.state.tables.items():
        print(name, table.tobytes().hex())
    state = toy_state(n=3)
    state.world["stay"]["kind"], state.world["stay"]["n"] = 5, 20  # more points than there is room for
    try:
        model.run(state)
    except SimulationError as error:
        print(repr(error.__cause__))
"""


def _python(code: str, *given: str, **settings: str) -> str:
    path = os.pathsep.join([os.path.dirname(__file__), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", textwrap.dedent(code), *given],
        env={**os.environ, "PYTHONPATH": path, **settings}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the library of the small model."""
    folder = tmp_path_factory.mktemp("native")
    _python(MAKING, str(folder), **shipping.SETTINGS)
    return folder


@pytest.fixture
def copied(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it that may be damaged, and is what the package finds."""
    for file in made.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setenv("BEST_SIM_NATIVE", str(tmp_path))
    for cached in (native.shipped_library, shipped_kernel):
        cached.cache_clear()
    yield tmp_path
    for cached in (native.shipped_library, shipped_kernel):
        cached.cache_clear()


def test_it_runs_without_numba_to_the_same_bits(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "events.npy"
    expected = run_simpy(toy.MODEL, toy_state(n=60))
    *tables, error = _python(RUNNING, str(out), BEST_SIM_NATIVE=str(made)).splitlines()
    assert np.load(out).tobytes() == expected.events.tobytes()
    assert tables == [f"{name} {table.tobytes().hex()}" for name, table in expected.state.tables.items()]
    assert error == "IndexError('index outside an array of a record')"


def test_it_is_made_to_the_same_bytes_again(made: Path, tmp_path: Path) -> None:
    _python(MAKING, str(tmp_path), **shipping.SETTINGS)
    for file in made.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()


def test_it_calls_nothing_from_outside_but_memset(made: Path) -> None:
    told = subprocess.run(
        ["nm", "-D", str(made / "kernel.so")], capture_output=True, text=True, check=True
    ).stdout
    symbols = {tuple(line.split()[-2:]) for line in told.splitlines()}
    assert {name for kind, name in symbols if kind == "U"} <= {"memset"}
    assert {name for kind, name in symbols if kind != "U"} == set(shipping.EXPORTED)


def test_its_random_numbers_are_numpys(copied: Path) -> None:
    library = native.shipped_library()
    assert library is not None
    addresses = [(1, 2, 3, 4, 5, 6), (2**62, 0, 2**61, 7, 2**63 - 1, 9)]
    for address in addresses:
        assert library.uniform_at(*address) == uniform_at_by_numpy(*address)
    streams, numbers = np.array([1, 1, 5]), np.arange(6)[::2]
    assert library.uniforms_at(1, 2, streams, numbers, 3, 4).tolist() == [
        uniform_at_by_numpy(1, 2, int(s), int(n), 3, 4) for s, n in zip(streams, numbers, strict=True)
    ]


def test_it_is_of_one_model_and_one_source(copied: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert shipped_kernel(toy.MODEL) is not None
        assert shipped_kernel(script.MODEL) is None


def test_no_library_is_no_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for folder in ("", str(tmp_path), str(tmp_path / "nowhere")):
        monkeypatch.setenv("BEST_SIM_NATIVE", folder)
        native.shipped_library.cache_clear()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert native.shipped_library() is None
    native.shipped_library.cache_clear()


def _cut_short(folder: Path) -> None:
    content = (folder / "kernel.so").read_bytes()
    (folder / "kernel.so").write_bytes(content[: len(content) // 2])


def _one_bit_turned(folder: Path) -> None:
    content = bytearray((folder / "kernel.so").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "kernel.so").write_bytes(content)


def _told_otherwise(**changes: object) -> object:
    def change(folder: Path) -> None:
        told = json.loads((folder / "kernel.json").read_text()) | changes
        (folder / "kernel.json").write_text(json.dumps(told))

    return change


def _something_else(folder: Path) -> None:
    (folder / "kernel.so").write_bytes(b"not a library")
    _told_otherwise(content=native.digest(b"not a library"))(folder)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_cut_short, "kernel.so is damaged"),
        (_one_bit_turned, "kernel.so is damaged"),
        (lambda folder: (folder / "kernel.so").unlink(), "No such file"),
        (_something_else, "kernel.so"),
        (_told_otherwise(machine="beos m68k"), "it is for beos m68k, and this is linux"),
        (_told_otherwise(more="?"), "kernel.json is damaged"),
        (_told_otherwise(modules=5), "kernel.json is damaged"),
        (_told_otherwise(modules=[5]), "kernel.json is damaged"),
        (lambda folder: (folder / "kernel.json").write_text("[]"), "kernel.json is damaged"),
        (lambda folder: (folder / "kernel.json").write_text("{"), "kernel.json is damaged"),
        (lambda folder: (folder / "kernel.json").write_bytes(b"\xff"), "kernel.json is damaged"),
    ],
)
def test_one_that_is_damaged_or_foreign_is_told_of_once(copied: Path, damage: object, words: str) -> None:
    damage(copied)  # type: ignore[operator]
    with pytest.warns(RuntimeWarning, match=words) as told:
        assert shipped_kernel(toy.MODEL) is None
        assert shipped_kernel(toy.MODEL) is None
    assert len(told) == 1
