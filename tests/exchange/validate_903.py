"""Runs the community validator on one year's return: ``python validate_903.py FOLDER YEAR``, by its own Python.

The validator (csc-validator-be-903) pins an old pandas, so it lives in a virtual environment of its own
(requirements/validator-903.txt) and this file imports nothing of best_sim. YEAR is the one in which the collection
ends: 2025 for April 2024 to March 2025. A folder YEAR-1 beside it is given as last year's return.

Prints JSON on the last line (rules print too): found (children by rule), run, skipped (for want of tables) and failed
(rules that could not run), and the message of each rule that found something.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.core.groupby.generic import SeriesGroupBy

logging.disable(logging.CRITICAL)
CROYDON = "E09000008"
FIRST_WITH_LETTERED_SEX = 2025


def files_of(folder: Path, description: str) -> list[dict[str, object]]:
    """The CSV files of a return, as the validator takes them."""
    return [
        {"name": str(path), "description": description, "file_content": path.read_bytes()}
        for path in sorted(folder.glob("*.csv"))
        if path.name != "proceedings.csv"
    ]


def with_letters(header: bytes) -> bytes:
    """A header table with the codes of SEX that hold from the 2024/25 collection on."""
    table = pd.read_csv(io.BytesIO(header), dtype=str)
    table["SEX"] = table["SEX"].replace({"1": "M", "2": "F"})
    return table.to_csv(index=False).encode()


def rule_set(year: int) -> str:
    """The rules of a collection year; those of the nearest year that has some."""
    nearest = min(max(year, 2023), 2027)
    return f"lac{nearest - 1}_{nearest % 100}"


def row_of_extreme(*, latest: bool) -> Callable[..., pd.Series]:
    """`idxmin`, or `idxmax`, of grouped dates, without a call for each child: half of the validator's time."""
    slow = SeriesGroupBy.idxmax if latest else SeriesGroupBy.idxmin

    def fast(groups: Any, **options: Any) -> pd.Series:
        dates = groups._selected_obj
        if dates.dtype != "datetime64[ns]" or dates.isna().any():
            return slow(groups, **options)
        child, _, _ = groups.grouper.group_info
        day = dates.to_numpy().astype("int64")
        order = np.lexsort(
            [-day if latest else day, child]
        )  # of equal dates the first, for the sort is stable
        order = order[child[order] >= 0]
        first = order[np.flatnonzero(np.diff(child[order], prepend=-1))]
        return pd.Series(dates.index[first], index=groups.grouper.result_index, name=dates.name)

    return fast


def validate(folder: Path, year: int) -> dict[str, object]:
    """What the rules of a year find in a return."""
    from lac_validator.lac_validator import LacValidator  # type: ignore[import-not-found]

    SeriesGroupBy.idxmin, SeriesGroupBy.idxmax = row_of_extreme(latest=False), row_of_extreme(latest=True)
    registry = importlib.import_module(f"lac_validator.rules.{rule_set(year)}").registry
    files = files_of(folder, "This year")
    last = folder.parent / str(year - 1)
    if last.is_dir():
        files += files_of(last, "Prev year")
        if (
            year == FIRST_WITH_LETTERED_SEX
        ):  # the codes of SEX changed, which rule 202 would take for other children
            for file in files:
                if file["description"] == "Prev year" and str(file["name"]).endswith("header.csv"):
                    file["file_content"] = with_letters(bytes(file["file_content"]))  # type: ignore[arg-type]
    validator = LacValidator({"collectionYear": str(year), "localAuthority": CROYDON}, files, registry)
    children: dict[str, set[str]] = {}
    for table in validator.ds_results.values():
        if isinstance(table, pd.DataFrame):
            for column in table.columns:
                if column.startswith("ERR_"):
                    code = column[4:]
                    who = table.loc[table[column].fillna(False).astype(bool), "CHILD"].astype(str)
                    children.setdefault(code, set()).update(who)
    found = {code: len(who) for code, who in children.items() if who}
    messages = {str(rule.code): rule.message for rule in registry.values()}
    return {
        "year": year,
        "rules": rule_set(year),
        "found": found,
        "messages": {code: messages.get(code, "") for code in found},
        "run": len(validator.dones),
        "skipped": sorted(map(str, validator.skips)),
        "failed": sorted(map(str, validator.fails)),
    }


if __name__ == "__main__":
    print(json.dumps(validate(Path(sys.argv[1]), int(sys.argv[2]))))
