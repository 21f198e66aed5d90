"""A replicate is a function of scenario, seed and number: not of process, order, threads or what ran before."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from small_worlds import first_difference, run

from best_sim.pathway import simulate
from best_sim.pathway.lowering import lower

ADDRESSES = [(1, 0), (1, 1), (2, 0), (2**63 - 1, 2**62)]


def digest(journeys) -> str:
    """A hash of everything that came out."""
    parts = hashlib.sha256(journeys.record.tobytes())
    for name in sorted(journeys.tables):
        parts.update(journeys.tables[name].tobytes())
    parts.update(journeys.resources.to_csv().encode())
    return parts.hexdigest()


def test_in_any_order(trial_lowered):
    forwards = [digest(run(trial_lowered, seed, n)) for seed, n in ADDRESSES]
    backwards = [digest(run(trial_lowered, seed, n)) for seed, n in reversed(ADDRESSES)]
    assert forwards == backwards[::-1]
    assert len(set(forwards)) == len(ADDRESSES), "another seed, or another replicate, is another run"


def test_in_threads(trial_lowered):
    expected = [digest(run(trial_lowered, 5, n)) for n in range(8)]
    with ThreadPoolExecutor(4) as threads:
        got = list(threads.map(lambda n: digest(run(trial_lowered, 5, n)), [*range(8), *range(8)]))
    assert got == expected * 2


def test_in_another_process(trial_lowered):
    """A process of its own, with other hashes of strings, that has run something else before."""
    script = (
        "import sys; sys.path[:0] = sys.argv[1].split('|')\n"
        "from best_sim.scenario import Scenario\n"
        "from best_sim.pathway import simulate\n"
        "from test_same_bytes import digest\n"
        "simulate(Scenario.load('glasgow'), seed=9, engine='compiled')\n"
        "print(digest(simulate(Scenario.load('trial-as-run'), seed=1, replicate=3, engine='compiled')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "|".join(path for path in sys.path if path)],
        capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "77", **_environment()},
    )  # fmt: skip
    assert done.stdout.strip() == digest(run(trial_lowered, 1, 3))


def _environment():
    import os

    return {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"}


def test_lowering_once_or_each_time(trial, trial_lowered, trial_run):
    assert first_difference(trial_run, run(trial)) is None
    assert first_difference(trial_run, run(trial_lowered)) is None, (
        "a run leaves what it was lowered from alone"
    )


def test_a_run_leaves_its_scenario_alone(short_trial):
    lowered = lower(short_trial)
    before = lowered.diaries.copy(), lowered.capacities.copy(), lowered.world.tobytes()
    fixed = {name: table.tobytes() for name, table in lowered.fixed.items()}
    simulate(lowered, engine="compiled")
    assert (lowered.diaries == before[0]).all()
    assert (lowered.capacities == before[1]).all()
    assert lowered.world.tobytes() == before[2]
    assert {name: table.tobytes() for name, table in lowered.fixed.items()} == fixed


def test_an_engine_that_is_not_there_is_refused(short_trial):
    with pytest.raises(ValueError, match="allowed 'auto', 'compiled', 'simpy'"):
        simulate(short_trial, engine="fortran")
    with pytest.raises(ValueError, match="hooks and extensions need 'simpy'"):
        simulate(short_trial, engine="compiled", hooks=[print])
