"""Figures, tables and report of plans compared, looked at as a reader would."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from looking import assert_texts_are_apart, texts
from matplotlib.dates import date2num

from best_sim.drawing.style import alt_text
from best_sim.questions.expansion.ask import ExpansionQuestion, OpeningPlan, TeamChange
from best_sim.questions.expansion.figures import differences_figure, plan_figure
from best_sim.questions.expansion.replicate import MEASURES
from best_sim.questions.expansion.run import ExpansionFound
from best_sim.questions.expansion.show import all_plans_shown, date_cells
from best_sim.questions.report import write_report
from best_sim.questions.running import answer

VOID = {"meta", "img", "br", "wbr", "link"}


PLANS = (
    OpeningPlan(name="base", title="As planned", notes="the scenario's own"),
    OpeningPlan(
        name="early", title="Two boroughs early & a team that is larger by several people than it was planned to be",
        notes="more <staff>", openings={"bromley": dt.date(2018, 3, 1), "sutton": "never"},
        closings={"croydon": dt.date(2020, 1, 1)},
        team=(TeamChange(team="london", profession="social_workers", since=dt.date(2018, 6, 1), value=6.0),),
        changes=("sites.london.consent=0.7",),
    ),
    OpeningPlan(name="more", title="A target out of reach", target=4000),
)  # fmt: skip


def run(*plans: OpeningPlan, replicates: int) -> ExpansionFound:
    asked = ExpansionQuestion(
        title="Small plans", question="When?", scenario="london-2017", replicates=replicates, seed=3, target=40,
        overrides=("simulation.end_date=2020-12-31", "simulation.warm_up=0.5"), baseline="base", plans=plans,
    )  # fmt: skip
    found = answer(asked, executor=None)
    assert isinstance(found, ExpansionFound)
    return found


@pytest.fixture(scope="module")
def found() -> ExpansionFound:
    return run(*PLANS, replicates=12)


def report_of(found: ExpansionFound, path: Path) -> str:
    manifest = {"command": "best-sim expand", "engine": "compiled"}
    return write_report(path, found, manifest=manifest).read_text()


def test_every_measure_and_plan_of_the_differences_is_named_and_drawn_where_it_lies(
    found: ExpansionFound,
) -> None:
    figure = differences_figure(found, ("lift_wait", "weeks"))
    assert_texts_are_apart(figure)
    said = texts(figure)
    assert said.count("A target out of reach") == 2 and "Wait of trial families who began LIFT, mean" in said
    assert any(one.startswith("Two boroughs early") and one.endswith("…") for one in said)
    rows = found.differences().set_index(["measure", "plan"])
    for ax, name in zip(figure.axes, ("lift_wait", "weeks"), strict=True):
        dots = [line for line in ax.lines if line.get_marker() == "o"]
        np.testing.assert_allclose(
            [line.get_xdata()[0] for line in dots],  # type: ignore[index]
            [rows.loc[(name, plan), "mean"] for plan in ("early", "more")],
        )
    assert "A target out of reach" in alt_text(figure)


def test_the_whole_figure_of_differences_keeps_its_texts_apart(found: ExpansionFound) -> None:
    assert_texts_are_apart(differences_figure(found))


@pytest.mark.parametrize("plan", ["base", "early", "more"])
def test_a_plan_is_drawn_with_its_openings_target_and_places(found: ExpansionFound, plan: str) -> None:
    figure = plan_figure(found, plan)
    assert_texts_are_apart(figure)
    said = texts(figure)
    assert f"target {found.question.target_of(plan)}" in said and "places" in said
    names = {"Croydon, 1 Oct 2017", "Tower Hamlets, 1 Apr 2018"}
    assert names <= set(said)
    assert ("Bromley, 1 Mar 2018" in said) == (plan == "early")
    assert any(one.startswith("Sutton") for one in said) == (plan != "early")
    families, waits, use, costs = figure.axes
    months = found.monthly(plan)
    line = max(families.lines, key=lambda each: each.get_linewidth())
    np.testing.assert_allclose(np.asarray(line.get_ydata(), float), months["families"])
    assert float(np.asarray(line.get_xdata(), float)[0]) == date2num(months["until"].iloc[0])
    assert waits.get_ylim()[0] == 0.0 and use.get_ylim()[1] > months["places"].max()
    tops = [bar.get_y() + bar.get_height() for bar in costs.patches]
    whole = found.costs(plan).query("holder == 'all'")["mean"].max() / 1e6
    assert max(tops) == pytest.approx(whole)


def test_an_unknown_plan_is_not_drawn(found: ExpansionFound) -> None:
    with pytest.raises(KeyError, match="nobody"):
        plan_figure(found, "nobody")


def test_a_plan_alone_has_no_differences_to_draw(found: ExpansionFound, tmp_path: Path) -> None:
    alone = run(PLANS[0], replicates=2)
    with pytest.raises(ValueError, match="found the baseline alone"):
        differences_figure(alone)
    page = report_of(alone, tmp_path / "one.html")
    assert "figure-differences" not in page and "figure-plan-base" in page


def test_tables_tell_dates_and_errors(found: ExpansionFound) -> None:
    cells = date_cells(found)
    assert cells["more"] == "not reached"
    assert re.fullmatch(r"\w{3} \d{4}\n\(\w{3} \d{4} to .*\)", cells["base"])
    table = all_plans_shown(found)
    assert len(table.rows) == 1 + len(MEASURES) and all(all(row) for row in table.rows)
    wait = found.table().set_index(["plan", "measure"]).loc[("base", "lift_wait")]
    (shown,) = [row for row in table.rows if row[0] == "Wait of trial families who began LIFT, mean"]
    assert shown[2].startswith(f"{wait['mean']:.1f} (")
    # parts of what stands above are set in
    assert [row[0] for row in table.rows if not row[0][0].isupper()][0] == "\u2003of those allocated to LIFT"


def test_the_tables_of_the_terminal_hold_every_plan_and_fit_80_columns(found: ExpansionFound) -> None:
    for table in found.shown():
        assert [row[0] for row in table.rows] == [plan.shown for plan in found.plans]
        widths = [max(len(part) for part in head.split("\n")) for head in table.heads[1:]]
        cells = [max(len(row[i + 1]) for row in table.rows) for i in range(len(widths))]
        beside = sum(map(max, widths, cells)) + 3 * len(widths)
        assert beside <= 80 - 20  # a plan's name is broken into lines


def test_pictures_of_plans_with_like_names_do_not_take_each_others_place() -> None:
    plans = (PLANS[0], OpeningPlan(name="a b"), OpeningPlan(name="a/b"), OpeningPlan(name="a-b"))
    figures = run(*plans, replicates=2).figures()
    assert len(figures) == 5 and "plan-a-b" in figures


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.alts: list[str] = []
        self.tables = self.captions = self.pages = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [str(a["id"])] if a.get("id") else []
        self.fetched += [str(a["src"])] if a.get("src") else []
        self.links += [str(a["href"])] if tag == "a" else []
        self.alts += [a.get("alt") or ""] if tag == "img" else []
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.pages += tag == "section" and "page" in str(a.get("class")).split()
        assert tag not in ("script", "link")

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag


def test_the_report_is_one_sound_file_with_a_page_for_each_plan(
    found: ExpansionFound, tmp_path: Path
) -> None:
    text = report_of(found, tmp_path / "report.html")
    page = Page()
    page.feed(text)
    assert not page.open and len(page.ids) == len(set(page.ids))
    assert all(one.startswith("data:") for one in page.fetched)
    inside = {one.removeprefix("#") for one in page.links if one.startswith("#")}
    assert inside <= set(page.ids) and {"plan-base", "plan-early", "plan-more"} <= inside
    assert len(page.alts) == 1 + len(found.plans) and all(len(one) > 60 for one in page.alts)
    assert page.tables == page.captions
    assert page.pages == len(found.plans) + 2  # and that of all, and that of differences
    for said in ("More &lt;staff&gt;", "Croydon 1 Jan 2020", "sites.london.consent = 0.7", "6 from 1 Jun 2018",
                 "Sutton not at all", "best-sim expand", "It is not a result of the trial", "assumption",
                 found.scenarios["early"].hash[:12]):  # fmt: skip
        assert said in text, said
    assert "nan" not in re.sub(r"data:[^\"]+", "", text).lower().replace("finance", "").split()
    # the same result gives the same bytes
    assert text == report_of(dataclasses.replace(found), tmp_path / "again.html")  # drawn anew
