"""The report of a power experiment: one HTML file that opens offline, prints well and reads aloud.

Its sentences are made from the numbers and claim no more than these carry. Figures are inside the file as
SVG, each with its words for those who do not see it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from best_sim.display import effects
from best_sim.display import figures as draw
from best_sim.display import wording as say
from best_sim.display.consort import Flow, consort_figure
from best_sim.display.style import alt_text, place_look, svg_text
from best_sim.display.tables import status_counts
from best_sim.trial.outcomes import OUTCOMES

NOTICE = (
    "Everything here is simulated, with invented children. It is not a result of the trial, and it neither "
    "shows nor "
    "suggests that either service is better."
)
FOUND = {
    "words": (
        "The trial found no significant difference between the services in its primary outcome: SDQ total "
        "difficulties at "
        "2.5 years differed by +1.4 points (LIFT minus services as usual, 95% interval −0.63 to 3.53, p = "
        "0.17; higher is "
        "worse), and no effect on secondary outcomes. Fewer than 70% of families received the service they "
        "were allocated."
    ),
    "source": "Crawford et al., Nature Medicine 2025;31:1617-25",
    "link": "https://strathprints.strath.ac.uk/92922/",
}
MEANINGS = {
    "published": "taken from a published source, which is named beside it",
    "derived": "worked out from published figures",
    "calibrated": "set so that the model agrees with a published figure",
    "assumption": "no published value is known; chosen, with a plausible range where it has one",
}
ADEMP = {
    "Aims": (
        "To estimate how often a trial of this design would find an effect of a given size, how long it would recruit, "
        "and what happens to the children meanwhile."
    ),
    "Data-generating mechanisms": (
        "Children enter care in each borough by date; proceedings, services, placements and visits follow from the "
        "scenario's parameters, all of which are listed above. A design differs from the others only in what its name "
        "says; the same replicate has the same luck in each."
    ),
    "Estimand": (
        "The intention-to-treat contrast of {label} between children of families allocated to LIFT and to services as "
        "usual, in {whom}."
    ),
    "Methods": (
        "The primary analysis is made in each replicate on what that simulated trial would have observed: only "
        "families who were seen, with siblings from one family."
    ),
    "Performance measures": (
        "Power (share of replicates with a two-sided p-value below the nominal level) with its Monte Carlo standard "
        "error and 95% interval; where no effect was simulated, the same share is the type I error. Replicates whose "
        "analysis failed are counted. (Morris, White and Crowther, Statistics in Medicine 2019.)"
    ),
}


def write_report(
    path: str | Path,
    summary: pd.DataFrame,
    *,
    manifest: Mapping[str, Any],
    curve: pd.DataFrame | None = None,
    target: float | None = None,
    published: tuple[Any, float] | None = None,
    openings: Mapping[str, Any] | None = None,
    when: tuple[Any, Any, Any] | None = None,
    flow: Mapping[str, Any] | None = None,
    flow_replicates: int = 1,
    living: pd.DataFrame | None = None,
    proceedings: pd.DataFrame | None = None,
    services: pd.DataFrame | None = None,
    estimates: pd.DataFrame | None = None,
    end: float | None = None,
    parameters: pd.DataFrame | None = None,
    title: str = "Power and recruitment of a trial of LIFT in care proceedings",
    question: str | None = None,
    alpha: float = 0.05,
    outcome: str = "sdq",
    applies_to: str = "",
    ademp: Mapping[str, str] | None = None,
    figures: Mapping[str, Figure] | None = None,
) -> Path:
    """Write the report of a power experiment.

    Parameters
    ----------
    path : path
        File to write, or a folder, in which it is called `report.html`.
    summary : pandas.DataFrame
        Power by design, as `best_sim.display.figures.power_figure` takes it.
    manifest : mapping
        Of the run; used where there: experiment, scenario, scenario_title, scenario_hash, seed, replicates,
        command, engine, method, started, seconds, failed, versions (a mapping). Other plain values are
        listed too.
    curve, target, published, openings, when
        As `best_sim.display.figures.recruitment_figure` takes them; without a curve the section is left out.
    flow : mapping, optional
        As `best_sim.display.consort.consort_figure` takes it, means over `flow_replicates`.
    living : pandas.DataFrame, optional
        As `best_sim.display.figures.living_by_month` makes it.
    proceedings, services : pandas.DataFrame, optional
        `Journeys.proceedings` and `Journeys.services` of one or more replicates.
    estimates : pandas.DataFrame, optional
        As `best_sim.display.figures.estimates_figure` takes it.
    end : float, optional
        End of the runs in days, so that only what could be observed is counted in durations (`Journeys.end`).
    parameters : pandas.DataFrame, optional
        Columns name, value, unit, range, status, source, link (`Scenario.table()`).
    title, question : str
        Heading; what was asked, in plain words.
    alpha : float
        Nominal two-sided level.
    outcome : str
        One of `best_sim.trial.outcomes.OUTCOMES`: that of the primary analysis.
    applies_to : {"received", "allocated", ""}
        To whom the effect of a design applies: children who receive LIFT, or all allocated to it.
    ademp : mapping of str to str, optional
        The statement of the study (`best_sim.display.ademp.ademp_of`); by default `ADEMP`, of the outcome.
    figures : mapping of str to Figure, optional
        Figures already drawn, by name: power, recruitment, consort, living, proceedings, waits, estimates.

    Returns
    -------
    pathlib.Path
        The file written.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "report.html"
    drawn = dict(figures or {})
    drawn.setdefault("power", draw.power_figure(summary, alpha=alpha, outcome=outcome))
    if curve is not None and target is not None:
        drawn.setdefault(
            "recruitment", draw.recruitment_figure(curve, target, published, openings=openings, when=when)
        )
    if flow is not None:
        drawn.setdefault("consort", consort_figure(flow, replicates=flow_replicates))
    if living is not None and len(living):
        drawn.setdefault("living", draw.outcomes_of_care_figure(living))
    if proceedings is not None and proceedings["weeks"].notna().any():
        drawn.setdefault("proceedings", draw.proceedings_figure(proceedings, end=end))
    if services is not None and len(services):
        drawn.setdefault("waits", draw.waits_figure(services, end=end))
    if estimates is not None and len(estimates):
        drawn.setdefault("estimates", draw.estimates_figure(estimates, outcome=outcome))
    counts = status_counts(parameters) if parameters is not None else {}
    recruitment = ""
    if curve is not None and target is not None:
        recruitment = recruitment_words(curve, target, published, when)
    has_children = bool({"living", "proceedings", "waits"} & set(drawn))
    contents = [("summary", "In plain words"), ("power", "Power")]
    contents += [("recruitment", "Recruitment")] if "recruitment" in drawn else []
    contents += [("flow", "Flow of families")] if "consort" in drawn else []
    contents += [("children", "What happens to the children")] if has_children else []
    contents += [("assumptions", "What is assumed"), ("ademp", "ADEMP"), ("reproduce", "How to reproduce it")]
    month = int(living["month"].max()) if living is not None and len(living) else 30
    groups, rows = _living_rows(living, month)
    of = OUTCOMES[outcome]
    words = dict(ademp or ADEMP)
    if ademp is None:
        words["Estimand"] = words["Estimand"].format(label=of.label, whom=of.whom)
    if ademp is None and "method" in manifest:
        words["Methods"] += f" Method: {str(manifest['method']).replace('_', ' ')}."
    reps = int(pd.to_numeric(summary["replicates"]).max())
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("best_sim.display"), autoescape=True, undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["breakable"] = _breakable
    html = environment.get_template("report.html.j2").render(
        title=title,
        standfirst=_standfirst(manifest, reps),
        notice=NOTICE,
        contents=contents,
        question=question or _question(target, outcome),
        headline=_headline(summary, outcome, curve, target, when, counts),
        answers=[*power_words(summary, alpha, outcome, applies_to), *([recruitment] if recruitment else [])],
        rests_on=_rests_on(counts, reps),
        found=FOUND,
        power_rows=_power_rows(summary, outcome),
        effect_head=effects.head(of.effect),
        effect_scale=effects.scale(of.effect),
        has_closed_form=bool(np.isfinite(summary["closed_form"].astype(float)).any()),
        pictures=drawn,
        picture=_Pictures(drawn),
        recruitment_words=recruitment,
        flow_words=flow_words(flow, flow_replicates) if flow is not None else "",
        has_children=has_children,
        children_words=children_words(living, month),
        living_rows=rows,
        living_groups=groups,
        living_month=month,
        statuses=[
            {"name": s.capitalize(), "count": say.number(n), "meaning": MEANINGS.get(s, "")}
            for s, n in counts.items()
        ],
        status_words=status_words(counts),
        parameters=_parameters(parameters),
        ademp=list(words.items()),
        command=str(manifest.get("command", "")),
        run=_run(manifest),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8", newline="\n")
    return path


class _Pictures:
    """Figures as they go into the page, numbered in the order in which they are asked for."""

    def __init__(self, drawn: Mapping[str, Figure]) -> None:
        self.drawn = drawn
        self.n = 0

    def __call__(self, name: str, caption: str) -> Markup:
        self.n += 1
        figure = self.drawn[name]
        width, height = figure.get_size_inches()
        data = base64.b64encode(svg_text(figure).encode()).decode()
        return Markup(
            '<figure id="figure-{name}"><div class="scroll" tabindex="0" role="region" aria-label="Figure {n}">'
            '<img src="data:image/svg+xml;base64,{data}" width="{w}" height="{h}" alt="{alt}"></div>'
            "<figcaption>Figure {n}. {caption}</figcaption></figure>"
        ).format(
            name=name,
            n=self.n,
            data=data,
            w=round(96 * width),
            h=round(96 * height),
            alt=alt_text(figure),
            caption=caption,
        )


def _breakable(name: str) -> Markup:
    """A dotted name that may be broken into lines after its dots and underscores."""
    escaped = str(Markup.escape(name))
    return Markup(escaped.replace(".", ".<wbr>").replace("_", "_<wbr>"))


# --- sentences ----------------------------------------------------------------------------------------------
def power_words(
    summary: pd.DataFrame, alpha: float = 0.05, outcome: str = "sdq", applies_to: str = ""
) -> list[str]:
    """One paragraph a design: what was simulated, the answer with its interval, the closed form beside it.

    Parameters
    ----------
    summary : pandas.DataFrame
    alpha : float
    outcome : str
        One of `best_sim.trial.outcomes.OUTCOMES`.
    applies_to : {"received", "allocated", ""}

    Returns
    -------
    list of str
    """
    out = []
    effect = OUTCOMES[outcome].effect
    for r in summary.to_dict("records"):
        low, high = float(r["low"]), float(r["high"])
        interval = f"95% interval {say.percent(low, 1)} to {say.percent(high, 1)}"
        share = f"{say.percent(r['power'], 1)} of simulated trials"
        share += f" ({interval}, {say.plural(r['replicates'], 'replicate')})"
        name = str(r["design"]).rstrip(".")
        if effect is not None and r["effect"] == effect.none:
            words = f"{name}: with no direct effect of LIFT, {share} would report a difference all the same; "
            words += f"the nominal level is {say.percent(alpha)}, "
            if low <= alpha <= high:
                words += "which the interval includes."
            else:
                words += "which the interval does not include; more replicates would tell chance from a wrong level."
        elif effect is None or not np.isfinite(r["effect"]):
            words = f"{name}: {share} would find a difference at p < {alpha:g}; the others would not."
        else:
            words = (
                f"{name}: with a {effects.named(effect, r['effect'])} ({effect.side(r['effect'])})"
                f"{effects.whom(effect, applies_to)}, {share} would find a difference at p < {alpha:g}; the others "
                "would not."
            )
            if np.isfinite(r["closed_form"]):
                words += f" The closed form for the same design gives {say.percent(r['closed_form'], 1)}"
                gap = 100 * (float(r["power"]) - float(r["closed_form"]))
                inside = low <= float(r["closed_form"]) <= high
                side = "below" if gap > 0 else "above"
                apart = f", {say.number(abs(gap), 1)} percentage points {side} the simulation."
                words += ", which the interval includes." if inside else apart
        out.append(words)
    return out


def recruitment_words(
    curve: pd.DataFrame,
    target: float,
    published: tuple[Any, float] | None = None,
    when: tuple[Any, Any, Any] | None = None,
) -> str:
    """How long recruitment takes, with its interval, and the published end beside it."""
    early, middle, late = when if when is not None else draw.reached(curve, target)
    words = draw._reached_words(early, middle, late, target)
    start = say.as_date(curve["date"].iloc[0])
    if middle is not None:
        months = (say.as_date(middle) - start).days / draw.MONTH
        words += f" That is {say.number(months)} months after {say.month(start)}, where the curve starts."
    if published is not None:
        words += f" Published: {say.number(published[1])} families by {say.day(published[0])}."
    return words


def flow_words(flow: Mapping[str, Any], replicates: int) -> str:
    """The flow in two sentences."""
    f = Flow(flow)
    raw = f.raw
    mean = "On average, of " if replicates > 1 else "Of "
    words = (
        f"{mean}{say.number(raw['screened'].families)} families screened, "
        f"{say.number(raw['invited'].families)} were invited "
        f"and {say.number(raw['randomised'].families)} randomised."
    )
    got = [
        f"{say.percent(raw[f'{a}.received'].families / max(raw[f'{a}.allocated'].families, 1e-12))} in {a}"
        for a in f.arms
    ]
    words += f" The service allocated was received by {say.listed(got)}"
    kept = [
        f"{say.percent(raw[f'{a}.analysed'].families / max(raw[f'{a}.allocated'].families, 1e-12))} in {a}"
        for a in f.arms
        if f"{a}.analysed" in raw
    ]
    return words + (f"; the primary outcome was analysed in {say.listed(kept)}." if kept else ".")


def children_words(living: pd.DataFrame | None, month: int) -> str:
    """Where the children live at the end, in a sentence a group."""
    if living is None or not len(living):
        return "What the simulated children's time in care and in proceedings looks like."
    out = []
    for g in dict.fromkeys(living["group"]):
        at = living[(living["group"] == g) & (living["month"] == month)].sort_values("share", ascending=False)
        top = [
            f"{place_look(t).label.lower()} {say.percent(s)}"
            for t, s in zip(at["type"], at["share"], strict=True)
        ][:4]
        name = {"all": "Of all children", "SAU": "Under services as usual", "LIFT": "Under LIFT"}.get(
            str(g), str(g)
        )
        out.append(
            f"{name}, {month} months after they entered care, the most frequent are: {say.listed(top)}."
        )
    if len(out) > 1:
        out.append(
            "Differences between the arms follow from chance and from what the scenario assumes of LIFT."
        )
    return " ".join(out)


def status_words(counts: Mapping[str, int]) -> str:
    """How many parameters rest on what."""
    total = sum(counts.values())
    if not total:
        return ""
    parts = [
        f"{say.number(n)} {'are' if n != 1 else 'is'} "
        f"{'assumptions' if s == 'assumption' and n != 1 else 'an assumption' if s == 'assumption' else s}"
        for s, n in counts.items()
    ]
    return f"The scenario has {say.number(total)} parameters: {say.listed(parts)}."


def _standfirst(manifest: Mapping[str, Any], replicates: int) -> str:
    name = manifest.get("scenario_title") or manifest.get("scenario") or "the scenario"
    if isinstance(name, Mapping):
        name = name.get("title") or name.get("name") or "the scenario"
    trials = int(manifest.get("replicates") or replicates)
    times = round(replicates / trials) if trials else 1
    scored = f", each scored and analysed {times} times" if times > 1 else ""
    return f"Scenario: {name}. {say.number(trials)} simulated trials for each design{scored}."


def _question(target: float | None, outcome: str) -> str:
    of = OUTCOMES[outcome]
    when = " at about 30 months" if of.known == "seen at the visit" else ""
    families = f" (a target of {say.number(target)} families)" if target else ""
    return (
        f"With the trial's own design{families}, allocation by family, and {of.label}{when} as the outcome: how "
        "often would a true effect of a given size be found, how long does recruitment take, and what happens to the "
        "children?"
    )


def _headline(
    summary: pd.DataFrame,
    outcome: str,
    curve: pd.DataFrame | None,
    target: float | None,
    when: tuple[Any, Any, Any] | None,
    counts: Mapping[str, int],
) -> list[dict[str, str]]:
    out = []
    rows = summary.to_dict("records")
    effect = OUTCOMES[outcome].effect
    none = effect.none if effect else None
    with_effect = [r for r in rows if r["effect"] != none]
    without = [r for r in rows if r["effect"] == none]
    for r in with_effect[:2]:
        name = f"Power of the design: {r['design']}"
        if effect is not None:
            unit = f" {effect.unit}" if effect.scale == "difference" else ""
            name = f"Power, if the {effect.name} were {effects.written(effect, r['effect'])}{unit}"
        out.append(
            {
                "name": name,
                "value": say.percent(r["power"], 1),
                "more": f"95% interval {say.percent(r['low'], 1)} to {say.percent(r['high'], 1)}; closed form "
                + (say.percent(r["closed_form"], 1) if np.isfinite(r["closed_form"]) else "none"),
            }
        )
    for r in without[:1]:
        out.append(
            {
                "name": "A difference reported, if LIFT had no direct effect",
                "value": say.percent(r["power"], 1),
                "more": f"95% interval {say.percent(r['low'], 1)} to {say.percent(r['high'], 1)}",
            }
        )
    if curve is not None and target is not None:
        early, middle, late = when if when is not None else draw.reached(curve, target)
        later = say.month(late) if late is not None else "after the end"
        out.append(
            {
                "name": f"Target of {say.number(target)} families reached",
                "value": say.month(middle) if middle is not None else "not reached",
                "more": f"median; 90% interval {say.month(early)} to {later}"
                if early is not None
                else "in the time simulated",
            }
        )
    if counts and len(out) < 4:
        assumed = counts.get("assumption", 0)
        out.append(
            {
                "name": "Parameters that are assumptions",
                "value": f"{say.number(assumed)} of {say.number(sum(counts.values()))}",
                "more": "each is listed below with its source",
            }
        )
    return out


def _rests_on(counts: Mapping[str, int], replicates: int) -> list[str]:
    out = [
        "The effects are what the simulation was told to assume. They are not estimates of what LIFT does.",
        f"The intervals hold only the error of running {say.number(replicates)} replicates; they do not hold how "
        "unsure the parameters are.",
    ]
    if counts:
        out.insert(1, status_words(counts))
    return out


def _power_rows(summary: pd.DataFrame, outcome: str) -> list[dict[str, str]]:
    effect = OUTCOMES[outcome].effect
    return [
        {
            "design": str(r["design"]),
            "note": str(r["note"]) if isinstance(r["note"], str) else "",
            "effect": effects.written(effect, r["effect"]) if effect else "",
            "power": say.percent(r["power"], 1).rstrip("%"),
            "interval": f"{say.percent(r['low'], 1).rstrip('%')} to {say.percent(r['high'], 1).rstrip('%')}",
            "mcse": say.points(r["mcse"]),
            "closed_form": say.percent(r["closed_form"], 1).rstrip("%")
            if np.isfinite(r["closed_form"])
            else "none",
            "replicates": say.number(r["replicates"])
            + (f" ({say.number(r['failed'])} failed)" if r.get("failed", 0) else ""),
        }
        for r in summary.to_dict("records")
    ]


def _living_rows(living: pd.DataFrame | None, month: int) -> tuple[list[str], list[dict[str, Any]]]:
    if living is None or not len(living):
        return [], []
    at = living[living["month"] == month]
    groups = list(dict.fromkeys(str(g) for g in at["group"]))
    rows = []
    for kind in dict.fromkeys(at["type"]):
        shares = [float(at.loc[(at["group"] == g) & (at["type"] == kind), "share"].sum()) for g in groups]
        if max(shares) > 0:
            rows.append(
                {
                    "name": place_look(str(kind)).label,
                    "cells": [say.percent(s, 1).rstrip("%") for s in shares],
                }
            )
    return ["All children" if g == "all" else g for g in groups], rows


def _parameters(parameters: pd.DataFrame | None) -> list[dict[str, str]]:
    if parameters is None:
        return []
    columns = ("name", "value", "unit", "range", "status", "source", "link")
    rows: Sequence[Mapping[Any, Any]] = parameters.to_dict("records")
    out = []
    for r in rows:
        row = {c: ("" if pd.isna(r.get(c, "")) else str(r.get(c, ""))) for c in columns}
        if not row["link"].startswith(("http://", "https://")):
            row["link"] = ""
        out.append(row)
    return out


def _run(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for key, value in manifest.items():
        if key in ("command", "versions") or value is None:
            continue
        if isinstance(value, (str, int, float, bool)):
            out.append((str(key).replace("_", " ").capitalize(), str(value)))
    versions = manifest.get("versions")
    if isinstance(versions, Mapping):
        out.append(("Versions", ", ".join(f"{k} {v}" for k, v in versions.items())))
    return out
