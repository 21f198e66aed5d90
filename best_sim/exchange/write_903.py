"""Simulated children as a local authority's SSDA903 return: a folder of CSV files for each collection year.

The columns, codes and rules are those of the Department for Education's guide to the children looked after (SSDA903)
collection. A collection year runs from 1 April to 31 March and is named by the year in which it ends. What the model
does not have (ethnicity, pupil numbers, postcodes, the category of need, health checks, social workers) is filled as
`Filling` says: assumptions, the same for a child in every year. What a return can't hold (issue of proceedings,
hearings, allocation, LIFT) is written beside it in ``proceedings.csv``, with the names of the Standard Safeguarding
Dataset where it has one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd

from best_sim.measures.episodes import episodes_of, years_within
from best_sim.pathway import Journeys
from best_sim.pathway import words as W
from best_sim.scenario.problems import nearest_name

TABLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "header": ("CHILD", "SEX", "DOB", "ETHNIC", "UPN", "MOTHER", "MC_DOB"),
        "episodes": (
            "CHILD", "DECOM", "RNE", "LS", "CIN", "PLACE", "PLACE_PROVIDER", "DEC", "REC", "REASON_PLACE_CHANGE",
            "HOME_POST", "PL_POST", "URN",
        ),
        "uasc": ("CHILD", "SEX", "DOB", "DUC"),
        "reviews": ("CHILD", "DOB", "REVIEW", "REVIEW_CODE"),
        "oc2": (
            "CHILD", "DOB", "SDQ_SCORE", "SDQ_REASON", "CONVICTED", "HEALTH_CHECK", "IMMUNISATIONS", "TEETH_CHECK",
            "HEALTH_ASSESSMENT", "SUBSTANCE_MISUSE", "INTERVENTION_RECEIVED", "INTERVENTION_OFFERED",
        ),
        "oc3": ("CHILD", "DOB", "IN_TOUCH", "ACTIV", "ACCOM"),
        "ad1": ("CHILD", "DOB", "DATE_INT", "DATE_MATCH", "FOSTER_CARE", "NB_ADOPTR", "SEX_ADOPTR", "LS_ADOPTR"),
        "placed_for_adoption": ("CHILD", "DOB", "DATE_PLACED", "DATE_PLACED_CEASED", "REASON_PLACED_CEASED"),
        "previous_permanence": ("CHILD", "DOB", "PREV_PERM", "LA_PERM", "DATE_PERM"),
        "missing": ("CHILD", "DOB", "MISSING", "MIS_START", "MIS_END"),
    }
)  # fmt: skip
"""Files of a return, by name, with their columns in order.

The table of social workers, collected from 2023/24 on, is left out: the model has none.
"""

PROCEEDINGS = (
    "CHILD", "prep_pre_pro_decision_date", "prep_care_pro_letter_date", "prep_court_reference",
    "prep_care_proc_court_hearings", "prep_la_initial_care_plan", "prep_la_final_care_plan", "issue_date",
    "final_order_date", "borough", "randomised_date", "arm", "lift_start_date", "lift_end_date", "family",
)  # fmt: skip
"""Columns of the side file: the Standard Safeguarding Dataset's names first, then ours."""

FIRST_WITH_LETTERED_SEX = 2025
"""Collection year from which SEX is M or F, and no longer 1 or 2."""
_NO_URN = ("P1", "P3", "R1", "R2", "R5", "T0", "T1", "T2", "T3", "T4", "Z1")
_ADOPTIVE = ("A3", "A4", "A5", "A6")
_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Filling:
    """What the model does not have. All assumptions; none of it says anything of a child.

    Attributes
    ----------
    ethnic : mapping of str to float
        Shares of the codes of ETHNIC. By default all "not obtained" (NOBT).
    need : str
        CIN of every period. By default N1, abuse or neglect: the most frequent one of children under five.
    home, placements : str, and tuple of str
        Postcodes of every home, and of placements by turns, so that a new carer lives elsewhere. By default three
        public buildings in Croydon, since the return's checks look up postcodes.
    urn, urn_of_homes : str
        Of foster and adoptive placements that need one, by default the code for not inspected; and of other placements.
    first_review, second_review, next_review : int
        Days: of the first two from coming into care, and from one of the later ones to the next.
    upn : tuple of str
        Before school age, and from then on: unknown.
    """

    ethnic: Mapping[str, float] = field(default_factory=lambda: {"NOBT": 1.0})
    need: str = "N1"
    home: str = "CR0 1EA"
    placements: tuple[str, ...] = ("CR9 1ET", "CR9 3JS")
    urn: str = "XXXXXXX"
    urn_of_homes: str = "SC999999"
    first_review: int = 20
    second_review: int = 90
    next_review: int = 180
    upn: tuple[str, str] = ("UN1", "UN5")


def collection_years(journeys: Journeys) -> list[int]:
    """Collection years that a run holds whole, by the year in which they end.

    Parameters
    ----------
    journeys : Journeys

    Returns
    -------
    list of int
    """
    return years_within(journeys.date(journeys.start), journeys.date(journeys.end))


def returns_of(
    journeys: Journeys,
    years: Sequence[int] | None = None,
    *,
    boroughs: Sequence[str] | None = None,
    filling: Filling | None = None,
) -> dict[int, dict[str, pd.DataFrame]]:
    """The returns of a simulated run.

    Parameters
    ----------
    journeys : Journeys
        With its event record.
    years : sequence of int, optional
        Collection years, by the year in which they end; by default all that the run holds whole.
    boroughs : sequence of str, optional
        Only these boroughs' children; by default all.
    filling : Filling, optional

    Returns
    -------
    dict of int to dict of str to pandas.DataFrame
        By year, then by file (`TABLES`, and ``proceedings``): texts, as they are written.

    Raises
    ------
    ValueError
        If the run does not hold a year whole, has no such borough, or kept no event record.
    """
    whole = collection_years(journeys)
    wanted = whole if years is None else list(years)
    if wrong := [year for year in wanted if year not in whole]:
        allowed = ", ".join(map(str, whole)) or "none: the run is too short"
        raise ValueError(f"years: found {', '.join(map(str, wrong))}, allowed {allowed}")
    names = journeys.names["boroughs"]
    for name in boroughs or ():
        if name not in names:
            near = nearest_name(name, names)
            raise ValueError(f"borough: found {name!r}" + (f", did you mean {near!r}?" if near else ""))
    filling = Filling() if filling is None else filling
    parts = [None] if boroughs is None else list(boroughs)
    episodes = pd.concat([episodes_of(journeys, borough=part) for part in parts], ignore_index=True)
    episodes = _with_periods(looked_after(episodes))
    side = _proceedings(journeys, episodes)
    return {year: _one_year(episodes, year, filling) | {"proceedings": side} for year in wanted}


def files_of(
    journeys: Journeys, years: Sequence[int] | None = None, *, boroughs: Sequence[str] | None = None
) -> Iterator[tuple[int, str, pd.DataFrame]]:
    """The files of a return, as they are written: `proceedings` of each year is of the children of that year.

    Parameters
    ----------
    journeys, years, boroughs
        As `returns_of` takes them.

    Yields
    ------
    year, name, table
        `as_csv` writes it.

    Raises
    ------
    ValueError
        As `returns_of`.
    """
    for year, tables in returns_of(journeys, years, boroughs=boroughs).items():
        mine = set(tables["header"]["CHILD"])
        for name, table in tables.items():
            yield year, name, table[table["CHILD"].isin(mine)] if name == "proceedings" else table


def as_csv(table: pd.DataFrame) -> str:
    """A table of a return as the text of its file; lines end as on Windows."""
    return str(table.to_csv(index=False, lineterminator="\r\n"))


def looked_after(episodes: pd.DataFrame) -> pd.DataFrame:
    """Episodes as a return has them.

    An adoption on a 31 March is dated the day before: the return's checks take a child who leaves care on that day to
    be in care for all the year, ask for the child's health checks (rule 191), and forbid them to a child who was
    adopted (187).

    Parameters
    ----------
    episodes : pandas.DataFrame
        As `best_sim.measures.episodes.episodes_of` makes them.

    Returns
    -------
    pandas.DataFrame
        In order of child and time.
    """
    e = episodes.sort_values(["child", "begun"], kind="stable", ignore_index=True)
    adopted = e["reason_ended"].isin(["E11", "E12"]) & (e["ended"].dt.strftime("%m-%d") == "03-31")
    e.loc[adopted & (e["ended"] - e["begun"] > _DAY), "ended"] -= _DAY
    return e


# --- one year -----------------------------------------------------------------------------------------------
def _with_periods(e: pd.DataFrame) -> pd.DataFrame:
    """Episodes with their period of care, the period's begin and end, and the child's identifier."""
    e = e.sort_values(["child", "begun"], kind="stable", ignore_index=True)
    e["period"] = (e["reason_new"] == "S").cumsum()
    by = e.groupby("period", sort=False)
    e["came"] = by["begun"].transform("min")
    e["left"] = (
        by["ended"].transform("max").where(by["ended"].transform("count") == by["begun"].transform("size"))
    )
    # somebody who comes back into care after an adoption is another child in law, with another identifier
    adopted = e["reason_ended"].isin(["E11", "E12"]).astype(int)
    before = adopted.groupby(e["child"]).cumsum() - adopted
    e["CHILD"] = [
        f"{number + 1:07d}" + "ABCDEFGH"[times - 1 : times]
        for number, times in zip(e["child"], before, strict=True)
    ]
    moved = e["reason_new"].isin(["S", "P", "B", "T", "U"]).astype(int)
    e["placed"] = moved.groupby(e["child"]).cumsum()
    # the decision that the child should be placed for adoption is dated by the placement order
    decided = e[e["legal_status"] == "E1"].groupby("period")["begun"].min()
    e["decided"] = e["period"].map(decided)
    matched = e[e["placement"].isin(_ADOPTIVE)].groupby("period")["begun"].min()
    e["matched"] = e["period"].map(matched)
    return e


def _one_year(e: pd.DataFrame, year: int, filling: Filling) -> dict[str, pd.DataFrame]:
    """The tables of a collection year, as texts."""
    first, last = pd.Timestamp(year - 1, 4, 1), pd.Timestamp(year, 3, 31)
    e = e[(e["begun"] <= last) & ~(e["ended"] < first)].copy()
    later = e["ended"] > last
    e.loc[later, ["ended"]] = pd.NaT
    e.loc[later, ["reason_ended", "reason_place_change"]] = None
    e.loc[e["left"] > last, "left"] = pd.NaT
    children = e.drop_duplicates("CHILD").copy()
    sex = children["sex"] if year >= FIRST_WITH_LETTERED_SEX else children["sex"].map({"M": "1", "F": "2"})
    at_school = _turned(children["born"], 4, pd.Timestamp(year - 2, 8, 31))
    born = {"CHILD": children["CHILD"], "DOB": _text(children["born"])}
    out = {
        "header": pd.DataFrame(
            {
                **born, "SEX": sex, "ETHNIC": _ethnic(children["child"], filling),
                "UPN": np.where(at_school, filling.upn[1], filling.upn[0]),
                "MOTHER": np.where(children["sex"] == "F", "0", ""), "MC_DOB": "",
            }
        ),
        "episodes": _episodes(e, filling),
        "reviews": _reviews(e, first, last, filling),
        "oc2": _oc2(e, first, last),
        "ad1": _adopted(e),
        "placed_for_adoption": _for_adoption(e),
        "previous_permanence": _previous(e, first),
    }  # fmt: skip
    return {
        name: out[name][list(columns)].reset_index(drop=True)
        if name in out
        else pd.DataFrame(columns=list(columns))
        for name, columns in TABLES.items()
    }


def _lift_ended(f: np.ndarray) -> np.ndarray:
    """The last day of LIFT's work with each family, so far: its assessment, or treatment with parents or carers."""
    return np.fmax(np.fmax(f["lift_freed"], f["treatment_ended"]), f["carers_ended"])


def _text(dates: pd.Series) -> pd.Series:
    """Dates as a return has them."""
    return pd.to_datetime(dates).dt.strftime("%d/%m/%Y").fillna("")


def _turned(born: pd.Series, years: int, by: pd.Timestamp) -> pd.Series:
    """Whether a child has turned so many years by a day."""
    return born + pd.DateOffset(years=years) <= by


def _ethnic(child: pd.Series, filling: Filling) -> np.ndarray:
    """A code for each child, the same in every year: the golden ratio spreads numbers evenly over the shares."""
    shares = np.cumsum(list(filling.ethnic.values())) / sum(filling.ethnic.values())
    at = np.searchsorted(shares, (child.to_numpy() * (math.sqrt(5.0) - 1.0) / 2.0) % 1.0, side="right")
    return np.asarray(list(filling.ethnic), object)[np.minimum(at, len(shares) - 1)]


def _episodes(e: pd.DataFrame, filling: Filling) -> pd.DataFrame:
    family = e["placement"].str[0].isin(["U", "A"])
    there = np.asarray(filling.placements, object)[e["placed"].to_numpy() % len(filling.placements)]
    return pd.DataFrame(
        {
            "CHILD": e["CHILD"], "DECOM": _text(e["begun"]), "RNE": e["reason_new"], "LS": e["legal_status"],
            "CIN": filling.need, "PLACE": e["placement"], "PLACE_PROVIDER": e["provider"], "DEC": _text(e["ended"]),
            "REC": e["reason_ended"].fillna(""), "REASON_PLACE_CHANGE": e["reason_place_change"].fillna(""),
            "HOME_POST": filling.home, "PL_POST": np.where(e["placement"] == "P1", filling.home, there),
            "URN": np.where(e["placement"].isin(_NO_URN), "", np.where(family, filling.urn, filling.urn_of_homes)),
        }
    )  # fmt: skip


def _reviews(e: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp, filling: Filling) -> pd.DataFrame:
    """Reviews of each period at fixed distances, those of the year."""
    periods = e.drop_duplicates("period")
    until = periods["left"].fillna(last + _DAY)
    rows = []
    longest = (until - periods["came"]).dt.days.max() if len(periods) else 0
    most = int(longest // filling.next_review + 2)
    for k in range(most):
        after = filling.first_review if k == 0 else filling.second_review + (k - 1) * filling.next_review
        at = periods["came"] + pd.Timedelta(days=after)
        use = (at >= first) & (at <= last) & (at < until)
        four = periods["born"] + pd.DateOffset(years=4) <= at
        rows.append(
            pd.DataFrame(
                {
                    "CHILD": periods["CHILD"], "DOB": _text(periods["born"]), "REVIEW": _text(at),
                    "REVIEW_CODE": np.where(four, "PN1", "PN0"),
                }
            )[use]
        )  # fmt: skip
    return pd.concat(rows) if rows else pd.DataFrame(columns=list(TABLES["reviews"]))


def _oc2(e: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    """Children in care for the whole year: checks and assessments are all taken to be done."""
    periods = e.drop_duplicates("period", keep="last")
    p = periods[(periods["came"] <= first) & (periods["left"].isna() | (periods["left"] == last))]
    four, five, ten = (_turned(p["born"], years, last) for years in (4, 5, 10))
    return pd.DataFrame(
        {
            "CHILD": p["CHILD"], "DOB": _text(p["born"]), "SDQ_SCORE": "", "SDQ_REASON": np.where(four, "SDQ5", ""),
            "CONVICTED": np.where(ten, "0", ""), "HEALTH_CHECK": np.where(five, "", "1"),
            "IMMUNISATIONS": "1", "TEETH_CHECK": "1", "HEALTH_ASSESSMENT": "1", "SUBSTANCE_MISUSE": "0",
            "INTERVENTION_RECEIVED": "", "INTERVENTION_OFFERED": "",
        }
    )  # fmt: skip


def _adopted(e: pd.DataFrame) -> pd.DataFrame:
    a = e[e["reason_ended"].isin(["E11", "E12"])]
    return pd.DataFrame(
        {
            "CHILD": a["CHILD"], "DOB": _text(a["born"]), "DATE_INT": _text(a["decided"]),
            "DATE_MATCH": _text(a["matched"]), "FOSTER_CARE": np.where(a["placement"] == "A5", "1", "0"),
            "NB_ADOPTR": "2", "SEX_ADOPTR": "MF",
            "LS_ADOPTR": "L11",
        }
    )  # fmt: skip


def _for_adoption(e: pd.DataFrame) -> pd.DataFrame:
    """Decisions for adoption; given up at the latest where a child leaves care another way, for want of adopters."""
    p = e[e["legal_status"] == "E1"].drop_duplicates("period")
    ends = e.drop_duplicates("period", keep="last").set_index("period").loc[p["period"]]
    left = ends["reason_ended"].str.startswith("E").to_numpy(bool)
    given_up = left & ~ends["reason_ended"].isin(["E11", "E12"]).to_numpy(bool)
    return pd.DataFrame(
        {
            "CHILD": p["CHILD"], "DOB": _text(p["born"]), "DATE_PLACED": _text(p["decided"]),
            "DATE_PLACED_CEASED": np.where(given_up, _text(ends["left"]), ""),
            "REASON_PLACED_CEASED": np.where(given_up, "RD3", ""),
        }
    )  # fmt: skip


def _previous(e: pd.DataFrame, first: pd.Timestamp) -> pd.DataFrame:
    """Children who came into care in the year: none of them had a permanence order before, so far as is known."""
    p = e[(e["reason_new"] == "S") & (e["begun"] >= first)].drop_duplicates("CHILD", keep="last")
    return pd.DataFrame(
        {"CHILD": p["CHILD"], "DOB": _text(p["born"]), "PREV_PERM": "Z1", "LA_PERM": "", "DATE_PERM": ""}
    )


# --- what a return can't hold -------------------------------------------------------------------------------
def _proceedings(j: Journeys, e: pd.DataFrame) -> pd.DataFrame:
    """Proceedings, allocation and LIFT of each child, by the child's identifier in the return."""
    children = e.drop_duplicates("CHILD")
    f = j.tables["families"][children["family"].to_numpy()]
    n_families = len(j.tables["families"])
    cases = j.tables["cases"][children["family"].to_numpy()]
    heard = j.record[W.which(W.HEARING_HELD, j.record["event"]) >= 0]
    of = heard["subject"].astype(np.int64)
    count = np.bincount(of[of < n_families], minlength=n_families)[children["family"].to_numpy()]

    def day(times: np.ndarray) -> pd.Series:
        return _text(
            pd.Series(pd.Timestamp(j.start_date) + pd.to_timedelta(np.floor(times), unit="D"))
        ).set_axis(children.index)

    arm = np.where(f["arm"] == W.LIFT, "LIFT", np.where(f["arm"] == W.SAU, "SAU", ""))
    out = pd.DataFrame(
        {
            "CHILD": children["CHILD"], "prep_pre_pro_decision_date": "", "prep_care_pro_letter_date": "",
            "prep_court_reference": "", "prep_care_proc_court_hearings": np.where(np.isnan(cases["issued"]), "", count),
            "prep_la_initial_care_plan": "", "prep_la_final_care_plan": "", "issue_date": day(cases["issued"]),
            "final_order_date": day(cases["decided"]),
            "borough": np.asarray(j.names["boroughs"], object)[f["borough"]], "randomised_date": day(f["randomised"]),
            "arm": arm, "lift_start_date": day(f["lift_started"]), "lift_end_date": day(_lift_ended(f)),
            "family": f["index"] + 1,
        }
    )  # fmt: skip
    return out[list(PROCEEDINGS)].reset_index(drop=True)
