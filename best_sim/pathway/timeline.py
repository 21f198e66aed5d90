"""One child's time in lanes: home, proceedings, service, trial; and the same child in the other service.

Every label has a place of its own: labels of a lane are set in rows so that none touches another, and the
figure grows as it needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import (
    FAINT,
    INK,
    PAPER,
    RULE,
    SIZE,
    SMALL,
    SOFT,
    TINY,
    Sheet,
    arm_look,
    place_look,
    styled,
    text_width,
)
from best_sim.pathway import words as W
from best_sim.pathway.lanes import Bar, Lane, Mark, hearings_lane
from best_sim.pathway.records import counted_from
from best_sim.pathway.story.happenings import Happening, happenings
from best_sim.pathway.story.telling import VISIT_NAMES
from best_sim.pathway.story.who import choose_child
from best_sim.scenario.durations import MONTH

if TYPE_CHECKING:
    from best_sim.pathway.journeys import Journeys

WIDTH, LEFT, RIGHT = 11.0, 1.28, 0.35
ROW, BAR, GAP = 0.165, 0.24, 0.17
_SHORT_PLACE = {
    "foster": "foster care",
    "kinship_foster": "kinship foster",
    "parent_and_baby": "parent and baby",
    "with_parents": "with parents (order)",
    "placed_for_adoption": "placed for adoption",
    "adopted": "adopted",
    "special_guardianship": "guardianship or kin",
    "long_term_foster": "long-term foster",
    "residential": "residential",
    "home": "home",
    "bridging_foster": "short-notice foster",
    "hospital": "hospital",
    "early_permanence": "may adopt",
    "of_age": "adult",
}
_SHORT_ORDER = {
    "supervision_order": "supervision order",
    "no_order": "no order",
    "special_guardianship_order": "special guardianship order",
    "child_arrangements_order": "child arrangements order",
    "placement_order": "placement order",
    "care_order": "care order",
}
_SHORT_HEARING = {
    "interim": "interim",
    "case_management": "case management",
    "issues_resolution": "issues resolution",
    "final": "final",
}
_SHORT_RECEIPT = {
    "received": "received",
    "family_declined": "family declined",
    "waited_too_long": "waited too long",
    "order_made_first": "court decided first",
    "withdrew": "withdrew",
    "not_assessed": "not assessed",
    "court_would_not_wait": "court would not wait",
    "not_possible": "not possible",
}


@dataclass(frozen=True)
class _Label:
    at: float
    """Where its line starts, inches."""
    left: float
    words: str
    row: int
    color: str
    ink: str


# --- what is drawn ------------------------------------------------------------------------------------------
def lanes_of(journeys: Journeys, child: int, end: float) -> list[Lane]:
    """The lanes of one child: what is drawn, in days since the start, up to `end`."""
    told = happenings(journeys, child)
    c = journeys.tables["children"][child]
    f = journeys.tables["families"][int(c["family"])]
    court, hearings = _court(told, end), hearings_lane(told, end)
    if hearings:  # in Scotland the report is for the reviews; there is no court that waits for it
        court.marks, hearings.marks = [], sorted(hearings.marks + court.marks, key=lambda mark: mark.at)
    return [
        lane
        for lane in (
            _lives(told, end),
            court,
            hearings,
            _service(told, f, end),
            _carers(told, end),
            _trial(told),
        )
        if lane
    ]


def _lives(told: list[Happening], end: float) -> Lane:
    lane = Lane("Lives")
    placed = [h for h in told if h.event in W.PLACED]
    for k, h in enumerate(placed):
        kind = W.PLACEMENT_TYPES[h.code]
        look = place_look(kind)
        until = placed[k + 1].days if k + 1 < len(placed) else end
        lane.bars.append(
            Bar(
                h.days,
                until,
                _SHORT_PLACE.get(kind, kind),
                look.color,
                look.ink,
                open_end=k + 1 == len(placed),
            )
        )
        if h.event == W.MOVED_UNPLANNED:
            lane.marks.append(Mark(h.days, "", "v", INK))
        if h.event == W.PLACED_ON_RE_ENTRY:
            lane.marks.append(Mark(h.days, "back into care", "v", PAPER))
    return lane


def _court(told: list[Happening], end: float) -> Lane:
    lane = Lane("Court")
    opened = math.nan
    orders = [h for h in told if h.name == "order_made"]
    for h in told:
        if h.name == "proceedings_issued":
            opened = h.days
            lane.marks.append(Mark(h.days, f"issued {say_when(h)}", "|"))
        elif h.event in W.HEARING_HELD:
            kind = _SHORT_HEARING[W.HEARINGS[h.code]]
            if h.event == W.HEARING_EFFECTIVE:
                lane.marks.append(Mark(h.days, kind, "o"))
            else:
                why = ", no evidence" if h.event == W.HEARING_ADJOURNED_FOR_EVIDENCE else ""
                lane.marks.append(Mark(h.days, f"{kind}, adjourned{why}", "o", PAPER))
        elif h.name == "evidence_in":
            lane.marks.append(Mark(h.days, "evidence in", "s", PAPER))
        elif h.name == "case_decided":
            weeks = f"after {say.number((h.days - opened) / 7)} weeks"
            made = [_SHORT_ORDER[W.ORDERS[o.code]] for o in orders if o.days == h.days]
            lane.bars.append(Bar(opened, h.days, "", "#dfe4e9"))
            if lane.marks and lane.marks[-1].at == h.days:  # the hearing at which it was decided
                lane.marks[-1] = Mark(
                    h.days, f"{lane.marks[-1].words}: {made[0] if made else 'decided'}, {weeks}", "D"
                )
            else:
                lane.marks.append(Mark(h.days, f"{made[0] if made else 'decided'}, {weeks}", "D"))
            opened = math.nan
    if not math.isnan(opened):
        lane.bars.append(Bar(opened, end, "not decided", "#dfe4e9", open_end=True))
    return lane


def say_when(happening: Happening) -> str:
    """Whether proceedings are the first or later ones."""
    return "again" if happening.code else ""


def _service(told: list[Happening], f: np.void, end: float) -> Lane:
    arm = W.ARMS[int(f["arm"])]
    look = arm_look(arm)
    lane = Lane(arm if arm != "not allocated" else "Assessment")
    pale = {"LIFT": "#a9cfe6", "SAU": "#f6d79a"}.get(arm, "#d9dde2")
    asked = started = assessed = treated = math.nan
    for h in told:
        if h.name == "lift_asked":
            asked = h.days
        elif h.name == "lift_started":
            started = h.days
            if started - asked >= 1:
                lane.bars.append(
                    Bar(asked, started, f"waits {say.span(started - asked)}", PAPER, hatch="////")
                )
        elif h.name == "lift_assessed":
            assessed = h.days
            lane.bars.append(Bar(started, assessed, "assessment", pale))
            lane.marks.append(Mark(assessed, "treatment indicated" if h.code == 1 else "meeting", "|"))
        elif h.name == "lift_recommended":
            lane.marks.append(
                Mark(h.days, "advises return" if h.code == 1 else "does not advise return", "s")
            )
        elif h.name == "treatment_started":
            treated = h.days
        elif h.name == "treatment_reviewed":
            lane.marks.append(Mark(h.days, "review", "|"))
        elif h.name == "treatment_ended":
            lane.bars.append(
                Bar(
                    treated,
                    h.days,
                    "treatment" if h.code == 1 else "treatment, broken off",
                    look.color,
                    look.ink,
                )
            )
            treated = math.nan
        elif h.name == "service_settled":
            receipt = W.RECEIPTS[h.code]
            if receipt != "received":
                if math.isnan(started) and not math.isnan(asked) and h.days - asked >= 1:
                    lane.bars.append(Bar(asked, h.days, "waits", PAPER, hatch="////"))
                if not math.isnan(started) and math.isnan(assessed):
                    lane.bars.append(Bar(started, h.days, "assessment", pale))
                lane.marks.append(Mark(h.days, f"not received: {_SHORT_RECEIPT.get(receipt, receipt)}", "x"))
    if not math.isnan(treated):
        lane.bars.append(Bar(treated, end, "treatment", look.color, look.ink, open_end=True))
    who = {
        "in_house": "in-house", "independent_social_worker": "independent social worker",
        "external_expert": "external expert",
    }  # fmt: skip
    open_since: dict[int, tuple[float, str]] = {}
    for h in told:
        if h.name == "assessment_started":
            name = W.ASSESSORS[h.code]
            words = (
                "social worker's statement"
                if name == "social_work_statement"
                else f"assessment, {who.get(name, name)}"
            )
            open_since[h.subject] = (h.days, words)
        elif h.name in ("evidence_in", "case_decided", "assessment_left") and h.subject in open_since:
            begun, words = open_since.pop(h.subject)
            broken = h.name != "evidence_in"
            lane.bars.append(
                Bar(
                    begun,
                    h.days,
                    words + (", not finished" if broken else ""),
                    "#d9dde2" if arm == "LIFT" else pale,
                )
            )
    for begun, words in open_since.values():
        lane.bars.append(Bar(begun, end, words, pale, open_end=True))
    return lane


def _carers(told: list[Happening], end: float) -> Lane:
    """LIFT's work with those who bring the child up, beside all else."""
    look = arm_look("LIFT")
    lane = Lane("Carers")
    begun = math.nan
    for h in told:
        if h.name == "carers_treatment_started":
            begun = h.days
        elif h.name == "carers_treatment_ended":
            words = "LIFT with carers" if h.code == 1 else "LIFT with carers, child left"
            lane.bars.append(Bar(begun, h.days, words, look.color, look.ink))
            begun = math.nan
    if not math.isnan(begun):
        lane.bars.append(Bar(begun, end, "LIFT with carers", look.color, look.ink, open_end=True))
    return lane


def _trial(told: list[Happening]) -> Lane:
    lane = Lane("Trial")
    for h in told:
        if h.name == "screened":
            invited = W.SCREENINGS[h.code] == "invited"
            lane.marks.append(Mark(h.days, "invited" if invited else "not invited", "|"))
        elif h.name == "consent_answered" and W.CONSENTS[h.code] != "consented":
            lane.marks.append(Mark(h.days, W.CONSENTS[h.code].replace("_", " "), "x"))
        elif h.name == "baseline_taken":
            lane.marks.append(Mark(h.days, "baseline", "|"))
        elif h.name == "randomised":
            arm = W.ARMS[h.code]
            lane.marks.append(Mark(h.days, f"allocated to {arm}", arm_look(arm).marker, arm_look(arm).color))
        elif h.name == "found_ineligible":
            lane.marks.append(Mark(h.days, "found ineligible", "x"))
        elif h.event in W.VISIT_DUE:
            k, seen = h.code, h.event == W.VISIT_MADE
            name = VISIT_NAMES[k] if k < len(VISIT_NAMES) else str(k + 1)
            lane.marks.append(
                Mark(h.days, f"{name} visit, {'seen' if seen else 'not seen'}", "o", INK if seen else PAPER)
            )
    return lane


# --- labels that do not touch -------------------------------------------------------------------------------
def label_rows(
    wanted: Iterable[tuple[float, float]], low: float, high: float, gap: float = 0.09
) -> list[tuple[float, int]]:
    """Left end and row of each label, so that none touches another.

    A label stands right of its line, or left where that is better. Rows are kept few, and lines are kept
    from running through other labels as far as can be; where one must, the label covers it.

    Parameters
    ----------
    wanted : iterable of (float, float)
        Where the line is, and how wide the label is, in inches; in order of place.
    low, high : float
        Limits.
    gap : float
        Least distance of two labels of a row.

    Returns
    -------
    list of (float, int)
    """
    wanted = list(wanted)
    out: list[tuple[float, int]] = [(0.0, 0)] * len(wanted)
    done: list[tuple[float, float, float, int]] = []
    for i in range(len(wanted) - 1, -1, -1):
        at, width = wanted[i]
        best: tuple[float, float, int] | None = None
        for side, left in (
            (0.0, at + 0.04),
            (0.7, at - 0.04 - width),
            (1.5, max(low, min(at, high - width))),
        ):
            if side < 1.5 and (left < low or left + width > high):
                continue
            for row in range(len(wanted)):
                if any(
                    k == row and left < end + gap and begin < left + width + gap for _, begin, end, k in done
                ):
                    continue
                crossed = sum(
                    (k > row and left - 0.02 < line < left + width + 0.02)
                    or (k < row and begin - 0.02 < at < end + 0.02)
                    for line, begin, end, k in done
                )
                cost = row + side + 2.2 * crossed
                if best is None or cost < best[0] - 1e-9:
                    best = (cost, left, row)
        assert best is not None  # a row of its own is always free
        _, left, row = best
        done.append((at, left, left + width, row))
        out[i] = (left, row)
    return out


# --- the figure ---------------------------------------------------------------------------------------------
@styled
def timeline_figure(
    journeys: Journeys,
    child: int | str,
    other: Journeys | None = None,
) -> Figure:
    """One child's timeline; with `other`, the same child in the other service beneath, on the same axis.

    It ends some months after the last thing that happened, at most at the end of the run.

    Parameters
    ----------
    journeys : Journeys
        One replicate.
    child : int or str
        Number of the child, or a description of `best_sim.pathway.story.CHOICES`.
    other : Journeys, optional
        The same replicate simulated with ``arm="SAU"`` or ``arm="LIFT"``, in which the child has the same
        number.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UnknownChildError
        If there is no such child in one of the runs.
    """
    child = choose_child(journeys, child)
    runs = [journeys] + ([other] if other is not None else [])
    told = [happenings(j, child) for j in runs]
    c = journeys.tables["children"][child]
    f = journeys.tables["families"][int(c["family"])]
    entered = float(counted_from(f))
    born = entered - float(c["age_at_entry"])
    times = [h.days for t in told for h in t]
    first = min([*times, entered])
    last = max([*times, entered])
    end = min(journeys.end, last + max(60.0, 0.06 * (last - first)))
    first -= 0.01 * (end - first)
    inner = WIDTH - LEFT - RIGHT
    per_inch = inner / (end - first)

    def inches(days: float) -> float:
        return LEFT + (days - first) * per_inch

    blocks = []
    for j in runs:
        arm = W.ARMS[int(j.tables["families"][int(c["family"])]["arm"])]
        name = {
            "LIFT": "Allocated to LIFT",
            "SAU": "Allocated to services as usual (SAU)",
        }.get(arm, "Not in the trial")
        lanes = [(lane, *_labels(lane, inches, end)) for lane in lanes_of(j, child, end)]
        blocks.append((name, arm, lanes))
    head = 0.34 if other is not None else 0.08
    axis_top, axis_bottom = 0.46, 0.46
    body = axis_top + axis_bottom
    for _, _, lanes in blocks:
        body += head + sum(_lane_height(n) for *_, n in lanes)
    key = 0.30
    sex = "boy" if int(c["male"]) == 1 else "girl"
    title = f"Simulated child {child}: what happens, and when"
    if other is not None:
        title = f"Simulated child {child} in either service, with the same random numbers"
    subtitle = (
        f"A {sex} who came into care on {say.day(journeys.date(entered))}, "
        f"{say.aged(float(c['age_at_entry']))}. "
        "Above: age; below: calendar. Width of a bar: time."
    )
    changed = f", simulated with {say.listed(list(journeys.overridden))}" if journeys.overridden else ""
    note = (
        f"A simulated child, not a real one (seed {journeys.seed}, replicate {journeys.replicate}){changed}."
    )
    if other is not None:
        note += " One child's two histories differ by what follows from the service, and say nothing of its effect."
    sheet = Sheet(
        WIDTH,
        body + key,
        title,
        subtitle,
        note,
        _in_words(journeys, child, told, blocks),
    )
    ax = sheet.figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(0, sheet.height))
    ax.axis("off")
    top = sheet.bottom + sheet.body
    _ages(ax, inches, first, end, born, top - axis_top, sheet.bottom + key + axis_bottom)
    _calendar(ax, journeys, inches, first, end, sheet.bottom + key + axis_bottom)
    y = top - axis_top
    for i, (name, arm, lanes) in enumerate(blocks):
        if other is not None:
            ax.plot([Sheet.MARGIN, WIDTH - RIGHT], [y, y], color=FAINT if i else RULE, lw=0.8)
            ax.text(Sheet.MARGIN, y - 0.13, name, size=SIZE, weight="bold", color=arm_look(arm).dark, va="center",
                    bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5})  # fmt: skip
        y -= head
        for lane, labels, inside, n in lanes:
            _draw(ax, lane, labels, inside, inches, end, y)
            y -= _lane_height(n)
    _key(ax, sheet.bottom + key - 0.14)
    return sheet.figure


def _lane_height(rows: int) -> float:
    return BAR + rows * ROW + GAP + (0.04 if rows else 0.0)


def _labels(lane: Lane, inches, end: float) -> tuple[list[_Label], list[bool], int]:
    """Labels below a lane, which bars carry theirs inside, and how many rows of labels there are."""
    wanted: list[tuple[float, str, str, str]] = []
    inside = []
    before: Bar | None = None
    marks = [inches(m.at) for m in lane.marks if m.at <= end]
    for bar in lane.bars:
        a, b = inches(bar.start), inches(min(bar.end, end))
        long = text_width(bar.words, SMALL) + 0.12
        fits = bool(bar.words) and b - a > long and not any(a + 0.08 < m < a + long + 0.04 for m in marks)
        inside.append(fits)
        same = before is not None and before.words == bar.words and before.end == bar.start
        before = bar
        if bar.words and not fits and not same and bar.start <= end:
            middle = a if b - a > 0.3 else (a + b) / 2
            wanted.append((middle, bar.words, "bar", SOFT))
    if len(wanted) > 8:  # too many to name each: the first of every kind is named
        wanted = [w for i, w in enumerate(wanted) if w[1] not in [v[1] for v in wanted[:i]]]
    for m in lane.marks:
        if m.at <= end and m.words.strip():
            wanted.append((inches(m.at), m.words.strip(), "mark", INK))
    wanted.sort(key=lambda w: w[0])
    places = label_rows(
        [(at, text_width(words, TINY)) for at, words, *_ in wanted], LEFT - 0.1, WIDTH - RIGHT + 0.1
    )
    labels = [
        _Label(at, left, words, row, FAINT, ink)
        for (at, words, _, ink), (left, row) in zip(wanted, places, strict=True)
    ]
    return labels, inside, 1 + max((label.row for label in labels), default=-1)


def _draw(
    ax: Axes, lane: Lane, labels: list[_Label], inside: list[bool], inches, end: float, y: float
) -> None:
    from matplotlib.patches import Polygon, Rectangle

    low, middle = y - BAR, y - BAR / 2
    ax.text(Sheet.MARGIN, middle, lane.name, size=SIZE, va="center", color=INK)
    for label in labels:
        at = low - 0.05 - ROW * (label.row + 0.5)
        ax.plot([label.at, label.at], [low - 0.005, at - 0.03], color=RULE, lw=0.7, zorder=1)
    shape: Polygon | Rectangle
    for bar, fits in zip(lane.bars, inside, strict=True):
        if bar.start > end:
            continue
        a, b = inches(bar.start), inches(min(bar.end, end))
        b = max(b, a + 0.02)
        if bar.open_end:
            tip = min(0.09, (b - a) / 2)
            shape = Polygon(
                [(a, low), (b - tip, low), (b, middle), (b - tip, y), (a, y)],
                facecolor=bar.color, edgecolor=PAPER, lw=0.8, zorder=2,
            )  # fmt: skip
        elif bar.hatch:
            shape = Rectangle(
                (a, low), b - a, BAR, facecolor=bar.color, edgecolor=FAINT, lw=0.7, hatch=bar.hatch, zorder=2
            )
            shape.set_hatchcolor(RULE) if hasattr(shape, "set_hatchcolor") else None
        else:
            shape = Rectangle((a, low), b - a, BAR, facecolor=bar.color, edgecolor=PAPER, lw=0.8, zorder=2)
        ax.add_patch(shape)
        if fits:
            box = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8} if bar.hatch else None
            ax.text(a + 0.06, middle, bar.words, size=SMALL, va="center", color=bar.ink, bbox=box, zorder=3)
    for m in lane.marks:
        if m.at > end:
            continue
        x = inches(m.at)
        at = middle if m.marker != "v" else y + 0.035
        if m.marker == "|":
            ax.plot([x, x], [low - 0.02, y + 0.02], color=INK, lw=1.3, zorder=4)
        else:
            ax.plot([x], [at], marker=m.marker, mfc=m.face, mec=m.edge, mew=1.3 if m.marker == "x" else 1.0,
                    ms=6 if m.marker != "v" else 5, ls="", zorder=5)  # fmt: skip
    for label in labels:
        at = low - 0.05 - ROW * (label.row + 0.5)
        ax.text(label.left, at, label.words, size=TINY, va="center", color=label.ink, zorder=4,
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.4})  # fmt: skip


def _ages(ax: Axes, inches, first: float, end: float, born: float, y: float, floor: float) -> None:
    months = (end - born) / MONTH
    shown = (end - first) / MONTH
    step = next(s for s in (1, 3, 6, 12, 24, 48) if shown / s <= 14)
    ax.plot([LEFT, WIDTH - RIGHT], [y + 0.14, y + 0.14], color=FAINT, lw=0.7)
    ax.text(Sheet.MARGIN, y + 0.27, "Age", size=SMALL, color=SOFT, va="center")
    k = 0
    while k <= months:
        at = born + k * MONTH
        if at >= first - 1e-9:
            x = inches(at)
            ax.plot([x, x], [y + 0.14, y + 0.19], color=FAINT, lw=0.7)
            ax.plot([x, x], [floor, y], color="#eef0f2", lw=0.6, zorder=0)
            words = "birth" if k == 0 else _age_label(k)
            ax.text(x, y + 0.27, words, size=TINY, color=SOFT, ha="center", va="center")
        k += step


def _age_label(months: int) -> str:
    if months % 12 == 0:
        return f"{months // 12} y"
    if months > 24 and months % 6 == 0:
        return f"{months // 12}½ y"
    return f"{months} m"


def _calendar(ax: Axes, j: Journeys, inches, first: float, end: float, y: float) -> None:
    import datetime as dt

    ax.plot([LEFT, WIDTH - RIGHT], [y - 0.06, y - 0.06], color=FAINT, lw=0.7)
    ax.text(Sheet.MARGIN, y - 0.22, "Date", size=SMALL, color=SOFT, va="center")
    shown = (end - first) / MONTH
    step = next(s for s in (1, 3, 6, 12, 24, 48) if shown / s <= 12)
    begin = j.date(first)
    year, month = begin.year, begin.month
    month = 1 if step >= 12 else ((month - 1) // step) * step + 1
    while True:
        day = dt.date(year, month, 1)
        at = float((day - j.start_date).days)
        if at > end:
            break
        if at >= first:
            x = inches(at)
            ax.plot([x, x], [y - 0.06, y - 0.11], color=FAINT, lw=0.7)
            words = str(year) if step >= 12 else f"{say.MONTHS[month - 1][:3]} {year}"
            width = text_width(words, TINY)
            if x + width / 2 < WIDTH - 0.1:
                ax.text(x, y - 0.22, words, size=TINY, color=SOFT, ha="center", va="center")
        month += step
        year += (month - 1) // 12
        month = (month - 1) % 12 + 1


def _key(ax: Axes, y: float) -> None:
    x = LEFT
    ax.text(Sheet.MARGIN, y, "Marks", size=SMALL, color=SOFT, va="center")
    entries: tuple[tuple[str, str, str, Literal["h"] | str], ...] = (
        ("o", INK, "took place, or seen", ""),
        ("o", PAPER, "adjourned, or not seen", ""),
        ("s", PAPER, "evidence in", ""),
        ("D", INK, "order made", ""),
        ("v", INK, "unplanned move", ""),
        ("x", INK, "did not happen", ""),
    )
    for marker, face, words, _ in entries:
        ax.plot(
            [x + 0.05],
            [y],
            marker=marker,
            mfc=face,
            mec=INK,
            mew=1.3 if marker == "x" else 1.0,
            ms=5.5,
            ls="",
        )
        ax.text(x + 0.16, y, words, size=TINY, color=SOFT, va="center")
        x += 0.16 + text_width(words, TINY) + 0.28
    ax.text(x + 0.02, y, "arrow: still so at the end", size=TINY, color=SOFT, va="center")


def _in_words(journeys: Journeys, child: int, told: list[list[Happening]], blocks: list) -> str:
    parts = [f"Timeline of simulated child {child}."]
    for (name, _, lanes), _ in zip(blocks, told, strict=True):
        homes = next((lane for lane, *_ in lanes if lane.name == "Lives"), None)
        if homes is not None:
            said = [f"{b.words} from {say.day(journeys.date(b.start))}" for b in homes.bars]
            parts.append(f"{name}: {', then '.join(said)}.")
    return " ".join(parts)
