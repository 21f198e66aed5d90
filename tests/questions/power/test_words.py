"""What a power experiment says in words: no more than the numbers carry."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from best_sim.questions.power.show import power_words


@pytest.fixture
def summary() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("Trial as run, a true effect", -2.0, 0.612, 0.0109, 0.590, 0.633, 0.604, 2000),
            ("Trial as run, no effect", 0.0, 0.0515, 0.0049, 0.042, 0.062, 0.05, 2000),
            ("Another", -3.0, 0.9, 0.007, 0.88, 0.91, np.nan, 2000),
        ],
        columns=["design", "effect", "power", "mcse", "low", "high", "closed_form", "replicates"],
    )


def test_sentences_carry_no_more_than_the_numbers(summary: pd.DataFrame) -> None:
    with_effect, without, no_form = power_words(summary)
    assert "61.2% of simulated trials (95% interval 59.0% to 63.3%, 2,000 replicates)" in with_effect
    assert "gives 60.4%, which the interval includes" in with_effect
    assert "the nominal level is 5%, which the interval includes" in without
    assert "closed form" not in no_form
    off = summary.assign(low=0.07, high=0.09)
    assert "does not include" in power_words(off)[1]
    for words in (with_effect, without, no_form):
        for claim in ("benefit", "improve", "works", "proves"):
            assert claim not in words


def test_trials_scored_several_times_are_not_told_as_more_trials(summary: pd.DataFrame) -> None:
    assert "2,000 scorings of 500 replicates" in power_words(summary, scorings=4)[0]
