"""Each way in which a scenario can be wrong, by the exact fields of what is said about it."""

from __future__ import annotations

import pickle

import pytest
from toy_schema import Toy

from best_sim.scenario import Problem, ScenarioError, check, shipped_names

FIELDS = ("file", "key", "found", "allowed", "nearest", "line")


def only(problems):
    assert len(problems) == 1, "\n\n".join(map(str, problems))
    return problems[0]


def said(problem):
    return {name: getattr(problem, name) for name in FIELDS}


def extending(key, right, section="trial"):
    return f'extends = "base"\n\n[{section}]\n{key} = {right}\n'


STATUSES = "published, derived, assumption, calibrated"
METADATA = "value, unit, range, status, source, link, note"

WRONG_LEAVES = [
    # section, key, what is written, key it is said of, found, allowed, nearest
    ("trial", "consnet", "0.6", "trial.consnet", "consnet", None, "consent"),
    ("trail", "consent", "0.6", "trail", "trail", "trial, boroughs", "trial"),
    ("trial.curt", "notice", "3", "trial.curt", "curt", None, "court"),
    ("trial", "consent", '"high"', "trial.consent", '"high"', "from 0 to 1 (probability)", None),
    ("trial", "consent", "true", "trial.consent", "true", "from 0 to 1 (probability)", None),
    ("trial", "consent", "nan", "trial.consent", "nan", "from 0 to 1 (probability)", None),
    ("trial", "consent", "1.3", "trial.consent", "1.3", "from 0 to 1 (probability)", None),
    ("trial", "wait", "-1", "trial.wait", "-1 weeks, -7 days", "0 or more (days)", None),
    ("trial", "families", "3.5", "trial.families", "3.5", "a whole number, 1 or more (families)", None),
    ("trial", "families", "0", "trial.families", "0", "1 or more (families)", None),
    ("trial", "blocks", "[]", "trial.blocks", "[]", "[...], each from 2 to 20 (families)", None),
    ("trial", "blocks", "[4, 22]", "trial.blocks", "22", "from 2 to 20 (families)", None),
    (
        "trial",
        "method",
        '"minimization"',
        "trial.method",
        '"minimization"',
        "minimisation, blocks",
        "minimisation",
    ),
    ("trial", "factors", '["ages"]', "trial.factors", '"ages"', "site, age", "age"),
    (
        "trial",
        "factors",
        '["age", "age"]',
        "trial.factors",
        '["age", "age"]',
        "a list of site, age, each once",
        None,
    ),
    ("trial", "stops", "1", "trial.stops", "1", "true or false", None),
    ("trial", "label", "1", "trial.label", "1", "a text in quotes", None),
    (
        "trial",
        "starts",
        '"2017-09-01"',
        "trial.starts",
        '"2017-09-01"',
        "a date without quotes, e.g. 2017-09-01",
        None,
    ),
    (
        "trial",
        "starts",
        "2017-09-01T00:00:00",
        "trial.starts",
        "2017-09-01T00:00:00",
        "a date without quotes, e.g. 2017-09-01",
        None,
    ),
    ("trial", "court", "3", "trial.court", "3", "a table [trial.court]", None),
    (
        "trial",
        "mix",
        "{ foster = 0.7, kin = 0.2, home = 0.2 }",
        "trial.mix",
        "{ foster = 0.7, kin = 0.2, home = 0.2 }, sum 1.1",
        "sum 1",
        None,
    ),
    (
        "trial",
        "mix",
        "{ fostr = 0.7, kin = 0.2, home = 0.1 }",
        "trial.mix.fostr",
        "fostr",
        "home, foster, kin",
        "foster",
    ),
    (
        "trial",
        "mix",
        "{ foster = 0.8, kin = 0.2 }",
        "trial.mix",
        "{ foster = 0.8, kin = 0.2 }",
        "a share for each of home, foster, kin",
        None,
    ),
    (
        "trial",
        "mix",
        "{ foster = 1.1, kin = -0.1, home = 0 }",
        "trial.mix.foster",
        "1.1",
        "a number from 0 to 1",
        None,
    ),
    (
        "trial.court",
        "notice",
        "3",
        "trial.court.notice",
        "3",
        'a table such as { distribution = "constant", value = 3 }',
        None,
    ),
    (
        "trial.court",
        "notice",
        '{ distribution = "lognromal", mean = 3, cv = 1 }',
        "trial.court.notice.distribution",
        '"lognromal"',
        "constant, exponential, lognormal, weibull, uniform, empirical",
        "lognormal",
    ),
    (
        "trial.court",
        "notice",
        '{ distribution = "lognormal", meen = 3, cv = 1 }',
        "trial.court.notice.meen",
        "meen",
        "mean, cv or median, p90",
        "mean",
    ),
    (
        "trial.court",
        "notice",
        '{ distribution = "lognormal", mean = 3, cv = -1 }',
        "trial.court.notice.cv",
        "-1",
        "a number, 0 or more",
        None,
    ),
    (
        "trial.court",
        "notice",
        '{ distribution = "exponential", mean = 60 }',
        "trial.court.notice",
        "60 weeks, 420 days",
        "from 0 to 365 (days)",
        None,
    ),
    ("boroughs.camden", "entries", "[]", "boroughs.camden.entries", "[]", None, None),
    ("boroughs.camden", "entries", "50", "boroughs.camden.entries", "50", None, None),
    (
        "boroughs.camden",
        "entries",
        "[{ from = 2017-04-01, value = 5 }, { from = 2016-04-01, value = 6 }]",
        "boroughs.camden.entries",
        "2016-04-01 after 2017-04-01",
        "each date later than the one before",
        None,
    ),
    (
        "boroughs.camden",
        "entries",
        "[{ from = 2017-04-01, value = -5 }]",
        "boroughs.camden.entries",
        "-5",
        "from 0 to 1000 (children per year)",
        None,
    ),
    ("boroughs.camden", "tags", '"a"', "boroughs.camden.tags", '"a"', "a list of texts", None),
    (
        "boroughs.camden",
        "closes",
        "2015-01-01",
        "boroughs.camden.closes",
        "2015-01-01",
        "after it opens, 2016-04-01",
        None,
    ),
    (
        "boroughs.barnet",
        "partner",
        '"camdem"',
        "boroughs.barnet.partner",
        '"camdem"',
        "camden, barnet",
        "camden",
    ),
    (
        "trial",
        "wait",
        '{ value = 3, unit = "fortnights" }',
        "trial.wait.unit",
        '"fortnights"',
        "days, weeks, months, years",
        None,
    ),
    (
        "trial",
        "wait",
        '{ value = 3, unit = "week" }',
        "trial.wait.unit",
        '"week"',
        "days, weeks, months, years",
        "weeks",
    ),
    ("trial", "wait", "{ value = 3, unit = 7 }", "trial.wait.unit", "7", "a text in quotes", None),
    (
        "trial",
        "families",
        '{ value = 3, unit = "people" }',
        "trial.families.unit",
        '"people"',
        "families",
        None,
    ),
    (
        "trial",
        "wait",
        '{ value = 3, status = "publised" }',
        "trial.wait.status",
        '"publised"',
        STATUSES,
        "published",
    ),
    (
        "trial",
        "wait",
        '{ value = 3, status = "published" }',
        "trial.wait",
        "only value, status",
        'source = "..."',
        None,
    ),
    ("trial", "wait", "{ value = 3, sorce = 'x' }", "trial.wait.sorce", "sorce", METADATA, "source"),
    ("trial", "wait", '{ vlaue = 3, unit = "days" }', "trial.wait.vlaue", "vlaue", METADATA, "value"),
    (
        "trial",
        "wait",
        "{ value = 3, range = [5, 1] }",
        "trial.wait.range",
        "[5, 1]",
        "[lowest, highest]",
        None,
    ),
    (
        "trial",
        "wait",
        "{ value = 3, range = [2011-01-01, 2012-01-01] }",
        "trial.wait.range",
        None,
        "[lowest, highest]",
        None,
    ),
    ("trial", "stops", "{ value = true, range = [0, 1] }", "trial.stops.range", "[0, 1]", "", None),
]


@pytest.mark.parametrize(("section", "name", "right", "key", "found", "allowed", "nearest"), WRONG_LEAVES)
def test_a_wrong_leaf(problems, section, name, right, key, found, allowed, nearest):
    problem = next(iter(problems(text=extending(name, right, section))))
    assert (problem.file, problem.key, problem.nearest) == ("this.toml", key, nearest)
    assert found is None or problem.found == found
    assert allowed is None or problem.allowed == allowed
    assert problem.allowed or "range" in key
    assert problem.line == (3 if key in ("trail", "trial.curt") else 4)
    assert problem.message
    assert not problem.warning


@pytest.mark.parametrize("name", ["unit", "status", "source"])
def test_a_base_file_describes_every_leaf(problems, base_text, name):
    text = base_text.replace(
        'unit = "weeks", range = [1, 8], status = "assumption", source = "guess"', "MARK"
    )
    rest = {"unit": 'unit = "weeks"', "status": 'status = "assumption"', "source": 'source = "guess"'}
    del rest[name]
    found = only([p for p in problems(text=text.replace("MARK", ", ".join(rest.values())))])
    kept = ", ".join(["value", *rest])
    assert said(found) == {
        "file": "this.toml",
        "key": "trial.wait",
        "found": f"only {kept}",
        "allowed": "a base file gives value, unit, status and source of everything",
        "nearest": None,
        "line": 13,
    }
    assert found.message == f"{name} is missing"


def test_a_bare_value_in_a_base_file(problems, base_text):
    text = base_text.replace(
        '{ value = true, unit = "yes/no", status = "assumption", source = "guess" }', "true"
    )
    assert only(problems(text=text)).message == "unit, status and source are missing"


def test_a_missing_leaf(problems, base_text):
    text = "\n".join(line for line in base_text.splitlines() if not line.startswith("wait"))
    assert said(only(problems(text=text))) == {
        "file": "this.toml",
        "key": "trial.wait",
        "found": "",
        "allowed": "a value in days or weeks or months or years",
        "nearest": None,
        "line": 4,
    }


def test_a_missing_section_is_said_once(problems, base_text):
    text = base_text[: base_text.index("[trial]")] + base_text[base_text.index("[boroughs.camden]") :]
    found = only([problem for problem in problems(text=text)])
    assert (found.key, found.message, found.line) == ("trial", "this section is missing", None)
    assert found.allowed.startswith("[trial] with consent, families")


@pytest.mark.parametrize(
    ("right_name", "wrong_name", "key"),
    [("consent = ", "consnet = ", "trial.consnet"), ("[trial.court]", "[trial.curt]", "trial.curt")],
)
def test_what_is_misspelt_is_not_also_missing(problems, base_text, right_name, wrong_name, key):
    assert only(problems(text=base_text.replace(right_name, wrong_name))).key == key


def test_a_name_with_a_dot(problems):
    text = 'extends = "base"\n[boroughs."st. albans"]\nopens = 2016-01-01\n'
    found = only(problems(text=text))
    assert (found.key, found.message) == ("boroughs.st. albans", "this can't be a name")


def test_all_problems_at_once(problems):
    text = 'extends = "base"\n[trial]\nconsent = 2\nwait = "long"\n[boroughs.camden]\nopen = 2016-01-01\n'
    found = problems("trial.families=0", "trial.stop=true", text=text)
    assert [(problem.file, problem.key) for problem in found] == [
        ("this.toml", "boroughs.camden.open"),
        ("--set", "trial.stop"),
        ("this.toml", "trial.consent"),
        ("--set", "trial.families"),
        ("this.toml", "trial.wait"),
    ]


def test_outside_its_own_range_is_a_warning(problems, load):
    text = extending("consent", "{ value = 0.95, range = [0.5, 0.9] }")
    found = only(problems(text=text))
    assert found.warning
    assert said(found) == {
        "file": "this.toml",
        "key": "trial.consent",
        "found": "0.95 (probability)",
        "allowed": "0.5 to 0.9 (probability)",
        "nearest": None,
        "line": 4,
    }
    assert load(text=text).warnings == (found,)


@pytest.mark.parametrize(
    "right",
    [
        '{ value = { distribution = "constant", value = 7 }, range = [1, 6] }',
        '{ value = { distribution = "exponential", mean = 1 }, unit = "months", range = [2, 3] }',
    ],
)
def test_a_range_is_of_the_mean_in_the_unit_written(problems, right):
    found = only(problems(text=extending("notice", right, "trial.court")))
    assert found.warning
    assert found.key == "trial.court.notice"


def test_published_without_a_link_is_a_warning(problems):
    found = only(problems(text=extending("wait", '{ value = 3, status = "published", source = "x" }')))
    assert (found.warning, found.allowed) == (True, 'link = "https://..."')


# --- files --------------------------------------------------------------------------------------------------


def test_no_such_path(folder):
    found = only(check("bass.toml", schema=Toy))
    names = ", ".join(shipped_names())
    assert said(found) == {
        "file": "bass.toml",
        "key": "",
        "found": '"bass.toml"',
        "allowed": f"a path, or one of {names}",
        "nearest": "base.toml",
        "line": None,
    }


def test_no_such_shipped_name():
    found = only(check("bsae", schema=Toy))
    assert (found.found, found.nearest) == ('"bsae"', "base")


def test_no_such_extended_file(problems):
    found = only(problems(text='title = "x"\nextends = "bsae"\n'))
    assert (found.file, found.key, found.found, found.nearest, found.line) == (
        "this.toml",
        "extends",
        '"bsae"',
        "base",
        2,
    )


def test_not_toml(problems):
    found = only(problems(text="[trial]\nconsent = = 3\n"))
    assert (found.file, found.line) == ("this.toml", 2)
    assert "column 11" in found.message


def test_a_key_given_twice_is_not_toml(problems):
    assert only(problems(text="[trial]\nconsent = 3\nconsent = 3\n")).line == 3


def test_not_text(folder):
    (folder / "this.toml").write_bytes(b"\xff\xfe")
    assert "UTF-8" in only(check("this.toml", schema=Toy)).message


def test_a_circle(folder):
    (folder / "a.toml").write_text('extends = "b"\n')
    (folder / "b.toml").write_text('extends = "a"\n')
    found = only(check("a.toml", schema=Toy))
    assert (found.file, found.key, found.found, found.line) == (
        "b.toml",
        "extends",
        "a.toml -> b.toml -> a.toml",
        1,
    )


@pytest.mark.parametrize(("line", "key"), [("title = 3", "title"), ("extends = 3", "extends")])
def test_wrong_heads(problems, line, key):
    found = only(problems(text=f"{line}\n"))
    assert (found.key, found.found) == (key, "3")


# --- overrides ----------------------------------------------------------------------------------------------

WRONG_OVERRIDES = [
    ("trial.consnet=0.6", "trial.consnet", "consnet", "consent"),
    ("trail.consent=0.6", "trail", "trail", "trial"),
    ("trial.court.notise.mean=3", "trial.court.notise", "notise", "notice"),
    ("boroughs.camdn.opens=2016-01-01", "boroughs.camdn", "camdn", "camden"),
    ("boroughs.zzz={opens=2016-01-01}", "boroughs.zzz", "zzz", None),
    ("boroughs={zzz={opens=2016-01-01}}", "boroughs.zzz", "zzz", None),
    ("trial.court.notice.meen=3", "trial.court.notice.meen", "meen", "mean"),
    ("trial.court.notice.mean.x=3", "trial.court.notice.mean.x", None, None),
    ("trial.consent.mean=3", "trial.consent.mean", "0.67", None),
    ("trial.pause.mean=3", "trial.pause.mean", "nothing", None),
    ("trial.mix.foster=0.6", "trial.mix", "{ foster = 0.6, kin = 0.2, home = 0.1 }, sum 0.9", None),
    ("trial=3", "trial", "3", None),
    ("trial.consent=high", "trial.consent", '"high"', None),
    ("trial.consent", "", "trial.consent", None),
    ("trial.consent=", "", "trial.consent=", None),
    ("=3", "", "=3", None),
    ("trial.mix={foster=", "", "{foster=", None),
]


@pytest.mark.parametrize(("override", "key", "found", "nearest"), WRONG_OVERRIDES)
def test_a_wrong_override(problems, override, key, found, nearest):
    problem = only(problems(override))
    assert (problem.file, problem.key, problem.nearest, problem.line) == ("--set", key, nearest, None)
    assert found is None or problem.found == found
    assert problem.allowed


# --- how it is said -----------------------------------------------------------------------------------------


def test_how_an_error_reads(load):
    with pytest.raises(ScenarioError) as raised:
        load("trial.pause=-3", text='extends = "base"\n[trial]\nconsnet = 1\n')
    assert str(raised.value) == (
        "The scenario can't be used: 2 problems.\n"
        "\n"
        "this.toml, line 3: trial.consnet\n"
        "  no parameter has this name\n"
        "  found:   consnet\n"
        "  allowed: consent, families, blocks, method, factors, stops, starts, label, wait, pause, mix, "
        "court\n"
        "  did you mean consent?\n"
        "\n"
        "--set: trial.pause\n"
        "  too low\n"
        "  found:   -3\n"
        "  allowed: 0 or more (days)"
    )


def test_an_error_survives_its_way_home_from_a_worker():
    error = ScenarioError([Problem(file="a.toml", key="b", message="c")])
    again = pickle.loads(pickle.dumps(error))
    assert again.problems == error.problems
    assert str(again) == str(error)
