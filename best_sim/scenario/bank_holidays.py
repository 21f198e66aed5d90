"""Bank holidays, on which no court sits: by rule, and the days that were moved or proclaimed once.

England and Wales: Banking and Financial Dealings Act 1971, schedule 1, with New Year's Day and the first Monday in May
(royal proclamation). Scotland: the same Act; its courts keep St Andrew's Day too (2007 Act). The list that these rules
give is that of https://www.gov.uk/bank-holidays.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Literal, get_args

Jurisdiction = Literal["England and Wales", "Scotland"]
JURISDICTIONS: tuple[str, ...] = get_args(Jurisdiction)

_DAY = dt.timedelta(days=1)
_MOVED = {dt.date(2020, 5, 4): dt.date(2020, 5, 8), dt.date(2022, 5, 30): dt.date(2022, 6, 2)}
"""The early May holiday of 2020 (75 years of VE Day), the spring holiday of 2022 (Platinum Jubilee)."""
_SPRING_2012 = (dt.date(2012, 5, 28), dt.date(2012, 6, 4))
_ONCE = (
    dt.date(2011, 4, 29),  # royal wedding
    dt.date(2012, 6, 5),  # Diamond Jubilee
    dt.date(2022, 6, 3),  # Platinum Jubilee
    dt.date(2022, 9, 19),  # state funeral of Elizabeth II
    dt.date(2023, 5, 8),  # coronation of Charles III
)


def easter(year: int) -> dt.date:
    """Easter Sunday of the Gregorian calendar.

    The anonymous algorithm of 1876, as in Meeus, Astronomical Algorithms, chapter 8.
    """
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return dt.date(year, month, day + 1)


@cache
def bank_holidays(jurisdiction: str, year: int) -> frozenset[dt.date]:
    """The bank holidays of a year.

    Parameters
    ----------
    jurisdiction : {"England and Wales", "Scotland"}
    year : int

    Returns
    -------
    frozenset of datetime.date

    Raises
    ------
    ValueError
        If there is no such jurisdiction.
    """
    if jurisdiction not in JURISDICTIONS:
        raise ValueError(
            f"no bank holidays of {jurisdiction!r}; there are those of {', '.join(JURISDICTIONS)}"
        )
    scotland = jurisdiction == "Scotland"
    sunday = easter(year)
    early_may, spring = _monday_from(dt.date(year, 5, 1)), _monday_from(dt.date(year, 5, 25))
    days = {
        sunday - 2 * _DAY,
        _MOVED.get(early_may, early_may),
        _SPRING_2012[1] if spring == _SPRING_2012[0] else _MOVED.get(spring, spring),
        _monday_from(dt.date(year, 8, 1) if scotland else dt.date(year, 8, 25)),
        *(once for once in _ONCE if once.year == year),
    }
    fixed = [dt.date(year, 1, 1), *([dt.date(year, 1, 2)] if scotland else [])]
    fixed += [dt.date(year, 12, 25), dt.date(year, 12, 26)]
    if scotland:
        fixed.insert(2, dt.date(year, 11, 30))
    else:
        days.add(sunday + _DAY)
    for day in fixed:  # one at the weekend is kept on the next working day that is none already
        while day.weekday() >= 5 or day in days:
            day += _DAY
        days.add(day)
    return frozenset(days)


def _monday_from(day: dt.date) -> dt.date:
    """The first Monday on or after a day."""
    return day + _DAY * (-day.weekday() % 7)
