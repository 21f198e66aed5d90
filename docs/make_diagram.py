"""Draw the process diagram of `docs/explanation/model.md`: `python docs/make_diagram.py` writes `pathway.svg`.

Letters are those of the stages in the text; a letter with a number is a place at which a parameter acts, and is listed
there.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

HERE = Path(__file__).parent
INK, PALE = "#1b1f24", "#6b7280"
FILL = {
    "A": "#e8eef7", "B": "#fdf1dc", "C": "#eaf3ea", "D": "#f7e8ef",
    "E": "#eaf3ea", "F": "#e8eef7", "G": "#fdf1dc", "H": "#f0f0f0",
}  # fmt: skip
EDGE = {
    "A": "#0072B2", "B": "#B26B00", "C": "#00734f", "D": "#99325f",
    "E": "#00734f", "F": "#0072B2", "G": "#B26B00", "H": "#555555",
}  # fmt: skip


def stage(
    ax: Axes, letter: str, title: str, x: float, y: float, w: float, h: float, shift: float = 0.0
) -> None:
    """A stage: a framed area with its letter and title, `shift` to the right of its corner."""
    ax.add_patch(
        FancyBboxPatch(
            (x, y),
            w,
            h,
            boxstyle="round,pad=0,rounding_size=1.2",
            fc=FILL[letter],
            ec=EDGE[letter],
            lw=1.1,
        )
    )
    top = y + h - 1.2
    ax.text(x + 1.2 + shift, top, letter, ha="left", va="top", fontsize=13, weight="bold", color=EDGE[letter])
    ax.text(x + 4.2 + shift, top - 0.3, title, ha="left", va="top", fontsize=9.5, weight="bold", color=INK)


def step(ax: Axes, x: float, y: float, w: float, text: str, code: str = "", h: float = 5.4) -> None:
    """A step within a stage, centred at (x, y), and the code of the parameters that act there."""
    ax.add_patch(
        FancyBboxPatch(
            (x - w / 2, y - h / 2),
            w,
            h,
            boxstyle="round,pad=0,rounding_size=0.7",
            fc="white",
            ec=PALE,
            lw=0.8,
        )
    )
    ax.text(
        x,
        y + (0.9 if code else 0.0),
        text,
        ha="center",
        va="center",
        fontsize=7.6,
        color=INK,
        linespacing=1.15,
    )
    if code:
        ax.text(x, y - h / 2 + 0.35, code, ha="center", va="bottom", fontsize=6.6, color=PALE, style="italic")


def arrow(
    ax: Axes, since: tuple[float, float], to: tuple[float, float], bend: float = 0.0, dashed: bool = False
) -> None:
    """An arrow; dashed where it carries information rather than people."""
    ax.annotate(
        "", to, since,
        arrowprops={
            "arrowstyle": "-|>", "lw": 1.0, "color": INK, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9,
            "connectionstyle": f"arc3,rad={bend}", "linestyle": (0, (4, 2)) if dashed else "solid",
        },
    )  # fmt: skip


def note(ax: Axes, x: float, y: float, text: str, ha: str = "center") -> None:
    """A small remark."""
    ax.text(x, y, text, ha=ha, va="center", fontsize=6.8, color=INK, linespacing=1.2)


def draw() -> Figure:
    """The diagram."""
    figure = Figure(figsize=(11.6, 8.6))
    ax = figure.add_axes((0.005, 0.005, 0.99, 0.99))
    ax.set_xlim(0, 116)
    ax.set_ylim(0, 86)
    ax.axis("off")

    stage(ax, "A", "Entry to care", 1, 66, 24, 19)
    step(ax, 13, 77.2, 20, "family becomes known;\nchildren, need, kin, route", "A1 A2 A3", 6)
    step(ax, 13, 69.7, 20, "children enter care", "A4")
    arrow(ax, (13, 74.2), (13, 72.4))

    stage(ax, "C", "Care proceedings: dates from the court's diary", 31, 66, 84, 19)
    for x, text, code in (
        (38, "issue", "A5"),
        (52, "interim hearing\n(some)", "C1 C2 C3"),
        (67, "case\nmanagement", "C2 C3"),
        (82, "issues\nresolution", "C2 C3 C4 C5"),
        (97, "final hearing", "C2 C3"),
    ):
        step(ax, x, 76, 11.5, text, code, 6)
    for since, to in ((43.75, 46.25), (57.75, 61.25), (72.75, 76.25), (87.75, 91.25)):
        arrow(ax, (since, 76), (to, 76))
    note(
        ax,
        60,
        69.2,
        "each hearing: the first day after its notice with room in the\n"
        "diary, which the court's other cases share (C6)",
    )
    arrow(ax, (23, 77.8), (32.25, 77.2))
    arrow(ax, (23, 70.5), (32.25, 74.4))

    stage(ax, "B", "The trial", 31, 45, 30, 17.5, shift=12)
    step(ax, 39, 55, 12.5, "screening,\ninvitation", "B1 B2", 6)
    step(ax, 53, 55, 12.5, "parents'\nanswer", "B3 B4", 6)
    step(ax, 46, 48.4, 22, "allocation of the family", "B5 B6 B7", 5)
    arrow(ax, (45.25, 55), (46.75, 55))
    arrow(ax, (53, 52), (53, 50.9))
    arrow(ax, (39, 66), (39, 58))
    note(ax, 40, 64.3, "at the first hearing", "left")

    stage(ax, "D", "Services", 66, 38, 44, 24.5)
    step(ax, 74, 54.5, 12, "waits for a\nplace in LIFT", "D1 D2 D3", 6)
    step(ax, 88, 54.5, 12, "assessment,\nmeeting", "D4 D5", 6)
    step(ax, 102, 54.5, 12, "treatment\n(some)", "D6 D7", 6)
    step(ax, 81, 42.3, 27, "services as usual: parenting\nassessment, or statement alone", "D8 D9", 6.4)
    arrow(ax, (80, 54.5), (82, 54.5))
    arrow(ax, (94, 54.5), (96, 54.5))
    arrow(ax, (57, 49.6), (68, 54.2))
    arrow(ax, (57, 47.6), (67.5, 43.4))
    note(ax, 62, 53.4, "LIFT", "left")
    note(ax, 62, 43.6, "SAU", "left")
    arrow(ax, (74, 51.5), (74, 45.5))
    arrow(ax, (88, 51.5), (88, 45.5))
    note(ax, 81, 48.6, "declines, waits\ntoo long, leaves")
    arrow(ax, (82, 62.5), (82, 73), 0.0, dashed=True)
    note(ax, 83, 64.3, "the report", "left")
    note(ax, 96, 42.3, "families outside\nthe trial: as usual", "left")

    stage(ax, "E", "The order", 96, 18, 19, 15.5)
    step(ax, 105.5, 24.5, 16.5, "home, kin,\nadoption, or\nlong-term care", "E1 E2", 9)
    ax.plot([102.75, 112.5, 112.5], [76, 76, 40], color=INK, lw=1.0, solid_joinstyle="round")
    arrow(ax, (112.5, 41), (112.5, 33.5))

    stage(ax, "F", "Where the child lives", 1, 12, 91, 23.5, shift=42)
    step(ax, 13, 25.5, 15, "first placement", "F1")
    step(ax, 34, 25.5, 18, "foster, kinship,\nwith a parent", "F2 F3", 6.4)
    for y, text, code in (
        (29.9, "long-term foster care", "F7"),
        (24.7, "home", "F4"),
        (19.5, "special guardians, kin", "F5"),
        (14.9, "match, placed, adopted", "F6"),
    ):
        step(ax, 76, y, 22, text, code, 4.2)
        arrow(ax, (43, 25.5), (65, y))
    arrow(ax, (20.5, 25.5), (25, 25.5))
    arrow(ax, (38, 28.7), (30, 28.7), 1.3)
    note(ax, 29.8, 31.6, "moves, unplanned\nor planned", "right")
    arrow(ax, (97.25, 24.7), (87.2, 24.7), 0.0, dashed=True)
    arrow(ax, (65, 14), (34, 22.3), -0.25)
    note(
        ax, 26, 15.6, "home, guardianship or adoption breaks\ndown: back in care, often new proceedings (F8)"
    )
    arrow(ax, (13, 67), (13, 28.2))

    stage(ax, "G", "Visits and scores of randomised families", 1, 1, 56, 9)
    note(
        ax,
        29,
        3.6,
        "about 1, 15 and 30 months (G1): seen or missed (G2); SDQ from age two, PIR-GAS, utility (G3 G4)",
    )
    stage(ax, "H", "Costs", 60, 1, 55, 9)
    note(ax, 87.5, 3.6, "placements by the week (H1), hearings (H2), the service (H3), to the horizon (H4)")
    return figure


if __name__ == "__main__":
    mpl.rcParams["svg.hashsalt"] = "pathway"
    mpl.rcParams["svg.fonttype"] = "none"
    mpl.rcParams["font.family"] = "DejaVu Sans"
    drawn = draw()
    drawn.savefig(HERE / "explanation" / "pathway.svg", metadata={"Date": None, "Creator": None})
    print(HERE / "explanation" / "pathway.svg")
