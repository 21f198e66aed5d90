"""A forecast of recruitment in words, tables and chapters."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pandas as pd

from best_sim.drawing import wording as say
from best_sim.questions.found import Chapter, Content, Picture, Shown

if TYPE_CHECKING:
    from best_sim.questions.recruitment.run import RecruitmentFound


# --- in words -----------------------------------------------------------------------------------------------
def words_of(found: RecruitmentFound) -> list[str]:
    """The forecast in plain words."""
    rows: dict[str, dict[str, Any]] = {row["forecast"]: row for row in _records(found.dates())}
    simulated, closed = rows["simulation"], rows["closed form"]
    told = []
    for row, what in ((simulated, "simulated"), (closed, "closed form")):
        if row["median"] is None:
            told.append(f"{what}: not by the end of the run in most cases")
            continue
        late = f"{row['upper_90']:%B %Y}" if row["upper_90"] is not None else "after the end of the run"
        told.append(f"{what}: {row['median']:%B %Y} (90 % from {row['lower_90']:%B %Y} to {late})")
    lines = [f"{found.question.families} families are randomised by, {'; '.join(told)}."]
    if simulated["median"] is not None and closed["median"] is not None:
        days = (simulated["median"] - closed["median"]).days
        lines.append(
            "What only the simulation has (courts that are full, orders that come first, siblings, placements that "
            f"change) moves the median by {days:+d} days (Monte Carlo standard error {simulated['mcse_days']:.0f})."
        )
    if found.question.by is not None:
        lines.append(
            f"By {found.question.by:%d %B %Y} with a probability of {simulated['probability']:.0%} (simulated, MCSE "
            f"{100 * simulated['mcse']:.1f} points) or {closed['probability']:.0%} (closed form)."
        )
    if found.seen is not None:
        if found.seen.rates is not None:
            lines.append(found.seen.rates.in_words())
        lines += [found.seen.checks.in_words(), found.seen.drift.in_words()]
        for row in _records(found.seen.consent):
            lines.append(
                f"Consent, {row['site']}: planned {row['prior']:.0%} (a prior worth {row['prior_worth']:g} families), "
                f"{row['consented']} of {row['eligible']} seen, so now {row['posterior']:.0%} "
                f"(90 % interval {row['low']:.0%} to {row['high']:.0%})."
            )
        last = found.seen_at_last_visit()
        lines.append(
            f"Of {found.question.families} families {last['mean']:.0f} are seen at the last visit (90 % interval "
            f"{last['lower_90']:.0f} to {last['upper_90']:.0f})."
        )
        today = found.simulated.today.median()
        lines.append(
            f"On {found.seen.cut_off:%d %B %Y} a trial like this has (median) {today['in_proceedings']:.0f} families "
            f"in proceedings, {today['in_lift']:.0f} with LIFT and {today['waiting_for_lift']:.0f} waiting for it, and "
            f"{today['visits_due_in_a_year']:.0f} visits due within a year."
        )
    return lines


def dates_shown(found: RecruitmentFound) -> Shown:
    """The date of the target by every forecast, narrow enough for a terminal."""
    by = found.question.by
    rows = []
    for row in _records(found.dates()):
        dates = [_month(row[name]) for name in ("lower_90", "lower_50", "median", "upper_50", "upper_90")]
        rows.append((row["forecast"], *dates, *([say.percent(row["probability"])] if by else [])))
    heads = ("forecast", "5%", "25%", "median", "75%", "95%", *([f"by\n{by:%d %b %Y}"] if by else []))
    return Shown(
        f"When {found.question.families} families are randomised", heads, tuple(rows),
        note="Later: not within the run.",
    )  # fmt: skip


def _month(day: dt.date | None) -> str:
    return f"{day:%b %Y}" if day is not None else "later"


def notes_of(found: RecruitmentFound) -> list[str]:
    """What the forecast rests on."""
    out = [
        "Entries, eligibility, consent and their variation are the scenario's; openings are its plan.",
        "The closed form knows nothing of courts, orders, siblings and placements; the simulation does.",
    ]
    if found.seen is not None:
        out.append(
            "Families who have consented and wait on the day of the forecast are those of a typical trial, not those "
            "in the books."
        )
    return out


def chapters_of(found: RecruitmentFound) -> list[Chapter]:
    """The forecast with its table and picture, and where families come from."""
    content: list[Content] = [found.question.question, *words_of(found), dates_shown(found)]
    content.append(
        Picture("recruitment", "Families by month: bands by the closed form, lines by simulation.")
    )
    names = {plan.name: plan.shown for plan in found.plans}
    rows = tuple(
        (
            names[row["borough"]], say.number(row["expected"], 1),
            f"{say.number(row['lower_90'])} to {say.number(row['upper_90'])}",
            say.with_error(row["simulated"], row["simulated_mcse"]),
        )
        for row in _records(found.contributions())
    )  # fmt: skip
    day = say.day(found.reckoned_on())
    table = Shown(
        f"Families expected of each borough by {day}",
        ("Borough", "Closed form", "90%", "Simulated (MCSE)"),
        rows,
    )
    return [
        Chapter("answer", "In plain words", tuple(content)),
        Chapter("boroughs", "Where families come from", (table,)),
    ]


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
