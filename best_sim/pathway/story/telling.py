"""The words in which a child's happenings are told, one sentence each.

The words are kind and exact: they say what happened, when, and what it is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from best_sim.drawing import wording as say
from best_sim.pathway import words as W
from best_sim.pathway.story.happenings import Happening

if TYPE_CHECKING:
    from best_sim.pathway.journeys import Journeys


_AT_HOME_UNDER = {
    "": ", under an interim order",
    "care_order": ", under a care order",
    "placement_order": ", under a placement order",
}


def where(place: str, order: str | None = None, carers: bool = False) -> str:
    """Where a child lives, in words that follow "lives" or "was placed".

    Parameters
    ----------
    place : str
        One of `best_sim.pathway.words.PLACEMENT_TYPES`.
    order : str, optional
        The order under which the child lives there, of `best_sim.pathway.words.ORDERS`; empty before the first. Without
        it no order is named: a stay may have begun under another than it ended.
    carers : bool
        Whether special guardians were the child's foster carers before, and are no relatives.
    """
    if place == "with_parents" and order is not None:
        return f"with parents{_AT_HOME_UNDER.get(order, '')}"
    if place == "special_guardianship" and carers:
        return "with its former foster carers as special guardians"
    if place == "special_guardianship" and order == "child_arrangements_order":
        return "with relatives under a child arrangements order"
    return {
        "foster": "with foster carers",
        "kinship_foster": "with relatives as foster carers",
        "parent_and_baby": "with a parent in a parent and baby placement",
        "with_parents": "with parents",
        "placed_for_adoption": "with the adopters to be",
        "adopted": "with the adoptive parents",
        "special_guardianship": "with relatives as special guardians",
        "long_term_foster": "with long-term foster carers",
        "residential": "in residential care",
        "home": "at home with parents",
        "bridging_foster": "with foster carers at short notice",
        "hospital": "in hospital",
        "early_permanence": "with foster carers who may adopt",
        "of_age": "on its own account, as an adult",
    }.get(place, f"in {place.replace('_', ' ')}")


def toward(place: str, order: str | None = None, before: str = "") -> str:
    """Where a child moves to, in words that follow "moved"."""
    if place == "foster" and before in ("foster", "bridging_foster"):
        return "to other foster carers"
    if place == "bridging_foster" and before in ("foster", "bridging_foster"):
        return "to other foster carers at short notice"
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
_CARE_ORDER_AT = {
    "with_parents": "a care order: the child is to live with parents, in the care of the local authority",
    "parent_and_baby": "a care order: the child is to live with parents, in the care of the local authority",
    "kinship_foster": "a care order: the child is to stay in care, with relatives as foster carers for the long term",
}
"""Of children who do not live with foster carers when it is made."""
HEARING = {
    "interim": "interim hearing",
    "case_management": "case management hearing",
    "issues_resolution": "issues resolution hearing",
    "final": "final hearing",
}
_PLAN = {
    "none": "The plan made before fell away; no move was planned.",
    "to_early_permanence": "It was planned that the child would move to foster carers who may adopt it.",
    "to_kin": "It was planned that the child would move to relatives as foster carers.",
    "assessment_ends": "It was planned that the stay would last until the assessment of parent and baby ends.",
    "voluntary_return": "It was planned that the child would go home when the voluntary stay ends.",
    "return_home": "The child's way home was planned.",
    "to_guardians": "It was planned that the child would live with relatives for good.",
    "adoption_match": "A search for adopters was begun.",
    "adoption_placement": "Adopters were matched with the child, and the move to them was planned.",
    "adoption_order": "The adopters would apply for the adoption order.",
    "to_long_term": "Long-term foster care was planned.",
    "to_parents": "It was planned that the child would go to its parents before the order, still in care.",
}
_PLAN_AT = {
    "early_permanence": {
        "adoption_match": "It was planned that the carers with whom the child lived would adopt it.",
        "adoption_placement": "The carers with whom the child lived were matched with it to adopt it.",
    },
    "with_parents": {
        "return_home": "It was planned that the child would stay with parents and leave care.",
    },
}
"""Of children who live with those with whom they are to stay."""
_STANDING = {
    "to_early_permanence": "a move to foster carers who may adopt is planned",
    "to_kin": "a move to relatives is planned",
    "assessment_ends": "the parent and baby assessment goes on",
    "voluntary_return": "the way home is planned",
    "return_home": "the way home is planned",
    "to_guardians": "a move to relatives for good is planned",
    "adoption_match": "adopters are looked for",
    "adoption_placement": "the move to the matched adopters is planned",
    "adoption_order": "the adoption order is still to be made",
    "to_long_term": "long-term foster care is planned",
    "carers_apply": "the carers may become the child's special guardians",
    "to_parents": "the way home, before the order, is planned",
}
_RECEIPT = {
    "received": "With this the family counts as having received the service it was allocated.",
    "family_declined": "The family declined the service it was allocated.",
    "waited_too_long": "The wait for a place was too long; the family did not receive the service it was allocated.",
    "order_made_first": "The court had decided first; the family did not receive the service it was allocated.",
    "withdrew": "The family withdrew, and did not receive the service it was allocated.",
    "not_assessed": "There was no parenting assessment; the family did not receive the service it was allocated.",
    "court_would_not_wait": "The court would not wait for LIFT's report; the family did not receive the service it was "
    "allocated.",
    "not_possible": "LIFT was not possible for the family, which did not receive the service it was allocated.",
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
_STANDING_AT = {
    "early_permanence": {
        "adoption_match": "the match with the carers, who may adopt the child, is still to come",
        "adoption_placement": "the carers, matched with the child, are to adopt it",
    },
    "with_parents": {
        "return_home": "the child is to stay with parents and leave care",
    },
}
VISIT_NAMES = ("first", "second", "third")


def standing(plan: str, place: str) -> str:
    """A plan that is still to be carried out, by where the child lives; empty where there is none."""
    return _STANDING_AT.get(place, {}).get(plan) or _STANDING.get(plan, "")


def name_of(names: tuple[str, ...], code: int) -> str:
    """The name with this number; of one that has none, its number."""
    return names[code] if 0 <= code < len(names) else f"number {code}"


def _ordinal(visit: int) -> str:
    return VISIT_NAMES[visit] if visit < len(VISIT_NAMES) else f"{visit + 1}th"


class Teller:
    """Tells happenings one by one, and remembers what it has told."""

    def __init__(self, journeys: Journeys, child: int) -> None:
        self.j = journeys
        self.child = journeys.tables["children"][child]
        self.scores = {name: score[child] for name, score in journeys.scores.items()}
        self.family = journeys.tables["families"][int(self.child["family"])]
        self.place = ""
        self.since = math.nan
        self.order = ""
        self.plan = ""
        self.guarded_by_carers = False
        self.arm = ""
        self.placements = 0
        self.begins: dict[tuple[int, str], float] = {}

    def tell(self, h: Happening) -> str:
        """The sentence for one happening."""
        teller: Callable[[Happening], str] | None = getattr(self, f"_{h.name}", None)
        return teller(h) if teller is not None else f"{h.name.replace('_', ' ').capitalize()}."

    def in_law(self, sentence: str) -> str:
        """A sentence in the words of the law that protects the child."""
        return sentence

    # entry, and where the child lives
    def lives(self) -> str:
        """Where the child lives now, in words that follow "lives"."""
        return self.in_law(where(self.place, self.order, self.guarded_by_carers))

    def _entered_care(self, h: Happening) -> str:
        how = {
            "voluntary": "with the parents' agreement (section 20)",
            "emergency_or_interim": "under an emergency or interim order",
            "during_proceedings": "under an order made during the proceedings",
        }.get(name_of(W.ROUTES, h.code), "")
        return f"The child came into care {how}."

    def _placed_on_entry(self, h: Happening) -> str:
        place, _, _ = self._new_place(h)
        return f"The child was placed {where(place, self.order)}{self._siblings()}."

    def _moved_unplanned(self, h: Happening) -> str:
        place, before, stay = self._new_place(h)
        if place == before:
            to = toward(place, before=before)
            return f"The placement ended {stay}, which was not planned, and the child moved {to}."
        return (
            f"The stay {where(before)} ended {stay}, which was not planned, and the child "
            f"moved {toward(place, self.order, before)}."
        )

    def _moved_as_planned(self, h: Happening) -> str:
        place, before, stay = self._new_place(h)
        return f"As planned, the child moved {toward(place, self.order, before)}, {stay} {where(before)}."

    def _placed_on_re_entry(self, h: Happening) -> str:
        lived = self.lives()
        place, _, stay = self._new_place(h)
        self.order = ""
        return f"The child came back into care {stay} {lived}, and was placed {where(place, self.order)}."

    def _carers_appointed(self, h: Happening) -> str:
        return f"The child's carers applied for special guardianship, after it had lived {where(self.place)} for long."

    def _stayed_with_carer(self, h: Happening) -> str:
        place, before, _ = self._new_place(h)
        if place == "adopted":
            return "The adoption order was made: the adopters are now the child's parents. The child did not move."
        if place == "home":
            return "The child, who was already with parents, is now at home and no longer in care."
        self.guarded_by_carers = place == "special_guardianship" and before != "kinship_foster"
        if self.guarded_by_carers:
            return "The foster carers with whom the child lived are now its special guardians; the child left care."
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
        if place == "kinship_foster":
            return "The relatives with whom the child lived went on as its foster carers for the long term."
        if place == "placed_for_adoption":
            return "The carers with whom the child lived are now to adopt it; the child did not move."
        return f"The child now lives {where(place, self.order)}, with the same carers."

    def _left_care_of_age(self, h: Happening) -> str:
        _, before, stay = self._new_place(h)
        return f"The child turned 18 and left care as an adult, {stay} {where(before)}."

    def _new_place(self, h: Happening) -> tuple[str, str, str]:
        """Where the child lives from now on, where it lived until now, and for how long, in words."""
        before, lived = self.place, h.days - self.since
        self.place, self.since = name_of(W.PLACEMENT_TYPES, h.code), h.days
        self.placements += 1
        self.guarded_by_carers = False
        return self.place, before, f"after {say.span(lived)}" if math.isfinite(lived) else ""

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
        before, plan = self.plan, name_of(W.PLANS, h.code)
        self.plan = plan
        if plan == "none" and (before, self.place) == ("to_kin", "kinship_foster"):
            return "No further move was planned."
        return _PLAN_AT.get(self.place, {}).get(plan) or _PLAN.get(plan, "A plan was made.")

    # the court
    def _proceedings_issued(self, h: Happening) -> str:
        return "New care proceedings were issued." if h.code else "Care proceedings were issued."

    def _interim_listed(self, h: Happening) -> str:
        return self._listed("interim", h)

    def _case_management_listed(self, h: Happening) -> str:
        return self._listed("case_management", h)

    def _issues_resolution_listed(self, h: Happening) -> str:
        return self._listed("issues_resolution", h)

    def _final_listed(self, h: Happening) -> str:
        return self._listed("final", h)

    def _listed(self, kind: str, h: Happening) -> str:
        self.begins[h.subject, kind] = h.days + h.value
        words = HEARING[kind]
        return self._sits(f"{'An' if words[0] in 'aeiou' else 'A'} {words}", h)

    def _sits(self, what: str, h: Happening) -> str:
        sits = h.days + h.value
        if not math.isfinite(sits):
            return "The next hearing could not be listed within the simulated time."
        ahead = int(math.floor(sits) - math.floor(h.days))
        return (
            f"{what} was listed for {say.day(self.j.date(sits))}, "
            f"{'the same day' if ahead == 0 else say.plural(ahead, 'day') + ' ahead'}."
        )

    def _hearing_effective(self, h: Happening) -> str:
        kind = name_of(W.HEARINGS, h.code)
        began = self.begins.get((h.subject, kind), h.days)
        if math.floor(began) < math.floor(h.days):
            return f"The {HEARING[kind]}, which began on {say.day(self.j.date(began))}, ended."
        return f"The {HEARING[kind]} took place."

    def _hearing_adjourned(self, h: Happening) -> str:
        return f"The {HEARING[name_of(W.HEARINGS, h.code)]} was adjourned to a further one."

    def _hearing_adjourned_for_evidence(self, h: Happening) -> str:
        return f"The {HEARING[name_of(W.HEARINGS, h.code)]} was adjourned, for the evidence was not in."

    def _assessor_asked(self, h: Happening) -> str:
        who = name_of(W.ASSESSORS, h.code)
        if who == "social_work_statement":
            return "No parenting assessment was asked for; the social worker was to give a statement."
        return f"A parenting assessment by {_BY.get(who, who)} was asked for."

    def _assessment_started(self, h: Happening) -> str:
        if name_of(W.ASSESSORS, h.code) == "social_work_statement":
            return "The social worker began the statement."
        return f"The parenting assessment by {_BY.get(name_of(W.ASSESSORS, h.code), 'an assessor')} began."

    def _assessment_left(self, h: Happening) -> str:
        who = name_of(W.ASSESSORS, h.code)
        what = "The social worker's statement"
        if who != "social_work_statement":
            what = f"The parenting assessment by {_BY.get(who, who)}"
        if self.family["arm"] == W.LIFT and self.family["lift_started"] == h.days:
            return f"{what} was left to LIFT."
        return f"{what} was left unfinished, for the court had decided."

    def _evidence_in(self, h: Happening) -> str:
        who = name_of(W.ASSESSORS, h.code)
        if who == "social_work_statement":
            return "The social worker's statement was before the court."
        if who == "lift":
            return "LIFT's report was before the court."
        return f"The parenting assessment by {_BY.get(who, who)} was before the court."

    def _case_decided(self, h: Happening) -> str:
        return f"The court decided the case, after {say.plural(h.code, 'hearing')}."

    def _order_made(self, h: Happening) -> str:
        self.order = name_of(W.ORDERS, h.code)
        what = _ORDER.get(self.order, self.order.replace("_", " "))
        if self.order == "care_order":
            what = _CARE_ORDER_AT.get(self.place, what)
        return f"It made {what}."

    # the trial
    def _screened(self, h: Happening) -> str:
        return _SCREENED.get(name_of(W.SCREENINGS, h.code), "The family was screened for the trial.")

    def _consent_answered(self, h: Happening) -> str:
        return _CONSENT.get(name_of(W.CONSENTS, h.code), "The parents answered the invitation.")

    def _baseline_taken(self, h: Happening) -> str:
        return "The baseline measures were taken, before allocation."

    def _randomised(self, h: Happening) -> str:
        self.arm = name_of(W.ARMS, h.code)
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
        then = (
            "treatment with the birth parents was indicated, before LIFT would recommend to the court"
            if h.code == 1
            else "no treatment with the birth parents was indicated"
        )
        return f"LIFT's assessment was complete and had been discussed with the professionals: {then}."

    def _treatment_started(self, h: Happening) -> str:
        what = _TREATMENT.get(name_of(W.TREATMENTS, h.code), "treatment")
        return f"LIFT began a trial of treatment with the birth parents: {what}."

    def _treatment_reviewed(self, h: Happening) -> str:
        return "The treatment was reviewed, halfway."

    def _treatment_ended(self, h: Happening) -> str:
        return "The treatment was complete." if h.code == 1 else "The treatment was broken off."

    def _lift_recommended(self, h: Happening) -> str:
        what = "recommended" if h.code == 1 else "did not recommend"
        return f"LIFT reported to the court: it {what} the child's return home."

    def _carers_treatment_started(self, h: Happening) -> str:
        what = _TREATMENT.get(name_of(W.TREATMENTS, h.code), "treatment")
        return f"LIFT began to work with the child's carers: {what}."

    def _carers_treatment_ended(self, h: Happening) -> str:
        return (
            "LIFT's work with the carers was complete."
            if h.code == 1
            else "LIFT's work with the carers ended, since the child no longer lived with them."
        )

    def _lift_place_freed(self, h: Happening) -> str:
        return f"The places that the family had had with LIFT's clinicians for {say.span(h.value)} were free again."

    def _service_settled(self, h: Happening) -> str:
        return _RECEIPT.get(
            name_of(W.RECEIPTS, h.code), "It was settled whether the family received the service."
        )

    def _visit_missed(self, h: Happening) -> str:
        which = _ordinal(h.code)
        return f"The trial's {which} visit was due; the family was not seen, so its scores are not known."

    def _visit_made(self, h: Happening) -> str:
        k = h.code
        said = []
        for name, label, digits in (
            ("sdq", "SDQ total difficulties {} of 40", 0),
            ("pirgas", "PIR-GAS {} of 100", 0),
        ):
            value = float(self.scores[name][k])
            if math.isfinite(value):
                said.append(label.format(say.number(value, digits)))
        young = "" if math.isfinite(float(self.scores["sdq"][k])) else " (too young for the SDQ)"
        return f"The trial's {_ordinal(k)} visit: {say.listed(said) or 'no scores'}{young}."
