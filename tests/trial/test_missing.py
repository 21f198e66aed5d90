"""Imputation: against complete data, Rubin's rules by hand, and what it is for; and the tipping point."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from best_sim.trial.analysis import mixed_model
from best_sim.trial.analysis.missing import multiple_imputation, pooled, tipping_points


def luck(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def trial(seed: int, n_families: int = 300, effect: float = 0.0, icc: float = 0.3, correlation: float = 0.7):
    """Scores at two visits; families are missed at the second the more, the higher their first score."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 2, 3], n_families, p=[0.7, 0.25, 0.05])
    family = np.repeat(np.arange(n_families), sizes)
    arm = rng.permutation(np.arange(n_families) % 2)[family].astype(float)
    shared, n = rng.standard_normal(n_families)[family], len(family)
    trait = math.sqrt(icc / correlation) * shared + math.sqrt(1 - icc / correlation) * rng.standard_normal(n)
    first = 11 + 7 * (math.sqrt(correlation) * trait + math.sqrt(1 - correlation) * rng.standard_normal(n))
    second = 11 + 7 * (math.sqrt(correlation) * trait + math.sqrt(1 - correlation) * rng.standard_normal(n))
    second += effect * arm
    mean_first = np.bincount(family, first) / sizes
    # in the LIFT arm the worse off are missed, in the other the better off: a complete-case analysis is biased
    sign = np.where(np.bincount(family, arm) > 0, 1.0, -1.0)
    missed = rng.random(n_families) < 1 / (1 + np.exp(0.8 - sign * (mean_first - 11) / 4))
    return second, np.where(missed[family], np.nan, second), arm, family, first


def test_with_nothing_missing_it_is_the_mixed_model():
    y, _, arm, family, _ = trial(1)
    fit, other = multiple_imputation(y, arm, family, generator=luck()), mixed_model(y, arm, family)
    assert (fit.estimate, fit.standard_error, fit.df) == (other.estimate, other.standard_error, other.df)


def test_rubins_rules_by_hand():
    """Rubin (1987) with m = 3 and Barnard and Rubin (1999), worked by hand."""
    y, _, arm, family, _ = trial(2)
    one = mixed_model(y, arm, family)
    fits = [
        replace(one, estimate=e, standard_error=s, df=100.0) for e, s in ((1.0, 0.5), (2.0, 0.6), (1.5, 0.55))
    ]
    got = pooled(fits)
    within, between = (0.25 + 0.36 + 0.3025) / 3, 0.25
    total = within + 4 / 3 * between
    share = 4 / 3 * between / total
    old, observed = 2 / share**2, 101 / 103 * 100 * (1 - share)
    assert got.estimate == pytest.approx(1.5)
    assert got.standard_error == pytest.approx(math.sqrt(total))
    assert got.df == pytest.approx(old * observed / (old + observed))
    endless = pooled([replace(fit, df=math.inf) for fit in fits])
    assert endless.df == pytest.approx(old)


def test_it_mends_what_complete_cases_get_wrong():
    """Missing at random given the first visit: imputation with it is unbiased and covers; complete cases are not."""
    n = 120
    of_complete, of_imputed, covered = [], [], 0
    for seed in range(n):
        _, y, arm, family, first = trial(seed, n_families=200)
        fit = multiple_imputation(y, arm, family, auxiliary=first, generator=luck(seed), imputations=10)
        of_complete.append(mixed_model(y, arm, family).estimate)
        of_imputed.append(fit.estimate)
        covered += fit.interval[0] <= 0.0 <= fit.interval[1]
    error = np.std(of_imputed, ddof=1) / math.sqrt(n)
    assert abs(np.mean(of_imputed)) < 4 * error
    assert np.mean(of_complete) < -10 * error
    assert covered / n > 0.95 - 4 * math.sqrt(0.95 * 0.05 / n)


def test_siblings_who_were_both_missed_resemble_each_other():
    _, y, arm, family, first = trial(7, n_families=4000, icc=0.5)
    from best_sim.trial.analysis import missing

    filled = []
    plain = missing.mixed_model
    try:
        missing.mixed_model = lambda values, *rest, **more: (
            filled.append(values),
            plain(values, *rest, **more),
        )[1]
        multiple_imputation(y, arm, family, auxiliary=first, generator=luck(), imputations=2)
    finally:
        missing.mixed_model = plain
    values, gone = filled[-1], np.isnan(y)
    twos = [f for f in np.flatnonzero(np.bincount(family) == 2) if gone[family == f].all()]
    pairs = np.array([values[family == f] for f in twos])
    assert len(pairs) > 200
    assert np.corrcoef(pairs.T)[0, 1] == pytest.approx(0.5, abs=4 / math.sqrt(len(pairs)))


def test_the_same_luck_gives_the_same_fit_and_other_luck_another():
    _, y, arm, family, first = trial(3)
    fits = [multiple_imputation(y, arm, family, auxiliary=first, generator=luck(seed)) for seed in (1, 1, 2)]
    assert fits[0] == fits[1] != fits[2]
    assert abs(fits[0].estimate - fits[2].estimate) < fits[0].standard_error


def test_a_shift_moves_the_estimate_by_what_was_imputed():
    _, y, arm, family, first = trial(4)
    plain, shifted = (
        multiple_imputation(y, arm, family, auxiliary=first, generator=luck(), delta=delta)
        for delta in (0.0, 3.0)
    )
    share = np.isnan(y[arm == 1]).mean()
    assert shifted.estimate - plain.estimate == pytest.approx(3.0 * share, rel=0.15)


def test_the_tipping_point_is_the_nearest_shift_that_changes_the_conclusion():
    _, y, arm, family, first = trial(5, n_families=600, effect=-3.0)
    deltas = np.arange(-4.0, 12.5, 0.5)
    p = np.array(
        [
            multiple_imputation(
                y, arm, family, auxiliary=first, generator=luck(1), imputations=5, delta=delta
            ).p_value
            for delta in deltas
        ]
    )
    (tips,) = tipping_points(deltas, p[np.newaxis])
    at = dict(zip(deltas, p, strict=True))
    assert at[0.0] < 0.05 <= at[tips]
    assert all(at[d] < 0.05 for d in deltas if abs(d) < abs(tips))


def test_tipping_points_by_hand():
    """Lost at 2; won at -1 before it is won at 2; never; at -1 before 1, which is as near."""
    p = [[0.2, 0.01, 0.02, 0.9], [0.01, 0.3, 0.2, 0.01], [0.2, 0.3, 0.4, 0.5], [0.01, 0.3, 0.04, 0.3]]
    shifts = [-1.0, 0.0, 1.0, 2.0]
    got = tipping_points(shifts, [[0.01, 0.01, 0.02, 0.9], *p[1:]])
    assert np.array_equal(got, [2.0, -1.0, math.nan, -1.0], equal_nan=True)
    assert tipping_points(shifts, p, alpha=0.25)[1] == -1.0
    with pytest.raises(ValueError, match="with 0 in it"):
        tipping_points([1.0], [[0.5]])


def test_what_cannot_be_imputed_is_said():
    _, y, arm, family, _ = trial(6)
    assert not multiple_imputation(np.full(len(y), np.nan), arm, family, generator=luck()).converged
    assert "an arm is empty" in multiple_imputation(y, np.ones(len(y)), family, generator=luck()).note
    with pytest.raises(ValueError, match="2 or more"):
        multiple_imputation(y, arm, family, generator=luck(), imputations=1)
