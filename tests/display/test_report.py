from __future__ import annotations

import re
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from best_sim.display import figures, report, tables

VOID = {"wbr", "meta", "link", "br", "img", "hr", "input", "col"}


class Page(HTMLParser):
    """Balance of tags, ids, what is fetched, what is linked, and the pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.alts: list[str] = []
        self.headings: list[int] = []
        self.tables = self.captions = 0
        self.lang = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = dict(attrs)
        assert len(a) == len(attrs), f"{tag} says an attribute twice"
        if tag not in VOID:
            self.open.append(tag)
        if a.get("id"):
            self.ids.append(str(a["id"]))
        if a.get("src"):
            self.fetched.append(str(a["src"]))
        if tag == "a":
            self.links.append(str(a.get("href")))
        if tag == "link":
            self.fetched.append(str(a.get("href")))
        if tag == "img":
            self.alts.append(a.get("alt") or "")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.tables += tag == "table"
        self.captions += tag == "caption"
        if tag == "html":
            self.lang = a.get("lang") or ""
        assert tag != "script"

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"


@pytest.fixture
def parameters() -> pd.DataFrame:
    return pd.DataFrame(
        [
            (
                "trial.target_families",
                "390",
                "families",
                "100 to 1000",
                "published",
                "protocol",
                "https://example.org/a",
            ),
            ("sau.not_assessed", "0.32", "probability", "", "calibrated", "<b>& so on</b>", ""),
            ("entry.stay", "70", "days", "", "assumption", "none", "javascript:alert(1)"),
        ],
        columns=["name", "value", "unit", "range", "status", "source", "link"],
    )


@pytest.fixture
def write(summary, curve, flow, journeys, parameters):
    def written(path: Path) -> str:
        return report.write_report(
            path, summary,
            manifest={"scenario": "trial-as-run", "seed": 1, "command": "best-sim power --seed 1",
                      "versions": {"numpy": "2"}},
            curve=curve, target=390, published=("2021-07-31", 382), flow=flow, flow_replicates=100,
            living=figures.living_by_month(journeys), proceedings=journeys.proceedings, services=journeys.services,
            parameters=parameters,
        ).read_text(encoding="utf-8")  # fmt: skip

    return written


def test_the_page_is_whole_and_fetches_nothing(write, tmp_path: Path) -> None:
    html = write(tmp_path / "report.html")
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    assert page.lang == "en-GB"
    assert len(page.ids) == len(set(page.ids))
    assert all(f.startswith("data:image/svg+xml;base64,") for f in page.fetched)
    assert {link for link in page.links if link.startswith("#")} <= {f"#{i}" for i in page.ids}
    assert {link for link in page.links if not link.startswith("#")} == {
        report.FOUND["link"], "https://example.org/a",
    }  # fmt: skip
    assert "@import" not in html and "url(" not in html
    assert page.tables == page.captions
    assert page.alts and all(len(a) > 60 for a in page.alts)
    assert page.headings[0] == 1 and page.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False))


def test_the_same_input_gives_the_same_page(write, tmp_path: Path) -> None:
    assert write(tmp_path / "a.html") == write(tmp_path / "b.html")


def test_what_users_write_is_text_and_not_markup(write, tmp_path: Path) -> None:
    html = write(tmp_path / "report.html")
    assert "<b>& so on</b>" not in html and "&lt;b&gt;&amp; so on&lt;/b&gt;" in html


def test_the_page_says_what_it_is_what_it_assumes_and_what_the_trial_found(write, tmp_path: Path) -> None:
    html = write(tmp_path / "report.html")
    assert report.NOTICE in html
    assert "no significant difference" in html
    assert "3 parameters: 1 is published, 1 is calibrated and 1 is an assumption" in html
    for heading in report.ADEMP:
        assert f"<h3>{heading}</h3>" in html
    assert "best-sim power --seed 1" in html


def test_a_report_of_power_alone(summary, tmp_path: Path) -> None:
    html = report.write_report(tmp_path, summary, manifest={"seed": 1}).read_text(encoding="utf-8")
    page = Page()
    page.feed(html)
    assert page.open == [] and 'id="recruitment"' not in html and (tmp_path / "report.html").is_file()


def test_sentences_carry_no_more_than_the_numbers(summary) -> None:
    with_effect, without, no_form = report.power_words(summary)
    assert "61.2% of simulated trials (95% interval 59.0% to 63.3%, 2,000 replicates)" in with_effect
    assert "gives 60.4%, which the interval includes" in with_effect
    assert "the nominal level is 5%, which the interval includes" in without
    assert "closed form" not in no_form
    off = summary.assign(low=0.07, high=0.09)
    assert "does not include" in report.power_words(off)[1]
    for words in (with_effect, without, no_form):
        for claim in ("benefit", "improve", "works", "proves"):
            assert claim not in words


def test_tables_for_the_terminal(summary) -> None:
    console = Console(width=120, record=True, file=StringIO())
    console.print(tables.power_table(summary))
    text = console.export_text()
    for said in (
        "61.2%",
        "1.1",
        "none",
        "95% interval",
        "2,000 replicates a design",
    ):
        assert said in text
