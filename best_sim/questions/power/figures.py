"""Pictures of a power experiment: power by design, and what single trials would estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import (
    ACCENT,
    FAINT,
    INK,
    PAPER,
    RULE,
    SIZE,
    SMALL,
    SOFT,
    TINY,
    Sheet,
    line_height,
    styled,
    wrapped,
)
from best_sim.questions.pictures.columns import need
from best_sim.trial.methods import USUAL, better_of, contrast_of
from best_sim.trial.outcomes import OUTCOMES, Effect, effects

WIDTH = 9.0
POWER_COLUMNS = ("design", "effect", "power", "mcse", "low", "high", "closed_form", "replicates", "note")


@styled
def power_figure(
    summary: pd.DataFrame,
    *,
    alpha: float = 0.05,
    outcome: str = "sdq",
    scorings: int = 1,
    title: str = "How often the trial would find an effect of a given size",
    source: str = "",
) -> Figure:
    """Power by design: simulated, with interval and Monte Carlo error, beside the closed form.

    Parameters
    ----------
    summary : pandas.DataFrame
        One row a design, columns `POWER_COLUMNS`: `effect` as the outcome defines it (NaN where it has none), and
        `power`, `mcse`, `low`, `high`, `closed_form` as shares (`closed_form` may be NaN), `note`
        as text.
    alpha : float
        Nominal two-sided significance level.
    outcome : str
        One of `best_sim.trial.outcomes.OUTCOMES`: what the effect is on.
    scorings : int
        How often each trial was scored.
    title, source : str
        Title; what to say in the source line besides that it is simulated.

    Returns
    -------
    matplotlib.figure.Figure
    """
    need(summary, POWER_COLUMNS, "power_figure: summary")
    rows, effect = summary.reset_index(drop=True), OUTCOMES[outcome].effect
    left, right = 2.95, 2.55
    room = left - Sheet.MARGIN - 0.25
    names = [wrapped(str(d), room, SIZE, "bold") for d in rows["design"]]
    notes = [
        wrapped(
            ". ".join(filter(None, (_effect_words(e, outcome), _sentence(str(n)) if _said(n) else ""))),
            room,
            TINY,
        )
        for e, n in zip(rows["effect"], rows["note"], strict=True)
    ]
    heights = [
        max(0.5, len(a) * line_height(SIZE) + len(b) * line_height(TINY) + 0.18)
        for a, b in zip(names, notes, strict=True)
    ]
    head, foot = 0.42, 0.50
    body = head + sum(heights) + foot
    reps = say.scored(rows["replicates"], scorings)
    sheet = Sheet(
        WIDTH,
        body,
        title,
        f"Power: share of replicates with p < {alpha:g}, two-sided, in %. Bars: 95% interval from {reps} "
        "a row; MCSE: Monte Carlo standard error in percentage points.",
        source,
        "Power by design. " + " ".join(_power_words(r, outcome) for r in rows.to_dict("records")),
    )
    ax = sheet.axes(left, right, foot, head)
    total = sum(heights)
    ax.patch.set_visible(False)
    ax.set(xlim=(0, 100), ylim=(total, 0))
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xticks(range(0, 101, 20))
    ax.set_xlabel("Power, % of replicates")
    for tick in range(0, 101, 20):
        ax.axvline(tick, color=RULE, lw=0.6, zorder=0)
    top = sheet.bottom + foot + total
    columns = (
        (WIDTH - right + 0.98, "Simulated"),
        (WIDTH - right + 1.50, "MCSE"),
        (WIDTH - Sheet.MARGIN, "Closed form"),
    )
    for x, words in columns:
        sheet.text(x, top + 0.12, words, ha="right", va="bottom", size=SMALL, color=SOFT)
    sheet.text(
        Sheet.MARGIN, top + 0.12, f"Design and {_effect_head(effect)}" if effect else "Design", ha="left", va="bottom",
        size=SMALL, color=SOFT,
    )  # fmt: skip
    # the key, drawn over the axes it explains
    ax.plot([4], [-0.24], marker="o", color=ACCENT, ms=5.5, clip_on=False)
    ax.text(7, -0.24, "simulated", va="center", size=SMALL, color=SOFT)
    ax.plot([36], [-0.24], marker="D", mfc=PAPER, mec=INK, ms=5, ls="", clip_on=False)
    ax.text(39, -0.24, "closed form", va="center", size=SMALL, color=SOFT)
    y = 0.0
    fine = bool((rows["mcse"].astype(float) < 0.01).any())
    nulls = rows["effect"].to_numpy(float) == (effect.none if effect else np.nan)
    for i, row in enumerate(rows.to_dict("records")):
        middle = y + heights[i] / 2
        if i:
            _rule(sheet, top - y)
        if nulls[i]:
            ax.plot(
                [100 * alpha] * 2, [y + 0.04, y + heights[i] - 0.04], color=INK, lw=1.0, ls=(0, (1.2, 1.4))
            )
            beside = max(alpha, row["closed_form"]) if np.isfinite(row["closed_form"]) else alpha
            ax.text(
                100 * beside + 2.5, middle + 0.125, f"nominal {say.percent(alpha)}", va="center", size=TINY, color=SOFT
            )  # fmt: skip
        if np.isfinite(row["closed_form"]):
            ax.plot([100 * row["closed_form"]], [middle + 0.115], marker="D", mfc=PAPER, mec=INK, ms=5, ls="")
        ax.plot([100 * row["low"], 100 * row["high"]], [middle - 0.06] * 2, color=ACCENT, lw=2.2)
        ax.plot(
            [100 * row["power"]], [middle - 0.06], marker="o", color=ACCENT, ms=5.5, clip_on=False, zorder=4
        )
        line_at = top - middle
        for x, words, ink, weight in (
            (columns[0][0], say.percent(row["power"], 1), INK, "bold"),
            (columns[1][0], say.number(100 * row["mcse"], 2 if fine else 1), INK, "normal"),
            (
                columns[2][0],
                say.percent(row["closed_form"], 1) if np.isfinite(row["closed_form"]) else "none",
                INK,
                "normal",
            ),
        ):
            sheet.text(x, line_at, words, ha="right", va="center", size=SIZE, color=ink, weight=weight)
        block = len(names[i]) * line_height(SIZE) + len(notes[i]) * line_height(TINY)
        line_at = top - middle + block / 2
        for line in names[i]:
            sheet.text(Sheet.MARGIN, line_at, line, va="top", size=SIZE, weight="bold")
            line_at -= line_height(SIZE)
        for line in notes[i]:
            sheet.text(Sheet.MARGIN, line_at, line, va="top", size=TINY, color=SOFT)
            line_at -= line_height(TINY)
        y += heights[i]
    return sheet.figure


def _rule(sheet: Sheet, y: float) -> None:
    from matplotlib.lines import Line2D

    at = y / sheet.height
    x = Sheet.MARGIN / sheet.width
    sheet.figure.add_artist(Line2D([x, 1 - x], [at, at], color=RULE, lw=0.6, zorder=0))


def _effect_head(effect: Effect) -> str:
    return effect.short if effect.scale == "ratio" else effect.name


def _effect_words(value: float, outcome: str) -> str:
    effect = OUTCOMES[outcome].effect
    if effect is None or not np.isfinite(value):
        return ""
    words = f"{_sentence(_effect_head(effect))}: {effects.written(effect, value)}"
    if value == effect.none:
        return words
    unit = f" {effect.unit}" if effect.scale == "difference" else ""
    return (
        f"{words}{unit} ({'better' if (value > effect.none) == (effect.better > 0) else 'worse'} under LIFT)"
    )


def _power_words(row: Mapping[Any, Any], outcome: str) -> str:
    effect = OUTCOMES[outcome].effect
    words = str(row["design"])
    if effect is not None:
        words += (
            ", no effect" if row["effect"] == effect.none else f", {effects.named(effect, row['effect'])}"
        )
    words += f": {say.percent(row['power'], 1)}"
    words += f" (95% interval {say.percent(row['low'], 1)} to {say.percent(row['high'], 1)})"
    if np.isfinite(row["closed_form"]):
        words += f", closed form {say.percent(row['closed_form'], 1)}"
    return words + "."


@styled
def estimates_figure(
    estimates: pd.DataFrame,
    *,
    outcome: str = "sdq",
    method: str | None = None,
    bias: Mapping[str, tuple[float, float]] | None = None,
    published: tuple[float, float, float] | None = None,
    title: str = "What single trials would estimate, beside the truth",
    source: str = "",
) -> Figure:
    """Distribution of the trial's estimate over replicates, one row a design, with the true effect.

    Parameters
    ----------
    estimates : pandas.DataFrame
        One row a replicate: columns design, estimate, truth (of its design: the effect of allocation; NaN where it
        is not known). Missing estimates are counted as failed.
    outcome : str
        One of `best_sim.trial.outcomes.OUTCOMES`: what is estimated.
    method : str, optional
        One of `best_sim.trial.methods.METHODS`, by which; by default the usual one of the outcome.
    bias : mapping of str to (float, float), optional
        By design, the bias and its Monte Carlo standard error; by default the mean estimate less the truth, with the
        error of independent estimates.
    published : tuple of float, optional
        Estimate and 95% interval of the real trial, drawn apart and marked as published.
    title, source : str
        Title; what to say in the source line besides that it is simulated.

    Returns
    -------
    matplotlib.figure.Figure
    """
    need(estimates, ("design", "estimate", "truth"), "estimates_figure: estimates")
    method = method or USUAL[OUTCOMES[outcome].kind]
    unit = contrast_of(outcome, method)
    side, better = better_of(outcome, method)
    designs = list(dict.fromkeys(estimates["design"].astype(str)))
    got = estimates["estimate"].dropna().to_numpy(float)
    low, high = (float(got.min()), float(got.max())) if len(got) else (-1.0, 1.0)
    if published is not None:
        low, high = min(low, published[1]), max(high, published[2])
    pad = 0.04 * (high - low) or 0.5
    low, high = low - pad, high + pad
    fewest = min((estimates["design"].astype(str) == d).sum() for d in designs) if designs else 1
    bins = np.linspace(low, high, 1 + int(np.clip(3 * np.sqrt(fewest), 16, 60)))
    row, left, right = 0.95, 2.3, 2.6
    foot, apart = 0.55, (0.5 if published is not None else 0.0)
    lines, said = [], []
    for d in designs:
        mine = estimates[estimates["design"].astype(str) == d]
        e = mine["estimate"].dropna().to_numpy(float)
        truth = float(mine["truth"].iloc[0])
        error = float(e.std(ddof=1) / np.sqrt(len(e))) if len(e) > 1 else np.nan
        off = float(e.mean() - truth) if len(e) else np.nan
        off, error = (bias or {}).get(d, (off, error))
        spread_e = float(e.std(ddof=1)) if len(e) > 1 else np.nan
        failed = int(mine["estimate"].isna().sum())
        known = np.isfinite(truth)
        said.append((e, truth, f"bias {say.with_error(off, error)}" if known else "", spread_e, failed))
        lines.append(
            f"{d}: {f'truth {say.number(truth, 2)}, {said[-1][2]}' if known else 'the truth is not known'}, "
            f"standard deviation {say.number(spread_e, 2)}."
        )
    sheet = Sheet(
        WIDTH,
        0.2 + row * len(designs) + apart + foot,
        title,
        f"Estimates over replicates, {unit}. {side.capitalize()} 0: {better} under LIFT. Line: true effect; "
        f"triangle: mean of estimates.",
        source,
        f"{title}. " + " ".join(lines),
    )
    ax = sheet.axes(left, right, foot, 0.2)
    ax.set(xlim=(low, high), ylim=(len(designs) + apart / row, 0))
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.axvline(0, color=RULE, lw=0.8, zorder=0)
    peak = max((np.histogram(e, bins)[0].max() / max(len(e), 1) for e, *_ in said), default=1.0) or 1.0
    for i, (d, (e, truth, told_bias, spread_e, failed)) in enumerate(zip(designs, said, strict=True)):
        share = np.histogram(e, bins)[0] / max(len(e), 1) / peak * 0.82
        floor = i + 0.92
        ax.fill_between(np.repeat(bins, 2)[1:-1], floor, floor - np.repeat(share, 2), color="#8fbfdf", lw=0)
        ax.plot([low, high], [floor, floor], color=FAINT, lw=0.6)
        if np.isfinite(truth):
            ax.plot([truth, truth], [floor, floor - 0.9], color=INK, lw=1.2)
        if len(e):
            ax.plot([e.mean()], [floor], marker="^", color="#004f7c", ms=6, clip_on=False, zorder=5)
        top = sheet.bottom + foot + apart + row * (len(designs) - i)
        names = wrapped(d, left - Sheet.MARGIN - 0.2, SIZE, "bold")
        y = top - 0.14
        for line in names:
            sheet.text(Sheet.MARGIN, y, line, size=SIZE, weight="bold", va="top")
            y -= line_height(SIZE)
        told = f"truth {say.number(truth, 2)}" if np.isfinite(truth) else "the truth is not known"
        sheet.text(Sheet.MARGIN, y, told, size=TINY, va="top", color=SOFT)
        notes = [
            *([told_bias] if told_bias else []),
            f"standard deviation {say.number(spread_e, 2)}",
            f"{say.number(len(e))} replicates" + (f", {say.number(failed)} failed" if failed else ""),
        ]
        for k, words in enumerate(notes):
            sheet.text(
                WIDTH - right + 0.2,
                top - 0.14 - k * 0.18,
                words,
                size=SMALL,
                va="top",
                color=INK if k == 0 else SOFT,
            )
    ax.set_xlabel(unit)
    if published is not None:
        y = len(designs) + 0.28 / row
        ax.plot(published[1:], [y, y], color=INK, lw=1.4, clip_on=False)
        ax.plot([published[0]], [y], marker="D", mfc=PAPER, mec=INK, ms=5.5, clip_on=False)
        at = sheet.bottom + foot + apart - 0.28
        sheet.text(Sheet.MARGIN, at, "Published, not simulated", size=TINY, color=SOFT, va="center")
        sheet.text(
            WIDTH - right + 0.2, at,
            f"{'+' if published[0] > 0 else ''}{say.number(published[0], 1)} (95% interval "
            f"{say.number(published[1], 2)} to {say.number(published[2], 2)})",
            size=TINY, color=SOFT, va="center",
        )  # fmt: skip
    return sheet.figure


def _sentence(words: str) -> str:
    words = words.strip()
    return words[:1].upper() + words[1:]


def _said(note: Any) -> bool:
    return isinstance(note, str) and bool(note.strip())
