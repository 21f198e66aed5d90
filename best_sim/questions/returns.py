"""Questions about a local authority's own SSDA903 returns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, PrivateAttr

from best_sim.questions.asking import Input, Question
from best_sim.scenario.values import Unit, Wrong

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.exchange.read_903 import Clean903
    from best_sim.questions.found import Shown

NOTICE = (
    "Counted in a local authority's own returns, of real children. Small counts are left out, and others from which "
    "they could be told; before anything is published, hold it against the authority's own rules."
)
_KIND_WORDS = {
    "episodes": "episodes of care",
    "header": "children",
    "uasc": "unaccompanied asylum-seeking children",
    "siblings": "siblings",
}


class ReturnsQuestion(Question):
    """What is asked of returns. No row of a child, and no small count, is in anything that it leaves."""

    arguments: ClassVar[tuple[str, ...]] = ("returns",)
    reads: ClassVar[tuple[str, ...]] = ("returns",)

    returns: tuple[str, ...] = ()
    """Folders or CSV files of SSDA903 returns."""
    smallest: Annotated[int, Unit("children", 1, 1000)] = Field(5, alias="least")
    """Counts below this are not shown, nor others from which they could be told."""

    _clean: Any = PrivateAttr(None)

    @property
    def clean(self) -> Clean903:
        """The returns, read and cleaned.

        Raises
        ------
        Returns903Error
            With everything that is wrong with them.
        """
        from best_sim.exchange.read_903 import read_903

        if self._clean is None:
            self._clean = read_903(self.returns)
        clean: Clean903 = self._clean
        return clean

    def about(self, episodes: pd.DataFrame, first: dt.date, last: dt.date) -> Self:
        """The question of episodes of care that are in no file.

        Parameters
        ----------
        episodes : pandas.DataFrame
            One row for each episode; see `best_sim.measures.episodes.COLUMNS`.
        first, last : date
            What is observed: from the morning of the one to the morning of the other.
        """
        from best_sim.exchange.read_903 import Clean903

        asked = self.replaced(returns=())
        asked._clean = Clean903.of(episodes, (first, last))
        return asked

    def replaced(self, **fields: Any) -> Self:
        """The question with some fields changed; see `Question.replaced`."""
        changed = super().replaced(**fields)
        if "returns" in fields:
            changed._clean = None
        return changed

    def check(self) -> Iterator[Wrong]:
        """Nothing to read."""
        yield from super().check()
        if not self.returns and self._clean is None:
            yield Wrong(
                "returns",
                "there is nothing to read",
                found="nothing",
                allowed="folders or CSV files of returns",
            )

    def refuse(self) -> None:
        """Refuse returns that can't be used."""
        super().refuse()
        _ = self.clean

    def inputs(self) -> Mapping[str, Input]:
        """Every file in which a table was found that is wanted. No copy is kept of rows about children."""
        return {name: Input(name, copied=False) for name in self.clean.files["file"]}

    def reading(self, paths: Mapping[str, Path]) -> Self:
        """The question with other files to read, in the same order."""
        return self.replaced(returns=tuple(map(str, paths.values())))


def files_shown(clean: Clean903) -> Shown:
    """What each file was taken for, and which were left out because they hold nothing that is wanted."""
    from best_sim.questions.found import Shown

    def names(paths: list[str]) -> str:
        each = list(dict.fromkeys(Path(path).name for path in paths))
        return ", ".join(each[:6]) + (f" and {len(each) - 6} more" if len(each) > 6 else "")

    by = {
        word: clean.files.loc[clean.files["table"] == kind, "file"].tolist()
        for kind, word in _KIND_WORDS.items()
    }
    by["nothing wanted; left out"] = list(clean.unread)
    return Shown(
        "Files",
        ("taken for tables of", "files", "names"),
        tuple((word, str(len(paths)), names(paths)) for word, paths in by.items() if paths),
        left=3,
    )
