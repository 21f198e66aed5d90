"""Random numbers by address against numpy's Philox; quantiles against scipy; both in Python and compiled."""

from __future__ import annotations

import importlib
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from best_sim.engine import luck

LARGEST = 2**63 - 1
part = st.integers(0, LARGEST)
inner = st.floats(1e-300, 1.0 - 2.0**-53)


@given(part, part, part, part, part, part)
@example(0, 0, 0, 0, 0, 0)
@example(*[LARGEST] * 6)
def test_numbers_are_those_of_numpys_philox(seed, replicate, stream, number, purpose, count):
    generator = np.random.Philox(
        key=np.array([seed, replicate], np.uint64),
        counter=np.array([count, purpose, number, stream], np.uint64),
    )
    word = int(generator.random_raw())
    u = luck.uniform_at(seed, replicate, stream, number, purpose, count)
    assert u == ((word >> 12) + 0.5) * 2.0**-52
    assert u == luck.uniform_at_by_numpy(seed, replicate, stream, number, purpose, count)
    assert 0.0 < u < 1.0


def test_every_part_of_the_address_matters():
    address = [1, 2, 3, 4, 5, 6]
    seen = {luck.uniform_at(*address)}
    for i in range(6):
        seen.add(luck.uniform_at(*[part + (j == i) for j, part in enumerate(address)]))
    assert len(seen) == 7


def test_numbers_are_uniform():
    u = [luck.uniform_at(1, 0, 7, number, 11, count) for number in range(200) for count in range(50)]
    assert stats.kstest(u, "uniform").pvalue > 0.001


def test_the_two_ends_are_never_reached():
    assert 0.5 * 2.0**-52 > 0.0
    assert ((2**52 - 1) + 0.5) * 2.0**-52 < 1.0


def test_purposes_and_streams_are_the_same_everywhere():
    assert luck.purpose("stay") == 2361458450594650606
    assert luck.purpose("stay") != luck.stream("stay")
    names = [f"name {i}" for i in range(1000)]
    assert len({luck.purpose(name) for name in names}) == 1000
    assert all(0 <= luck.stream(name) <= LARGEST for name in names)


def test_a_session_without_numba_draws_the_same(tmp_path):
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from best_sim.engine import luck\n"
        "assert luck._compiled_generator() is None\n"
        "print(repr(luck.uniform_at(1, 2, 3, 4, 5, 6)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "BEST_SIM_NATIVE": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) == luck.uniform_at(1, 2, 3, 4, 5, 6)


def test_a_compiler_that_fails_is_done_without(monkeypatch):
    import numba

    def broken(*args, **options):
        raise OSError("no compiler today")

    monkeypatch.setattr(luck, "shipped_library", lambda: None)
    monkeypatch.setattr(numba, "njit", broken)
    monkeypatch.delitem(sys.modules, "best_sim.engine.philox", raising=False)
    assert luck._compiled_generator.__wrapped__() is None
    monkeypatch.undo()
    importlib.import_module("best_sim.engine.philox")


# --- quantiles ----------------------------------------------------------------------------------------------


@given(inner)
def test_normal_quantile(u):
    # Near the median the quantile is near 0, where only the absolute error means anything.
    assert luck.normal_quantile(u) == pytest.approx(stats.norm.ppf(u), rel=1e-13, abs=1e-15)


@given(inner, st.floats(0.01, 1e4))
def test_exponential_quantile(u, mean):
    assert luck.exponential_quantile(u, mean) == pytest.approx(stats.expon.ppf(u, scale=mean), rel=1e-13)


@given(inner, st.floats(0.3, 8.0), st.floats(0.01, 1e4))
def test_weibull_quantile(u, shape, scale):
    expected = stats.weibull_min.ppf(u, shape, scale=scale)
    assert luck.weibull_quantile(u, shape, scale) == pytest.approx(expected, rel=1e-12)


@given(inner, st.floats(-3.0, 6.0), st.floats(0.01, 2.0))
def test_lognormal_quantile(u, mu, sigma):
    expected = math.exp(mu + sigma * stats.norm.ppf(u))
    assert luck.lognormal_quantile(u, mu, sigma) == pytest.approx(expected, rel=1e-13)


DURATIONS = [
    luck.duration_record(luck.CONSTANT, 3.0),
    luck.duration_record(luck.EXPONENTIAL, 3.0),
    luck.duration_record(luck.LOGNORMAL, 1.0, 0.5),
    luck.duration_record(luck.WEIBULL, 1.7, 20.0),
    luck.duration_record(luck.UNIFORM, 2.0, 5.0),
    luck.duration_record(luck.EMPIRICAL, p=(0.0, 0.1, 0.5, 1.0), x=(1.0, 1.0, 8.0, 30.0)),
]


def as_row(record):
    from best_sim.engine.records import rows_of

    return rows_of(np.array([record]))[0]


@given(st.sampled_from(DURATIONS), inner, inner)
def test_durations_rise_with_u(record, u, v):
    d = as_row(record)
    low, high = sorted((u, v))
    assert 0.0 <= luck.duration_quantile(d, low) <= luck.duration_quantile(d, high)


@given(inner)
def test_empirical_durations_are_linear_between_their_points(u):
    d = as_row(DURATIONS[-1])
    assert luck.duration_quantile(d, u) == pytest.approx(
        np.interp(u, [0.0, 0.1, 0.5, 1.0], [1.0, 1.0, 8.0, 30.0])
    )


def test_a_duration_of_each_kind_at_its_median():
    medians = [luck.duration_quantile(as_row(record), 0.5) for record in DURATIONS]
    expected = [3.0, 3.0 * math.log(2.0), math.e, 20.0 * math.log(2.0) ** (1.0 / 1.7), 3.5, 8.0]
    assert medians == pytest.approx(expected, rel=1e-14)


def test_a_series_is_a_step_function():
    s = as_row(luck.series_record([0.0, 10.0, 20.0], [1.0, 2.0, 3.0]))
    assert [luck.series_at(s, t) for t in (-5.0, 0.0, 9.99, 10.0, 19.0, 20.0, 1e9)] == [1, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kind": 9}, "not a kind"),
        ({"kind": luck.EXPONENTIAL, "a": -1.0}, "a = -1"),
        ({"kind": luck.UNIFORM, "a": 3.0, "b": 2.0}, "b = 2"),
        ({"kind": luck.EMPIRICAL, "p": (0.0, 1.0), "x": (1.0,)}, "2 to 12 points"),
        ({"kind": luck.EMPIRICAL, "p": (0.1, 1.0), "x": (1.0, 2.0)}, "from 0 to 1"),
        ({"kind": luck.EMPIRICAL, "p": (0.0, 1.0), "x": (2.0, 1.0)}, "do not fall"),
    ],
)
def test_a_duration_that_cannot_be_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        luck.duration_record(**arguments)


@pytest.mark.parametrize(
    ("t", "v", "words"), [([], [], "1 to 48"), ([1.0, 1.0], [0.0, 0.0], "rise strictly")]
)
def test_a_series_that_cannot_be_is_refused(t, v, words):
    with pytest.raises(ValueError, match=words):
        luck.series_record(t, v)


def test_compiled_quantiles_are_equal_to_the_last_bit():
    from numba import njit

    from best_sim.engine import lowering  # noqa: F401 - it makes rules known to numba

    @njit
    def compiled(u):
        return (
            luck.normal_quantile(u),
            luck.exponential_quantile(u, 3.7),
            luck.weibull_quantile(u, 1.3, 9.0),
            luck.lognormal_quantile(u, 2.0, 0.7),
            luck.uniform_quantile(u, -1.0, 7.0),
        )

    for u in np.random.default_rng(1).random(5000):
        assert compiled(u) == compiled.py_func(u)
