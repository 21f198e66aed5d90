"""Lanes of a timeline: bars and marks; and the lane of children's hearings, the sheriff and the plan in Scotland."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from best_sim.drawing.style import INK
from best_sim.pathway import words as W
from best_sim.pathway.story.happenings import Happening


@dataclass(frozen=True)
class Bar:
    """A stretch of time in a lane."""

    start: float
    end: float
    words: str
    color: str
    ink: str = INK
    hatch: str = ""
    open_end: bool = False


@dataclass(frozen=True)
class Mark:
    """A moment in a lane."""

    at: float
    words: str
    marker: str
    face: str = INK
    edge: str = INK


@dataclass
class Lane:
    """One lane: its name, its bars and marks."""

    name: str
    bars: list[Bar] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.bars or self.marks)


def hearings_lane(told: list[Happening], end: float) -> Lane:
    """Scotland: children's hearings and the sheriff, and what the local authority plans."""
    lane = Lane("Hearings")
    since, words, seen = math.nan, "", set()
    for h in told:
        if h.name in ("referred_to_reporter", "compulsory_order_made", "compulsory_order_ended"):
            if not math.isnan(since):
                lane.bars.append(Bar(since, h.days, words, "#dfe4e9"))
            since = math.nan if h.name == "compulsory_order_ended" else h.days
            words = "referral" if h.name == "referred_to_reporter" else "compulsory supervision"
        if h.name in ("referral_discharged", "grounds_established") and h.code == 0 and not math.isnan(since):
            lane.bars.append(Bar(since, h.days, words, "#dfe4e9"))
            since = math.nan
        told_of = _told_of_hearing(h)
        if told_of:
            label, marker, face = told_of
            once = label if label not in seen else ""  # interim orders and reviews recur
            seen.add(label)
            lane.marks.append(Mark(h.days, once, marker, face))
    if not math.isnan(since):
        lane.bars.append(Bar(since, end, words, "#dfe4e9", open_end=True))
    return lane


def _told_of_hearing(h: Happening) -> tuple[str, str, str] | None:
    """Label, marker and face of what concerns a hearing, the sheriff or the plan."""
    if h.name == "childrens_hearing_held":
        return W.CHILDRENS_HEARINGS[h.code].replace("_", " ") + " hearing", "o", INK
    if h.name == "sheriff_hearing_held":
        return "sheriff: " + W.SHERIFF_HEARINGS[h.code].replace("_", " "), "o", INK
    if h.name == "direction_set":
        return "plan: " + W.DIRECTIONS[h.code].replace("_", " "), "|", INK
    if h.name == "order_made" and h.code >= W.FIRST_SCOTTISH_ORDER:
        return W.ORDERS[h.code].replace("_", " "), "D", INK
    return None
