"""One child's story on the screen, as text, and in the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from best_sim.questions.found import Chapter, Content, Picture, Terms

if TYPE_CHECKING:
    from best_sim.questions.trace.run import TraceFound


def printed_of(found: TraceFound, width: int) -> list[str]:
    """The story, or both under a heading each."""
    out = []
    for how, story in found.stories.items():
        if found.question.both_services:
            out.append(f" {_heading(how)} ".center(width, "\N{BOX DRAWINGS LIGHT HORIZONTAL}"))
        out.append(story.text(width))
    return out


def notes_of(found: TraceFound) -> list[str]:
    """What the story rests on."""
    out = ["The child is invented. Whatever the story does not tell, the model does not know."]
    if found.question.both_services:
        out.append(
            "Both stories have the same luck. One child's two histories differ by what follows from the service, and "
            "say nothing of its effect."
        )
    return out


def chapters_of(found: TraceFound) -> list[Chapter]:
    """The timeline, then the story, in either service one after the other."""
    caption = "Where the child lived, the court, the service and the trial."
    asked = [found.question.question] if found.question.question else []
    title = "In one picture" if found.drawn else "What was asked"
    chapters = [Chapter("timeline", title, (*asked, Picture("timeline", caption)))]
    for how, story in found.stories.items():
        days = Terms(tuple((line.when, " ".join(line.sentences)) for line in story.lines))
        content: tuple[Content, ...] = (*story.opening, days, *story.closing)
        name = _heading(how) if found.question.both_services else "The story"
        chapters.append(Chapter(f"story-{how.lower().replace(' ', '-')}", name, content))
    return chapters


def _heading(how: str) -> str:
    return f"The same child, in {how}"
