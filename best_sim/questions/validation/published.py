"""The published figures: what each says, where it stands, and whether it set a parameter or was left as a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class PublishedFigure:
    """One published figure.

    Attributes
    ----------
    key : str
        Name of the figure among those that `figures_of` computes.
    text : str
        What it is, in words.
    value : float
        As published.
    unit : str
    role : {"set", "check"}
        Whether a parameter was chosen to meet it, or it was left to check the model.
    near : float
        How far the simulated mean may lie and still be called near: a share of the published value.
    source : str
    why_not : str
        Where the model is not near: why.
    """

    key: str
    text: str
    value: float
    unit: str
    role: Literal["set", "check"]
    near: float
    source: str
    why_not: str = ""


_TRIAL = "Crawford et al., Nature Medicine 2025;31:1617-25"
_DFE = "DfE, Children looked after in England including adoptions"
_COURT = "Ministry of Justice, Family Court Statistics Quarterly"
_GUIDANCE = "President of the Family Division, case management guidance, 2022"
_PREPRINT = "Crawford et al., preprint rs-4872730"
_PIRGAS = "220 BeST? children, preprint rs-6828302"
_COSTS = "Deidda et al., J Public Health 2025;47:478-86"

FIGURES: tuple[PublishedFigure, ...] = (
    PublishedFigure("weeks_2017", "Proceedings decided in 2017, mean", 28.2, "weeks", "set", 0.07, _COURT),
    PublishedFigure("weeks_2018", "Proceedings decided in 2018, mean", 30.0, "weeks", "set", 0.07, _COURT),
    PublishedFigure("weeks_2019", "Proceedings decided in 2019, mean", 33.0, "weeks", "set", 0.07, _COURT),
    PublishedFigure("weeks_2020", "Proceedings decided in 2020, mean", 39.0, "weeks", "set", 0.07, _COURT),
    PublishedFigure("weeks_2021", "Proceedings decided in 2021, mean", 45.0, "weeks", "set", 0.07, _COURT),
    PublishedFigure(
        "within_26_2017", "Decided in 2017 within 26 weeks", 0.57, "share", "check", 0.15, _COURT,
    ),
    PublishedFigure("within_26_2018", "Decided in 2018 within 26 weeks", 0.497, "share", "set", 0.10, _COURT),
    PublishedFigure("hearings_2017", "Hearings per case, 2016/17", 5.2, "hearings", "set", 0.07, _GUIDANCE),
    PublishedFigure(
        "hearings_2019", "Hearings per case, 2019/20", 5.8, "hearings", "check", 0.07, _GUIDANCE,
        "adjournment probabilities are constant, set to 2016/17, and congestion alone adds no hearings",
    ),
    PublishedFigure(
        "moves", "Moves per child-year in care", 0.54, "per year", "set", 0.10, _DFE + " (2021, derived)",
    ),
    PublishedFigure(
        "three_in_year_to_march", "Three or more placements in a year, in care on 31 March", 0.105, "share", "check",
        0.25, _DFE,
        "published for all ages; under-fives stay in care for months rather than years, so fewer of them "
        "are exposed for a whole year, and the rate of moves was set to the mean of all ages",
    ),
    PublishedFigure(
        "ended_month", "Ended foster placements that lasted under a month", 0.261, "share", "set", 0.12,
        _DFE + " (2016/17)",
    ),
    PublishedFigure(
        "ended_half_year", "Ended foster placements that lasted under six months", 0.563, "share", "set",
        0.12, _DFE + " (2016/17)",
    ),
    PublishedFigure(
        "ended_year", "Ended foster placements that lasted under a year", 0.745, "share", "check", 0.12,
        _DFE + " (2016/17)",
    ),
    PublishedFigure(
        "entry_to_decision", "Adoption, under one at entry: entry to decision", 6.0, "months", "check", 0.25,
        _DFE + " (adopted in 2021)",
    ),
    PublishedFigure(
        "decision_to_match", "Adoption, under one at entry: decision to match", 7.0, "months", "set", 0.15,
        _DFE + " (adopted in 2021)",
    ),
    PublishedFigure(
        "match_to_placed", "Adoption, under one at entry: match to placed", 1.0, "months", "set", 0.10,
        _DFE + " (adopted in 2021)",
    ),
    PublishedFigure(
        "placed_to_order", "Adoption, under one at entry: placed to order", 9.0, "months", "set", 0.10,
        _DFE + " (adopted in 2021)",
    ),
    PublishedFigure(
        "home_and_back", "Home, then back in care within a year", 0.20, "share", "set", 0.10,
        "Goldacre et al., Br J Soc Work 2022",
    ),
    PublishedFigure("families", "Families randomised by 31 July 2021", 382, "families", "set", 0.05, _TRIAL),
    PublishedFigure("children", "Children in those families", 488, "children", "check", 0.05, _TRIAL),
    PublishedFigure(
        "months", "Months from January 2012 to the 382nd family, where reached", 115, "months", "check", 0.05,
        _TRIAL,
    ),
    PublishedFigure("lift_share", "Share allocated to LIFT", 0.5, "share", "set", 0.03, _TRIAL),
    PublishedFigure("ineligible", "Found ineligible later", 0.058, "share", "set", 0.10, _PREPRINT),
    PublishedFigure("seen", "Eligible families seen at 2.5 years", 0.794, "share", "set", 0.03, _TRIAL),
    PublishedFigure(
        "received", "Families that got the service allocated", 0.664, "share", "set", 0.05, _PREPRINT,
    ),
    PublishedFigure("sdq_sau", "SDQ at 2.5 years, SAU, mean", 11.1, "points", "set", 0.05, _TRIAL),
    PublishedFigure("sdq_sau_sd", "SDQ at 2.5 years, SAU, SD", 7.2, "points", "set", 0.05, _TRIAL),
    PublishedFigure("sdq_lift", "SDQ at 2.5 years, LIFT, mean", 11.5, "points", "check", 0.05, _TRIAL),
    PublishedFigure("sdq_lift_sd", "SDQ at 2.5 years, LIFT, SD", 7.6, "points", "check", 0.07, _TRIAL),
    PublishedFigure(
        "sdq_difference", "SDQ at 2.5 years, LIFT - SAU", 1.4, "points", "check", 0.0, _TRIAL,
        "the default is no direct effect; the published +1.4 (95 % CI -0.63 to 3.53) includes zero",
    ),
    PublishedFigure("pirgas_first", "PIR-GAS at baseline, mean", 66.1, "points", "set", 0.03, _PIRGAS),
    PublishedFigure("pirgas_first_sd", "PIR-GAS at baseline, SD", 17.1, "points", "set", 0.05, _PIRGAS),
    PublishedFigure("pirgas_third", "PIR-GAS at 2.5 years, mean", 79.7, "points", "set", 0.03, _PIRGAS),
    PublishedFigure("pirgas_third_sd", "PIR-GAS at 2.5 years, SD", 16.5, "points", "set", 0.05, _PIRGAS),
    PublishedFigure("cost_lift", "Cost of the service per child, LIFT", 10002, "GBP", "set", 0.07, _COSTS),
    PublishedFigure("cost_sau", "Cost of the service per child, SAU", 4336, "GBP", "set", 0.07, _COSTS),
)  # fmt: skip
