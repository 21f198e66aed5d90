"""How figures look: colours that everybody can tell apart, one typography, the same bytes.

A figure is never told by colour alone: arms differ in line and marker too, placement types in lightness and
hatch, and whatever can be labelled where it is drawn is labelled there.

matplotlib is imported by what draws, not with this module: words and tables take colours and names from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
R = TypeVar("R")

INK, SOFT, FAINT, RULE, PAPER = "#1c2126", "#565d66", "#8a9199", "#d5d9de", "#ffffff"
"""Text, secondary text, marks in the background, hairlines, ground."""
WASH = "#f3f5f7"
ACCENT = "#0072B2"
OCHRE = "#b5720b"
SOURCE = "Simulated; not results of the trial."
"""Said under every figure of a simulation."""
ESTIMATED = "Estimated from episodes of care; not results of the trial."
"""Said under a figure of what an authority's own returns say of the model."""
COUNTED = "Counted in returns; not results of the trial."
"""Said under a figure of what is in returns."""

FONT = "DejaVu Sans"
SIZE, SMALL, TINY, TITLE = 9.0, 8.0, 7.4, 12.5
DPI = 150

RC: tuple[tuple[str, Any], ...] = (
    ("font.family", FONT),
    ("font.size", SIZE),
    ("text.color", INK),
    ("text.parse_math", False),
    ("axes.edgecolor", FAINT),
    ("axes.labelcolor", SOFT),
    ("axes.labelsize", SIZE),
    ("axes.linewidth", 0.7),
    ("axes.spines.top", False),
    ("axes.spines.right", False),
    ("axes.unicode_minus", True),
    ("xtick.color", FAINT),
    ("ytick.color", FAINT),
    ("xtick.labelcolor", SOFT),
    ("ytick.labelcolor", SOFT),
    ("xtick.labelsize", SMALL),
    ("ytick.labelsize", SMALL),
    ("xtick.major.size", 3.5),
    ("ytick.major.size", 3.5),
    ("xtick.major.width", 0.7),
    ("ytick.major.width", 0.7),
    ("hatch.linewidth", 0.6),
    ("hatch.color", PAPER),
    ("lines.solid_capstyle", "butt"),
    ("figure.facecolor", PAPER),
    ("savefig.facecolor", PAPER),
    ("svg.fonttype", "path"),
    ("svg.hashsalt", "best_sim"),
)


@dataclass(frozen=True)
class Look:
    """How one thing is drawn.

    Attributes
    ----------
    label : str
        Plain words.
    color : str
        Fill, line or marker.
    ink : str
        Text on the fill.
    line : str or tuple
        Line style.
    marker : str
        Marker.
    hatch : str
        Hatch of a fill, so that neighbours differ in grey print.
    dark : str
        The colour, dark enough for text on white.
    """

    label: str
    color: str
    ink: str = INK
    line: Any = "-"
    marker: str = "o"
    hatch: str = ""
    dark: str = INK


def arm_look(arm: str) -> Look:
    """The fixed look of an arm: LIFT blue, solid, round; SAU ochre, dashed, square.

    Parameters
    ----------
    arm : str
        A name of `best_sim.pathway.words.ARMS`, or any other name, which is drawn in grey.

    Examples
    --------
    >>> arm_look("LIFT").color, arm_look("SAU").marker
    ('#0072B2', 's')
    """
    looks = {
        "LIFT": Look("LIFT", "#0072B2", PAPER, "-", "o", "", "#005a8e"),
        "SAU": Look("SAU", "#E69F00", INK, (0, (4, 1.6)), "s", "////", "#8f5f00"),
    }
    return looks.get(arm, Look(arm.replace("_", " "), "#7b838c", PAPER, (0, (1, 1.4)), "D", "", SOFT))


def place_look(kind: str) -> Look:
    """The fixed look of a placement type; an unknown type is drawn in grey with its own name.

    Examples
    --------
    >>> place_look("kinship_foster").label
    'Kinship foster care'
    """
    looks = {
        "foster": Look("Foster care", "#0072B2", PAPER, dark="#005a8e"),
        "kinship_foster": Look("Kinship foster care", "#56B4E9", INK, dark="#1f6f9e"),
        "parent_and_baby": Look("Parent and baby placement", "#C9E4F6", INK, dark="#3d6d8c"),
        "with_parents": Look("With parents (order)", "#F0CB6B", INK, dark="#85661a"),
        "residential": Look("Residential care", "#6d747c", PAPER, dark="#4d545b"),
        "long_term_foster": Look("Long-term foster care", "#003E63", PAPER, dark="#003E63"),
        "placed_for_adoption": Look("Placed for adoption", "#E3B7CF", INK, dark="#8b4a6d"),
        "adopted": Look("Adopted", "#B5648F", PAPER, dark="#8b3f68"),
        "special_guardianship": Look("Special guardianship", "#009E73", PAPER, dark="#00704f"),
        "bridging_foster": Look("Short-notice foster care", "#7FB8D8", INK, dark="#2f6e93"),
        "hospital": Look("Hospital", "#D9DDE1", INK, dark="#5d656d"),
        "early_permanence": Look("Fostering for adoption", "#C98BB0", INK, dark="#8b4a6d"),
        "home": Look("Home with parents", "#E69F00", INK, dark="#8f5f00"),
        "of_age": Look("Of age", "#EEF0F2", INK, dark="#5d656d"),
    }
    return looks.get(kind, Look(kind.replace("_", " ").capitalize(), "#b7bdc4", INK, dark=SOFT))


PLACE_ORDER = (
    "hospital",
    "bridging_foster",
    "foster",
    "kinship_foster",
    "parent_and_baby",
    "with_parents",
    "residential",
    "long_term_foster",
    "early_permanence",
    "placed_for_adoption",
    "adopted",
    "special_guardianship",
    "home",
    "of_age",
)
"""Order in stacks: temporary care at the bottom, then what is meant to last."""


@contextmanager
def style() -> Iterator[None]:
    """The figures' settings, for as long as the context lasts."""
    import matplotlib as mpl

    settings: Any = dict(RC)
    with mpl.rc_context(settings):
        yield


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """A function that draws, with the figures' settings around it."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with style():
            return draw(*args, **kwargs)

    return drawn


# --- text, measured without drawing it ----------------------------------------------------------------------
@lru_cache(maxsize=1 << 12)
def text_width(text: str, size: float = SIZE, weight: Literal["normal", "bold"] = "normal") -> float:
    """Width of a line of text, inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    if not text:
        return 0.0
    font = FontProperties(family=FONT, size=size, weight=weight)
    width, _, _ = TextToPath().get_text_width_height_descent(text, font, False)
    return float(width) / 72.0


def wrapped(
    text: str, width: float, size: float = SIZE, weight: Literal["normal", "bold"] = "normal"
) -> list[str]:
    """Lines of a text, each at most `width` inches wide where its words allow.

    Examples
    --------
    >>> wrapped("one two", 0.3)
    ['one', 'two']
    """
    lines: list[str] = []
    for part in text.split("\n"):
        line = ""
        for word in part.split():
            longer = f"{line} {word}" if line else word
            if line and text_width(longer, size, weight) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return lines


def fitted(text: str, width: float, size: float = SIZE) -> str:
    """A text in one line of at most `width` inches: whole, or cut with an ellipsis.

    Examples
    --------
    >>> fitted("one two", 5.0), fitted("one two", 0.4)
    ('one two', 'one…')
    """
    if text_width(text, size) <= width:
        return text
    while text and text_width(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def line_height(size: float = SIZE) -> float:
    """Height of a line of text, inches."""
    return size * 1.32 / 72.0


# --- the sheet ----------------------------------------------------------------------------------------------
class Sheet:
    """A figure with its title above and its source line below, laid out in inches.

    Parameters
    ----------
    width : float
        Inches.
    body : float
        Height between title and source line, inches.
    title : str
        What the figure shows, in one plain sentence.
    subtitle : str
        Unit, population, how to read it.
    source : str
        Assumptions; what `origin` says goes before it.
    alt : str
        The figure in words, for those who do not see it.
    origin : str
        `SOURCE`, or `ESTIMATED`.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    """

    MARGIN = 0.28

    def __init__(
        self,
        width: float,
        body: float,
        title: str,
        subtitle: str = "",
        source: str = "",
        alt: str = "",
        origin: str = SOURCE,
    ) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        inner = width - 2 * self.MARGIN
        heading = wrapped(title, inner, TITLE, "bold")
        under = wrapped(subtitle, inner, SIZE) if subtitle else []
        said = f"{origin} {source}".strip()
        foot = wrapped(said, inner, TINY)
        self.top = 0.24 + len(heading) * line_height(TITLE) + len(under) * line_height(SIZE) + 0.16
        self.bottom = 0.16 + len(foot) * line_height(TINY) + 0.10
        self.width, self.body = width, body
        self.height = self.top + body + self.bottom
        self.figure = Figure(figsize=(width, self.height))
        FigureCanvasAgg(self.figure)
        self.figure.set_label(alt or f"{title}. {subtitle}".strip())
        y = self.height - 0.24
        for lines, size, color, weight in ((heading, TITLE, INK, "bold"), (under, SIZE, SOFT, "normal")):
            for line in lines:
                self.text(self.MARGIN, y, line, size=size, color=color, weight=weight, va="top")
                y -= line_height(size)
        y = 0.12 + len(foot) * line_height(TINY)
        for line in foot:
            self.text(self.MARGIN, y, line, size=TINY, color=SOFT, va="top")
            y -= line_height(TINY)

    def text(self, x: float, y: float, text: str, **kwargs: Any) -> Any:
        """A text at inches from the lower left corner."""
        return self.figure.text(x / self.width, y / self.height, text, **kwargs)

    def axes(self, left: float, right: float, bottom: float, top: float, **kwargs: Any) -> Axes:
        """Axes whose box keeps so many inches from the left, the right, and the body's bottom and top."""
        box = (
            left / self.width,
            (self.bottom + bottom) / self.height,
            (self.width - left - right) / self.width,
            (self.body - bottom - top) / self.height,
        )
        return self.figure.add_axes(box, **kwargs)


def spread(wanted: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Positions as near to the wanted ones as can be while at least `least` apart, within [low, high].

    Examples
    --------
    >>> spread([1.0, 1.1, 5.0], 1.0, 0.0, 10.0)
    [0.55, 1.55, 5.0]
    """
    n = len(wanted)
    if n == 0:
        return []
    if (n - 1) * least > high - low:
        return [float(v) for v in np.linspace(low, high, n)]
    order = sorted(range(n), key=lambda i: wanted[i])
    clusters: list[list[int]] = []
    centres: list[float] = []

    def centre(members: list[int]) -> float:
        middle = sum(wanted[i] for i in members) / len(members)
        half = (len(members) - 1) * least / 2
        return min(max(middle, low + half), high - half)

    for i in order:
        clusters.append([i])
        centres.append(centre([i]))
        while len(clusters) > 1:
            reach = (len(clusters[-2]) + len(clusters[-1])) * least / 2
            if centres[-1] - centres[-2] >= reach - 1e-12:
                break
            clusters[-2].extend(clusters.pop())
            centres.pop()
            centres[-1] = centre(clusters[-1])
    out = [0.0] * n
    for members, middle in zip(clusters, centres, strict=True):
        for k, i in enumerate(members):
            out[i] = round(middle + (k - (len(members) - 1) / 2) * least, 10)
    return out


# --- files --------------------------------------------------------------------------------------------------
def alt_text(figure: Figure) -> str:
    """The figure in words."""
    return str(figure.get_label())


def save(figure: Figure, path: str | Path, svg: str | None = None) -> tuple[Path, Path]:
    """Write a figure as PNG (150 dots an inch) and SVG; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : path
        Without ending, or with one, which is replaced.
    svg : str, optional
        The figure as `svg_text` gives it, where that is there already.

    Returns
    -------
    tuple of pathlib.Path
        The PNG and the SVG file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    dots, lines = path.with_suffix(".png"), path.with_suffix(".svg")
    with style():
        figure.savefig(dots, dpi=DPI, metadata={"Software": None, "Description": alt_text(figure)})
    lines.write_text(svg_text(figure) if svg is None else svg, encoding="utf-8", newline="\n")
    return dots, lines


def svg_text(figure: Figure) -> str:
    """A figure as SVG text, for a page that holds it inside."""
    import io

    out = io.StringIO()
    with style():
        figure.savefig(
            out, format="svg", metadata={"Date": None, "Creator": None, "Description": alt_text(figure)}
        )
    return out.getvalue()
