"""Small counts: which cells of a table are hidden, so that no small count is shown or can be told by subtraction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from best_sim.measures.observed import Bools, Ints


def hidden(counts: Sequence[int] | Ints | pd.Series, least: int, *blocks: pd.Series) -> Bools:
    """Which cells are not shown: small ones, and as many others as keep them from being worked out.

    Parameters
    ----------
    counts : sequence of int
        Of every cell.
    least : int
        Smallest count that is shown.
    *blocks : pandas.Series of str
        For each cell the block that it belongs to, empty if to none. Cells of one block add up to a total that may be
        known, so what is hidden of a block adds up to nothing, or to `least` or more, or all of the block is hidden. A
        cell may be in one block by each series: in a row and in a column of a table.

    Returns
    -------
    numpy.ndarray of bool

    References
    ----------
    Hundepool et al. (2012) Statistical Disclosure Control, chapter 4 (primary and secondary suppression).
    """
    n = np.asarray(counts)
    small = n < least
    cells = [np.asarray(at) for by in blocks for at in _positions(by)]
    before = -1
    while before != (before := int(small.sum())):
        for at in cells:
            while 0 < n[at][small[at]].sum() < least and not small[at].all():
                shown = at[~small[at]]
                small[shown[np.argmin(n[shown])]] = True
    return small


def _positions(by: pd.Series) -> list[list[int]]:
    """Positions of the cells of each block."""
    names = by.reset_index(drop=True)
    return [list(at) for at in names[names != ""].groupby(names).groups.values()]


def told(count: int, least: int) -> str:
    """A count in words: the number, or that it is small."""
    return f"{count:,}" if count >= least or count == 0 else f"fewer than {least}"
