"""What the simulation is held against, held against something else: chains, sums over centres, brute force."""

import math

import numpy as np
import pytest
from oracles.queues import erlang_c, mean_wait
from oracles.recruits import recruitment_count, recruitment_moments, recruitment_time
from scipy import linalg, stats

from best_sim.trial.closed_forms import monte_carlo_error_mean

# --- queue --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("load", "servers"), [(0.5, 1), (0.9, 1), (2.5, 4), (18.0, 20), (7.9, 8)])
def test_erlang_c_equals_the_birth_and_death_chain(load, servers):
    mean_service = 35.0
    states = np.arange(1, 6000)
    log_weights = np.concatenate([[0.0], np.cumsum(np.log(load / np.minimum(states, servers)))])
    probability = np.exp(log_weights - log_weights.max())
    probability /= probability.sum()
    waiting = np.maximum(np.arange(6000) - servers, 0)
    assert erlang_c(load, servers) == pytest.approx(probability[servers:].sum(), rel=1e-9)
    # Little's law: the mean wait is the mean queue over the arrival rate.
    expected = probability @ waiting / (load / mean_service)
    assert mean_wait(load / mean_service, mean_service, servers) == pytest.approx(expected, rel=1e-9)


def test_erlang_c_equals_the_null_vector_of_the_generator():
    load, servers, states = 1.7, 3, 200
    rates = np.diag(np.full(states - 1, load), 1) + np.diag(np.minimum(np.arange(1, states), servers), -1)
    generator = rates - np.diag(rates.sum(axis=1))
    stationary = linalg.null_space(generator.T)[:, 0]
    stationary /= stationary.sum()
    assert erlang_c(load, servers) == pytest.approx(stationary[servers:].sum(), rel=1e-9)


def test_queues_at_their_ends():
    assert erlang_c(0.0, 3) == 0.0
    assert erlang_c(0.7, 1) == pytest.approx(0.7)
    assert erlang_c(3.0, 3) == 1.0
    assert math.isinf(mean_wait(3.0, 1.0, 3))
    # M/M/1: load / (1 - load) mean services.
    assert mean_wait(0.8, 1.0, 1) == pytest.approx(4.0)
    assert 0.0 < erlang_c(9_900.0, 10_000) < 1.0


# --- recruitment --------------------------------------------------------------------------------------------


def test_recruitment_count_and_time_say_the_same():
    for t in (1.0, 6.0, 24.0):
        count = recruitment_count(t, 5, 1.2, 0.8)
        for n in (1, 10, 60):
            assert recruitment_time(n, 5, 1.2, 0.8).cdf(t) == pytest.approx(count.sf(n - 1), abs=1e-12)


def test_recruitment_count_is_the_sum_over_centres():
    one = stats.nbinom(1.2, 0.8 / (0.8 + 6.0)).pmf(np.arange(400))
    three = np.convolve(np.convolve(one, one), one)[:100]
    assert recruitment_count(6.0, 3, 1.2, 0.8).pmf(np.arange(100)) == pytest.approx(three, abs=1e-14)
    count = recruitment_count(6.0, 3, 1.2, 0.8)
    moments = recruitment_moments([6.0, 6.0, 6.0], 1.2, 0.8)
    assert (count.mean(), count.var()) == pytest.approx(moments, rel=1e-12)


def test_recruitment_agrees_with_brute_force():
    rng = np.random.default_rng(8)
    n, exposures = 200_000, np.array([12.0, 9.0, 3.0, 0.0])
    rates = rng.gamma(1.5, 1 / 2.0, (n, 4))
    counts = rng.poisson(rates * exposures).sum(axis=1)
    mean, variance = recruitment_moments(exposures, 1.5, 2.0)
    assert abs(counts.mean() - mean) < 4 * monte_carlo_error_mean(math.sqrt(variance), n)
    assert counts.var() == pytest.approx(variance, rel=0.03)
    times = rng.gamma(30, 1.0, n) / rates.sum(axis=1)
    test = stats.kstest(times[:20_000], recruitment_time(30, 4, 1.5, 2.0).cdf)
    assert test.pvalue > 1e-4
