"""What is counted of placement stability, and what is compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from best_sim.measures.timeliness import PERMANENCE
from best_sim.pathway import words as W

MEASURES: Mapping[str, tuple[str, str]] = {
    "moves": ("moves", "per child-year in care"),
    "unplanned_moves": ("unplanned moves", "per child-year in care"),
    "three_in_year_to_march": ("three or more placements in the year to 31 March", "share"),
    "three_in_first_year": ("three or more placements in the first year of care", "share"),
    "same_carer": ("same carer for two years", "share"),
    "ended_median_days": ("median length of ended foster placements", "days"),
    "ended_under_month": ("ended foster placements that lasted under a month", "share"),
    "ended_under_6_months": ("ended foster placements that lasted under six months", "share"),
    "ended_under_year": ("ended foster placements that lasted under a year", "share"),
    "permanence_12": ("permanence within 12 months", "share"),
    "permanence_24": ("permanence within 24 months", "share"),
    "re_entry": ("back in care within a year of going home", "share"),
}
"""What is counted: label and unit, by name."""
CURVE_MONTHS = tuple(range(37))
"""Months at which the incidence of permanence is given."""
HORIZONS = (12, 24)
KINDS = tuple(W.PLACEMENT_TYPES[kind] for kind in PERMANENCE)
EFFECTS: Mapping[str, tuple[str, Literal["ratio", "difference"]]] = {
    "moves": ("moves per child-year in care", "ratio"),
    "unplanned_moves": ("unplanned moves per child-year in care", "ratio"),
    "three_in_first_year": (MEASURES["three_in_first_year"][0], "difference"),
    "same_carer": (MEASURES["same_carer"][0], "difference"),
    "permanence_hazard": ("hazard of permanence of any kind", "ratio"),
    "permanence": ("permanence of any kind", "difference"),
    "home": ("home with parents", "difference"),
    "special_guardianship": ("special guardianship", "difference"),
    "placed_for_adoption": ("placed for adoption", "difference"),
    "long_term_foster": ("long-term foster care", "difference"),
}
"""What is compared: label and scale, by name. The last five are incidences at a horizon."""
AT_HORIZON = ("permanence", *KINDS)
SELECTED = ("same_carer",)
"""Comparisons of children who are still in care, which a service may change: not of like with like."""
SIDES: Mapping[str, tuple[str, str]] = {"arm": ("LIFT", "SAU"), "period": ("after", "before")}
"""What is compared with what, by contrast."""
