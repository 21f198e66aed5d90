"""Every Python example in the documents runs, in the order in which it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if "```python" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_examples_of_a_document_run(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    shared: dict[str, object] = {"__name__": "__main__"}  # dataclasses look their module up
    for n, block in enumerate(blocks):
        exec(compile(block, f"{path.name}, example {n + 1}", "exec"), shared)
    assert "Traceback" not in capsys.readouterr().out


def test_there_are_examples() -> None:
    assert len(DOCUMENTS) >= 4
