"""What is wrong with a scenario, said to the person who wrote it: all of it at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong with a scenario.

    Attributes
    ----------
    file : str
        File it is in, as the user would name it; ``--set`` for an override.
    key : str
        Dotted key, e.g. ``trial.consent.probability``; empty where the whole file is meant.
    found : str
        What stands there.
    allowed : str
        What may stand there.
    nearest : str or None
        The nearest allowed name, where a name looks misspelt.
    message : str
        What is wrong, in a few words.
    line : int or None
        Line of the file, where it is cheaply found.
    warning : bool
        True if the scenario can be used all the same.
    """

    file: str
    key: str = ""
    found: str = ""
    allowed: str = ""
    nearest: str | None = None
    message: str
    line: int | None = None
    warning: bool = False

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        head = f"{place}: {self.key}" if self.key else place
        lines = [f"{'warning: ' if self.warning else ''}{head}", f"  {self.message}"]
        if self.found:
            lines.append(f"  found:    {self.found}" if self.warning else f"  found:   {self.found}")
        if self.allowed:
            lines.append(f"  expected: {self.allowed}" if self.warning else f"  allowed: {self.allowed}")
        if self.nearest is not None:
            lines.append(f"  did you mean {self.nearest}?")
        return "\n".join(lines)


class ProblemsError(ValueError):
    """Something that can't be used, with everything that is wrong with it. Each kind of input has its own.

    Parameters
    ----------
    problems : iterable of Problem

    Attributes
    ----------
    problems : tuple of Problem
    what : str
        What can't be used, at the head of the message.
    shown : int or None
        Problems in the message; the others are counted. None shows all.
    """

    what: ClassVar[str] = "input"
    shown: ClassVar[int | None] = None

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        # The only argument, so that pickle (a worker's error on its way home) can make the error again.
        super().__init__(self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        head = f"The {self.what} can't be used: {'1 problem' if count == 1 else f'{count} problems'}."
        told = self.problems[: self.shown]
        more = [f"... and {count - len(told)} more."] if count > len(told) else []
        return "\n\n".join([head, *map(str, told), *more])


class ScenarioError(ProblemsError):
    """A scenario that can't be used, with everything that is wrong with it."""

    what = "scenario"


class ScenarioWarning(UserWarning):
    """Something in a scenario that looks wrong, but can be used: a value outside its plausible range, mostly.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem).removeprefix("warning: "))
        self.problem = problem


class NotAllowedError(ValueError):
    """A value that is not allowed where it stands; turned into a `Problem` by whoever knows file and key.

    Parameters
    ----------
    message : str
        What is wrong, in a few words.
    found, allowed : str
        What stands there, and what may.
    nearest : str, optional
        The nearest allowed name.
    below : str
        Where inside the value, e.g. ``"cv"``; empty for the value as a whole.
    """

    def __init__(
        self, message: str, *, found: str = "", allowed: str = "", nearest: str | None = None, below: str = ""
    ) -> None:
        super().__init__(message)
        self.message, self.found, self.allowed = message, found, allowed
        self.nearest, self.below = nearest, below


def nearest_name(name: object, allowed: Iterable[str]) -> str | None:
    """The allowed name that `name` most looks like, or None if it looks like none.

    Parameters
    ----------
    name : object
        What a file gives; only a text looks like a name.
    allowed : iterable of str

    Returns
    -------
    str or None
    """
    if not isinstance(name, str):
        return None
    by_fold = {candidate.casefold(): candidate for candidate in allowed}
    close = difflib.get_close_matches(name.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[close[0]] if close else None
