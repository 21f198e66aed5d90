"""What can be a target of a calibration: figures that follow from a simulated run."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from best_sim.measures.timeliness import STATUTORY_WEEKS, decided_cases
from best_sim.questions.validation.published import PERCENT, PublishedFigure, read_published
from best_sim.questions.validation.replicate import figures_of

if TYPE_CHECKING:
    from best_sim.pathway import Journeys
    from best_sim.questions.calibration.ask import Target
    from best_sim.scenario import Scenario

COURT_FIGURE = re.compile(r"(weeks|within_26|hearings)_(\d{4})")
_COURT_UNITS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "weeks": ("Proceedings decided in {}, mean", "weeks"),
        "within_26": ("Decided in {} within 26 weeks", "share"),
        "hearings": ("Hearings of cases decided in {}", "hearings"),
    }
)


@cache
def _figures() -> Mapping[str, PublishedFigure]:
    """The figures that come with the package and can be computed, by id."""
    return {one.id: one for one in read_published() if one.role != "context"}


def published(measure: str) -> PublishedFigure | None:
    """The published figure that a target is, or none: it has its value, how well it is known, and its source."""
    return _figures().get(measure)


def measures() -> dict[str, tuple[str, str]]:
    """What can be a target, by name: what it is, and its unit.

    Every figure that `best_sim.questions.validation` computes; for the courts ``weeks_YEAR``, ``within_26_YEAR`` and
    ``hearings_YEAR`` of any year of the run, shown here for those that were published. A figure in per cent is a share
    here, between 0 and 1.
    """
    return {
        name: (one.what, "share" if one.unit == PERCENT else one.unit) for name, one in _figures().items()
    }


def court_figures(journeys: Journeys, year: int, court: str | None = None) -> dict[str, float]:
    """Mean weeks, share within 26 weeks and mean hearings of the proceedings that were decided in one year.

    Parameters
    ----------
    journeys : Journeys
    year : int
    court : str, optional
        One court; by default all, for only England and Wales have care proceedings. Cases served by LIFT are left out,
        as the national figures hold few of them, or none.

    Returns
    -------
    dict of str to float
        ``weeks``, ``within_26``, ``hearings``; NaN where no case was decided.
    """
    cases = decided_cases(journeys)
    use = (cases["year"] == year) & (cases["arm"] != "LIFT")
    if court is not None:
        use &= cases["court"] == court
    if not use.any():
        return dict.fromkeys(_COURT_UNITS, math.nan)
    weeks = cases["weeks"][use]
    return {
        "weeks": float(weeks.mean()),
        "within_26": float((weeks <= STATUTORY_WEEKS).mean()),
        "hearings": float(cases["hearings"][use].mean()),
    }


def figures_for(journeys: Journeys, scenario: Scenario, targets: Sequence[Target]) -> list[float]:
    """The targets' figures of one replicate, in their order; NaN where there is nobody to count.

    Parameters
    ----------
    journeys : Journeys
        One replicate of `scenario`.
    scenario : Scenario
        For unit costs.
    targets : sequence of Target
        A published figure is computed in the part of its period that the run covers, and where it covers none, in all
        of the run. A court's figure of a year that a target gives a value of its own is counted in the calendar year.

    Returns
    -------
    list of float
    """
    published = _figures()
    ours = [one.measure for one in targets if not _of_court(one)]
    computed = figures_of(journeys, scenario, [_in_run(published[name], journeys) for name in ours])
    known = {
        name: (top / n / published[name].scale if n else math.nan)
        for name, (top, n) in zip(ours, computed, strict=True)
    }
    courts: dict[tuple[int, str | None], dict[str, float]] = {}
    out = []
    for one in targets:
        if match := _of_court(one):
            which = (int(match[2]), one.court)
            if which not in courts:
                courts[which] = court_figures(journeys, *which)
            out.append(courts[which][match[1]])
        else:
            out.append(known[one.measure])
    return out


def _of_court(one: Target) -> re.Match[str] | None:
    """The figure and the year, where a target is a court's of a year; a published figure is counted as published."""
    as_published = one.given is None and one.court is None and one.measure in _figures()
    return None if as_published else COURT_FIGURE.fullmatch(one.measure)


def _in_run(figure: PublishedFigure, journeys: Journeys) -> PublishedFigure:
    """A figure of the part of its period that a run covers; of all of the run, where it covers none."""
    begins, ends = journeys.start_date, journeys.date(journeys.end) - dt.timedelta(days=1)
    since = max(figure.since or begins, begins)
    until = min(figure.until or ends, ends)
    if since > until:
        since, until = begins, ends
    return figure.model_copy(update={"since": since, "until": until})


def described(measure: str) -> tuple[str, str]:
    """What a measure is, in words, and its unit."""
    said = measures()
    if measure in said:
        return said[measure]
    match = COURT_FIGURE.fullmatch(measure)
    assert match is not None
    text, unit = _COURT_UNITS[match[1]]
    return text.format(match[2]), unit
