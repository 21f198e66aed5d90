"""Figures, tables, one child's story and the report.

`figures` and `consort` draw from tidy tables, `trace` tells a child's story and `timeline` draws it,
`tables` is for the terminal, `report` writes the page. `best_sim.drawing.style.save` writes a figure.
"""

from best_sim.display.consort import consort_figure
from best_sim.display.figures import (
    estimates_figure,
    living_by_month,
    outcomes_of_care_figure,
    power_figure,
    proceedings_figure,
    recruitment_curve,
    recruitment_figure,
    waits_figure,
)
from best_sim.display.report import write_report
from best_sim.display.tables import estimates_table, living_table, power_table, status_counts
from best_sim.display.timeline import timeline_figure
from best_sim.display.trace import CHOICES, Story, UnknownChildError, choose_child, story, tell
from best_sim.drawing.style import alt_text, save

__all__ = [
    "CHOICES",
    "Story",
    "UnknownChildError",
    "alt_text",
    "choose_child",
    "consort_figure",
    "estimates_figure",
    "estimates_table",
    "living_by_month",
    "living_table",
    "outcomes_of_care_figure",
    "power_figure",
    "power_table",
    "proceedings_figure",
    "recruitment_curve",
    "recruitment_figure",
    "save",
    "status_counts",
    "story",
    "tell",
    "timeline_figure",
    "waits_figure",
    "write_report",
]
