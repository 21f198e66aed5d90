"""One child's story in plain words: every event that concerns it, its group, family and case, once.

The words are kind and exact: they say what happened, when, and what it is called; what is not known is said
to be not known. The child is simulated, and the story says so first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from best_sim.drawing import wording as say
from best_sim.pathway import words as W
from best_sim.pathway.records import LARGEST_FAMILY

if TYPE_CHECKING:
    from rich.console import RenderableType

    from best_sim.pathway.journeys import Journeys

CHOICES: dict[str, str] = {
    "first": "the first child who entered care after day zero",
    "first LIFT": "the first child whose family was allocated to LIFT",
    "first SAU": "the first child whose family was allocated to services as usual",
    "first adopted": "the first randomised child who lives with adopters at the end",
    "first home": "the first randomised child who lives at home at the end",
    "first kin": "the first randomised child who lives with special guardians or other kin at the end",
    "first re-entry": "the first child who came back into care",
    "most moves": "the child with the most moves in care, the first of them",
}
"""What `choose_child` can find."""


# --- who ----------------------------------------------------------------------------------------------------
class UnknownChildError(ValueError):
    """There is no child of this number, or none of this description."""


def check_child(journeys: Journeys, child: int) -> int:
    """The child's number, if there is such a child.

    Raises
    ------
    UnknownChildError
        If not; the message names the numbers there are.
    """
    lived = journeys.tables["children"]["index"][journeys.lived]
    if len(lived) == 0:
        raise UnknownChildError(f"child {child}: this run has no children")
    if child not in lived:
        nearest = int(lived[np.argmin(np.abs(lived - child))])
        raise UnknownChildError(
            f"child {child}: no such child. Numbers run from {int(lived.min())} to {int(lived.max())}; "
            f"{LARGEST_FAMILY} are kept for each family, so not every number is used. The nearest is "
            f"{nearest}."
        )
    return int(child)


def choose_child(journeys: Journeys, which: str = "first LIFT") -> int:
    """The number of a child of some description.

    Parameters
    ----------
    journeys : Journeys
    which : str
        A key of `CHOICES`.

    Returns
    -------
    int

    Raises
    ------
    UnknownChildError
        If the description is not known, or fits nobody in this run.
    """
    if which not in CHOICES:
        raise UnknownChildError(f"found {which!r}, allowed {', '.join(repr(k) for k in CHOICES)}")
    c = journeys.children
    c = c[c["entered_days"].notna()].sort_values(["entered_days", "child"])
    f = journeys.families.set_index("family")
    arm = c["arm"].astype(str)
    if which == "first":
        fit = c[c["entered_days"] >= 0]
    elif which in ("first LIFT", "first SAU"):
        fit = c[arm == which.split()[1]]
        when = f["randomised_days"].reindex(fit["family"]).to_numpy()
        fit = fit.assign(when=when).sort_values(["when", "child"])
    elif which == "most moves":
        fit = c.sort_values(["moves", "entered_days", "child"], ascending=[False, True, True])
    elif which == "first re-entry":
        fit = c[c["re_entries"] > 0]
    else:
        place = {"first adopted": "adopted", "first home": "home", "first kin": "special_guardianship"}[which]
        fit = c[(arm != "not allocated") & (c["lives"].astype(str) == place)]
    if len(fit) == 0:
        raise UnknownChildError(f"this run has no child like that: {CHOICES[which]}")
    return int(fit["child"].iloc[0])


# --- what concerns the child --------------------------------------------------------------------------------
@dataclass(frozen=True)
class Happening:
    """One event that concerns the child.

    Attributes
    ----------
    row : int
        Its row in the event record.
    days : float
        Days since the start.
    name : str
        A name of `best_sim.pathway.words.EVENTS`.
    subject : int
        Number of the family, group or case.
    value : float
    """

    row: int
    days: float
    name: str
    subject: int
    value: float

    @property
    def code(self) -> int:
        """The value as a whole number."""
        return int(self.value)


def happenings(journeys: Journeys, child: int) -> list[Happening]:
    """Every event that concerns a child: its own, its group's, its family's, its cases'; in order of time.

    Parameters
    ----------
    journeys : Journeys
    child : int

    Returns
    -------
    list of Happening

    Raises
    ------
    UnknownChildError
        If there is no such child.
    """
    child = check_child(journeys, child)
    row = journeys.tables["children"][child]
    family, group = int(row["family"]), int(row["group"])
    cases = journeys.tables["cases"]
    mine = (
        (cases["index"] >= 0)
        & (cases["family"] == family)
        & ((cases["group"] < 0) | (cases["group"] == group))
    )
    numbers = {
        "child": {child},
        "family": {family},
        "group": {group},
        "case": set(np.flatnonzero(mine).tolist()),
    }
    record = journeys.record
    found = np.zeros(len(record), bool)
    for subject, who in numbers.items():
        kinds = [i for i, e in enumerate(W.EVENTS) if e.subject == subject]
        found |= np.isin(record["event"], kinds) & np.isin(record["subject"], sorted(who))
    return [
        Happening(
            int(i),
            float(record["time"][i]),
            W.EVENTS[int(record["event"][i])].name,
            int(record["subject"][i]),
            float(record["value"][i]),
        )
        for i in np.flatnonzero(found)
    ]


# --- the words ----------------------------------------------------------------------------------------------
def where(place: str, order: str = "") -> str:
    """Where a child lives, in words that follow "lives" or "was placed"."""
    if place == "special_guardianship" and order == "child_arrangements_order":
        return "with relatives under a child arrangements order"
    return {
        "foster": "with foster carers",
        "kinship_foster": "with relatives as foster carers",
        "parent_and_baby": "with a parent in a parent and baby placement",
        "with_parents": "with parents, under an interim order",
        "placed_for_adoption": "with the adopters to be",
        "adopted": "with the adoptive parents",
        "special_guardianship": "with relatives as special guardians",
        "long_term_foster": "with long-term foster carers",
        "residential": "in residential care",
        "home": "at home with parents",
    }.get(place, f"in {place.replace('_', ' ')}")


def toward(place: str, order: str = "", before: str = "") -> str:
    """Where a child moves to, in words that follow "moved"."""
    if place == before == "foster":
        return "to other foster carers"
    if place == before == "kinship_foster":
        return "to other relatives as foster carers"
    if place == before == "residential":
        return "to another residential home"
    if place == "home":
        return "home to parents"
    if place == "residential":
        return "into residential care"
    return where(place, order).replace("with a parent in a", "into a", 1).replace("with ", "to ", 1)


_BY = {
    "in_house": "the local authority's own social workers",
    "independent_social_worker": "an independent social worker",
    "external_expert": "an external expert",
    "lift": "LIFT",
}
_ORDER = {
    "supervision_order": "a supervision order: the child is to live with parents, and the local authority looks in",
    "no_order": "no order: the child is to live with parents",
    "special_guardianship_order": "a special guardianship order: the child is to grow up with relatives",
    "child_arrangements_order": "a child arrangements order: the child is to live with relatives",
    "placement_order": "a placement order: the child may be placed for adoption",
    "care_order": "a care order: the child is to stay in care, with foster carers for the long term",
}
_HEARING = {
    "interim": "interim hearing",
    "case_management": "case management hearing",
    "issues_resolution": "issues resolution hearing",
    "final": "final hearing",
}
_PLAN = {
    "none": "The plan made before fell away; no move was planned.",
    "to_settled_foster": "It was planned that the child would move to foster carers who can stay with it longer.",
    "to_kin": "It was planned that the child would move to relatives as foster carers.",
    "assessment_ends": "It was planned that the stay would last until the assessment of parent and baby ends.",
    "voluntary_return": "It was planned that the child would go home when the voluntary stay ends.",
    "return_home": "The child's way home was planned.",
    "to_guardians": "It was planned that the child would live with relatives for good.",
    "adoption_match": "A search for adopters was begun.",
    "adoption_placement": "Adopters were matched with the child, and the move to them was planned.",
    "adoption_order": "The adopters would apply for the adoption order.",
    "to_long_term": "Long-term foster care was planned.",
}
_STANDING = {
    "to_settled_foster": "a move to longer-term carers is planned",
    "to_kin": "a move to relatives is planned",
    "assessment_ends": "the parent and baby assessment goes on",
    "voluntary_return": "the way home is planned",
    "return_home": "the way home is planned",
    "to_guardians": "a move to relatives for good is planned",
    "adoption_match": "adopters are looked for",
    "adoption_placement": "the move to the matched adopters is planned",
    "adoption_order": "the adoption order is still to be made",
    "to_long_term": "long-term foster care is planned",
}
_RECEIPT = {
    "received": "With this the family counts as having received the service it was allocated.",
    "family_declined": "The family declined the service it was allocated.",
    "waited_too_long": "The wait for a place was too long; the family did not receive the service it was allocated.",
    "order_made_first": "The court had decided first; the family did not receive the service it was allocated.",
    "withdrew": "The family withdrew, and did not receive the service it was allocated.",
    "not_assessed": "There was no parenting assessment; the family did not receive the service it was allocated.",
}
_TREATMENT = {
    "parent_infant_psychotherapy": "parent-infant psychotherapy",
    "circle_of_security": "Circle of Security",
    "video_interaction_guidance": "Video Interaction Guidance",
}
_SCREENED = {
    "invited": "The parents were invited to the trial.",
    "child_of_60_months_or_more": "The family was not invited to the trial: it has a child of 60 months or older.",
    "not_in_proceedings": "The family was not invited to the trial: it was not in proceedings.",
    "placed_with_a_parent": "The family was not invited to the trial: the child was placed with a parent.",
    "other_reason": "The family was not invited to the trial, for another reason.",
    "lift_is_full": "The family was not invited to the trial: too many families were waiting for LIFT.",
}
_CONSENT = {
    "declined": "The parents decided not to take part in the trial.",
    "consented": "The parents agreed to take part in the trial.",
    "recruitment_closed_first": "Recruitment to the trial closed before the family could be allocated.",
    "order_made_first": "The court decided before the family could be allocated; it did not enter the trial.",
}
VISIT_NAMES = ("first", "second", "third")


def _name(names: tuple[str, ...], code: int) -> str:
    return names[code] if 0 <= code < len(names) else f"number {code}"


def hearing_listed(journeys: Journeys, happening: Happening) -> tuple[str, float]:
    """Kind of a listed hearing and the time for which it is listed.

    The event's value is the kind + 16 x days from listing to sitting, and the days have a fraction. So both
    are taken from the hearing itself; of one that the run did not reach, from the hour at which the court's
    other hearings began.
    """
    r = journeys.record
    held = (r["event"] == W.HEARING_HELD) & (r["subject"] == happening.subject)
    later = np.flatnonzero(held[happening.row + 1 :])
    if len(later):
        row = happening.row + 1 + int(later[0])
        return W.HEARINGS[int(r["value"][row]) % 16], float(r["time"][row])
    if not math.isfinite(happening.value):
        return "", math.inf
    before = r["time"][held]
    hour = float(before[-1]) % 1.0 if len(before) else 0.0

    def off(kind: int) -> float:
        x = happening.days + (happening.value - kind) / 16.0 - hour
        return abs(x - round(x))

    kind = min(range(len(W.HEARINGS)), key=off)
    return W.HEARINGS[kind], happening.days + (happening.value - kind) / 16.0


class _Teller:
    """Tells happenings one by one, and remembers what it has told."""

    def __init__(self, journeys: Journeys, child: int) -> None:
        self.j = journeys
        self.child = journeys.tables["children"][child]
        self.scores = {name: score[child] for name, score in journeys.scores.items()}
        self.family = journeys.tables["families"][int(self.child["family"])]
        self.place = ""
        self.since = math.nan
        self.order = ""
        self.arm = ""
        self.placements = 0

    def tell(self, h: Happening) -> str:
        teller: Callable[[Happening], str] | None = getattr(self, f"_{h.name}", None)
        return teller(h) if teller is not None else f"{h.name.replace('_', ' ').capitalize()}."

    # entry, and where the child lives
    def _entered_care(self, h: Happening) -> str:
        how = {
            "voluntary": "with the parents' agreement (section 20)",
            "emergency_or_interim": "under an emergency or interim order",
            "during_proceedings": "under an interim order made during the proceedings",
        }.get(_name(W.ROUTES, h.code), "")
        return f"The child came into care {how}."

    def _placed(self, h: Happening) -> str:
        place, why = _name(W.PLACEMENT_TYPES, h.code % 16), _name(W.PLACEMENT_REASONS, h.code // 16)
        before, lived = self.place, h.days - self.since
        self.place, self.since = place, h.days
        self.placements += 1
        if why == "entry":
            return f"The child was placed {where(place)}{self._siblings()}."
        stay = f"after {say.span(lived)}" if math.isfinite(lived) else ""
        if why == "unplanned_move":
            if place == before:
                to = toward(place, "", before)
                return f"The placement ended {stay}, which was not planned, and the child moved {to}."
            return (
                f"The stay {where(before, self.order)} ended {stay}, which was not planned, and the child "
                f"moved {toward(place, self.order, before)}."
            )
        if why == "planned_move":
            return f"As planned, the child moved {toward(place, self.order, before)}, {stay} {where(before)}."
        if why == "re_entry":
            return f"The child came back into care {stay} {where(before, self.order)}, and was placed {where(place)}."
        if place == "adopted":
            return "The adoption order was made: the adopters are now the child's parents. The child did not move."
        if place == "home":
            return "The child, who was already with parents, is now at home and no longer in care."
        if place == "special_guardianship":
            become = (
                "have the child arrangements order"
                if "arrangements" in self.order
                else "are special guardians"
            )
            return (
                f"The relatives with whom the child lived now {become}; the child did not move and left care."
            )
        if place == "long_term_foster":
            return "The carers with whom the child lived became its long-term foster carers; the child did not move."
        return f"The child now lives {where(place, self.order)}, with the same carers."

    def _siblings(self) -> str:
        n = int(self.family["n_children"]) - 1
        if n <= 0:
            return ""
        together = int(self.j.tables["groups"][int(self.child["group"])]["n_children"]) - 1
        apart = n - together
        if apart == 0:
            return f", together with {'a sibling' if n == 1 else f'{n} siblings'}"
        if together == 0:
            return f", apart from {'a sibling' if n == 1 else f'{n} siblings'}"
        return ", together with one sibling and apart from another"

    def _plan_made(self, h: Happening) -> str:
        return _PLAN.get(_name(W.PLANS, h.code), "A plan was made.")

    # the court
    def _proceedings_issued(self, h: Happening) -> str:
        return "New care proceedings were issued." if h.code else "Care proceedings were issued."

    def _hearing_listed(self, h: Happening) -> str:
        kind, sits = hearing_listed(self.j, h)
        if not math.isfinite(sits):
            return "The next hearing could not be listed within the simulated time."
        ahead = int(math.floor(sits) - math.floor(h.days))
        words = _HEARING.get(kind, kind)
        return (
            f"{'An' if words[0] in 'aeiou' else 'A'} {words} was listed for {say.day(self.j.date(sits))}, "
            f"{'the same day' if ahead == 0 else say.plural(ahead, 'day') + ' ahead'}."
        )

    def _hearing_held(self, h: Happening) -> str:
        kind, result = _HEARING[_name(W.HEARINGS, h.code % 16)], _name(W.HEARING_RESULTS, h.code // 16)
        if result == "effective":
            return f"The {kind} took place."
        if result == "adjourned_for_evidence":
            return f"The {kind} was adjourned, for the evidence was not in."
        return f"The {kind} was adjourned to a further one."

    def _assessor_asked(self, h: Happening) -> str:
        who = _name(W.ASSESSORS, h.code)
        if who == "social_work_statement":
            return "No parenting assessment was asked for; the social worker was to give a statement."
        return f"A parenting assessment by {_BY.get(who, who)} was asked for."

    def _assessment_started(self, h: Happening) -> str:
        if _name(W.ASSESSORS, h.code) == "social_work_statement":
            return "The social worker began the statement."
        return f"The parenting assessment by {_BY.get(_name(W.ASSESSORS, h.code), 'an assessor')} began."

    def _assessment_left(self, h: Happening) -> str:
        who = _name(W.ASSESSORS, h.code)
        what = "The social worker's statement"
        if who != "social_work_statement":
            what = f"The parenting assessment by {_BY.get(who, who)}"
        return f"{what} was left unfinished, for the court had decided."

    def _evidence_in(self, h: Happening) -> str:
        who = _name(W.ASSESSORS, h.code)
        if who == "social_work_statement":
            return "The social worker's statement was before the court."
        if who == "lift":
            return "LIFT's report was before the court."
        return f"The parenting assessment by {_BY.get(who, who)} was before the court."

    def _case_decided(self, h: Happening) -> str:
        return f"The court decided the case, after {say.plural(h.code, 'hearing')}."

    def _order_made(self, h: Happening) -> str:
        self.order = _name(W.ORDERS, h.code)
        return f"It made {_ORDER.get(self.order, self.order.replace('_', ' '))}."

    # the trial
    def _screened(self, h: Happening) -> str:
        return _SCREENED.get(_name(W.SCREENINGS, h.code), "The family was screened for the trial.")

    def _consent_answered(self, h: Happening) -> str:
        return _CONSENT.get(_name(W.CONSENTS, h.code), "The parents answered the invitation.")

    def _baseline_taken(self, h: Happening) -> str:
        return "The baseline measures were taken, before allocation."

    def _randomised(self, h: Happening) -> str:
        self.arm = _name(W.ARMS, h.code)
        name = "services as usual (SAU)" if self.arm == "SAU" else self.arm
        return f"The family was allocated, by chance, to {name}."

    def _found_ineligible(self, h: Happening) -> str:
        return "The family was found not to have been eligible for the trial after all, and was not visited."

    # the service
    def _lift_asked(self, h: Happening) -> str:
        return "The LIFT team was asked to take the family."

    def _lift_started(self, h: Happening) -> str:
        wait = "at once" if h.value < 1 else f"after a wait of {say.span(h.value)}"
        return f"LIFT's assessment of the family began, {wait}."

    def _lift_assessed(self, h: Happening) -> str:
        advice = (
            "advised working towards the child's return home"
            if h.code == 1
            else "did not advise a return home"
        )
        return f"LIFT's assessment was complete and had been discussed with the professionals; it {advice}."

    def _treatment_started(self, h: Happening) -> str:
        whom = "the birth parents" if int(self.family["return_advised"]) == 1 else "the child's carers"
        what = _TREATMENT.get(_name(W.TREATMENTS, h.code), "treatment")
        return f"LIFT began treatment with {whom}: {what}."

    def _treatment_reviewed(self, h: Happening) -> str:
        return "The treatment was reviewed, halfway."

    def _treatment_ended(self, h: Happening) -> str:
        return "The treatment was complete." if h.code == 1 else "The treatment was broken off."

    def _lift_place_freed(self, h: Happening) -> str:
        return f"The family's place with LIFT, held for {say.span(h.value)}, was free again."

    def _service_settled(self, h: Happening) -> str:
        return _RECEIPT.get(
            _name(W.RECEIPTS, h.code), "It was settled whether the family received the service."
        )

    def _visit(self, h: Happening) -> str:
        k, state = h.code % 16, _name(W.VISIT_STATES, h.code // 16)
        which = VISIT_NAMES[k] if k < len(VISIT_NAMES) else f"{k + 1}th"
        if state != "seen":
            return f"The trial's {which} visit was due; the family was not seen, so its scores are not known."
        said = []
        for name, label, digits in (
            ("sdq", "SDQ total difficulties {} of 40", 0),
            ("pirgas", "PIR-GAS {} of 100", 0),
        ):
            value = float(self.scores[name][k])
            if math.isfinite(value):
                said.append(label.format(say.number(value, digits)))
        young = "" if math.isfinite(float(self.scores["sdq"][k])) else " (too young for the SDQ)"
        return f"The trial's {which} visit: {say.listed(said) or 'no scores'}{young}."


# --- the story ----------------------------------------------------------------------------------------------
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


@dataclass(frozen=True)
class Story:
    """One child's story.

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

    def paragraphs(self) -> Iterator[str]:
        """Opening, days and closing, a string each."""
        yield from self.opening
        yield from (str(line) for line in self.lines)
        yield from self.closing

    def text(self, width: int = 96) -> str:
        """The story as plain text of at most `width` letters a line."""
        parts = [fill(p, width) for p in self.opening]
        parts += [fill(str(line), width, subsequent_indent="    ") for line in self.lines]
        parts += [fill(p, width) for p in self.closing]
        return "\n\n".join(parts) + "\n"

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


def story(journeys: Journeys, child: int) -> Story:
    """One child's story.

    Parameters
    ----------
    journeys : Journeys
        One replicate.
    child : int
        Number of the child, as in `Journeys.children`.

    Returns
    -------
    Story
        With `text()` for plain text; print it with rich for a terminal.

    Raises
    ------
    UnknownChildError
        If there is no such child; the message names the numbers there are.
    """
    told = happenings(journeys, child)
    teller = _Teller(journeys, child)
    c = teller.child
    entered = float(teller.family["entered"])
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
            if sentences and told[k].name == "placed" and told[k - 1].name == "entered_care":
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


def tell(journeys: Journeys, child: int) -> list[str]:
    """One child's story as a list of plain paragraphs, in order of time; see `story`."""
    return list(story(journeys, child).paragraphs())


def _when(j: Journeys, days: float, entered: float, born: float) -> str:
    date = f"On {say.weekday(j.date(days))}"
    if days < born:
        return f"{date}, before the child was born"
    if math.floor(days) == math.floor(born):
        return f"{date}, the day of birth"
    if days < entered and math.floor(days) != math.floor(entered):
        return f"{date}, aged {say.age(days - born)}, still at home"
    return f"{date}, aged {say.age(days - born)}"


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
    return (
        f"Child {child}: a simulated child, not a real one (seed {j.seed}, replicate {j.replicate}).",
        f"A {sex}, born on {say.day(j.date(born))}, of {family}, with {alone}.",
    )


def _closing(
    j: Journeys, teller: _Teller, told: list[Happening], entered: float, born: float
) -> tuple[str, ...]:
    end = j.end
    when = say.day(j.date(end))
    if not entered <= end or not teller.place:
        return (f"At the end of the simulated time, on {when}, the child had not come into care.",)
    g = j.tables["groups"][int(teller.child["group"])]
    lived = end - teller.since
    out = [
        f"At the end of the simulated time, on {when}, the child is {say.age(end - born)} old and lives "
        f"{where(teller.place, teller.order)}, since {say.day(j.date(teller.since))} ({say.span(lived)}). "
        f"So far: {say.plural(teller.placements, 'placement')}, {say.plural(int(g['moves']), 'move')} in "
        f"care, "
        f"{say.number(int(g['unplanned']))} of them unplanned."
    ]
    unknown = ["what happens after this day"]
    issued = sum(h.name == "proceedings_issued" for h in told)
    decided = sum(h.name == "case_decided" for h in told)
    if issued > decided:
        unknown.insert(0, "how the court will decide")
    plan = _STANDING.get(_name(W.PLANS, int(g["plan"])))
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
