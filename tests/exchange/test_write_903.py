"""SSDA903 returns of simulated children keep the rules of the guide; each test names the rules that it is about."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns import write_returns

from best_sim.exchange.write_903 import (
    PROCEEDINGS,
    TABLES,
    Filling,
    collection_years,
    looked_after,
    returns_of,
)
from best_sim.measures.episodes import episodes_of
from best_sim.pathway import Journeys, simulate
from best_sim.scenario import Scenario

YEARS = (2018, 2019, 2020, 2021, 2022, 2023)
Tables = dict[str, pd.DataFrame]


@cache
def run_of(seed: int) -> Journeys:
    """A simulated London: five boroughs, with more children than the trial's so that rare ways are gone."""
    scenario = Scenario.load("london-2017")
    busy = {
        f"boroughs.{name}.entries": [{"from": dt.date(2010, 1, 1), "value": 60}] for name in scenario.boroughs
    }
    return simulate(scenario.replace(busy), seed, 0, "compiled")


@cache
def returns(seed: int) -> dict[int, Tables]:
    return returns_of(run_of(seed), YEARS)


def dated(episodes: pd.DataFrame) -> pd.DataFrame:
    e = episodes.copy()
    for name in ("DECOM", "DEC"):
        e[name] = pd.to_datetime(e[name], format="%d/%m/%Y")
    return e.sort_values(["CHILD", "DECOM"], ignore_index=True)


seeds = st.integers(0, 2)
years = st.sampled_from(YEARS)


@settings(max_examples=18)
@given(seeds, years)
def test_episodes_are_ordered_whole_days_and_do_not_overlap(seed: int, year: int) -> None:
    """141, 147, 355, 356, 501, 148: valid dates, a day at least, no overlap, an end and its reason together."""
    e = dated(returns(seed)[year]["episodes"])
    assert ((e["DEC"] - e["DECOM"]).dropna() >= pd.Timedelta(days=1)).all()
    assert (e["DEC"].isna() == (e["REC"] == "")).all()
    assert (e["DECOM"] <= pd.Timestamp(year, 3, 31)).all()
    assert (e["DEC"].isna() | e["DEC"].between(pd.Timestamp(year - 1, 4, 1), pd.Timestamp(year, 3, 31))).all()
    same = e["CHILD"].eq(e["CHILD"].shift(-1))
    assert e.loc[same, "DEC"].notna().all()
    assert (e["DECOM"].shift(-1)[same] >= e["DEC"][same]).all()


@settings(max_examples=18)
@given(seeds, years)
def test_episodes_that_follow_one_another_say_what_changed(seed: int, year: int) -> None:
    """142, 388, 431, 432, 433, 434, 435, 436: X1 where another begins that day, S where none did, L, P, T, B, U."""
    e = dated(returns(seed)[year]["episodes"])
    before = e.shift(1)
    same = e["CHILD"].eq(before["CHILD"])
    follows = same & e["DECOM"].eq(before["DEC"])
    assert (before.loc[follows, "REC"] == "X1").all()
    assert (e.loc[follows, "RNE"] != "S").all()
    assert (e.loc[same & ~follows, "RNE"] == "S").all()
    assert (before.loc[same & ~follows, "REC"] != "X1").all()
    law, place = e["LS"].ne(before["LS"])[follows], e["PLACE"].ne(before["PLACE"])[follows]
    new = e.loc[follows, "RNE"]
    assert law[new.isin(["L", "B", "U"])].all() and not law[new.isin(["P", "T"])].any()
    assert not place[new == "L"].any() and place[new.isin(["T", "U"])].all()
    address = e["PL_POST"].ne(before["PL_POST"])[follows]
    assert address[new.isin(["P", "B"])].all(), "somebody with a new carer lives elsewhere"


@settings(max_examples=18)
@given(seeds, years)
def test_reasons_for_a_change_of_placement_are_where_a_placement_ends_with_a_move(
    seed: int, year: int
) -> None:
    """225, 233: on an episode after which the placement changes, and on no other; none while it is open."""
    e = dated(returns(seed)[year]["episodes"])
    moves = e["RNE"].isin(["P", "T", "B", "U"]).shift(-1, fill_value=False) & (e["REC"] == "X1")
    assert (e.loc[moves, "REASON_PLACE_CHANGE"] != "").all()
    assert (e.loc[~moves, "REASON_PLACE_CHANGE"] == "").all()


@settings(max_examples=18)
@given(seeds, years)
def test_placements_go_with_legal_status_provider_and_exit(seed: int, year: int) -> None:
    """378, 408, 390, 516, 550, 527, 222: V2 not at home, A6 under E1, adopted from A3-A6, E45/E46 from U1-U6, PR0."""
    e = dated(returns(seed)[year]["episodes"])
    assert not ((e["LS"] == "V2") & (e["PLACE"] == "P1")).any()
    assert (e.loc[e["PLACE"].isin(["A5", "A6"]), "LS"] == "E1").all()
    assert e.loc[e["REC"].isin(["E11", "E12"]), "PLACE"].isin(["A3", "A4", "A5", "A6"]).all()
    assert e.loc[e["REC"].isin(["E45", "E46"]), "PLACE"].str.startswith("U").all()
    assert ((e["PLACE_PROVIDER"] == "PR0") == (e["PLACE"] == "P1")).all()
    assert (e.loc[e["PLACE"].isin(["P1", "R1"]), "URN"] == "").all()


@settings(max_examples=18)
@given(seeds, years)
def test_every_table_has_its_columns_and_its_children(seed: int, year: int) -> None:
    """Children of every table are in the header, once; born before their first episode (302); girls have MOTHER."""
    tables = returns(seed)[year]
    for name, columns in TABLES.items():
        assert tuple(tables[name].columns) == columns
    header = tables["header"]
    assert header["CHILD"].is_unique
    assert set(tables["episodes"]["CHILD"]) == set(header["CHILD"])
    for name in set(TABLES) - {"header"}:
        assert set(tables[name]["CHILD"]) <= set(header["CHILD"]), name
    born = pd.to_datetime(header.set_index("CHILD")["DOB"], format="%d/%m/%Y")
    first = dated(tables["episodes"]).groupby("CHILD")["DECOM"].min()
    assert (born[first.index] <= first).all()
    girls = header["SEX"].isin(["2", "F"])
    assert (header.loc[girls, "MOTHER"] == "0").all() and (header.loc[~girls, "MOTHER"] == "").all()


@settings(max_examples=18)
@given(seeds, years)
def test_adoptions_have_their_decision_and_their_match_in_order(seed: int, year: int) -> None:
    """551-554, 601: a row of AD1 for each adoption of the year; the decision, then the match, then the order."""
    tables = returns(seed)[year]
    e, ad1 = dated(tables["episodes"]), tables["ad1"]
    adopted = e[e["REC"].isin(["E11", "E12"])]
    assert sorted(ad1["CHILD"]) == sorted(adopted["CHILD"])
    when = {name: pd.to_datetime(ad1[name], format="%d/%m/%Y") for name in ("DATE_INT", "DATE_MATCH")}
    assert (when["DATE_INT"] <= when["DATE_MATCH"]).all()
    ended = adopted.set_index("CHILD")["DEC"][ad1["CHILD"]].to_numpy()
    assert (when["DATE_MATCH"].to_numpy() < ended).all()
    assert set(ad1["CHILD"]) <= set(tables["placed_for_adoption"]["CHILD"])


def test_a_child_is_the_same_in_every_year_and_what_is_open_goes_on() -> None:
    """501 across years: an episode open on 31 March is in the next return with the same begin."""
    made = returns(0)
    for year in YEARS[:-1]:
        now, later = made[year], made[year + 1]
        both = now["header"].merge(later["header"], on="CHILD", suffixes=("", "_later"))
        assert (both["DOB"] == both["DOB_later"]).all() and (both["ETHNIC"] == both["ETHNIC_later"]).all()
        still = now["episodes"][now["episodes"]["DEC"] == ""]
        keys = ["CHILD", "DECOM", "LS", "PLACE", "RNE"]
        assert len(still.merge(later["episodes"], on=keys)) == len(still)


def test_sex_is_coded_as_the_year_has_it() -> None:
    scenario = Scenario.load("london-2017").replace({"simulation.end_date": dt.date(2025, 6, 1)})
    made = returns_of(simulate(scenario, 1, 0, "compiled"), [2024, 2025])
    assert set(made[2024]["header"]["SEX"]) == {"1", "2"} and set(made[2025]["header"]["SEX"]) == {"M", "F"}


def test_the_side_file_has_what_a_return_can_not_hold() -> None:
    journeys = run_of(0)
    side = returns(0)[2020]["proceedings"]
    assert tuple(side.columns) == PROCEEDINGS
    assert side["CHILD"].is_unique
    mine = side[side["arm"] != ""]
    randomised = journeys.families["randomised_days"].notna().sum()
    assert 0.9 * randomised <= mine["family"].nunique() <= randomised
    issued = pd.to_datetime(mine["issue_date"], format="%d/%m/%Y")
    assert (issued <= pd.to_datetime(mine["randomised_date"], format="%d/%m/%Y")).all()
    heard = pd.to_numeric(side.loc[side["final_order_date"] != "", "prep_care_proc_court_hearings"])
    assert (heard >= 1).all() and heard.mean() > 2
    assert (mine.loc[mine["lift_start_date"] != "", "arm"] == "LIFT").all()


def test_kinds_of_placement_have_their_codes_and_providers() -> None:
    """335, 527, 213: adopted by the foster carer after A5; a hospital is a public body's; 336: U5 before A5."""
    e = pd.concat([one["episodes"] for one in returns(0).values()])
    assert (e.loc[e["PLACE"] == "R2", "PLACE_PROVIDER"] == "PR3").all() and (e["PLACE"] == "R2").sum() > 5
    adopted = (
        pd.concat([one["ad1"] for one in returns(0).values()]).drop_duplicates("CHILD").set_index("CHILD")
    )
    last = e[e["REC"].isin(["E11", "E12"])].drop_duplicates("CHILD").set_index("CHILD")["PLACE"]
    by_carer = last.reindex(adopted.index) == "A5"
    assert by_carer.any() and not by_carer.all()
    assert ((adopted["FOSTER_CARE"] == "1") == by_carer).all()
    began = dated(e).sort_values(["CHILD", "DECOM"])
    before = began["PLACE"].shift().where(began["CHILD"] == began["CHILD"].shift())
    first = (began["PLACE"] == "A5") & (before != "A5") & before.notna()
    assert first.any() and (before[first] == "U5").all()


def test_days_in_care_are_those_of_the_run() -> None:
    journeys = run_of(0)
    e = looked_after(episodes_of(journeys))
    low, high = pd.Timestamp(2019, 4, 1), pd.Timestamp(2020, 3, 31)
    days = (e["ended"].fillna(high).clip(upper=high) - e["begun"].clip(lower=low)).dt.days.clip(lower=0).sum()
    written = dated(returns(0)[2020]["episodes"])
    counted = (written["DEC"].fillna(high) - written["DECOM"].clip(lower=low)).dt.days.sum()
    assert counted == days and days > 1000


def test_files_are_written_by_year_and_a_borough_can_be_chosen(tmp_path: Path) -> None:
    journeys = run_of(1)
    paths = write_returns(journeys, tmp_path, [2019, 2020], boroughs=["croydon"])
    assert {path.parent.name for path in paths} == {"2019", "2020"}
    assert {path.stem for path in paths} == {*TABLES, "proceedings"}
    side = pd.read_csv(tmp_path / "2020" / "proceedings.csv")
    header = pd.read_csv(tmp_path / "2020" / "header.csv", dtype=str)
    assert set(side["borough"]) == {"croydon"} and len(side) == len(header)
    assert (tmp_path / "2020" / "episodes.csv").read_bytes().startswith(b"CHILD,DECOM,RNE,LS,CIN")


def test_shares_of_a_code_are_kept_and_belong_to_the_child() -> None:
    filling = Filling(ethnic={"WBRI": 0.7, "NOBT": 0.3})
    header = returns_of(run_of(0), [2020], filling=filling)[2020]["header"]
    share = float((header["ETHNIC"] == "WBRI").mean())
    assert abs(share - 0.7) < 4 * np.sqrt(0.7 * 0.3 / len(header))


def test_what_can_not_be_written_is_refused() -> None:
    journeys = run_of(0)
    assert collection_years(journeys)[-1] == 2023
    with pytest.raises(ValueError, match="years: found 2031, allowed "):
        returns_of(journeys, [2031])
    with pytest.raises(ValueError, match=r"borough: found 'croyden', did you mean 'croydon'\?"):
        returns_of(journeys, [2020], boroughs=["croyden"])
