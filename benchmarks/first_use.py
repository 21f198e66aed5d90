"""What commands cost before they simulate anything, and what the first use on a machine costs.

Two ways to compile the pathway, in turn in one run: in one piece, as the package does it (`best_sim.engine.linking`),
and each function alone, as numba does it by itself. Each begins with an empty cache; then kernels from both caches, and
the one in the native library (`best_sim.engine.native`), run the same replicates, in turn. The first answer on a
machine, with the native library and without. And commands, each in a process of its own, with everything compiled. All
in seconds of processor time, which other work on the machine touches less than the clock's. Writes
`benchmarks/first-use.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).parent / "first-use.md"
IN_ONE_PIECE, EACH_ALONE = WAYS = ("in one piece", "each function alone")
SHIPPED = "before, in the native library"
FIRST = ["simulate", "--no-figures"]
REPLICATES = 60
COMMANDS = (
    ["--help"],
    ["check", "trial-as-run"],
    ["parameters"],
    ["trace", "--no-figures"],
    ["trace"],
    ["simulate", "--no-figures"],
    ["simulate"],
    ["power", "--replicates", "20", "--workers", "1", "--no-figures"],
    ["power", "--replicates", "20", "--workers", "1"],
)
KERNEL = """
import hashlib, json, statistics, sys, time
import best_sim.engine.linking as linking
if sys.argv[1] == "each function alone":
    from numba.core.typed_passes import NativeLowering
    linking.Piece.lowering = linking.Whole.lowering = NativeLowering
from best_sim import Scenario
from best_sim.pathway.lowering import lower, state_of
from best_sim.pathway.model import compiled_pathway

started = time.process_time()
pathway = compiled_pathway()
out, took, seen = {"compiling": time.process_time() - started}, [], hashlib.sha256()
lowered = lower(Scenario.load("trial-as-run"))
for number in range(int(sys.argv[2])):
    state = state_of(lowered, 1, number)
    started = time.thread_time()
    run = pathway.run(state, in_place=True)
    took.append(1e3 * (time.thread_time() - started))
    seen.update(run.events.tobytes())
    for name in sorted(run.state.tables):
        seen.update(run.state.tables[name].tobytes())
print(json.dumps(out | {"replicate": statistics.median(took), "bits": seen.hexdigest()}))
"""


def native_library(folder: Path) -> Path:
    """A native library, made anew."""
    make = Path(__file__).parents[1] / "shipping" / "make.py"
    subprocess.run([sys.executable, str(make), "native", str(folder)], check=True, capture_output=True)
    return folder


def kernel(way: str, cache: Path, library: Path) -> dict[str, float | str]:
    """Seconds to compile or load the pathway, median milliseconds of a replicate, and a hash of what came out."""
    shipped = str(library) if way == SHIPPED else ""
    done = subprocess.run(
        [sys.executable, "-c", KERNEL, way, str(REPLICATES)], capture_output=True, text=True, check=True,
        env={**os.environ, "BEST_SIM_CACHE": str(cache / way), "BEST_SIM_NATIVE": shipped},
    )  # fmt: skip
    found: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return found


def seconds(arguments: list[str], folder: Path, **settings: str) -> float:
    """Processor seconds of a command, in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "best_sim", *arguments], capture_output=True, check=True, cwd=folder,
        env={**os.environ, **settings},
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _of(rounds: int, what: str = "Medians") -> str:
    return f"{what} of {rounds} rounds" if rounds > 1 else "One round"


def of_kernels(rounds: int, library: Path) -> list[str]:
    """Lines about ways to compile."""
    ways = (*WAYS, SHIPPED)
    compiling: dict[str, list[float]] = {way: [] for way in ways}
    running: dict[str, list[float]] = {way: [] for way in ways}
    bits = set()
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as scratch:
            for way in ways:
                compiling[way].append(float(kernel(way, Path(scratch), library)["compiling"]))
            for _ in range(3):
                for way in ways:
                    found = kernel(way, Path(scratch), library)
                    running[way].append(float(found["replicate"]))
                    bits.add(found["bits"])
    assert len(bits) == 1, "the ways give other journeys"
    lines = [
        "| compiled | seconds | ratio | ms a replicate | ratio |",
        "|---|---:|---:|---:|---:|",
    ]
    for way in ways:
        c, r = statistics.median(compiling[way]), min(running[way])
        of_c, of_r = c / statistics.median(compiling[EACH_ALONE]), r / min(running[EACH_ALONE])
        lines.append(f"| {way} | {c:.1f} | {of_c:.2f} | {r:.1f} | {of_r:.2f} |")
    lines.append(
        f"\n{_of(rounds)}, each with an empty cache; of milliseconds the least of {3 * rounds} medians, in turn. All "
        f"kernels gave the same bits in every event and table of {REPLICATES} replicates of the default trial."
    )
    return lines


def of_first_answers(rounds: int, library: Path) -> list[str]:
    """Lines about the first command on a machine."""
    took: dict[str, list[float]] = {"with the native library": [], "without": []}
    for _ in range(rounds):
        for name, each in took.items():
            with tempfile.TemporaryDirectory() as scratch:
                caches = {"BEST_SIM_CACHE": f"{scratch}/kernels", "NUMBA_CACHE_DIR": f"{scratch}/numba"}
                shipped = str(library) if name.startswith("with the") else ""
                each.append(seconds(FIRST, Path(scratch), BEST_SIM_NATIVE=shipped, **caches))
    lines = [f"| first `best-sim {' '.join(FIRST)}` | seconds |", "|---|---:|"]
    lines += [f"| {name} | {min(each):.2f} |" for name, each in took.items()]
    return [*lines, f"\n{_of(rounds, 'The least')}, with empty caches."]


def of_commands(rounds: int) -> list[str]:
    """Lines about commands."""
    took: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        seconds(COMMANDS[-1], Path(scratch))  # compiles what is not there yet
        for _ in range(rounds):
            for arguments in COMMANDS:
                took.setdefault(" ".join(arguments), []).append(seconds(arguments, Path(scratch)))
    lines = ["| `best-sim` | seconds |", "|---|---:|"]
    lines += [f"| `{name}` | {min(each):.2f} |" for name, each in took.items()]
    return [*lines, f"\n{_of(rounds, 'The least')}, in turn."]


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "pandas", "matplotlib"))
    with tempfile.TemporaryDirectory() as scratch:
        library = native_library(Path(scratch))
        of_compiling = of_kernels(asked.rounds, library)
        of_first = of_first_answers(asked.rounds, library)
    lines = [
        "# The first use on a machine, and what a command costs\n",
        f"Seconds of processor time. Python {platform.python_version()}, {packages}; {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores. Made by `python benchmarks/first_use.py`.\n",
        "## Compiling the pathway\n",
        *of_compiling,
        "\n## The first answer\n",
        *of_first,
        "\n## Commands, with everything compiled\n",
        *of_commands(asked.rounds),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
