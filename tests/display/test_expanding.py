"""Figures and report of plans compared, looked at as a reader would."""

from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from looking import assert_texts_are_apart, texts
from matplotlib.dates import date2num

from best_sim.display.expanding import (
    date_cells,
    differences_figure,
    plan_figure,
    plans_table,
    write_expansion_report,
)
from best_sim.drawing.style import alt_text
from best_sim.experiments.expansion import (
    MEASURES,
    Expansion,
    ExpansionExperiment,
    ExpansionPlan,
    TeamChange,
    run_expansion,
)
from best_sim.scenario import Scenario

VOID = {"meta", "img", "br", "link"}


@pytest.fixture(scope="module")
def found() -> Expansion:
    scenario = Scenario.load("london-2017", ("simulation.end_date=2020-12-31", "simulation.warm_up=0.5"))
    plans = (
        ExpansionPlan("base", title="As planned", notes="the scenario's own"),
        ExpansionPlan(
            "early", title="Two boroughs early & a team that is larger by several people than it was planned to be",
            notes="more <staff>", openings=(("bromley", dt.date(2018, 3, 1)), ("sutton", None)),
            closings=(("croydon", dt.date(2020, 1, 1)),),
            team=(TeamChange("london", "social_workers", dt.date(2018, 6, 1), 6.0),),
            overrides=(("sites.london.consent", 0.7),),
        ),
        ExpansionPlan("more", title="A target out of reach", target=4000),
    )  # fmt: skip
    asked = ExpansionExperiment("small", "Small plans", "When?", scenario, 12, 3, 40, "base", plans)
    return run_expansion(asked, executor=None)


def test_every_measure_and_plan_of_the_differences_is_named_and_drawn_where_it_lies(found: Expansion) -> None:
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


def test_the_whole_figure_of_differences_keeps_its_texts_apart(found: Expansion) -> None:
    assert_texts_are_apart(differences_figure(found))


@pytest.mark.parametrize("plan", ["base", "early", "more"])
def test_a_plan_is_drawn_with_its_openings_target_and_places(found: Expansion, plan: str) -> None:
    figure = plan_figure(found, plan)
    assert_texts_are_apart(figure)
    said = texts(figure)
    assert f"target {found.experiment.target_of(plan)}" in said and "places" in said
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


def test_an_unknown_plan_is_not_drawn(found: Expansion) -> None:
    with pytest.raises(KeyError, match="nobody"):
        plan_figure(found, "nobody")


def test_a_plan_alone_has_no_differences_to_draw(found: Expansion, tmp_path: Path) -> None:
    asked = found.experiment
    alone = run_expansion(
        ExpansionExperiment("one", "One", "", asked.scenario, 2, 3, 40, "base", asked.plans[:1]),
        executor=None,
    )
    with pytest.raises(ValueError, match="found the baseline alone"):
        differences_figure(alone)
    page = write_expansion_report(alone, tmp_path / "one.html").read_text()
    assert "figure-differences" not in page and "figure-plan-0" in page


def test_tables_tell_dates_and_errors(found: Expansion) -> None:
    cells = date_cells(found)
    assert cells["more"] == "not reached" and re.fullmatch(
        r"\w{3} \d{4} \(\w{3} \d{4} to .*\)", cells["base"]
    )
    table = plans_table(found)
    assert len(table) == 1 + len(MEASURES) and not (table == "").any(axis=None)
    short = plans_table(found, short=True)
    assert list(short["label"])[0] == "Target" and 1 < len(short) < 10
    wait = found.table().set_index(["plan", "measure"]).loc[("base", "lift_wait")]
    shown = table.set_index("label").loc["Wait of trial families who began LIFT, mean", "base"]
    assert str(shown).startswith(f"{wait['mean']:.1f} (")


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


def test_the_report_is_one_sound_file_with_a_page_for_each_plan(found: Expansion, tmp_path: Path) -> None:
    manifest = {"command": "best-sim expand", "engine": "compiled"}
    path = write_expansion_report(found, tmp_path, manifest=manifest)
    assert path == tmp_path / "report.html"
    text = path.read_text()
    page = Page()
    page.feed(text)
    assert not page.open and len(page.ids) == len(set(page.ids))
    assert all(one.startswith("data:") for one in page.fetched)
    assert {one.removeprefix("#") for one in page.links} <= set(page.ids)
    assert len(page.alts) == 1 + len(found.plans) and all(len(one) > 60 for one in page.alts)
    assert page.tables == page.captions
    assert page.pages == len(found.plans) + 2  # and that of all, and that of assumptions
    for said in ("More &lt;staff&gt;", "Croydon 1 Jan 2020", "sites.london.consent = 0.7", "6 from 1 Jun 2018",
                 "Sutton not at all", "best-sim expand", "It is not a result of the trial", "assumption"):  # fmt: skip
        assert said in text, said
    assert "nan" not in re.sub(r"data:[^\"]+", "", text).lower().replace("finance", "").split()
    # the same result gives the same bytes
    assert text == write_expansion_report(found, tmp_path / "again.html", manifest=manifest).read_text()
