"""The house in order: one idea a file, one name a class, and nothing that nobody uses."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest
from reachable import Reached

import best_sim

ROOT = Path(__file__).resolve().parents[1]
FILES = {
    str(path.relative_to(ROOT / "best_sim")): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "best_sim").rglob("*.py"))
}

MOST_LINES = 700
KERNEL = "engine/kernel.py"
"""The loop of the compiled engine: one idea, in as many lines as it takes."""


def test_a_file_has_one_idea() -> None:
    longer = {name for name, text in FILES.items() if len(text.splitlines()) > MOST_LINES} - {KERNEL}
    assert longer == set(), "has more than one idea: a folder of one idea each"


def test_a_public_class_has_a_name_of_its_own() -> None:
    where = defaultdict(list)
    for name, text in FILES.items():
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].append(name)
    twice = {name: files for name, files in where.items() if len(files) > 1}
    assert twice == {}


def test_nothing_is_there_that_nobody_uses() -> None:
    missing = Reached(ROOT, "best_sim", best_sim._WHERE).missing
    assert missing == {}, "used by nothing"


@pytest.mark.parametrize(
    ("use", "missing"),
    [
        ("from house.rooms import kitchen", {"house.rooms.Bath", "house.rooms.cellar", "house.attic"}),
        ("import house\nhouse.rooms.Bath().fill()", {"house.rooms.cellar", "house.attic"}),
        (
            "from house import rooms\nrooms.Bath",
            {"house.rooms.Bath.fill", "house.rooms.cellar", "house.attic"},
        ),
        ("from house.attic import look", {"house.rooms.Bath", "house.rooms.kitchen", "house.rooms._sink"}),
    ],
)
def test_what_is_reached_is_followed_by_name(tmp_path: Path, use: str, missing: set[str]) -> None:
    files = {
        "house/__init__.py": "",
        "house/rooms.py": (
            "def kitchen(): return _sink()\ndef _sink(): return 1\ndef cellar(): return 2\n"
            "class Bath:\n    def __init__(self): self.water = kitchen()\n    def fill(self): return self.water\n"
        ),
        "house/attic.py": "from house.rooms import cellar as below\ndef look(): return below()\n",
        "benchmarks/use.py": use,
        "docs/page.md": "No Python here.",
        "README.md": "",
        "CONTRIBUTING.md": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert set(Reached(tmp_path, "house", {}).missing) == missing
