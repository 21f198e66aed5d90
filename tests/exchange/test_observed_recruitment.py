"""A file of observed recruitment: read as it is, or refused with everything that is wrong with it."""

from __future__ import annotations

import datetime as dt
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from best_sim.exchange.observed_recruitment import (
    ObservedRecruitment,
    ObservedRecruitmentError,
    read_observed_recruitment,
)
from best_sim.scenario import Scenario
from best_sim.scenario.problems import Problem
from best_sim.trial.recruitment import (
    BoroughPlan,
    borough_plans,
    check_boroughs,
    drift_test,
    expected_by_screening,
    expected_randomised,
    forecast_during,
    recruitment_rates,
)

HEADER = "date,borough,screened,eligible,consented,randomised"
TODAY = dt.date(2019, 1, 1)


def plan(name: str, title: str, opens: dt.date) -> BoroughPlan:
    return BoroughPlan(
        name=name, title=title, opens=opens, entries=((opens, 40.0),), eligible=0.6, consent=0.7
    )


PLANS = (
    plan("croydon", "Croydon", dt.date(2017, 10, 1)),
    plan("tower_hamlets", "Tower Hamlets", dt.date(2018, 4, 4)),
)


def written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "observed.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def read(
    folder: Path, *rows: str, header: str = HEADER, cut_off: dt.date | None = None
) -> ObservedRecruitment:
    return read_observed_recruitment(
        written(folder, *rows, header=header), PLANS, today=TODAY, cut_off=cut_off
    )


def problems(folder: Path, *rows: str, header: str = HEADER, cut_off: dt.date | None = None) -> list[Problem]:
    with pytest.raises(ObservedRecruitmentError) as caught:
        read(folder, *rows, header=header, cut_off=cut_off)
    return list(caught.value.problems)


def totals(
    observed: ObservedRecruitment, what: str = "randomised", before: dt.date | None = None
) -> dict[str, int]:
    """Families by borough, 0 where there are none."""
    table = observed.table
    table = table if before is None else table[table["date"] < pd.Timestamp(before)]
    return {name: int(table.loc[table["borough"] == name, what].sum()) for name in observed.boroughs}


def by_week(observed: ObservedRecruitment, what: str = "randomised") -> pd.DataFrame:
    """Families by week from the first date in the table on, one column a borough; weeks that end by the cut-off."""
    first = observed.table["date"].min()
    weeks = pd.date_range(first, periods=(pd.Timestamp(observed.cut_off) - first).days // 7, freq="7D")
    week = pd.DatetimeIndex(weeks)
    out = pd.DataFrame(0, index=week, columns=list(observed.boroughs))
    for row in observed.table.to_dict("records"):
        k = (row["date"] - first).days // 7
        if k < len(week):
            out.loc[week[k], row["borough"]] += row[what]
    return out


WEEKS = (
    "2018-05-07,croydon,3,2,2,1",
    "2018-05-14,croydon,0,0,0,0",
    "2018-05-14,tower_hamlets,2,2,1,1",
    "2018-05-28,croydon,4,3,2,2",
)
FAMILIES = (
    "2018-05-07,croydon,1,1,1,1",
    "2018-05-09,croydon,1,0,0,0",
    "2018-05-09,croydon,1,1,0,0",
    "2018-05-11,tower_hamlets,1,1,1,0",
    "2018-05-31,croydon,1,1,1,1",
)


def test_a_weekly_file_is_read(tmp_path: Path) -> None:
    observed = read(tmp_path, *WEEKS)
    assert observed.rows == "weeks"
    assert observed.cut_off == dt.date(2018, 6, 4)
    assert not observed.cut_off_given
    assert totals(observed) == {"croydon": 3, "tower_hamlets": 1}
    assert totals(observed, "screened", before=dt.date(2018, 5, 28)) == {"croydon": 3, "tower_hamlets": 2}
    assert observed.missing_weeks == {"croydon": 1}
    weekly = by_week(observed, "eligible")
    assert weekly["croydon"].tolist() == [2, 0, 0, 3]
    assert weekly["tower_hamlets"].tolist() == [0, 2, 0, 0]
    assert weekly.index[-1] == pd.Timestamp(2018, 5, 28)


def test_a_file_by_family_is_read(tmp_path: Path) -> None:
    observed = read(tmp_path, *FAMILIES)
    assert observed.rows == "families"
    assert observed.cut_off == dt.date(2018, 6, 1)
    assert observed.missing_weeks == {}
    assert totals(observed, "consented") == {"croydon": 2, "tower_hamlets": 1}
    assert by_week(observed, "screened")["croydon"].tolist() == [3, 0, 0]  # the fourth week is not over


def test_both_forms_of_a_file_say_the_same_of_whole_weeks(tmp_path: Path) -> None:
    weekly = (
        "2018-05-07,croydon,3,2,1,1",
        "2018-05-07,tower_hamlets,1,1,1,0",
        "2018-05-28,croydon,1,1,1,1",
    )
    cut_off = dt.date(2018, 6, 4)
    one = read(tmp_path, *weekly, cut_off=cut_off)
    other = read(tmp_path, *FAMILIES, cut_off=cut_off)
    assert one.rows != other.rows
    for what in ("screened", "eligible", "consented", "randomised"):
        assert totals(one, what) == totals(other, what)
        pd.testing.assert_frame_equal(by_week(one, what), by_week(other, what))


def test_what_spreadsheets_add_does_no_harm(tmp_path: Path) -> None:
    """A mark at the beginning, capitals, spaces, titles, whole numbers with a point, empty rows, more columns."""
    path = tmp_path / "observed.csv"
    header = "Date, Borough ,Screened,Eligible,Consented,Randomised,Notes"
    text = "\r\n".join([header, "2018-05-07, tower hamlets ,3.0,2,2,1,late", ",,,,,,", ""])
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    observed = read_observed_recruitment(path, PLANS, today=TODAY)
    assert observed.table["borough"].tolist() == ["tower_hamlets"]
    assert observed.table["screened"].tolist() == [3]
    assert observed.unread == ("notes",)


def test_everything_that_is_wrong_is_told_at_once_with_its_row(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "2018-05-07,croydon,3,2,2,1",
        "07/05/2018,croydon,3,2,2,1",
        "2018-05-14,croyden,3,2,2,1",
        "2018-05-21,croydon,3,4,2,1",
        "2018-05-28,croydon,3,2,3,1",
        "2018-06-04,croydon,3,3,2,3",
        "2018-06-11,croydon,-3,2.5,2,one",
        "2018-06-11,tower_hamlets,1,1,1,1",
        "2018-06-11,tower_hamlets,1,1,1,1",
        "2019-01-07,croydon,1,1,1,1",
        "2018-03-26,tower_hamlets,1,1,1,1",
        "",
        "2018-06-25,tower_hamlets,1,1,,1",
    )
    told = [(problem.line, problem.key) for problem in found]
    assert told == [
        (3, "date"), (4, "borough"), (5, "eligible"), (6, "consented"), (7, "randomised"), (8, "screened"),
        (8, "eligible"), (8, "randomised"), (10, "date"), (11, "date"), (12, "date"), (14, "consented"),
    ]  # fmt: skip
    by_row = {(problem.line, problem.key): problem for problem in found}
    assert by_row[3, "date"].found == "07/05/2018"
    assert by_row[4, "borough"].nearest in ("croydon", "Croydon")
    assert by_row[5, "eligible"].allowed == "at most 3, as screened"
    assert by_row[8, "screened"].found == "-3"
    assert "row 9" in by_row[10, "date"].message
    assert "future" in by_row[11, "date"].message
    assert by_row[12, "date"].allowed == "2018-04-04 or later"
    assert by_row[14, "consented"].found == "nothing"


def test_the_error_reads_as_a_person_would_want_it(tmp_path: Path) -> None:
    with pytest.raises(ObservedRecruitmentError) as caught:
        read(tmp_path, "2018-05-14,croyden,3,2,2,1")
    text = str(caught.value)
    assert text.startswith("The observed recruitment can't be used: 1 problem.\n")
    assert "observed.csv, line 2: borough" in text
    assert "found:   croyden" in text
    assert "allowed: croydon, tower_hamlets" in text
    assert "did you mean croydon?" in text.casefold()
    assert str(pickle.loads(pickle.dumps(caught.value))) == text


def test_a_week_in_which_a_borough_opens_is_not_before_its_opening(tmp_path: Path) -> None:
    """Tower Hamlets opens on a Wednesday; its week began on Monday."""
    assert totals(read(tmp_path, "2018-04-02,tower_hamlets,1,1,1,1"))["tower_hamlets"] == 1
    (problem,) = problems(tmp_path, "2018-03-26,tower_hamlets,1,1,1,1")
    assert "before Tower Hamlets opened" in problem.message


def test_weeks_that_overlap_are_told(tmp_path: Path) -> None:
    rows = [f"{dt.date(2018, 5, 7) + dt.timedelta(weeks=i)},croydon,1,1,1,1" for i in range(8)]
    (problem,) = problems(tmp_path, *rows, "2018-06-28,croydon,1,1,1,1")
    assert problem.line == 10
    assert "weeks that overlap" in problem.message


def test_two_families_of_one_day_are_no_duplicates_but_two_in_one_row_are_refused(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        *FAMILIES,
        "2018-05-15,croydon,2,1,1,1",
        "2018-05-16,croydon,0,0,0,0",
    )
    assert [(problem.line, problem.key, problem.found) for problem in found] == [
        (7, "screened", "2"),
        (8, "screened", "0"),
    ]


def test_what_a_row_is_can_be_said(tmp_path: Path) -> None:
    """Families all screened on a Monday look like weeks."""
    path = written(tmp_path, "2018-05-07,croydon,1,1,1,1", "2018-05-07,croydon,1,1,0,0")
    with pytest.raises(ObservedRecruitmentError, match="the same week twice"):
        read_observed_recruitment(path, PLANS, today=TODAY)
    observed = read_observed_recruitment(path, PLANS, today=TODAY, rows="families")
    assert totals(observed, "screened")["croydon"] == 2


def test_dates_from_the_cut_off_on_are_told(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, *WEEKS, cut_off=dt.date(2018, 5, 28))
    assert (problem.line, problem.allowed) == (5, "before 2018-05-28")
    with pytest.raises(ValueError, match="in the future"):
        read(tmp_path, *WEEKS, cut_off=dt.date(2019, 6, 1))


@pytest.mark.parametrize(
    ("header", "key", "nearest"),
    [
        ("date,borough,screened,eligible,consent,randomised", "consented", "consent"),
        ("date,borough,screened,eligible,consented,randomized", "randomised", "randomized"),
        ("date,borough,screened,consented,randomised", "eligible", None),
    ],
)
def test_a_missing_column_is_told_with_the_one_that_looks_like_it(
    tmp_path: Path, header: str, key: str, nearest: str | None
) -> None:
    (problem,) = problems(tmp_path, "2018-05-07,croydon,1,1,1,1", header=header)
    assert (problem.line, problem.key) == (1, key)
    assert (problem.nearest is None) == (nearest is None)
    assert nearest is None or nearest in (problem.nearest or "")


def test_files_that_are_no_such_table_are_told(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, header=HEADER.replace(",", ";"))
    assert "semicolons" in problem.message
    assert [
        problem.key for problem in problems(tmp_path, header="date,date,borough,screened,eligible,consented")
    ] == [
        "date",
        "randomised",
    ]
    (problem,) = problems(tmp_path)
    assert "no rows" in problem.message
    with pytest.raises(ObservedRecruitmentError, match="can't be read"):
        read_observed_recruitment(tmp_path / "nowhere.csv", PLANS)
    (tmp_path / "latin.csv").write_bytes(b"date,borough\n2018-05-07,caf\xe9\n")
    with pytest.raises(ObservedRecruitmentError, match="UTF-8"):
        read_observed_recruitment(tmp_path / "latin.csv", PLANS)
    (problem,) = problems(tmp_path, "2018-05-07,croydon,1,1,1,1,9")
    assert "more cells" in problem.message


def test_many_problems_are_counted_and_not_all_shown(tmp_path: Path) -> None:
    with pytest.raises(ObservedRecruitmentError) as caught:
        read(tmp_path, *["2018-05-07,nowhere,1,1,1,1"] * 100)
    assert len(caught.value.problems) == 100
    assert "100 problems" in str(caught.value)
    assert "60 more" in str(caught.value)


def test_the_current_week_ends_with_today(tmp_path: Path) -> None:
    assert read(tmp_path, "2018-12-31,croydon,1,1,1,1").cut_off == dt.date(2019, 1, 2)


def test_a_scenarios_boroughs_can_be_read(tmp_path: Path) -> None:
    plans = borough_plans(Scenario.load("london-2017"))
    path = written(tmp_path, "2019-11-04,Barking & Dagenham,2,1,1,1", "2019-11-04,croydon,1,1,1,1")
    observed = read_observed_recruitment(path, plans, today=dt.date(2020, 1, 1))
    assert totals(observed) == {plan.name: plan.name in ("barking_and_dagenham", "croydon") for plan in plans}
    assert "sutton" in observed.boroughs


def test_an_observed_file_leads_to_a_forecast(tmp_path: Path) -> None:
    """Families of one year as London's plan has them, by week: no drift, no borough that differs, a later target."""
    plans = borough_plans(Scenario.load("london-2017"))
    weeks = [dt.date(2018, 10, 1) + dt.timedelta(weeks=i) for i in range(53)]
    cut_off = weeks[-1]
    rng = np.random.default_rng(6)
    rows = []
    for plan in plans:
        stages = [expected_by_screening(plan, weeks, stage) for stage in ("screened", "eligible")]
        randomised = expected_by_screening(plan, weeks, "randomised", cut_off)
        for week, screened, eligible, done in zip(weeks, *stages, randomised, strict=False):
            if screened > 0.0:
                n = [rng.poisson(screened)]
                for share in (plan.eligible, plan.consent, done / (eligible * plan.consent)):
                    n.append(rng.binomial(n[-1], min(share, 1.0)))
                rows.append(f"{week},{plan.title},{','.join(map(str, n))}")
    path = written(tmp_path, *rows)
    observed = read_observed_recruitment(path, plans, cut_off=cut_off, today=cut_off)
    counts = by_week(observed)
    assert len(counts) == 52
    expected = np.stack([expected_by_screening(plan, weeks, "randomised", cut_off) for plan in plans], axis=1)
    assert drift_test(counts.to_numpy(), expected).pvalue > 0.01
    # of the year before nothing was seen, so the plans begin with the file
    begun = [BoroughPlan(**{**vars(plan), "opens": max(plan.opens, weeks[0])}) for plan in plans]
    recruited = totals(observed)
    assert min(each.adjusted for each in check_boroughs(begun, recruited, cut_off).boroughs) > 0.01
    forecast = forecast_during(begun, recruited, cut_off, dt.date(2024, 2, 29))
    assert forecast.count_by(cut_off).quantile(0.01) == sum(recruited.values())
    planned = sum(expected_randomised(plan, [cut_off])[0] for plan in begun)
    assert abs(sum(recruited.values()) - planned) < 4.0 * np.sqrt(planned * 1.5)
    rates = recruitment_rates(
        [day.date() for day in counts.index],
        counts.sum(axis=1).tolist(),
        target=120,
        opened=weeks[0],
        cut_off=cut_off,
        by=dt.date(2021, 8, 1),
    )
    assert rates.recruited == sum(recruited.values())
    assert rates.required > 0.0


@settings(max_examples=50)
@given(
    weeks=st.dictionaries(
        st.tuples(st.integers(0, 30), st.sampled_from(["croydon", "tower_hamlets"])),
        st.lists(st.integers(0, 9), min_size=4, max_size=4).map(lambda n: sorted(n, reverse=True)),
        min_size=1,
    )
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, weeks: dict[tuple[int, str], list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("written")
    first = dt.date(2018, 4, 9)
    rows = [
        f"{first + dt.timedelta(weeks=week)},{borough},{','.join(map(str, counts))}"
        for (week, borough), counts in weeks.items()
    ]
    observed = read(folder, *rows)
    for i, what in enumerate(("screened", "eligible", "consented", "randomised")):
        for borough in ("croydon", "tower_hamlets"):
            total = sum(counts[i] for (_, name), counts in weeks.items() if name == borough)
            assert totals(observed, what)[borough] == total
            assert by_week(observed, what)[borough].sum() == total
