"""The CONSORT flow diagram: where every family goes, from screening to analysis; boxes that add up.

Counts are those of `best_sim.trial.consort`, and may be means over replicates. They are rounded from the top
down, so that the whole numbers in a box are those of the boxes it leads to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from best_sim.drawing import wording as say
from best_sim.drawing.style import (
    FAINT,
    INK,
    PAPER,
    SIZE,
    SMALL,
    SOFT,
    WASH,
    Sheet,
    arm_look,
    styled,
    text_width,
    wrapped,
)
from best_sim.trial.outcomes import OUTCOMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 10.0
ROW = 0.185
PAD = 0.10

WORDS: dict[str, str] = {
    "child_of_60_months_or_more": "a child of 60 months or older",
    "not_in_proceedings": "not in proceedings",
    "placed_with_a_parent": "placed with a parent",
    "other_reason": "another reason",
    "lift_is_full": "too many families waiting for LIFT",
    "declined": "parents declined",
    "undecided": "no answer by the end",
    "recruitment_closed_first": "recruitment closed first",
    "order_made_first": "court decided first",
    "court_would_not_wait": "court would not wait",
    "not_possible": "not possible",
    "not_yet_allocated": "not yet allocated at the end",
    "pending": "not settled by the end",
    "family_declined": "family declined",
    "waited_too_long": "waited too long",
    "withdrew": "withdrew",
    "not_assessed": "not assessed",
    "found_ineligible": "found ineligible after all",
    "not_seen": "not seen",
    "service_not_received": "did not receive the service allocated",
    "not_due": "visit not due by the end",
    **{of.absent.name: of.absent.words for of in OUTCOMES.values() if of.absent is not None},
}


@dataclass(frozen=True)
class Count:
    """Families and their children; children may be unknown (NaN)."""

    families: float
    children: float = math.nan

    @classmethod
    def of(cls, value: Any) -> Count:
        """A count from a number of families, a pair (families, children), or something with these attributes."""
        if isinstance(value, Count):
            return value
        if hasattr(value, "families"):
            return cls(float(value.families), float(getattr(value, "children", math.nan)))
        if isinstance(value, Mapping):
            return cls(float(value["families"]), float(value.get("children", math.nan)))
        if isinstance(value, (tuple, list)):
            return cls(float(value[0]), float(value[1]))
        return cls(float(value))


@dataclass(frozen=True)
class FlowLine:
    """One line of a box: words and a count; a head stands out."""

    words: str
    count: Count | None
    head: bool = False
    indent: bool = False


def apportioned(total: int, parts: Sequence[float]) -> list[int]:
    """Whole numbers near the parts that sum to the total (largest remainders first).

    Examples
    --------
    >>> apportioned(10, [3.4, 3.4, 3.2])
    [4, 3, 3]
    """
    if not parts:
        return []
    whole = sum(parts)
    scaled = [p * total / whole if whole > 0 else 0.0 for p in parts]
    out = [math.floor(p + 1e-9) for p in scaled]
    order = sorted(range(len(parts)), key=lambda i: (-(scaled[i] - out[i]), i))
    for i in order[: max(0, total - sum(out))]:
        out[i] += 1
    return out


class Flow:
    """A flow by name, checked and rounded.

    Parameters
    ----------
    counts : mapping
        Counts by name: `screened`; `excluded.REASON`; `invited`; `not_randomised.REASON`; `randomised`; and
        for each arm A: `A.allocated`, `A.received`, `A.not_received.REASON`, `A.found_ineligible`,
        `A.visit_K.seen`, `A.visit_K.missed`, `A.visit_K.not_due` (K from 1), `A.analysed`,
        `A.not_analysed.REASON`. A count is a number of families, or a pair of families and children. Counts
        that are nought may be left out.
    """

    def __init__(self, counts: Mapping[str, Any]) -> None:
        self.raw = {k: Count.of(v) for k, v in counts.items()}
        self.arms = [a for a in dict.fromkeys(k.split(".")[0] for k in self.raw if k.endswith(".allocated"))]
        self.arms.sort(key=lambda a: ("LIFT", "SAU").index(a) if a in ("LIFT", "SAU") else 2)
        if not self.arms:
            raise ValueError("the flow names no arm: a name like 'LIFT.allocated' is needed")
        self.whole: dict[str, Count] = {}
        self._split("screened", [*self._under("excluded."), "invited"])
        self._split("invited", [*self._under("not_randomised."), "randomised"])
        self._split("randomised", [f"{a}.allocated" for a in self.arms])
        for a in self.arms:
            self._split(f"{a}.allocated", [f"{a}.received", *self._under(f"{a}.not_received.")])
            self.raw.setdefault(f"{a}.found_ineligible", Count(0.0, 0.0))
            self.raw[f"{a}.eligible"] = _minus(self.raw[f"{a}.allocated"], self.raw[f"{a}.found_ineligible"])
            self._split(f"{a}.allocated", [f"{a}.found_ineligible", f"{a}.eligible"])
            for k in self.visits(a):
                names = [
                    n for n in (f"{a}.visit_{k}.{s}" for s in ("seen", "missed", "not_due")) if n in self.raw
                ]
                self._split(f"{a}.eligible", names)
            self._split(
                f"{a}.allocated", [f"{a}.analysed", *self._under(f"{a}.not_analysed.")], optional=True
            )

    def visits(self, arm: str) -> list[int]:
        """Numbers of the visits there are."""
        start = f"{arm}.visit_"
        return sorted({int(k[len(start) :].split(".")[0]) for k in self.raw if k.startswith(start)})

    def _under(self, start: str) -> list[str]:
        return [k for k in self.raw if k.startswith(start)]

    def _split(self, whole: str, parts: list[str], optional: bool = False) -> None:
        if whole not in self.raw:
            raise ValueError(f"the flow lacks {whole!r}")
        missing = [p for p in parts if p not in self.raw]
        if missing and optional:
            return
        if missing:
            raise ValueError(f"the flow lacks {say.listed([repr(m) for m in missing])}")
        top = self.raw[whole]
        done = self.whole.setdefault(whole, Count(_round(top.families), _round(top.children)))
        sums = sum(self.raw[p].families for p in parts)
        if abs(sums - top.families) > 1e-6 * max(1.0, top.families):
            raise ValueError(f"the boxes don't add up: {whole} is {top.families:g}, its parts are {sums:g}")
        families = apportioned(int(done.families), [self.raw[p].families for p in parts])
        young = [self.raw[p].children for p in parts]
        known = math.isfinite(done.children) and all(math.isfinite(c) for c in young)
        children = apportioned(int(done.children), young) if known else [math.nan] * len(parts)
        for p, n, c in zip(parts, families, children, strict=True):
            self.whole[p] = Count(n, c)

    def __getitem__(self, name: str) -> Count:
        return self.whole[name]

    def reasons(self, start: str) -> list[FlowLine]:
        """Entries of all counts below a name that are not nought, with their reasons in words."""
        out = []
        for k in self._under(start):
            if self.raw[k].families > 0 or self.raw[k].children > 0:
                reason = k.rsplit(".", 1)[1]
                few = (
                    self.whole[k].families == 0 and not self.whole[k].children > 0
                )  # on average less than half
                out.append(
                    FlowLine(
                        WORDS.get(reason, reason.replace("_", " ")),
                        None if few else self.whole[k],
                        indent=True,
                    )
                )
        return out

    def total(self, start: str) -> Count:
        """Sum of all counts below a name."""
        mine = [self.whole[k] for k in self._under(start)]
        return Count(sum(c.families for c in mine), sum(c.children for c in mine))


def _minus(a: Count, b: Count) -> Count:
    return Count(a.families - b.families, a.children - b.children)


def _round(x: float) -> float:
    return x if math.isnan(x) else float(round(x))


def _shown(count: Count) -> str:
    if math.isnan(count.children):
        return say.number(count.families)
    return f"{say.number(count.families)} ({say.number(count.children)})"


# --- drawing ------------------------------------------------------------------------------------------------
@dataclass
class _Box:
    entries: list[FlowLine]
    x: float
    width: float
    look: str = PAPER
    edge: str = FAINT

    def lines(self) -> list[tuple[list[str], FlowLine]]:
        out = []
        for e in self.entries:
            weight = "bold" if e.head else "normal"
            size = SIZE if e.head else SMALL
            room = self.width - 2 * PAD - (0.14 if e.indent else 0.0)
            shown = _shown(e.count) if e.count is not None else "fewer than 1"
            room -= text_width(shown, size, weight) + 0.12
            out.append((wrapped(e.words, room, size, weight), e))  # type: ignore[arg-type]
        return out

    @property
    def height(self) -> float:
        return 2 * PAD + ROW * sum(len(words) for words, _ in self.lines()) - 0.02

    def draw(self, ax: Axes, top: float) -> None:
        from matplotlib.patches import Rectangle

        ax.add_patch(
            Rectangle(
                (self.x, top - self.height),
                self.width,
                self.height,
                fc=self.look,
                ec=self.edge,
                lw=0.9,
                zorder=3,
            )
        )
        y = top - PAD - ROW / 2 + 0.01
        for words, e in self.lines():
            size, weight = (SIZE, "bold") if e.head else (SMALL, "normal")
            ink = INK if e.head else SOFT
            left = self.x + PAD + (0.14 if e.indent else 0.0)
            for i, line in enumerate(words):
                ax.text(left, y, line, size=size, weight=weight, color=ink, va="center", zorder=4)
                if i == len(words) - 1:
                    shown = _shown(e.count) if e.count is not None else "fewer than 1"
                    ax.text(
                        self.x + self.width - PAD, y, shown, size=size, weight=weight, color=INK, va="center",
                        ha="right", zorder=4,
                    )  # fmt: skip
                y -= ROW


def _arrow(ax: Axes, points: Sequence[tuple[float, float]]) -> None:
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    ax.plot(xs, ys, color=SOFT, lw=0.9, zorder=1)
    ax.annotate(
        "", points[-1], points[-2],
        arrowprops={"arrowstyle": "-|>", "color": SOFT, "lw": 0.9, "mutation_scale": 8, "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip


@styled
def consort_figure(
    flow: Mapping[str, Any],
    *,
    replicates: int = 1,
    visits: Mapping[int, str] | None = None,
    title: str = "Where every family goes: from screening to analysis",
    source: str = "",
) -> Figure:
    """The CONSORT flow diagram, families with their children in brackets.

    Parameters
    ----------
    flow : mapping
        Counts by name, as `best_sim.trial.consort.consort` gives them, or their means over replicates.
    replicates : int
        Replicates over which the counts are means.
    visits : mapping of int to str, optional
        When each visit is, by its number; by default 1, 15 and 30 months.
    title, source : str
        Title; what to say in the source line besides that it is simulated.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a box is missing, or boxes don't add up.
    """
    f = Flow(flow)
    when = dict(visits) if visits is not None else {1: "1 month", 2: "15 months", 3: "30 months"}
    left, gap = Sheet.MARGIN, 0.5
    side = 3.9
    main = WIDTH - 2 * left - gap - side
    column = (WIDTH - 2 * left - gap) / 2
    screened = _Box([FlowLine("Screened for the trial", f["screened"], head=True)], left, main, WASH)
    excluded = _Box(
        [FlowLine("Not invited", f.total("excluded."), head=True), *f.reasons("excluded.")],
        left + main + gap,
        side,
    )
    invited = _Box([FlowLine("Parents invited", f["invited"], head=True)], left, main, WASH)
    lost = _Box(
        [FlowLine("Not randomised", f.total("not_randomised."), head=True), *f.reasons("not_randomised.")],
        left + main + gap, side,
    )  # fmt: skip
    randomised = _Box([FlowLine("Families randomised", f["randomised"], head=True)], left, main, WASH)
    arms: list[list[_Box]] = []
    for i, a in enumerate(f.arms):
        x = left + i * (column + gap)
        edge = arm_look(a).dark
        name = {"SAU": "services as usual (SAU)"}.get(a, a)
        missed = f.total(f"{a}.not_received.")
        given = [
            FlowLine(f"Allocated to {name}", f[f"{a}.allocated"], head=True),
            FlowLine("Received the service", f[f"{a}.received"]),
            FlowLine("Did not receive it", missed),
            *f.reasons(f"{a}.not_received."),
        ]
        follow = [
            FlowLine("Followed up", f[f"{a}.eligible"], head=True),
            FlowLine(WORDS["found_ineligible"].capitalize() + ", left out", f[f"{a}.found_ineligible"]),
        ]
        for k in f.visits(a):
            follow.append(FlowLine(f"Seen at {when.get(k, f'visit {k}')}", f[f"{a}.visit_{k}.seen"]))
            follow.append(FlowLine("not seen", f[f"{a}.visit_{k}.missed"], indent=True))
            if f.raw.get(f"{a}.visit_{k}.not_due", Count(0.0)).families > 0:
                count = f[f"{a}.visit_{k}.not_due"]
                follow.append(FlowLine("not due by the end", count if count.families else None, indent=True))
        boxes = [_Box(given, x, column, PAPER, edge), _Box(follow, x, column, PAPER, edge)]
        if f"{a}.analysed" in f.whole:
            boxes.append(
                _Box(
                    [
                        FlowLine("Analysed, primary outcome", f[f"{a}.analysed"], head=True),
                        FlowLine("Not analysed", f.total(f"{a}.not_analysed.")),
                        *f.reasons(f"{a}.not_analysed."),
                    ],
                    x,
                    column,
                    WASH,
                    edge,
                )  # fmt: skip
            )
        arms.append(boxes)
    down = 0.30
    heights = [max(arm[k].height for arm in arms) for k in range(len(arms[0]))]
    first = screened.height + max(down, excluded.height + 0.18 - 0.0)
    second = invited.height + max(down, lost.height + 0.18 - 0.0)
    body = first + second + randomised.height + sum(heights) + down * len(heights) + 0.22
    counted = "Families, children in brackets"
    counted += (
        f"; mean of {replicates:,} replicates, rounded so that the boxes add up." if replicates > 1 else "."
    )
    sheet = Sheet(WIDTH, body, title, counted, source, _in_words(f, title, replicates))
    ax = sheet.figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(0, sheet.height))
    ax.axis("off")
    y = sheet.bottom + body
    axis = left + main / 2
    for box, aside, step in ((screened, excluded, first), (invited, lost, second)):
        box.draw(ax, y)
        _arrow(ax, [(axis, y - box.height), (axis, y - step)])
        at = y - box.height - 0.09
        aside.draw(ax, at)
        turn = at - ROW / 2 - PAD + 0.02
        _arrow(ax, [(axis, turn), (left + main + gap, turn)])
        y -= step
    randomised.draw(ax, y)
    fork = y - randomised.height - down / 2
    ax.plot([axis, axis], [y - randomised.height, fork], color=SOFT, lw=0.9, zorder=1)
    y -= randomised.height + down
    for boxes in arms:
        middle = boxes[0].x + column / 2
        _arrow(ax, [(axis, fork), (middle, fork), (middle, y)])
        at = y
        for k, box in enumerate(boxes):
            box.draw(ax, at)
            if k + 1 < len(boxes):
                _arrow(ax, [(middle, at - box.height), (middle, at - heights[k] - down)])
            at -= heights[k] + down
    return sheet.figure


def _in_words(f: Flow, title: str, replicates: int) -> str:
    parts = [
        f"{title}.",
        f"Screened {say.number(f['screened'].families)} families, invited "
        f"{say.number(f['invited'].families)}, "
        f"randomised {say.number(f['randomised'].families)}.",
    ]
    for a in f.arms:
        words = f"{a}: allocated {say.number(f[f'{a}.allocated'].families)}"
        words += f", received {say.number(f[f'{a}.received'].families)}"
        if f"{a}.analysed" in f.whole:
            words += f", analysed {say.number(f[f'{a}.analysed'].families)}"
        parts.append(words + ".")
    if replicates > 1:
        parts.append(f"Mean of {replicates:,} replicates.")
    return " ".join(parts)


__all__ = ["Count", "Flow", "apportioned", "consort_figure"]


def flow_words(flow: Mapping[str, Any], replicates: int) -> str:
    """The flow in two sentences."""
    f = Flow(flow)
    raw = f.raw
    mean = "On average, of " if replicates > 1 else "Of "
    words = (
        f"{mean}{say.number(raw['screened'].families)} families screened, "
        f"{say.number(raw['invited'].families)} were invited "
        f"and {say.number(raw['randomised'].families)} randomised."
    )
    got = [
        f"{say.percent(raw[f'{a}.received'].families / max(raw[f'{a}.allocated'].families, 1e-12))} in {a}"
        for a in f.arms
    ]
    words += f" The service allocated was received by {say.listed(got)}"
    kept = [
        f"{say.percent(raw[f'{a}.analysed'].families / max(raw[f'{a}.allocated'].families, 1e-12))} in {a}"
        for a in f.arms
        if f"{a}.analysed" in raw
    ]
    return words + (f"; the primary outcome was analysed in {say.listed(kept)}." if kept else ".")
