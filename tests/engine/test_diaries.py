"""Diaries: the first fit is the first, nothing is lost, nothing is given twice."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from best_sim.engine.diaries import (
    MORNING,
    TOLERANCE,
    book_hours,
    first_day,
    last_of_sitting,
    load_hours,
    start_of,
    vacate_hours,
)

DAY_HOURS = 5.0
opening_hours = st.lists(st.sampled_from([0.0, 2.5, 5.0, 5.0, 15.0]), min_size=1, max_size=25)
hours = st.sampled_from([0.0, 0.5, 1.0, 1.3, 5.0, 6.0, 12.5, 15.0])
asks = st.lists(
    st.tuples(st.sampled_from(["book", "load", "vacate"]), st.integers(-3, 28), hours), max_size=40
)
beginnings = st.sampled_from([-10.0, 0.0, 3.25])


class Diary:
    """One diary, and a search that cannot be wrong because it tries every day from the first."""

    def __init__(self, opening, start):
        self.opening, self.free, self.start, self.hint = opening, list(opening), start, [0]

    def do(self, function, *what):
        return function(self.free, self.opening, DAY_HOURS, self.start, self.hint, 0, *what)

    def first_fit(self, earliest, asked):
        for day in range(len(self.free)):
            if start_of(day, self.start) < earliest or self.opening[day] == 0.0:
                continue
            left, used = asked, []
            for other in range(day, len(self.free)):
                if self.opening[other] == 0.0:
                    continue
                needed = min(left, DAY_HOURS)
                if self.free[other] < needed - TOLERANCE:
                    break
                used.append((other, needed))
                left -= needed
                if left <= TOLERANCE:
                    return start_of(day, self.start), used
        return math.inf, []


@given(opening_hours, beginnings, asks)
def test_any_sequence_of_bookings(opening, start, asked):
    diary = Diary(opening, start)
    bookings = []
    for what, day, length in asked:
        earliest = start + day + 0.3
        before = list(diary.free)
        if what == "book":
            expected, used = diary.first_fit(earliest, length)
            assert diary.do(book_hours, earliest, length) == expected
            for other, needed in used:
                before[other] = max(0.0, before[other] - needed)
            assert diary.free == before
            if expected < math.inf:
                bookings.append((expected, length))
        elif what == "load":
            booked = diary.do(load_hours, earliest, length)
            placed = sum(before) - sum(diary.free)
            if booked < math.inf:
                assert placed == pytest.approx(length)
            else:
                assert placed <= length + 1e-9
                first = first_day(earliest, start, len(opening))
                assert all(free <= TOLERANCE for free in diary.free[first:]) or length == 0.0
        elif bookings:
            booked, length = bookings.pop()
            assert diary.do(vacate_hours, booked, length)
        assert all(0.0 <= free <= full for free, full in zip(diary.free, opening, strict=True))
        assert all(free <= TOLERANCE for free in diary.free[: diary.hint[0]])


@given(opening_hours, beginnings, st.lists(st.tuples(st.integers(-3, 28), hours), max_size=20))
def test_vacating_everything_restores_the_diary(opening, start, asked):
    diary = Diary(opening, start)
    bookings = [(diary.do(book_hours, start + day, length), length) for day, length in asked]
    for booked, length in bookings:
        assert diary.do(vacate_hours, booked, length) == (booked < math.inf)
    assert diary.free == pytest.approx(opening)
    again = [(diary.do(book_hours, start + day, length), length) for day, length in asked]
    assert again == bookings


@given(st.floats(-20.0, 40.0), beginnings, st.integers(1, 30))
def test_first_day_is_the_first(earliest, start, n_days):
    admissible = [day for day in range(n_days) if start_of(day, start) >= earliest]
    assert first_day(earliest, start, n_days) == (admissible[0] if admissible else n_days)


def test_a_long_sitting_takes_successive_sitting_days():
    week = [5.0] * 5 + [0.0, 0.0]
    diary = Diary(week * 2, 100.0)
    assert diary.do(book_hours, 103.0, 12.0) == 103.0 + MORNING
    assert diary.free == [5, 5, 5, 0, 0, 0, 0, 3, 5, 5, 5, 5, 0, 0]
    assert diary.do(book_hours, 103.0, 3.0) == 107.0 + MORNING
    assert diary.do(vacate_hours, 103.0 + MORNING, 12.0)
    assert diary.free == [5, 5, 5, 5, 5, 0, 0, 2, 5, 5, 5, 5, 0, 0]


def test_a_diary_that_gives_way_takes_more_the_longer_was_waited():
    """Ten hours of five a day: on each day a tenth of its hours more for each day of waiting, half an hour a day."""
    diary = Diary([5.0] * 20, 0.0)
    for _ in range(20):
        assert diary.do(book_hours, 0.0, 5.0) < math.inf
    # full; five hours more find room on the first day that takes ten, after ten days
    assert diary.do(book_hours, MORNING, 5.0, 0.1) == 10.0 + MORNING
    assert diary.free[10] == -5.0
    # what it took is not there for the next, which finds room a day later, after eleven
    assert diary.do(book_hours, MORNING, 5.0, 0.1) == 11.0 + MORNING
    # asked for later, it has waited for less
    assert diary.do(book_hours, 5.0 + MORNING, 5.0, 0.1) == 15.0 + MORNING
    assert diary.do(vacate_hours, 10.0 + MORNING, 5.0)
    assert diary.do(book_hours, MORNING, 5.0, 0.1) == 10.0 + MORNING


def test_a_load_takes_what_each_day_gives():
    """Of full days of five hours the n-th gives n halves of an hour: 0.5 + 1 + 1.5 hours by the third."""
    diary = Diary([5.0] * 10, 0.0)
    assert diary.do(load_hours, MORNING, 50.0) == 9.0 + MORNING
    assert diary.do(load_hours, MORNING, 3.0, 0.1) == 3.0 + MORNING
    assert diary.free[:5] == pytest.approx([0.0, -0.5, -1.0, -1.5, 0.0])


@pytest.mark.parametrize(("hours", "last"), [(0.0, 3), (5.0, 3), (5.1, 4), (10.0, 4), (11.0, 7)])
def test_a_long_sitting_ends_on_its_last_day(hours, last):
    week = [5.0] * 5 + [0.0, 0.0]
    assert last_of_sitting(week * 2, DAY_HOURS, 100.0, 103.0 + MORNING, hours) == 100.0 + last + MORNING
    assert last_of_sitting(week, DAY_HOURS, 0.0, math.inf, hours) == math.inf


def test_a_load_spreads_and_reports_its_last_day():
    diary = Diary([5.0, 0.0, 5.0, 5.0], 0.0)
    assert diary.do(load_hours, 0.0, 7.0) == 2.0 + MORNING
    assert diary.free == [0, 0, 3, 5]
    assert diary.do(load_hours, 0.0, 100.0) == math.inf
    assert diary.free == [0, 0, 0, 0]


@pytest.mark.parametrize("booked", [-1.0, 4.0, math.inf, -math.inf])
def test_a_day_that_is_not_in_the_diary_is_not_vacated(booked):
    diary = Diary([5.0] * 4, 0.0)
    assert not diary.do(vacate_hours, booked, 1.0)
