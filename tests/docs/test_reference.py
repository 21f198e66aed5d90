"""What documents say of names is so: pages made from the code are up to date, parameters and commands exist."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main

from best_sim.cli import app
from best_sim.pathway import Journeys
from best_sim.questions.asking import read_question
from best_sim.questions.best_plan.ask import BestPlanQuestion
from best_sim.questions.calibration.ask import CalibrationQuestion
from best_sim.questions.expansion.ask import ExpansionQuestion
from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.validation.ask import ValidationQuestion
from best_sim.scenario import Scenario, check

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
TEXTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in DOCUMENTS}


def script(name: str) -> ModuleType:
    """A script of `docs/` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- pages made from the code -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["parameters.md", "events.md", "tables.md", "quantities.md"])
def test_a_reference_page_is_up_to_date(page: str, trial_run: Journeys) -> None:
    reference = script("make_reference")
    made = {
        "parameters.md": reference.parameters_page,
        "events.md": reference.events_page,
        "tables.md": lambda: reference.tables_page(trial_run),
        "quantities.md": reference.quantities_page,
    }[page]()
    written = (ROOT / "docs/reference" / page).read_text(encoding="utf-8")
    assert written == made, f"run `python docs/make_reference.py`: docs/reference/{page} has fallen behind"


# --- names --------------------------------------------------------------------------------------------------


def parameters() -> set[str]:
    names = set(Scenario.load("trial-as-run").table()["name"])
    # optional, and in no shipped file
    return names | {"boroughs.croydon.closes"}


def test_every_parameter_that_a_document_names_exists() -> None:
    known = parameters()
    first = {name.split(".")[0] for name in known}
    unknown = []
    for where, text in TEXTS.items():
        for name in re.findall(r"`([a-z_]+(?:\.[a-z_*]+)+)`", text):
            if name.split(".")[0] not in first or name.endswith((".py", ".md", ".toml", ".json", ".csv")):
                continue
            pattern = re.compile(re.escape(name).replace(r"\*", r"\w+") + r"(\..+)?")
            if not any(pattern.fullmatch(each) for each in known):
                unknown.append((where, name))
    assert not unknown


def test_every_rule_that_the_model_page_names_exists() -> None:
    rows = [
        line for line in TEXTS["docs/explanation/model.md"].splitlines() if re.match(r"\| [A-H]\d \|", line)
    ]
    assert len(rows) > 30
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "best_sim").rglob("*.py"))
    missing = []
    for row in rows:
        for name in re.findall(r"`([\w/.]+)`", row.split("|")[3]):
            there = f"def {name}(" in source or any(
                (ROOT / "best_sim" / room / name).is_file() for room in ("", "pathway", "engine", "measures")
            )
            if not there:
                missing.append(name)
    assert not missing


def test_the_diagram_and_the_model_page_have_the_same_letters() -> None:
    drawn = (ROOT / "docs/explanation/pathway.svg").read_text(encoding="utf-8")
    in_diagram = set(re.findall(r"\b[A-H]\d\b", " ".join(re.findall(r"<text[^>]*>([^<]*)<", drawn))))
    in_text = set(re.findall(r"^\| ([A-H]\d) \|", TEXTS["docs/explanation/model.md"], flags=re.MULTILINE))
    assert in_diagram == in_text


# --- examples that are not Python ---------------------------------------------------------------------------


def blocks(language: str) -> list[tuple[str, str]]:
    """(document, text) of every fenced block of a language."""
    return [
        (where, block)
        for where, text in TEXTS.items()
        for block in re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    ]


@pytest.mark.parametrize(("where", "block"), blocks("toml"))
def test_an_example_in_toml_can_be_used(where: str, block: str, tmp_path: Path) -> None:
    file = tmp_path / "example.toml"
    file.write_text(block, encoding="utf-8")
    if block.startswith("extends"):
        assert [problem for problem in check(file) if not problem.warning] == []
    elif "[[design]]" in block or "[grid]" in block:
        experiment = PowerQuestion.load(file)
        assert [experiment.scenario_of(design) for design in experiment.designs]
    elif "[[plan]]" in block:
        asked = ExpansionQuestion.load(file)
        asked.refuse()
        assert asked.plans
    elif "[[candidate]]" in block:
        BestPlanQuestion.load(file).refuse()
    elif "[[target]]" in block:
        CalibrationQuestion.load(file).refuse()
    elif block.startswith("kind"):
        read_question(file).refuse()
    elif "\nmeasure = " in block:
        ValidationQuestion.load(figures=str(file)).refuse()
    else:  # one line of a file of parameters
        assert re.fullmatch(r"\w+ = \{ value = .*source = .*\}\n", block), where


def commands_of(text: str) -> list[str]:
    """The commands of a page, in blocks and in sentences; unfinished ones and one that a page adds are left out."""
    there = re.findall(r"^best-sim .*", re.sub(r"\\\n", " ", text), flags=re.MULTILINE)
    there += [" ".join(each.split()) for each in re.findall(r"`(best-sim\s[^`]*)`", text)]
    return [each for each in there if not re.search(r"\.\.\.| --help$|sim --version$|sim waits$", each)]


@pytest.mark.parametrize("where", [where for where, text in TEXTS.items() if commands_of(text)])
def test_a_command_that_a_document_shows_exists(where: str) -> None:
    group: Any = typer.main.get_command(app)
    for line in commands_of(TEXTS[where]):
        _, name, *rest = shlex.split(line, comments=True)
        # a question's command has its options when it is called
        command = group.resolve_command(typer.Context(group), [name])[1]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word.split("=")[0] for word in rest if word.startswith("--")} <= options, (where, line)
