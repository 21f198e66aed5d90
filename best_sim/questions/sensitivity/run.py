"""What comes out of a one-way sensitivity analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.sensitivity.ask import SensitivityQuestion
from best_sim.questions.sensitivity.replicate import SHIFTED
from best_sim.replications import Keep, whole_table
from best_sim.trial.analysis import tipping_points
from best_sim.trial.performance import Estimate, error_over_trials

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDS = ("low", "high")
_OF_A_TRIAL = ["replicate", "scoring"]


@dataclass(frozen=True)
class SensitivityFound(Found):
    """What was found.

    Attributes
    ----------
    question : SensitivityQuestion
        With as many replicates as were finished.
    base : Estimate
        Share of trials with p below alpha with nothing changed.
    table : pandas.DataFrame
        One row for each parameter, the one that matters most first: key, low, high (values), power_low, power_high,
        change_low, change_high (from the base), and their Monte Carlo standard errors mcse_low, mcse_high (of the
        changes, which are paired: each trial has the same random numbers), note.
    shifted : pandas.DataFrame or None
        One row for each shift of what is imputed in the LIFT arm: shift (standard deviations of the outcome), delta
        (mean, in units of the outcome), estimate (mean), power, mcse, kept (of the trials that find a difference
        without a shift, the share that still does), tips (share of trials whose conclusion changes at this shift and at
        none nearer to zero), tips_mcse. None where the primary analysis imputes nothing.
    failed : int
        Fits without a result, which no share counts.
    interrupted : bool
        Whether fewer replicates were run than asked for.
    """

    question: SensitivityQuestion
    base: Estimate
    table: pd.DataFrame
    shifted: pd.DataFrame | None
    failed: int
    interrupted: bool = False

    @property
    def errors(self) -> pd.DataFrame:
        """Monte Carlo standard errors: quantity, mcse."""
        changes = [("change", error) for end in ENDS for error in self.table[f"mcse_{end}"]]
        rows = [(self.question.share_found, self.base.mcse), *changes]
        return pd.DataFrame(rows, columns=["quantity", "mcse"])

    # --- as every question's --------------------------------------------------------------------------------
    def words(self) -> list[str]:
        """What matters most, and where the conclusion tips."""
        from best_sim.questions.sensitivity.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """A row for each parameter, and one for each shift."""
        of_shifts = {} if self.shifted is None else {"tipping-point": self.shifted}
        return {"sensitivity": self.table, **of_shifts}

    def figures(self) -> Mapping[str, Figure]:
        """A tornado, and the power by the shift."""
        from best_sim.questions.sensitivity.figures import tipping_figure, tornado_figure

        of_shifts = {} if self.shifted is None else {"tipping-point": tipping_figure(self)}
        return {"sensitivity": tornado_figure(self), **of_shifts}

    def shown(self) -> list[Shown]:
        """Both tables."""
        from best_sim.questions.sensitivity.show import ends_shown, shifts_shown

        return [ends_shown(self), *([] if self.shifted is None else [shifts_shown(self)])]

    def answer(self) -> Mapping[str, Any]:
        """The base, and what matters most."""
        first = self.table.iloc[0]
        largest = {end: float(first[f"change_{end}"]) for end in ENDS}
        return {
            "design": self.question.design, self.question.share_found: self.base.value,
            "most": {"key": str(first["key"]), "change": largest}, "fits_failed": self.failed,
        }  # fmt: skip

    def notes(self) -> list[str]:
        """What the answer rests on."""
        from best_sim.questions.sensitivity.show import notes_of

        return notes_of(self)

    def chapters(self) -> list[Chapter]:
        """The answer, the tornado, and the tipping point."""
        from best_sim.questions.sensitivity.show import chapters_of

        return chapters_of(self)


def sensitivity_found(question: SensitivityQuestion, keep: Keep, done: int) -> SensitivityFound:
    """What the finished replicates say.

    Parameters
    ----------
    question : SensitivityQuestion
        With as many replicates as count.
    keep : Keep
    done : int
        Replicates that count.

    Returns
    -------
    SensitivityFound
    """
    every = whole_table(keep, done).to_pandas()
    kept = every[every["converged"]]
    found = kept.assign(found=(kept["p"] < question.trial.alpha).astype(float))

    def at(setting: int) -> pd.DataFrame:
        return found[found["setting"] == setting].set_index(_OF_A_TRIAL)[["found"]]

    base = at(0)
    rows = []
    for i, one in enumerate(question.varied):
        row: dict[str, Any] = {"key": one.key, "low": one.low, "high": one.high, "note": one.note}
        for end, got in (("low", at(1 + 2 * i)), ("high", at(2 + 2 * i))):
            both = base.add_suffix("_base").join(got.add_suffix("_here"), how="inner")
            change = (both["found_here"] - both["found_base"]).to_numpy(float)
            row[f"power_{end}"] = float(got["found"].mean())
            row[f"change_{end}"] = float(change.mean())
            row[f"mcse_{end}"] = error_over_trials(change, both.index.get_level_values("replicate"))
        rows.append(row)
    table = pd.DataFrame(rows)
    table = table.loc[
        table[["change_low", "change_high"]].abs().max(axis=1).sort_values(ascending=False).index
    ]
    share = base["found"].to_numpy(float)
    return SensitivityFound(
        question=question,
        base=Estimate(
            float(share.mean()), error_over_trials(share, base.index.get_level_values("replicate"))
        ),
        table=table.reset_index(drop=True),
        shifted=_of_shifts(question, every[every["setting"] == SHIFTED]) if question.tried else None,
        failed=int((~every["converged"]).sum()),
    )


def _of_shifts(question: SensitivityQuestion, rows: pd.DataFrame) -> pd.DataFrame:
    """What trials find at each shift, and at which their conclusion changes; of trials with a result at all shifts."""
    rows = rows[rows.groupby(_OF_A_TRIAL)["converged"].transform("all")]
    p = rows.pivot(index=_OF_A_TRIAL, columns="shift", values="p")
    shifts, trial = p.columns.to_numpy(float), p.index.get_level_values("replicate")
    tips = tipping_points(shifts, p.to_numpy(float), question.trial.alpha)
    out, before = [], (p[0.0] < question.trial.alpha).to_numpy(bool)
    for shift in shifts:
        found, here = (p[shift] < question.trial.alpha).to_numpy(float), (tips == shift).astype(float)
        mine = rows[rows["shift"] == shift]
        out.append(
            {
                "shift": shift, "delta": float(mine["delta"].mean()), "estimate": float(mine["estimate"].mean()),
                "power": float(found.mean()), "mcse": error_over_trials(found, trial),
                "kept": float(found[before].mean()) if before.any() else np.nan,
                "tips": float(here.mean()) if shift else np.nan,
                "tips_mcse": error_over_trials(here, trial) if shift else np.nan,
            }
        )  # fmt: skip
    return pd.DataFrame(out)
