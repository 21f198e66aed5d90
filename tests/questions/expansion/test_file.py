"""What a file of plans may say, and what is said of one that can't be used."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from best_sim.questions.asking import QuestionError
from best_sim.questions.expansion.ask import ExpansionQuestion
from best_sim.scenario import Problem, Scenario, ScenarioError

HEAD = (
    'kind = "expansion"\nscenario = "london-2017"\nreplicates = 10\nseed = 1\ntarget = 60\nbaseline = "a"\n'
    '[[plan]]\nname = "a"\n'
)


def loaded(tmp_path: Path, text: str) -> ExpansionQuestion:
    file = tmp_path / "plans.toml"
    file.write_text(text)
    return ExpansionQuestion.load(file)


def problems_of(tmp_path: Path, text: str) -> dict[str, Problem]:
    with pytest.raises(QuestionError) as error:
        loaded(tmp_path, text).refuse()
    assert all(one.file == str(tmp_path / "plans.toml") for one in error.value.problems)
    return {one.key: one for one in error.value.problems}


def test_the_shipped_question_can_be_used() -> None:
    asked = ExpansionQuestion.load("expansion", replicates=5, seed=3, set=["sites.london.consent=0.5"])
    asked.refuse()
    assert (asked.replicates, asked.seed, len(asked.plans)) == (5, 3, 4)
    assert asked.world.sites["london"].consent == 0.5
    early = asked.scenarios["two-early-larger-team"]
    assert early.boroughs["tower_hamlets"].opens == dt.date(2018, 3, 1)
    assert early.lift.teams["london"].social_workers.at(dt.date(2019, 1, 1)) == 5
    assert asked.scenarios["three-boroughs"].boroughs["sutton"].opens > early.simulation.end_date
    assert asked.scenarios["as-planned"] == asked.world.replace({"trial.target_families": asked.target})


def test_what_a_plan_changes_is_said_as_overrides_that_make_its_scenario() -> None:
    asked = ExpansionQuestion.load("expansion")
    plan = asked.plan("two-early-larger-team")
    changes = asked.changes_of(plan)
    assert "boroughs.bromley.opens=2018-06-01" in changes and "trial.target_families=120" in changes
    assert Scenario.load(asked.scenario, changes) == asked.scenarios[plan.name]
    staff = [{"from": dt.date(2017, 1, 1), "value": 2}, {"from": dt.date(2018, 6, 1), "value": 4}]
    by_hand = {
        "trial.target_families": 120, "boroughs.tower_hamlets.opens": dt.date(2018, 3, 1),
        "boroughs.bromley.opens": dt.date(2018, 6, 1), "lift.teams.london.psychologists": staff,
        "lift.teams.london.social_workers": [
            {"from": dt.date(2017, 1, 1), "value": 3}, {"from": dt.date(2018, 6, 1), "value": 5}
        ],
    }  # fmt: skip
    assert asked.world.replace(by_hand) == asked.scenarios[plan.name]


def test_the_example_of_the_how_to_can_be_used(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs/how-to/compare-expansion-plans.md"
    (block,) = re.findall(r"^```toml\n(kind = .*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    asked = loaded(tmp_path, block)
    asked.refuse()
    two = asked.scenarios["two-early"]
    assert two.boroughs["croydon"].closes == dt.date(2020, 12, 31) and two.sites["london"].consent == 0.6


def test_everything_that_is_wrong_in_the_file_is_told_at_once(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        'kind = "expansion"\nscenario = "london-2017"\nreplicates = 1\nseed = -1\ntarget = 0\nbaseline = "aa"\n'
        'repeats = 3\n[[plan]]\nname = "a"\n[[plan.team]]\nteam = "london"\nprofession = "social_worker"\n'
        'from = 2019\nvalue = -2\n[[plan]]\nname = "a"\nopening = 3\n'
        '[[plan]]\nname = "b"\nset = ["simulation.end_date=2020-01-01", "boroughs.sutton.opens=2019-01-01"]\n'
        '[plan.openings]\nsutton = "soon"\n[plan.closings]\ncroydon = "never"\n'
        '[[plan]]\nname = "c"\nset = ["trial.target_families=9"]\n'
        '[[plan]]\nname = "d"\nset = ["sites.london.consent"]\n'
        '[[plan]]\ntitle = "without a name"\ntarget = 1.5\n',
    )
    assert set(found) == {
        "replicates", "seed", "target", "repeats", "plan[0].team[0].profession", "plan[0].team[0].from",
        "plan[0].team[0].value", "plan[1].opening", "plan[2].set", "plan[2].openings.sutton",
        "plan[2].closings.croydon", "plan[3].set", "plan[4].set", "plan[5].name", "plan[5].target",
    }  # fmt: skip
    assert found["plan[0].team[0].profession"].nearest == "social_workers"
    assert found["plan[1].opening"].nearest == "openings"
    assert "never" in found["plan[2].openings.sutton"].allowed
    assert found["plan[2].set"].allowed == "[plan.openings]"
    assert found["plan[3].set"].allowed.startswith("target")
    assert "2 or more" in found["replicates"].allowed or "from 2" in found["replicates"].allowed
    assert found["plan[5].name"].line is None and found["plan[1].opening"].line == 17


def test_plans_and_baseline_are_told_apart_by_name(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path, HEAD.replace('baseline = "a"', 'baseline = "aa"') + '[[plan]]\nname = "a"\n'
    )
    assert set(found) == {"plan", "baseline"}
    assert found["baseline"].nearest == "a" and "same name" in found["plan"].message


def test_what_is_not_in_the_scenario_or_outside_its_run_is_told_at_once(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        HEAD + "[plan.openings]\ntower_hamlet = 2018-03-01\nbromley = 2031-01-01\n"
        '[[plan.team]]\nteam = "londn"\nprofession = "social_workers"\nfrom = 2010-01-01\nvalue = 2\n'
        '[[plan]]\nname = "b"\n[plan.closings]\ncroydn = 2019-01-01\n',
    )
    assert set(found) == {
        "plan[0].openings.tower_hamlet", "plan[0].openings.bromley", "plan[0].team[0].team",
        "plan[0].team[0].from", "plan[1].closings.croydn",
    }  # fmt: skip
    assert found["plan[0].openings.tower_hamlet"].nearest == "tower_hamlets"
    assert found["plan[0].team[0].team"].nearest == "london"
    assert "2017-09-01 to 2024-02-28" in found["plan[0].openings.bromley"].allowed
    assert 'or "never"' in found["plan[0].openings.bromley"].allowed
    assert "never" not in found["plan[0].team[0].from"].allowed


def test_what_the_scenario_refuses_is_told_by_the_files_own_keys(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        HEAD + 'set = ["sites.london.consent=1.5", "sites.london.consnt=0.5"]\n'
        "[plan.closings]\nbromley = 2018-01-01\n"
        '[[plan]]\nname = "b"\n[[plan.team]]\nteam = "london"\nprofession = "psychiatrists"\nfrom = 2018-01-01\n'
        'value = 900\n[[plan]]\nname = "c"\n[plan.openings]\ncroydon = "never"\ntower_hamlets = false\n'
        'bromley = "never"\nsutton = false\nbarking_and_dagenham = "never"\n'
        '[[plan]]\nname = "d"\nset = ["simulation={end_date=2020-01-01}"]\n',
    )
    assert set(found) == {
        "plan[0].set (sites.london.consent)", "plan[0].set (sites.london.consnt)", "plan[0].closings.bromley",
        "plan[1].team (lift.teams.london.psychiatrists)", "plan[2]", "plan[3].set",
    }  # fmt: skip
    assert found["plan[2]"].message == "nobody recruits in this plan"
    assert found["plan[0].set (sites.london.consnt)"].nearest == "consent"
    assert "same days" in found["plan[3].set"].message


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (HEAD.replace('baseline = "a"\n', ""), "baseline"),
        (HEAD.replace("target = 60\n", ""), "target"),
        (HEAD.split("[[plan]]", maxsplit=1)[0], "plan"),
        (HEAD.replace('name = "a"', 'name = ""'), "plan[0].name"),
        (HEAD + "openings = 3\n", "plan[0].openings"),
        (HEAD + 'team = ["london"]\n', "plan[0].team"),
        (HEAD + "overrides = 3\n", "plan[0].overrides"),
        (HEAD.replace("seed = 1", "seed = 1.5"), "seed"),
        (HEAD.replace("seed = 1", 'seed = 1\nset = "x"'), "set"),
        (HEAD + "[plan", ""),
        (HEAD + '[[plan.team]]\nteam="london"\nprofession="psychiatrists"\nfrom=2018-01-01\nvalue=1\n' * 2,
         "plan[0].team[1].from"),
    ],
)  # fmt: skip
def test_a_file_that_says_too_little_or_too_much_is_refused(tmp_path: Path, text: str, key: str) -> None:
    assert key in problems_of(tmp_path, text)


def test_a_scenario_that_can_t_be_used_is_told_before_its_plans(tmp_path: Path) -> None:
    asked = loaded(tmp_path, HEAD.replace("seed = 1", 'seed = 1\nset = ["sites.london.consnt=0.5"]'))
    with pytest.raises(ScenarioError, match="did you mean consent"):
        asked.refuse()


def test_an_unknown_question_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(QuestionError, match="did you mean expansion"):
        ExpansionQuestion.load("expansoin")


def test_a_plan_sets_what_an_override_can_also_in_another_unit_or_inside_a_distribution(
    tmp_path: Path,
) -> None:
    overrides = (
        'set = ["lift.patience={ value = 3, unit = \\"weeks\\" }", "proceedings.notice.final.mean=9",'
        ' "lift.meeting={ distribution = \\"constant\\", value = 5 }"]\n'
    )
    asked = loaded(tmp_path, HEAD + overrides)
    asked.refuse()
    scenario = asked.scenarios["a"]
    assert scenario.lift.patience == 21.0 and scenario.lift.meeting.mean == 5.0
    assert asked.plans[0].changes[1] == "proceedings.notice.final.mean=9"
    assert asked.replaced(target=7).target_of("a") == 7
    assert asked.replaced(target=7).scenarios["a"].trial.target_families == 7


def test_staff_of_a_plan_starts_from_what_the_plan_sets(tmp_path: Path) -> None:
    asked = loaded(
        tmp_path,
        HEAD + 'set = ["lift.teams.london.psychologists=[{from=2017-01-01,value=4}]"]\n'
        '[[plan.team]]\nteam = "london"\nprofession = "psychologists"\nfrom = 2019-01-01\nvalue = 6\n',
    )
    series = asked.scenarios["a"].lift.teams["london"].psychologists
    assert list(series) == [(dt.date(2017, 1, 1), 4.0), (dt.date(2019, 1, 1), 6.0)]
