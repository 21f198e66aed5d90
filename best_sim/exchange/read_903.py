"""A local authority's SSDA903 returns, read and cleaned into the table of episodes that parameters are estimated from.

Tables are recognised by their columns, whatever the files are called; the collection year is in a column YEAR, in the
file's or its folder's name, or else follows from the dates. Cleaning is that on which tools for this return agree, step
by step; every row that is changed or left out is counted with its reason, by year. No identifier leaves this module:
children are numbered anew, and messages name rows of files.

What is done with an open episode of a return that no later return goes on with differs from other tools, which drop
it: the child is taken to be lost sight of at the end of that year, since the time until then was seen.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from best_sim.measures.episodes import (
    COLUMNS,
    EXITS,
    LOST,
    NEXT_EPISODE,
    OTHER_PLACES,
    OTHER_REASONS,
    PLACE_TYPES,
    ROUTE_OF,
    TEMPORARY_PLACES,
    UNPLANNED_REASONS,
    check_episodes,
    periods,
    spells,
    years_within,
)
from best_sim.measures.small_counts import hidden, told
from best_sim.scenario.durations import YEAR
from best_sim.scenario.problems import Problem, ProblemsError, nearest_name

SHORT_BREAKS = ("V3", "V4")
_STATUSES = (*ROUTE_OF, "J1", "J2", "J3", *SHORT_BREAKS)
_PLACES = (*PLACE_TYPES, *OTHER_PLACES, *TEMPORARY_PLACES)
_ENDS = (NEXT_EPISODE, *EXITS, *LOST)
_REASONS = (*UNPLANNED_REASONS, *OTHER_REASONS)
_NEEDED = {
    "episodes": ("CHILD", "DECOM", "RNE", "LS", "PLACE", "DEC", "REC"),
    "header": ("CHILD", "SEX", "DOB"),
}
_UASC = "DUC"
_LEFT_OUT = ("removed", "joined")
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?:[-_/ ]?(\d\d))?(?!\d)")
_UNREADABLE = 0.2
"""A column of which so large a share can't be read is another column, or another format, and no slip of the pen."""


class Returns903Error(ProblemsError):
    """Returns that can't be used, with everything that is wrong with them."""

    what = "returns"
    shown = 20


@dataclass(frozen=True, eq=False)
class Clean903:
    """Episodes of care from returns.

    Attributes
    ----------
    episodes : pandas.DataFrame
        With `best_sim.measures.episodes.COLUMNS`, and ``family`` where a side file names siblings. Children are running
        numbers.
    window : tuple of datetime.date
        The collection years: from the morning of the one to the morning of the other.
    years : tuple of int
        By the year in which they end.
    files : pandas.DataFrame
        One row for each file that was read: file, table, year (0 if several), rows.
    edits : pandas.DataFrame
        What was changed: step, reason, year (of the return), rows, children, effect ("removed", "joined" to another
        row, "changed").
    rows_in : int
        Rows of all tables of episodes.
    unread : tuple of str
        Files that hold no table that is wanted.
    """

    episodes: pd.DataFrame = field(repr=False)
    window: tuple[dt.date, dt.date]
    years: tuple[int, ...]
    files: pd.DataFrame
    edits: pd.DataFrame
    rows_in: int
    unread: tuple[str, ...] = ()

    @classmethod
    def of(cls, episodes: pd.DataFrame, window: tuple[dt.date, dt.date]) -> Clean903:
        """Episodes that were in no file and needed no cleaning.

        Raises
        ------
        EpisodesError
            If the table can't be used.
        """
        check_episodes(episodes, *window)
        files = pd.DataFrame(columns=["file", "table", "year", "rows"])
        return cls(
            episodes,
            window,
            tuple(years_within(window[0], window[1] - dt.timedelta(1))),
            files,
            _Log().table(),
            len(episodes),
        )

    def edited(self, least: int = 5) -> pd.DataFrame:
        """Edits of all years together; no row is of a child.

        Parameters
        ----------
        least : int
            Where fewer children than this are concerned, neither rows nor children are counted.

        Returns
        -------
        pandas.DataFrame
            step, reason, effect, rows, children (missing where suppressed).
        """
        by = self.edits.groupby(["step", "reason", "effect"], sort=False)[["rows", "children"]].sum()
        out = by.reset_index().astype({"rows": "Int64", "children": "Int64"})
        of_total = (
            out["effect"]
            .where(out["effect"].isin(_LEFT_OUT), "")
            .replace(dict.fromkeys(_LEFT_OUT, "left out"))
        )
        out.loc[hidden(out["children"], least, of_total), ["rows", "children"]] = pd.NA
        return out

    def in_words(self, least: int = 5) -> list[str]:
        """What was read, and then, one by one, what was changed; counts below `least` are not told."""
        gone = int(self.edits.loc[self.edits["effect"].isin(_LEFT_OUT), "rows"].sum())
        counts = [self.rows_in, len(self.episodes), self.episodes["child"].nunique(), gone]
        rows, episodes, children, left_out = (told(n, least) for n in counts)
        years = f"{len(self.years)} collection years" if len(self.years) > 1 else "1 collection year"
        lines = [
            f"{rows} rows of {years} ({self.window[0]} to {self.window[1]}): {episodes} episodes of {children} "
            f"children; {left_out} rows removed or joined to others."
        ]
        for row in self.edited(least).to_dict("records"):
            many = "few rows" if pd.isna(row["rows"]) else f"{row['rows']:,} rows"
            lines.append(f"{row['reason']}: {many} {row['effect']}")
        return lines

    def summary(self, least: int = 5) -> pd.DataFrame:
        """Counts by collection year; no row is of a child.

        Parameters
        ----------
        least : int
            Counts below this are not shown, nor others from which they could be told.

        Returns
        -------
        pandas.DataFrame
            year, measure ("entries", "exits", "in care on 31 March"), group (age in years at entry, legal route, exit),
            children (missing where suppressed).
        """
        table = spells(self.episodes, *self.window)
        p = periods(table)
        zero = pd.Timestamp(self.window[0])
        parts: list[tuple[int, str, str, str, int]] = []
        for year in self.years:
            low, high = ((pd.Timestamp(y, 4, 1) - zero).days for y in (year - 1, year))
            came = p[p["seen"] & (p["start"] >= low) & (p["start"] < high)]
            age = np.floor((came["start"] - came["born"]) / YEAR).clip(0).astype(int)
            left = p[(p["end"] >= low) & (p["end"] < high)]
            there = p[(p["start"] < high) & (p["end"] >= high)]
            groups = [
                ("entries", "age", age.map(lambda n: f"aged {n}" if n < 5 else "aged 5 or older")),
                (
                    "entries",
                    "route",
                    came["legal_status"].map(lambda s: ROUTE_OF.get(s, "other route").replace("_", " ")),
                ),
                ("exits", "exit", left["ends_in"].str.replace("_", " ")),
                ("in care on 31 March", "", pd.Series(["all ages"] * len(there))),
            ]
            for measure, by, group in groups:
                counts = group.value_counts().sort_index()
                parts += [(year, measure, by, str(name), int(n)) for name, n in counts.items()]
        out = pd.DataFrame(parts, columns=["year", "measure", "by", "group", "children"])
        # totals of a year, and of a group over the years, can be known from other tables
        of_year = (out["year"].astype(str) + out["measure"] + out["by"]).where(out["by"] != "", "")
        of_group = (out["measure"] + out["by"] + out["group"]).where(out["by"] != "", "")
        small = hidden(out["children"], least, of_year, of_group)
        out["children"] = out["children"].astype("Int64").mask(small)
        return out.drop(columns="by")


def read_903(paths: str | Path | Sequence[str | Path], *, under: float | None = 5.0) -> Clean903:
    """Read and clean returns.

    Parameters
    ----------
    paths : str, path, or sequence of these
        Files, or folders that hold them.
    under : float, optional
        Only children whose first episode on record began below this age (years); None keeps all.

    Returns
    -------
    Clean903

    Raises
    ------
    Returns903Error
        With all that is wrong: no such file, no table of episodes or of children, a missing column, a collection year
        that can't be told, years with a gap between them, columns that can't be read.
    """
    tables, files, unread = _tables(paths)
    problems = list(_unusable(tables))
    if problems:
        raise Returns903Error(problems)
    years = sorted({int(year) for table in tables["episodes"] for year in table["year"].unique()})
    log = _Log()
    header = _children(pd.concat(tables["header"], ignore_index=True), log)
    raw = pd.concat(tables["episodes"], ignore_index=True)
    window = (dt.date(years[0] - 1, 4, 1), dt.date(years[-1], 4, 1))
    uasc = set(pd.concat(tables["uasc"])["CHILD"]) if tables["uasc"] else set()
    e = _cleaned(raw, header, uasc, log, window, under)
    siblings = pd.concat(tables["siblings"]).drop_duplicates("CHILD") if tables["siblings"] else None
    episodes = _as_table(e, siblings)
    check_episodes(episodes, *window)
    return Clean903(episodes, window, tuple(years), files, log.table(), len(raw), tuple(unread))


# --- finding the tables -------------------------------------------------------------------------------------
def _tables(
    paths: str | Path | Sequence[str | Path],
) -> tuple[dict[str, list[pd.DataFrame]], pd.DataFrame, list[str]]:
    """Tables by kind, with file, row and year beside each row."""
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    files: list[Path] = []
    problems = []
    for one in map(Path, given):
        if one.is_dir():
            files += sorted(p for p in one.rglob("*") if p.suffix.lower() == ".csv" and p.is_file())
        elif one.is_file():
            files.append(one)
        else:
            problems.append(Problem(file=str(one), message="there is no such file or folder"))
    if not files and not problems:
        problems.append(Problem(file=", ".join(map(str, given)), message="there is no CSV file here"))
    if problems:
        raise Returns903Error(problems)
    files = list(dict.fromkeys(files))
    found: dict[str, list[pd.DataFrame]] = {"episodes": [], "header": [], "uasc": [], "siblings": []}
    rows, unread = [], []
    for path in files:
        table = _read(path)
        kind = _kind(table)
        if kind is None:
            unread.append(str(path))
            continue
        table = table.assign(file=str(path), row=np.arange(len(table)) + 2)
        if kind in ("episodes", "header") and len(table):
            table["year"] = _years(table, path, kind)
        if len(table):
            found[kind].append(table)
        year = table["year"].unique() if "year" in table and len(table) else np.zeros(0)
        rows.append((str(path), kind, int(year[0]) if len(year) == 1 else 0, len(table)))
    return found, pd.DataFrame(rows, columns=["file", "table", "year", "rows"]), unread


def _read(path: Path) -> pd.DataFrame:
    """A CSV file as texts, whatever wrote it."""
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        text = raw.decode("latin-1")
    try:
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError):
        return pd.DataFrame()
    table.columns = [str(name).strip().upper() for name in table.columns]
    # postcodes and the like are not kept, even in memory
    kept = ("CHILD", "DECOM", "RNE", "LS", "PLACE", "PLACE_PROVIDER", "DEC", "REC", "REASON_PLACE_CHANGE", "SEX", "DOB",
            "YEAR", _UASC, "FAMILY", "ISSUE_DATE", "ETHNIC", "UPN", "MOTHER")  # fmt: skip
    table = table.loc[:, ~table.columns.duplicated()]
    return table[[name for name in kept if name in table]].apply(lambda c: c.fillna("").str.strip())


def _kind(table: pd.DataFrame) -> str | None:
    """Which table this is, by its columns; None if none that is wanted."""
    has = set(table.columns)
    if "CHILD" not in has:
        return None
    if "DECOM" in has or {"RNE", "LS"} <= has:
        return "episodes"
    if _UASC in has:
        return "uasc"
    if "FAMILY" in has:
        return "siblings"
    return "header" if {"SEX", "DOB"} <= has and has & {"ETHNIC", "UPN", "MOTHER"} else None


def _years(table: pd.DataFrame, path: Path, kind: str) -> pd.Series:
    """The collection year of each row, by the year in which it ends."""
    if "YEAR" in table:
        years = table["YEAR"].map(_year_in)
        if years.notna().all():
            return years.astype(int)
        at = table.loc[years.isna(), "row"].iloc[0]
        raise Returns903Error(
            [
                Problem(
                    file=str(path), line=int(at), key="YEAR", message="this is no collection year",
                    found=repr(table.loc[years.isna(), "YEAR"].iloc[0]), allowed="such as 2022, or 2021/22",
                )
            ]
        )  # fmt: skip
    for name in (path.stem, path.resolve().parent.name):
        named = {_year_in(match.group(0)) for match in _YEAR.finditer(name)}
        if len(named) == 1:
            return pd.Series(next(iter(named)), index=table.index).astype(int)
        if len(named) > 1:
            told = ", ".join(str(year) for year in sorted(y for y in named if y is not None))
            raise Returns903Error(
                [Problem(file=str(path), message="the collection year can't be told from the name", found=told,
                         allowed="one year in the name, or a column YEAR")]
            )  # fmt: skip
    dates = (
        pd.concat([_dates(table[c]) for c in ("DECOM", "DEC") if c in table]) if kind == "episodes" else None
    )
    last = dates.max() if dates is not None else None
    if last is None or pd.isna(last):
        raise Returns903Error(
            [Problem(file=str(path), message="the collection year can't be told", found=f"no year in {path.name!r}",
                     allowed="a year in the name of the file or its folder, or a column YEAR")]
        )  # fmt: skip
    return pd.Series(last.year + (last.month >= 4), index=table.index).astype(int)


def _year_in(text: str) -> int | None:
    """The year in which a collection year ends: 2022 of "2022", "2021/22", "2021-22" and "202122"."""
    match = _YEAR.fullmatch(text.strip())
    if match is None:
        return None
    first, second = int(match.group(1)), match.group(2)
    if second is None:
        return first
    return first + 1 if int(second) == (first + 1) % 100 else None


def _unusable(tables: dict[str, list[pd.DataFrame]]) -> Iterator[Problem]:
    """What stands in the way of cleaning."""
    for kind, columns in _NEEDED.items():
        if not tables[kind]:
            yield Problem(
                file="the returns", message=f"there is no table of {'episodes' if kind == 'episodes' else 'children'}",
                allowed=f"a CSV file with the columns {', '.join(columns)}",
            )  # fmt: skip
        for table in tables[kind]:
            file = str(table["file"].iloc[0])
            for name in columns:
                if name not in table:
                    near = nearest_name(name, [c for c in table.columns if c.isupper()])
                    yield Problem(file=file, key=name, message="this column is missing", nearest=near)
            for name, known in (("LS", _STATUSES), ("PLACE", _PLACES), ("REC", _ENDS)):
                if name in table:
                    yield from _codes(table, name, known)
            for name in ("DECOM", "DOB", "DEC"):
                if name in table:
                    wrong = (table[name] != "") & _dates(table[name]).isna()
                    if wrong.mean() > _UNREADABLE:
                        yield Problem(
                            file=file, line=int(table.loc[wrong, "row"].iloc[0]), key=name,
                            message=f"{wrong.sum()} of {len(table)} dates can't be read",
                            found=repr(table.loc[wrong, name].iloc[0]), allowed="dd/mm/yyyy",
                        )  # fmt: skip
    years = sorted({int(y) for t in tables["episodes"] for y in t["year"].unique()})
    for before, after in zip(years, years[1:], strict=False):
        if after != before + 1:
            yield Problem(
                file="the returns", message="a collection year is missing between others",
                found=", ".join(map(str, years)), allowed="years that follow one another",
            )  # fmt: skip


def _codes(table: pd.DataFrame, name: str, known: Sequence[str]) -> Iterator[Problem]:
    """Codes nobody knows, where they are too many to be slips."""
    values = table[name].str.upper()
    wrong = ~values.isin([*known, ""])
    if wrong.mean() > _UNREADABLE:
        code = values[wrong].value_counts().index[0]
        yield Problem(
            file=str(table["file"].iloc[0]), line=int(table.loc[wrong, "row"].iloc[0]), key=name,
            message=f"{wrong.sum()} of {len(table)} codes are not known", found=repr(code),
            allowed=", ".join(known), nearest=nearest_name(code, known),
        )  # fmt: skip


def _dates(texts: pd.Series) -> pd.Series:
    """Dates, day first or ISO; missing where they can't be read."""
    days = pd.to_datetime(texts, format="%d/%m/%Y", errors="coerce")
    iso = pd.to_datetime(texts.str.slice(0, 10), format="%Y-%m-%d", errors="coerce")
    return days.fillna(iso)


# --- cleaning -----------------------------------------------------------------------------------------------
class _Log:
    """What was changed, by step, reason and year."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, str, int, int, int, str]] = []
        self._step = 0

    def note(self, rows: pd.DataFrame, reason: str, effect: str) -> None:
        """Count rows that a step changes."""
        self._step += 1
        if not len(rows):
            return
        for year, mine in rows.groupby("year"):
            self._rows.append((self._step, reason, int(year), len(mine), mine["CHILD"].nunique(), effect))  # type: ignore[arg-type]

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self._rows, columns=["step", "reason", "year", "rows", "children", "effect"])


def _children(header: pd.DataFrame, log: _Log) -> pd.DataFrame:
    """Sex and date of birth of each child, as the latest return has them."""
    h = header.sort_values("year", kind="stable")
    h["born"] = _dates(h["DOB"])
    known = h[h["born"].notna()]
    log.note(h[h["born"].isna()], "the date of birth can't be read", "removed from the table of children")
    latest = known.drop_duplicates("CHILD", keep="last")
    differs = known.merge(latest[["CHILD", "born"]], on="CHILD", suffixes=("", "_latest"))
    log.note(
        differs[differs["born"] != differs["born_latest"]],
        "an earlier return had another date of birth; the latest is used",
        "changed in the table of children",
    )
    sex = latest["SEX"].str.upper().map({"1": "M", "2": "F", "M": "M", "F": "F"}).fillna("U")
    return latest.assign(sex=sex).set_index("CHILD")[["born", "sex"]]


def _cleaned(
    raw: pd.DataFrame,
    header: pd.DataFrame,
    uasc: set[str],
    log: _Log,
    window: tuple[dt.date, dt.date],
    under: float | None,
) -> pd.DataFrame:
    """Episodes that follow one another, each step counted."""
    e = raw.reset_index(drop=True)
    for name in ("PLACE_PROVIDER", "REASON_PLACE_CHANGE"):
        if name not in e:
            e[name] = ""
    for name in ("RNE", "LS", "PLACE", "PLACE_PROVIDER", "REC", "REASON_PLACE_CHANGE"):
        e[name] = e[name].fillna("").str.upper()
    e["begun"], e["ended"] = _dates(e["DECOM"]), _dates(e["DEC"])
    e["born"], e["sex"] = e["CHILD"].map(header["born"]), e["CHILD"].map(header["sex"])
    closes = pd.to_datetime(e["year"].astype(str) + "-03-31")

    def drop(wrong: pd.Series, reason: str, effect: str = "removed") -> None:
        nonlocal e, closes
        log.note(e[wrong], reason, effect)
        e, closes = e[~wrong].reset_index(drop=True), closes[~wrong].reset_index(drop=True)

    def change(wrong: pd.Series, reason: str, **values: pd.Series | str | None) -> None:
        log.note(e[wrong], reason, "changed")
        for name, value in values.items():
            e[name] = e[name].mask(wrong, value)

    # what can't be an episode of a looked-after child of this model
    drop(e["CHILD"] == "", "the child is not named")
    drop(e["begun"].isna(), "the date of begin is missing or can't be read")
    drop(e["born"].isna(), "the child is in no table of children, or without a date of birth")
    drop(e["LS"].isin(SHORT_BREAKS), "a short break (V3, V4)")
    drop(e["CHILD"].isin(uasc), "an unaccompanied asylum-seeking child")
    drop(~e["LS"].isin(_STATUSES), "the legal status is not known")
    drop(e["begun"] > closes, "begins after its collection year ended")
    drop(e["begun"] < e["born"], "begins before the child was born")
    # codes
    change(~e["PLACE"].isin(_PLACES), "the placement is not known; taken as another one", PLACE="Z1")
    change(
        (e["REASON_PLACE_CHANGE"] != "") & ~e["REASON_PLACE_CHANGE"].isin(_REASONS),
        "the reason for the change of placement is not known; taken as another one", REASON_PLACE_CHANGE="OTHER",
    )  # fmt: skip
    change(
        (e["DEC"].fillna("") != "") & e["ended"].isna(),
        "the date of the end can't be read; taken as open",
        REC="",
    )
    late = e["ended"] > closes
    change(late, "ends after its collection year; taken as open", ended=None, REC="")
    change(e["ended"].isna() & (e["REC"] != ""), "a reason without an end; taken as open", REC="")
    change(
        e["ended"].notna() & ~e["REC"].isin(_ENDS), "an end without a reason that is known; taken as another one",
        REC="E8",
    )  # fmt: skip
    drop(e["ended"] <= e["begun"], "ends before it begins, or on the same day")

    # the same episode twice
    e["last"] = e["ended"].fillna(pd.Timestamp.max.normalize())
    e = e.sort_values(["CHILD", "begun", "year", "last"], kind="stable", ignore_index=True)
    closes = pd.to_datetime(e["year"].astype(str) + "-03-31")
    again = e.duplicated(["CHILD", "begun"], keep="last")
    kept_year = e.groupby(["CHILD", "begun"])["year"].transform("last")
    drop(again & (e["year"] < kept_year), "the same episode in a later return", "joined")
    drop(
        e.duplicated(["CHILD", "begun"], keep="last"),
        "another episode of the child begins that day and ends later",
        "joined",
    )
    drop(
        e.duplicated(["CHILD", "last"], keep="first") & e["ended"].notna(),
        "another episode of the child ends that day and began earlier",
        "joined",
    )
    # overlaps
    while True:
        ahead = e.shift(-1)
        same = e["CHILD"].eq(ahead["CHILD"])
        over = same & (e["last"] > ahead["begun"])
        alike = over & e["PLACE"].eq(ahead["PLACE"]) & e["LS"].eq(ahead["LS"])
        # of a run of rows that overlap, the first two are joined; the next round sees the others
        alike &= ~alike.shift(1, fill_value=False)
        if not alike.any():
            break
        nxt = alike.shift(1, fill_value=False)
        further = pd.Series(np.where(alike, ahead["last"] > e["last"], False)).astype(bool)
        for name in ("ended", "last", "REC", "REASON_PLACE_CHANGE", "year"):
            e.loc[further, name] = ahead.loc[further, name]
        e["year"] = e["year"].astype(int)
        drop(nxt, "overlaps one of the same placement and legal status", "joined")
        closes = pd.to_datetime(e["year"].astype(str) + "-03-31")
    begins_next = e["begun"].shift(-1).where(e["CHILD"].eq(e["CHILD"].shift(-1)))
    was_open = e["ended"].isna() & begins_next.notna()
    change(
        was_open,
        "open, though the child's next episode begins; ended there",
        ended=begins_next,
        REC=NEXT_EPISODE,
    )
    change(
        e["ended"] > begins_next, "overlaps the child's next episode; ended there", ended=begins_next,
        REC=NEXT_EPISODE,
    )  # fmt: skip
    # open, and the child is in no later return
    lost = e["ended"].isna() & (closes < pd.Timestamp(window[1]) - pd.Timedelta(days=1))
    change(lost, "open, and in no later return: lost sight of at the end of the year", ended=closes, REC="E3")
    drop(e["ended"] <= e["begun"], "begins on the last day of a year, and in no later return")

    # what follows what
    child_next, begins_next = e["CHILD"].shift(-1), e["begun"].shift(-1)
    goes_on = e["CHILD"].eq(child_next) & e["ended"].eq(begins_next)
    change(goes_on & (e["REC"] != NEXT_EPISODE), "another episode begins that day, so X1", REC=NEXT_EPISODE)
    change(
        ~goes_on & (e["REC"] == NEXT_EPISODE),
        "X1, though no other episode begins that day: another reason",
        REC="E8",
    )
    follows = goes_on.shift(1, fill_value=False)
    before = e.shift(1)
    law, place = e["LS"].ne(before["LS"]), e["PLACE"].ne(before["PLACE"])
    derived = pd.Series(
        np.select([law & place, place, law], ["B", "P", "L"], default="P"), index=e.index, dtype=object
    )
    change(
        follows & ~e["RNE"].isin(["P", "T", "L", "B", "U"]), "follows another episode: the reason is what changed",
        RNE=derived,
    )  # fmt: skip
    first_seen = e["begun"] >= pd.Timestamp(window[0])
    change(
        ~follows & (e["RNE"] != "S") & (first_seen | e["CHILD"].eq(before["CHILD"])),
        "follows no other episode: care begins", RNE="S",
    )  # fmt: skip
    if under is not None:
        # by the child's first episode on record, so that who comes back at another age stays
        came = e.groupby("CHILD")["begun"].transform("min")
        drop((came - e["born"]).dt.days / YEAR >= under, f"first came into care aged {under:g} or older")
    return e


def _as_table(e: pd.DataFrame, siblings: pd.DataFrame | None) -> pd.DataFrame:
    """The table of episodes, children and families numbered anew."""
    out = pd.DataFrame(
        {
            "child": pd.factorize(e["CHILD"])[0], "born": e["born"], "sex": e["sex"], "begun": e["begun"],
            "ended": e["ended"], "legal_status": e["LS"], "placement": e["PLACE"], "provider": e["PLACE_PROVIDER"],
            "reason_new": e["RNE"], "reason_ended": e["REC"].replace("", None),
            "reason_place_change": e["REASON_PLACE_CHANGE"].replace("", None),
        }
    )[list(COLUMNS)]  # fmt: skip
    if siblings is not None:
        named = e["CHILD"].map(siblings.set_index("CHILD")["FAMILY"])
        # who is in no family of the side file is a family of its own
        out["family"] = pd.factorize(named.where(named.notna(), "child " + e["CHILD"]))[0]
    return out
