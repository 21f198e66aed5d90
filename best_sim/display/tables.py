"""Summaries as tables for the terminal: few columns, plain heads, units, Monte Carlo error beside each estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table

from best_sim.display import effects
from best_sim.drawing import wording as say
from best_sim.drawing.style import SOURCE, place_look
from best_sim.trial.outcomes import OUTCOMES

STATUSES = ("published", "derived", "calibrated", "assumption")


def _table(title: str, caption: str = "") -> Table:
    return Table(
        title=title,
        caption=f"{SOURCE} {caption}".strip(),
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
        header_style="",
        caption_style="dim",
        pad_edge=False,
    )


def power_table(
    summary: pd.DataFrame, title: str = "Power, simulated and by closed form", *, outcome: str = "sdq"
) -> Table:
    """Power by design, for the terminal.

    Parameters
    ----------
    summary : pandas.DataFrame
        Columns `best_sim.display.figures.POWER_COLUMNS`.
    title : str
    outcome : str
        One of `best_sim.trial.outcomes.OUTCOMES`; effects are on it, and have no column where it has none to set.

    Returns
    -------
    rich.table.Table
    """
    effect = OUTCOMES[outcome].effect
    counts = sorted({int(n) for n in summary["replicates"]})
    said = " to ".join(say.number(n) for n in dict.fromkeys((counts[0], counts[-1]))) if counts else "0"
    failed = int(summary["failed"].sum()) if "failed" in summary else 0
    lost = f" {say.plural(failed, 'fit')} failed." if failed else ""
    out = _table(
        title, f"{said} replicates a design.{lost} MCSE: Monte Carlo standard error, percentage points."
    )
    out.add_column("design", ratio=1, min_width=16, overflow="fold")
    heads = ["power", "95% interval", "MCSE", "closed\nform"]
    for head in [f"effect,\n{effect.short}", *heads] if effect else heads:
        out.add_column(head, justify="right", no_wrap=True)
    for row in summary.to_dict("records"):
        out.add_row(
            str(row["design"]),
            *([effects.written(effect, row["effect"])] if effect else []),
            say.percent(row["power"], 1),
            f"{say.percent(row['low'], 1)} to {say.percent(row['high'], 1)}",
            say.points(row["mcse"]),
            say.percent(row["closed_form"], 1) if np.isfinite(row["closed_form"]) else "none",
        )
    return out


def living_table(living: pd.DataFrame, month: int = 30) -> Table:
    """Where the children live some months after entry, in per cent of children, for the terminal.

    Parameters
    ----------
    living : pandas.DataFrame
        As `best_sim.display.figures.living_by_month` makes it.
    month : int

    Returns
    -------
    rich.table.Table
    """
    at = living[living["month"] == month]
    groups = list(dict.fromkeys(at["group"]))
    out = _table(f"Where children live {month} months after entry to care, % of children")
    out.add_column("lives", ratio=1)
    for g in groups:
        out.add_column(str(g), justify="right")
    wide = at.pivot_table(index="type", columns="group", values="share", aggfunc="sum", sort=False)
    for kind, row in wide.iterrows():
        if (row > 0).any():
            out.add_row(place_look(str(kind)).label, *[say.percent(float(row[g])) for g in groups])
    return out


def status_counts(parameters: pd.DataFrame) -> dict[str, int]:
    """How many parameters are published, derived, calibrated, assumed; statuses that none has are left out.

    Parameters
    ----------
    parameters : pandas.DataFrame
        With a column `status`.
    """
    found = parameters["status"].astype(str).value_counts().to_dict()
    known = {s: int(found[s]) for s in STATUSES if s in found}
    return known | {str(s): int(n) for s, n in sorted(found.items()) if s not in STATUSES}


def estimates_table(
    estimates: Mapping[str, tuple[float, float, str]] | pd.DataFrame, title: str = "Estimates"
) -> Table:
    """Named estimates, each with its Monte Carlo standard error and unit, for the terminal.

    Parameters
    ----------
    estimates : mapping of str to (estimate, MCSE, unit), or pandas.DataFrame
        A frame has columns name, estimate, mcse, unit.
    title : str

    Returns
    -------
    rich.table.Table
    """
    rows: list[tuple[str, Any, Any, str]]
    if isinstance(estimates, pd.DataFrame):
        rows = list(estimates[["name", "estimate", "mcse", "unit"]].itertuples(index=False, name=None))
    else:
        rows = [(name, *value) for name, value in estimates.items()]
    out = _table(title)
    out.add_column("", ratio=1)
    for head in ("estimate", "MCSE"):
        out.add_column(head, justify="right", no_wrap=True)
    out.add_column("unit")
    for name, value, error, unit in rows:
        digits = say.digits_for(float(error))
        out.add_row(name, say.number(value, digits), say.number(error, digits), unit)
    return out
