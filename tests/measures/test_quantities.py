"""Quantities of published figures, each worked out by hand: what counts, of whom, in which period."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pytest
from lives import Stay, journeys_of

from best_sim.measures.quantities import QUANTITIES
from best_sim.measures.quantities.definition import Seen, Subpopulation, Taken, counted, last_before
from best_sim.pathway import Journeys
from best_sim.pathway import words as W
from best_sim.scenario import Scenario
from best_sim.scenario.durations import MONTH, YEAR

WORLD = Scenario.load("london-2017")
YEAR_2019 = (dt.date(2018, 4, 1), dt.date(2019, 3, 31))


def first_of_april(year: int) -> float:
    return float((dt.date(year, 4, 1) - dt.date(2018, 1, 1)).days)


def figure(
    journeys: Journeys, name: str, taken: Taken, period: tuple[dt.date, dt.date] = YEAR_2019, **who: object
) -> tuple[float, float]:
    return counted(Seen(journeys, WORLD), QUANTITIES[name], Subpopulation(**who), taken, *period)  # type: ignore[arg-type]


def share(*named: str, **cut: float) -> Taken:
    return Taken("share", named=named, **cut)


IN: Stay = (0.0, W.FOSTER, W.AT_ENTRY)
SPRING = first_of_april(2018) + 50.0


# --- on 31 March ----------------------------------------------------------------------------------------------
def test_placements_in_the_year_are_of_those_in_care_at_its_end() -> None:
    three = [IN, (SPRING, W.KINSHIP_FOSTER, W.PLANNED), (SPRING + 30, W.FOSTER, W.UNPLANNED)]
    home = [*three, (SPRING + 60, W.HOME, W.PLANNED)]
    settled = [IN, (SPRING, W.LONG_TERM_FOSTER, W.SAME_CARER)]
    j = journeys_of(three, home, settled, end=first_of_april(2019) + 1)
    assert figure(j, "placements_in_year_to_march", share(at_least=3.0)) == (1.0, 2.0)
    assert figure(j, "placements_in_year_to_march", share(below=2.0)) == (1.0, 2.0)
    assert figure(j, "living_with", Taken("count")) == (2.0, 1.0)
    assert figure(j, "living_with", share("long_term_foster")) == (1.0, 2.0)


def test_two_years_are_of_those_who_were_in_care_in_the_first_of_them() -> None:
    period = (dt.date(2019, 4, 1), dt.date(2020, 3, 31))
    both = [IN, (SPRING, W.FOSTER, W.UNPLANNED), (first_of_april(2019) + 9, W.FOSTER, W.UNPLANNED)]
    late: list[Stay] = [(first_of_april(2019) + 5, W.FOSTER, W.AT_ENTRY)]
    j = journeys_of(both, late, end=first_of_april(2020) + 1)
    three = share(at_least=3.0)
    assert figure(j, "placements_in_two_years_to_march", three, period) == (1.0, 1.0)
    late_start = replace(
        j, start=first_of_april(2018) + 5
    )  # the first of the two years was not all simulated
    assert figure(late_start, "placements_in_two_years_to_march", three, period)[1] == 0.0


def test_the_same_carer_is_counted_from_the_published_days() -> None:
    """In care by 30 September two and a half years back, placed by 31 March two years back."""
    start = dt.date(2018, 1, 1)
    day = {name: float((on - start).days) for name, on in (
        ("entry", dt.date(2018, 9, 30)), ("late", dt.date(2018, 10, 1)), ("placed", dt.date(2019, 3, 31)),
        ("moved", dt.date(2019, 4, 1)),
    )}  # fmt: skip
    lives: list[list[Stay]] = [
        [(day["entry"], W.FOSTER, W.AT_ENTRY)],
        [(day["late"], W.FOSTER, W.AT_ENTRY)],  # a day too late to be counted
        [(day["entry"], W.FOSTER, W.AT_ENTRY), (day["placed"], W.FOSTER, W.UNPLANNED)],
        [(day["entry"], W.FOSTER, W.AT_ENTRY), (day["moved"], W.FOSTER, W.UNPLANNED)],  # a day too late
        [(day["entry"], W.FOSTER, W.AT_ENTRY), (1000.0, W.PLACED_FOR_ADOPTION, W.PLANNED)],
    ]
    j = journeys_of(*lives, end=first_of_april(2021) + 1)
    period = (dt.date(2020, 4, 1), dt.date(2021, 3, 31))
    assert figure(j, "same_carer_two_years", share("same_carer"), period) == (3.0, 4.0)
    older = (dt.date(2018, 4, 1), dt.date(2019, 3, 31))  # nobody can have been in care for so long
    top, bottom = figure(j, "same_carer_two_years", share("same_carer"), older)
    assert math.isnan(top) and bottom == 0.0


def test_the_decision_for_adoption_is_the_day_on_which_the_agency_decided() -> None:
    adopted: list[Stay] = [IN, (60.0, W.PLACED_FOR_ADOPTION, W.PLANNED), (120.0, W.ADOPTED, W.SAME_CARER)]
    j = journeys_of(adopted, end=first_of_april(2019) + 1)
    j.tables["groups"]["approved_at"][0] = 30.0
    top, bottom = figure(j, "entry_to_decision", Taken("mean"))
    assert top / bottom == pytest.approx(30.0 / MONTH)


# --- who counts -----------------------------------------------------------------------------------------------
def test_age_is_of_the_day_and_time_in_care_of_the_present_period() -> None:
    long = [IN]
    back = [IN, (20.0, W.HOME, W.PLANNED), (first_of_april(2019) - 10, W.FOSTER, W.RE_ENTRY)]
    j = journeys_of(long, back, end=first_of_april(2019) + 1)
    j.tables["children"]["age_at_entry"][[0, 3]] = 0.0, 3.0 * YEAR
    count = Taken("count")
    assert figure(j, "living_with", count, age=(1.0, 5.0)) == (2.0, 1.0)
    assert figure(j, "living_with", count, age=(4.0, 5.0)) == (1.0, 1.0)
    assert figure(j, "living_with", count, age_at_entry=(0.0, 1.0)) == (1.0, 1.0)
    assert figure(j, "living_with", count, in_care_months=(0.0, 12.0)) == (1.0, 1.0)
    assert figure(j, "living_with", count, in_care_months=(12.0, 99.0)) == (1.0, 1.0)
    first = {"first_placement": ("foster",)}
    assert figure(j, "living_with", count, having=first) == (2.0, 1.0)


def test_places_are_jurisdictions_sites_boroughs_and_courts() -> None:
    j = journeys_of([IN], [IN], [IN], end=first_of_april(2019) + 1, site=[0, 1, 1], court=[0, 1, 1])
    law = ("Scotland", "England and Wales")  # of courts, whatever they and the sites are called
    j = replace(j, names={**j.names, "sites": ("glasgow", "london"), "jurisdictions": law})
    count = Taken("count")
    assert figure(j, "living_with", count, where=("scotland",)) == (1.0, 1.0)
    assert figure(j, "living_with", count, where=("england",)) == (2.0, 1.0)
    assert figure(j, "living_with", count, where=("scotland", "london")) == (3.0, 1.0)
    assert figure(j, "living_with", count, where=("other court",)) == (2.0, 1.0)
    assert figure(j, "living_with", count, where=("nowhere",)) == (0.0, 1.0)


def test_a_period_that_was_not_all_simulated_is_not_counted() -> None:
    j = journeys_of([IN], end=first_of_april(2019) + 1)
    for period in ((dt.date(2017, 4, 1), dt.date(2018, 3, 31)), (dt.date(2019, 4, 1), dt.date(2020, 3, 31))):
        top, bottom = figure(j, "starts", Taken("count"), period)
        assert math.isnan(top) and bottom == 0.0
    assert (
        figure(j, "starts", Taken("count"), (dt.date(2018, 1, 1), dt.date(2018, 12, 31)))[0] == 0.0
    )  # the day before


# --- moves and lengths ----------------------------------------------------------------------------------------
def test_moves_are_over_those_in_care_at_the_end_of_the_year() -> None:
    lives: list[list[Stay]] = [
        [IN, (SPRING, W.FOSTER, W.UNPLANNED), (SPRING + 9, W.PLACED_FOR_ADOPTION, W.PLANNED)],
        [IN, (SPRING, W.LONG_TERM_FOSTER, W.SAME_CARER)],
        [IN, (SPRING, W.FOSTER, W.PLANNED), (SPRING + 20, W.HOME, W.PLANNED)],
        [IN, (10.0, W.FOSTER, W.UNPLANNED)],  # before the year
    ]
    j = journeys_of(*lives, end=first_of_april(2019) + 1)
    assert figure(j, "moves", Taken("rate")) == (3.0, 3.0)
    assert figure(j, "moves_not_planned", Taken("rate")) == (1.0, 3.0)
    assert figure(j, "kind_of_move", share("planned")) == (2.0, 3.0)
    assert figure(j, "foster_endings_not_planned", Taken("rate")) == (1.0, 2.0)
    top, bottom = figure(j, "moves_by_time", Taken("rate"))
    assert top == 3.0 and bottom == pytest.approx((3 * 365 + 70) / YEAR)


def test_lengths_of_ended_placements_have_means_medians_and_shares() -> None:
    lives = [[IN, (first_of_april(2018) + n, W.HOME, W.PLANNED)] for n in (10, 20, 110)]
    j = journeys_of(*lives, end=first_of_april(2019) + 1)
    lengths = first_of_april(2018) + np.array([10, 20, 110])
    assert figure(j, "ended_foster_days", Taken("mean")) == (lengths.sum(), 3.0)
    assert figure(j, "ended_foster_days", Taken("median")) == (3.0 * lengths[1], 3.0)
    assert figure(j, "ended_foster_days", Taken("sd")) == pytest.approx((3.0 * lengths.std(ddof=1), 3.0))
    assert figure(j, "ended_foster_days", share(at_least=100.0, below=115.0)) == (2.0, 3.0)


# --- leaving --------------------------------------------------------------------------------------------------
def leavers() -> Journeys:
    """Adopted by new adopters, and by the foster carer; to kin who fostered and kin who did not; home; home again."""
    order = [(SPRING - 60.0, W.ORDER_MADE, 3 * i, float(W.GUARDIANSHIP_ORDER)) for i in (2, 3)]
    order += [
        (30.0, W.ORDER_MADE, 0, float(W.PLACEMENT_ORDER)),
        (40.0, W.PLAN_MADE, 0, float(W.ADOPTION_PLACEMENT)),
    ]
    order += [(SPRING - 1.0, W.ORDER_MADE, 12, float(W.CHILD_ARRANGEMENTS))]
    lives: list[list[Stay]] = [
        [IN, (60.0, W.PLACED_FOR_ADOPTION, W.PLANNED), (SPRING, W.ADOPTED, W.SAME_CARER)],
        [IN, (60.0, W.PLACED_FOR_ADOPTION, W.SAME_CARER), (SPRING, W.ADOPTED, W.SAME_CARER)],
        [(0.0, W.KINSHIP_FOSTER, W.AT_ENTRY), (SPRING, W.SPECIAL_GUARDIANSHIP, W.SAME_CARER)],
        [IN, (SPRING, W.SPECIAL_GUARDIANSHIP, W.PLANNED)],
        [IN, (SPRING, W.SPECIAL_GUARDIANSHIP, W.PLANNED)],
        [IN, (10.0, W.HOME, W.PLANNED), (50.0, W.FOSTER, W.RE_ENTRY), (SPRING, W.HOME, W.PLANNED)],
    ]
    return journeys_of(*lives, end=first_of_april(2026), events=order)


def test_exits_are_told_apart_by_place_and_order() -> None:
    j = leavers()
    for name, n in (
        ("adopted", 2.0),
        ("special_guardianship", 2.0),
        ("child_arrangements", 1.0),
        ("home", 1.0),
    ):
        assert figure(j, "exits", share(name)) == (n, 6.0)
    assert figure(j, "exits", Taken("count", named=("adopted",)))[0] == 2.0
    home = {"exit": ("home",)}
    assert figure(j, "days_in_care_at_exit", Taken("mean"), having=home) == (SPRING - 50.0, 1.0)
    assert figure(j, "periods_by_exit", Taken("mean"), having=home) == (2.0, 1.0)
    assert figure(j, "placements_by_exit", Taken("mean"), having=home) == (2.0, 1.0)
    assert figure(j, "placements_by_exit", Taken("mean"), having={"exit": ("adopted",)}) == (3.0, 2.0)
    assert figure(j, "guardians", share("kin_who_fostered")) == (1.0, 2.0)
    assert figure(j, "guardians", share("not_fostering")) == (1.0, 2.0)
    assert figure(j, "adopters", share("same_carer")) == (1.0, 2.0)
    assert figure(j, "ended_within_five_years", share("ended")) == (0.0, 6.0)


def test_the_steps_of_an_adoption_add_up() -> None:
    j = leavers()
    mean = Taken("mean")
    assert figure(j, "entry_to_placed", mean) == pytest.approx((120.0 / MONTH, 2.0))
    assert figure(j, "placement_order_to_match", mean) == pytest.approx(
        (10.0 / MONTH, 1.0)
    )  # of the one with an order
    assert figure(j, "match_to_placed", mean) == pytest.approx((20.0 / MONTH, 1.0))
    assert figure(j, "placed_to_order", mean) == pytest.approx((2 * (SPRING - 60.0) / MONTH, 2.0))
    assert figure(j, "entry_to_adoption", mean) == pytest.approx((2 * SPRING / MONTH, 2.0))
    waiting = (dt.date(2017, 4, 1), dt.date(2018, 3, 31))
    assert math.isnan(figure(j, "order_held", Taken("count", named=("placement_order",)), waiting)[0])


def test_where_children_live_years_later_is_by_the_day_of_entry() -> None:
    j = leavers()
    period = (dt.date(2018, 1, 1), dt.date(2018, 3, 31))
    j.tables["families"]["entered"] = 1.0
    assert figure(j, "lives_after_four_years", share("adopted"), period) == (2.0, 6.0)
    assert figure(j, "lives_after_two_years", share("home"), period) == (1.0, 6.0)
    assert figure(j, "back_within_a_year", share("back"), period) == (1.0, 1.0)
    assert figure(j, "back_within_a_year", share("back")) == (0.0, 1.0)


def test_permanence_is_a_share_and_a_rate() -> None:
    j = journeys_of([IN], [IN], [IN], end=first_of_april(2026), permanent_at=[180.0, 365.25 * 3, np.nan])
    j.tables["families"]["entered"] = 0.5
    period = (dt.date(2018, 1, 1), dt.date(2018, 12, 31))
    assert figure(j, "permanent_within_thirty_months", share("arrived"), period) == (1.0, 3.0)
    top, bottom = figure(j, "permanent_within_thirty_months", Taken("rate"), period)
    assert top == 1.0 and bottom == pytest.approx(179.5 / YEAR + 2.5 + 2.5)
    assert figure(j, "permanent_within_four_years", share("arrived"), period) == (2.0, 3.0)


# --- courts ---------------------------------------------------------------------------------------------------
def test_proceedings_are_counted_by_decision_and_first_hearings_by_issue() -> None:
    at = first_of_april(2018) + 10.0
    events = [
        (at, W.PROCEEDINGS_ISSUED, 0, 0.0),
        (at + 2, W.HEARING_EFFECTIVE, 0, float(W.INTERIM_HEARING)),
        (at + 16, W.HEARING_EFFECTIVE, 0, float(W.CASE_MANAGEMENT)),
        (at + 140, W.HEARING_EFFECTIVE, 0, float(W.FINAL_HEARING)),
        (at + 140, W.CASE_DECIDED, 0, 3.0),
        (at + 5, W.PROCEEDINGS_ISSUED, 1, 0.0),
        (at + 30, W.HEARING_ADJOURNED, 1, float(W.CASE_MANAGEMENT)),
        (at + 40, W.HEARING_EFFECTIVE, 1, float(W.CASE_MANAGEMENT)),
        (at + 400, W.CASE_DECIDED, 1, 2.0),  # in the next year
    ]
    j = journeys_of([IN], [IN], end=first_of_april(2020), events=events, route=[W.VOLUNTARY, W.BY_ORDER])
    mean = Taken("mean")
    assert figure(j, "weeks_of_proceedings", mean) == (20.0, 1.0)
    assert figure(j, "weeks_of_proceedings", share(below=26.0001)) == (1.0, 1.0)
    assert figure(j, "hearings_of_case", mean) == (3.0, 1.0)
    assert figure(j, "days_to_case_management", mean) == (16.0 + 25.0, 2.0)
    assert figure(j, "days_to_first_hearing", mean) == (2.0 + 25.0, 2.0)
    assert figure(j, "weeks_in_open_proceedings", share(at_least=20.0)) == (1.0, 1.0)
    assert figure(j, "hearings_a_year", mean) == (5.0, 2.0)
    period = (dt.date(2017, 12, 31), dt.date(2018, 3, 31))
    j.tables["families"]["entered"] = at - 14.0
    j.tables["families"]["entered"][1] = at + 5.0
    here = (dt.date(2018, 1, 1), dt.date(2018, 12, 31))
    assert math.isnan(figure(j, "entry_and_issue", share("later"), period)[0])
    assert figure(j, "entry_and_issue", share("before_issue"), here) == (1.0, 2.0)
    assert figure(j, "entry_and_issue", share("first_week"), here) == (1.0, 2.0)
    assert figure(j, "weeks_from_entry_to_issue", mean, here, having={"route": ("voluntary",)}) == (2.0, 1.0)
    assert figure(j, "came_to_proceedings", share("yes"), here) == (2.0, 2.0)


def test_the_last_row_before_a_day_is_of_the_same_subject() -> None:
    subject, time = np.array([1, 1, 3]), np.array([5.0, 9.0, 2.0])
    of, day = np.array([1, 1, 2, 3, 1]), np.array([4.0, 9.0, 9.0, 9.0, 7.0])
    assert last_before(subject, time, of, day).tolist() == [-1, 1, -1, 2, 0]
    assert last_before(subject[:0], time[:0], of, day).tolist() == [-1] * 5


def test_the_last_row_before_a_day_is_what_looking_through_all_of_them_finds() -> None:
    random = np.random.default_rng(8)
    subject, time = random.integers(0, 9, 60), random.integers(0, 12, 60).astype(float)
    order = np.lexsort((time, subject))
    subject, time = subject[order], time[order]
    of, day = random.integers(0, 11, 80), random.integers(-1, 14, 80).astype(float)
    by_hand = [
        max((i for i in range(60) if subject[i] == one and time[i] <= until), default=-1)
        for one, until in zip(of, day, strict=True)
    ]
    assert last_before(subject, time, of, day).tolist() == by_hand
