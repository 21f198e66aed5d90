"""Working days: what courts, authorities and services do waits for one; emergencies and breakdowns wait for none.

Neither at the weekend nor on a bank holiday of the family's jurisdiction are proceedings issued, reports filed, orders
made, or children moved as planned. Hearings are listed in diaries, which have no hours on such days.
"""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.pathway.records import MOST_HOLIDAYS, courts

BEYOND = 60.0
"""Days after the end of the run, from which nobody asks which day of the week it is."""


@rule
def is_working_day(world, jurisdiction, day):
    """Whether a day, counted from day zero, is neither at the weekend nor a bank holiday there."""
    if (int(day) + world.first_weekday) % 7 >= 5:
        return False
    low = 0
    high = MOST_HOLIDAYS
    while low < high:  # the first holiday on or after the day
        middle = (low + high) // 2
        if world.bank_holidays[jurisdiction, middle] < day:
            low = middle + 1
        else:
            high = middle
    return low == MOST_HOLIDAYS or world.bank_holidays[jurisdiction, low] != day


@rule
def first_working_day(world, jurisdiction, day, step):
    """The first working day of a jurisdiction from a day on: later with a step of 1, earlier with one of -1."""
    found = day
    while not is_working_day(world, jurisdiction, found):
        found += step
    return found


@rule
def days_to_working_day(world, f, time, step):
    """Days from a time to the same time of the first working day where the family lives; `step` as there."""
    if time > world.end + BEYOND:
        return 0.0
    day = math.floor(time)
    return math.fabs(first_working_day(world, courts(world, f.court).jurisdiction, day, step) - day)


@rule
def on_working_day(world, f, time):
    """A time, if it is on a working day where the family lives; else the same time of the next working day."""
    return time + days_to_working_day(world, f, time, 1.0)


@rule
def nearest_working_day(world, f, time):
    """The same time of the working day nearest to a time for which something is planned, but not before now."""
    earlier = days_to_working_day(world, f, time, -1.0)
    after = on_working_day(world, f, time)
    brought_forward = time - earlier
    return brought_forward if earlier < after - time and brought_forward >= world.now else after


@rule
def days_until(world, time):
    """Days from now to a time; none where it is past, or differs by rounding."""
    return max(0.0, time - world.now)
