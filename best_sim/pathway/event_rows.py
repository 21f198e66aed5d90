"""Rows of the event record: those of some events, and which time of a case they belong to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from best_sim.pathway import words as W


def rows_about(record: np.ndarray, *events: int) -> np.ndarray:
    """The rows of the record that are of one of these events."""
    return record[W.which(events, record["event"]) >= 0]


def asks_before(record: np.ndarray, event: int) -> np.ndarray:
    """For each event of a name in a record, how often an assessor had been asked in its case, less one."""
    r = rows_about(record, W.ASSESSOR_ASKED, event)
    asks = pd.Series((r["event"] == W.ASSESSOR_ASKED).astype(int))
    number = asks.groupby(r["subject"]).cumsum().to_numpy() - 1
    return number[r["event"] == event]


def again_of(record: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """For each row about a case, which of its proceedings are meant: the number with which they were last issued."""
    r = rows_about(record, W.PROCEEDINGS_ISSUED, *np.unique(rows["event"]))
    issued = r["event"] == W.PROCEEDINGS_ISSUED
    number = pd.Series(np.where(issued, r["value"], np.nan)).groupby(r["subject"]).ffill().to_numpy()
    return number[~issued].astype(int)
