"""What comes out of returns from which the model's parameters are estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.local_rates.ask import LocalRatesQuestion
from best_sim.questions.returns import NOTICE, files_shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from best_sim.questions.local_rates.backcast import BackCast
    from best_sim.questions.local_rates.rates import LocalRates


@dataclass(frozen=True)
class LocalRatesFound(Found):
    """What was found.

    Attributes
    ----------
    question : LocalRatesQuestion
        With as many replicates as were finished.
    rates : LocalRates
        What all of the returns give.
    cast : BackCast or None
        The last year, forecast from those before it.
    summary, edits : pandas.DataFrame
        Counts by collection year, and what was changed; see `best_sim.questions.read_903.run.Read903Found`.
    interrupted : bool
    """

    question: LocalRatesQuestion
    rates: LocalRates
    cast: BackCast | None
    summary: pd.DataFrame
    edits: pd.DataFrame
    interrupted: bool = False
    label: ClassVar[str] = "Report of returns"

    @classmethod
    def of(cls, question: LocalRatesQuestion, cast: BackCast | None) -> LocalRatesFound:
        """For a question."""
        clean, least = question.clean, question.smallest
        return cls(question, question.rates, cast, clean.summary(least), clean.edited(least))

    # --- as every question's --------------------------------------------------------------------------------
    @property
    def notice(self) -> str:
        """That these are real children."""
        return NOTICE

    def words(self) -> list[str]:
        """What was read, what was estimated and what was not, and how the forecast did."""
        from best_sim.questions.local_rates.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Every figure, counts by year, what was changed, and the months that were forecast."""
        cast = {} if self.cast is None else {"backcast": self.cast.months}
        return {"rates": self.rates.table, "summary": self.summary, "edits": self.edits, **cast}

    def figures(self) -> Mapping[str, Figure]:
        """Parameters beside the base file's, where there are any, and the forecast beside what was seen."""
        from best_sim.questions.local_rates.figures import backcast_figure, compared, rates_figure

        rates = {"rates": rates_figure(self.rates)} if compared(self.rates) else {}
        cast = {} if self.cast is None else {"backcast": backcast_figure(self.cast)}
        return rates | cast

    def shown(self) -> list[Shown]:
        """The parameters, and the files."""
        from best_sim.questions.local_rates.show import parameters_shown

        return [parameters_shown(self), files_shown(self.question.clean)]

    def files(self, folder: Path) -> None:
        """Write the scenario with what was estimated, and that of the forecast."""
        files = {"local.toml": self.rates} | ({} if self.cast is None else {"backcast.toml": self.cast.rates})
        for name, rates in files.items():
            rates.to_toml(folder / name, setting=self.question.setting_of(rates))

    def answer(self) -> Mapping[str, Any]:
        """The parameters, and how many months the forecast holds."""
        from best_sim.questions.local_rates.show import estimated

        told: dict[str, Any] = {r["parameter"]: r["estimate"] for r in estimated(self.rates)}
        if self.cast is not None:
            inside, months = self.cast.held
            told |= {"months within the interval": inside, "months": months}
        return told

    def notes(self) -> list[str]:
        """What the estimates rest on."""
        from best_sim.questions.local_rates.show import notes_of

        return notes_of(self)

    def chapters(self) -> list[Chapter]:
        """The parameters, the forecast, and what is in the returns."""
        from best_sim.questions.local_rates.show import chapters_of

        return chapters_of(self)
