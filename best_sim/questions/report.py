"""The report of a question: one HTML file that opens offline, prints well and reads aloud.

Figures are inside the file as SVG, each with its words for those who do not see it. What a report says is the
question's own (`Found.chapters`); this module puts it on a page, with what is assumed and how it is run again.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from best_sim.drawing import wording as say
from best_sim.drawing.style import alt_text
from best_sim.questions.asking import SimulatedQuestion
from best_sim.questions.found import Chapter, Found, Picture, Shown

NOTICE = (
    "Everything here is simulated, with invented children. It is not a result of the trial, and it neither shows nor "
    "suggests that either service is better."
)
STATUSES = ("published", "derived", "calibrated", "assumption")
MEANINGS = {
    "published": "taken from a published source, which is named beside it",
    "derived": "worked out from published figures",
    "calibrated": "set so that the model agrees with a published figure",
    "assumption": "no published value is known; chosen, with a plausible range where it has one",
}
_NOT_LISTED = (
    "command", "versions", "question_toml", "scenario_toml", "given_toml", "outputs", "inputs", "answer", "chunks",
)  # fmt: skip
"""Keys of the manifest that the table of the run leaves out: too long, or shown elsewhere."""


def write_report(path: Path, found: Found, *, manifest: Mapping[str, Any]) -> Path:
    """Write the report.

    Parameters
    ----------
    path : pathlib.Path
    found : Found
    manifest : mapping
        Of the run.

    Returns
    -------
    pathlib.Path
    """
    question = found.question
    chapters = found.chapters() if found.drawn else _without_pictures(found.chapters())
    parameters = question.world.table() if isinstance(question, SimulatedQuestion) else None
    counts = {} if parameters is None else status_counts(parameters)
    html = _template().render(
        title=question.heading,
        standfirst=_standfirst(found, manifest),
        label=found.label,
        notice=found.notice,
        contents=[(one.id, one.title) for one in chapters]
        + [("assumptions", "What is assumed"), ("reproduce", "How to reproduce it")],
        chapters=chapters,
        kind_of=lambda one: type(one).__name__,
        picture=_Pictures(found),
        table=_table,
        notes=found.notes(),
        parameters=_parameters(parameters),
        status_words=status_words(counts),
        statuses=Shown(
            "Parameters by how sure they are",
            ("Status", "Meaning", "Parameters"),
            tuple((s.capitalize(), MEANINGS.get(s, ""), say.number(n)) for s, n in counts.items()),
            left=2,
        ),
        command=str(manifest.get("command", "")),
        run=Shown("This run", ("What", "Value"), tuple(_run(manifest)), left=2),
        asked=str(manifest.get("question_toml", "")),
    )
    path.write_text(html, encoding="utf-8", newline="\n")
    return path


@cache
def _template() -> jinja2.Template:
    """The page, compiled once."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("best_sim.questions"), autoescape=True, undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["breakable"] = _breakable
    return environment.get_template("report.html.j2")


def _without_pictures(chapters: Iterable[Chapter]) -> list[Chapter]:
    """Chapters of what isn't drawn; those that hold pictures alone are left out."""
    told = [
        replace(one, content=tuple(part for part in one.content if not isinstance(part, Picture)))
        for one in chapters
    ]
    return [one for one in told if one.content]


class _Pictures:
    """Figures as they go into the page, numbered in the order in which they are asked for."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.n = 0

    def __call__(self, one: Picture) -> Markup:
        self.n += 1
        figure = self.found.drawn[one.name]
        width, height = figure.get_size_inches()
        data = base64.b64encode(self.found.svg[one.name].encode()).decode()
        return Markup(
            '<figure id="figure-{name}"><div class="scroll" tabindex="0" role="region" aria-label="Figure {n}">'
            '<img src="data:image/svg+xml;base64,{data}" width="{w}" height="{h}" alt="{alt}"></div>'
            "<figcaption>Figure {n}. {caption}</figcaption></figure>"
        ).format(
            name=one.name,
            n=self.n,
            data=data,
            w=round(96 * width),
            h=round(96 * height),
            alt=alt_text(figure),
            caption=one.caption,
        )


def _table(one: Shown) -> Markup:
    """A table as it goes into the page."""

    def cell(tag: str, text: str, column: int, **more: str) -> Markup:
        right = Markup(' class="n"') if column >= one.left and len(text) < 60 else Markup("")
        said = Markup("<br>").join(text.split("\n"))
        scope = Markup("").join(Markup(' {}="{}"').format(key, value) for key, value in more.items())
        return Markup("<{tag}{scope}{right}>{said}</{tag}>").format(
            tag=Markup(tag), scope=scope, right=right, said=said
        )

    heads = Markup("").join(cell("th", text, i, scope="col") for i, text in enumerate(one.heads))
    lines = []
    for k, row in enumerate(one.rows):
        strong = Markup(' class="strong"') if k in one.strong else Markup("")
        cells = [
            cell("th", row[0], 0, scope="row"),
            *(cell("td", text, i) for i, text in enumerate(row) if i),
        ]
        lines.append(Markup("<tr{}>{}</tr>").format(strong, Markup("").join(cells)))
    note = Markup("<p>{}</p>").format(one.note) if one.note else Markup("")
    return Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="{title}"><table><caption>{title}</caption>'
        "<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>{note}"
    ).format(title=one.title, heads=heads, lines=Markup("\n").join(lines), note=note)


def _breakable(name: str) -> Markup:
    """A dotted name that may be broken into lines after its dots and underscores."""
    escaped = str(Markup.escape(name))
    return Markup(escaped.replace(".", ".<wbr>").replace("_", "_<wbr>"))


def _standfirst(found: Found, manifest: Mapping[str, Any]) -> str:
    question = found.question
    if not isinstance(question, SimulatedQuestion) or not question.simulates:
        return ""
    name = manifest.get("scenario_title") or manifest.get("scenario")
    said = f"Scenario: {name}. {question.replicates_words()}, random seed {question.seed}."
    return (
        f"{said} The run was interrupted; what follows is of what was finished."
        if found.interrupted
        else said
    )


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


def _parameters(parameters: pd.DataFrame | None) -> list[dict[str, str]]:
    if parameters is None:
        return []
    columns = ("name", "value", "unit", "range", "status", "source", "link")
    out = []
    for r in parameters.to_dict("records"):
        row = {c: ("" if pd.isna(r.get(c, "")) else str(r.get(c, ""))) for c in columns}
        if not row["link"].startswith(("http://", "https://")):
            row["link"] = ""
        out.append(row)
    return out


def _run(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for key, value in manifest.items():
        if key not in _NOT_LISTED and isinstance(value, (str, int, float)) and value != "":
            said = (
                {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
            )
            out.append((str(key).replace("_", " ").capitalize(), said))
    for key, one in manifest.get("inputs", {}).items():
        out.append((f"Input {key}", f"{one['path']} (SHA-256 {one['sha256'][:16]})"))
    versions = manifest.get("versions")
    if isinstance(versions, Mapping):
        out.append(("Versions", ", ".join(f"{k} {v}" for k, v in versions.items())))
    return out
