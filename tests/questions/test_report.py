"""The one-file report: whole, offline, the same bytes from the same input, and saying what it is."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from best_sim.drawing import style
from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.power.run import PowerFound
from best_sim.questions.power.show import THE_TRIAL
from best_sim.questions.report import NOTICE, write_report
from best_sim.questions.running import answer
from best_sim.questions.writing import begin, finish

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


MANIFEST = {
    "scenario": "london-2017",
    "seed": 1,
    "command": "best-sim power --seed 1",
    "versions": {"numpy": "2"},
}


@pytest.fixture(scope="module")
def found() -> PowerFound:
    asked = PowerQuestion.load("london-2017", replicates=4, set=["trial.target_families=60"])
    got = answer(asked.replaced(title="<b>Ours</b> & so on"), executor=None)
    assert isinstance(got, PowerFound)
    return got


@pytest.fixture(scope="module")
def html(found: PowerFound, tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(found, tmp_path_factory.mktemp("report") / "report.html")


def written(found: PowerFound, path: Path) -> str:
    return write_report(path, found, manifest=MANIFEST).read_text(encoding="utf-8")


def test_the_page_is_whole_and_fetches_nothing(html: str, found: PowerFound) -> None:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    assert page.lang == "en-GB"
    assert len(page.ids) == len(set(page.ids))
    assert all(f.startswith("data:image/svg+xml;base64,") for f in page.fetched)
    assert {link for link in page.links if link.startswith("#")} <= {f"#{i}" for i in page.ids}
    links = {link for link in page.links if not link.startswith("#")}
    assert links == {one.link for one in found.scenario.provenance.values() if one.link}
    assert "@import" not in html and "url(" not in html
    assert page.tables == page.captions
    assert page.alts and all(len(a) > 60 for a in page.alts)
    assert page.headings[0] == 1 and page.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False))


def test_the_same_input_gives_the_same_page(html: str, found: PowerFound, tmp_path: Path) -> None:
    assert written(dataclasses.replace(found), tmp_path / "again.html") == html  # drawn anew


def test_pictures_are_drawn_once_a_run(
    found: PowerFound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, saved = [], []
    figures, svg_text = PowerFound.figures, style.svg_text
    monkeypatch.setattr(PowerFound, "figures", lambda self: drawn.append(1) or figures(self))
    monkeypatch.setattr(
        style, "svg_text", lambda figure: saved.append(style.alt_text(figure)) or svg_text(figure)
    )
    new = dataclasses.replace(found)
    store = begin(new.question, tmp_path / "run", "compiled", dt.datetime.now(dt.UTC))
    finish(store, new, started=dt.datetime.now(dt.UTC), engine="compiled")
    assert len(drawn) == 1 and len(saved) == len(set(saved)) == len(new.drawn) > 3
    for name, svg in new.svg.items():
        assert (tmp_path / "run" / f"{name}.svg").read_text(encoding="utf-8") == svg


def test_what_users_write_is_text_and_not_markup(html: str) -> None:
    assert "<b>Ours</b>" not in html and "&lt;b&gt;Ours&lt;/b&gt; &amp; so on" in html


def test_the_page_says_what_it_is_what_it_assumes_and_what_the_trial_found(
    html: str, found: PowerFound
) -> None:
    assert NOTICE in html
    assert THE_TRIAL.partition(" (LIFT")[0] in html
    assert f"The scenario has {len(found.scenario.provenance)} parameters: " in html
    for heading in ("Aims", "Data-generating mechanisms", "Estimands", "Methods", "Performance measures"):
        assert f"<h3>{heading}</h3>" in html
    assert "best-sim power --seed 1" in html and "best-sim reproduce ." in html
    assert all(note in html for note in found.notes())
