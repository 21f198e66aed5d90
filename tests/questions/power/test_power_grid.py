"""Several analyses of each trial, and designs made by a grid."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.power.run import PowerFound
from best_sim.questions.running import answer
from best_sim.scenario.problems import ProblemsError

GRID = """
kind = "power"
title = "A grid"
scenario = "london-2017"
replicates = 12
seed = 4

[[analysis]]
name = "Primary"
outcome = "sdq"

[[analysis]]
name = "As if strangers"
method = "t-test-children"

[[analysis]]
name = "PIR-GAS at fifteen months"
outcome = "pirgas"
visit = 2

[grid]
effect = [0.0, -3.0]
"trial.target_families" = [40, 80]
boroughs = [["croydon"], ["croydon", "sutton"]]
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("grid") / "grid.toml"
    path.write_text(GRID, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def result(file) -> PowerFound:
    return answer(PowerQuestion.load(file))


def test_a_grid_makes_a_design_of_every_combination(file) -> None:
    asked = PowerQuestion.load(file)
    assert len(asked.designs) == 8 and len({d.name for d in asked.designs}) == 8
    assert asked.designs[0].name == "effect 0, target families 40, boroughs croydon"
    settings = [dict(d.setting) for d in asked.designs]
    assert {one["trial.target_families"] for one in settings} == {40, 80}
    assert {asked.scenario_of(d).trial.target_families for d in asked.designs} == {40, 80}


def test_every_design_is_analysed_in_every_way(result) -> None:
    assert len(result.replicates) == 12 * 8 * 3
    assert len(result.power) == 8 * 3 and len(result.primary) == 8
    assert set(result.power["analysis"]) == {"Primary", "As if strangers", "PIR-GAS at fifteen months"}
    assert (result.power["replicates"] + result.power["failed"] == 12).all()


def test_an_effect_on_the_sdq_is_none_on_the_pirgas(result) -> None:
    rows = result.replicates
    pirgas = rows[rows["analysis"] == "PIR-GAS at fifteen months"]
    none, benefit = (
        pirgas[pirgas["effect"] == effect]["estimate"].reset_index(drop=True) for effect in (0.0, -3.0)
    )
    pd.testing.assert_series_equal(none, benefit)
    sdq = rows[rows["analysis"] == "Primary"]
    assert sdq[sdq["effect"] == -3.0]["estimate"].mean() < sdq[sdq["effect"] == 0.0]["estimate"].mean() - 0.5


def test_only_the_boroughs_of_a_design_recruit(file) -> None:
    asked = PowerQuestion.load(file)
    one = asked.scenario_of(asked.designs[0])
    assert one.boroughs["sutton"].opens > one.simulation.end_date >= one.boroughs["croydon"].opens
    both = asked.scenario_of(asked.designs[1])
    assert both.boroughs["sutton"].opens < both.simulation.end_date


def test_a_pathway_is_simulated_and_told_once(result) -> None:
    """Two effects of four pathways: the pathway's columns are in the rows of one of them, of the first analysis."""
    told = result.replicates.dropna(subset="randomised")
    assert len(told) == 12 * 4
    assert set(told["analysis"]) == {"Primary"} and (told["effect"] == 0.0).all()
    randomised = result.summary[result.summary["quantity"] == "families randomised"].set_index("design")[
        "value"
    ]
    assert randomised["effect -3, target families 40, boroughs croydon"] == pytest.approx(
        randomised["effect 0, target families 40, boroughs croydon"]
    )


def test_strangers_are_too_sure(result) -> None:
    rows = result.replicates.set_index(["design", "replicate", "analysis"])["standard_error"].unstack()
    assert (rows["As if strangers"] / rows["Primary"]).mean() < 1.05


def test_bias_is_against_what_complete_data_show(result) -> None:
    rows = result.replicates
    mine = rows[(rows["analysis"] == "Primary") & (rows["design"] == result.primary["design"][3])]
    said = result.summary[
        (result.summary["design"] == result.primary["design"][3]) & (result.summary["analysis"] == "Primary")
    ].set_index("quantity")
    fits = mine[mine["converged"]]
    truth = (mine["all_lift"] - mine["all_sau"]).mean()
    assert said.loc["true effect of allocation", "value"] == pytest.approx(truth)
    assert said.loc["bias", "value"] == pytest.approx(fits["estimate"].mean() - truth)
    paired = fits["estimate"] - (fits["all_lift"] - fits["all_sau"])
    assert said.loc["bias", "mcse"] == pytest.approx(paired.std(ddof=1) / np.sqrt(len(fits)))


@pytest.mark.parametrize(
    ("old", "new", "key", "told"),
    [
        ('outcome = "pirgas"', 'outcome = "pirgass"', "analysis[2].outcome", "pirgas"),
        ('"t-test-children"', '"t-test-child"', "analysis[1].method", "t-test-children"),
        ("visit = 2", "visit = 5", "analysis[2].visit", "1 to 3"),
        ("effect = [0.0, -3.0]", 'effect = ["much"]', "grid.effect", "a number of SDQ points"),
        (
            '"trial.target_families" = [40, 80]',
            '"trial.target_families" = 40',
            "grid.trial.target_families",
            "a list",
        ),
        ('[["croydon"],', '["croydon",', "grid.boroughs", "a list of lists"),
        ('name = "As if strangers"', 'name = "Primary"', "analysis", "different names"),
        ("effect = [0.0, -3.0]", f"effect = {[i / 10 for i in range(200)]}", "grid", "400 combinations"),
        ('boroughs = [["croydon"]', 'borough = [["croydon"]', "grid.borough", "effect, boroughs"),
    ],
)
def test_what_is_wrong_in_a_grid_is_told(tmp_path, old, new, key, told) -> None:
    assert GRID.count(old) == 1
    path = tmp_path / "wrong.toml"
    path.write_text(GRID.replace(old, new), encoding="utf-8")
    with pytest.raises(ProblemsError) as error:
        PowerQuestion.load(path)
    problem = {p.key: p for p in error.value.problems}[key]
    assert told in f"{problem.allowed} {problem.nearest}"


def test_a_borough_that_is_not_there_is_told_with_the_nearest(tmp_path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(GRID.replace('"sutton"', '"suton"'), encoding="utf-8")
    asked = PowerQuestion.load(path)
    with pytest.raises(ProblemsError) as error:
        for design in asked.designs:
            asked.scenario_of(design)
    assert error.value.problems[0].nearest == "sutton"


def test_an_outcome_without_a_parameter_takes_no_effect(tmp_path) -> None:
    path = tmp_path / "moves.toml"
    text = GRID.replace('name = "Primary"\noutcome = "sdq"', 'name = "Primary"\noutcome = "utility"')
    path.write_text(text, encoding="utf-8")
    assert (
        PowerQuestion.load(path)
        .changes_of(PowerQuestion.load(path).designs[-1])[0]
        .startswith("outcomes.sdq")
    )


def test_estimands_and_missing_scores_are_analyses(tmp_path) -> None:
    """Per protocol, complier average, imputed and shifted, each of the same trials."""
    path = tmp_path / "estimands.toml"
    more = """
    [[analysis]]
    name = "Per protocol"
    estimand = "per protocol"
    [[analysis]]
    name = "Compliers"
    method = "complier-average"
    [[analysis]]
    name = "Imputed"
    method = "multiple-imputation"
    [[analysis]]
    name = "Imputed, LIFT worse by 4"
    method = "multiple-imputation"
    delta = 4
    [[design]]
    name = "Assumed benefit"
    effect = -4.0
    """
    head = 'scenario = "london-2017"\nreplicates = 6\nseed = 2\n[[analysis]]\nname = "Primary"\n'
    path.write_text(head + more, encoding="utf-8")
    result = answer(PowerQuestion.load(path))
    means = result.replicates.groupby("analysis", observed=True)[["estimate", "standard_error"]].mean()
    assert result.replicates["converged"].all()
    # those who received it have all of the effect, allocation a part of it
    assert means.loc["Compliers", "estimate"] < means.loc["Primary", "estimate"] < 0
    assert means.loc["Imputed, LIFT worse by 4", "estimate"] > means.loc["Imputed", "estimate"] + 0.2
    again = answer(PowerQuestion.load(path))
    pd.testing.assert_frame_equal(
        result.replicates, again.replicates
    )  # imputation's luck has an address, too
    known = result.summary.set_index(["analysis", "quantity"])["value"].sort_index()
    assert ("Primary", "bias") in known.index and ("Compliers", "bias") not in known.index


def test_cost_and_net_benefit_are_analyses_and_prices_share_a_pathway(tmp_path) -> None:
    path = tmp_path / "cost.toml"
    head = 'scenario = "trial-as-run"\nreplicates = 8\nseed = 2\n'
    more = """
    [[analysis]]
    name = "Cost"
    outcome = "cost"
    [[analysis]]
    name = "Net benefit"
    outcome = "net_benefit"
    [[design]]
    name = "As priced"
    [[design]]
    name = "Dearer psychologists"
    set = ["costs.psychologist_hour=80.0"]
    """
    path.write_text(head + more, encoding="utf-8")
    experiment = PowerQuestion.load(path)
    assert len({experiment.pathway_of(design) for design in experiment.designs}) == 1
    result = answer(experiment)
    assert result.replicates["converged"].all()
    said = result.summary.query("analysis == 'Cost'").set_index(["design", "quantity"])["value"].sort_index()
    cheap, dear = said["As priced", "mean estimate"], said["Dearer psychologists", "mean estimate"]
    assert 100.0 < dear - cheap < 3000.0  # psychologists cost LIFT's arm more, and nobody else
    # fewer children have a net benefit than a cost: those not seen, or too young for the SDQ, have none
    children = result.replicates.groupby("analysis", observed=True)["children_lift"].mean()
    assert children["Net benefit"] < children["Cost"]
    assert abs(said["As priced", "bias"]) < 1e-9


def test_a_shift_of_what_is_not_imputed_is_refused(tmp_path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(
        GRID.replace('method = "t-test-children"', 'method = "t-test-children"\ndelta = 2'), "utf-8"
    )
    with pytest.raises(ProblemsError, match="multiple-imputation"):
        PowerQuestion.load(path)


def test_scorings_are_of_the_same_trials_with_other_luck(tmp_path) -> None:
    path = tmp_path / "scored.toml"
    path.write_text(
        'scenario = "london-2017"\nreplicates = 8\nscorings = 5\nseed = 2\n[grid]\neffect = [0.0]\n'
    )
    result = answer(PowerQuestion.load(path))
    rows = result.replicates
    assert len(rows) == 40 and rows["estimate"].nunique() == 40
    assert (rows.groupby("replicate")["families_lift"].nunique() == 1).all()
    path.write_text('scenario = "london-2017"\nreplicates = 8\nseed = 2\n[grid]\neffect = [0.0]\n')
    once = answer(PowerQuestion.load(path))
    first = rows[rows["scoring"] == 0].reset_index(drop=True)
    assert (first["estimate"] == once.replicates["estimate"]).all()
    # what happens to the children, and when families come, does not depend on how often they are scored
    assert result.when == once.when and result.flow == once.flow
    shared = [
        one.summary[one.summary["design"] == "all designs"].drop(columns="analysis") for one in (result, once)
    ]
    pd.testing.assert_frame_equal(*(one.reset_index(drop=True) for one in shared))


def test_rows_of_replicates_may_be_added_to(result) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(result.replicates.assign(found=result.replicates["p"] < 0.05)) == len(result.replicates)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('outcome = "cost"\nvisit = 1', "visit"),
        (
            'visit = 1\n[[analysis]]\noutcome = "three_or_more"\n[[analysis]]\noutcome = "net_benefit"',
            "visit",
        ),
        ('visit = 1\n[[analysis]]\n[[analysis]]\noutcome = "three_or_more"\nvisit = 3', "analysis[1].visit"),
    ],
)
def test_a_visit_of_an_outcome_that_has_none_is_refused(tmp_path, text: str, key: str) -> None:
    path = tmp_path / "visit.toml"
    path.write_text(f'scenario = "london-2017"\n{text}\n[[design]]\n', "utf-8")
    with pytest.raises(ProblemsError) as error:
        PowerQuestion.load(path)
    assert [(one.key, one.found) for one in error.value.problems] == [(key, "1" if key == "visit" else "3")]
    assert "is of no visit" in error.value.problems[0].message


def test_a_visit_is_of_those_outcomes_that_have_one(tmp_path) -> None:
    path = tmp_path / "visit.toml"
    path.write_text(
        'scenario = "london-2017"\nvisit = 2\n[[analysis]]\noutcome = "moves"\n'
        '[[analysis]]\noutcome = "cost"\n[[design]]\n',
        "utf-8",
    )
    assert PowerQuestion.load(path).primary.visit == 2
