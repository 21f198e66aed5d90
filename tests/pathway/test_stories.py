from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest
from looking import assert_texts_are_apart, texts
from rich.console import Console
from small_worlds import run

from best_sim.drawing import wording as say
from best_sim.pathway import timeline
from best_sim.pathway import words as W
from best_sim.pathway.journeys import Journeys
from best_sim.pathway.lowering import lower
from best_sim.pathway.story import CHOICES, UnknownChildError, happenings, telling
from best_sim.pathway.story.scotland import IN_SCOTLAND, ScottishTeller
from best_sim.pathway.story.telling import HEARING, Teller, standing, toward, where


@pytest.fixture(scope="module")
def journeys(trial_run: Journeys) -> Journeys:
    return trial_run


@pytest.fixture(scope="module")
def in_sau(trial) -> Journeys:
    return run(lower(trial, "SAU"))


def some_children(journeys, n: int) -> list[int]:
    children = journeys.children
    chosen = {journeys.child(which) for which in CHOICES}
    step = max(1, len(children) // n)
    return sorted(chosen | {int(c) for c in children["child"].iloc[::step]})


def test_every_event_that_concerns_the_child_is_told_once_and_in_order(journeys) -> None:
    r = journeys.record
    n_families = len(journeys.tables["families"])
    for child in some_children(journeys, 150):
        c = journeys.tables["children"][child]
        family, group = int(c["family"]), int(c["group"])
        mine = {("family", family), ("group", group), ("case", family), ("case", n_families + group)}
        rows = np.flatnonzero(np.isin(r["subject"], [k for _, k in mine]))
        concerns = [int(i) for i in rows if (W.EVENTS[r["event"][i]].subject, int(r["subject"][i])) in mine]
        story = journeys.story(child)
        assert list(story.rows) == concerns
        days = [line.days for line in story.lines]
        assert days == sorted(days)
        assert all(line.sentences for line in story.lines)


def test_every_kind_of_event_has_words_of_its_own() -> None:
    told = {e.name for e in W.EVENTS if e.subject in ("family", "group", "case")}
    assert {name for name in told if not hasattr(ScottishTeller, f"_{name}")} == set()
    # what happens in Scotland alone is told of nobody else
    assert "childrens_hearing_held" in {name for name in told if not hasattr(Teller, f"_{name}")}


def test_what_is_said_otherwise_in_scotland_is_said_in_england() -> None:
    """A text that nobody tells is never replaced, and the English words stay."""
    places = [(place, order) for place in W.PLACEMENT_TYPES for order in (None, "", *W.ORDERS[1:])]
    said = [words(*at) for words in (where, toward) for at in places]
    said += [
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(telling)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [english for english, _ in IN_SCOTLAND if not any(english in text for text in said)] == []


def test_no_story_of_scotland_speaks_of_the_law_of_england(journeys) -> None:
    c = journeys.children
    scottish = c.loc[c["site"] == "glasgow", "child"]
    assert len(scottish) > 300
    of_england = re.compile(
        r"interim or a|(?<!kinship )care order|(?<!compulsory )supervision order|special guardian|child arrangements"
        r"|placement order|care proceedings|section 20|under an? (interim|care|placement) order|\bcourt\b"
    )
    told = {int(child): " ".join(journeys.story(int(child)).text().split()) for child in scottish[::6]}
    assert {child: of_england.findall(text) for child, text in told.items() if of_england.search(text)} == {}
    assert any("at home with parents, under supervision" in text for text in told.values())
    assert any("moved home to parents, under supervision" in text for text in told.values())


def test_at_home_under_a_compulsory_supervision_order_a_child_is_still_looked_after(journeys) -> None:
    """From the hearing that varies the order to the end of it: Children (Scotland) Act 1995, s. 17(6)."""
    r = journeys.record
    groups = r["subject"][(r["event"] == W.ORDER_MADE) & (r["value"] == W.SUPERVISED_AT_HOME)]
    c = journeys.children
    stayed = ended = back = 0
    for child in c.loc[c["group"].isin(groups), "child"]:
        teller = ScottishTeller(journeys, int(child))
        for h in happenings(journeys, int(child)):
            at_home = teller.place == "home" and teller.supervised_at_home()
            sentence = teller.tell(h)
            if h.event == W.ORDER_MADE and h.value == W.SUPERVISED_AT_HOME:
                assert sentence.endswith("the child is to live at home, and is still looked after.")
            if teller.supervised_at_home():
                assert "no longer in care" not in sentence and "leave care" not in sentence
                if teller.place == "home":
                    assert teller.lives() == "at home with parents, under supervision"
                    stayed += h.event == W.STAYED_WITH_CARER
            if at_home and h.event == W.COMPULSORY_ORDER_ENDED:
                assert sentence.endswith("the child, at home, is no longer looked after.")
                ended += 1
            if at_home and h.event == W.PLACED_ON_RE_ENTRY:
                assert sentence.startswith("The child was taken from home again after ")
                back += 1
    assert stayed > 0 and ended > 10 and back > 5


@pytest.mark.parametrize(
    ("number", "word"), [(3, "third"), (11, "11th"), (21, "21st"), (22, "22nd"), (113, "113th")]
)
def test_reviews_are_counted_in_words_as_one_says_them(number, word) -> None:
    said = ScottishTeller._looked_after_review(None, SimpleNamespace(code=number))
    assert said == f"The local authority held its {word} looked-after review."


def test_at_home_in_care_is_told_with_the_order_then_in_force(journeys) -> None:
    """A child back in care is under no order of before."""
    assert where("with_parents", "") == "with parents, under an interim order"
    assert where("with_parents", "care_order") == "with parents, under a care order"
    assert where("with_parents", "special_guardianship_order") == where("with_parents") == "with parents"
    assert toward("with_parents", "") == "to parents, under an interim order"
    c = journeys.children
    assert (c["re_entries"] > 0).sum() > 50
    for child in c.loc[c["re_entries"] > 0, "child"]:
        teller, told_of = Teller(journeys, int(child)), happenings(journeys, int(child))
        back = max(k for k, h in enumerate(told_of) if h.event == W.PLACED_ON_RE_ENTRY)
        for h in told_of[: back + 1]:
            teller.tell(h)
        assert teller.order == ""


def said_of(journeys, child: int, event: int, code: int) -> Iterator[tuple[Teller, str]]:
    """What is said each time that this happens, and the teller as it stands then."""
    teller = Teller(journeys, child)
    for h in happenings(journeys, child):
        sentence = teller.tell(h)
        if (h.event, h.value) == (event, code):
            yield teller, sentence


def test_a_care_order_is_told_by_where_the_child_lives(journeys) -> None:
    r = journeys.record
    groups = r["subject"][(r["event"] == W.ORDER_MADE) & (r["value"] == W.CARE_ORDER)]
    c = journeys.children
    said: dict[str, set[str]] = {}
    for child in c.loc[c["group"].isin(groups), "child"]:
        for teller, sentence in said_of(journeys, int(child), W.ORDER_MADE, W.CARE_ORDER):
            said.setdefault(teller.place, set()).add(sentence.partition(": ")[2])
    with_parents = {"the child is to live with parents, in the care of the local authority."}
    assert said["with_parents"] == said["parent_and_baby"] == with_parents
    assert said["kinship_foster"] == {
        "the child is to stay in care, with relatives as foster carers for the long term."
    }
    assert said["foster"] == {"the child is to stay in care, with foster carers for the long term."}


def test_a_child_with_parents_has_no_way_home_before_it(journeys) -> None:
    c = journeys.children
    said = {
        (teller.place == "with_parents", sentence)
        for child in c["child"].iloc[::4]
        for teller, sentence in said_of(journeys, int(child), W.PLAN_MADE, W.RETURN_HOME)
    }
    assert said == {
        (True, "It was planned that the child would stay with parents and leave care."),
        (False, "The child's way home was planned."),
    }


def test_a_plan_that_is_carried_out_has_not_fallen_away(journeys) -> None:
    """From hospital to the relatives to whom the child was to go: this was the plan."""
    r, c = journeys.record, journeys.children.set_index("child")
    seen = set()
    for none in r[(r["event"] == W.PLAN_MADE) & (r["value"] == W.NO_PLAN)]:
        mine = r[(r["subject"] == none["subject"]) & (r["time"] <= none["time"])]
        planned = [plan for plan in mine["value"][mine["event"] == W.PLAN_MADE] if plan != W.NO_PLAN][-1]
        place = mine["value"][np.isin(mine["event"], W.PLACED)][-1]
        there = bool(planned == W.TO_KIN and place == W.KINSHIP_FOSTER)
        child = int(c.index[c["group"] == none["subject"]][0])
        told = [sentence for _, sentence in said_of(journeys, child, W.PLAN_MADE, W.NO_PLAN)]
        fell = "The plan made before fell away; no move was planned."
        assert told == ["No further move was planned." if there else fell]
        seen.add(there)
    assert seen == {True, False}


def test_carers_who_adopt_are_not_looked_for_and_not_moved_to(journeys) -> None:
    c = journeys.children
    said: dict[bool, set[str]] = {True: set(), False: set()}
    for child in c.loc[c["lives"].isin(["adopted", "placed_for_adoption", "early_permanence"]), "child"].iloc[
        ::4
    ]:
        for plan in (W.ADOPTION_MATCH, W.ADOPTION_PLACEMENT):
            for teller, sentence in said_of(journeys, int(child), W.PLAN_MADE, plan):
                said[teller.place == "early_permanence"].add(sentence)
    assert said[True] == {
        "It was planned that the carers with whom the child lived would adopt it.",
        "The carers with whom the child lived were matched with it to adopt it.",
    }
    assert said[False] == {
        "A search for adopters was begun.",
        "Adopters were matched with the child, and the move to them was planned.",
    }


def test_a_plan_that_stands_at_the_end_is_told_by_where_the_child_lives() -> None:
    assert standing("adoption_placement", "foster") == "the move to the matched adopters is planned"
    assert (
        standing("adoption_placement", "early_permanence")
        == "the carers, matched with the child, are to adopt it"
    )
    assert standing("return_home", "with_parents") == "the child is to stay with parents and leave care"
    assert standing("return_home", "foster") == "the way home is planned"
    assert standing("none", "foster") == ""


def test_a_hearing_of_several_days_is_told_with_its_first_and_its_last(journeys) -> None:
    c = journeys.children
    days: list[int] = []
    for child in c.loc[c["site"] == "london", "child"].iloc[::20]:
        listed: dict[int, float] = {}
        for h in happenings(journeys, int(child)):
            if h.event == W.FINAL_LISTED:
                listed[h.subject] = h.days + h.value
            if h.event == W.HEARING_EFFECTIVE and h.code == W.FINAL_HEARING:
                first, last = (journeys.date(at) for at in (listed[h.subject], h.days))
                days.append((last - first).days)
                line = next(line for line in journeys.story(int(child)).lines if h.row in line.rows)
                ended = f"The final hearing, which began on {say.day(first)}, ended."
                assert line.when.startswith(f"On {say.weekday(last)}")
                assert (ended if first < last else "The final hearing took place.") in line.sentences
    assert min(days) == 0 and max(days) > 3


def test_the_first_days_of_life_are_told_by_date_and_age(journeys) -> None:
    """A day is of birth by its date, whatever the hour; on the day after, the child may be some hours old."""
    c = journeys.children
    lines = [
        (line, born)
        for child, born in c.loc[c["entry_age_days"] < 10.0, ["child", "born_days"]][::4].itertuples(
            index=False
        )
        for line in journeys.story(int(child)).lines
    ]
    assert not any("aged newborn" in line.when for line, _ in lines)
    assert any(line.when.endswith(", newborn") for line, _ in lines)
    at_birth = [line for line, born in lines if np.floor(line.days) == np.floor(born)]
    assert all(line.days >= born - 1e-6 for line, born in lines), (
        "something happens to a child before its birth"
    )
    assert {line.when.partition(", ")[2] for line in at_birth} == {"the day of birth"}


def test_guardians_who_were_foster_carers_are_not_called_relatives(journeys) -> None:
    r, c = journeys.record, journeys.children.set_index("child")
    seen = set()
    for appointed in r[r["event"] == W.CARERS_APPOINTED]:
        group = appointed["subject"]
        child = int(c.index[c["group"] == group][0])
        by = "relatives" if appointed["value"] == W.KINSHIP_FOSTER else "its former foster carers"
        back = r[(r["event"] == W.PLACED_ON_RE_ENTRY) & (r["subject"] == group)]
        if (back["time"] > appointed["time"]).any():
            told = journeys.story(child).text(10**6)
            assert re.search(rf"came back into care after \d+ \w+ with {by} as special guardians, and", told)
            seen.add((by, "back"))
        else:
            assert f" lives with {by} as special guardians, since " in journeys.story(child).closing[0]
            seen.add((by, "there"))
    assert len(seen) == 4


def test_a_story_says_that_the_child_is_simulated_where_it_lives_and_what_is_not_known(journeys) -> None:
    for which in ("first LIFT", "first SAU", "first adopted", "first home"):
        child = journeys.child(which)
        story = journeys.story(child)
        told = [*story.opening, *map(str, story.lines), *story.closing]
        assert "a simulated child, not a real one" in told[0]
        assert told[-2].startswith("At the end of the simulated time") and " lives " in told[-2]
        assert told[-1].startswith("Not known: ")
        text = " ".join(told)
        for wrong in ("nan", "None", "number ", "  ", " ,", "..", "_"):
            assert wrong not in text, (child, wrong)


def test_a_listed_hearing_is_told_with_the_kind_and_the_day_on_which_it_was_held(journeys) -> None:
    c = journeys.children
    child = int(c.loc[(c["site"] == "london") & (c["arm"] == "SAU"), "child"].iloc[0])
    told = happenings(journeys, child)
    listed, held = ([h for h in told if h.event in events] for events in (W.HEARING_LISTED, W.HEARING_HELD))
    assert len(held) > 2
    for a, b in zip(listed, held, strict=False):
        kind, day = HEARING[W.HEARINGS[b.code]], say.day(journeys.date(a.days + a.value))
        assert f" {kind} was listed for {day}, " in Teller(journeys, child).tell(a)
        if b.code == W.FINAL_HEARING:  # it ends on the last of its days
            assert 0.0 <= b.days - a.days - a.value < 14.0
        else:
            assert a.days + a.value == pytest.approx(b.days, abs=1e-9)


def test_a_listed_hearing_that_the_run_did_not_reach_is_told_with_its_kind_too(journeys) -> None:
    """Its record has the kind, and not only the wait."""
    r = journeys.record
    listed = r[np.isin(r["event"], W.HEARING_LISTED) & (r["subject"] < len(journeys.tables["families"]))]
    late = listed[(listed["time"] + listed["value"] > journeys.end) & np.isfinite(listed["value"])]
    assert len(late) > 2
    for hearing in late:
        child = int(journeys.children.loc[journeys.children["family"] == hearing["subject"], "child"].iloc[0])
        mine = [h for h in happenings(journeys, child) if h.event == hearing["event"]]
        last = next(h for h in mine if h.days == hearing["time"])
        kind = W.HEARINGS[W.HEARING_LISTED.index(hearing["event"])].replace("_", " ")
        told = Teller(journeys, child).tell(last)
        assert told.startswith(f"{'An' if kind[0] == 'i' else 'A'} {kind} hearing was listed for ")
        assert say.day(journeys.date(last.days + last.value)) in told


def test_the_story_in_a_terminal_and_as_plain_text(journeys) -> None:
    story = journeys.story(journeys.child("first LIFT"))
    assert max(map(len, story.text(80).splitlines())) <= 80
    console = Console(width=90, record=True, file=StringIO())
    console.print(story)
    shown = " ".join(console.export_text().split())
    assert "was allocated, by chance, to LIFT" in shown


@pytest.mark.parametrize("child", [-1, 10**7])
def test_an_unknown_child_is_refused_with_the_numbers_there_are(journeys, child: int) -> None:
    lived = journeys.children["child"]
    with pytest.raises(UnknownChildError, match=f"from {lived.min()} to {lived.max()}.*nearest"):
        journeys.story(child)


def test_an_unknown_description_is_refused(journeys) -> None:
    with pytest.raises(UnknownChildError, match="allowed: a child's number, or first, first LIFT"):
        journeys.child("the happiest")
    with pytest.raises(UnknownChildError, match="did you mean first adopted?"):
        journeys.story("first adoptd")


def test_a_description_may_stand_for_a_number(journeys) -> None:
    for which in CHOICES:
        child = journeys.child(which)
        assert journeys.child(child) == child
    assert journeys.story("most moves") == journeys.story(journeys.child("most moves"))
    assert str(journeys.story("first")) == journeys.story("first").text()


def test_no_label_of_a_timeline_lies_over_another(journeys) -> None:
    for child in some_children(journeys, 25):
        if np.isfinite(journeys.children.set_index("child").loc[child, "entered_days"]):
            assert_texts_are_apart(journeys.timeline(child))


def test_the_same_child_in_the_other_service(journeys, in_sau) -> None:
    child = journeys.child("first LIFT")
    figure = journeys.timeline(child, in_sau)
    assert_texts_are_apart(figure)
    said = texts(figure)
    assert "Allocated to LIFT" in said and "Allocated to services as usual (SAU)" in said
    assert any("not a real one" in t for t in said)


def test_label_rows_keep_labels_apart() -> None:
    rng = np.random.default_rng(3)
    for _ in range(100):
        n = int(rng.integers(1, 25))
        wanted = sorted(
            (float(a), float(w)) for a, w in zip(rng.uniform(1, 9, n), rng.uniform(0.2, 2, n), strict=True)
        )
        places = timeline.label_rows(wanted, 0.5, 10.0)
        for i, (left, row) in enumerate(places):
            assert left >= 0.5 and left + wanted[i][1] <= 10.0 + 1e-9
            for j in range(i):
                if places[j][1] == row:
                    a, b = sorted(((left, wanted[i][1]), (places[j][0], wanted[j][1])))
                    assert a[0] + a[1] <= b[0] + 1e-9
