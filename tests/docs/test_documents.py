"""The pages show what their commands and examples print and draw."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_pages", ROOT / "docs" / "make_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_pages"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


pages: Any = _script()
ALL = [pages.Page(path) for path in pages.PAGES]
PICTURES = [picture for page in ALL for picture in page.pictures]


def name(page: Any) -> str:
    return str(page.path.relative_to(ROOT))


@pytest.mark.parametrize("page", [p for p in ALL if any(b.runs and not b.slow for b in p.blocks)], ids=name)
def test_a_page_shows_what_it_prints(page: Any) -> None:
    page.run(slow=False)
    assert not list(pages.faults_of(page)), "run `make docs`"


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in ALL if any(b.runs and b.slow for b in p.blocks)], ids=name)
def test_a_page_shows_what_its_long_runs_print(page: Any) -> None:
    page.run()
    assert not list(pages.faults_of(page)), "run `make docs`"


def test_commands_of_the_readme_and_the_tutorials_run_and_show_what_they_print() -> None:
    told = [page for page in ALL if page.must_show]
    assert len(told) == 4
    for page in told:
        commands = [block for block in page.blocks if "best-sim " in block.text and block.language == "sh"]
        assert commands, name(page)
        assert all(block.runs for block in commands)
        assert all(block.shown for block in commands), name(page)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.where)
def test_a_picture_says_what_makes_it(picture: Any) -> None:
    assert picture.file.is_file()
    assert picture.made_by, (
        f"{picture.where}: <!-- picture: NAME --> above it says which file of which block it is"
    )
    if picture.of_a_script:
        assert picture.file.name in (ROOT / picture.made_by).read_text(encoding="utf-8")
    else:
        assert picture.above, f"{picture.where}: no block above it is run"
    # where it is shown twice, it is of the same command
    others = [other for other in PICTURES if other.file == picture.file]
    assert len({(other.made_by, *(block.text for block in other.above[:1])) for other in others}) == 1


def test_every_picture_is_shown_or_a_benchmarks() -> None:
    shown = {picture.file.name for picture in PICTURES}
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks").glob("*.py"))
    left = [
        p.name for p in (ROOT / "docs/pictures").iterdir() if p.name not in shown and p.name not in scripts
    ]
    assert not left


# --- the script itself --------------------------------------------------------------------------------------

PAGE = """# A page

Twelve is 12 and 1,234 is not.

```python
x = 12
print(x)
print("in 3 s")
```

```text
{shown}
```
"""


def page_of(text: str) -> Any:
    page = pages.Page(ROOT / "docs" / "how-to" / "page.md", text)
    page.run()
    return page


def test_what_differs_is_told_and_written() -> None:
    page = page_of(PAGE.format(shown="1,234\nin 5 s"))
    [fault] = pages.faults_of(page)
    assert "docs/how-to/page.md:5" in fault
    assert page.updated() == PAGE.format(shown="12\nin 3 s")
    # a sentence that quotes what isn't printed any more
    assert [line for _, line in page.doubtful()] == ["Twelve is 12 and 1,234 is not."]


def test_seconds_alone_are_no_difference() -> None:
    page = page_of(PAGE.format(shown="12\nin 5 s"))
    assert not list(pages.faults_of(page)) and not page.doubtful()
    assert page.updated() == page.text


def test_paragraphs_may_be_left_out() -> None:
    text = '```python\nprint("\\n\\n".join("abcde"))\n```\n\n```text\na\n\n...\n\nd\n\n{last}\n```\n'
    assert not list(pages.faults_of(page_of(text.format(last="e"))))
    wrong = page_of(text.format(last="f"))
    assert len(list(pages.faults_of(wrong))) == 1
    assert wrong.updated() == text.format(last="e")


def test_a_command_is_run_with_the_files_of_its_page_as_in_a_terminal() -> None:
    text = (
        '<!-- file: mine.toml -->\n```toml\nextends = "london-2017"\n```\n\n'
        "```sh\nbest-sim check mine.toml  # reads it\n```\n\n```text\nNothing is wrong.\n```\n\n"
        "<!-- exit: 2 -->\n```sh\nbest-sim check other.toml\n```\n"
    )
    page = page_of(text)
    assert not list(pages.faults_of(page))
    assert "other.toml" in page.blocks[2].printed
    assert max(map(len, page.blocks[2].printed.splitlines())) <= 80


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```sh\nbest-sim check nothing.toml\n```\n", "ended with 2"),
        ("```python\nraise ValueError('so')\n```\n", "page.md:1: ValueError: so"),
        ("```sh\nbest-sim check base\nmake test\n```\n", "make beside best-sim"),
        ("```\nbest-sim check base\n```\n", "commands stand in a block of `sh`"),
        ("<!-- slwo -->\n```sh\nbest-sim check base\n```\n", "not 'slwo'"),
        ("A sentence.\n\n```text\n12\n```\n", "what the block right above prints"),
        (
            "```sh\nbest-sim check base\n```\n\n<!-- picture: a.png -->\n![A](../pictures/a.png)\n",
            "no block above leaves a.png",
        ),
    ],
)
def test_what_is_wrong_on_a_page_is_told(text: str, said: str) -> None:
    with pytest.raises(pages.PageError) as told:
        page_of(text)
    assert said in str(told.value) and "how-to/page.md:" in str(told.value)
