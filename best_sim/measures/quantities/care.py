"""Where children live, how often they move and how long placements last, as the Department for Education counts.

Children in an agreed series of short breaks, whom it leaves out, are not simulated.

References
----------
Department for Education, Children looked after in England including adoptions: methodology; and the guide to its files.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np

from best_sim.measures.observed import Bools, Floats, Ints, day_of, overlap
from best_sim.measures.quantities.definition import Seen, Values, quantity
from best_sim.measures.stability import (
    FOSTER_CARE,
    ended_placements,
    long_in_care,
    placements_in_year,
    returns_to_care,
)
from best_sim.pathway import words as W
from best_sim.scenario.durations import YEAR

_PLACES = {"placement": W.PLACEMENT_TYPES}
_FIRST = {"first_placement": W.PLACEMENT_TYPES, "route": W.ROUTES}
_ENDED = {"ended_by": W.PLACEMENT_REASONS}
_STARTS = ("first", "again")
_MOVES = (W.UNPLANNED, W.PLANNED)
"""A change of carer while in care; a move to fostering-for-adoption carers is one, a new status alone is none."""


# --- on 31 March ----------------------------------------------------------------------------------------------
def _there(seen: Seen, day: float) -> Ints:
    """The stays in care in which children were at the end of a day."""
    stays = seen.stays
    return np.flatnonzero(stays.in_care & (stays.start < day) & (stays.end >= day))


def _on_marches(seen: Seen, first: float, last: float) -> tuple[Ints, Floats]:
    """The stays in care on each 31 March, and the end of that day."""
    days = [day for _, day in seen.marches(first, last)]
    there = [_there(seen, day) for day in days]
    stay = np.concatenate([np.zeros(0, np.int64), *there])
    return stay, np.repeat(np.asarray(days, np.float64), [len(one) for one in there])


def _of_stays(seen: Seen, stay: Ints, at: Floats, value: Floats, **more: Ints) -> Values:
    """Values of children in care: in which placement their period of care began, and how long ago."""
    stays, begun = seen.stays, seen.first_stay[stay]
    route = seen.journeys.tables["families"]["route"][stays.family[stay]].astype(np.int64)
    having = {"first_placement": stays.place[begun], "route": route, **more}
    return seen.of_children(
        stays.child[stay], value=value, at=at, in_care=at - stays.start[begun], having=having
    )


@quantity(
    "children in care on 31 March, by where they live", moment="snapshot", names=W.PLACEMENT_TYPES, in_care=True,
    having=_FIRST,
)  # fmt: skip
def living_with(seen: Seen, first: float, last: float) -> Values:
    """Placement type of each child in care on 31 March."""
    stay, at = _on_marches(seen, first, last)
    return _of_stays(seen, stay, at, seen.stays.place[stay].astype(float))


@quantity(
    "children in foster placements on 31 March: whether with kin", moment="snapshot", names=("other", "kin")
)
def fostered_by(seen: Seen, first: float, last: float) -> Values:
    """Whether foster carers are relatives or friends."""
    stay, at = _on_marches(seen, first, last)
    mine = np.isin(seen.stays.place[stay], FOSTER_CARE)
    stay, at = stay[mine], at[mine]
    return _of_stays(seen, stay, at, (seen.stays.place[stay] == W.KINSHIP_FOSTER).astype(float))


@quantity(
    "children in care on 31 March, by the last order made", moment="snapshot", names=W.ORDERS, having=_PLACES
)
def order_held(seen: Seen, first: float, last: float) -> Values:
    """The last order that each child in care on 31 March had; with a placement order and not yet placed: waiting."""
    stay, at = _on_marches(seen, first, last)
    group = seen.journeys.tables["children"]["group"][seen.stays.child[stay]].astype(np.int64)
    order, made = seen.order_by(group, at)
    begun = seen.stays.start[seen.first_stay[stay]]
    order = np.where(made >= begun, order, W.NO_ORDER_YET)  # an order of an earlier period of care has ended
    return seen.of_children(
        seen.stays.child[stay], value=order.astype(float), at=at, having={"placement": seen.stays.place[stay]}
    )


@quantity(
    "children in care on 31 March: placements open during the year to it", "placements", "snapshot", in_care=True,
    having=_FIRST, before=YEAR,
)  # fmt: skip
def placements_in_year_to_march(seen: Seen, first: float, last: float) -> Values:
    """Placements of the year, of each child in care at its end."""
    return _placements(seen, first, last, 1)


@quantity(
    "children in care on 31 March and in the year before this one: placements open during the two years", "placements",
    "snapshot", in_care=True, having=_FIRST, before=2 * YEAR + 1.0,
)  # fmt: skip
def placements_in_two_years_to_march(seen: Seen, first: float, last: float) -> Values:
    """Placements of two years, of each child in care at their end and for at least a day of the first of them."""
    rows = _placements(seen, first, last, 2)
    stays, use = seen.stays, np.zeros(len(rows.value), bool)
    for year, day in seen.marches(first, last):
        since, until = (day_of(seen.journeys, dt.date(y, 4, 1)) for y in (year - 2, year - 1))
        days = np.where(stays.in_care, overlap(stays.start, stays.end, since, until), 0.0)
        had = np.bincount(stays.child, days, minlength=len(seen.born)) > 0.0
        mine = rows.at == day
        use[mine] = had[_children_at(seen, day)]
    return rows[use]


def _children_at(seen: Seen, day: float) -> Ints:
    return seen.stays.child[_there(seen, day)]


def _placements(seen: Seen, first: float, last: float, years: int) -> Values:
    stay, at = _on_marches(seen, first, last)
    since = first - 366.0 * (years + 1)
    table = placements_in_year(seen.journeys, since=since, until=last, years=years)
    n = len(seen.born)
    count = np.zeros(len(stay))
    for year, day in seen.marches(first, last):
        of_year = table[table["year"] == year]
        by_child = np.zeros(n)
        by_child[of_year["child"].to_numpy()] = of_year["placements"].to_numpy()
        mine = at == day
        count[mine] = by_child[seen.stays.child[stay[mine]]]
    return _of_stays(seen, stay, at, count)


@quantity(
    "children under 16 in care on 31 March and since 30 September two and a half years before: whether in the same "
    "placement since 31 March two years before", moment="snapshot", names=("moved", "same_carer"), before=2.5 * YEAR,
)  # fmt: skip
def same_carer_two_years(seen: Seen, first: float, last: float) -> Values:
    """Whether children long in care have been with the same carer for two years."""
    table = long_in_care(seen.journeys, since=first)
    return seen.of_children(
        table["child"].to_numpy(), value=table["same_carer"].to_numpy(float), at=table["day"].to_numpy(float)
    )


# --- moves ----------------------------------------------------------------------------------------------------
def _moves(
    seen: Seen, first: float, last: float, which: tuple[int, ...], places: tuple[int, ...] = ()
) -> Values:
    """Moves of the period with no exposure, and children in care on its 31 Marches with one each."""
    stays = seen.stays
    use = stays.in_care & np.isin(stays.began_by, which) & (stays.start > first) & (stays.start <= last)
    if places:
        left = np.append(-1, stays.place[:-1])
        use &= np.isin(left, places)
    moved = np.flatnonzero(use)
    stay, at = _on_marches(seen, first, last)
    if places:
        mine = np.isin(stays.place[stay], places)
        stay, at = stay[mine], at[mine]
    return seen.of_children(
        np.append(stays.child[moved], stays.child[stay]),
        value=np.append(np.ones(len(moved)), np.zeros(len(stay))),
        at=np.append(stays.start[moved], at),
        exposure=np.append(np.zeros(len(moved)), np.ones(len(stay))),
    )


@quantity(
    "changes of carer in the years, per child in care at their ends", "moves a child-year", windowed=True
)
def moves(seen: Seen, first: float, last: float) -> Values:
    """Every change of carer, by the child's age then."""
    return _moves(seen, first, last, _MOVES)


@quantity("the same, those alone that no plan made", "moves a child-year", windowed=True)
def moves_not_planned(seen: Seen, first: float, last: float) -> Values:
    """Unplanned changes of carer, by the child's age then."""
    return _moves(seen, first, last, (W.UNPLANNED,))


@quantity(
    "foster placements that ended unplanned in the years, per child in one at their ends",
    "endings a child-year",
    windowed=True,
)
def foster_endings_not_planned(seen: Seen, first: float, last: float) -> Values:
    """Unplanned endings of foster placements."""
    return _moves(seen, first, last, (W.UNPLANNED,), FOSTER_CARE)


@quantity("changes of carer, per year of time in care", "moves a child-year", windowed=True)
def moves_by_time(seen: Seen, first: float, last: float) -> Values:
    """Every change of carer, and the time in care of the period; not by age, which time passes through."""
    stays = seen.stays
    care = stays.in_care
    days = np.where(care, overlap(stays.start, stays.end, first, last), 0.0) / YEAR
    moved = care & np.isin(stays.began_by, _MOVES) & (stays.start > first) & (stays.start <= last)
    use = days > 0.0
    return seen.of_children(
        stays.child[use], value=moved[use].astype(float), at=np.full(int(use.sum()), last), exposure=days[use]
    )


@quantity("moves: whether planned", names=("unplanned", "planned"))
def kind_of_move(seen: Seen, first: float, last: float) -> Values:
    """Each change of carer, by whether a plan made it."""
    stays = seen.stays
    use = np.flatnonzero(stays.in_care & np.isin(stays.began_by, _MOVES))
    planned = (stays.began_by[use] == W.PLANNED).astype(float)
    return seen.of_children(stays.child[use], value=planned, at=stays.start[use])


# --- placements that ended ------------------------------------------------------------------------------------
def _ended(seen: Seen, types: tuple[int, ...]) -> Values:
    table = ended_placements(seen.journeys, types)
    why = table["ended_by"].cat.codes.to_numpy(np.int64)
    return seen.of_children(
        table["child"].to_numpy(), value=table["days"].to_numpy(float), at=table["at"].to_numpy(float),
        having={"ended_by": why},
    )  # fmt: skip


@quantity("foster placements that ended: how long they had lasted", "days", having=_ENDED)
def ended_foster_days(seen: Seen, first: float, last: float) -> Values:
    """Length of ended foster placements, kinship foster care among them."""
    return _ended(seen, FOSTER_CARE)


@quantity("placements with parents that ended: how long they had lasted", "days", having=_ENDED)
def ended_with_parents_days(seen: Seen, first: float, last: float) -> Values:
    """Length of ended placements with parents."""
    return _ended(seen, (W.WITH_PARENTS,))


@quantity("adoptive placements that ended: how long they had lasted", "days", having=_ENDED)
def ended_adoptive_days(seen: Seen, first: float, last: float) -> Values:
    """Length of ended adoptive placements: to the order, or to a disruption."""
    return _ended(seen, (W.PLACED_FOR_ADOPTION,))


@quantity(
    "placements in mother-and-baby units and hospitals that ended: how long they had lasted",
    "days",
    having=_ENDED,
)
def ended_unit_days(seen: Seen, first: float, last: float) -> Values:
    """Length of ended stays in units and hospitals, which are published as one."""
    return _ended(seen, (W.PARENT_AND_BABY, W.HOSPITAL))


# --- coming into care -----------------------------------------------------------------------------------------
@quantity(
    "children who start to be looked after, by first placement", names=W.PLACEMENT_TYPES,
    having={"start": _STARTS, "route": W.ROUTES},
)  # fmt: skip
def starts(seen: Seen, first: float, last: float) -> Values:
    """First placement of each period of care, by the child's age then."""
    stays = seen.stays
    use = np.flatnonzero(
        np.isin(stays.began_by, (W.AT_ENTRY, W.RE_ENTRY)) & (stays.start <= seen.journeys.end)
    )
    route = seen.journeys.tables["families"]["route"][stays.family[use]].astype(np.int64)
    again = (stays.began_by[use] == W.RE_ENTRY).astype(np.int64)
    return seen.of_children(
        stays.child[use], value=stays.place[use].astype(float), at=stays.start[use],
        having={"start": again, "route": route},
    )  # fmt: skip


@quantity(
    "first placements in foster care: whether with kin", names=("other", "kin"), having={"start": _STARTS}
)
def first_foster_carers(seen: Seen, first: float, last: float) -> Values:
    """Of children who start to be looked after in foster care: whether the carers are relatives or friends."""
    rows = starts.rows(seen, first, last)
    mine = rows[np.isin(rows.value, FOSTER_CARE)]
    return replace(mine, value=(mine.value == W.KINSHIP_FOSTER).astype(float))


@quantity("families of which several children come into care: whether placed apart", names=("together", "apart"),
          having={"siblings": ("one", "two_or_more")})  # fmt: skip
def siblings_apart(seen: Seen, first: float, last: float) -> Values:
    """By the day of the first entry; siblings are those of the same family who come into care under five."""
    f = seen.journeys.tables["families"]
    family = np.flatnonzero((f["n_children"] > 1) & (f["entered"] <= seen.journeys.end))
    siblings = np.minimum(f["n_children"][family] - 2, 1).astype(np.int64)
    return seen.of_families(
        family, value=(f["n_groups"][family] > 1).astype(float), at=f["entered"][family].astype(np.float64),
        having={"siblings": siblings},
    )  # fmt: skip


@quantity("children who come into care for the first time, by legal route", names=W.ROUTES, having=_PLACES)
def route_into_care(seen: Seen, first: float, last: float) -> Values:
    """Legal route of each child's first entry."""
    stays = seen.stays
    use = np.flatnonzero((stays.began_by == W.AT_ENTRY) & (stays.start <= seen.journeys.end))
    route = seen.journeys.tables["families"]["route"][stays.family[use]].astype(float)
    return seen.of_children(
        stays.child[use], value=route, at=stays.start[use], having={"placement": stays.place[use]}
    )


@quantity(
    "children who come into care for the first time: their age",
    "years",
    having={**_PLACES, "route": W.ROUTES},
)
def age_at_start(seen: Seen, first: float, last: float) -> Values:
    """Age at first entry."""
    stays = seen.stays
    use = np.flatnonzero((stays.began_by == W.AT_ENTRY) & (stays.start <= seen.journeys.end))
    child = stays.child[use]
    route = seen.journeys.tables["families"]["route"][stays.family[use]].astype(np.int64)
    return seen.of_children(
        child, value=(stays.start[use] - seen.born[child]) / YEAR, at=stays.start[use],
        having={"placement": stays.place[use], "route": route},
    )  # fmt: skip


# --- coming back ----------------------------------------------------------------------------------------------
_BACK = ("stayed", "back")


def _returns(seen: Seen, years: float) -> Values:
    table = returns_to_care(seen.journeys, within=years * YEAR)
    return seen.of_children(
        table["child"].to_numpy(), value=table["back"].to_numpy(float), at=table["home_days"].to_numpy(float)
    )


@quantity("children who went home from care: whether back in care within a year", names=_BACK)
def back_within_a_year(seen: Seen, first: float, last: float) -> Values:
    """Return to care within a year of going home."""
    return _returns(seen, 1.0)


@quantity("children who went home from care: whether back in care within two years", names=_BACK)
def back_within_two_years(seen: Seen, first: float, last: float) -> Values:
    """Return to care within two years of going home."""
    return _returns(seen, 2.0)


@quantity("children who went home from care: whether back in care within five years", names=_BACK)
def back_within_five_years(seen: Seen, first: float, last: float) -> Values:
    """Return to care within five years of going home."""
    return _returns(seen, 5.0)


def same_child_before(child: Ints) -> Bools:
    """For each element of an array in order of child, whether the one before is of the same child."""
    return np.append(False, child[1:] == child[:-1]) if len(child) else np.zeros(0, bool)


ALL = (
    living_with,
    fostered_by,
    order_held,
    placements_in_year_to_march,
    placements_in_two_years_to_march,
    same_carer_two_years,
    moves,
    moves_not_planned,
    foster_endings_not_planned,
    moves_by_time,
    kind_of_move,
    ended_foster_days,
    ended_with_parents_days,
    ended_adoptive_days,
    ended_unit_days,
    starts,
    first_foster_carers,
    siblings_apart,
    route_into_care,
    age_at_start,
    back_within_a_year,
    back_within_two_years,
    back_within_five_years,
)
"""All quantities of this module."""
