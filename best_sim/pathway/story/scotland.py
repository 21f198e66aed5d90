"""The words for what happens to a child in Scotland: the reporter, children's hearings, the sheriff, the plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from best_sim.drawing import wording as say
from best_sim.pathway import words as W
from best_sim.pathway.story.happenings import Happening
from best_sim.pathway.story.telling import Teller, name_of

if TYPE_CHECKING:
    from best_sim.pathway.journeys import Journeys

_ENTERED = {
    "voluntary": "The child came into care with the parents' agreement (section 25).",
    "emergency_or_interim": "The child came into care under a child protection order.",
    "during_proceedings": "The child came into care by order of a children's hearing.",
    "at_home_under_supervision": "The child began to be looked after by order of a children's hearing.",
}
_HEARING = {
    "second_working_day": "A children's hearing on the second working day continued the child protection order.",
    "grounds": "The grounds hearing took place: the reporter put the grounds of referral to a children's hearing.",
    "interim": "A children's hearing looked at the interim order again.",
    "disposal": "A children's hearing met to decide on compulsory supervision.",
    "review": "A children's hearing reviewed the compulsory supervision order.",
    "advice": "A children's hearing gave its advice on the plan of permanence.",
}
_SHERIFF = {
    "proof": "The sheriff heard the proof of the grounds.",
    "interim_order": "The sheriff looked at the interim order, which a hearing could renew no longer.",
    "appeal": "The sheriff heard the appeal.",
    "permanence": "The sheriff heard the petition for a permanence order.",
    "section_11": "The sheriff heard the relatives' application for a kinship care order (section 11).",
}
_DIRECTION = {
    "home": "The plan was that the child would return home.",
    "kin": "The plan was that the child would grow up with relatives.",
    "adoption": "The plan was adoption.",
    "long_term": "The plan was foster care for the long term.",
}
_ORDER = {
    "compulsory_supervision_at_home": (
        "It varied the compulsory supervision order: the child is to live at home, and is still looked after."
    ),
    "no_compulsory_measures": "No compulsory measures were needed any more: the child is to live with parents.",
    "kinship_care_order": "The sheriff made a kinship care order: the child is to grow up with relatives.",
    "permanence_order": "The sheriff made a permanence order: the child is to stay with carers for the long term.",
    "permanence_order_with_authority_to_adopt": (
        "The sheriff made a permanence order with authority to adopt: the child may be placed for adoption."
    ),
}
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_AT_HOME = "compulsory_supervision_at_home"
IN_SCOTLAND = (
    ("with parents, under an interim order", "at home with parents, under supervision"),
    ("to parents, under an interim order", "home to parents, under supervision"),
    ("with relatives as special guardians", "with relatives under a kinship care order"),
    ("to relatives as special guardians", "to relatives under a kinship care order"),
    ("are special guardians", "have the kinship care order"),
    ("was before the court", "was ready for the next looked-after review"),
    ("before LIFT would recommend to the court", "before LIFT would recommend"),
    ("LIFT reported to the court", "LIFT reported to the local authority and the hearing"),
    (
        "Long-term foster care was planned.",
        "Carers with whom the child could stay were looked for, whatever would become of the plan.",
    ),
    ("the court had decided", "the plan had been decided"),
    ("The court had decided first", "The plan had been decided first"),
    ("The court decided before", "The plan was decided before"),
    ("when the voluntary stay ends", "when the stay by agreement ends"),
)
"""What is said in England and Wales, and in Scotland."""


class ScottishTeller(Teller):
    """Tells what happens to a child whom Scots law protects."""

    def __init__(self, journeys: Journeys, child: int) -> None:
        super().__init__(journeys, child)
        self.supervised = False

    def tell(self, h: Happening) -> str:
        """The sentence for one happening."""
        told: Callable[[Happening], str] | None = getattr(self, f"_{h.name}", None)
        return self.in_law(told(h) if told is not None else super().tell(h))

    def in_law(self, sentence: str) -> str:
        """A sentence in the words of Scots law."""
        for english, scottish in IN_SCOTLAND:
            sentence = sentence.replace(english, scottish)
        return sentence

    # at home under a compulsory supervision order the child is still looked after
    def supervised_at_home(self) -> bool:
        """Whether a hearing has sent the child home under an order that is in force."""
        return self.supervised and self.order == _AT_HOME

    def lives(self) -> str:
        """Where the child lives now, in words that follow "lives"."""
        supervised = self.place == "home" and self.supervised_at_home()
        return f"{super().lives()}{', under supervision' if supervised else ''}"

    def _stayed_with_carer(self, h: Happening) -> str:
        told = super()._stayed_with_carer(h)
        if self.place == "home" and self.supervised_at_home():
            return "The child, who was already with parents, stays at home under the order."
        return told

    def _placed_on_re_entry(self, h: Happening) -> str:
        supervised = self.supervised_at_home()
        told = super()._placed_on_re_entry(h)
        return told.replace("came back into care", "was taken from home again") if supervised else told

    def _plan_made(self, h: Happening) -> str:
        told = super()._plan_made(h)
        return told.replace(" and leave care", "") if self.supervised_at_home() else told

    # how the child came to be looked after
    def _entered_care(self, h: Happening) -> str:
        return _ENTERED.get(name_of(W.ROUTES, h.code), "The child came into care.")

    def _referred_to_reporter(self, h: Happening) -> str:
        return "The child was referred to the children's reporter."

    def _child_protection_order_made(self, h: Happening) -> str:
        return "A sheriff had made a child protection order."

    # hearings, and the sheriff
    def _childrens_hearing_held(self, h: Happening) -> str:
        return _HEARING.get(name_of(W.CHILDRENS_HEARINGS, h.code), "A children's hearing took place.")

    def _childrens_hearing_deferred(self, h: Happening) -> str:
        return "It deferred its decision to a further hearing."

    def _referral_discharged(self, h: Happening) -> str:
        if h.code == 1:
            return "The reporter did not go on with the proof, as compulsory measures were needed no more."
        return "The hearing discharged the referral."

    def _grounds_accepted(self, h: Happening) -> str:
        return "The grounds were accepted."

    def _grounds_sent_to_proof(self, h: Happening) -> str:
        return "The grounds were not accepted, or could not be understood; they were sent to the sheriff for proof."

    def _proof_lodged(self, h: Happening) -> str:
        return "The reporter lodged the application for proof."

    def _grounds_established(self, h: Happening) -> str:
        if h.code == 1:
            return "The sheriff found the grounds established."
        return "The sheriff did not find the grounds established, and the referral came to its end."

    def _interim_order_made(self, h: Happening) -> str:
        return f"It made an interim compulsory supervision order for {say.plural(round(h.value), 'day')}."

    def _interim_order_extended(self, h: Happening) -> str:
        return f"The sheriff extended the interim order for {say.plural(round(h.value), 'day')}."

    def _compulsory_order_made(self, h: Happening) -> str:
        self.supervised = True
        return "It made a compulsory supervision order, to be reviewed within a year."

    def _compulsory_order_continued(self, h: Happening) -> str:
        return "It continued the compulsory supervision order, to be reviewed within a year."

    def _compulsory_order_ended(self, h: Happening) -> str:
        at_home = self.place == "home" and self.supervised_at_home()
        self.supervised = False
        ended = "The compulsory supervision order ended"
        return f"{ended}: the child, at home, is no longer looked after." if at_home else f"{ended}."

    def _sheriff_hearing_listed(self, h: Happening) -> str:
        return self._sits("A hearing before the sheriff", h)

    def _sheriff_hearing_held(self, h: Happening) -> str:
        return _SHERIFF.get(name_of(W.SHERIFF_HEARINGS, h.code), "The sheriff heard the case.")

    def _appeal_made(self, h: Happening) -> str:
        return "An appeal against the hearing's decision was made to the sheriff."

    def _appeal_decided(self, h: Happening) -> str:
        if h.code == 1:
            return "The sheriff upheld the appeal; a further hearing was to look at the decision again."
        return "The sheriff refused the appeal."

    # the plan
    def _looked_after_review(self, h: Happening) -> str:
        ending = "th" if h.code % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(h.code % 10, "th")
        which = _ORDINALS[h.code - 1] if h.code <= len(_ORDINALS) else f"{h.code}{ending}"
        return f"The local authority held its {which} looked-after review."

    def _direction_set(self, h: Happening) -> str:
        return _DIRECTION.get(name_of(W.DIRECTIONS, h.code), "A plan was made.")

    def _permanence_panel(self, h: Happening) -> str:
        return "The adoption and permanence panel recommended the plan."

    def _agency_decision(self, h: Happening) -> str:
        return "The agency made its decision: the plan was approved."

    def _petition_lodged(self, h: Happening) -> str:
        if h.code == W.KINSHIP_CARE_ORDER:
            return "The relatives applied to the sheriff for a kinship care order."
        to_adopt = h.code == W.PERMANENCE_ORDER_TO_ADOPT
        what = "a permanence order with authority to adopt" if to_adopt else "a permanence order"
        return f"The local authority petitioned the sheriff for {what}."

    def _order_made(self, h: Happening) -> str:
        self.order = name_of(W.ORDERS, h.code)
        return _ORDER.get(self.order, f"The order made was {self.order.replace('_', ' ')}.")


def teller_of(journeys, child: int) -> Teller:
    """Who tells of a child: in the words of the law by which it is protected."""
    row = journeys.tables["children"][child]
    court = int(journeys.tables["families"]["court"][int(row["family"])])
    law = journeys.names.get("jurisdictions", ())
    if court < len(law) and law[court] == "Scotland":
        return ScottishTeller(journeys, child)
    return Teller(journeys, child)
