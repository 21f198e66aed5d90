"""Small counts are not shown, and can't be worked out from what is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from best_sim.measures.small_counts import hidden, told


@pytest.mark.parametrize(
    ("counts", "blocks", "wanted"),
    [
        ((40, 7, 2, 0), "bbbb", (0, 1, 1, 1)),
        ((40, 7, 0, 0), "bbbb", (0, 0, 1, 1)),  # nothing small is hidden by zeros
        ((40, 7, 2, 3), "bbbb", (0, 0, 1, 1)),
        ((40, 7, 2), ["", "", ""], (0, 0, 1)),
        ((2, 1), "bb", (1, 1)),
        ((40, 7, 2, 9), "abba", (0, 1, 1, 0)),
    ],
)
def test_a_small_cell_hides_another_of_its_block(counts: tuple, blocks: str, wanted: tuple) -> None:
    assert hidden(counts, 5, pd.Series(list(blocks))).tolist() == [bool(one) for one in wanted]


@given(st.lists(st.integers(0, 30), min_size=12, max_size=12), st.integers(2, 8))
def test_no_small_total_is_left_in_a_row_or_a_column(cells: list[int], least: int) -> None:
    counts = np.asarray(cells)
    rows, columns = (
        pd.Series([str(i // 4) for i in range(12)]),
        pd.Series([str(i % 4) for i in range(12)]),
    )
    small = hidden(counts, least, rows, columns)
    assert small[counts < least].all()
    for by in (rows, columns):
        for name in by.unique():
            mine = (by == name).to_numpy()
            left = counts[mine & small].sum()
            assert left == 0 or left >= least or small[mine].all()


def test_a_count_is_told_or_that_it_is_small() -> None:
    assert [told(n, 5) for n in (0, 1, 4, 5, 1234)] == ["0", "fewer than 5", "fewer than 5", "5", "1,234"]
