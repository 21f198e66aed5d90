"""Looks before the end: against published tables, other ways of integrating, simulation, and the definitions."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import classical_bounds as classical
from scipy import integrate, special, stats

from best_sim.trial import sequential as it
from best_sim.trial.closed_forms import design_effect, power_clustered, t_power

OBF = it.OBrienFlemingType()


def share_near(rejected, n, expected, slack=0.0):
    """Whether a simulated share is within four Monte Carlo standard errors of what it should be."""
    return abs(rejected / n - expected) < 4 * math.sqrt(expected * (1 - expected) / n) + slack


def rejection(does):
    """Probability of rejecting, in either direction: the level, if there is no effect."""
    return sum(does.benefit) + sum(does.harm)


def scores(rng, information, drift, n):
    """The z statistics of n trials at their looks."""
    t = np.asarray(information)
    steps = np.diff(t, prepend=0.0)
    walk = np.cumsum(drift * steps + np.sqrt(steps) * rng.standard_normal((n, len(t))), axis=1)
    return walk / np.sqrt(t)


def simpson(information, low, high, drift, r=128):
    """Exit probabilities on the grid of Jennison & Turnbull (1999) section 19.2: an independent recursion."""
    i = np.arange(1, 6 * r)
    x = np.where(
        i < r,
        -3 - 4 * np.log(r / i),
        np.where(i <= 5 * r, -3 + 3 * (i - r) / (2 * r), 3 + 4 * np.log(r / (6 * r - i))),
    )
    above, below = [], []
    z = h = None
    for k, t in enumerate(information):
        if k == 0:
            above.append(stats.norm.sf(high[0] - drift * math.sqrt(t)))
            below.append(stats.norm.cdf(low[0] - drift * math.sqrt(t)))
        else:
            before, step = information[k - 1], t - information[k - 1]

            def ahead(bound, z=z, t=t, before=before, step=step):
                return (z * math.sqrt(before) + drift * step - bound * math.sqrt(t)) / math.sqrt(step)

            above.append(h @ special.ndtr(ahead(high[k])))
            below.append(h @ special.ndtr(-ahead(low[k])))
        grid = np.clip(x + drift * math.sqrt(t), max(low[k], -40), min(high[k], 40))
        grid = np.unique(grid)
        middle = (grid[1:] + grid[:-1]) / 2
        points = np.empty(2 * len(grid) - 1)
        points[::2], points[1::2] = grid, middle
        weights = np.zeros(len(points))
        gap = np.diff(grid)
        weights[0:-2:2] += gap / 6
        weights[2::2] += gap / 6
        weights[1::2] += 4 * gap / 6
        if k == 0:
            density = stats.norm.pdf(points - drift * math.sqrt(t))
        else:
            shift = (points[:, None] * math.sqrt(t) - z * math.sqrt(before) - drift * step) / math.sqrt(step)
            density = math.sqrt(t / step) * (np.exp(-(shift**2) / 2) / math.sqrt(2 * math.pi)) @ h
        z, h = points, weights * density
    return np.array(above), np.array(below)


# --- classical bounds ---------------------------------------------------------------------------------------

LOOKS = range(2, 11)


@pytest.mark.published
def test_classical_constants_of_jennison_and_turnbull():
    """Jennison & Turnbull (1999), tables 2.1 and 2.3: two-sided 0.05, K = 2 to 10."""
    pocock = [2.178, 2.289, 2.361, 2.413, 2.453, 2.485, 2.512, 2.535, 2.555]
    obrien_fleming = [1.977, 2.004, 2.024, 2.040, 2.053, 2.063, 2.072, 2.080, 2.087]
    assert [classical.pocock(k).z[-1] for k in LOOKS] == pytest.approx(pocock, abs=6e-4)
    assert [classical.obrien_fleming(k).z[-1] for k in LOOKS] == pytest.approx(obrien_fleming, abs=6e-4)


@pytest.mark.published
@pytest.mark.parametrize(
    ("bounds", "power", "factors"),
    [
        (classical.pocock, 0.8, [1.110, 1.166, 1.202, 1.229, 1.249, 1.265, 1.279, 1.291, 1.301]),
        (classical.pocock, 0.9, [1.100, 1.151, 1.183, 1.207, 1.225, 1.239, 1.252, 1.262, 1.271]),
        (classical.obrien_fleming, 0.8, [1.008, 1.017, 1.024, 1.028, 1.032, 1.035, 1.037, 1.038, 1.040]),
        (classical.obrien_fleming, 0.9, [1.007, 1.016, 1.022, 1.026, 1.030, 1.032, 1.034, 1.036, 1.037]),
    ],
)
def test_inflation_factors_of_jennison_and_turnbull(bounds, power, factors):
    """Jennison & Turnbull (1999), tables 2.2 and 2.4: two-sided 0.05, to their last digit."""
    assert [round(it.inflation_factor(bounds(k), power), 3) for k in LOOKS] == factors


@pytest.mark.published
def test_wang_tsiatis_bounds_of_rpact():
    """The unit tests of rpact (test-f_design_group_sequential.R, designs x0, x8b, x8c)."""
    one = classical.obrien_fleming(3, 0.025, 1)
    assert one.z == pytest.approx((3.4710914, 2.4544323, 2.0040356), abs=1e-7)
    assert one.nominal_p == pytest.approx((0.00025917372, 0.0070553616, 0.022533125), abs=1e-7)
    assert one.alpha_spent == pytest.approx((0.00025917372, 0.0071600594, 0.025), abs=1e-7)
    two = classical.wang_tsiatis([0.3, 0.8, 1.0], 0.24, 0.025)
    assert two.z == pytest.approx((3.2029374, 2.4819703, 2.3420706), abs=1e-7)
    assert two.alpha_spent == pytest.approx((0.0013603353, 0.013978861, 0.025), abs=1e-7)
    three = classical.wang_tsiatis([0.3, 0.8, 1.0], 0.39, 0.025, 1)
    assert three.z == pytest.approx((2.4761792, 2.2229286, 2.1690292), abs=1e-7)
    benefit = it.operating_characteristics(three, it.drift_for_power(three, 0.77)).benefit
    assert np.cumsum(benefit) == pytest.approx((0.17601916, 0.63139858, 0.77), abs=1e-7)


# --- bounds by alpha spending -------------------------------------------------------------------------------

FIFTHS = np.arange(1, 6) / 5


@pytest.mark.published
@pytest.mark.parametrize(
    ("design", "z", "digits"),
    [
        # Reboussin, DeMets, Kim & Lan (2000) Controlled Clinical Trials 21:190; ldbounds.
        (it.boundaries(FIFTHS), (4.8769, 3.3569, 2.6803, 2.2898, 2.0310), 2e-4),
        (
            it.boundaries(FIFTHS, spending=it.PocockType()),
            (2.4380, 2.4268, 2.4101, 2.3966, 2.3859),
            2e-4,
        ),
        # gsDesign2, gs_b: sfLDOF at 1/2, 3/4 and 1, one-sided 0.025.
        (it.boundaries([0.5, 0.75, 1.0]), (2.96258804, 2.35901772, 2.01408367), 2e-8),
        (it.boundaries([0.5, 1.0], 0.025, sided=1), (2.96258804272755, 1.96859564), 2e-8),
        # SeqBounds.jl, README: one-sided 0.05; by a coarser grid.
        (it.boundaries([1, 2, 3, 4], sided=1), (3.74955, 2.53993, 2.01604, 1.72014), 5e-5),
        # rpact, unit tests x1 (Hwang-Shih-DeCani), x3 (Kim-DeMets), x6b, x5 and x9 (user's own).
        (
            it.boundaries([0.2, 0.4, 1.0], 0.03, it.HwangShihDeCani(0.0), 1),
            (2.5121443, 2.4228747, 2.0280392),
            1e-7,
        ),
        (
            it.boundaries([0.3, 0.7, 1.0], 0.03, it.PowerFamily(2.2), 1),
            (2.8594012, 2.2435708, 1.9735737),
            1e-7,
        ),
        (
            it.boundaries([0.4, 0.7], 0.025, it.PocockType(), 1, maximum=1.0, final=False),
            (2.223875, 2.3050796),
            1e-7,
        ),
        (
            it.boundaries([1, 2, 3, 4], 0.05, (0.01, 0.02, 0.03, 0.05), 1),
            (2.3263479, 2.2192994, 2.1201347, 1.8189562),
            1e-6,  # rpact spends 0.04999999
        ),
        (
            it.boundaries([1, 2, 3, 4], 0.025, (0.001349898, 0.0024617416, 0.0033695882, 0.025), 1),
            (3.0, 3.0, 3.0, 1.9827514),
            1e-7,
        ),
    ],
)
def test_published_bounds(design, z, digits):
    assert design.z == pytest.approx(z, abs=digits)


def test_each_side_of_a_two_sided_design_spends_half():
    """Half of 0.05 is spent by the function of 0.025; not half of what the function of 0.05 spends."""
    design = it.boundaries([0.5, 1.0])
    assert design.z[0] == pytest.approx(stats.norm.isf(OBF(0.5, 0.025)), abs=1e-12)
    assert design.alpha_spent == pytest.approx((2 * OBF(0.5, 0.025), 0.05), abs=1e-15)
    assert design.nominal_p == pytest.approx(2 * stats.norm.sf(design.z), rel=1e-12)
    # The sides hardly meet, so a one-sided design of half the level has nearly its bounds.
    one = it.boundaries([0.5, 1.0], 0.025, sided=1)
    assert one.z == pytest.approx(design.z, abs=1e-5)


@pytest.mark.parametrize(
    "function",
    [OBF, it.PocockType(), it.HwangShihDeCani(-4.0), it.HwangShihDeCani(0.0), it.PowerFamily(3.0)],
)
def test_spending_functions_begin_at_zero_and_end_at_all(function):
    spent = [function(t, 0.025) for t in np.linspace(0, 1, 21)]
    assert spent[0] == 0.0
    assert spent[-1] == pytest.approx(0.025, rel=1e-12)
    assert min(np.diff(spent)) > 0.0


def test_spending_functions_are_near_what_they_stand_for():
    thirds = [1 / 3, 2 / 3, 1.0]
    assert it.boundaries(thirds).z[-1] == pytest.approx(classical.obrien_fleming(3).z[-1], abs=0.02)
    assert it.boundaries(thirds, spending=it.PocockType()).z[-1] == pytest.approx(
        classical.pocock(3).z[-1], abs=0.02
    )
    gamma = it.HwangShihDeCani(1e-7)
    assert gamma(0.3, 0.05) == pytest.approx(0.015, rel=1e-6)
    # Classical bounds hold what they spend, and so can be worked out again.
    four = classical.pocock(4)
    assert it.boundaries(four.information, spending=four.spending).z == pytest.approx(four.z, abs=1e-9)
    assert four.z == pytest.approx([four.z[-1]] * 4, abs=1e-9)


def test_a_look_that_may_spend_nothing_has_no_bound():
    design = it.boundaries([0.001, 0.5, 1.0])
    assert design.z[0] == math.inf
    assert design.nominal_p[0] == design.alpha_spent[0] == 0.0
    assert design.z[1:] == pytest.approx(it.boundaries([0.5, 1.0]).z, abs=1e-11)
    late = it.boundaries([1, 2, 3], 0.05, (0.0, 0.0, 0.05))
    assert late.z == pytest.approx((math.inf, math.inf, 1.959963984540054), abs=1e-11)
    assert it.boundaries([7.0]).z == pytest.approx((1.959963984540054,), abs=1e-12)


# --- exit probabilities -------------------------------------------------------------------------------------


@pytest.mark.parametrize("drift", [0.0, -1.0, 2.8, 8.0])
def test_two_looks_equal_a_direct_integral(drift):
    t = 0.3
    design = it.boundaries([t, 1.0], futility=it.ZBound(0.1))
    low, high = 0.1, design.z[0]
    result = it.operating_characteristics(design, drift)

    def density(z):
        ahead = (z * math.sqrt(t) + drift * (1 - t) - design.z[1]) / math.sqrt(1 - t)
        return stats.norm.pdf(z - drift * math.sqrt(t)) * special.ndtr(ahead)

    last, _ = integrate.quad(density, low, high, epsabs=1e-14, epsrel=1e-13)
    assert result.benefit[1] == pytest.approx(last, abs=1e-12)
    assert result.benefit[0] == pytest.approx(stats.norm.sf(high - drift * math.sqrt(t)), abs=1e-14)
    assert result.harm[0] == pytest.approx(stats.norm.cdf(-high - drift * math.sqrt(t)), abs=1e-14)
    assert result.futility[0] == pytest.approx(
        stats.norm.cdf(0.1 - drift * math.sqrt(t)) - result.harm[0], abs=1e-14
    )
    assert sum(result.stop) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("drift", [0.0, 3.0])
@pytest.mark.parametrize("sided", [1, 2])
def test_exits_equal_multivariate_normal_probabilities(drift, sided):
    design = it.boundaries([0.25, 0.6, 1.0], 0.05, it.PocockType(), sided)
    t, high = np.array(design.information), np.array(design.z)
    low = -high if sided == 2 else np.full(3, -np.inf)
    mean, cov = drift * np.sqrt(t), np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))
    result = it.operating_characteristics(design, drift)
    for k in range(3):
        until = slice(0, k + 1)
        normal = stats.multivariate_normal(mean[until], cov[until, until], maxpts=4_000_000, abseps=1e-9)
        above = normal.cdf(
            np.append(high[:k], np.inf), lower_limit=np.append(low[:k], high[k]), rng=np.random.default_rng(1)
        )
        assert result.benefit[k] == pytest.approx(above, abs=2e-7)


@pytest.mark.parametrize("drift", [0.0, -2.0, 3.5])
def test_exits_equal_the_grid_of_jennison_and_turnbull(drift):
    information = [0.1, 0.35, 0.4, 0.8, 1.0]
    for design in (
        it.boundaries(information),
        it.boundaries(information, 0.1, it.PocockType(), 1),
        it.boundaries(information, 0.05, it.PowerFamily(1.5), 1, it.ZBound((-1.0, 0.0, 0.2, 0.8))),
    ):
        high = np.array(design.z)
        low = -high if design.sided == 2 else np.full(5, -np.inf)
        low[:-1] = np.maximum(low[:-1], design.futility[:-1])
        above, below = simpson(information, low, high, drift)
        result = it.operating_characteristics(design, drift)
        assert result.benefit == pytest.approx(above, abs=1e-8)
        stopped_low = np.array(result.harm) + result.futility
        assert stopped_low[:-1] == pytest.approx(below[:-1], abs=1e-8)


def test_finer_panels_change_nothing(monkeypatch):
    many = np.sort(np.append(np.linspace(0.05, 1.0, 20), [0.5002, 0.8001]))
    designs = [
        lambda: it.boundaries(many),
        lambda: it.boundaries([0.01, 0.5, 1.0], 0.025, it.PocockType(), 1, it.BetaSpending(0.2)),
        lambda: classical.wang_tsiatis(7, 0.25, 0.01),
    ]
    coarse = [d() for d in designs]
    monkeypatch.setattr(it.recursion, "_PANEL", 1.1)
    for before, after in zip(coarse, [d() for d in designs], strict=True):
        assert before.z == pytest.approx(after.z, abs=2e-11)
        assert before.futility == pytest.approx(after.futility, abs=2e-10)


@settings(max_examples=60)
@given(
    gaps=st.lists(st.floats(0.02, 1.0), min_size=1, max_size=6),
    alpha=st.floats(1e-4, 0.3),
    sided=st.sampled_from([1, 2]),
    rho=st.floats(0.3, 8.0),
    drift=st.floats(-6.0, 6.0),
)
def test_whatever_the_looks(gaps, alpha, sided, rho, drift):
    """Alpha is spent as told, stopping is certain, power rises, and the unit of information does not matter."""
    looks = np.cumsum(gaps)
    design = it.boundaries(looks, alpha, it.PowerFamily(rho), sided)
    null = it.operating_characteristics(design, 0.0)
    told = alpha * (looks / looks[-1]) ** rho
    assert np.cumsum(np.add(null.benefit, null.harm)) == pytest.approx(told, abs=1e-12)
    assert design.alpha_spent == pytest.approx(told, rel=1e-9)
    assert rejection(null) == pytest.approx(alpha, abs=1e-12)
    here, there = (it.operating_characteristics(design, d) for d in (drift, -drift))
    assert sum(here.stop) == pytest.approx(1.0, abs=1e-11)
    if sided == 2:
        assert here.benefit == pytest.approx(there.harm, abs=1e-12)
        assert here.expected_information == pytest.approx(there.expected_information, abs=1e-11)
    assert it.operating_characteristics(design, drift + 0.5).power > here.power - 1e-12
    other = it.boundaries(380 * looks, alpha, it.PowerFamily(rho), sided)
    assert other.z == pytest.approx(design.z, abs=1e-9)


@pytest.mark.parametrize("drift", [0.0, 2.5, -1.0])
def test_simulated_exits(drift):
    design = it.boundaries([0.3, 0.5, 0.8, 1.0], futility=it.BetaSpending(0.2, it.PowerFamily(2.0)))
    n = 400_000
    z = scores(np.random.default_rng(5), design.information, drift, n)
    high, futility = np.array(design.z), np.append(design.futility[:-1], -np.inf)
    up, down, futile = z >= high, z <= -high, z < futility
    stopped = up | down | futile
    stopped[:, -1] = True
    first = stopped.argmax(axis=1)
    rows = np.arange(n)
    result = it.operating_characteristics(design, drift)
    for k in range(4):
        here = first == k
        for events, expected in ((up, result.benefit[k]), (down, result.harm[k])):
            assert share_near(np.count_nonzero(here & events[rows, first]), n, expected, 1e-9)
        assert share_near(np.count_nonzero(here), n, result.stop[k])
    information = np.array(design.information)[first]
    assert abs(information.mean() - result.expected_information) < 4 * information.std() / math.sqrt(n)
    # The bounds of futility do not bind: level is kept by those who ignore them.
    free = it.operating_characteristics(design, 0.0, obey_futility=False)
    assert rejection(free) == pytest.approx(0.05, abs=1e-12)
    assert rejection(it.operating_characteristics(design, 0.0)) < 0.05


# --- power --------------------------------------------------------------------------------------------------


def test_one_look_is_the_normal_test():
    assert it.fixed_drift(0.9) == pytest.approx(1.959963984540054 + 1.2815515655446004, abs=1e-12)
    single = it.boundaries([1.0])
    assert it.drift_for_power(single, 0.8) == pytest.approx(it.fixed_drift(0.8), abs=1e-12)
    assert it.inflation_factor(single, 0.8) == pytest.approx(1.0, abs=1e-12)
    for design in (classical.pocock(5), it.boundaries([0.5, 1.0], 0.1, sided=1)):
        drift = it.drift_for_power(design, 0.85)
        assert it.operating_characteristics(design, drift).power == pytest.approx(0.85, abs=1e-12)


@pytest.mark.published
def test_information_of_rpact():
    """rpact, unit tests y1: design without futility; y2: with non-binding futility by beta spending."""
    design = it.boundaries([0.2, 0.4, 1.0], 0.03, it.HwangShihDeCani(0.0), 1)
    drift = it.drift_for_power(design, 0.86)
    assert drift**2 == pytest.approx(9.4594101, abs=1e-6)
    assert it.fixed_drift(0.86, 0.03, 1) ** 2 == pytest.approx(8.7681899, abs=1e-7)
    factor = it.inflation_factor(design, 0.86)
    assert factor == pytest.approx(1.0788327, abs=1e-7)
    for share, expected in ((1.0, 0.83081135), (0.5, 1.0142116), (0.0, 1.0697705)):
        result = it.operating_characteristics(design, share * drift)
        assert factor * result.expected_information == pytest.approx(expected, abs=2e-7)

    rule = it.BetaSpending(0.14, it.HwangShihDeCani(-2.0))
    design = it.boundaries([0.2, 0.4, 1.0], 0.07, it.HwangShihDeCani(-1.0), 1, rule)
    assert design.z == pytest.approx((2.364813, 2.1928805, 1.5660474), abs=1e-7)
    assert design.futility == pytest.approx((-1.1063623, -0.35992439, 1.5660474), abs=1e-7)
    assert design.drift**2 == pytest.approx(7.1015942, abs=1e-6)
    assert it.inflation_factor(design, 0.86) == pytest.approx(1.0869177, abs=1e-7)
    result = it.operating_characteristics(design, design.drift)
    assert result.benefit == pytest.approx((0.12038953, 0.20856311, 0.53104735), abs=1e-7)
    assert result.futility[:2] == pytest.approx((0.010777094, 0.016077535), abs=1e-7)
    for share, expected in ((1.0, 0.82636428), (0.5, 0.916142), (0.0, 0.79471657)):
        result = it.operating_characteristics(design, share * design.drift)
        assert 1.0869177 * result.expected_information == pytest.approx(expected, abs=2e-7)


# --- futility -----------------------------------------------------------------------------------------------


@pytest.mark.published
@pytest.mark.parametrize(
    ("information", "alpha", "spending", "rule", "futility"),
    [
        (
            [0.3, 0.7, 1.0],
            0.03,
            it.PowerFamily(2.2),
            it.BetaSpending(0.34, it.PowerFamily(3.2)),
            (-1.1558435, 0.72836893),
        ),
        (
            [0.35, 0.7, 1.0],
            0.13,
            it.PocockType(),
            it.BetaSpending(0.3, it.CumulativeAlpha((0.35, 0.7, 1.0), (1 / 30, 1 / 6, 1.0))),
            (-1.2557044, -0.16828659),
        ),
        (
            [0.4, 0.75, 0.85, 1.0],
            0.13,
            OBF,
            it.BetaSpending(0.41, it.PowerFamily(2.5)),
            (-0.82676531, 0.3743303, 0.65077266),
        ),
    ],
)
def test_non_binding_futility_of_rpact(information, alpha, spending, rule, futility):
    """rpact, unit tests x3, x6a, x7a (four looks)."""
    design = it.boundaries(information, alpha, spending, 1, rule)
    assert design.futility[:-1] == pytest.approx(futility, abs=1e-7)
    assert design.futility[-1] == design.z[-1]
    assert it.operating_characteristics(design, design.drift).power == pytest.approx(1 - rule.beta, abs=1e-10)


def test_futility_by_conditional_power_has_that_conditional_power():
    looks = [0.4, 0.7, 1.0]
    for under in ("design", "trend", "null", 1.5):
        design = it.boundaries(looks, futility=it.ConditionalPowerBound(0.15, under, 0.8))
        drift = None if under == "trend" else design.drift
        for z, t in zip(design.futility[:2], looks[:2], strict=True):
            assert it.conditional_power(z, t, drift, design.z[-1]) == pytest.approx(0.15, abs=1e-10)
        assert design.z == it.boundaries(looks).z
    plain = it.boundaries(looks)
    design = it.boundaries(looks, futility=it.ConditionalPowerBound(0.15, "design", 0.8))
    assert design.drift == pytest.approx(it.drift_for_power(plain, 0.8), abs=1e-12)
    # Asking for near certainty under no effect cannot lift the bound above that of efficacy.
    strict = it.boundaries(looks, futility=it.ConditionalPowerBound(0.999, "null"))
    assert all(f <= z for f, z in zip(strict.futility, strict.z, strict=True))


def test_futility_in_a_two_sided_design_is_for_benefit():
    one = it.boundaries([0.5, 1.0], 0.025, sided=1, futility=it.BetaSpending(0.1))
    two = it.boundaries([0.5, 1.0], 0.05, sided=2, futility=it.BetaSpending(0.1))
    assert two.futility == pytest.approx(one.futility, abs=1e-4)
    assert it.operating_characteristics(two, two.drift).power == pytest.approx(0.9, abs=1e-10)
    fixed = it.boundaries([1, 2, 3], futility=it.ZBound((-math.inf, 0.3)))
    assert fixed.futility == pytest.approx((-math.inf, 0.3, fixed.z[-1]))
    assert it.boundaries([1, 2, 3]).futility == (-math.inf,) * 3
    assert math.isnan(fixed.drift)


# --- looks that take place at other times -------------------------------------------------------------------


def test_recalculated_as_planned_is_the_plan():
    for rule in (None, it.BetaSpending(0.2), it.ConditionalPowerBound(0.2), it.ZBound((0.1, 0.2, 0.3))):
        plan = it.boundaries([0.25, 0.5, 0.75, 1.0], futility=rule)
        for seen in (1, 2, 3, 4):
            again = it.recalculate(plan, plan.information[:seen])
            assert again.information == plan.information
            assert again.z == pytest.approx(plan.z, abs=1e-9)
            assert again.futility == pytest.approx(plan.futility, abs=1e-8)


def test_recalculated_bounds_spend_by_the_information_observed():
    plan = it.boundaries([0.25, 0.5, 0.75, 1.0])
    seen = it.recalculate(plan, [0.3, 0.48])
    assert seen.information == (0.3, 0.48, 0.75, 1.0)
    assert seen.alpha_spent == pytest.approx([2 * OBF(t, 0.025) for t in seen.information], abs=1e-14)
    assert seen.z[:1] == it.recalculate(plan, [0.3]).z[:1]
    # A look that was not planned, one that took the place of two, and an early and a late end.
    extra = it.recalculate(plan, [0.1, 0.2, 0.3, 0.4, 0.5])
    assert extra.information == (0.1, 0.2, 0.3, 0.4, 0.5, 1.0)
    assert it.recalculate(plan, [0.6]).information == (0.6, 0.75, 1.0)
    assert it.recalculate(plan, [0.8]).information == (0.8, 1.0)
    early = it.recalculate(plan, [0.25, 0.9], final=True)
    late = it.recalculate(plan, [0.25, 1.2])
    for design in (early, late):
        assert design.looks == 2
        assert design.alpha_spent[-1] == pytest.approx(0.05, abs=1e-15)
        assert rejection(it.operating_characteristics(design, 0.0)) == pytest.approx(0.05, abs=1e-12)
    # The bounds depend on the ratios of information alone, given what is spent.
    assert late.z[1] == pytest.approx(it.boundaries([0.25, 1.2], spending=late.alpha_spent).z[1], abs=1e-10)


def test_recalculated_futility_keeps_the_planned_drift():
    plan = it.boundaries([0.5, 1.0], futility=it.BetaSpending(0.1, it.PowerFamily(2.0)))
    seen = it.recalculate(plan, [0.6])
    assert seen.drift == plan.drift
    low = stats.norm.cdf(seen.futility[0] - plan.drift * math.sqrt(0.6))
    assert low == pytest.approx(0.1 * 0.6**2, abs=1e-12)
    fixed = it.boundaries([0.25, 0.5, 1.0], futility=it.ZBound((-0.5, 0.5)))
    assert it.recalculate(fixed, [0.3]).futility[:2] == (-0.5, 0.5)
    assert it.recalculate(fixed, [0.3, 0.4, 0.5]).futility[:3] == (-0.5, 0.5, -math.inf)


def test_level_is_kept_when_looks_come_at_random_times():
    rng = np.random.default_rng(11)
    plan = it.boundaries([0.4, 0.7, 1.0], spending=it.PocockType())
    n, rejected = 150_000, 0
    for _ in range(15):
        seen = [*np.cumsum(rng.uniform(0.15, 0.45, 2)), rng.uniform(0.95, 1.3)]
        design = it.recalculate(plan, seen, final=True)
        rejected += np.any(np.abs(scores(rng, seen, 0.0, n // 15)) >= design.z, axis=1).sum()
    assert share_near(rejected, n, 0.05)


# --- at the end ---------------------------------------------------------------------------------------------


@pytest.mark.published
def test_final_inference_of_wassmer_and_brannath():
    """Wassmer & Brannath (2016), section 4.1: four stages of 22, z = 3 at the second, sd 1."""
    for design, p, estimate, interval in (
        (classical.obrien_fleming(4), 0.001362486, 0.452, (0.157, 0.748)),
        (classical.pocock(4), 0.009819342, 0.419, (0.074, 0.729)),
    ):
        result = it.final_inference(design, 2, 3.0, 1 / math.sqrt(44))
        # The one-sided p-values, to more digits, from the tests of DelayedGSD; bounds rounded to 3 places.
        assert result.p_value / 2 == pytest.approx(p, abs=1e-5)
        assert result.estimate == pytest.approx(estimate, abs=6e-4)
        assert result.interval == pytest.approx(interval, abs=6e-4)
        assert result.naive == pytest.approx(3 / math.sqrt(44), rel=1e-14)


@pytest.mark.published
def test_final_inference_of_rpact():
    """rpact, unit tests of survival: logrank z 1.52, 1.38, 2.9 after 8, 15, 29 events; standard error 2/root."""
    design = classical.wang_tsiatis([0.2, 0.4, 0.6, 1.0], 0.45, 0.025, 1)
    assert design.z == pytest.approx((2.4878815, 2.4031352, 2.3549063, 2.2955206), abs=1e-7)
    z, events = (1.52, 1.38, 2.9), (8, 15, 29)
    result = it.final_inference(design, 3, 2.9, 2 / math.sqrt(29))
    assert result.p_value == pytest.approx(0.013371274, abs=1e-8)
    assert math.exp(result.estimate) == pytest.approx(2.632639, abs=2e-6)
    assert math.exp(result.interval[0]) == pytest.approx(1.1294538, abs=2e-6)
    both = it.Boundaries(**{k: getattr(design, k) for k in design.__slots__} | {"sided": 2, "alpha": 0.05})
    assert math.exp(it.final_inference(both, 3, 2.9, 2 / math.sqrt(29)).interval[1]) == pytest.approx(
        5.6956842, abs=2e-5
    )
    for look, low in enumerate([0.50439514, 0.58958009, 1.2243899]):
        se = 2 / math.sqrt(events[look])
        interval = it.repeated_interval(design, look + 1, z[look] * se, se)
        assert math.exp(interval[0]) == pytest.approx(low, abs=1e-6)
        assert interval[1] == math.inf


def test_final_inference_at_the_first_look_and_at_the_bounds():
    design = it.boundaries([0.3, 0.6, 1.0])
    first = it.final_inference(design, 1, 1.3, 2.0)
    assert first.p_value == pytest.approx(2 * stats.norm.sf(1.3), abs=1e-13)
    assert first.estimate == pytest.approx(2.6, abs=1e-10)
    assert first.interval == pytest.approx(
        (2.6 - 2 * 1.959963984540054, 2.6 + 2 * 1.959963984540054), abs=1e-9
    )
    # At a bound the p-value is the alpha spent by then, and at the last the interval touches zero.
    for look in (1, 2, 3):
        result = it.final_inference(design, look, design.z[look - 1])
        assert result.p_value == pytest.approx(design.alpha_spent[look - 1], abs=1e-11)
    assert result.interval[0] == pytest.approx(0.0, abs=1e-9)
    assert it.repeated_interval(design, 2, design.z[1], 1.0) == pytest.approx((0.0, 2 * design.z[1]))
    # Far out nothing is lost to rounding.
    far = it.final_inference(design, 2, -9.0)
    assert 0.0 < far.p_value == it.final_inference(design, 2, 9.0).p_value
    assert far.p_value == pytest.approx(design.alpha_spent[0], abs=1e-12)
    # Without a standard error the effect is a drift.
    scaled = it.final_inference(design, 3, 1.7, 0.5)
    plain = it.final_inference(design, 3, 1.7)
    assert scaled.estimate == pytest.approx(0.5 * plain.estimate, rel=1e-10)


@settings(max_examples=25)
@given(look=st.integers(1, 3), z=st.floats(-6.0, 6.0))
def test_final_inference_is_mirrored_and_ordered(look, z):
    design = it.boundaries([0.3, 0.6, 1.0], spending=it.PocockType())
    here, there = it.final_inference(design, look, z), it.final_inference(design, look, -z)
    assert here.p_value == pytest.approx(there.p_value, abs=1e-11)
    assert here.estimate == pytest.approx(-there.estimate, abs=1e-8)
    assert here.interval == pytest.approx((-there.interval[1], -there.interval[0]), abs=1e-8)
    assert here.interval[0] < here.estimate < here.interval[1]
    assert it.final_inference(design, look, z + 0.5).estimate > here.estimate


@pytest.mark.parametrize("drift", [0.0, 2.0])
def test_estimates_are_median_unbiased_and_intervals_cover(drift):
    design = it.boundaries([0.4, 0.7, 1.0], 0.1, it.PocockType())
    n = 1500
    z = scores(np.random.default_rng(8), design.information, drift, n)
    crossed = np.abs(z) >= design.z
    crossed[:, -1] = True
    first = crossed.argmax(axis=1)
    low, covered, small = 0, 0, 0
    for k, value in zip(first, z[np.arange(n), first], strict=True):
        result = it.final_inference(design, int(k) + 1, float(value))
        low += result.estimate < drift
        covered += result.interval[0] <= drift <= result.interval[1]
        small += result.p_value < 0.3
        assert (result.p_value <= 0.1 + 1e-9) == (abs(value) >= design.z[k])
    assert share_near(low, n, 0.5)
    assert share_near(covered, n, 0.9)
    if drift == 0.0:
        assert share_near(small, n, 0.3)


def test_repeated_intervals_cover_at_all_looks_at_once():
    design = it.boundaries([0.4, 0.7, 1.0], 0.1, it.PocockType())
    n, drift = 100_000, 1.3
    t = np.array(design.information)
    z = scores(np.random.default_rng(9), t, drift, n)
    missed = np.any(np.abs(z - drift * np.sqrt(t)) > design.z, axis=1)
    assert share_near(missed.sum(), n, 0.1)
    interval = it.repeated_interval(design, 2, z[0, 1] / math.sqrt(0.7), 1 / math.sqrt(0.7))
    inside = abs(z[0, 1] - drift * math.sqrt(0.7)) <= design.z[1]
    assert (interval[0] <= drift <= interval[1]) == inside


def test_overrunning_takes_the_place_of_the_look():
    design = it.boundaries([0.5, 1.0])
    late = it.final_inference(design, 1, 2.4, 1.0, information=0.6)
    assert late.p_value == pytest.approx(2 * stats.norm.sf(2.4), abs=1e-12)
    last = it.final_inference(design, 2, 2.4, information=1.1)
    assert last == it.final_inference(it.recalculate(design, [0.5, 1.1]), 2, 2.4)
    assert it.final_inference(design, 2, 2.4, information=1.0) == it.final_inference(design, 2, 2.4)
    # Under no effect: whoever crosses at the first look gets a tenth more information before the analysis.
    n = 400_000
    design = it.boundaries([0.5, 1.0], spending=it.PocockType())
    z = scores(np.random.default_rng(3), [0.5, 0.6, 1.0], 0.0, n)
    crossed = np.abs(z[:, 0]) >= design.z[0]
    late = 2 * special.ndtr(-np.abs(z[:, 1]))
    rejected = np.where(crossed, late <= 0.05, np.abs(z[:, 2]) >= design.z[1])
    assert rejected.mean() < 0.05  # p at most alpha; loses those who fall back


# --- conditional and predictive power -----------------------------------------------------------------------


def test_conditional_power_by_hand():
    """Half way with z = 1: B = 0.7071; expected at the end 0.7071 + drift / 2, with variance 1 / 2."""
    assert it.b_value(1.0, 0.5) == pytest.approx(math.sqrt(0.5))
    for drift, mean in ((0.0, 0.70710678), (3.0, 2.20710678), (None, 1.41421356)):
        expected = stats.norm.sf((1.959963984540054 - mean) / math.sqrt(0.5))
        assert it.conditional_power(1.0, 0.5, drift) == pytest.approx(expected, abs=1e-8)
    flat = stats.norm.sf((1.959963984540054 - 1.41421356) / 1.0)  # variance 1/2 + 1/4 * 2
    assert it.predictive_power(1.0, 0.5) == pytest.approx(flat, abs=1e-8)
    shown = it.interim_power(1.0, 0.5, 3.0)
    assert shown.design == it.conditional_power(1.0, 0.5, 3.0)
    assert shown.trend == it.conditional_power(1.0, 0.5)
    assert shown.null == it.conditional_power(1.0, 0.5, 0.0)
    assert shown.predictive == it.predictive_power(1.0, 0.5)
    one_sided = it.conditional_power(1.0, 0.5, 0.0, alpha=0.025, sided=1)
    assert one_sided == pytest.approx(shown.null, abs=1e-15)


def test_conditional_power_at_the_ends():
    z = np.array([1.0, 1.959, 1.961, 3.0])
    assert it.conditional_power(z, 1.0).tolist() == [0.0, 0.0, 1.0, 1.0]
    assert it.predictive_power(z, 1.0).tolist() == [0.0, 0.0, 1.0, 1.0]
    # At the beginning conditional power is power.
    assert it.conditional_power(0.0, 1e-12, it.fixed_drift(0.9)) == pytest.approx(0.9, abs=1e-6)
    table = it.conditional_power(z[:, None], np.array([0.2, 0.5, 0.9]), 2.0)
    assert table.shape == (4, 3)
    assert table[1, 2] == it.conditional_power(z[1], 0.9, 2.0)


@pytest.mark.parametrize(("mean", "sd"), [(0.0, math.inf), (0.0, 1.0), (2.5, 0.7), (1.0, 1e-9)])
def test_predictive_power_is_conditional_power_averaged_over_the_posterior(mean, sd):
    z, t = 1.2, 0.4
    precision = t + sd**-2
    centre, spread = (z * math.sqrt(t) + mean * sd**-2) / precision, precision**-0.5

    def weighed(u):
        return stats.norm.pdf(u) * it.conditional_power(z, t, centre + spread * u)

    expected, _ = integrate.quad(weighed, -9, 9, epsabs=1e-12)
    assert it.predictive_power(z, t, prior_mean=mean, prior_sd=sd) == pytest.approx(expected, abs=1e-10)


def test_predictive_power_is_calibrated():
    """Effects drawn from the prior: among trials told a chance, that share succeed."""
    rng = np.random.default_rng(21)
    n, t, mean, sd = 300_000, 0.5, 1.5, 1.2
    drift = rng.normal(mean, sd, n)
    half = drift * t + math.sqrt(t) * rng.standard_normal(n)
    end = half + drift * (1 - t) + math.sqrt(1 - t) * rng.standard_normal(n)
    told = it.predictive_power(half / math.sqrt(t), t, prior_mean=mean, prior_sd=sd)
    succeeded = end >= 1.959963984540054
    for low in np.arange(0.0, 1.0, 0.1):
        among = (told >= low) & (told < low + 0.1)
        count = among.sum()
        assert abs(succeeded[among].mean() - told[among].mean()) < 4 * 0.5 / math.sqrt(count)
    # Conditional power under the trend is not: it is too sure of itself.
    trend = it.conditional_power(half / math.sqrt(t), t)
    sure = trend > 0.95
    assert succeeded[sure].mean() < trend[sure].mean() - 0.01


# --- blinded re-estimation ----------------------------------------------------------------------------------

SIZES = np.array([1, 2, 1, 3, 1, 1, 2, 2, 1, 3])
FAMILY = np.repeat(np.arange(10), SIZES)


def clustered(rng, sizes, sd, icc, effect=0.0, treated=None):
    family = np.repeat(np.arange(len(sizes)), sizes)
    y = sd * (
        math.sqrt(icc) * rng.standard_normal(len(sizes))[family]
        + math.sqrt(1 - icc) * rng.standard_normal(len(family))
    )
    return (y if treated is None else y + effect * treated[family]), family


def test_one_sample_variance_of_singletons():
    y = np.array([1.0, 4.0, 2.5, 7.0, 3.0, 3.0])
    seen = it.blinded_estimate(y, np.arange(6))
    assert seen.lumped_variance == pytest.approx(np.var(y, ddof=1), rel=1e-14)
    assert seen.sd == pytest.approx(np.std(y, ddof=1), rel=1e-14)
    assert math.isnan(seen.icc)
    assert seen.design_effect == 1.0
    assert seen.note == it.blinded.SINGLETONS
    assert seen.converged
    # Zucker et al. (1999); and Gould & Shih (1992), (N - 1) / (N - 2) (s2 - effect squared / 4), is near.
    less = it.blinded_estimate(y, np.arange(6), 1.5, correction="adjusted")
    assert less.sd**2 == pytest.approx(np.var(y, ddof=1) - 1.5**2 * 6 / (4 * 5), rel=1e-12)
    assert less.lumped_variance == seen.lumped_variance
    assert it.blinded_estimate(y, np.arange(6), 9.0, correction="adjusted").note == it.blinded.ALL_EFFECT


def test_components_are_those_of_the_analysis_of_variance():
    rng = np.random.default_rng(2)
    y = rng.normal(size=len(FAMILY)) + np.arange(10)[FAMILY] / 4
    seen = it.blinded_estimate(y, FAMILY)
    groups = [y[f == FAMILY] for f in range(10)]
    between = sum(len(g) * (g.mean() - y.mean()) ** 2 for g in groups) / 9
    within = sum(((g - g.mean()) ** 2).sum() for g in groups) / (17 - 10)
    m0 = (17 - (SIZES**2).sum() / 17) / 9
    family_variance = (between - within) / m0
    assert seen.sd**2 == pytest.approx(family_variance + within, rel=1e-12)
    assert seen.icc == pytest.approx(family_variance / (family_variance + within), rel=1e-12)
    assert seen.design_effect == pytest.approx(design_effect([1, 2, 3], seen.icc, [5, 3, 2]), rel=1e-12)
    assert (seen.mean_size, seen.n_families, seen.n_children) == (1.7, 10, 17)
    # A given correlation is taken, and the expected sum of squares solved for the variance.
    given_icc = it.blinded_estimate(y, FAMILY, icc=0.4)
    total = ((y - y.mean()) ** 2).sum()
    V = 0.4 * (FAMILY[:, None] == FAMILY) + 0.6 * np.eye(17)
    expected = np.trace(V) - V.sum() / 17
    assert given_icc.sd**2 == pytest.approx(total / expected, rel=1e-12)
    assert given_icc.icc == 0.4


@pytest.mark.parametrize("icc", [None, 0.3])
@pytest.mark.parametrize("n_treated", [3, 5])
def test_correction_is_exact_over_all_allocations(icc, n_treated):
    """The mean over every allocation of the corrected variance is the variance without an effect."""
    rng = np.random.default_rng(4)
    y = rng.normal(size=len(FAMILY)) + rng.normal(size=10)[FAMILY] * 2
    effect, variance = 0.9, []
    for chosen in combinations(range(10), n_treated):
        shifted = y + effect * np.isin(FAMILY, chosen)
        seen = it.blinded_estimate(
            shifted, FAMILY, effect, correction="adjusted", treated_share=n_treated / 10, icc=icc
        )
        variance.append(seen.sd**2)
    assert np.mean(variance) == pytest.approx(it.blinded_estimate(y, FAMILY, icc=icc).sd ** 2, rel=1e-12)


def test_estimates_are_unbiased():
    rng = np.random.default_rng(6)
    n, sd, icc, effect = 4000, 2.0, 0.35, 0.8
    sizes = rng.choice([1, 2, 3], 150, p=[0.6, 0.3, 0.1])
    variance, family_variance = np.empty(n), np.empty(n)
    for i in range(n):
        treated = rng.permutation(150) < 75
        y, family = clustered(rng, sizes, sd, icc, effect, treated)
        seen = it.blinded_estimate(y, family, effect, correction="adjusted")
        variance[i], family_variance[i] = seen.sd**2, seen.icc * seen.sd**2
    for values, truth in ((variance, sd**2), (family_variance, icc * sd**2)):
        assert abs(values.mean() - truth) < 4 * values.std() / math.sqrt(n) + 0.003


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 100.0), shift=st.floats(-50, 50))
def test_order_and_labels_and_units_do_not_matter(seed, scale, shift):
    rng = np.random.default_rng(seed)
    y, family = clustered(rng, rng.integers(1, 4, 30), 1.0, 0.4)
    first = it.blinded_sample_size(y, family, 0.5, 100)
    order = rng.permutation(len(y))
    names = np.array([f"f{k}" for k in rng.permutation(30)])
    second = it.blinded_sample_size(shift + scale * y[order], names[family[order]], 0.5 * scale, 100)
    assert second.required == first.required
    assert second.power == pytest.approx(first.power, abs=1e-7)
    assert second.estimate.icc == pytest.approx(first.estimate.icc, abs=1e-7)
    assert 0.0 <= first.estimate.icc <= 1.0


def test_required_is_the_smallest_number_with_the_power():
    rng = np.random.default_rng(12)
    y, family = clustered(rng, rng.choice([1, 2, 3], 120, p=[0.76, 0.2, 0.04]), 7.4, 0.4)
    result = it.blinded_sample_size(y, family, 2.2, 300, variance_factor=0.8, share_analysed=0.75)
    seen = result.estimate
    _, counts = np.unique(np.unique(family, return_counts=True)[1], return_counts=True)
    shares = dict(zip((1, 2, 3), counts / counts.sum(), strict=False))

    def power(families):
        return power_clustered(
            2.2, seen.sd, families / 2, shares, seen.icc, baseline_correlation=math.sqrt(0.2), retention=0.75
        ).power

    assert power(result.required) >= 0.9 > power(result.required - 1)
    assert result.families == result.required > 300
    assert result.power == pytest.approx(power(result.families), abs=1e-10)
    # Limits: never fewer than planned, unless told; never more than the largest; never fewer than are in.
    assert it.blinded_sample_size(y, family, 20.0, 300).families == 300
    assert it.blinded_sample_size(y, family, 20.0, 300, smallest=1).families == 120
    capped = it.blinded_sample_size(y, family, 2.2, 300, largest=310)
    assert capped.families == 310 < capped.required
    assert capped.power < 0.9
    hopeless = it.blinded_sample_size(y, family, 1e-9, 300)
    assert (hopeless.families, hopeless.required) == (300, math.inf)
    assert it.blinded_sample_size(y, family, 1e-9, 300, largest=500).families == 500
    plain = it.blinded_sample_size(np.tile([-1.0, 1.0], 50), np.arange(100), 0.5, 10, power=0.8)
    sd = math.sqrt(100 / 99)
    n = plain.required
    assert t_power(0.5, sd, n / 2, n / 2) >= 0.8 > t_power(0.5, sd, (n - 1) / 2, (n - 1) / 2)


def test_degenerate_data_leave_the_plan_as_it_is():
    same = it.blinded_sample_size(np.full(20, 3.1), np.arange(20), 1.0, 200)
    assert (same.families, same.estimate.converged, same.estimate.note) == (
        200,
        False,
        it.blinded.NO_VARIATION,
    )
    assert math.isnan(same.required)
    few = it.blinded_sample_size([1.0, 2.0, 3.0, np.nan], [1, 1, 2, 3], 1.0, 200)
    assert (few.families, few.estimate.note, few.estimate.n_dropped) == (200, it.blinded.TOO_FEW, 1)
    none = it.blinded_sample_size(np.full(5, np.nan), np.arange(5), 1.0, 200)
    assert (none.families, none.estimate.note, none.estimate.n_dropped) == (200, it.blinded.TOO_FEW, 5)
    assert it.blinded_sample_size([], [], 1.0, 200).families == 200
    # Siblings who differ more than strangers; twins who do not differ at all.
    apart = it.blinded_estimate([0.0, 9.0, 0.0, 9.0, 1.0, 8.0], [1, 1, 2, 2, 3, 3])
    assert (apart.icc, apart.design_effect, apart.note) == (0.0, 1.0, it.blinded.NEGATIVE)
    alike = it.blinded_estimate([0.0, 0.0, 5.0, 5.0, 3.0, 3.0], [1, 1, 2, 2, 3, 3])
    assert alike.icc == pytest.approx(1.0)
    assert alike.design_effect == pytest.approx(2.0)
    assert alike.sd == pytest.approx(np.std([0.0, 5.0, 3.0], ddof=1))


def simulate_reestimation(rng, n, effect, correction):
    """Trials planned for too small a standard deviation: looked at blind, enlarged, and tested at the end."""
    planned, first, most, sd, icc = 160, 80, 420, 1.5, 0.4
    t, families = np.empty((2, n)), np.empty((2, n))
    for i in range(n):
        sizes = rng.choice([1, 2, 3], most, p=[0.6, 0.3, 0.1])
        treated = rng.permuted(np.tile([0, 1], (most // 4, 2)), axis=1).ravel()
        y, family = clustered(rng, sizes, sd, icc, effect, treated)
        early = family < first
        result = it.blinded_sample_size(
            y[early], family[early], 0.5, planned, power=0.8, correction=correction, largest=most
        )
        means = np.bincount(family, y) / sizes
        for j, stop in enumerate((planned, result.families)):
            arm = treated[:stop] == 1
            families[j, i], t[j, i] = stop, student(means[:stop][arm], means[:stop][~arm])
    p = 2.0 * special.stdtr(
        families - 2, -np.abs(t)
    )  # of all at once: for each, scipy takes longer than the trial
    return (p <= 0.05).sum(axis=1), families[1]


def student(one, other):
    """Student's t of two independent samples."""
    n, m = len(one), len(other)
    pooled = (n * one.var() + m * other.var()) / (n + m - 2)
    return (one.mean() - other.mean()) / math.sqrt(pooled * (1.0 / n + 1.0 / m))


def test_students_t_is_scipys():
    one, other = np.random.default_rng(5).normal(size=(2, 30))
    assert student(one, other[:20]) == pytest.approx(stats.ttest_ind(one, other[:20]).statistic, rel=1e-12)


def test_blinded_reestimation_keeps_the_level():
    n = 4000
    rejected, families = simulate_reestimation(np.random.default_rng(31), n, 0.0, "none")
    assert share_near(rejected[1], n, 0.05)
    assert families.mean() > 220


def test_blinded_reestimation_restores_power():
    n = 2000
    rejected, families = simulate_reestimation(np.random.default_rng(32), n, 0.5, "adjusted")
    assert rejected[0] / n < 0.62
    # The t test on family means has a little less power than the analysis the size is worked out for.
    assert 0.73 < rejected[1] / n < 0.82
    assert families.std() > 20


# --- mistakes -----------------------------------------------------------------------------------------------

PLAN = it.boundaries([0.5, 1.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: it.boundaries([0.5, 0.5, 1.0]), "increase"),
        (lambda: it.boundaries([0.5, 0.50001, 1.0]), "at least 0.0001"),
        (lambda: it.boundaries([0.0, 1.0]), "positive"),
        (lambda: it.boundaries([]), "one per look"),
        (lambda: it.boundaries([[0.5, 1.0]]), "one per look"),
        (lambda: it.boundaries([0.5, np.nan]), "finite"),
        (lambda: it.boundaries([0.5, 1.0], 0.0), "alpha is 0.0"),
        (lambda: it.boundaries([0.5, 1.0], sided=3), "sided is 3"),
        (lambda: it.boundaries([0.5, 1.0], maximum=-1.0), "maximum is -1.0"),
        (lambda: it.boundaries([0.5, 1.0], spending=(0.05,)), "2 looks need as many"),
        (lambda: it.boundaries([0.5, 1.0], spending=(0.03, 0.02)), "may not fall"),
        (lambda: it.boundaries([0.5, 1.0], spending=(0.03, 0.06)), "exceed 0.05"),
        (lambda: it.boundaries([0.5, 0.7, 1.0], spending=lambda t, a: a * (1.2 - t)), "spending falls"),
        (lambda: it.boundaries([0.5, 1.0], futility=it.ZBound((0.1, 0.2))), "1 looks before the last"),
        (lambda: it.boundaries([0.5, 1.0], futility=it.ZBound(3.5)), "above those of efficacy"),
        (lambda: it.PowerFamily(0.0), "rho is 0.0"),
        (lambda: it.BetaSpending(1.0), "beta is 1.0"),
        (lambda: it.ConditionalPowerBound(under="hope"), "under is 'hope'"),
        (lambda: it.CumulativeAlpha((0.5, 1.0), (0.5,)), "as many shares"),
        (lambda: it.CumulativeAlpha((0.5, 1.0), (0.6, 0.5)), "may not fall"),
        (lambda: it.fixed_drift(0.02), "power is 0.02"),
        (lambda: it.drift_for_power(PLAN, 1.0), "power is 1.0"),
        (lambda: it.final_inference(PLAN, 3, 1.0), "look is 3"),
        (lambda: it.final_inference(PLAN, 1, math.nan), "z is nan"),
        (lambda: it.final_inference(PLAN, 2, 1.0, information=0.4), "increase"),
        (lambda: it.final_inference(PLAN, 1, 1.0, 0.0), "standard_error is 0.0"),
        (lambda: it.repeated_interval(PLAN, 0, 1.0, 1.0), "look is 0"),
        (lambda: it.conditional_power(1.0, 0.0), "fraction is 0.0"),
        (lambda: it.conditional_power(1.0, [0.5, 1.1]), "fraction is"),
        (lambda: it.predictive_power(1.0, 0.5, prior_sd=0.0), "prior_sd is 0.0"),
        (lambda: it.blinded_estimate([1.0, 2.0], [1]), "one row per child"),
        (lambda: it.blinded_estimate([1.0], [1], correction="em"), "correction is 'em'"),
        (lambda: it.blinded_estimate([1.0], [1], icc=1.5), "icc is 1.5"),
        (lambda: it.blinded_sample_size([1.0], [1], 0.0, 10), "effect is 0.0"),
        (lambda: it.blinded_sample_size([1.0], [1], 1.0, 0), "planned is 0"),
        (lambda: it.blinded_sample_size([1.0], [1], 1.0, 10, largest=5), "largest is 5"),
        (lambda: it.blinded_sample_size([1.0], [1], 1.0, 10, share_analysed=1.5), "may be 1 at most"),
        (lambda: it.blinded_sample_size([1.0], [1], 1.0, 10, treated_share=1.0), "treated_share is 1.0"),
    ],
)
def test_what_the_caller_gets_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
