"""What several tests share: the compiled pathway, and runs that are made once a session."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

# Tests run on every core already: linear algebra in threads of its own would have them wait for one another.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from best_sim import cli
from best_sim.pathway.journeys import Journeys
from best_sim.pathway.lowering import Lowered, lower
from best_sim.scenario import Scenario

settings.register_profile("best_sim", deadline=None)  # how fast a machine is fails no test
settings.load_profile("best_sim")


@pytest.fixture(scope="session")
def trial() -> Scenario:
    """The trial as it ran: both sites."""
    return Scenario.load("trial-as-run")


@pytest.fixture(scope="session")
def trial_lowered(trial: Scenario) -> Lowered:
    return lower(trial)


@pytest.fixture(scope="session")
def trial_run(trial_lowered: Lowered) -> Journeys:
    """One replicate of the default trial, compiled."""
    from small_worlds import run

    return run(trial_lowered)


@pytest.fixture(autouse=True, scope="module")
def small_pictures(request: pytest.FixtureRequest) -> Iterator[None]:
    """PNG files of few dots, where a test is not about pictures: what lies in them is drawn all the same.

    Of a whole module, so that runs which its tests share, and those that repeat them, have the same.
    """
    with pytest.MonkeyPatch.context() as patch:
        if "figure" not in request.path.stem and request.path.parent.name != "pictures":
            patch.setattr("best_sim.drawing.style.DPI", 40)
        yield


@pytest.fixture
def best_sim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command: exit code, what it printed (in one line), what it said is wrong."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["best-sim", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), " ".join(told.out.split()), told.err

    return run


@pytest.fixture(scope="session")
def lifelines() -> ModuleType:
    """lifelines, to compare with; a test that asks for it is marked `lifelines` too.

    It needs a pandas below 3, so it is installed with one in a folder of its own, where `make unit` runs these tests.
    """
    found = pytest.importorskip("lifelines", reason="`make unit` runs it beside an older pandas")
    for part in ("datasets", "statistics"):
        importlib.import_module(f"lifelines.{part}")
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "lifelines" in getattr(item, "fixturenames", ()):
            item.add_marker("lifelines")


def pytest_collection_finish() -> None:
    """What was imported and collected stays: to look through it for garbage time and again took a twelfth of all."""
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, 100)
