"""Files of published figures: what comes with the package is whole, and what is wrong in one is told, all at once."""

from __future__ import annotations

import fnmatch
from pathlib import Path

import pytest

from best_sim.measures.quantities import QUANTITIES
from best_sim.questions.asking import QuestionError
from best_sim.questions.validation.ask import ValidationQuestion
from best_sim.questions.validation.published import read_published
from best_sim.scenario import Scenario

EVERY = read_published()
OWN = Path(__file__).with_name("own-figures.toml")


def test_the_shipped_figures_cover_the_evidence() -> None:
    by_role = {role: [one for one in EVERY if one.role == role] for role in ("check", "set", "context")}
    assert len(by_role["check"]) >= 100 and len(by_role["set"]) >= 80 and len(by_role["context"]) >= 30
    groups = {one.group for one in EVERY}
    assert groups == {
        "stability", "moves", "stock", "entries", "exits", "adoption", "lasting", "court", "trial-courts", "trial",
        "scores", "scotland", "context",
    }  # fmt: skip
    assert all(len(one.source) > 3 and len(one.population) > 3 and len(one.period) > 3 for one in EVERY)
    assert all(one.link.startswith("http") for one in EVERY)


def test_a_figure_that_set_a_parameter_names_parameters_that_are_there() -> None:
    known = set().union(*(Scenario.load(name).provenance for name in ("trial-as-run", "england")))
    for one in EVERY:
        for key in one.sets:
            there = fnmatch.filter(known, key) + fnmatch.filter(known, f"{key}.*")
            assert there, f"{one.id}: {key}"
            assert one.role == "set"


@pytest.mark.parametrize("name", ["trial-as-run", "england", "no-difference"])
def test_a_calibrated_parameter_has_a_figure_that_says_so(name: str) -> None:
    """What was fitted to a published figure makes a set of it, and no check."""
    told = {key for one in EVERY for key in one.sets}
    table = Scenario.load(name).table()
    fitted = list(table["name"][table["status"] == "calibrated"])
    assert len(fitted) > 40
    told_of = {
        one for key in told for one in fitted if fnmatch.fnmatch(one, key) or one.startswith(f"{key}.")
    }
    assert sorted(set(fitted) - told_of) == []


def test_every_figure_is_known_with_an_error_or_a_range() -> None:
    for one in EVERY:
        if one.role == "context":
            assert len(one.reason) > 15
            continue
        low, high = one.held_between
        assert low < high, one.id
        assert one.standard_error >= 0.0 and one.error_from


def test_errors_by_hand() -> None:
    figure = {one.id: one for one in EVERY}
    assert figure["three_in_year_under_1"].standard_error == pytest.approx(
        100 * (0.115 * 0.885 / 3730) ** 0.5
    )
    assert figure["moves_1_4"].standard_error == pytest.approx((0.65 / 10820) ** 0.5)
    assert figure["stock_0_4_2021"].standard_error == pytest.approx(15560**0.5)
    assert figure["sdq_difference"].standard_error == pytest.approx((3.53 + 0.63) / (2 * 1.959964))
    assert figure["match_to_placed"].standard_error == pytest.approx(12**-0.5)
    assert figure["pirgas_first"].standard_error == pytest.approx(17.09 / 220**0.5)
    assert figure["pirgas_first_sd"].standard_error == pytest.approx(17.09 / (2 * 219) ** 0.5)
    assert figure["open_over_a_year_2017"].standard_error == pytest.approx((0.1**2 + 0.1**2 / 12) ** 0.5)
    assert figure["case_management_2019"].held_between == (12.0, 18.0)
    low, high = figure["three_in_year_1_4"].held_between
    assert low == 8.3 and high == pytest.approx(10.4 + 2 * figure["three_in_year_1_4"].standard_error)


def test_own_figures_are_read_and_say_what_they_are_of() -> None:
    stock, babies, weeks, cost = read_published(OWN)
    assert [one.id for one in (stock, babies, weeks, cost)] == [
        "under_fives_in_care", "babies_first_placement", "weeks_here", "cost_of_a_place",
    ]  # fmt: skip
    assert stock.taken.statistic == "count" and stock.standard_error == pytest.approx(76**0.5)
    assert babies.taken.statistic == "share" and babies.scale == 100.0
    assert babies.counts.where == ("croydon",) and babies.counts.age == (0.0, 1.0)
    assert weeks.taken.statistic == "mean" and weeks.middle == 32.5 and weeks.simulated == "scenario"
    assert cost.role == "context"


WRONG = [
    ('measure = "living_with"', 'measure = "living_wth"', "did you mean living_with?"),
    ('is = ["foster", "kinship_foster"]', 'is = ["foster", "kinship"]', "did you mean kinship_foster?"),
    ("age = [0, 1]", "age = [1, 0]", "[from, below]"),
    ("n = 40\n", "", "n, error, interval, rounded_to, or low and high"),
    ("until = 2019-03-31", "until = 2017-03-31", "the period ends before it begins"),
    ('how_sure = "own"', 'how_sure = "sure"', "retrieved, derived, rule, own"),
    ("value = 76\n", "", "value, or low and high"),
    ("reason = ", "because = ", "no key has this name"),
    ('statistic = "count"', 'statistic = "mean"', "living_with is no number"),
    ('is = ["foster", "kinship_foster"]', "at_least = 2", "starts is no number"),
    ("age = [0, 5]", "age = [0, 5]\nhaving = { rote = [\"voluntary\"] }", "did you mean route?"),
    ("age = [0, 5]", "age = [0, 5]\nhaving = { route = [\"volntary\"] }", "did you mean voluntary?"),
    ("age = [0, 1]", "age = [0, 1]\nin_care_months = [0, 12]", "starts has no time in care"),
    ("low = 25\n", "low = 45\n", "the range is turned round"),
    ("low = 25\nhigh = 40", "value = 30\nn = 12", "n alone gives no error of a mean"),
    ('where = ["croydon", "sutton"]', 'arm = ["LIFTT"]', "did you mean LIFT?"),
    ('where = ["croydon", "sutton"]', 'against = { where = ["sutton"] }', "against, and compared"),
    ('source = "our own return"', 'role = "set"\nsource = "our own return"', "names of parameters; or a check"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "told"), WRONG, ids=[told for _, _, told in WRONG])
def test_a_slip_is_told_with_figure_key_and_what_is_allowed(
    tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    text = OWN.read_text(encoding="utf-8")
    assert right in text
    path = tmp_path / "figures.toml"
    path.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(QuestionError) as error:
        read_published(path)
    assert told in str(error.value) and str(path) in str(error.value)


def test_all_slips_are_told_at_once(tmp_path: Path) -> None:
    text = OWN.read_text(encoding="utf-8")
    for right, wrong, _ in (WRONG[0], WRONG[2], WRONG[7]):
        text = text.replace(right, wrong, 1)
    path = tmp_path / "figures.toml"
    path.write_text(text + "\nstray = 3\n", encoding="utf-8")
    with pytest.raises(QuestionError) as error:
        read_published(path)
    said = str(error.value)
    assert "under_fives_in_care.measure" in said and "babies_first_placement.age" in said
    assert "cost_of_a_place.because" in said and "cost_of_a_place.stray" in said


@pytest.mark.parametrize("text", ["what = ", "a = 3\n", "\xff"])
def test_a_file_that_holds_no_figures_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "figures.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(QuestionError, match="figures.toml"):
        read_published(path)
    with pytest.raises(QuestionError, match="can't be read"):
        read_published(tmp_path / "none.toml")


def test_only_some_are_asked_for_by_group_id_or_pattern() -> None:
    def asked(*only: str) -> list[str]:
        return [one.id for one in ValidationQuestion.load(only=list(only)).published]

    assert asked("moves") == [one.id for one in EVERY if one.group == "moves"]
    assert asked("moves_1_4", "lift_share") == ["moves_1_4", "lift_share"]
    assert asked("trial_weeks_*") == [f"trial_weeks_{year}" for year in range(2018, 2022)]
    with pytest.raises(QuestionError, match="did you mean stability"):
        asked("stabilty")


def test_a_place_that_no_scenario_has_is_refused_before_anything_is_simulated(tmp_path: Path) -> None:
    path = tmp_path / "figures.toml"
    path.write_text(OWN.read_text(encoding="utf-8").replace('["croydon"]', '["crodon"]', 1), encoding="utf-8")
    with pytest.raises(QuestionError, match="did you mean croydon"):
        ValidationQuestion.load(scenario="london-2017", figures=str(path)).refuse()


def test_every_quantity_says_what_it_is() -> None:
    assert len(QUANTITIES) >= 50
    for name, one in QUANTITIES.items():
        assert name == one.name and len(one.text) > 10
        assert bool(one.unit) != bool(one.names), f"{name} has a unit or names"
    used = {one.measure for one in EVERY if one.role != "context"}
    assert used <= set(QUANTITIES)
