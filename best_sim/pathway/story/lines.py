"""One child's story in plain words: every event that concerns it, its group, family and case, once.

What is not known is said to be not known. The child is simulated, and the story says so first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from textwrap import fill
from typing import TYPE_CHECKING

from best_sim.drawing import wording as say
from best_sim.pathway import words as W
from best_sim.pathway.records import counted_from
from best_sim.pathway.story.happenings import Happening, happenings
from best_sim.pathway.story.scotland import teller_of
from best_sim.pathway.story.telling import VISIT_NAMES, Teller, name_of, standing
from best_sim.pathway.story.who import choose_child

if TYPE_CHECKING:
    from rich.console import RenderableType

    from best_sim.pathway.journeys import Journeys


@dataclass(frozen=True)
class Line:
    """What happened on one day.

    Attributes
    ----------
    days : float
        Days since the start.
    when : str
        The date and the child's age.
    sentences : tuple of str
    rows : tuple of int
        Rows of the event record that the sentences tell, in their order.
    """

    days: float
    when: str
    sentences: tuple[str, ...]
    rows: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.when}: {' '.join(self.sentences)}"


@dataclass(frozen=True, repr=False)
class Story:
    """One child's story; it prints as plain text.

    Attributes
    ----------
    child : int
    opening : tuple of str
        Who the child is; that it is simulated.
    lines : tuple of Line
        One for each day on which something happened.
    closing : tuple of str
        Where the child lives at the end; what is not known.
    """

    child: int
    opening: tuple[str, ...]
    lines: tuple[Line, ...]
    closing: tuple[str, ...]

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """Rows of the event record that are told, in the order in which they are."""
        return tuple(r for line in self.lines for r in line.rows)

    def text(self, width: int = 80) -> str:
        """The story as plain text of at most `width` letters a line."""
        parts = [fill(p, width) for p in self.opening]
        parts += [fill(str(line), width, subsequent_indent="    ") for line in self.lines]
        parts += [fill(p, width) for p in self.closing]
        return "\n\n".join(parts) + "\n"

    def __repr__(self) -> str:
        return self.text()

    def __rich__(self) -> RenderableType:
        """The story for a terminal: dates on the left, what happened on the right."""
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=27)
        grid.add_column(ratio=1)
        for line in self.lines:
            date, _, age = line.when.partition(", ")
            left = Text(date.removeprefix("On "))
            if age:
                left.append(f"\n{age}", style="dim")
            grid.add_row(left, Text(" ".join(line.sentences)))
            grid.add_row()
        head = Text(self.opening[0], style="bold")
        rest = [Text(p) for p in self.opening[1:]]
        return Group(head, *rest, Padding(grid, (1, 0, 0, 0)), *[Text(p) for p in self.closing], Text(""))


def story(journeys: Journeys, child: int | str) -> Story:
    """One child's story.

    Parameters
    ----------
    journeys : Journeys
        One replicate.
    child : int or str
        Number of the child, as in `Journeys.children`, or a description of `CHOICES`.

    Returns
    -------
    Story
        With `text()` for plain text; print it with rich for a terminal.

    Raises
    ------
    UnknownChildError
        If there is no such child; the message names the numbers there are.
    """
    child = choose_child(journeys, child)
    told = happenings(journeys, child)
    teller = teller_of(journeys, child)
    c = teller.child
    entered = float(counted_from(teller.family))
    born = entered - float(c["age_at_entry"])
    lines: list[Line] = []
    k = 0
    while k < len(told):
        days = math.floor(told[k].days)
        sentences: list[str] = []
        rows: list[int] = []
        first = told[k].days
        while k < len(told) and math.floor(told[k].days) == days:
            sentence = teller.tell(told[k])
            if sentences and told[k].event == W.PLACED_ON_ENTRY and told[k - 1].event == W.ENTERED_CARE:
                # "came into care under an order and was placed with foster carers" is one sentence
                sentences[-1] = sentences[-1].rstrip(".") + sentence.replace("The child was", " and was", 1)
            elif sentences and told[k].name == "order_made" and told[k - 1].name == "case_decided":
                sentences[-1] = sentences[-1].rstrip(".") + sentence.replace("It made", ", and made", 1)
            else:
                if told[k].name == "order_made":
                    sentence = sentence.replace("It made", "The court made", 1)
                sentences.append(sentence)
            rows.append(told[k].row)
            k += 1
        lines.append(Line(first, _when(journeys, first, entered, born), tuple(sentences), tuple(rows)))
    return Story(
        child, _opening(journeys, child, born), tuple(lines), _closing(journeys, teller, told, entered, born)
    )


def _when(j: Journeys, days: float, entered: float, born: float) -> str:
    date = f"On {say.weekday(j.date(days))}"
    if math.floor(days) == math.floor(born):
        return f"{date}, the day of birth"
    if days < born:
        return f"{date}, before the child was born"
    if days < entered and math.floor(days) != math.floor(entered):
        return f"{date}, {say.aged(days - born)}, still at home"
    return f"{date}, {say.aged(days - born)}"


def _opening(j: Journeys, child: int, born: float) -> tuple[str, ...]:
    c = j.tables["children"][child]
    f = j.tables["families"][int(c["family"])]
    sex = "boy" if int(c["male"]) == 1 else "girl"
    borough = j.names["boroughs"][int(f["borough"])].replace("_", " ").title().replace(" And ", " and ")
    n = int(f["n_children"]) - 1
    family = f"family {int(f['index'])} in {borough}"
    others = [
        str(int(k)) for k in j.tables["children"]["index"][j.lived]
        if int(j.tables["children"][int(k)]["family"]) == int(f["index"]) and int(k) != child
    ]  # fmt: skip
    alone = "no brother or sister under five" if n == 0 else (
        f"{'one sibling' if n == 1 else f'{n} siblings'} under five (child {say.listed(others)})"
    )  # fmt: skip
    changed = f", simulated with {say.listed(list(j.overridden))}" if j.overridden else ""
    return (
        f"Child {child}: a simulated child, not a real one (seed {j.seed}, replicate {j.replicate}){changed}.",
        f"A {sex}, born on {say.day(j.date(born))}, of {family}, with {alone}.",
    )


def _closing(
    j: Journeys, teller: Teller, told: list[Happening], entered: float, born: float
) -> tuple[str, ...]:
    end = j.end
    when = say.day(j.date(end))
    if not entered <= end or not teller.place:
        return (f"At the end of the simulated time, on {when}, the child had not come into care.",)
    g = j.tables["groups"][int(teller.child["group"])]
    lived = end - teller.since
    out = [
        f"At the end of the simulated time, on {when}, the child is {say.old(end - born)} and lives "
        f"{teller.lives()}, since {say.day(j.date(teller.since))} "
        f"({say.span(lived)}). "
        f"So far: {say.plural(teller.placements, 'placement')}, {say.plural(int(g['moves']), 'move')} in "
        f"care, "
        f"{say.number(int(g['unplanned']))} of them unplanned."
    ]
    unknown = ["what happens after this day"]
    issued = sum(h.name == "proceedings_issued" for h in told)
    decided = sum(h.name == "case_decided" for h in told)
    if issued > decided:
        unknown.insert(0, "how the court will decide")
    reviewed = any(h.name == "looked_after_review" for h in told)
    if reviewed and not any(h.name in ("direction_set", "order_made") for h in told):
        unknown.insert(0, "which way the plan will go")
    plan = standing(name_of(W.PLANS, int(g["plan"])), teller.place)
    if plan:
        unknown.insert(0, f"how it goes on ({plan})")
    missed = [
        VISIT_NAMES[k]
        for k in range(len(teller.family["visit_state"]))
        if teller.family["visit_state"][k] == W.MISSED
    ]
    if missed:
        unknown.insert(0, f"the scores of the {say.listed(missed)} visit{'s' if len(missed) > 1 else ''}")
    elif not teller.arm:
        unknown.insert(0, "how the child fares by the trial's measures, for it was not in the trial")
    out.append(f"Not known: {'; '.join(unknown)}.")
    return tuple(out)
