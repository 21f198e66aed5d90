"""How numbers and dates are written, everywhere in figures, tables, stories and the report."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from typing import Any

from best_sim.scenario.durations import MONTH

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
UNKNOWN = "not known"


def number(value: float, digits: int = 0) -> str:
    """A number with so many digits after the point, thousands set apart, a true minus.

    Examples
    --------
    >>> number(-1234.56, 1)
    '−1,234.6'
    >>> number(-0.04, 1)
    '0.0'
    """
    if value is None or not math.isfinite(float(value)):
        return UNKNOWN
    said = f"{round(float(value), digits):,.{digits}f}"
    if float(said.replace(",", "")) == 0.0:
        said = said.lstrip("-")
    return said.replace("-", "−")


def digits_for(error: float, most: int = 4) -> int:
    """Digits after the point of a figure with this Monte Carlo standard error: two of the error's own.

    Examples
    --------
    >>> digits_for(0.0126), digits_for(0.4), digits_for(12.0)
    (3, 2, 0)
    """
    if not math.isfinite(error) or error <= 0:
        return 2
    return int(min(most, max(0, 1 - math.floor(math.log10(error)))))


def with_error(value: float, error: float, unit: str = "") -> str:
    """An estimate and its Monte Carlo standard error, to the digits that the error allows.

    Examples
    --------
    >>> with_error(30.1234, 0.217, "weeks")
    '30.12 (MCSE 0.22) weeks'
    """
    if value is None or not math.isfinite(float(value)):
        return UNKNOWN
    if error is None or not math.isfinite(float(error)):
        return f"{number(value, 2)} {unit}".strip()
    digits = digits_for(error)
    return f"{number(value, digits)} (MCSE {number(error, digits)}) {unit}".strip()


def percent(share: float, digits: int = 0) -> str:
    """A share as per cent, never rounded to 0 or 100 when it is neither.

    Examples
    --------
    >>> percent(0.8124, 1), percent(0.9999), percent(0.0001)
    ('81.2%', '>99%', '<1%')
    """
    if share is None or not math.isfinite(float(share)):
        return UNKNOWN
    share = float(share)
    least = 10.0**-digits
    if share > 0 and 100 * share < least / 2:
        return f"<{least:.{digits}f}%"
    if share < 1 and 100 * share > 100 - least / 2:
        return f">{100 - least:.{digits}f}%"
    return f"{number(100 * share, digits)}%"


def points(share: float) -> str:
    """A Monte Carlo standard error of a share, in percentage points with two significant digits.

    Examples
    --------
    >>> points(0.0126)
    '1.3'
    """
    if share is None or not math.isfinite(float(share)):
        return UNKNOWN
    return number(100 * share, min(2, max(1, digits_for(100 * share) if share > 0 else 1)))


def entered(value: float, digits: int = 1) -> str:
    """A number as somebody entered it, with so many decimals at least.

    Examples
    --------
    >>> entered(-2.0), entered(-0.25), entered(0.8, 2)
    ('−2.0', '−0.25', '0.80')
    """
    given = f"{value:.12g}".partition(".")[2]
    return number(value, max(digits, len(given) if given.isdigit() else 0))


def as_date(value: Any) -> dt.date:
    """A calendar day from a date, datetime, pandas Timestamp, numpy datetime or ISO text."""
    import pandas as pd

    return pd.Timestamp(value).date()


def day(value: Any) -> str:
    """A date: ``3 October 2017``."""
    d = as_date(value)
    return f"{d.day} {MONTHS[d.month - 1]} {d.year}"


def short_day(value: Any) -> str:
    """A date in little room: ``3 Oct 2017``."""
    d = as_date(value)
    return f"{d.day} {MONTHS[d.month - 1][:3]} {d.year}"


def weekday(value: Any) -> str:
    """A date with its weekday: ``Tuesday 3 October 2017``."""
    d = as_date(value)
    return f"{WEEKDAYS[d.weekday()]} {day(d)}"


def month(value: Any) -> str:
    """A month: ``October 2017``."""
    d = as_date(value)
    return f"{MONTHS[d.month - 1]} {d.year}"


def span(days: float) -> str:
    """A length of time in the unit a person would use.

    Examples
    --------
    >>> span(0.4), span(1), span(17), span(75), span(400)
    ('less than a day', '1 day', '17 days', '11 weeks', '13 months')
    """
    if days is None or not math.isfinite(days):
        return UNKNOWN
    if days < 1:
        return "less than a day"
    if days < 28:
        n, unit = int(days), "day"
    elif days < 182:
        n, unit = round(days / 7), "week"
    else:
        n, unit = round(days / MONTH), "month"
    return f"{n} {unit}{'' if n == 1 else 's'}"


def age(days: float) -> str:
    """An age: in days, weeks, months, then years and months.

    Examples
    --------
    >>> age(-3), age(0.2), age(12), age(40), age(130), age(900)
    ('not yet born', 'newborn', '12 days', '5 weeks', '4 months', '2 years and 5 months')
    """
    if days < 0:
        return "not yet born"
    if days < 1:
        return "newborn"
    if days < 21:
        n = int(days)
        return f"{n} day{'' if n == 1 else 's'}"
    if days < 91:
        return f"{int(days / 7)} weeks"
    months = int(days / MONTH + 1e-9)
    if months < 24:
        return f"{months} months"
    years, rest = divmod(months, 12)
    if rest == 0:
        return f"{years} years"
    return f"{years} years and {rest} month{'' if rest == 1 else 's'}"


def aged(days: float) -> str:
    """Of what age somebody is, in words that follow a name.

    Examples
    --------
    >>> aged(0.2), aged(40)
    ('newborn', 'aged 5 weeks')
    """
    return age(days) if days < 1 else f"aged {age(days)}"


def old(days: float) -> str:
    """Of what age somebody is, in words that follow "is".

    Examples
    --------
    >>> old(0.2), old(40)
    ('newborn', '5 weeks old')
    """
    return age(days) if days < 1 else f"{age(days)} old"


def listed(words: list[str]) -> str:
    """Words as a list in a sentence: ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def plural(n: float, one: str, many: str | None = None) -> str:
    """A count and its noun: ``1 family``, ``2 families``."""
    return f"{number(n)} {one if n == 1 else (many or one + 's')}"


def scored(analyses: Iterable[float], scorings: int = 1) -> str:
    """How many analyses a row of a summary rests on, and on how many trials where each is scored several times.

    Parameters
    ----------
    analyses : iterable of float
        Analyses of each row: scorings of each replicate, less those whose fit failed.
    scorings : int
        How often each trial was scored.

    Returns
    -------
    str

    Examples
    --------
    >>> scored([500, 500])
    '500 replicates'
    >>> scored([12], scorings=3)
    '12 scorings of 4 replicates'
    """
    each = sorted({int(n) for n in analyses})
    if scorings == 1:
        return _span(each, "replicate")
    return f"{_span(each, 'scoring')} of {_span(sorted({-(-n // scorings) for n in each}), 'replicate')}"


def _span(counts: list[int], noun: str) -> str:
    most = plural(counts[-1], noun)
    return most if counts[0] == counts[-1] else f"{number(counts[0])} to {most}"


def capital(text: str) -> str:
    """A text that begins a sentence or a heading.

    Examples
    --------
    >>> capital("power, %")
    'Power, %'
    """
    return text[:1].upper() + text[1:]
