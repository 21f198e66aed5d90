"""The clustered bootstrap: against scipy where families are single children, and its size on skewed costs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from best_sim.trial.analysis import clustered_bootstrap


def skewed(generator: np.random.Generator, families: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Costs of siblings that share a family's part; arms alternate."""
    sizes = generator.choice([1, 2, 3], size=families, p=[0.76, 0.2, 0.04])
    family = np.repeat(np.arange(families), sizes)
    shared = generator.lognormal(0.0, 0.8, families)[family]
    return shared * generator.lognormal(0.0, 0.4, len(family)), (family % 2).astype(float), family


@pytest.mark.parametrize(("interval", "theirs_is"), [("bca", "BCa"), ("percentile", "percentile")])
def test_single_children_as_scipy_has_them(interval: str, theirs_is: str) -> None:
    generator = np.random.default_rng(4)
    one, other = generator.lognormal(0.3, 1.0, 80), generator.lognormal(0.0, 0.7, 60)
    y = np.concatenate([one, other])
    treated = np.repeat([1.0, 0.0], [80, 60])
    mine = clustered_bootstrap(
        y, treated, np.arange(140), generator=np.random.default_rng(2), draws=40_000, interval=interval
    )
    theirs = stats.bootstrap(
        (one, other), lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis), n_resamples=40_000, method=theirs_is,
        rng=np.random.default_rng(2),
    )  # fmt: skip
    assert mine.estimate == pytest.approx(one.mean() - other.mean())
    # scipy draws as this does, so the same generator gives the same draws
    assert mine.standard_error == pytest.approx(theirs.standard_error)
    assert mine.interval == pytest.approx(tuple(theirs.confidence_interval))


@pytest.mark.parametrize("interval", ["normal", "percentile", "bca"])
def test_the_p_value_is_the_level_at_which_the_interval_touches_zero(interval: str) -> None:
    generator = np.random.default_rng(11)
    y, treated, family = skewed(generator, 120)
    y = y + 0.35 * treated

    def fit(alpha: float) -> tuple[float, float]:
        got = clustered_bootstrap(
            y,
            treated,
            family,
            generator=np.random.default_rng(1),
            draws=20_000,
            alpha=alpha,
            interval=interval,
        )
        return got.p_value, got.interval[0]

    p, _ = fit(0.05)
    assert 0.001 < p < 0.5
    assert fit(p)[1] == pytest.approx(0.0, abs=0.01)


@pytest.mark.theory
def test_the_standard_error_is_that_of_a_ratio_of_family_sums() -> None:
    y, treated, family = skewed(np.random.default_rng(5), 400)
    got = clustered_bootstrap(y, treated, family, generator=np.random.default_rng(6), draws=20_000)
    variance = 0.0
    for arm in (0.0, 1.0):
        mine = treated == arm
        _, of = np.unique(family[mine], return_inverse=True)
        sums, sizes = np.bincount(of, y[mine]), np.bincount(of)
        residual = sums - sums.sum() / sizes.sum() * sizes
        variance += float(residual @ residual) / sizes.sum() ** 2
    assert got.standard_error == pytest.approx(math.sqrt(variance), rel=0.02)


@pytest.mark.theory
def test_size_on_skewed_costs_of_siblings() -> None:
    generator = np.random.default_rng(7)
    n, wrong = 1500, 0
    for _ in range(n):
        y, treated, family = skewed(generator, 200)
        wrong += clustered_bootstrap(y, treated, family, generator=generator, draws=400).p_value < 0.05
    assert abs(wrong / n - 0.05) < 4 * math.sqrt(0.05 * 0.95 / n)


def test_what_cannot_be_resampled_is_said() -> None:
    one = clustered_bootstrap(
        [1.0, 2.0, 3.0, 4.0], [1, 1, 0, 0], [0, 1, 2, 3], generator=np.random.default_rng(0)
    )
    assert not one.converged and "2 families" in one.note
    same = clustered_bootstrap(
        np.ones(20), np.arange(20) % 2, np.arange(20), generator=np.random.default_rng(0)
    )
    assert not same.converged and "does not vary" in same.note
    with pytest.raises(ValueError, match="interval: found 'basic'"):
        clustered_bootstrap([1.0], [1], [1], generator=np.random.default_rng(0), interval="basic")
    with pytest.raises(ValueError, match="100 or more"):
        clustered_bootstrap([1.0], [1], [1], generator=np.random.default_rng(0), draws=10)
