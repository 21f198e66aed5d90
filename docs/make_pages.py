"""Run what the pages show, and write what it prints and draws into them: `python docs/make_pages.py [PAGE ...]`.

A page is README.md or one below docs/. Its blocks run in their order, in a scratch folder of the page's own:

    ```sh       commands of best-sim, as in a terminal of 80 columns
    ```python   examples, which share their names
    ```text     right below one of these: what it prints; three dots in a paragraph of their own stand for any others

Comments, which no reader of the page sees, say of the block or picture right below them:

    <!-- slow -->             it takes long: run by this script and by `make test-all`, not by `make test`
    <!-- not run: WHY -->     it can't be run here
    <!-- file: NAME -->       what the reader is asked to save as NAME
    <!-- exit: STATUS -->     the command ends with this status, not with 0
    <!-- picture: NAME -->    the picture is this file (`*` stands for anything) of the nearest block above that leaves
                              one, or is drawn by this script of the repository
    <!-- read again -->       the paragraph has figures that no block of the page prints

In the README and the tutorials every block that prints shows what it prints: a missing `text` block is added here.
Sentences with a figure that was printed before, and isn't any more, are listed, with the paragraphs to read again.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import io
import os
import re
import shlex
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
PICTURES = ROOT / "docs" / "pictures"
NOTES = ("slow", "not run", "file", "exit", "picture", "read again")
MOST_BYTES = 300_000
ELLIPSIS = "..."
WIDTH = 80
TERMINAL = {"COLUMNS": str(WIDTH), "TERM": "dumb", "FORCE_COLOR": "1"}
"""What makes the command print as in a terminal of 80 columns without colours."""


class PageError(Exception):
    """A page can't be read as the module's docstring says, or one of its blocks doesn't do what it should."""


@dataclass(eq=False)
class Block:
    """A fenced block of a page, and the block of what it prints; lines are counted from 0."""

    page: Path
    line: int
    end: int
    language: str
    text: str
    notes: dict[str, str]
    shown: str | None = None
    shown_lines: tuple[int, int] = (0, 0)
    printed: str = ""
    """What it printed when it was run."""
    seconds: float | None = None
    """How long it took, None where it was not run."""
    pictures: list[Path] = field(default_factory=list)
    """PNG files that it made."""

    @property
    def where(self) -> str:
        """Page and line, as an editor takes them."""
        return f"{self.page.relative_to(ROOT)}:{self.line + 1}"

    @property
    def runs(self) -> bool:
        """Whether there is something to run."""
        mine = self.language == "python" or (self.language == "sh" and "best-sim " in self.text)
        return mine and "not run" not in self.notes

    @property
    def slow(self) -> bool:
        """Whether it takes long."""
        return "slow" in self.notes

    @property
    def commands(self) -> list[list[str]]:
        """The arguments of each command."""
        lines = re.sub(r"\\\n", " ", self.text).splitlines()
        return [words for line in lines if (words := shlex.split(line, comments=True))]


@dataclass(eq=False)
class Picture:
    """A picture of a page, and what it is made by: a file that a block leaves, or a script."""

    page: Path
    line: int
    file: Path
    made_by: str
    above: list[Block]
    """The blocks above it, the nearest first."""

    @property
    def where(self) -> str:
        """Page and line, as an editor takes them."""
        return f"{self.page.relative_to(ROOT)}:{self.line + 1}"

    @property
    def of_a_script(self) -> bool:
        """Whether a script draws it, and not a block of the page."""
        return self.made_by.endswith(".py")

    def made(self) -> Path | None:
        """The file that the nearest block made that makes such a file; None where that block was not run."""
        for block in self.above:
            found = [path for path in block.pictures if fnmatch.fnmatch(path.name, self.made_by)]
            if len(found) > 1:
                raise PageError(f"{self.where}: {block.where} leaves several {self.made_by}: {found}")
            if found:
                return found[0]
            if block.runs and block.seconds is None:
                return None
        raise PageError(f"{self.where}: no block above leaves {self.made_by}")


class Page:
    """A page's blocks, pictures and paragraphs to read again.

    Parameters
    ----------
    path : pathlib.Path
    text : str, optional
        Otherwise what the file holds.
    """

    def __init__(self, path: Path, text: str | None = None) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8") if text is None else text
        self.blocks: list[Block] = []
        self.pictures: list[Picture] = []
        self.read_again: list[int] = []
        self.must_show = path == ROOT / "README.md" or "tutorial" in path.parts
        notes: dict[str, str] = {}
        before: Block | None = None
        for token in MarkdownIt().enable("table").parse(self.text):
            if token.level or token.map is None or token.nesting < 0:
                if token.type == "inline" and token.children:
                    self._take_pictures(token.map, [c.attrGet("src") for c in token.children], notes)
                    notes = {}
                continue
            since, until = token.map
            if token.type == "html_block":
                notes |= self._notes(token.content)
                continue
            if "read again" in notes:
                self.read_again.append(since)
            if token.type != "fence":
                before = None
                continue
            self._refuse_unknown(notes, since)
            if token.info == "text":
                if before is None:
                    raise PageError(
                        f"{path}:{since + 1}: a `text` block is what the block right above prints"
                    )
                before.shown, before.shown_lines = token.content, (since + 1, until - 1)
                before = None
            else:
                block = Block(path, since, until, token.info, token.content, notes)
                if "best-sim " in block.text and block.language == "" and not block.text.startswith(" "):
                    raise PageError(f"{block.where}: commands stand in a block of `sh`")
                self.blocks.append(block)
                before = block if block.runs or "not run" in notes else None
            notes = {}

    @staticmethod
    def _notes(comment: str) -> dict[str, str]:
        found = {}
        for words in re.findall(r"<!--\s*(.*?)\s*-->", comment, flags=re.DOTALL):
            key, _, value = words.partition(":")
            found[key] = value.strip()
        return found

    def _refuse_unknown(self, notes: dict[str, str], line: int) -> None:
        """A comment elsewhere is anybody's; above a block or a picture it would be a slip."""
        for key in notes:
            if key not in NOTES:
                allowed = ", ".join(NOTES)
                raise PageError(f"{self.path}:{line + 1}: a comment here is one of {allowed}, not {key!r}")

    def _take_pictures(
        self, lines: list[int] | None, sources: list[str | int | float | None], notes: dict[str, str]
    ) -> None:
        for source in sources:
            if isinstance(source, str) and source.endswith(".png"):
                file = (self.path.parent / source).resolve()
                line = lines[0] if lines else 0
                self._refuse_unknown(notes, line)
                above = [block for block in reversed(self.blocks) if block.runs]
                self.pictures.append(Picture(self.path, line, file, notes.get("picture", ""), above))

    def run(self, slow: bool = True) -> None:
        """Run the blocks, and keep what each prints and draws.

        Parameters
        ----------
        slow : bool
            The slow ones too.

        Raises
        ------
        PageError
            Where a block fails, with what it printed.
        """
        from best_sim.pathway import engine_in_use

        engine_in_use()  # it is compiled here, so that no block says so
        names: dict[str, object] = {"__name__": "__main__"}  # dataclasses look their module up
        with TemporaryDirectory() as folder, contextlib.chdir(folder), mock.patch.dict(os.environ, TERMINAL):
            there: dict[Path, int] = {}
            Path("experiments").symlink_to(ROOT / "experiments")
            for block in self.blocks:
                if "file" in block.notes:
                    Path(block.notes["file"]).write_text(block.text, encoding="utf-8")
                if not block.runs or (block.slow and not slow):
                    continue
                started = time.perf_counter()
                block.printed = printed_by(block, names)
                block.seconds = time.perf_counter() - started
                now = {path.resolve(): path.stat().st_mtime_ns for path in Path().rglob("*.png")}
                block.pictures = [path for path in now if there.get(path) != now[path]]
                there = now
            # the folder is gone when this returns
            self.drawn = {
                picture: (made.name, made.read_bytes())
                for picture in self.pictures
                if not picture.of_a_script and (made := picture.made()) is not None
            }

    def updated(self) -> str:
        """The page's text with what its blocks printed."""
        lines = self.text.splitlines()
        for block in reversed(self.blocks):
            if block.seconds is None:
                continue
            if block.shown is not None:
                since, until = block.shown_lines
                if not same(block.shown, block.printed):
                    lines[since:until] = as_shown(block.printed, block.shown).splitlines()
            elif block.printed and self.must_show:
                lines[block.end : block.end] = ["", "```text", *block.printed.splitlines(), "```"]
        return "\n".join(lines) + "\n"

    def doubtful(self) -> list[tuple[int, str]]:
        """Lines of prose, counted from 1, with a figure that was printed before and isn't any more."""
        gone: set[str] = set()
        for block in self.blocks:
            if block.seconds is not None and block.shown and not same(block.shown, block.printed):
                gone |= set(figures(block.shown)) - set(figures(block.printed))
        fenced = [
            range(since, until) for b in self.blocks for since, until in ((b.line, b.end), b.shown_lines)
        ]
        return [
            (n + 1, line)
            for n, line in enumerate(self.text.splitlines())
            if gone & set(figures(line)) and not any(n in lines for lines in fenced)
        ]


def printed_by(block: Block, names: dict[str, object]) -> str:
    """What a block prints, without spaces at the ends of lines; its names are kept in `names`."""
    out = io.StringIO()
    try:
        if block.language == "python":
            with contextlib.redirect_stdout(out):
                exec(compile("\n" * (block.line + 1) + block.text, str(block.page), "exec"), names)
        else:
            for words in block.commands:
                if words[0] != "best-sim":
                    raise PageError(
                        f"{block.where}: {words[0]} beside best-sim: it is `not run`, or has no place here"
                    )
                _command(block, words, out)
    except PageError:
        raise
    except Exception as error:
        raise PageError(f"{block.where}: {type(error).__name__}: {error}\n{out.getvalue()}") from error
    # what is compiled says so where it is first used on a machine, and there alone
    said = [line for line in out.getvalue().splitlines() if not line.startswith("Compiling ")]
    lines = [part.rstrip() for line in said for part in _wrapped(line, block)]
    return "\n".join(lines).strip("\n")


def _command(block: Block, words: list[str], out: io.StringIO) -> None:
    from best_sim import cli

    with (
        mock.patch.object(sys, "argv", words),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
    ):
        try:
            cli.main()
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
    if status != int(block.notes.get("exit", 0)):
        raise PageError(f"{block.where}: {shlex.join(words)} ended with {status}\n{out.getvalue()}")


def _wrapped(line: str, block: Block) -> list[str]:
    """A line as a terminal shows it; a path isn't broken."""
    if block.language == "python" or len(line.rstrip()) <= WIDTH:
        return [line]
    return textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False)


def same(shown: str, printed: str) -> bool:
    """Whether a page shows what is printed, but for what differs from run to run."""
    return plain(shown) == plain(as_shown(printed, shown))


def plain(text: str) -> str:
    """Without the time at which a run began and the seconds that it took."""
    text = re.sub(r"\d{8}-\d{6}-", "DATE-TIME-", text)
    text = re.sub(r"\b\d+(\.\d+)? (s|seconds|minutes)\b", "N s", text)
    return text.strip("\n")


def as_shown(printed: str, shown: str) -> str:
    """What is printed, with as many paragraphs left out as are left out of what is shown."""
    old, new = (re.split(r"\n{2,}", text.strip("\n")) for text in (shown, printed))
    if ELLIPSIS not in old:
        return printed
    first = old.index(ELLIPSIS)
    last = len(old) - first - 1
    kept = [*new[:first], ELLIPSIS, *new[len(new) - last :]]
    return "\n\n".join(kept)


def figures(text: str) -> list[str]:
    """The numbers of a text that have at least two digits."""
    return [
        n for n in re.findall(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?![\w])", text) if len(re.sub(r"\D", "", n)) > 1
    ]


def faults_of(page: Page) -> Iterator[str]:
    """What differs between a page that was run and what it shows."""
    for block in page.blocks:
        if block.seconds is None:
            continue
        if block.shown is None and page.must_show and block.printed:
            yield f"{block.where}: it prints something that the page doesn't show"
        if block.shown is not None and not same(block.shown, block.printed):
            now = as_shown(block.printed, block.shown)
            yield f"{block.where}: the page shows\n{block.shown}\nand printed is\n{now}"
    for picture, (name, fresh) in page.drawn.items():
        if not picture.file.exists() or description(picture.file.read_bytes()) != description(fresh):
            yield f"{picture.where}: {picture.file.name} is not what {name} describes now"


def description(png: bytes) -> str:
    """What a picture says of itself in words: its title, its notes, its source."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return str(getattr(image, "text", {}).get("Description", ""))


def main() -> int:
    """Run the pages that are named, or all, and write them."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("pages", nargs="*", type=Path, default=PAGES, metavar="PAGE")
    asked.add_argument("--no-slow", action="store_true", help="leave out what takes long")
    options = asked.parse_args()
    failed, doubts = [], []
    for path in options.pages:
        try:
            page = Page(path.resolve())
            page.run(slow=not options.no_slow)
        except PageError as error:
            print(error, file=sys.stderr)
            failed.append(path)
            continue
        doubts += [f"{path}:{n}: {line}" for n, line in page.doubtful()]
        doubts += [f"{path}:{n + 1}: its figures come from elsewhere" for n in page.read_again]
        for block in page.blocks:
            if block.seconds is not None and block.seconds > 1:
                print(f"{block.where}: {block.seconds:.0f} s")
        path.write_text(page.updated(), encoding="utf-8")
        for picture, (_, fresh) in page.drawn.items():
            if len(fresh) > MOST_BYTES:
                raise SystemExit(f"{picture.where}: {len(fresh):,} bytes, at most {MOST_BYTES:,}")
            picture.file.write_bytes(fresh)
    if doubts:
        print("Read these again: their figures may have changed.", *doubts, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
