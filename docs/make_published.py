"""Write down which published figures the model meets: the list that the tests hold it to, and the page for people.

Run it as `python docs/make_published.py [REPLICATES]` in an environment in which `best_sim` is installed, after a
change in what the model does. It writes `tests/published/standing.toml` and `docs/explanation/published-figures.md`.
Reasons in the list are kept; to a figure that is newly not met, somebody has to write one.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from best_sim.questions.running import answer
from best_sim.questions.validation.ask import ValidationQuestion
from best_sim.questions.validation.judging import CANT_TELL, HOLDS, NOT_MET
from best_sim.questions.validation.run import ValidationFound
from best_sim.questions.validation.show import published_text, range_text, simulated_text, z_text
from best_sim.scenario.writing import toml_text

HERE = Path(__file__).parent
STANDING = HERE.parent / "tests" / "published" / "standing.toml"
PAGE = HERE / "explanation" / "published-figures.md"
UNKNOWN = "not known yet"
_HEAD = """\
# Which published checks the model meets: by figure, holds, can't tell, or why it is not met. Written by
# docs/make_published.py, which keeps the reasons; the tests hold the model to those that hold.
"""


def standing_of(found: ValidationFound, before: Mapping[str, str]) -> dict[str, str]:
    """By check: whether it holds, or why not.

    Parameters
    ----------
    found : ValidationFound
    before : mapping of str to str
        What was said so far, of which the reasons are kept.
    """
    verdict = found.of("check").set_index("id")["verdict"]
    out = {}
    for one in found.question.computed:
        if one.role == "check":
            said = str(verdict[one.id])
            kept = before.get(one.id, UNKNOWN)
            out[one.id] = said if said != NOT_MET else UNKNOWN if kept in (HOLDS, CANT_TELL) else kept
    return out


def page_of(found: ValidationFound, standing: Mapping[str, str]) -> str:
    """The page: how many checks hold; those that do not, group by group, with the reason; and those that do.

    Parameters
    ----------
    found : ValidationFound
    standing : mapping of str to str
        As `standing_of` gives it.
    """
    question, checks = found.question, found.of("check")
    lines = [
        "# Published figures, and whether the model meets them",
        "",
        f"Written by `docs/make_published.py` from `parameters/published.toml` and {question.replicates} replicates of "
        f"`{question.scenario}`, some of them of `{question.national}` as well (random seed {question.seed}). "
        "`best-sim validate` gives all of it again, with sources.",
        "",
        found.words()[0],
        "A figure is met within two joint standard errors, its own and the simulation's, or inside the published "
        "range.",
        "",
        "## Checks that are not met",
    ]
    for name, rows in checks[checks["verdict"] == NOT_MET].groupby("group", sort=False):
        lines += [
            "",
            f"### {name}",
            "",
            "| figure | published | range | simulated (MCSE) | errors away | why |",
        ]
        lines += ["|---|---|---|---|---|---|"]
        for row in rows.to_dict("records"):
            why = standing[row["id"]] + (f"; {row['differs']}" if row["differs"] else "")
            numbers = (published_text(row), range_text(row), simulated_text(row), z_text(row))
            cells = (f"{row['figure']} (`{row['id']}`)", *numbers, why)
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "## Checks that hold", ""]
    lines += _listed(checks[checks["verdict"] == HOLDS])
    unsure = checks[checks["verdict"] == CANT_TELL]
    if len(unsure):
        lines += ["", "## Checks that need more replicates", "", *_listed(unsure)]
    settings = found.of("set")
    lines += ["", "## Figures that set a parameter, and are not met", ""]
    lines += _listed(settings[settings["verdict"] == NOT_MET]) or ["None."]
    lines += ["", "## Published figures that can't be compared", "", "| figure | why |", "|---|---|"]
    lines += [f"| {row['figure']} | {row['reason']} |" for row in found.context.to_dict("records")]
    return "\n".join(lines) + "\n"


def _listed(rows: Any) -> list[str]:
    return [
        f"- {row['figure']}: published {published_text(row)}, simulated {simulated_text(row)}"
        + (f" ({row['differs']})" if row["differs"] else "")
        for row in rows.to_dict("records")
    ]


def main(replicates: int = 100) -> None:
    """Simulate, and write both.

    Parameters
    ----------
    replicates : int
    """
    found = answer(ValidationQuestion.load(replicates=replicates))
    assert isinstance(found, ValidationFound)
    before = tomllib.loads(STANDING.read_text(encoding="utf-8")) if STANDING.exists() else {}
    standing = standing_of(found, before)
    STANDING.write_text(_HEAD + toml_text(standing), encoding="utf-8")
    PAGE.write_text(page_of(found, standing), encoding="utf-8")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
