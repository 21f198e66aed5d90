"""What the parameters of where children live do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from every_parameter.effects import Effect, Figure, gives, in_world, moves, rises
from every_parameter.figures import (
    between_arms,
    by_family,
    first_time,
    gap,
    number,
    share,
)
from every_parameter.worlds import (
    ADOPTED,
    AT_HOME_FROM_A_UNIT,
    BREAKS_DOWN,
    EARLY,
    IN_A_UNIT,
    INFANTS,
    KIN,
    NEWBORNS,
    NEXT,
    OLDER,
    TAKEN_FROM_A_UNIT,
    WITH_KIN,
    one_of,
    ordered,
    small,
)
from small_worlds import FOR_EVER, Changes, after, days

from best_sim.pathway import words as W
from best_sim.pathway.journeys import Journeys
from best_sim.scenario import Scenario
from best_sim.scenario.durations import YEAR

MOVED = number(W.MOVED_UNPLANNED)
BACK = number(W.PLACED_ON_RE_ENTRY)
UNPLANNED = "placements.unplanned"
PLANNED = "placements.planned"
BREAKDOWN = "placements.breakdown"
LONG_RUN: Changes = {"simulation.end_date": after(3000)}
WAITS_FOR_ADOPTION: Changes = {**ADOPTED, f"{PLANNED}.adoption_order": days(FOR_EVER)}
IN_LONG_TERM_CARE: Changes = {
    **ordered("care_order"), f"{PLANNED}.long_term_delay": days(10), f"{PLANNED}.long_term_same_carer": 1.0,
}  # fmt: skip
WHERE: dict[str, Changes] = {
    "foster": {}, "kinship_foster": WITH_KIN, "parent_and_baby": IN_A_UNIT, "with_parents": AT_HOME_FROM_A_UNIT,
    "with_parents_first_month": AT_HOME_FROM_A_UNIT, "placed_for_adoption": WAITS_FOR_ADOPTION,
    "long_term_foster": IN_LONG_TERM_CARE, "early_permanence": EARLY,
    "residential": {**OLDER, "placements.unplanned.foster": 1.0,
                    "placements.unplanned.next_placement": one_of(NEXT, "residential")},
}  # fmt: skip
"""Where a child lives whom the hazard of a kind of placement concerns."""
MOVES: Changes = {f"{UNPLANNED}.foster": 1.0}


def need_of_moved(j: Journeys, _: Scenario) -> float:
    """Mean need of families whose children moved unplanned, less that of the others."""
    moved, need = by_family(j, W.MOVED_UNPLANNED) > 0, j.tables["families"]["need"]
    return float(need[moved].mean() - need[~moved].mean())


def back_between(years: float, until: float, since: int = W.HOME) -> Figure:
    """How many come back into care so many years after they left it."""

    def figure(j: Journeys, _: Scenario) -> float:
        left = np.fmin(
            first_time(j, (W.MOVED_AS_PLANNED, since)), first_time(j, (W.STAYED_WITH_CARER, since))
        )
        stayed = (first_time(j, W.PLACED_ON_RE_ENTRY) - left) / YEAR
        return float(((stayed >= years) & (stayed < until)).sum())

    return figure


def aged(years: int) -> Callable[[np.ndarray], np.ndarray]:
    """Families whose youngest child was so many years old at entry."""
    return lambda f: np.floor(f["youngest_days"] / YEAR) == years


def share_moved_to(place: int, how: int = W.MOVED_AS_PLANNED) -> Figure:
    """Share of families whose children came to live there, in this way."""
    return lambda j, _: float(
        (by_family(j, (how, place)) > 0)[~np.isnan(first_time(j, W.ENTERED_CARE))].mean()
    )


BRIDGE: Changes = {"placements.bridging.first_share": 1.0, "placements.bridging.first_share_of_newborns": 1.0}
HOME_AT_LAST: Changes = {**BREAKS_DOWN, **LONG_RUN}
MATCHED = gap(W.ORDER_MADE, (W.PLAN_MADE, W.ADOPTION_PLACEMENT))

HAZARDS: list[Effect] = [
    *(rises(f"{UNPLANNED}.{kind}", 0.0, 1.5, MOVED, world) for kind, world in WHERE.items()),
    rises(f"{UNPLANNED}.age", -0.5, 0.5, MOVED, MOVES),
    rises(f"{UNPLANNED}.need", -1.0, 1.0, need_of_moved, MOVES),
    rises(f"{UNPLANNED}.lift_hazard_ratio", 0.2, 5.0, between_arms(lambda j: by_family(j, W.MOVED_UNPLANNED)), MOVES),
    *(gives(f"{UNPLANNED}.next_placement", one_of(NEXT, other), one_of(NEXT, name), (0.0, 1.0),
            share(W.MOVED_UNPLANNED, W.PLACEMENT_TYPES.index(name)), MOVES, KIN, OLDER)
      for name, other in zip(NEXT, (*NEXT[1:], NEXT[0]), strict=True)),
]  # fmt: skip

BRIDGING: list[Effect] = [
    gives("placements.bridging.first_share", 0.0, 1.0, (0.0, 1.0), share(W.PLACED_ON_ENTRY, W.BRIDGING_FOSTER), OLDER),
    gives("placements.bridging.first_share_of_newborns", 0.0, 1.0, (0.0, 1.0),
          share(W.PLACED_ON_ENTRY, W.BRIDGING_FOSTER), NEWBORNS),
    rises("placements.bridging.again_share", 0.0, 0.9, share(W.MOVED_UNPLANNED, W.BRIDGING_FOSTER), MOVES),
    rises("placements.bridging.again_share", 0.0, 0.9, share(W.MOVED_AS_PLANNED, W.BRIDGING_FOSTER), BRIDGE),
    moves("placements.bridging.stay", days(14), days(28), 14.0, gap(W.PLACED_ON_ENTRY, W.MOVED_AS_PLANNED), BRIDGE,
          within=1.0),
]  # fmt: skip

BEFORE_THE_ORDER: list[Effect] = [
    gives(f"{PLANNED}.to_kin_share", 0.0, 1.0, (0.0, 1.0), share_moved_to(W.KINSHIP_FOSTER), KIN,
          {f"{PLANNED}.to_kin_delay": days(10)}),
    moves(f"{PLANNED}.to_kin_delay", days(14), days(28), 14.0, gap(W.PLACED_ON_ENTRY, W.MOVED_AS_PLANNED), KIN,
          {f"{PLANNED}.to_kin_share": 1.0}, within=1.0),
    gives(f"{PLANNED}.early_permanence_share", 0.0, 1.0, (0.0, 1.0), share_moved_to(W.EARLY_PERMANENCE), EARLY),
    moves(f"{PLANNED}.early_permanence_delay", days(14), days(28), 14.0, gap(W.PLACED_ON_ENTRY, W.MOVED_AS_PLANNED),
          EARLY, within=1.0),
    moves(f"{PLANNED}.early_permanence_match", days(14), days(28), 14.0, MATCHED, EARLY, ADOPTED, within=1.0),
    moves(f"{PLANNED}.unit_stay", days(14), days(28), 14.0, gap(W.PLACED_ON_ENTRY, W.MOVED_AS_PLANNED),
          TAKEN_FROM_A_UNIT, within=1.0),
    gives(f"{PLANNED}.unit_together", 0.0, 1.0, (0.0, 1.0), share_moved_to(W.WITH_PARENTS), TAKEN_FROM_A_UNIT),
    gives(f"{PLANNED}.home_first_share", 0.0, 1.0, (0.0, 1.0), share_moved_to(W.WITH_PARENTS), ordered("home"),
          {f"{PLANNED}.home_delay": days(0)}, within=0.02),
]  # fmt: skip

AFTER_THE_ORDER: list[Effect] = [
    moves(f"{PLANNED}.home_delay", days(14), days(28), 14.0, gap(W.ORDER_MADE, (W.MOVED_AS_PLANNED, W.HOME)),
          ordered("home"), within=1.0),
    moves(f"{PLANNED}.home_on_care_order", days(14), days(28), 14.0, gap(W.ORDER_MADE, (W.STAYED_WITH_CARER, W.HOME)),
          ordered("care_order"), AT_HOME_FROM_A_UNIT, within=1.0),
    moves(f"{PLANNED}.guardians_delay", days(14), days(28), 14.0,
          gap(W.ORDER_MADE, (W.MOVED_AS_PLANNED, W.SPECIAL_GUARDIANSHIP)), ordered("special_guardianship"), KIN,
          within=1.0),
    moves(f"{PLANNED}.adoption_match", days(14), days(28), 14.0, MATCHED, ADOPTED, INFANTS, within=1.0),
    *(moves(f"{PLANNED}.adoption_match_older.{name}", 1.0, 2.0, 28.0,
            gap(W.ORDER_MADE, (W.PLAN_MADE, W.ADOPTION_PLACEMENT), aged(years)), ADOPTED, OLDER,
            {f"{PLANNED}.adoption_match": days(28)}, within=1.0)
      for years, name in enumerate(("one", "two", "three", "four"), start=1)),
    moves(f"{PLANNED}.adoption_placed", days(14), days(28), 14.0,
          gap((W.PLAN_MADE, W.ADOPTION_PLACEMENT), (W.MOVED_AS_PLANNED, W.PLACED_FOR_ADOPTION)), ADOPTED, within=1.0),
    moves(f"{PLANNED}.adoption_order", days(98), days(112), 14.0,
          gap((W.MOVED_AS_PLANNED, W.PLACED_FOR_ADOPTION), (W.STAYED_WITH_CARER, W.ADOPTED)), ADOPTED, within=1.0),
    gives(f"{PLANNED}.no_match_share", 0.0, 1.0, (0.0, 1.0), share_moved_to(W.LONG_TERM_FOSTER), ADOPTED,
          {f"{PLANNED}.no_match_delay": days(10), f"{PLANNED}.long_term_same_carer": 0.0}, within=0.02),
    moves(f"{PLANNED}.no_match_delay", days(14), days(28), 14.0,
          gap(W.ORDER_MADE, (W.MOVED_AS_PLANNED, W.LONG_TERM_FOSTER)), ADOPTED,
          {f"{PLANNED}.no_match_share": 1.0, f"{PLANNED}.long_term_same_carer": 0.0}, within=1.0),
    moves(f"{PLANNED}.long_term_delay", days(14), days(28), 14.0,
          gap(W.ORDER_MADE, (W.STAYED_WITH_CARER, W.LONG_TERM_FOSTER)), IN_LONG_TERM_CARE, within=1.0),
    gives(f"{PLANNED}.long_term_same_carer", 0.0, 1.0, (0.0, 1.0),
          share_moved_to(W.LONG_TERM_FOSTER, W.STAYED_WITH_CARER), IN_LONG_TERM_CARE, within=0.02),
    rises(f"{PLANNED}.guardianship_by_kin", 0.0, 1.0, number((W.CARERS_APPOINTED, W.KINSHIP_FOSTER)),
          IN_LONG_TERM_CARE, WITH_KIN),
    rises(f"{PLANNED}.guardianship_by_foster_carers", 0.0, 1.0, number((W.CARERS_APPOINTED, W.LONG_TERM_FOSTER)),
          IN_LONG_TERM_CARE),
    # a disrupted placement with adopters: another match is looked for, and the child is placed once more
    rises(f"{UNPLANNED}.placed_for_adoption", 0.0, 1.5, number((W.MOVED_AS_PLANNED, W.PLACED_FOR_ADOPTION)),
          WAITS_FOR_ADOPTION),
]  # fmt: skip

BREAKS: list[Effect] = [
    rises(f"{BREAKDOWN}.home_first_year", 0.0, 0.5, back_between(0, 1), HOME_AT_LAST),
    gives(f"{BREAKDOWN}.home_first_year", 0.0, 0.5, (0.0, 0.0), back_between(1, 9), HOME_AT_LAST),
    rises(f"{BREAKDOWN}.home_second_year", 0.0, 1.0, back_between(1, 2), HOME_AT_LAST),
    rises(f"{BREAKDOWN}.home_later", 0.0, 1.0, back_between(2, 9), HOME_AT_LAST),
    rises(f"{BREAKDOWN}.special_guardianship", 0.0, 0.5, BACK, ordered("special_guardianship"), KIN),
    rises(f"{BREAKDOWN}.child_arrangements", 0.0, 0.5, BACK, ordered("child_arrangements"), KIN),
    rises(f"{BREAKDOWN}.adoption", 0.0, 0.5, back_between(0, 5, W.ADOPTED), ADOPTED, LONG_RUN),
    rises(f"{BREAKDOWN}.adoption_later", 0.0, 0.5, back_between(5, 9, W.ADOPTED), ADOPTED, LONG_RUN),
    rises(f"{BREAKDOWN}.issued_again", 0.0, 1.0, number((W.PROCEEDINGS_ISSUED, 1)), HOME_AT_LAST,
          {f"{BREAKDOWN}.home_first_year": 0.5}),
    moves(f"{BREAKDOWN}.issued_again_delay", days(14), days(28), 14.0,
          gap(W.PLACED_ON_RE_ENTRY, (W.PROCEEDINGS_ISSUED, 1)), HOME_AT_LAST,
          {f"{BREAKDOWN}.home_first_year": 0.5, f"{BREAKDOWN}.issued_again": 1.0}, within=1.0),
]  # fmt: skip

EFFECTS = in_world(small, *HAZARDS, *BRIDGING, *BEFORE_THE_ORDER, *AFTER_THE_ORDER, *BREAKS)
