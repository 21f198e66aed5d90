"""How children leave care: home, to special guardians, adopted; after how long, by which steps; does it last."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from best_sim.measures.observed import Floats, Ints
from best_sim.measures.quantities.care import same_child_before
from best_sim.measures.quantities.definition import Seen, Values, last_before, quantity
from best_sim.pathway import words as W
from best_sim.scenario.durations import MONTH, YEAR

ADOPTED, GUARDIANSHIP, ARRANGEMENTS, HOME = range(4)
EXITS = ("adopted", "special_guardianship", "child_arrangements", "home")
_EXIT = {"exit": EXITS, "order": W.ORDERS}
_ARRIVED = ("not_yet", "arrived")


def _left(seen: Seen) -> tuple[Ints, Ints, Ints]:
    """Stays with which a child left care; to what, by number in `EXITS`; the order that the child had by then."""
    stays = seen.stays
    before = np.append(False, stays.in_care[:-1]) & same_child_before(stays.child)
    use = np.flatnonzero(before & ~stays.in_care & (stays.start <= seen.journeys.end))
    group = seen.journeys.tables["children"]["group"][stays.child[use]].astype(np.int64)
    order, _ = seen.order_by(group, stays.start[use])
    place = stays.place[use]
    to: Ints = np.full(len(use), GUARDIANSHIP)
    to[np.isin(order, (W.CHILD_ARRANGEMENTS, W.KINSHIP_CARE_ORDER))] = ARRANGEMENTS
    to[place == W.ADOPTED] = ADOPTED
    to[place == W.HOME] = HOME
    return use, to, order


def _exits(seen: Seen) -> tuple[Ints, Ints, Ints]:
    return seen.once(_left)


def _of_exits(seen: Seen, stay: Ints, value: Floats, **more: Ints) -> Values:
    stays = seen.stays
    at = stays.start[stay]
    return seen.of_children(
        stays.child[stay],
        value=value,
        at=at,
        in_care=at - stays.start[seen.first_stay[stay - 1]],
        having=more,
    )


@quantity("children who leave care, by how", names=EXITS, in_care=True, having={"order": W.ORDERS})
def exits(seen: Seen, first: float, last: float) -> Values:
    """How each child left care, by the child's age then."""
    stay, to, order = _exits(seen)
    return _of_exits(seen, stay, to.astype(float), order=order)


@quantity("children who leave care: how long they had been in it", "days",
          having={**_EXIT, "first_placement": W.PLACEMENT_TYPES})  # fmt: skip
def days_in_care_at_exit(seen: Seen, first: float, last: float) -> Values:
    """Length of the period of care that ends."""
    stay, to, order = _exits(seen)
    begun = seen.first_stay[stay - 1]
    days = seen.stays.start[stay] - seen.stays.start[begun]
    return _of_exits(seen, stay, days, exit=to, order=order, first_placement=seen.stays.place[begun])


@quantity("children who leave care: placements during all their periods of care", "placements", having=_EXIT)
def placements_by_exit(seen: Seen, first: float, last: float) -> Values:
    """Placements so far, a new status with the same carer not counted."""
    stays = seen.stays
    new = np.cumsum(stays.in_care & (stays.began_by != W.SAME_CARER))
    stay, to, order = _exits(seen)
    begins = np.flatnonzero(~same_child_before(stays.child))
    of = begins[np.searchsorted(begins, stay, side="right") - 1]
    return _of_exits(seen, stay, (new[stay] - new[of] + 1).astype(float), exit=to, order=order)


@quantity("children who leave care: periods of care so far", "periods", having=_EXIT)
def periods_by_exit(seen: Seen, first: float, last: float) -> Values:
    """Periods of care, the one that ends among them."""
    stays = seen.stays
    begun: Ints = np.cumsum(np.isin(stays.began_by, (W.AT_ENTRY, W.RE_ENTRY)))
    stay, to, order = _exits(seen)
    begins = np.flatnonzero(~same_child_before(stays.child))
    of = begins[np.searchsorted(begins, stay, side="right") - 1]
    return _of_exits(seen, stay, (begun[stay] - begun[of] + 1).astype(float), exit=to, order=order)


@quantity("children who leave care, by where they lived last", names=W.PLACEMENT_TYPES, having=_EXIT)
def last_placement(seen: Seen, first: float, last: float) -> Values:
    """The last placement of the period of care that ends."""
    stay, to, order = _exits(seen)
    return _of_exits(seen, stay, seen.stays.place[stay - 1].astype(float), exit=to, order=order)


GUARDIANS = ("kin_who_fostered", "other_who_fostered", "not_fostering")


@quantity("special guardianship orders of children in care, by who the guardians were", names=GUARDIANS)
def guardians(seen: Seen, first: float, last: float) -> Values:
    """Who the special guardians were to the child before the order."""
    stays = seen.stays
    stay, to, _ = _exits(seen)
    stay = stay[to == GUARDIANSHIP]
    stayed, before = stays.began_by[stay] == W.SAME_CARER, stays.place[stay - 1]
    who = np.where(stayed, np.where(before == W.KINSHIP_FOSTER, 0, 1), 2)
    return _of_exits(seen, stay, who.astype(float))


# --- adoption, step by step -----------------------------------------------------------------------------------
def _adoptions(seen: Seen) -> tuple[Ints, Ints]:
    """Stays with which adopted children began to be adopted, and those with which they were placed for it."""
    stays = seen.stays
    stay, to, _ = _exits(seen)
    stay = stay[to == ADOPTED]
    placed = stays.place[stay - 1] == W.PLACED_FOR_ADOPTION
    return stay[placed], stay[placed] - 1


def _matched(seen: Seen, child: Ints, placed: Floats) -> Floats:
    """When each child was matched: the last plan to place for adoption before it was placed."""
    r = seen.journeys.record
    plans = r[(r["event"] == W.PLAN_MADE) & (r["value"] == W.ADOPTION_PLACEMENT)]
    plans = plans[np.lexsort((plans["time"], plans["subject"]))]
    group = seen.journeys.tables["children"]["group"][child].astype(np.int64)
    at = last_before(plans["subject"], plans["time"], group, placed)
    return np.where(at >= 0, plans["time"][np.maximum(at, 0)], np.nan) if len(plans) else placed * np.nan


def _step(seen: Seen, which: str) -> Values:
    """Months between two steps, of adopted children; of those adopted from their first period of care."""
    stays = seen.stays
    adopted, placed = _adoptions(seen)
    first = stays.began_by[seen.first_stay[placed]] == W.AT_ENTRY
    adopted, placed = adopted[first], placed[first]
    child = stays.child[adopted]
    entered, began = stays.start[seen.first_stay[placed]], stays.start[placed]
    group = seen.journeys.tables["children"]["group"][child].astype(np.int64)
    decided = seen.journeys.tables["groups"]["approved_at"][group].astype(np.float64)
    if which == "entry_to_placed":
        days = began - entered
    elif which == "entry_to_decision":
        days = decided - entered
    elif which == "decision_to_match":
        days = _matched(seen, child, began) - decided
    elif which == "order_to_match":
        days = _matched(seen, child, began) - seen.order_by(group, began)[1]
    elif which == "match_to_placed":
        days = began - _matched(seen, child, began)
    elif which == "entry_to_order":
        days = stays.start[adopted] - entered
    else:
        days = stays.start[adopted] - began
    return seen.of_children(child, value=days / MONTH, at=stays.start[adopted])


@quantity("adopted children: from entry to care until placed for adoption", "months")
def entry_to_placed(seen: Seen, first: float, last: float) -> Values:
    """By the year of the adoption order."""
    return _step(seen, "entry_to_placed")


@quantity("adopted children: from entry to care until the agency's decision", "months")
def entry_to_decision(seen: Seen, first: float, last: float) -> Values:
    """By the year of the adoption order."""
    return _step(seen, "entry_to_decision")


@quantity("adopted children: from the agency's decision to the match", "months")
def decision_to_match(seen: Seen, first: float, last: float) -> Values:
    """By the year of the adoption order."""
    return _step(seen, "decision_to_match")


@quantity("adopted children: from the placement order to the match", "months")
def placement_order_to_match(seen: Seen, first: float, last: float) -> Values:
    """By the year of the adoption order."""
    return _step(seen, "order_to_match")


@quantity("adopted children: from the match until placed", "months")
def match_to_placed(seen: Seen, first: float, last: float) -> Values:
    """By the year of the adoption order."""
    return _step(seen, "match_to_placed")


@quantity("adopted children: from placed until the adoption order", "months")
def placed_to_order(seen: Seen, first: float, last: float) -> Values:
    """By the year of the adoption order."""
    return _step(seen, "placed_to_order")


@quantity("adopted children: from entry to care to the adoption order", "months")
def entry_to_adoption(seen: Seen, first: float, last: float) -> Values:
    """By the year of the adoption order."""
    return _step(seen, "entry_to_order")


@quantity("children adopted within four years of entry: from entry to care to the adoption order", "months")
def entry_to_adoption_within_four_years(seen: Seen, first: float, last: float) -> Values:
    """By the day of entry: of those who entered in a period, as a study that follows them for four years sees it."""
    rows = _step(seen, "entry_to_order")
    entered = rows.at - rows.value * MONTH
    rows = replace(rows, at=entered)
    return rows[(rows.value < 4.0 * YEAR / MONTH) & (entered <= seen.journeys.end - 4.0 * YEAR)]


@quantity(
    "adopted children: whether by the carer with whom they lived already", names=("new_carer", "same_carer")
)
def adopters(seen: Seen, first: float, last: float) -> Values:
    """Whether the adopters had fostered the child: no move when placed, or a foster placement with them before."""
    adopted, placed = _adoptions(seen)
    same = seen.stays.began_by[placed] == W.SAME_CARER
    return seen.of_children(seen.stays.child[adopted], value=same.astype(float), at=seen.stays.start[adopted])


# --- where they are later -------------------------------------------------------------------------------------
def _later(seen: Seen, years: float) -> Values:
    """Where each child lived so long after first coming into care; in place of the time of the entry, that day."""
    stays = seen.stays
    c = seen.journeys.tables["children"]
    entered = seen.journeys.tables["families"]["entered"][c["family"][stays.child]]
    day = entered + years * YEAR
    use = np.flatnonzero((stays.start <= day) & (stays.end > day) & (day <= seen.journeys.end))
    return seen.of_children(
        stays.child[use], value=stays.place[use].astype(float), at=np.asarray(entered[use], np.float64)
    )


@quantity("children who came into care two years ago, by where they live", names=W.PLACEMENT_TYPES)
def lives_after_two_years(seen: Seen, first: float, last: float) -> Values:
    """By the day of entry."""
    return _later(seen, 2.0)


@quantity("children who came into care four years ago, by where they live", names=W.PLACEMENT_TYPES)
def lives_after_four_years(seen: Seen, first: float, last: float) -> Values:
    """By the day of entry."""
    return _later(seen, 4.0)


def _permanent(seen: Seen, years: float) -> Values:
    """Whether permanence came within a time from entry; the exposure is the time until it came, in years."""
    j = seen.journeys
    c = j.tables["children"][j.lived]
    entered = j.tables["families"]["entered"][c["family"]].astype(np.float64)
    wait = (j.tables["groups"]["permanent_at"][c["group"]] - entered) / YEAR
    use = entered + years * YEAR <= j.end
    came = np.where(np.isnan(wait), np.inf, wait)[use]
    return seen.of_children(
        j.lived[use], value=(came <= years).astype(float), at=entered[use], exposure=np.clip(came, 0.0, years)
    )


@quantity("children: whether permanently placed within a year of entry", names=_ARRIVED)
def permanent_within_a_year(seen: Seen, first: float, last: float) -> Values:
    """As a rate, permanent placements a year of waiting within the first year; by the day of entry."""
    return _permanent(seen, 1.0)


@quantity("children: whether permanently placed within 2.5 years of entry", names=_ARRIVED)
def permanent_within_thirty_months(seen: Seen, first: float, last: float) -> Values:
    """As a rate, permanent placements a year of waiting within 2.5 years; by the day of entry."""
    return _permanent(seen, 2.5)


@quantity("children: whether permanently placed within four years of entry", names=_ARRIVED)
def permanent_within_four_years(seen: Seen, first: float, last: float) -> Values:
    """As a rate, permanent placements a year of waiting within four years; by the day of entry."""
    return _permanent(seen, 4.0)


@quantity(
    "children who left care for good: whether back within five years", names=("lasted", "ended"), having=_EXIT
)
def ended_within_five_years(seen: Seen, first: float, last: float) -> Values:
    """Whether an adoption, a guardianship or a return home ended in care again; by the day of the exit."""
    stays = seen.stays
    stay, to, order = _exits(seen)
    known = stays.start[stay] <= seen.journeys.end - 5.0 * YEAR
    stay, to, order = stay[known], to[known], order[known]
    back = (stays.ended_by[stay] == W.RE_ENTRY) & (stays.end[stay] - stays.start[stay] <= 5.0 * YEAR)
    return _of_exits(seen, stay, back.astype(float), exit=to, order=order)


@quantity("children who left care: whether back within a year", names=("lasted", "ended"), having=_EXIT)
def ended_within_a_year(seen: Seen, first: float, last: float) -> Values:
    """Whether an exit of any kind was followed by care again; by the day of the exit."""
    stays = seen.stays
    stay, to, order = _exits(seen)
    known = stays.start[stay] <= seen.journeys.end - YEAR
    stay, to, order = stay[known], to[known], order[known]
    back = (stays.ended_by[stay] == W.RE_ENTRY) & (stays.end[stay] - stays.start[stay] <= YEAR)
    return _of_exits(seen, stay, back.astype(float), exit=to, order=order)


ALL = (
    exits,
    days_in_care_at_exit,
    placements_by_exit,
    periods_by_exit,
    last_placement,
    guardians,
    entry_to_placed,
    entry_to_decision,
    decision_to_match,
    placement_order_to_match,
    match_to_placed,
    placed_to_order,
    entry_to_adoption,
    entry_to_adoption_within_four_years,
    adopters,
    lives_after_two_years,
    lives_after_four_years,
    permanent_within_a_year,
    permanent_within_thirty_months,
    permanent_within_four_years,
    ended_within_five_years,
    ended_within_a_year,
)
"""All quantities of this module."""
