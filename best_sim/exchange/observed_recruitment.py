"""Observed recruitment, as a trial office keeps it: a CSV file by week, or with one row a family.

Columns are ``date``, ``borough``, ``screened``, ``eligible``, ``consented`` and ``randomised``; others are left
unread. The date (ISO, such as 2018-04-30) is the day on which the family was screened, or the first day of the week in
which families were; the other numbers are how many *of these families* were found eligible, consented and were
randomised so far. So no number in a row can be higher than the one before it, and the last rows may still grow: some
families have yet to answer.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from best_sim.scenario.problems import Problem, ProblemsError, nearest_name
from best_sim.trial.recruitment import BoroughPlan

__all__ = ["ObservedRecruitment", "ObservedRecruitmentError", "read_observed_recruitment"]

Rows = Literal["weeks", "families"]

COUNTS = ("screened", "eligible", "consented", "randomised")
COLUMNS = ("date", "borough", *COUNTS)
WEEK = dt.timedelta(days=7)
DAY = dt.timedelta(days=1)
_ON_ONE_WEEKDAY = (
    0.8  # share of the rows of a weekly file that are, with some misdated; families come on any day
)


class ObservedRecruitmentError(ProblemsError):
    """A file of observed recruitment that can't be used, with everything that is wrong with it.

    Its problems are in the order of the file's rows; `line` is the row, where the header is row 1.
    """

    what = "observed recruitment"
    shown = 40


@dataclass(frozen=True, eq=False)
class ObservedRecruitment:
    """What a trial has recruited so far.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a borough and week, or a family: ``date`` (datetime64), ``borough`` (the plans' name), ``screened``,
        ``eligible``, ``consented``, ``randomised``; ordered by date, then by borough as the plans are.
    rows : {"weeks", "families"}
    cut_off : datetime.date
        First day of which nothing is known.
    cut_off_given : bool
        False if it is the day after the last week, or family, in the file; tomorrow, in the current week. A file
        whose last row is a family ends just where somebody was screened, so the rate looks a little high.
    boroughs : tuple of str
        Names of the boroughs that have a plan, with or without rows.
    missing_weeks : mapping of str to int
        Weeks between a borough's first and last row without one; they are taken as weeks without families.
        Empty for a file by family.
    unread : tuple of str
        Columns of the file that are not used.
    """

    table: pd.DataFrame
    rows: Rows
    cut_off: dt.date
    cut_off_given: bool
    boroughs: tuple[str, ...]
    missing_weeks: Mapping[str, int] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


def read_observed_recruitment(
    path: str | Path,
    plans: Sequence[BoroughPlan],
    *,
    cut_off: dt.date | None = None,
    today: dt.date | None = None,
    rows: Rows | None = None,
) -> ObservedRecruitment:
    """Read and check a file of observed recruitment.

    Parameters
    ----------
    path : str or pathlib.Path
        A CSV file with commas, in UTF-8.
    plans : sequence of BoroughPlan
        The boroughs, known by name or by title, whatever the case of their letters.
    cut_off : datetime.date, optional
        First day of which nothing is known; by default the day after the last week or family in the file.
    today : datetime.date, optional
        No row may be dated later; by default today.
    rows : {"weeks", "families"}, optional
        What a row is. By default a file whose rows are nearly all dated on the same day of the week is by week, and
        any other by family.

    Returns
    -------
    ObservedRecruitment

    Raises
    ------
    ValueError
        If the cut-off is in the future.
    ObservedRecruitmentError
        (a `ValueError`) If anything is wrong, with everything that is: for each the row, what was found, what is
        allowed, and the nearest name where one is misspelt.
    """
    file = Path(path)
    latest = dt.date.today() if today is None else today
    if cut_off is not None and cut_off > latest + DAY:
        raise ValueError(f"the cut-off {cut_off} is in the future; it may be up to the day after {latest}")
    header, lines = _read(file)
    _check_header(file, header)
    at = {name: header.index(name) for name in COLUMNS}
    cells = [
        (line, {name: row[i].strip() if i < len(row) else "" for name, i in at.items()})
        for line, row in lines
    ]
    checked = [_Row(str(file), line, cell, plans) for line, cell in cells]
    what = rows or _kind_of([row.date for row in checked if row.date is not None])
    problems = list(_wrong_lengths(file, header, lines))
    for row in checked:
        problems += row.problems
        problems += row.misdated(latest, cut_off, what)
        if what == "families":
            problems += row.not_one_family()
    if what == "weeks":
        problems += _overlapping(checked)
    if not checked:
        problems.append(
            Problem(file=str(file), message="there are no rows below the header", allowed="at least one row")
        )
    if problems:
        raise ObservedRecruitmentError(sorted(problems, key=lambda problem: problem.line or 0))
    unread = tuple(name for name in header if name and name not in COLUMNS)
    return _made(checked, plans, what, cut_off, latest, unread)


def _read(file: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header's names and the rows that are not empty, each with its line."""
    try:
        text = file.read_text(encoding="utf-8-sig")  # spreadsheets put a mark at the beginning
    except OSError as error:
        raise ObservedRecruitmentError(
            [
                Problem(
                    file=str(file),
                    message=f"it can't be read: {error.strerror or error}",
                    allowed="a CSV file",
                )
            ]
        ) from None
    except UnicodeDecodeError as error:
        raise ObservedRecruitmentError(
            [
                Problem(
                    file=str(file), message=f"it is not text in UTF-8 (byte {error.start})",
                    allowed="CSV saved as UTF-8",
                )
            ]
        ) from None  # fmt: skip
    reader = csv.reader(text.splitlines())
    header: list[str] = []
    lines: list[tuple[int, list[str]]] = []
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        if not header:
            header = [name.strip().casefold() for name in row]
        else:
            lines.append((reader.line_num, row))
    return header, lines


def _check_header(file: Path, header: list[str]) -> None:
    """Refuse a file in which a column is missing or there twice: its rows can't be read."""
    problems = []
    allowed = ", ".join(COLUMNS)
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        between = "semicolons" if ";" in header[0] else "tabs"
        problems.append(
            Problem(
                file=str(file), line=1, message=f"columns are separated by {between}", allowed="commas between columns"
            )
        )  # fmt: skip
    else:
        others = [name for name in header if name not in COLUMNS]
        for name in COLUMNS:
            if name not in header:
                problems.append(
                    Problem(
                        file=str(file), line=1, key=name, message="this column is missing",
                        found=", ".join(header) or "an empty file", allowed=allowed, nearest=_meant(name, others),
                    )
                )  # fmt: skip
            elif header.count(name) > 1:
                problems.append(
                    Problem(
                        file=str(file), line=1, key=name, message="this column is there more than once",
                        found=", ".join(header), allowed="each column once",
                    )
                )  # fmt: skip
    if problems:
        raise ObservedRecruitmentError(problems)


def _meant(name: str, others: Sequence[str]) -> str | None:
    """How to write the header where one of its names looks like a missing column."""
    near = nearest_name(name, others)
    return None if near is None else f"{name}, written {near}"


def _wrong_lengths(
    file: Path, header: Sequence[str], lines: Sequence[tuple[int, list[str]]]
) -> Iterator[Problem]:
    for line, row in lines:
        if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
            yield Problem(
                file=str(file), line=line, message="the row has more cells than the header has columns",
                found=f"{len(row)} cells", allowed=f"{len(header)} cells",
            )  # fmt: skip


def _kind_of(dates: Sequence[dt.date]) -> Rows:
    """By week if nearly all dates are on one day of the week."""
    if not dates:
        return "weeks"
    most = max(Counter(day.weekday() for day in dates).values())
    return "weeks" if most >= _ON_ONE_WEEKDAY * len(dates) else "families"


class _Row:
    """One row as it is checked: what could be read of it, and what is wrong with it."""

    def __init__(self, file: str, line: int, cells: Mapping[str, str], plans: Sequence[BoroughPlan]) -> None:
        self.file, self.line, self.cells = file, line, cells
        self.problems: list[Problem] = []
        self.date = self._read_date()
        self.plan = self._read_borough(plans)
        self.counts = {name: self._read_count(name) for name in COUNTS}
        for fewer, more in zip(COUNTS[1:], COUNTS, strict=False):
            few, many = self.counts[fewer], self.counts[more]
            if few is not None and many is not None and few > many:
                self._wrong(
                    fewer, f"more families {fewer} than {more}", str(few), f"at most {many}, as {more}"
                )

    def _wrong(self, key: str, message: str, found: str, allowed: str, nearest: str | None = None) -> None:
        self.problems.append(self._problem(key, message, found, allowed, nearest))

    def _problem(
        self, key: str, message: str, found: str, allowed: str, nearest: str | None = None
    ) -> Problem:
        return Problem(
            file=self.file, line=self.line, key=key, message=message, found=found or "nothing", allowed=allowed,
            nearest=nearest,
        )  # fmt: skip

    def _read_date(self) -> dt.date | None:
        text = self.cells["date"]
        try:
            if len(text) == 10:  # fromisoformat takes 20180430 and 2018-W18-1 too
                return dt.date.fromisoformat(text)
        except ValueError:
            pass
        self._wrong("date", "not a date as year-month-day", text, "an ISO date, such as 2018-04-30")
        return None

    def _read_borough(self, plans: Sequence[BoroughPlan]) -> BoroughPlan | None:
        text = self.cells["borough"]
        by_name = {plan.title.casefold(): plan for plan in plans if plan.title}
        by_name |= {plan.name.casefold(): plan for plan in plans}
        plan = by_name.get(text.casefold())
        if plan is None:
            names = [name for plan in plans for name in (plan.name, plan.title) if name]
            self._wrong(
                "borough", "no borough of the scenario has this name", text,
                ", ".join(plan.name for plan in plans), nearest_name(text, names),
            )  # fmt: skip
        return plan

    def _read_count(self, name: str) -> int | None:
        text = self.cells[name]
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (number >= 0.0 and number == math.floor(number) and math.isfinite(number)):
            message = "negative" if number < 0.0 else "not a whole number"
            self._wrong(name, message, text, "a whole number, 0 or more")
            return None
        return int(number)

    def misdated(self, today: dt.date, cut_off: dt.date | None, rows: Rows) -> Iterator[Problem]:
        """What is wrong with the date, given what else is known."""
        if self.date is None:
            return
        if self.date > today:
            yield self._problem("date", "in the future", str(self.date), f"up to today, {today}")
        elif cut_off is not None and self.date >= cut_off:
            yield self._problem("date", "not before the cut-off", str(self.date), f"before {cut_off}")
        last = self.date + (WEEK - DAY if rows == "weeks" else dt.timedelta(0))
        if self.plan is not None and last < self.plan.opens:
            yield self._problem(
                "date", f"before {self.plan.shown} opened", str(self.date), f"{self.plan.opens} or later"
            )

    def not_one_family(self) -> Iterator[Problem]:
        """Counts other than 0 and 1 in a file with one row a family, and a row of no family."""
        for name, count in self.counts.items():
            if count is not None and count > 1:
                yield self._problem(
                    name, "more than one family in a row, in a file that is not by week", str(count), "0 or 1"
                )
        if self.counts["screened"] == 0:
            yield self._problem("screened", "a row of no family, in a file that is not by week", "0", "1")


def _overlapping(checked: Sequence[_Row]) -> Iterator[Problem]:
    """Rows of one borough that are dated less than a week apart."""
    by_borough: dict[str, list[tuple[dt.date, _Row]]] = {}
    for row in checked:
        if row.plan is not None and row.date is not None:
            by_borough.setdefault(row.plan.name, []).append((row.date, row))
    for found in by_borough.values():
        found.sort(key=lambda each: (each[0], each[1].line))
        for (earlier, before), (later, row) in zip(found, found[1:], strict=False):
            if later - earlier < WEEK:
                assert row.plan is not None
                same = later == earlier
                yield row._problem(
                    "date",
                    f"{'the same week twice' if same else 'weeks that overlap'} for {row.plan.shown}: "
                    f"row {before.line} {'too' if same else f'is of the week from {earlier}'}",
                    str(later),
                    "one row a week for each borough",
                )


def _made(
    checked: Sequence[_Row],
    plans: Sequence[BoroughPlan],
    rows: Rows,
    cut_off: dt.date | None,
    today: dt.date,
    unread: tuple[str, ...],
) -> ObservedRecruitment:
    """The table, from rows with which nothing is wrong."""
    order = {plan.name: i for i, plan in enumerate(plans)}
    records = [
        {"date": row.date, "borough": row.plan.name, **row.counts}
        for row in checked
        if row.plan is not None and row.date is not None
    ]
    records.sort(key=lambda each: (each["date"], order[str(each["borough"])]))
    table = pd.DataFrame(records, columns=list(COLUMNS))
    dates: dict[str, list[dt.date]] = {}
    for row in checked:
        if row.plan is not None and row.date is not None:
            dates.setdefault(row.plan.name, []).append(row.date)
    last = max(day for days in dates.values() for day in days)
    missing = {
        name: (max(days) - min(days)).days // 7 + 1 - len(days)
        for name, days in dates.items()
        if rows == "weeks"
    }
    table["date"] = pd.to_datetime(table["date"])
    return ObservedRecruitment(
        table=table.astype(dict.fromkeys(COUNTS, "int64")),
        rows=rows,
        cut_off=cut_off or min(last + (WEEK if rows == "weeks" else DAY), today + DAY),
        cut_off_given=cut_off is not None,
        boroughs=tuple(order),
        missing_weeks={name: n for name, n in missing.items() if n > 0},
        unread=unread,
    )
