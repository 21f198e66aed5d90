"""Reading and cleaning of SSDA903 returns: each step on a small case worked by hand, round trips, and bad files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from returns import write_returns

from best_sim.exchange.read_903 import Clean903, Returns903Error, read_903
from best_sim.exchange.write_903 import looked_after
from best_sim.measures.episodes import check_episodes, episodes_of
from best_sim.pathway import simulate
from best_sim.questions.local_rates.estimate import estimate_rates
from best_sim.scenario import Scenario

EPISODES = "CHILD,DECOM,RNE,LS,CIN,PLACE,PLACE_PROVIDER,DEC,REC,REASON_PLACE_CHANGE,HOME_POST,PL_POST,URN"
HEADER = "CHILD,SEX,DOB,ETHNIC,UPN,MOTHER,MC_DOB"
Row = tuple[str, str, str, str, str, str, str]
"""Child, begin, reason for the new episode, legal status, placement, end, reason."""


def line(row: Row) -> str:
    child, begun, new, law, place, ended, why = row
    return f"{child},{begun},{new},{law},N1,{place},PR1,{ended},{why},,AB1 2CD,EF3 4GH,"


def write(
    folder: Path, rows: Sequence[Row], year: int = 2021, born: str = "05/06/2019", name: str = ""
) -> Path:
    """A return of a year: these episodes, and a header of their children."""
    there = folder / (name or str(year))
    there.mkdir(parents=True, exist_ok=True)
    (there / "episodes.csv").write_text("\n".join([EPISODES, *map(line, rows)]) + "\n")
    children = dict.fromkeys(row[0] for row in rows)
    (there / "header.csv").write_text(
        "\n".join([HEADER, *(f"{child},1,{born},WBRI,UN1,," for child in children)]) + "\n"
    )
    return folder


def edits(clean: Clean903) -> dict[str, int]:
    return dict(zip(clean.edits["reason"], clean.edits["rows"], strict=True))


PLAIN: tuple[Row, ...] = (
    ("A", "10/04/2020", "S", "V2", "U6", "20/05/2020", "X1"),
    ("A", "20/05/2020", "L", "C1", "U6", "", ""),
)


def test_a_clean_return_is_read_without_an_edit(tmp_path: Path) -> None:
    clean = read_903(write(tmp_path, PLAIN))
    assert clean.edits.empty and clean.rows_in == 2 and clean.years == (2021,)
    assert clean.window == (dt.date(2020, 4, 1), dt.date(2021, 4, 1))
    e = clean.episodes
    assert list(e["begun"]) == [pd.Timestamp(2020, 4, 10), pd.Timestamp(2020, 5, 20)]
    assert list(e["legal_status"]) == ["V2", "C1"] and list(e["sex"]) == ["M", "M"]
    assert e["ended"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "rows, reason, episodes",
    [
        ([("A", "", "S", "C1", "U6", "", "")], "the date of begin is missing or can't be read", 0),
        ([("A", "10/04/2020", "S", "V4", "U6", "12/04/2020", "E8")], "a short break (V3, V4)", 0),
        ([("A", "10/04/2020", "S", "C1", "U6", "10/04/2020", "E8")], "ends before it begins, or on the same day", 0),
        ([("A", "10/04/2018", "S", "C1", "U6", "", "")], "begins before the child was born", 0),
        ([("A", "10/04/2021", "S", "C1", "U6", "", "")], "begins after its collection year ended", 0),
        ([("A", "10/04/2020", "S", "C1", "U6", "10/05/2021", "E4A")],
         "ends after its collection year; taken as open", 1),
        ([("A", "10/04/2020", "S", "C1", "U6", "", "E4A")], "a reason without an end; taken as open", 1),
        ([("A", "10/04/2020", "S", "C1", "U6", "01/09/2020", "")],
         "an end without a reason that is known; taken as another one", 1),
        ([("A", "10/04/2020", "S", "C1", "U6", "01/09/2020", "X1")],
         "X1, though no other episode begins that day: another reason", 1),
        ([("A", "10/04/2020", "P", "C1", "U6", "", "")], "follows no other episode: care begins", 1),
    ],
)  # fmt: skip
def test_each_step_of_one_row(tmp_path: Path, rows: list[Row], reason: str, episodes: int) -> None:
    """Each worked by hand, beside a child of whom all is well."""
    clean = read_903(write(tmp_path, [*((("B", *row[1:])) for row in PLAIN), *rows]))
    assert edits(clean) == {reason: 1}
    assert len(clean.episodes) == 2 + episodes


@pytest.mark.parametrize(
    "rows, reason, begins",
    [
        # the same begin: the row with the later end stays; open is latest
        ([("A", "10/04/2020", "S", "C1", "U6", "01/06/2020", "E4A"), ("A", "10/04/2020", "S", "C1", "U6", "", "")],
         "another episode of the child begins that day and ends later", ["10/04/2020"]),
        # the same end: the longer stays
        ([("A", "10/04/2020", "S", "C1", "U6", "01/06/2020", "E4A"),
          ("A", "20/04/2020", "S", "C2", "U4", "01/06/2020", "E4A")],
         "another episode of the child ends that day and began earlier", ["10/04/2020"]),
        # an overlap of one placement and status is one episode
        ([("A", "10/04/2020", "S", "C1", "U6", "01/06/2020", "E4A"), ("A", "01/05/2020", "S", "C1", "U6", "", "")],
         "overlaps one of the same placement and legal status", ["10/04/2020"]),
        # another overlap ends the earlier
        ([("A", "10/04/2020", "S", "C1", "U6", "01/06/2020", "X1"), ("A", "01/05/2020", "P", "C1", "U4", "", "")],
         "overlaps the child's next episode; ended there", ["10/04/2020", "01/05/2020"]),
        ([("A", "10/04/2020", "S", "C1", "U6", "", ""), ("A", "01/05/2020", "P", "C1", "U4", "", "")],
         "open, though the child's next episode begins; ended there", ["10/04/2020", "01/05/2020"]),
        ([("A", "10/04/2020", "S", "C1", "U6", "01/05/2020", "E4A"), ("A", "01/05/2020", "P", "C1", "U4", "", "")],
         "another episode begins that day, so X1", ["10/04/2020", "01/05/2020"]),
        ([("A", "10/04/2020", "S", "C1", "U6", "01/05/2020", "X1"), ("A", "01/05/2020", "S", "C2", "U6", "", "")],
         "follows another episode: the reason is what changed", ["10/04/2020", "01/05/2020"]),
    ],
)  # fmt: skip
def test_each_step_of_two_rows(tmp_path: Path, rows: list[Row], reason: str, begins: list[str]) -> None:
    clean = read_903(write(tmp_path, rows))
    assert edits(clean) == {reason: 1}
    assert list(clean.episodes["begun"].dt.strftime("%d/%m/%Y")) == begins
    assert clean.episodes["ended"].isna().iloc[-1] or "longer" in reason or "earlier" in reason


def test_what_a_derived_reason_is(tmp_path: Path) -> None:
    rows = [
        ("A", "10/04/2020", "S", "C1", "U6", "01/05/2020", "X1"),
        ("A", "01/05/2020", "S", "C2", "U6", "", ""),
    ]
    assert list(read_903(write(tmp_path, rows)).episodes["reason_new"]) == ["S", "L"]


def test_three_rows_that_overlap_become_one(tmp_path: Path) -> None:
    rows: list[Row] = [
        ("A", "10/04/2020", "S", "C1", "U6", "01/06/2020", "E4A"),
        ("A", "01/05/2020", "S", "C1", "U6", "01/08/2020", "E4A"),
        ("A", "01/07/2020", "S", "C1", "U6", "01/10/2020", "E4B"),
    ]
    clean = read_903(write(tmp_path, rows))
    assert len(clean.episodes) == 1 and clean.episodes["ended"].iloc[0] == pd.Timestamp(2020, 10, 1)
    assert clean.episodes["reason_ended"].iloc[0] == "E4B"
    assert clean.edits["rows"].sum() == 2


def test_a_later_return_says_how_an_episode_ended(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    closed: list[Row] = [("A", "20/05/2020", "L", "C1", "U6", "10/06/2021", "E45")]
    clean = read_903(write(tmp_path, closed, year=2022))
    assert edits(clean) == {"the same episode in a later return": 1}
    assert clean.episodes["reason_ended"].tolist() == ["X1", "E45"]
    assert clean.window == (dt.date(2020, 4, 1), dt.date(2022, 4, 1))


def test_who_is_open_and_in_no_later_return_is_lost_sight_of(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    clean = read_903(write(tmp_path, [("B", "01/05/2021", "S", "C1", "U6", "", "")], year=2022))
    assert edits(clean) == {"open, and in no later return: lost sight of at the end of the year": 1}
    a = clean.episodes[clean.episodes["child"] == 0]
    assert a["ended"].iloc[-1] == pd.Timestamp(2021, 3, 31) and a["reason_ended"].iloc[-1] == "E3"


def test_older_children_and_asylum_seekers_are_counted_and_left_out(tmp_path: Path) -> None:
    write(tmp_path, [*PLAIN, ("U", "10/04/2020", "S", "V2", "U6", "", "")], born="05/06/2014")
    (tmp_path / "2021" / "uasc.csv").write_text("CHILD,SEX,DOB,DUC\nU,1,05/06/2014,05/06/2032\n")
    clean = read_903(tmp_path)
    assert edits(clean) == {
        "an unaccompanied asylum-seeking child": 1,
        "first came into care aged 5 or older": 2,
    }
    assert len(read_903(tmp_path, under=None).episodes) == 2


def test_children_without_a_date_of_birth_and_dates_that_differ(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    write(tmp_path, [("A", "20/05/2020", "L", "C1", "U6", "", "")], year=2022, born="06/06/2019")
    with (tmp_path / "2022" / "episodes.csv").open("a") as file:
        file.write(line(("NOBODY", "10/05/2021", "S", "C1", "U6", "", "")) + "\n")
    clean = read_903(tmp_path)
    assert edits(clean)["the child is in no table of children, or without a date of birth"] == 1
    assert edits(clean)["an earlier return had another date of birth; the latest is used"] == 1
    assert set(clean.episodes["born"]) == {pd.Timestamp(2019, 6, 6)}


@pytest.mark.parametrize("name", ["2021", "2020-21", "episodes 2020_21", "cla 2020/21".replace("/", "-")])
def test_the_year_is_in_the_name(tmp_path: Path, name: str) -> None:
    assert read_903(write(tmp_path, PLAIN, name=name)).years == (2021,)


def test_the_year_may_be_in_a_column_or_follow_from_the_dates(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    rows = [f"{line(row)},2020/21" for row in PLAIN]
    (tmp_path / "a" / "all.csv").write_text("\n".join([f"{EPISODES},YEAR", *rows]) + "\n")
    (tmp_path / "a" / "kids.csv").write_text(f"{HEADER},YEAR\nA,1,05/06/2019,WBRI,UN1,,,2020/21\n")
    assert read_903(tmp_path / "a").years == (2021,)
    write(tmp_path / "b", PLAIN, name="returns")
    (tmp_path / "b" / "returns" / "header.csv").rename(tmp_path / "b" / "returns" / "header 2021.csv")
    assert read_903(tmp_path / "b").years == (2021,)


def test_files_of_any_writer_are_read(tmp_path: Path) -> None:
    """A byte order mark, Windows' letters, lower-case names, ISO dates, spaces, old and lower-case codes."""
    rows = [("A ", "2020-04-10", "s", "c1", "q1", "", "")]
    write(tmp_path, rows)
    path = tmp_path / "2021" / "episodes.csv"
    path.write_bytes(
        b"\xef\xbb\xbf" + path.read_bytes().replace(EPISODES.encode(), EPISODES.lower().encode())
    )
    header = tmp_path / "2021" / "header.csv"
    header.write_bytes(
        header.read_bytes().replace(b"A ,1", b"A,1") + "Zo\u00eb,2,01/01/2020,WBRI,UN1,,\n".encode("cp1252")
    )
    (tmp_path / "2021" / "reviews.csv").write_text(
        "CHILD,DOB,REVIEW,REVIEW_CODE\nA,05/06/2019,01/05/2020,PN0\n"
    )
    clean = read_903(tmp_path)
    assert clean.episodes["placement"].tolist() == ["Q1"] and clean.edits.empty
    assert len(clean.unread) == 1 and clean.unread[0].endswith("reviews.csv")


# --- what can't be used -------------------------------------------------------------------------------------
def test_everything_that_is_wrong_is_told_with_its_file_and_row(tmp_path: Path) -> None:
    rows = [(child, "04-10-2020", "S", "XX", "U6", "", "") for child in "ABC"]
    write(tmp_path, rows)
    path = tmp_path / "2021" / "episodes.csv"
    path.write_text(path.read_text().replace(",REC,", ",REASON_ENDED,"))
    with pytest.raises(Returns903Error) as refused:
        read_903(tmp_path)
    told = str(refused.value)
    assert "3 problems" in told and "episodes.csv, line 2: LS" in told and "'XX'" in told
    assert "3 of 3 dates can't be read" in told and "allowed: dd/mm/yyyy" in told
    assert "REC" in told and "this column is missing" in told


@pytest.mark.parametrize(
    "make, told",
    [
        (lambda folder: folder / "nowhere", "there is no such file or folder"),
        (lambda folder: folder, "there is no CSV file here"),
        (lambda folder: write(folder, PLAIN) / "2021" / "episodes.csv", "there is no table of children"),
        (lambda folder: write(folder, PLAIN) / "2021" / "header.csv", "there is no table of episodes"),
        (lambda folder: write(folder, PLAIN, name="2019 to 2021"), "2019, 2021"),
    ],
)
def test_folders_that_hold_no_return_are_refused(tmp_path: Path, make, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Returns903Error, match=told):
        read_903(make(tmp_path))


def test_years_have_to_follow_one_another(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    write(tmp_path, [("B", "01/05/2022", "S", "C1", "U6", "", "")], year=2023)
    with pytest.raises(Returns903Error, match="a collection year is missing between others"):
        read_903(tmp_path)


def test_no_identifier_leaves(tmp_path: Path) -> None:
    rows = [("SECRET7", "10/04/2020", "S", "C1", "U6", "01/04/2020", "E4A"), *PLAIN]
    clean = read_903(write(tmp_path, rows))
    said = (
        "".join(clean.in_words()) + clean.edits.to_csv() + clean.summary().to_csv() + clean.episodes.to_csv()
    )
    assert "SECRET7" not in said and "AB1 2CD" not in said and "EF3 4GH" not in said
    (tmp_path / "2021" / "header.csv").write_text(f"{HEADER}\nSECRET7,1,99/99/2019,WBRI,UN1,,\n")
    with pytest.raises(Returns903Error) as refused:
        read_903(tmp_path)
    assert "SECRET7" not in str(refused.value)


def test_small_counts_are_not_shown(tmp_path: Path) -> None:
    rows = [row for n in range(6) for row in ((f"C{n}", *PLAIN[0][1:]), (f"C{n}", *PLAIN[1][1:]))]
    rows.append(("X", "10/04/2020", "S", "C1", "U6", "", ""))
    rows.append(("C1", "01/05/2020", "S", "V4", "U6", "02/05/2020", "X1"))
    clean = read_903(write(tmp_path, rows))
    table = clean.summary().set_index(["measure", "group"])["children"]
    assert table["in care on 31 March", "all ages"] == 7
    # with the number of those who came in voluntarily, that of the other route could be told from all who came in
    routes = table["entries"]
    assert routes[["voluntary", "interim or care order"]].isna().all()
    assert clean.edited()[["rows", "children"]].isna().all(axis=None)
    assert "a short break (V3, V4): few rows removed" in clean.in_words()
    assert clean.edited(1)["rows"].tolist() == [1] and clean.summary(1)["children"].notna().all()


# --- properties ---------------------------------------------------------------------------------------------
DAYS = [f"{day:02d}/{month:02d}/2020" for month in (4, 5, 6) for day in (1, 9, 17, 25)] + ["", "31/03/2021"]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["A", "B"]),
        st.sampled_from(DAYS),
        st.sampled_from("SPLTBU"),
        st.sampled_from(["V2", "C1", "V4"]),
        st.sampled_from(["U6", "U4", "P1", "??"]),
        st.sampled_from(DAYS),
        st.sampled_from(["", "X1", "E4A", "E12"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, ROWS)
def test_whatever_is_read_can_be_used_and_no_row_is_lost_without_a_word(
    tmp_path: Path, first: list[Row], second: list[Row]
) -> None:
    write(tmp_path, first)
    later = [
        tuple(part.replace("/2020", "/2021").replace("31/03/2021", "31/03/2022") for part in row)
        for row in second
    ]
    write(tmp_path, later, year=2022)  # type: ignore[arg-type]
    try:
        clean = read_903(tmp_path)
    except Returns903Error as refused:
        assert "can't be read" in str(refused) or "not known" in str(refused)  # noqa: PT017
        return
    check_episodes(clean.episodes, *clean.window)
    gone = clean.edits.loc[clean.edits["effect"].isin(["removed", "joined"]), "rows"].sum()
    assert clean.rows_in == len(first) + len(second) == len(clean.episodes) + gone
    e = clean.episodes
    follows = e["child"].eq(e["child"].shift(-1)) & e["ended"].eq(e["begun"].shift(-1))
    assert (e.loc[follows, "reason_ended"] == "X1").all()
    assert (e.loc[~follows, "reason_ended"] != "X1").all()
    assert (e["reason_new"].shift(-1)[follows] != "S").all()


@pytest.mark.parametrize("seed", [0, 1])
def test_a_return_that_was_written_and_read_back_has_the_same_episodes(tmp_path: Path, seed: int) -> None:
    scenario = Scenario.load("london-2017")
    busy = {f"boroughs.{n}.entries": [{"from": dt.date(2010, 1, 1), "value": 60}] for n in scenario.boroughs}
    journeys = simulate(scenario.replace(busy), seed, 0, "compiled")
    years = range(2018, 2024)
    write_returns(journeys, tmp_path, years)
    clean = read_903(tmp_path, under=None)
    assert set(clean.edits["reason"]) == {"the same episode in a later return"}
    low, high = pd.Timestamp(2017, 4, 1), pd.Timestamp(2023, 4, 1)
    e = looked_after(episodes_of(journeys))
    e = e[(e["begun"] < high) & ~(e["ended"] < low)].copy()
    late = e["ended"] >= high
    e.loc[late, "ended"] = pd.NaT
    e.loc[late, ["reason_ended", "reason_place_change"]] = None
    # an adopted child who comes back is another child in a return
    adopted = e["reason_ended"].isin(["E11", "E12"]).astype(int)
    e["child"] = e["child"] * 10 + (adopted.groupby(e["child"]).cumsum() - adopted)
    keys = ["born", "sex", "begun", "ended", "legal_status", "placement", "provider", "reason_new", "reason_ended",
            "reason_place_change"]  # fmt: skip
    for table in (e, clean.episodes):
        assert table.groupby("child")["begun"].apply(lambda d: d.is_monotonic_increasing).all()
    one = e.sort_values(["child", "begun"], ignore_index=True)
    two = clean.episodes.sort_values(["child", "begun"], ignore_index=True)
    pd.testing.assert_frame_equal(one[keys], two[keys], check_dtype=False)
    families = pd.DataFrame({"one": pd.factorize(one["family"])[0], "two": pd.factorize(two["family"])[0]})
    assert (families["one"] == families["two"]).all()
    assert np.array_equal(pd.factorize(one["child"])[0], pd.factorize(two["child"])[0])


@pytest.mark.slow
@pytest.mark.theory
def test_parameters_of_20000_children_are_recovered_from_their_returns(tmp_path: Path) -> None:
    """Written, read, cleaned, estimated: hazards that made the moves lie within their intervals as often as said.

    Of single children: siblings move together, so what their returns say of age is blurred. And
    not of those with parents, of whom a return holds only those under an order.
    """
    england = Scenario.load("england").replace(
        {"population.children_per_family": {"one": 1.0, "two": 0.0, "three": 0.0}}
    )
    journeys = simulate(england, 5, 0, "compiled")
    write_returns(journeys, tmp_path, range(2017, 2024), boroughs=journeys.names["boroughs"][:14])
    clean = read_903(tmp_path)
    rates = estimate_rates(clean.episodes, *clean.window, base=england)
    assert rates.followed > 20_000
    t = rates.table[~rates.table["suppressed"]]
    t = t[t["parameter"].str.startswith("placements.unplanned.")]
    t = t[~t["parameter"].str.startswith("placements.unplanned.with_parents")]
    truth = np.array([england.provenance[name].value for name in t["parameter"]], float)
    assert len(t) >= 7
    inside = (t["low"] <= truth) & (truth <= t["high"])
    told = t.assign(truth=truth)[["parameter", "estimate", "low", "high", "truth"]].to_string()
    assert inside.mean() >= 0.8, told
    # the intervals are of 95 %: none may be further off than twice their half width
    low, high, middle = (t[name].to_numpy(float) for name in ("low", "high", "estimate"))
    assert (np.abs(truth - middle) < high - low).all(), told
