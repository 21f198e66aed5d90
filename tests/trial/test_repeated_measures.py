"""The repeated-measures model: against t tests, the mixed model of one visit, and a likelihood written out in full."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from best_sim.trial.analysis import mixed_model, repeated_measures, repeated_measures_whole
from best_sim.trial.analysis.repeated import NEVER_TOGETHER, NO_VARIATION, SINGLETONS, UNSEEN

Floats = NDArray[np.float64]
CHILD = np.array([[30.0, 18.0, 15.0], [18.0, 36.0, 20.0], [15.0, 20.0, 40.0]])


def trial_of(
    rng: np.random.Generator, n_families: int, share: float = 0.3, effect: tuple[float, ...] = (0.0, 0.0, 0.0),
    sizes: tuple[float, float, float] = (0.6, 0.3, 0.1),
) -> tuple[Floats, Floats, NDArray[np.int64]]:  # fmt: skip
    """Scores of all visits, arm and family."""
    family = np.repeat(np.arange(n_families), rng.choice([1, 2, 3], n_families, p=sizes))
    treated = rng.permutation(np.arange(n_families) % 2).astype(float)[family]
    root = np.linalg.cholesky(CHILD)
    common = rng.normal(size=(n_families, 3))[family] @ root.T
    own = rng.normal(size=(len(family), 3)) @ root.T
    scores = math.sqrt(share) * common + math.sqrt(1.0 - share) * own + np.array([14.0, 13.0, 12.0])
    return scores + treated[:, None] * np.asarray(effect), treated, family


def with_gaps(rng: np.random.Generator, scores: Floats, seen: tuple[float, ...]) -> Floats:
    """The same, visits missed by chance."""
    return np.where(rng.random(scores.shape) < np.asarray(seen), scores, np.nan)


class InFull:
    """The likelihood with one large covariance matrix of all scores, as the textbook has it."""

    def __init__(
        self, scores: Floats, treated: Floats, family: NDArray[np.int64], site: Floats, baseline: bool
    ) -> None:
        child, self.visit = np.nonzero(~np.isnan(scores))
        self.y = scores[child, self.visit]
        columns = []
        for t in range(scores.shape[1]):
            here = (self.visit == t).astype(float)
            columns += [here, here * site[child]]
            if t or not baseline:
                columns.append(here * treated[child])
        self.x = np.column_stack(columns)
        self.same_family = family[child][:, None] == family[child]
        self.same_child = child[:, None] == child

    def solved(self, child: Floats, share: float) -> tuple[float, Floats, Floats]:
        """Restricted deviance, coefficients, and their covariance."""
        sigma = child[self.visit][:, self.visit]
        v = np.where(self.same_child, sigma, np.where(self.same_family, share * sigma, 0.0))
        inverse = np.linalg.inv(v)
        phi = np.linalg.inv(self.x.T @ inverse @ self.x)
        beta = phi @ (self.x.T @ inverse @ self.y)
        rest = self.y - self.x @ beta
        logs = np.linalg.slogdet(v)[1] - np.linalg.slogdet(phi)[1]
        return float(logs + rest @ inverse @ rest), beta, phi


def test_complete_scores_of_only_children_give_the_t_test_of_the_last_visit() -> None:
    rng = np.random.default_rng(1)
    scores, treated, family = trial_of(rng, 50, sizes=(1.0, 0.0, 0.0))
    fit = repeated_measures(scores, treated, family, baseline=False)
    known = stats.ttest_ind(scores[treated == 1, 2], scores[treated == 0, 2])
    assert fit.statistic == pytest.approx(known.statistic, rel=1e-7)
    assert fit.df == pytest.approx(48.0, rel=1e-6)
    assert fit.p_value == pytest.approx(known.pvalue, rel=1e-6)
    assert fit.note == SINGLETONS


def test_one_visit_gives_the_mixed_model() -> None:
    rng = np.random.default_rng(2)
    scores, treated, family = trial_of(rng, 80)
    site = (family % 3 == 0).astype(float)
    fit = repeated_measures(scores[:, :1], treated, family, site)
    known = mixed_model(scores[:, 0], treated, family, site)
    for name in ("estimate", "standard_error", "df", "p_value", "family_variance", "residual_variance"):
        assert getattr(fit, name) == pytest.approx(getattr(known, name), rel=2e-6), name


@pytest.mark.parametrize("baseline", [True, False])
def test_gaps_and_siblings_give_what_the_likelihood_written_out_gives(baseline: bool) -> None:
    rng = np.random.default_rng(3)
    scores, treated, family = trial_of(rng, 40, share=0.4)
    scores = with_gaps(rng, scores, (0.5, 0.9, 0.8))
    site = (rng.random(len(family)) < 0.4).astype(float)
    use = ~np.isnan(scores).all(axis=1)
    whole = repeated_measures_whole(scores, treated, family, site, baseline=baseline)
    full = InFull(scores[use], treated[use], family[use], site[use], baseline)
    least, beta, phi = full.solved(whole.child_covariance, whole.sibling_share)
    assert whole.fit.estimate == pytest.approx(beta[-1], rel=1e-9)
    assert whole.fit.standard_error == pytest.approx(math.sqrt(phi[-1, -1]), rel=1e-9)
    assert whole.fit.n_dropped == int((~use).sum())
    # and there is no better covariance: no step in any direction lowers the deviance, and slopes are none
    assert whole.sibling_share > 0.01, "the case should have siblings who resemble each other"
    for i in range(3):
        for j in range(i + 1):
            step = np.zeros((3, 3))
            step[i, j] = step[j, i] = 0.02 * math.sqrt(CHILD[i, i] * CHILD[j, j])
            above, below = (
                full.solved(whole.child_covariance + sign * step, whole.sibling_share)[0] for sign in (1, -1)
            )
            assert min(above, below) > least
            assert abs(above - below) < 0.2 * (above + below - 2.0 * least), (i, j)
    above, below = (
        full.solved(whole.child_covariance, whole.sibling_share + step)[0] for step in (0.02, -0.02)
    )
    assert min(above, below) > least and abs(above - below) < 0.2 * (above + below - 2.0 * least)


def test_a_baseline_takes_away_the_variance_that_it_explains() -> None:
    rng = np.random.default_rng(4)
    scores, treated, family = trial_of(rng, 3000, sizes=(1.0, 0.0, 0.0))
    with_baseline = repeated_measures(scores[:, [0, 2]], treated, family)
    without = repeated_measures(scores[:, 2:], treated, family)
    explained = CHILD[0, 2] ** 2 / (CHILD[0, 0] * CHILD[2, 2])
    ratio = (with_baseline.standard_error / without.standard_error) ** 2
    # the correlation of 3,000 pairs is known to (1 - r2) / sqrt(n), so its square to about 2 r times that
    error = 2.0 * math.sqrt(explained) * (1.0 - explained) / math.sqrt(3000)
    assert ratio == pytest.approx(1.0 - explained, abs=4 * error)


def test_losses_that_follow_from_what_was_seen_bias_those_seen_at_the_end_but_not_this_analysis() -> None:
    rng = np.random.default_rng(5)
    ours, of_those_seen, p_values = [], [], []
    for _ in range(250):
        scores, treated, family = trial_of(rng, 200, share=0.2, effect=(0.0, -3.0, 0.0))
        # a high second score makes a loss likelier, in one arm only
        lost = (treated == 1) & (rng.random(len(family)) < 1.0 / (1.0 + np.exp(-(scores[:, 1] - 12.0) / 3.0)))
        scores[lost, 2] = np.nan
        fit = repeated_measures(scores, treated, family)
        ours.append(fit.estimate)
        p_values.append(fit.p_value)
        of_those_seen.append(mixed_model(scores[:, 2], treated, family).estimate)
    error = np.std(ours, ddof=1) / math.sqrt(len(ours))
    assert abs(np.mean(ours)) < 4 * error
    assert np.mean(of_those_seen) < -1.0
    size = float(np.mean(np.array(p_values) < 0.05))
    assert abs(size - 0.05) < 4 * math.sqrt(0.05 * 0.95 / len(ours))


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.floats(0.01, 100.0), st.floats(-50.0, 50.0))
def test_order_of_rows_and_units_do_not_matter(seed: int, unit: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    scores, treated, family = trial_of(rng, 60)
    scores = with_gaps(rng, scores, (0.7, 0.9, 0.9))
    one = repeated_measures(scores, treated, family)
    order = rng.permutation(len(family))
    other = repeated_measures(scores[order] * unit + shift, treated[order], 7 - family[order])
    assert other.estimate == pytest.approx(one.estimate * unit, rel=1e-4, abs=1e-6 * unit)
    assert other.standard_error == pytest.approx(one.standard_error * unit, rel=1e-4)


def test_what_cannot_be_fitted_is_told_and_not_raised() -> None:
    rng = np.random.default_rng(6)
    scores, treated, family = trial_of(rng, 30)
    unseen = scores.copy()
    unseen[:, 1] = np.nan
    assert repeated_measures(unseen, treated, family).note == UNSEEN.format(2)
    apart = scores.copy()
    half = np.arange(len(family)) % 2 == 0
    apart[half, 0] = np.nan
    apart[~half, 2] = np.nan
    assert repeated_measures(apart, treated, family).note == NEVER_TOGETHER.format(1, 3)
    assert repeated_measures(np.ones_like(scores), treated, family).note == NO_VARIATION
    assert not repeated_measures(scores, np.zeros(len(family)), family).converged


@pytest.mark.parametrize("options", [{"siblings": "some"}, {"df": "barlett"}])
def test_an_unknown_option_is_an_error(options: dict[str, Any]) -> None:
    scores, treated, family = trial_of(np.random.default_rng(7), 20)
    with pytest.raises(ValueError, match=f"{next(iter(options))} is .* it may be"):
        repeated_measures(scores, treated, family, **options)
    with pytest.raises(ValueError, match="one row per child and one column per visit"):
        repeated_measures(scores[:, 0], treated, family)
