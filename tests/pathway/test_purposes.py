"""What numbers are drawn for: each purpose has a name, a number of its own, and a use."""

from __future__ import annotations

import ast
from pathlib import Path

import best_sim.pathway
from best_sim.engine import purpose, stream

SOURCES = sorted(Path(best_sim.pathway.__file__).parent.rglob("*.py"))


def named_purposes():
    """(module, constant, text) of every `NAME = purpose("text")` at module level."""
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                call = node.value
                if isinstance(call.func, ast.Name) and call.func.id == "purpose":
                    (target,), (text,) = node.targets, call.args
                    yield path.stem, target.id, text.value


def test_no_two_purposes_share_a_number():
    purposes = list(named_purposes())
    assert len(purposes) > 60
    texts = [text for _, _, text in purposes]
    assert len(set(texts)) == len(texts), "one name for two purposes"
    numbers = {purpose(text) for text in texts}
    assert len(numbers) == len(texts)
    assert not numbers & {stream(text) for text in texts}


def test_a_purpose_is_named_at_module_level_and_nowhere_else():
    made = sum(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "purpose"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )
    assert made == len(list(named_purposes()))


def test_every_purpose_is_used():
    used = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                used.add((path.stem, node.id))
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used.add((node.value.id, node.attr))
            elif isinstance(node, ast.ImportFrom) and node.module:
                used.update((node.module.rsplit(".", 1)[-1], alias.name) for alias in node.names)
    unused = [name for module, name, _ in named_purposes() if (module, name) not in used]
    assert unused == []


def test_no_number_is_drawn_for_a_purpose_without_a_name():
    """Every draw names its purpose: the third argument of `uniform`, `happens`, `lasts`, `standard_normal`."""
    names = {name for _, name, _ in named_purposes()}
    handed_on = {"why", "family_purpose", "child_purpose"}
    draws = 0
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if called in ("uniform", "happens", "lasts", "standard_normal"):
                draws += 1
                why = node.args[2]
                name = why.id if isinstance(why, ast.Name) else why.attr
                assert name in names | handed_on, f"{path.name}, line {node.lineno}"
    assert draws > 60
