"""Which figures are met: simulated and published beside each other, each with its error."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from best_sim.questions.validation.published import PublishedFigure

HOLDS, NOT_MET, CANT_TELL, NOT_SIMULATED = "holds", "not met", "can't tell", "not simulated"
VERDICTS = (NOT_MET, CANT_TELL, HOLDS, NOT_SIMULATED)
"""In the order in which they are shown."""
ERRORS = 2.0
"""Joint standard errors within which a figure is met."""


def pooled(top: np.ndarray, bottom: np.ndarray) -> tuple[float, float]:
    """A ratio of sums over replicates, and its Monte Carlo standard error.

    Parameters
    ----------
    top, bottom : numpy.ndarray of float
        Of each replicate; where `bottom` is zero or missing, it has nobody to count.

    Returns
    -------
    estimate, error : float
        The error by linearisation of the ratio; NaN with fewer than two replicates.
    """
    use = np.isfinite(top) & np.isfinite(bottom) & (bottom > 0.0)
    top, bottom = top[use], bottom[use]
    n, total = len(top), float(bottom.sum())
    if not n:
        return math.nan, math.nan
    estimate = float(top.sum()) / total
    if n < 2:
        return estimate, math.nan
    residual = top - estimate * bottom
    return estimate, math.sqrt(n / (n - 1) * float(residual @ residual)) / total


def verdict_of(figure: PublishedFigure, simulated: float, mcse: float) -> tuple[float, str]:
    """The standardised difference of a simulated and a published figure, and whether that is met.

    Parameters
    ----------
    figure : PublishedFigure
    simulated, mcse : float
        The simulated figure and its Monte Carlo standard error.

    Returns
    -------
    z : float
        Simulated less published, over both standard errors together; where only a range was published, from its nearer
        end, and zero inside. NaN where it can't be told.
    verdict : str
        ``holds``: within two joint standard errors, or inside the published range. ``not met``: neither.
        ``can't tell``: the simulation's own error is too large, namely twice of it more than half of what would hold,
        and the simulated figure does not lie outside by more than that.
    """
    if not math.isfinite(simulated):
        return math.nan, NOT_SIMULATED
    own = figure.standard_error
    joint = math.hypot(own, mcse)
    low, high = figure.held_between
    over, under = max(simulated - high, 0.0), max(low - simulated, 0.0)
    away = over - under if figure.value is None else simulated - figure.value
    z = away / joint if joint != 0.0 else math.copysign(math.inf, away) if away else 0.0
    if math.isnan(mcse):
        return z, CANT_TELL
    if 2.0 * mcse > (high - low) / 2.0:
        return z, NOT_MET if over + under > ERRORS * mcse else CANT_TELL
    inside = figure.low is not None and figure.high is not None and figure.low <= simulated <= figure.high
    return z, HOLDS if inside or abs(z) <= ERRORS else NOT_MET


def judged(figures: Sequence[PublishedFigure], rows: pd.DataFrame) -> pd.DataFrame:
    """Every figure with what is simulated, both errors, their difference and the verdict.

    Parameters
    ----------
    figures : sequence of PublishedFigure
        Those that can be computed.
    rows : pandas.DataFrame
        One row for each replicate, as `ReplicateOfFigures` gives it.

    Returns
    -------
    pandas.DataFrame
        One row for each figure, as `ValidationFound.table` has them: checks first, in them those that are not met.
    """
    out = []
    for one in figures:
        parts = [
            rows[name].to_numpy(float) if (name := f"{one.id}:{part}") in rows else np.full(len(rows), np.nan)
            for part in ("top", "bottom")
        ]
        simulated, mcse = pooled(*parts)
        z, verdict = verdict_of(one, simulated, mcse)
        out.append(
            {
                "id": one.id, "figure": one.what, "group": one.group, "role": one.role, "verdict": verdict,
                "published": one.value if one.value is not None else math.nan,
                "low": one.low if one.low is not None else math.nan,
                "high": one.high if one.high is not None else math.nan, "published_error": one.standard_error,
                "error_from": one.error_from, "unit": one.unit, "simulated": simulated, "mcse": mcse,
                "difference": simulated - one.middle, "z": z, "counted": float(np.nansum(parts[1])),
                "replicates": int((np.nan_to_num(parts[1]) > 0.0).sum()), "population": one.population,
                "period": one.period, "differs": one.differs, "simulated_in": one.simulated, "measure": one.measure,
                "how_sure": one.how_sure, "source": one.source, "link": one.link, "sets": "; ".join(one.sets),
                "note": one.note,
            }
        )  # fmt: skip
    table = pd.DataFrame(out)
    if not len(table):
        return table
    rank = table["role"].map({"check": 0, "set": 1}) * 10 + table["verdict"].map(
        {name: i for i, name in enumerate(VERDICTS)}
    )
    return table.iloc[np.argsort(rank.to_numpy(), kind="stable")].reset_index(drop=True)
