"""Text and TOML in: files as editors and spreadsheets save them, and what no file of parameters can hold."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

_MARK = b"\xef\xbb\xbf"
"""What some editors put before UTF-8 text."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_DEEPEST = 32
_LONGEST_WHOLE = 2**63


class UnreadableError(ValueError):
    """A text that can't be read; turned into a `Problem` by whoever knows the file.

    Parameters
    ----------
    message : str
        What is wrong, in a few words.
    line : int, optional
        Where, if that is known.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message, self.line = message, line


def text_of(data: bytes) -> str:
    """The text of a file, with or without a byte-order mark, whatever ends its lines.

    Raises
    ------
    UnreadableError
        If it is not UTF-8.
    """
    try:
        text = data.removeprefix(_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        why = "a mark of UTF-16 at its beginning" if data.startswith(_UTF_16) else error.reason
        line = data[: error.start].count(b"\n") + 1
        raise UnreadableError(f"this is not UTF-8 text: {why}", line) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def table_of(text: str) -> dict[str, Any]:
    """What TOML makes of a text.

    Raises
    ------
    UnreadableError
        If it is not TOML, or holds whole numbers or nested tables that are too large for anything here.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+), column (\d+)", str(error))
        line = int(place[1]) if place else None
        raise UnreadableError(f"this is not TOML: {error}", line) from None
    except RecursionError:
        raise UnreadableError("this is not TOML for us: brackets are nested too deeply") from None
    except ValueError as error:  # of Python's own readers of numbers and dates
        raise UnreadableError(f"this is not TOML: {error}") from None
    _refuse_the_absurd(table)
    return table


def _refuse_the_absurd(table: Mapping[str, Any]) -> None:
    """Refuse whole numbers beyond TOML's 64 bits, and tables so deep that walking them fails."""
    level: list[tuple[str, Any]] = list(table.items())
    depth = 1
    while level:
        if depth > _DEEPEST:
            raise UnreadableError(f"tables and lists are nested more than {_DEEPEST} deep")
        below: list[tuple[str, Any]] = []
        for key, value in level:
            if isinstance(value, Mapping):
                below += [(f"{key}.{name}", one) for name, one in value.items()]
            elif isinstance(value, list):
                below += [(key, one) for one in value]
            elif isinstance(value, int) and not -_LONGEST_WHOLE <= value < _LONGEST_WHOLE:
                raise UnreadableError(f"{key}: this whole number is too large for TOML, which has 64 bits")
        level, depth = below, depth + 1
