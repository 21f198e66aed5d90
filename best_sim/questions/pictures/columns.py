"""What a table must have to be drawn."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from best_sim.drawing import wording as say


def need(table: pd.DataFrame, columns: Iterable[str], what: str) -> None:
    """Refuse a table that lacks a column.

    Raises
    ------
    ValueError
    """
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise ValueError(
            f"{what} lacks {say.listed(missing)}; it has {say.listed([str(c) for c in table.columns])}"
        )
