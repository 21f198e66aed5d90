"""Looking at a drawn figure: what it says, and whether its texts are apart."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.text import Text


def texts(figure: Figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]


def assert_texts_are_apart(figure: Figure) -> None:
    """No text lies over another, and none leaves the figure; labels of ticks are apart by the axis's own doing."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    ticks = {
        id(label)
        for ax in figure.axes
        for label in (*ax.get_xticklabels(which="both"), *ax.get_yticklabels(which="both"))
    }
    boxes = [
        (t.get_text(), t.get_window_extent(renderer))
        for t in figure.findobj(Text)
        if t.get_visible() and t.get_text().strip() and id(t) not in ticks
    ]
    # the box of the font reaches above and below its letters; take what letters use
    boxes = [(s, b.x0, b.y0 + 0.12 * b.height, b.x1, b.y1 - 0.12 * b.height) for s, b in boxes]
    width, height = figure.bbox.width, figure.bbox.height
    for s, x0, y0, x1, y1 in boxes:
        assert x0 >= -1 and y0 >= -1 and x1 <= width + 1 and y1 <= height + 1, f"{s!r} leaves the figure"
    for i, (s, x0, y0, x1, y1) in enumerate(boxes):
        for t, u0, v0, u1, v1 in boxes[i + 1 :]:
            apart = x1 <= u0 + 0.5 or u1 <= x0 + 0.5 or y1 <= v0 + 0.5 or v1 <= y0 + 0.5
            assert apart, f"{s!r} lies over {t!r}"
