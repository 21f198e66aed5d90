from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from toy_schema import Toy

from best_sim.scenario import Scenario, ScenarioError, check
from best_sim.scenario.problems import Problem

BASE = (Path(__file__).parent / "toy.toml").read_text(encoding="utf-8")


@pytest.fixture
def base_text() -> str:
    return BASE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the toy's base file, where the test stands: so paths in messages are short."""
    (tmp_path / "base.toml").write_text(BASE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Callable[..., Scenario[Toy]]:
    """Load the toy; with a text, from a file of that text."""

    def load(*overrides: str, text: str | None = None) -> Scenario[Toy]:
        if text is not None:
            (folder / "this.toml").write_text(text, encoding="utf-8")
        return Scenario.load("base.toml" if text is None else "this.toml", overrides, schema=Toy)

    return load


@pytest.fixture
def problems(folder: Path) -> Callable[..., list[Problem]]:
    """All that is wrong with the toy; with a text, with a file of that text."""

    def problems(*overrides: str, text: str | None = None) -> list[Problem]:
        if text is not None:
            (folder / "this.toml").write_text(text, encoding="utf-8")
        name = "base.toml" if text is None else "this.toml"
        found = check(name, overrides, schema=Toy)
        errors = [problem for problem in found if not problem.warning]
        if errors:
            with pytest.raises(ScenarioError) as raised:
                Scenario.load(name, overrides, schema=Toy)
            assert list(raised.value.problems) == errors
        return found

    return problems
