from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from looking import assert_texts_are_apart, texts
from matplotlib.figure import Figure

from best_sim.drawing import style
from best_sim.questions.pictures import care, recruitment
from best_sim.questions.pictures.consort import Flow, apportioned, consort_figure
from best_sim.questions.power import figures
from best_sim.trial.consort import consort

OPENINGS = {
    "Glasgow": "2012-01-01", "Croydon": "2017-10-01", "Tower Hamlets": "2018-03-01", "Bromley": "2018-06-01",
    "Sutton": "2018-09-01", "Barking & Dagenham": "2019-01-15",
}  # fmt: skip


@pytest.fixture
def drawn(summary, curve, flow, journeys) -> dict[str, Callable[[], Figure]]:
    rng = np.random.default_rng(1)
    effects = {"an effect": -2.0, "none": 0.0}
    rows = [
        pd.DataFrame({"design": d, "estimate": rng.normal(t, 0.8, 500), "truth": t})
        for d, t in effects.items()
    ]
    estimates = pd.concat(rows)
    return {
        "power": lambda: figures.power_figure(summary),
        "recruitment": lambda: recruitment.recruitment_figure(curve, 390, openings=OPENINGS),
        "consort": lambda: consort_figure(flow, replicates=100),
        "living by arm": lambda: care.outcomes_of_care_figure(journeys),
        "living": lambda: care.outcomes_of_care_figure(care.living_by_month(journeys, by_arm=False)),
        "waits": lambda: care.waits_figure(journeys.services, end=journeys.end),
        "proceedings": lambda: care.proceedings_figure(journeys.proceedings),
        "proceedings by arm": lambda: care.proceedings_figure(journeys.proceedings, groups=("LIFT", "SAU")),
        "estimates": lambda: figures.estimates_figure(estimates, published=(1.4, -0.63, 3.53)),
    }


NAMES = (
    "power", "recruitment", "consort", "living by arm", "living", "waits", "proceedings", "proceedings by arm",
    "estimates",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_text_lies_over_another(drawn, name: str) -> None:
    assert_texts_are_apart(drawn[name]())


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_says_that_it_is_simulated_and_has_words_for_those_who_do_not_see_it(
    drawn, name: str
) -> None:
    figure = drawn[name]()
    assert any(style.SOURCE in t for t in texts(figure))
    assert len(style.alt_text(figure)) > 60


@pytest.mark.parametrize("name", NAMES)
def test_the_same_input_gives_the_same_bytes(drawn, name: str, tmp_path: Path) -> None:
    first = style.save(drawn[name](), tmp_path / "first")
    again = style.save(drawn[name](), tmp_path / "again")
    for a, b in zip(first, again, strict=True):
        assert a.read_bytes() == b.read_bytes()
    assert b"<dc:date>" not in first[1].read_bytes()


def test_drawing_leaves_the_settings_of_matplotlib_alone(drawn) -> None:
    before = dict(mpl.rcParams)
    drawn["power"]()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("power", ["Power, % of replicates", "−2.0 SDQ points", "nominal 5%"]),
        ("recruitment", ["Families randomised", "target: 390 families"]),
        ("living", ["Months since entry to care", "Share of children, %"]),
        ("waits", ["Weeks since the LIFT team was asked", "Families started, %"]),
        ("proceedings", ["Weeks from issue to decision", "within 26 weeks"]),
        ("estimates", ["SDQ points, LIFT minus SAU", "MCSE"]),
    ],
)
def test_units_are_on_the_figure(drawn, name: str, units: list[str]) -> None:
    said = " | ".join(texts(drawn[name]()))
    for unit in units:
        assert unit in said


def test_a_missing_column_is_named(summary) -> None:
    with pytest.raises(ValueError, match="lacks mcse"):
        figures.power_figure(summary.drop(columns="mcse"))


def test_when_the_target_is_reached() -> None:
    dates = [dt.date(2020, m, 1) for m in (1, 2, 3, 4)]
    curve = pd.DataFrame(
        {"date": dates, "low90": [0, 1, 2, 3], "median": [0, 2, 4, 6], "high90": [2, 4, 6, 8]}
    )
    assert recruitment.reached(curve, 4) == (dt.date(2020, 2, 1), dt.date(2020, 3, 1), None)


def test_shares_of_where_children_live_sum_to_one_with_one_denominator(journeys) -> None:
    living = care.living_by_month(journeys)
    sums = living.groupby(["group", "month"])["share"].sum()
    assert np.allclose(sums, 1.0)
    assert (living.groupby("group")["children"].nunique() == 1).all()


def test_arms_differ_in_more_than_colour_and_neighbours_in_lightness() -> None:
    lift, sau = style.arm_look("LIFT"), style.arm_look("SAU")
    assert lift.marker != sau.marker and lift.line != sau.line
    grey = [
        np.dot(mpl.colors.to_rgb(style.place_look(k).color), (0.299, 0.587, 0.114)) for k in style.PLACE_ORDER
    ]
    assert all(abs(a - b) > 0.04 for a, b in zip(grey, grey[1:], strict=False))


# --- consort ------------------------------------------------------------------------------------------------
def test_the_rounded_boxes_add_up(flow) -> None:
    f = Flow(flow)
    assert f["screened"].families == f.total("excluded.").families + f["invited"].families
    assert f["invited"].families == f.total("not_randomised.").families + f["randomised"].families
    assert f["randomised"].families == sum(f[f"{a}.allocated"].families for a in f.arms)
    for a in f.arms:
        whole = f[f"{a}.allocated"]
        assert whole.families == f[f"{a}.received"].families + f.total(f"{a}.not_received.").families
        assert whole.children == f[f"{a}.received"].children + f.total(f"{a}.not_received.").children
        assert whole.families == f[f"{a}.analysed"].families + f.total(f"{a}.not_analysed.").families
        for k in (1, 2, 3):
            parts = f[f"{a}.visit_{k}.seen"].families + f[f"{a}.visit_{k}.missed"].families
            assert (
                parts == f[f"{a}.eligible"].families == whole.families - f[f"{a}.found_ineligible"].families
            )


def test_the_flow_of_the_trial_room_is_drawn_as_it_is(journeys) -> None:
    flow = consort(journeys)
    f = Flow(flow)
    for name, (families, children) in flow.items():
        if name in f.whole:
            assert (f[name].families, f[name].children) == (families, children)
    figure = consort_figure(flow)
    assert_texts_are_apart(figure)
    assert f"{f['randomised'].families:.0f} ({f['randomised'].children:.0f})" in texts(figure)


def test_boxes_that_do_not_add_up_are_refused(flow) -> None:
    flow["randomised"] = (399.0, 512.0)
    with pytest.raises(ValueError, match="don't add up: invited"):
        consort_figure(flow)


def test_apportioned_sums_to_the_total() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        parts = list(rng.gamma(1.0, 3.0, rng.integers(1, 7)))
        total = round(sum(parts))
        got = apportioned(total, parts)
        assert sum(got) == total and all(
            abs(g - p * total / sum(parts)) < 1 for g, p in zip(got, parts, strict=True)
        )


def test_a_borough_that_opens_after_the_axis_ends_is_not_drawn(curve: pd.DataFrame) -> None:
    figure = recruitment.recruitment_figure(curve, 390, openings={**OPENINGS, "Newham": "2100-01-01"})
    words = texts(figure)
    assert any("Croydon" in said for said in words) and not any("Newham" in said for said in words)
