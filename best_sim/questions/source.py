"""Where a question's table comes from, and what is wrong with it: told by file, line and key, or as it was typed."""

from __future__ import annotations

from typing import Any

from best_sim.scenario.files import line_of
from best_sim.scenario.problems import Problem


class Source:
    """Where a table comes from, and what is wrong with it."""

    def __init__(
        self,
        file: str,
        text: str,
        given: frozenset[str],
        beside: str,
        checked: bool = True,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self.file, self.text, self.given, self.beside, self.checked = file, text, given, beside, checked
        self.arguments = arguments
        self.problems: list[Problem] = []

    def report(
        self, key: tuple[str, ...], *, stands: bool = True, message: str, because: str = "", **what: Any
    ) -> None:
        """Add a problem; with its line, where the key stands in the file.

        `because` is a key that it doesn't fit, which is blamed where it alone was given beside the file.
        """
        if because in self.given and key[0] not in self.given:
            message = f"{message}: the {key[-1]} of {self.file}"
            what |= {"allowed": f"{self._typed(key[-1])}, one of {what['allowed']}", "nearest": None}
            key = (because,)
        what["message"] = message
        dotted = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in key).lstrip(".")
        if key and key[0] in self.given:
            option = self._typed(key[0]) if self.beside else f"{key[0]}, given beside the file"
            rest = dotted.removeprefix(key[0]).lstrip(".")
            self.problems.append(Problem(file=option, key=rest, **what))
            return
        line = None
        if self.text and stands:
            line = line_of(self.text, [part for part in key if not part.isdigit()])
        self.problems.append(Problem(file=self.file, key=dotted, line=line, **what))

    def _typed(self, key: str) -> str:
        """How a key is given beside the file."""
        if not self.beside:
            return key
        return key.upper() if key in self.arguments else f"--{key.replace('_', '-')}"
