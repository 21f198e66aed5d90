"""One child's story: which child, what concerns it, and the words in which it is told."""

from best_sim.pathway.choices import CHOICES, UnknownChildError
from best_sim.pathway.story.happenings import Happening, happenings
from best_sim.pathway.story.lines import Story, story
from best_sim.pathway.story.who import choose_child

__all__ = [
    "CHOICES",
    "Happening",
    "Story",
    "UnknownChildError",
    "choose_child",
    "happenings",
    "story",
]
