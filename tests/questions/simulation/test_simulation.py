"""Whole replicates: the same files as of one alone, however many there are, and from wherever they are repeated."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import best_sim as package
from best_sim.pathway import Journeys, simulate
from best_sim.questions.running import answer
from best_sim.questions.simulation import run as simulation
from best_sim.questions.simulation.ask import SimulationQuestion
from best_sim.replications import Store
from best_sim.scenario import Scenario


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("engine", ["compiled", "simpy"])
def test_every_replicate_is_what_it_is_alone(engine: str, here: Path, best_sim: Callable) -> None:
    several = ("simulate", "glasgow", "--seed", 4, "--first-replicate", 7, "--replicates", 2)
    code, told, error = best_sim(*several, "--engine", engine, "--out", "run")
    assert code == 0 and "Replicates 7 to 8, scenario glasgow, random seed 4" in told, error
    for number in (7, 8):
        alone = simulate(Scenario.load("glasgow"), seed=4, replicate=number).save(here / f"alone-{number}")
        assert contents(here / "run" / f"replicate-{number}") == contents(alone)
    replicates = (here / "run" / "replicates.csv").read_text().splitlines()
    assert replicates[0] == "replicate,children,families,randomised,events"
    assert [row.split(",")[0] for row in replicates[1:]] == ["7", "8"]


def test_a_single_replicate_lies_in_the_folder_itself_until_there_are_more(
    here: Path, best_sim: Callable
) -> None:
    assert best_sim("simulate", "glasgow", "--out", "run")[0] == 0
    assert Journeys.read(here / "run").replicate == 0
    code, told, error = best_sim("simulate", "--resume", "run", "--replicates", 2)
    assert code == 0 and "1 replicates are there" in told, error
    assert best_sim("simulate", "glasgow", "--replicates", 2, "--out", "whole")[0] == 0
    run, whole = (json.loads((here / name / "manifest.json").read_text()) for name in ("run", "whole"))
    assert run["outputs"] == whole["outputs"] and "replicate-1/children.parquet" in run["outputs"]
    assert set(contents(here / "run")) == set(contents(here / "whole"))  # nothing is left of the single one
    assert all(len(numbers) == 1 for numbers in Store(here / "run").done())


def test_a_run_of_a_file_that_is_gone_is_repeated_to_the_byte(here: Path, best_sim: Callable) -> None:
    (here / "mine.toml").write_text('extends = "glasgow"\ntitle = "ours"\nlift.patience = 40\n')
    changed = ("--set", "trial.target_families=50")
    assert best_sim("simulate", "mine.toml", *changed, "--out", "run")[0] == 0
    (here / "mine.toml").unlink()
    code, told, error = best_sim("reproduce", "run")
    assert code == 0 and "same to the byte" in told, told + error
    read = Journeys.read(here / "run")
    assert (read.scenario, read.overridden) == ("mine", ("trial.target_families = 50 families",))
    # the scenario that it leaves extends nothing, and can be asked about by its file
    code, told, error = best_sim("simulate", "run/scenario.toml", "--out", "again")
    assert code == 0, error
    one, other = ((here / name / "record.parquet").read_bytes() for name in ("run", "again"))
    assert one == other


def test_the_month_is_told_while_a_single_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*asked: object, progress: Callable[[float], object] | None) -> Journeys:
        if progress is not None:
            progress(31.0)
        return simulate(*asked, progress=progress)

    monkeypatch.setattr(simulation, "simulate", slow)
    told: list[tuple[int, int | None, str]] = []
    question = SimulationQuestion(scenario="london-2017")
    answer(question, executor=None, progress=lambda *said: told.append(said))
    assert told == [(0, 1, "October 2017 of February 2024"), (1, 1, "")]
    told.clear()
    answer(question.replaced(replicates=2), executor=None, progress=lambda *said: told.append(said))
    assert told == [(1, 2, ""), (2, 2, "")]


def test_where_nobody_is_randomised_all_children_are_drawn_and_no_flow() -> None:
    found = package.run_experiment(write('kind = "simulation"\nscenario = "glasgow"\n'), set=[NO_CONSENT])
    assert set(found.figures()) == {"living"} and set(found.living["group"]) == {"all"}
    assert "0 families randomised" in found.words()[0] and len(found.words()) == 2
    assert {one.id for one in found.chapters()} == {"answer", "children", "files"}
    with_trial = answer(SimulationQuestion(scenario="glasgow"), executor=None)
    assert set(with_trial.figures()) == {"consort", "living"} and len(with_trial.words()) == 3
    assert set(with_trial.living["group"]) == {"LIFT", "SAU"}


NO_CONSENT = "sites.glasgow.consent=0"


def write(text: str) -> Path:
    path = Path("question.toml")
    path.write_text(text)
    return path
