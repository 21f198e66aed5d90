from __future__ import annotations

import copy
import datetime as dt
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from toy_schema import Borough, Court, Toy

from best_sim.engine import luck
from best_sim.scenario import (
    Duration,
    Mix,
    Named,
    Scenario,
    ScenarioError,
    ScenarioWarning,
    Section,
    Series,
    check,
    shipped_names,
    shipped_parameters,
)
from best_sim.scenario.layers import parse_override
from best_sim.scenario.leaves import nodes_of

DAY = dt.date


def test_each_kind_of_leaf(load):
    trial = load().trial
    assert trial.consent == 0.67
    assert trial.families == 390
    assert trial.blocks == (4, 6)
    assert trial.method == "minimisation"
    assert trial.factors == ("site",)
    assert trial.stops is True
    assert trial.starts == DAY(2017, 9, 1)
    assert trial.label == 'A "toy"'
    assert trial.wait == 14
    assert trial.pause is None
    assert list(trial.mix.items()) == [("home", 0.1), ("foster", 0.7), ("kin", 0.2)]
    assert trial.mix.names == ("home", "foster", "kin")
    assert trial.court.notice == Duration.of("lognormal", "weeks", mean=2, cv=0.4)


def test_named_sections_in_the_order_of_the_file(load):
    boroughs = load().boroughs
    assert list(boroughs) == ["camden", "barnet"]
    assert boroughs["barnet"].partner == "camden"


def test_a_series(load):
    entries = load().boroughs["camden"].entries
    assert list(entries) == [(DAY(2016, 4, 1), 50), (DAY(2017, 4, 1), 56)]
    assert [entries.at(DAY(*day)) for day in [(2010, 1, 1), (2017, 3, 31), (2017, 4, 1), (2030, 1, 1)]] == [
        50,
        50,
        56,
        56,
    ]
    times, values = entries.lowered(DAY(2016, 4, 2))
    assert (times, values) == ((-1, 364), (50, 56))
    record = np.atleast_1d(luck.series_record(times, values)).view(np.recarray)[0]
    assert luck.series_at(record, 364) == 56


@pytest.mark.parametrize(
    ("unit", "days"), [("days", 1), ("weeks", 7), ("months", 365.25 / 12), ("years", 365.25)]
)
def test_times_are_in_days_and_provenance_as_written(load, unit, days):
    scenario = load(f'trial.wait={{value=3, unit="{unit}"}}')
    assert scenario.trial.wait == 3 * days
    assert (scenario.provenance["trial.wait"].value, scenario.provenance["trial.wait"].unit) == (3, unit)


# --- provenance ---------------------------------------------------------------------------------------------


def test_provenance_of_a_base_value(load):
    consent = load().provenance["trial.consent"]
    assert (consent.value, consent.unit, consent.range) == (0.67, "probability", (0.5, 0.9))
    assert (consent.status, consent.source, consent.link) == ("published", "report", "https://example.org")
    assert (consent.note, consent.file, consent.changed) == ("one site", "base.toml", False)


def test_a_bare_value_inherits_unit_and_range(load):
    wait = load(text='extends = "base"\ntrial.wait = 3\n').provenance["trial.wait"]
    assert (wait.value, wait.unit, wait.range) == (3, "weeks", (1, 8))
    assert (wait.status, wait.source, wait.link, wait.note) == ("assumption", "set in this.toml", "", "")
    assert (wait.file, wait.changed) == ("this.toml", True)


def test_the_range_stays_where_the_value_leaves_it(load):
    assert load("trial.wait=9").provenance["trial.wait"].range == (1, 8)
    in_days = load('trial.wait={value=90, unit="days"}').provenance["trial.wait"]
    assert in_days.range == (7, 56)
    assert in_days.range_as_text() == "7 to 56"
    described = '{ value = 9, status = "derived", source = "elsewhere" }'
    entry = load(text=f'extends = "base"\ntrial.wait = {described}\n').provenance["trial.wait"]
    assert (entry.range, entry.source) == ((1, 8), "elsewhere")


def test_a_range_in_another_unit_has_no_more_digits_than_a_reader_needs(load):
    wait = load('trial.wait={value=1, unit="months"}').provenance["trial.wait"]
    assert wait.range == pytest.approx((7 / (365.25 / 12), 56 / (365.25 / 12)), abs=1e-9)
    assert wait.range_as_text() == "0.22998 to 1.8398"


def test_an_inherited_range_follows_the_unit(load):
    wait = load('trial.wait={value=14, unit="days"}').provenance["trial.wait"]
    assert wait.range == (7, 56)
    assert not wait.changed
    assert load("trial.starts=2017-10-01").provenance["trial.starts"].range == (
        DAY(2017, 1, 1),
        DAY(2018, 1, 1),
    )


def test_a_new_thing_in_an_extending_file_needs_no_description(load):
    text = (
        'extends = "base"\n[boroughs.brent]\n'
        "entries = [{ from = 2016-01-01, value = 9 }]\nopens = 2016-01-01\n"
    )
    scenario = load(text=text)
    assert scenario.boroughs["brent"].entries.values == (9,)
    entries = scenario.provenance["boroughs.brent.entries"]
    assert (entries.unit, entries.status, entries.changed) == ("children per year", "assumption", True)


def test_its_own_description_replaces_the_one_before(load):
    right = '{ value = 0.7, range = [0.6, 0.8], status = "calibrated", source = "fit", note = "n" }'
    consent = load(text=f'extends = "base"\ntrial.consent = {right}\n').provenance["trial.consent"]
    assert (consent.status, consent.source, consent.link, consent.note) == ("calibrated", "fit", "", "n")
    assert consent.range == (0.6, 0.8)


def test_the_same_value_written_otherwise_is_not_a_change(load):
    scenario = load("trial.wait={value=14, unit='days'}", "trial.consent=0.670", "trial.stops=true")
    assert scenario.changed().empty
    assert list(load("trial.stops=false").changed()["name"]) == ["trial.stops"]


def test_a_file_may_extend_several_and_each_counts_once(folder, load):
    (folder / "a.toml").write_text('extends = "base"\ntitle = "A"\ntrial.families = 200\n')
    (folder / "b.toml").write_text('extends = "base"\ntrial.consent = 0.6\n')
    scenario = load(text='extends = ["a", "b"]\n')
    assert (scenario.trial.families, scenario.trial.consent, scenario.title) == (200, 0.6, "A")
    assert scenario.provenance["trial.families"].file == "a.toml"


def test_a_users_base_may_extend_the_shipped_one(folder):
    (folder / "base.toml").write_text('extends = "base"\n')
    assert "trial" in {problem.key.partition(".")[0] for problem in check("base.toml", schema=Toy)}


# --- overrides ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("a.b=6", ("a", "b"), 6),
        (" a . b = 6.5 ", ("a", "b"), 6.5),
        ('a."two words".b=true', ("a", "two words", "b"), True),
        ("a.two words.b=x", ("a", "two words", "b"), "x"),
        ("a=2017-09-01", ("a",), DAY(2017, 9, 1)),
        ("a=first come", ("a",), "first come"),
        ("a=x=y", ("a",), "x=y"),
        ("a='6'", ("a",), "6"),
        ("a=[4, 6]", ("a",), [4, 6]),
        (
            'a={distribution="constant", value=3}',
            ("a",),
            {"distribution": "constant", "value": 3},
        ),
        ("a=1\nb=2", ("a",), "1\nb=2"),
    ],
)
def test_overrides_are_parsed(text, key, value):
    assert parse_override(text) == (key, value)


def test_overrides_are_applied_in_turn(load):
    scenario = load(
        "trial.consent=0.5",
        "trial.consent=0.6",
        "trial.court.notice.mean=3",
        "trial.mix.foster=0.6",
        "trial.mix.kin=0.3",
        "trial.method=blocks",
        "trial={stops=false, families=200}",
        "boroughs.camden.closes=2020-01-01",
    )
    assert scenario.trial.consent == 0.6
    assert scenario.trial.court.notice == Duration.of("lognormal", "weeks", mean=3, cv=0.4)
    assert dict(scenario.trial.mix) == {"home": 0.1, "foster": 0.6, "kin": 0.3}
    assert (scenario.trial.method, scenario.trial.stops, scenario.trial.families) == ("blocks", False, 200)
    assert scenario.boroughs["camden"].closes == DAY(2020, 1, 1)
    consent = scenario.provenance["trial.consent"]
    assert (consent.source, consent.file, consent.status) == ("set by --set", "--set", "assumption")


def test_a_whole_distribution(load):
    notice = load('trial.court.notice={distribution="constant", value=3}').trial.court.notice
    assert notice == Duration.of("constant", value=21)


def test_replace(load):
    before = load()
    after = before.replace(
        {
            "trial.consent": 0.6,
            "trial.court.notice": Duration.of("constant", value=3),
            "trial.mix": Mix({"home": 0, "foster": 1, "kin": 0}),
            "boroughs.camden.entries": Series((DAY(2016, 1, 1),), (7.0,)),
            "trial.wait": {"value": 3, "unit": "days"},
        }
    )
    assert before == load()
    assert after.trial.consent == 0.6
    assert after.trial.court.notice == Duration.of("constant", value=3)
    assert after.trial.mix.shares == (0, 1, 0)
    assert after.boroughs["camden"].entries.values == (7,)
    assert after.trial.wait == 3
    assert (after.name, after.title) == ("base", "Toy")
    assert after.provenance["trial.consent"].source == "set by replace"
    assert set(after.changed()["name"]) == {
        "trial.consent",
        "trial.court.notice",
        "trial.mix",
        "boroughs.camden.entries",
        "trial.wait",
    }
    assert after.replace({"trial.consent": 0.67}).provenance["trial.consent"].changed is False


def test_a_file_that_changed_is_read_anew_wherever_it_is_extended(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    beneath = tmp_path / "costs.toml"
    (tmp_path / "mine.toml").write_text('extends = "costs.toml"\nlift.patience = 80\n')
    found = []
    for weeks in (12, 13, 12):
        beneath.write_text(f'extends = "london-2017"\nproceedings.timetable = {weeks}\n')
        found.append(Scenario.load("mine.toml"))
    assert [one["proceedings.timetable"].value for one in found] == [12, 13, 12]
    assert found[0] is found[2]


def test_what_looks_wrong_is_told_each_time_that_it_is_loaded(load):
    for _ in range(2):
        with pytest.warns(ScenarioWarning, match="outside"):
            load("trial.consent=0.1")


def test_what_the_user_changed_is_told_against_what_comes_with_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "costs.toml").write_text('extends = "london-2017"\nlift.patience = 100\n')
    (tmp_path / "mine.toml").write_text('extends = "costs.toml"\nproceedings.timetable = 12\n')
    assert Scenario.load("london-2017").changed().empty
    assert Scenario.load("trial-as-run", ["lift.patience=60"]).changed().empty  # as it was
    mine = Scenario.load("mine.toml", ["lift.treats=0.5"])
    changed = mine.changed().set_index("name")
    assert list(changed.index) == ["proceedings.timetable", "lift.patience", "lift.treats"]
    assert list(changed["before"]) == ["11 weeks", "60 days", "0.45 (probability)"]
    assert list(changed["file"]) == ["mine.toml", "costs.toml", "--set"]
    assert mine["lift.patience"].before.value == 60
    assert mine["lift.declines"].before is None and not mine["lift.declines"].changed


def test_what_is_new_is_changed_and_had_nothing_before(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(
        'extends = "london-2017"\nboroughs.croydon.closes = { value = 2020-01-01, unit = "date" }\n'
    )
    changed = Scenario.load("mine.toml").changed()
    assert list(changed["name"]) == ["boroughs.croydon.closes"]
    assert list(changed["before"]) == [""]


def test_what_a_shipped_file_overrules_is_not_the_users_change(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # the user's comes first and the shipped one overrules it, where both speak
    (tmp_path / "costs.toml").write_text(
        'extends = "base"\nlift.patience = 100\nsimulation.start_date = 2016-01-01\n'
    )
    (tmp_path / "mine.toml").write_text('extends = ["costs.toml", "london-2017"]\n')
    assert list(Scenario.load("mine.toml").changed()["name"]) == ["lift.patience"]


# --- differences --------------------------------------------------------------------------------------------


def test_what_differs_between_two_scenarios(load):
    here = load()
    there = here.replace(
        {
            "trial.consent": {"value": 0.6, "status": "derived", "source": "x"},
            "trial.wait": {"value": 21, "unit": "days"},
            "trial.court.notice.mean": 3,
            "trial.pause": {"value": 2, "unit": "weeks"},
        }
    )
    table = here.diff(there)
    assert list(table) == ["name", "here", "there", "unit", "status_here", "status_there"]
    rows = {row["name"]: tuple(row.values())[1:] for row in table.to_dict("records")}
    assert rows == {
        "trial.consent": ("0.67", "0.6", "probability", "published", "derived"),
        "trial.wait": ("14", "21", "days", "assumption", "assumption"),
        "trial.pause": ("", "2", "weeks", "", "assumption"),
        "trial.court.notice": (
            "lognormal: mean 2, cv 0.4",
            "lognormal: mean 3, cv 0.4",
            "weeks",
            "calibrated",
            "assumption",
        ),
    }
    back = there.diff(here).set_index("name")
    assert back.loc["trial.consent", "here"] == "0.6"
    assert here.diff(here.replace({"trial.wait": {"value": 14, "unit": "days"}})).empty
    notice = {"value": {"distribution": "constant", "value": 7}, "unit": "days"}
    in_days = here.diff(here.replace({"trial.court.notice": notice})).iloc[0]
    assert (in_days["here"], in_days["there"]) == ("lognormal: mean 14.0, cv 0.4", "constant: value 7.0")
    assert in_days["unit"] == "days"


# --- what looks wrong is told -------------------------------------------------------------------------------


def test_a_value_outside_its_range_is_told_wherever_it_is_set(load):
    with pytest.warns(
        ScenarioWarning, match="--set: trial.wait\n.*\n  found:    9 weeks\n  expected: 1 to 8"
    ):
        far = load("trial.wait=9")
    assert far.trial.wait == 63  # it is used all the same
    with pytest.warns(ScenarioWarning, match="this.toml, line 2: trial.wait"):
        load(text='extends = "base"\ntrial.wait = 9\n')
    with pytest.warns(ScenarioWarning, match="replace: trial.wait") as told:
        load().replace({"trial.wait": {"value": 70, "unit": "days"}})
    assert len(told) == 1 and told[0].filename == __file__


def test_what_was_told_is_not_told_again_of_each_further_change(load, recwarn):
    far = load("trial.wait=9")
    assert len(recwarn) == 1
    further = far.replace({"trial.consent": 0.6})
    assert len(recwarn) == 1 and further.warnings == far.warnings
    assert "1 warning" in repr(further) and "warning" not in repr(load())
    written = load(text='extends = "base"\ntrial.wait = 9\n')
    assert len(recwarn) == 2
    assert written.replace({"trial.consent": 0.6}).warnings == written.warnings  # with its line
    assert len(recwarn) == 2


# --- one parameter, and short words for what there is -------------------------------------------------------


def test_one_parameter_as_it_was_written(load):
    scenario = load("trial.wait=3")
    entry = scenario["trial.wait"]
    assert (entry.key, entry.value, entry.unit, str(entry)) == ("trial.wait", 3, "weeks", "3 weeks")
    assert repr(entry) == "<trial.wait: 3 weeks; assumption, plausible 1 to 8; set by --set>"
    assert scenario.trial.wait == 21.0 and type(scenario.trial.wait) is float  # to be calculated with
    assert str(scenario["trial.consent"]) == "0.67 (probability)"
    assert str(scenario["trial.court.notice"]) == "lognormal: mean 2, cv 0.4 (weeks)"
    assert str(scenario["trial.method"]) == "minimisation"
    assert "trial.wait" in scenario and "trial.wiat" not in scenario
    with pytest.raises(KeyError, match="found 'trial.wiat'; did you mean 'trial.wait'?"):
        scenario["trial.wiat"]


def test_what_was_overridden_in_words(load):
    assert load().overridden == ()
    scenario = load("trial.wait=1").replace({"trial.court.notice.mean": 3})
    assert scenario.overridden == (
        "trial.wait = 1 week",
        "trial.court.notice = lognormal: mean 3, cv 0.4 (weeks)",
    )
    assert "with 2 parameters overridden" in repr(scenario)
    assert repr(load("trial.wait=1")).startswith(
        "<Scenario base with trial.wait = 1 week: 16 parameters, hash "
    )


def test_a_section_prints_its_values_with_their_units(load):
    trial = load().trial
    lines = dict(line.split(maxsplit=1) for line in repr(trial).splitlines()[1:])
    assert lines["wait"] == "14 days"
    assert lines["pause"] == "not given"
    assert lines["consent"] == "0.67 (probability)"
    assert lines["families"] == "390 families"
    assert lines["blocks"] == "4, 6 (families)"
    assert lines["stops"] == "yes"
    assert lines["starts"] == "2017-09-01"
    assert lines["mix"] == "home 0.1, foster 0.7, kin 0.2"
    assert lines["court"] == "<Court: notice>"
    assert load("trial.pause=3").trial.pause == 3 and "3 days" in str(load("trial.pause=3").trial)
    assert repr(load().parameters).splitlines()[-1].split(maxsplit=1) == ["boroughs", "<camden, barnet>"]


def test_replace_refuses_as_overrides_do(load):
    with pytest.raises(ScenarioError) as raised:
        load().replace({"trial.consnet": 0.6})
    assert raised.value.problems[0].nearest == "consent"


# --- equality, hash, files ----------------------------------------------------------------------------------


def test_a_scenario_cannot_be_changed(load):
    scenario = load()
    with pytest.raises(AttributeError, match="replace"):
        scenario.name = "x"
    with pytest.raises(ValidationError, match="frozen"):
        scenario.trial.consent = 0.5
    with pytest.raises(TypeError):
        scenario.boroughs["camden"] = 3
    with pytest.raises(AttributeError):
        scenario.boroughs.new = 3
    with pytest.raises(AttributeError):
        scenario.nothing  # noqa: B018


def test_copies_are_equal(load):
    scenario = load("trial.consent=0.6")
    for again in (pickle.loads(pickle.dumps(scenario)), copy.copy(scenario), copy.deepcopy(scenario)):
        assert again == scenario
        assert hash(again) == hash(scenario)
        assert again.provenance == scenario.provenance
        assert again.trial == scenario.trial


def test_the_hash_is_of_values_only(load, base_text):
    hash_ = load().hash
    assert load(text=base_text.replace('"guess"', '"other"').replace("one site", "")).hash == hash_
    assert load(text=base_text.replace("value = 2, unit", "value = 14.0, unit", 1).replace(
        'unit = "weeks", range = [1, 8]', 'unit = "days"')).hash == hash_  # fmt: skip
    assert load("trial.consent=0.68").hash != hash_
    assert load("trial.pause=0").hash != hash_


def test_the_hash_does_not_depend_on_the_order_of_keys(load, base_text):
    head, *sections = base_text.split("\n\n")
    turned = [
        "\n".join([lines[0], *reversed(lines[1:])])
        for section in reversed(sections)
        for lines in [section.strip().splitlines()]
    ]
    text = "\n\n".join([head, *turned])
    assert load(text=text) == load()


def test_the_hash_is_the_same_in_another_process(load, folder):
    program = (
        "from best_sim.scenario import Scenario; from toy_schema import Toy;"
        "print(Scenario.load('base.toml', schema=Toy).hash)"
    )
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parents[1])])
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path}
        ran = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert ran.stdout.strip() == load().hash


def test_the_hash_is_what_it_was(load):
    """A change of this number orphans stored results; it must be meant."""
    assert load().hash[:12] == "8d1323dd1b6b"


# Printable or not: what TOML can hold, but for lone surrogates and its own line ends.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20)
numbers = st.floats(0, 1, allow_nan=False)
days = st.dates(DAY(2000, 1, 1), DAY(2040, 1, 1))
times = st.floats(0.01, 30)


@st.composite
def distributions(draw):
    name = draw(st.sampled_from(["constant", "exponential", "lognormal", "weibull", "uniform"]))
    low = draw(times)
    table = {
        "constant": {"value": low},
        "exponential": {"mean": low},
        "lognormal": {"mean": low, "cv": draw(numbers)},
        "weibull": {"mean": low, "shape": draw(st.floats(0.5, 3))},
        "uniform": {"low": low, "high": low + draw(times)},
    }[name]
    return {"value": {"distribution": name, **table}, "unit": draw(st.sampled_from(["days", "weeks"]))}


changes = st.fixed_dictionaries(
    {},
    optional={
        "trial.consent": numbers,
        "trial.families": st.integers(1, 10**12),
        "trial.label": texts,
        "trial.starts": days,
        "trial.stops": st.booleans(),
        "trial.pause": st.floats(0, 3_652_500),
        "trial.court.notice": distributions(),
        "trial.mix": numbers.map(lambda share: {"home": share, "foster": 1 - share, "kin": 0.0}),
        "boroughs.camden.tags": st.lists(texts, unique=True),
        "boroughs.camden.entries": st.dictionaries(days, st.floats(0, 1000), min_size=1, max_size=5).map(
            lambda values: [{"from": day, "value": values[day]} for day in sorted(values)]
        ),
    },
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes)
def test_written_and_read_again_it_is_equal(load, folder, given_changes):
    scenario = load().replace(given_changes)
    (folder / "again.toml").write_text(scenario.as_toml(), encoding="utf-8")
    again = Scenario.load("again.toml", schema=Toy)
    assert again == scenario
    assert again.parameters == scenario.parameters
    assert again.title == scenario.title
    for key, entry in scenario.provenance.items():
        other = again.provenance[key]
        assert (other.value, other.unit, other.range) == (entry.value, entry.unit, entry.range)
        assert (other.status, other.source, other.link, other.note) == (
            entry.status,
            entry.source,
            entry.link,
            entry.note,
        )


# --- tables -------------------------------------------------------------------------------------------------


def test_the_table(load):
    table = load("trial.stops=false").table()
    assert list(table) == ["name", "value", "unit", "range", "status", "source", "link", "file"]
    assert all(isinstance(kind, pd.StringDtype) for kind in table.dtypes)
    values = table.set_index("name")["value"]
    assert values["trial.court.notice"] == "lognormal: mean 2, cv 0.4"
    assert values["boroughs.camden.entries"] == "50 from 2016-04-01, 56 from 2017-04-01"
    assert values["trial.mix"] == "foster 0.7, kin 0.2, home 0.1"
    assert values["trial.stops"] == "no"
    assert values["trial.blocks"] == "4, 6"
    assert table.set_index("name")["range"]["trial.wait"] == "1 to 8"


# --- schemas, and sections made in Python -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "default"),
    [(float, ...), (dict[str, Court], ...), (bytes, ...), (Court | None, None), (Mix, ...), (bool, True)],
)
def test_what_declares_no_leaf_is_refused(annotation, default):
    made = type(
        "Made",
        (Section,),
        {"__annotations__": {"x": annotation}} | ({} if default is ... else {"x": default}),
    )
    with pytest.raises(TypeError, match=r"Made\.x"):
        nodes_of(made)


def test_a_section_made_in_python_keeps_the_limits():
    entries = Series((DAY(2016, 1, 1),), (5.0,))
    assert Borough(entries=entries, opens=DAY(2016, 1, 1)).entries.at(DAY(2020, 1, 1)) == 5
    with pytest.raises(ValidationError, match="too high"):
        Court(notice=Duration.of("constant", value=400))
    with pytest.raises(ValidationError):
        Borough(entries=entries, opens="2016-01-01")


def test_descriptions_stand_under_the_fields():
    trial = Toy.model_fields["trial"].annotation
    assert trial.model_fields["families"].description == "How many are wanted."


def test_named_is_a_mapping_by_value():
    assert Named({"a": 1}) == {"a": 1}
    assert hash(Named({"a": 1, "b": 2})) == hash(Named({"b": 2, "a": 1}))
    assert json.dumps(dict(Named({"a": 1}))) == '{"a": 1}'


# --- what is shipped ----------------------------------------------------------------------------------------


def test_the_parameters_are_found():
    assert (shipped_parameters() / "base.toml").is_file()
    assert "base" in shipped_names()


@pytest.mark.parametrize("name", shipped_names())
def test_nothing_is_wrong_or_looks_wrong_in_what_is_shipped(name):
    assert not check(name), "\n\n".join(map(str, check(name)))
