"""Time to permanence: the analyses against R's published fits, libraries, hand-worked cases and brute force."""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels import as_written
from scipy import optimize, stats

from best_sim.trial.analysis import curves as cv
from best_sim.trial.analysis import survival as sv
from best_sim.trial.analysis.curves import ProductLimit, aalen_johansen, influences, kaplan_meier

# Huster, Brookmeyer & Self (1989) Biometrics 45:145; `diabetic` in R's survival. For each patient: whether younger than
# 20, then the time of the untreated and of the treated eye, with a minus where blindness was seen.
DIABETIC = np.fromstring(
    """0 46.23 46.23  1 -31.3 42.5  1 42.27 42.27  1 20.6 20.6  1 -0.3 38.77  1 -54.27 65.23  1 -10.8 63.5  1
    23.17 23.17  1 1.47 1.47  0 -13.83 58.07  0 48.53 -46.43  0 -7.9 44.4  0 39.57 39.57  0 -38.57 -30.83  0
    -14.1 66.27  1 -6.9 -20.17  0 -41.4 58.43  1 58.2 58.2  0 57.43 57.43  1 56.03 56.03  1 67.53 67.53  0
    -0.6 61.4  1 -1.63 -10.27  1 66.2 66.2  1 -13.83 -5.67  1 -29.97 58.83  0 -26.37 60.27  0 -1.33 -5.77  1
    -35.53 -5.9  0 -21.9 -25.63  1 -14.8 -33.9  1 -6.2 -1.73  0 -22 46.9  1 31.13 31.13  1 -22 -30.2  1 70.9
    70.9  0 -13.87 -25.8  0 -48.3 -5.73  1 53.43 53.43  1 51.1 -1.9  0 -9.9 -9.9  1 34.2 34.2  0 -2.67 46.73
    0 -13.83 18.73  0 -4.27 32.03  0 -13.9 69.87  1 66.8 66.8  1 64.73 64.73  1 -1.7 -1.7  1 -43.03 -1.77  1
    29.03 29.03  0 56.57 56.57  0 -8.3 -8.3  0 -18.43 21.57  1 31.57 31.57  0 -31.63 31.63  0 39.77 39.77  1
    -6.53 -18.7  1 18.9 18.9  1 -22.23 56.8  1 -14 55.6  1 -42.17 -42.17  1 -5.33 10.7  1 -59.8 66.33  0
    -5.83 52.33  1 -2.17 58.17  1 -48.43 -14.3  1 25.83 25.83  1 45.4 45.4  1 47.6 47.6  1 -9.6 -13.33  1
    42.1 42.1  1 39.93 39.93  1 -7.6 -14.27  1 -1.8 -34.57  1 -4.3 65.8  0 -12.2 -4.1  1 60.93 60.93  1 57.2
    57.2  0 -12.73 38.07  0 -54.1 54.1  1 -9.4 59.27  1 -9.9 -21.57  1 54.1 54.1  0 50.47 50.47  1 46.17
    46.17  1 46.3 46.3  0 38.83 38.83  1 44.6 44.6  1 43.07 43.07  0 40.03 -26.23  1 -18.03 41.6  0 38.07
    38.07  0 65.23 65.23  0 66.77 -7.07  1 -13.77 -13.77  0 -9.63 9.63  1 46.23 46.23  1 -1.5 45.73  0
    -33.63 -33.63  1 40.17 40.17  0 -27.6 -63.33  0 -1.63 -38.47  0 55.23 55.23  0 -25.3 52.77  1 -46.2
    57.17  0 -1.7 9.87  1 57.9 57.9  1 5.9 5.9  1 32.2 32.2  1 -0.83 -10.33  1 50.9 -6.13  1 -25.93 43.67  1
    38.3 38.3  0 -19.4 38.77  1 -21.97 38.07  1 38.3 38.3  1 70.03 -26.2  1 -18.03 62.57  0 -1.57 -13.83  0
    -13.37 46.5  1 -1.97 -11.07  0 -22.2 42.47  0 38.73 38.73  0 51.13 51.13  1 46.5 -6.1  1 -11.3 -2.1  1
    42.3 -17.73  1 26.47 26.47  1 10.77 10.77  0 55.33 55.33  1 58.67 58.67  0 -4.97 -12.93  0 -26.47 54.2
    1 49.57 49.57  0 -9.87 -24.43  0 50.23 50.23  1 -30.4 -13.97  1 -43.33 43.33  0 42.23 42.23  1 74.93
    74.93  0 66.93 66.93  1 73.43 73.43  0 -38.57 67.47  0 -3.67 3.67  1 67.03 -48.87  1 65.6 65.6  1 -15.83
    15.83  0 -8.83 20.07  1 67.43 67.43  1 1.47 1.47  1 -22.13 62.93  1 56.97 -6.3  1 -18.93 59.7  1 -19
    -13.8  0 55.13 55.13  1 -5.43 -13.57  0 42.2 42.2  0 38.27 38.27  1 -7.1 7.1  0 -26.17 63.63  1 -24.73
    59  0 54.37 54.37  0 -10.97 54.6  0 -21.1 63.87  0 -43.7 62.37  0 62.8 62.8  0 -14.37 63.33  0 58.53
    58.53  0 58.07 58.07  0 58.5 58.5  0 14.37 -1.5  1 -38.4 54.73  1 -2.83 50.63  0 51.1 51.1  0 -6.57
    49.93  0 -46.27 46.27  0 10.6 10.6  0 42.77 42.77  1 42.27 -34.37  1 42.07 42.07  1 38.77 38.77  0
    -61.83 74.97  1 66.97 -6.57  1 68.3 -38.87  1 -46.63 -42.43  1 67.07 67.07  1 2.7 -2.7  1 63.8 63.8  1
    32.63 32.63  0 62 62  1 54.8 -13.1  1 8 8  0 -42.33 51.6  0 -2.9 49.97  1 -1.43 45.9  0 41.93 41.93""",
    sep=" ",
).reshape(-1, 3)

# Wei, Lin & Weissfeld (1989) Journal of the American Statistical Association 84:1065; the first recurrences of
# `bladder` in R's survival. Thiotepa, time (with a minus where a recurrence was seen), size and number of tumours.
BLADDER = np.fromstring(
    """0 1 3 1  0 4 1 2  0 7 1 1  0 10 1 5  0 -6 1 4  0 14 1 1  0 18 1 1  0 -5 3 1  0 -12 1 1  0 23 3 3  0 -10
    3 1  0 -3 1 1  0 -3 1 3  0 -7 3 2  0 -3 1 1  0 26 2 1  0 -1 1 8  0 -2 4 1  0 -25 2 1  0 29 4 1  0 29 2 1
    0 29 1 4  0 -28 6 1  0 -2 5 1  0 -3 1 2  0 -12 3 1  0 32 2 1  0 34 1 2  0 36 1 2  0 -29 1 3  0 37 2 1  0
    -9 1 4  0 -16 1 5  0 41 2 1  0 -3 1 1  0 -6 6 2  0 -3 1 2  0 -9 1 1  0 -18 1 1  0 49 3 1  0 -35 1 3  0
    -17 7 1  0 -3 1 3  0 59 1 1  0 -2 2 3  0 -5 3 1  0 -2 3 2  1 1 3 1  1 1 1 1  1 -5 1 8  1 9 2 1  1 10 1 1
    1 13 1 1  1 -3 6 2  1 -1 3 5  1 18 1 5  1 -17 3 1  1 -2 1 5  1 -17 1 1  1 22 1 1  1 25 3 1  1 25 5 1  1
    25 1 1  1 -6 1 1  1 -6 1 1  1 -2 1 2  1 -26 3 8  1 38 1 1  1 -22 1 1  1 -4 1 6  1 -24 1 3  1 41 2 3  1
    41 1 1  1 -1 1 1  1 44 1 1  1 -2 1 6  1 45 2 1  1 -2 4 1  1 46 4 1  1 49 3 3  1 50 1 1  1 -4 1 4  1 54 4
    3  1 -38 1 2  1 59 3 1""",
    sep=" ",
).reshape(-1, 4)

# Freireich et al. (1963) Blood 21:699, as in Cox (1972): weeks of remission, with a minus where it ended.
MERCAPTOPURINE = [-6, -6, -6, 6, -7, 9, -10, 10, 11, -13, -16, 17, 19, 20, -22, -23, 25, 32, 32, 34, 35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def diabetic():
    """Time, event, treated, family (the patient) and covariate (juvenile) for each of the 394 eyes."""
    signed = DIABETIC[:, 1:].ravel()
    patient = np.repeat(np.arange(len(DIABETIC)), 2)
    return np.abs(signed), signed < 0, np.tile([0, 1], len(DIABETIC)), patient, DIABETIC[patient, 0]


def leukaemia():
    time = np.abs(np.array(MERCAPTOPURINE + PLACEBO, dtype=float))
    event = np.concatenate([np.array(MERCAPTOPURINE) < 0, np.ones(21, dtype=bool)])
    return time, event, np.repeat([1, 0], 21), np.arange(42)


def trial(seed, n_families=60, ratio=1.0, frailty=1.0, together=0.4, grid=7.0, sizes=(1, 2, 3), share=0.5):
    """Children of a family-randomised trial: time, cause, treated, family, covariates.

    Siblings share a gamma frailty, some families move on one day, days are whole weeks, and follow-up is uneven.
    """
    rng = np.random.default_rng(seed)
    size = rng.choice(sizes, n_families)
    family = np.repeat(np.arange(n_families), size)
    treated = (rng.permutation(n_families) < share * n_families)[family]
    covariates = np.column_stack([rng.normal(size=family.size), rng.integers(0, 2, n_families)[family]])
    shared = rng.gamma(1 / frailty, frailty, n_families)[family] if frailty else 1.0
    hazard = shared * ratio**treated / 300.0
    time = rng.exponential(size=family.size) / hazard
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    time = np.where((rng.random(n_families) < together)[family], time[first][family], time)
    time = np.ceil(time / grid) * grid if grid else time
    end = rng.uniform(200.0, 700.0, n_families)[family]
    cause = np.where(time <= end, rng.choice([1, 2, 3], family.size, p=[0.5, 0.3, 0.2]), 0)
    return np.minimum(time, end), cause, treated, family, covariates


class Curve(NamedTuple):
    times: np.ndarray
    share: np.ndarray
    error: np.ndarray


def curve(time, cause, of=None, family=None):
    """Incidence of kinds of event (of any by default) at every step, and its error from the influence of families."""
    cause = np.asarray(cause)
    seen, mine = cause > 0, (cause > 0 if of is None else np.isin(cause, of))
    steps = ProductLimit.of(time, seen)
    moved = influences(time, seen, mine, steps, np.arange(1, steps.times.size + 1))
    codes = np.arange(time.size) if family is None else np.unique(family, return_inverse=True)[1]
    sums = np.stack([np.bincount(codes, weights=column) for column in moved.T])
    return Curve(steps.times, steps.incidence(steps.count(time[mine])), np.sqrt((sums**2).sum(axis=1)))


def uncorrected(fit):
    """The standard error without the factor for few families."""
    return fit.standard_error * math.sqrt((fit.n_families - 1) / fit.n_families)


# --- published fits -----------------------------------------------------------------------------------------


@pytest.mark.published
def test_diabetic_retinopathy_is_the_clustered_fit_of_r():
    """`coxph(Surv(time, status) ~ trt + juvenile, cluster = id)`: the reference output of R's survival 3.5."""
    time, event, treated, patient, juvenile = diabetic()
    assert (time.size, event.sum()) == (394, 155)
    fit = sv.cox(time, event, treated, patient, juvenile)
    assert fit.estimate == pytest.approx(-0.77893, abs=5e-6)
    assert uncorrected(fit) == pytest.approx(0.14851, abs=5e-6)
    naive = sv.cox(time, event, treated, patient, juvenile, by_family=False)
    assert naive.standard_error == pytest.approx(0.16893, abs=5e-6)
    # Two eyes of one patient, one of each arm: what they share cancels, and the naive error is too large.
    assert fit.n_families == 197
    assert fit.standard_error < naive.standard_error


@pytest.mark.published
def test_bladder_tumours_are_the_fit_of_wei_lin_and_weissfeld():
    """The variance of their equation 3.2, and Efron's ties, as in the reference outputs of R's survival."""
    treated, time, event = BLADDER[:, 0], np.abs(BLADDER[:, 1]), BLADDER[:, 1] < 0
    assert (time.size, event.sum()) == (85, 47)
    breslow = sv.cox(time, event, treated, range(85), BLADDER[:, 2:], ties="breslow")
    assert breslow.estimate == pytest.approx(-0.5176209, abs=5e-8)
    assert uncorrected(breslow) ** 2 == pytest.approx(0.09455501, abs=5e-9)
    efron = sv.cox(time, event, treated, range(85), BLADDER[:, 2:])
    assert efron.estimate == pytest.approx(-0.52598, abs=5e-6)
    assert uncorrected(efron) == pytest.approx(0.31524, abs=5e-6)
    naive = sv.cox(time, event, treated, range(85), BLADDER[:, 2:], by_family=False)
    assert naive.standard_error == pytest.approx(0.31583, abs=5e-6)


@pytest.mark.published
def test_the_worked_example_of_therneau_and_grambsch():
    """Modeling Survival Data, appendix E: six children whose fit and residuals can be written down."""
    time, event, x = [9, 1, 1, 6, 6, 8], [1, 1, 0, 1, 1, 0], [0, 1, 1, 1, 0, 0]
    breslow = sv.cox(time, event, x, range(6), ties="breslow", by_family=False)
    assert breslow.estimate == pytest.approx(math.log(1.5 + math.sqrt(33) / 2), rel=1e-13)
    efron = sv.cox(time, event, x, range(6), by_family=False)
    truth = math.log(math.cos(math.acos(45 / 23 * math.sqrt(3 / 23)) / 3) * 2 * math.sqrt(23 / 3))
    assert efron.estimate == pytest.approx(truth, rel=1e-13)
    r = math.exp(truth)
    information = r / (r + 1) ** 2 + 5 * r / (r + 5) ** 2 + 3 * r / (r + 3) ** 2
    assert efron.standard_error == pytest.approx(1 / math.sqrt(information), rel=1e-12)

    order = np.argsort(time, kind="stable")
    columns = [np.array(column, dtype=float)[order] for column in (time, event, x)]
    expected = {
        "breslow": [0.21138938, 0.13564322, -0.05049744, -0.12624360, -0.38168095, 0.21138938],
        "efron": [0.2208584, 0.1132780, -0.0442340, -0.1029199, -0.4078409, 0.2208584],
    }
    for fit, ties in ((breslow, "breslow"), (efron, "efron")):
        weight = np.exp(fit.estimate * columns[2])
        residual = as_written(sv._compiled()).residuals(*columns, weight, ties == "efron")
        assert residual == pytest.approx(np.array(expected[ties])[order], abs=6e-8)
        assert residual.sum() == pytest.approx(0.0, abs=1e-12)

    # The influence of each on the Kaplan-Meier estimate at the three times of events, in 144ths.
    influence = np.array([-20, *[4] * 5, -10, 2, -13, -13, 17, 17, *[0] * 6]).reshape(3, 6).T / 144
    at, seen = columns[0], columns[1] > 0
    found = influences(at, seen, seen, ProductLimit.of(at, seen), np.array([1, 2, 3]))
    assert -found == pytest.approx(influence, abs=1e-15)


@pytest.mark.published
def test_remission_of_leukaemia():
    """Freireich's trial, in every textbook: Kleinbaum & Klein (2012); Kalbfleisch & Prentice (2002)."""
    time, event, treated, pair = leukaemia()
    plain = sv.log_rank(time, event, treated, pair, by_family=False)
    assert plain.statistic**2 == pytest.approx(16.793, abs=5e-4)
    # Observed less expected and its variance: -10.251 and 6.257.
    assert plain.standard_error**-2 == pytest.approx(6.2570, abs=5e-5)
    assert plain.estimate / plain.standard_error**2 == pytest.approx(-10.251, abs=5e-4)
    for ties, estimate, error in (("efron", -1.572, 0.412), ("breslow", -1.509, 0.410)):
        fit = sv.cox(time, event, treated, pair, ties=ties, by_family=False)
        assert (fit.estimate, fit.standard_error) == pytest.approx((estimate, error), abs=5e-4)

    steps = ProductLimit.of(time[:21], event[:21])
    assert steps.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert steps.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert steps.events.tolist() == [3, 1, 1, 1, 1, 1, 1]
    assert steps.survival == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4)
    errors = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    assert curve(time[:21], event[:21]).error == pytest.approx(errors, abs=5e-5)


@pytest.mark.published
def test_lung_cancer_is_the_curve_of_r(lifelines):
    """`survfit(Surv(time, status) ~ ph.ecog, lung)` and `survdiff(... ~ sex)`: reference outputs of R's survival."""
    lung = lifelines.datasets.load_lung()
    for group, days, survival, errors in (
        (0, [30, 180, 365, 730], [0.952, 0.841, 0.535, 0.193], [0.0268, 0.0461, 0.0728, 0.0707]),
        (1, [30, 180, 365, 730], [0.982, 0.751, 0.431, 0.114], [0.0124, 0.0407, 0.0509, 0.0388]),
        (2, [30, 180, 365, 730], [0.900, 0.5275, 0.2147, 0.0371], [0.0424, 0.0719, 0.0614, 0.0345]),
    ):
        mine = lung[lung["ph.ecog"] == group]
        time, event = mine["time"].to_numpy(float), mine["status"].to_numpy() > 0
        assert kaplan_meier(time, event, np.array(days)) == pytest.approx(survival, abs=6e-4)
        found = curve(time, event)
        at = np.searchsorted(found.times, days, side="right") - 1
        assert found.error[at] == pytest.approx(errors, abs=6e-5)
    fit = sv.log_rank(lung["time"], lung["status"], lung["sex"] == 2, lung.index, by_family=False)
    assert fit.statistic**2 == pytest.approx(10.3, abs=0.05)
    assert fit.p_value == pytest.approx(0.001, abs=5e-4)


# --- independent oracles ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_log_rank_equals_lifelines(lifelines, seed):
    time, cause, treated, family, _ = trial(seed)
    event = cause > 0
    fit = sv.log_rank(time, event, treated, family, by_family=False)
    other = lifelines.statistics.logrank_test(time[treated], time[~treated], event[treated], event[~treated])
    assert (fit.statistic**2, fit.p_value) == pytest.approx((other.test_statistic, other.p_value), rel=1e-10)
    assert math.isinf(fit.df)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_equals_statsmodels(seed, ties):
    time, cause, treated, family, covariates = trial(seed)
    design = np.column_stack([covariates, treated])
    other = sm.PHReg(time, design, status=(cause > 0).astype(int), ties=ties)
    model = other.fit()
    naive = sv.cox(time, cause > 0, treated, family, covariates, ties=ties, by_family=False)
    # statsmodels stops its search at about six digits; one Newton step more gives all of them.
    best = model.params - np.linalg.solve(other.hessian(model.params), other.score(model.params))
    error = math.sqrt(np.linalg.inv(-other.hessian(best))[2, 2])
    assert (naive.estimate, naive.standard_error) == pytest.approx((best[2], error), rel=1e-10)
    clustered = sv.cox(time, cause > 0, treated, family, covariates, ties=ties)
    assert clustered.df == 59
    # With Efron's ties statsmodels takes Breslow's residuals for the sandwich.
    tolerance = 1e-7 if ties == "breslow" else 0.05
    assert uncorrected(clustered) == pytest.approx(other.fit(groups=family).bse[2], rel=tolerance)


@pytest.mark.parametrize("seed", range(3))
def test_cox_equals_lifelines(lifelines, seed):
    """Where times are not tied; where they are, lifelines shares residuals out a little differently from R."""
    for grid, tolerance in ((0.0, 1e-6), (7.0, 0.02)):
        time, cause, treated, family, covariates = trial(seed, grid=grid, together=0.0)
        frame = pd.DataFrame(
            {"time": time, "event": cause > 0, "x": covariates[:, 0], "arm": treated, "family": family}
        )
        other = lifelines.CoxPHFitter().fit(frame, "time", "event", cluster_col="family")
        fit = sv.cox(time, cause > 0, treated, family, covariates[:, 0])
        assert fit.estimate == pytest.approx(other.params_["arm"], rel=1e-6)
        assert uncorrected(fit) == pytest.approx(other.standard_errors_["arm"], rel=tolerance)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_maximises_the_likelihood_written_out(ties):
    """Against the partial likelihood in a few plain lines, and the sandwich as a jackknife in the limit."""
    time, cause, treated, family, covariates = trial(11, n_families=30)
    event = cause > 0
    x = np.column_stack([covariates, treated])

    def minus_likelihood(beta, weight):
        total = 0.0
        risk = weight * np.exp(x @ beta)
        for now in np.unique(time[event]):
            tied = np.flatnonzero(event & (time == now))
            mean_weight = weight[tied].mean()
            total += weight[tied] @ x[tied] @ beta
            for turn in range(tied.size):
                gone = turn / tied.size if ties == "efron" else 0.0
                total -= mean_weight * math.log(risk[time >= now].sum() - gone * risk[tied].sum())
        return -total

    def maximum(weight, start):
        return optimize.minimize(minus_likelihood, start, weight, method="BFGS", options={"gtol": 1e-9}).x

    fit = sv.cox(time, event, treated, family, covariates, ties=ties)
    ones = np.ones(time.size)
    best = maximum(ones, np.zeros(3))
    assert fit.estimate == pytest.approx(best[2], abs=1e-6)
    # How the estimate moves with the weight of a whole family is the sum of its members' influences.
    step = 1e-3
    moves = np.empty(30)
    for f in range(30):
        up, down = (maximum(ones + sign * step * (family == f), best)[2] for sign in (1, -1))
        moves[f] = (up - down) / (2 * step)
    assert uncorrected(fit) == pytest.approx(math.sqrt((moves**2).sum()), rel=1e-3)


def test_log_rank_is_the_score_of_cox_at_zero():
    time, cause, treated, family, _ = trial(5)
    event = cause > 0
    fit = sv.log_rank(time, event, treated, family)
    score = 0.0
    by_child = np.zeros(time.size)
    for now in np.unique(time[event]):
        risk, dying = time >= now, event & (time == now)
        share = treated[risk].mean()
        score += (treated[dying] - share).sum()
        by_child += (treated - share) * (dying - risk * dying.sum() / risk.sum())
    residuals = np.bincount(family, weights=by_child)
    assert residuals.sum() == pytest.approx(score)
    assert fit.statistic == pytest.approx(score / math.sqrt(60 / 59 * (residuals**2).sum()), rel=1e-10)


def test_without_censoring_a_difference_of_incidences_is_one_of_shares():
    rng = np.random.default_rng(3)
    treated, cause = np.arange(80) % 2, rng.integers(1, 4, 80)
    time = rng.uniform(1.0, 99.0, 80)
    fit = cv.incidence_difference(time, cause, treated, range(80), of=1, horizon=100.0)
    y = cause == 1
    other = stats.ttest_ind(y[treated == 1], y[treated == 0], equal_var=False)
    assert (fit.statistic, fit.p_value) == pytest.approx((other.statistic, other.pvalue), rel=1e-10)
    assert fit.interval == pytest.approx(tuple(other.confidence_interval(0.95)), rel=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_kaplan_meier_equals_lifelines(lifelines, seed):
    time, cause, _, family, _ = trial(seed)
    seen = cause > 0
    steps, found = ProductLimit.of(time, seen), curve(time, cause)
    other = lifelines.KaplanMeierFitter(alpha=0.1).fit(time, seen)
    at = np.arange(0.5, time.max(), 3.5)
    theirs = other.survival_function_at_times(at).to_numpy()
    assert kaplan_meier(time, seen, at) == pytest.approx(theirs, rel=1e-12)
    assert found.share == pytest.approx(1.0 - steps.survival, abs=1e-14)
    # Its interval is on the scale of log(-log S), with Greenwood's error.
    s, inner = steps.survival, steps.survival > 0
    reach = stats.norm.ppf(0.95) * found.error[inner] / (s[inner] * -np.log(s[inner]))
    low, high = other.confidence_interval_survival_function_.loc[steps.times].to_numpy()[inner].T
    assert s[inner] ** np.exp(reach) == pytest.approx(low, rel=1e-9)
    assert s[inner] ** np.exp(-reach) == pytest.approx(high, rel=1e-9)
    table = other.event_table.loc[steps.times]
    assert steps.at_risk.tolist() == table["at_risk"].tolist()
    assert steps.events.tolist() == table["observed"].tolist()
    assert curve(time, cause, family=family).error.sum() > 1.1 * found.error.sum()


@pytest.mark.parametrize("seed", range(3))
def test_incidence_equals_lifelines_and_the_formula_of_greenwoods_type(lifelines, seed):
    time, cause, _, _, _ = trial(seed, grid=0.0, together=0.0)
    found = curve(time, cause, 2)
    other = lifelines.AalenJohansenFitter().fit(time, cause, event_of_interest=2)
    at = np.searchsorted(other.cumulative_density_.index, found.times)
    assert found.share == pytest.approx(other.cumulative_density_.iloc[at, 0].to_numpy(), abs=1e-12)
    assert aalen_johansen(time, cause, found.times, 3)[1] == pytest.approx(found.share, abs=1e-14)
    assert found.error**2 == pytest.approx(np.ravel(other.variance_)[at], abs=1e-12)

    # lifelines breaks ties at random, so for them the formula itself (Marubini & Valsecchi 1995, section 10.2).
    time, cause, _, _, _ = trial(seed)
    found = curve(time, cause, 2)
    before, total, variance = 1.0, 0.0, []
    terms = []
    for now in found.times:
        n, d, mine = (
            (time >= now).sum(),
            ((time == now) & (cause > 0)).sum(),
            ((time == now) & (cause == 2)).sum(),
        )
        total += before * mine / n
        terms.append((total, n, d, mine, before))
        before *= 1 - d / n
        variance.append(
            sum(
                (total - f) ** 2 * (d / (n * (n - d)) if n > d else 0.0)
                + s**2 * e * (n - e) / n**3
                - 2 * (total - f) * s * e / n**2
                for f, n, d, e, s in terms
            )
        )
    assert found.share[-1] == pytest.approx(total, rel=1e-12)
    assert found.error**2 == pytest.approx(variance, rel=1e-10, abs=1e-15)


def test_influence_is_the_derivative_in_the_weight_of_a_family():
    time, cause, treated, family, _ = trial(7, n_families=25)
    horizon = 330.0

    def incidence(weight):
        left, share = 1.0, 0.0
        for now in np.unique(time[(cause > 0) & (time <= horizon)]):
            risk, here = weight[time >= now].sum(), time == now
            share += left * weight[here & (cause == 1)].sum() / risk
            left *= 1 - weight[here & (cause > 0)].sum() / risk
        return share

    moves = np.array(
        [
            (incidence(1 + 1e-5 * (family == f)) - incidence(1 - 1e-5 * (family == f))) / 2e-5
            for f in range(25)
        ]
    )
    found = curve(time, cause, 1, family)
    last = np.searchsorted(found.times, horizon, side="right") - 1
    assert found.share[last] == pytest.approx(incidence(np.ones(time.size)), rel=1e-12)
    assert found.error[last] == pytest.approx(math.sqrt((moves**2).sum()), rel=1e-8)
    # The delete-one jackknife over families is near.
    dropped = np.array([incidence(1.0 * (family != f)) for f in range(25)])
    jackknife = math.sqrt(24 / 25 * ((dropped - dropped.mean()) ** 2).sum())
    assert found.error[last] == pytest.approx(jackknife, rel=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_difference_of_incidences_comes_from_the_curves(seed):
    time, cause, treated, family, _ = trial(seed)
    horizon = 280.0
    fit = cv.incidence_difference(time, cause, treated, family, of=[1, 2], horizon=horizon)
    arms = [curve(time[arm], cause[arm], [1, 2], family[arm]) for arm in (treated, ~treated)]
    families = [len(np.unique(family[arm])) for arm in (treated, ~treated)]
    at = [np.searchsorted(one.times, horizon, side="right") - 1 for one in arms]
    assert fit.estimate == pytest.approx(arms[0].share[at[0]] - arms[1].share[at[1]], rel=1e-12)
    parts = [one.error[k] ** 2 * n / (n - 1) for one, k, n in zip(arms, at, families, strict=True)]
    assert fit.standard_error == pytest.approx(math.sqrt(sum(parts)), rel=1e-10)
    welch = sum(parts) ** 2 / sum(part**2 / (n - 1) for part, n in zip(parts, families, strict=True))
    assert fit.df == pytest.approx(welch, rel=1e-10)


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_incidences_of_all_kinds_add_up(seed):
    time, cause, _, family, _ = trial(seed)
    kinds = [curve(time, cause, kind, family).share for kind in (1, 2, 3)]
    together = curve(time, cause, [1, 2, 3], family)
    assert sum(kinds) == pytest.approx(together.share, abs=1e-12)
    at = np.arange(0.0, 800.0, 50.0)
    shares = aalen_johansen(time, cause, at, kinds=3)
    whole = 1.0 - kaplan_meier(time, cause > 0, at)
    assert shares.sum(axis=0) == pytest.approx(whole, abs=1e-12, nan_ok=True)
    if ProductLimit.of(time, cause > 0).survival[-1] > 0.0:
        assert np.isnan(shares[:, at > time.max()]).all()


def test_curves_at_their_ends():
    none, nobody = np.zeros(0), np.zeros(0, bool)
    assert np.isnan(kaplan_meier(none, nobody, np.array([1.0]))).all()
    assert np.isnan(aalen_johansen(none, none.astype(int), np.array([1.0, 2.0]), 3)).all()
    waiting = kaplan_meier(np.array([5.0, 8.0]), np.zeros(2, bool), np.array([0.0, 8.0, 8.1]))
    assert waiting == pytest.approx([1.0, 1.0, math.nan], nan_ok=True)
    # By hand: of four, one at 2, two at 5, the last at 9.
    days = np.array([2.0, 5.0, 5.0, 9.0])
    assert ProductLimit.of(days, np.ones(4, bool)).survival == pytest.approx([0.75, 0.25, 0.0])
    assert curve(days, np.ones(4, int)).error == pytest.approx([math.sqrt(3 / 64), math.sqrt(3 / 64), 0.0])
    left = kaplan_meier(days, np.ones(4, bool), np.array([1.9, 2.0, 5.0, 100.0]))
    assert left == pytest.approx([1.0, 0.75, 0.25, 0.0])
    # And with a censored child and two kinds: at 2 one of four, at 5 half of two have the second kind.
    days, cause = np.array([2.0, 3.0, 5.0, 9.0]), np.array([1, 0, 2, 0])
    found = aalen_johansen(days, cause, np.array([4.0, 9.0, 9.5]), 2)
    assert found[0] == pytest.approx([0.25, 0.25, math.nan], nan_ok=True)
    assert found[1] == pytest.approx([0.0, 0.375, math.nan], nan_ok=True)
    # Two siblings who always move together are one child counted twice.
    single = np.array([2.0, 5.0, 7.0]), np.array([1, 1, 0])
    twins = curve(np.repeat(single[0], 2), np.repeat(single[1], 2), family=np.repeat([0, 1, 2], 2))
    assert twins.error == pytest.approx(curve(*single).error, rel=1e-12)


def test_competing_ends_by_hand():
    """Four children: home at 100, adopters at 200, watched to 300 without either, home at 400."""
    days, cause = np.array([100.0, 200.0, 300.0, 400.0]), np.array([1, 2, 0, 1])
    got = aalen_johansen(days, cause, np.array([50.0, 100.0, 200.0, 399.0, 400.0, 500.0]), kinds=2)
    # one of four; then a third of three quarters; then all of the half that is left
    assert got[0] == pytest.approx([0.0, 0.25, 0.25, 0.25, 0.75, 0.75])
    assert got[1] == pytest.approx([0.0, 0.0, 0.25, 0.25, 0.25, 0.25])
    assert np.isnan(aalen_johansen(days[:3], cause[:3], np.array([301.0]), kinds=2)).all()


@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=40))
def test_kaplan_meier_of_anybody_is_that_of_lifelines(lifelines, people):
    days, seen = np.array([float(d) for d, _ in people]), np.array([r for _, r in people])
    at = np.arange(0.5, days.max(), 0.5)
    theirs = lifelines.KaplanMeierFitter().fit(days, seen).survival_function_at_times(at).to_numpy()
    assert kaplan_meier(days, seen, at) == pytest.approx(theirs, abs=1e-12)


# --- properties ---------------------------------------------------------------------------------------------

ANALYSES = {
    "log-rank": lambda time, cause, *rest: sv.log_rank(time, np.asarray(cause) > 0, *rest),
    "log-rank-children": lambda time, cause, *rest: sv.log_rank(
        time, np.asarray(cause) > 0, *rest, by_family=False
    ),
    "cox": lambda time, cause, *rest: sv.cox(time, np.asarray(cause) > 0, *rest),
    "cox-breslow": lambda time, cause, *rest: sv.cox(time, np.asarray(cause) > 0, *rest, ties="breslow"),
    "incidence": lambda *rows: cv.incidence_difference(*rows, of=1, horizon=250.0),
}
RATIOS = [name for name in ANALYSES if name != "incidence"]


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_order_names_and_arms_do_not_matter(seed):
    time, cause, treated, family, _ = trial(seed)
    order = np.random.default_rng(seed).permutation(time.size)
    names = np.array([f"family {99 - f}" for f in range(60)])
    for analyse in ANALYSES.values():
        fit = analyse(time, cause, treated, family)
        other = analyse(time[order], cause[order], treated[order], names[family[order]])
        mirrored = analyse(time, cause, ~treated, family)
        assert (other.estimate, other.p_value) == pytest.approx(
            (fit.estimate, fit.p_value), rel=1e-8, abs=1e-12
        )
        assert mirrored.estimate == pytest.approx(-fit.estimate, rel=1e-8, abs=1e-12)
        assert mirrored.standard_error == pytest.approx(fit.standard_error, rel=1e-8)


@given(st.integers(0, 10_000), st.floats(0.2, 5.0))
@settings(max_examples=40)
def test_only_the_order_of_times_matters(seed, power):
    time, cause, treated, family, covariates = trial(seed)
    for name in RATIOS:
        fit = ANALYSES[name](time, cause, treated, family)
        other = ANALYSES[name]((1.0 + time / 700.0) ** power, cause, treated, family)
        assert (other.estimate, other.p_value) == pytest.approx((fit.estimate, fit.p_value), rel=1e-12)
    fit = sv.cox(time, cause > 0, treated, family, covariates)
    other = sv.cox(time, cause > 0, treated, family, 1e3 + 0.1 * covariates)
    assert (other.estimate, other.standard_error) == pytest.approx(
        (fit.estimate, fit.standard_error), rel=1e-6
    )


@given(st.integers(0, 10_000), st.sampled_from([0.0, 30.0, 400.0]), st.sampled_from(["efron", "breslow"]))
@settings(max_examples=30)
def test_compiled_and_interpreted_agree(seed, grid, ties):
    time, cause, treated, family, covariates = trial(seed, n_families=12, grid=grid)
    found = []
    for kernels in (sv._compiled(), as_written(sv._compiled())):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sv, "_compiled", lambda kernels=kernels: kernels)
            found.append(
                (
                    sv.cox(time, cause > 0, treated, family, covariates, ties=ties),
                    sv.log_rank(time, cause > 0, treated, family),
                )
            )
    for compiled, interpreted in zip(*found, strict=True):
        ours = (compiled.estimate, compiled.standard_error, compiled.p_value)
        theirs = (interpreted.estimate, interpreted.standard_error, interpreted.p_value)
        assert ours == pytest.approx(theirs, rel=1e-7, abs=1e-10, nan_ok=True)
        assert compiled.note == interpreted.note


def test_threads_give_the_same_fits():
    trials = [trial(seed) for seed in range(40)]

    def fit(rows):
        return sv.cox(rows[0], rows[1] > 0, *rows[2:])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fit, trials)) == [fit(rows) for rows in trials]


def test_missing_rows_are_dropped_and_counted():
    time, cause, treated, family, covariates = trial(4)
    keep = np.ones(time.size, dtype=bool)
    keep[[0, 5, 9]] = False
    holed_time, holed_cause = time.copy(), cause.astype(float)
    holed_time[[0, 5]] = np.nan
    holed_cause[9] = np.nan
    holed = ANALYSES["incidence"](holed_time, holed_cause, treated, family)
    whole = ANALYSES["incidence"](time[keep], cause[keep], treated[keep], family[keep])
    assert (holed.n_dropped, holed.n_children, holed.p_value) == (3, time.size - 3, whole.p_value)
    event = np.where(np.isnan(holed_cause), np.nan, holed_cause > 0)
    holes = covariates.copy()
    holes[9, 0] = np.nan
    for fit, other in (
        (
            sv.log_rank(holed_time, event, treated, family),
            sv.log_rank(time[keep], cause[keep] > 0, treated[keep], family[keep]),
        ),
        (
            sv.cox(holed_time, cause > 0, treated, family, holes),
            sv.cox(time[keep], cause[keep] > 0, treated[keep], family[keep], covariates[keep]),
        ),
    ):
        assert (fit.n_dropped, fit.p_value) == (3, other.p_value)


def test_redundant_covariates_are_left_out():
    time, cause, treated, family, covariates = trial(4)
    redundant = np.column_stack(
        [covariates, np.zeros(time.size), covariates.sum(axis=1), np.full(time.size, 7.0)]
    )
    fit, other = (sv.cox(time, cause > 0, treated, family, x) for x in (covariates, redundant))
    assert (other.estimate, other.p_value) == pytest.approx((fit.estimate, fit.p_value), rel=1e-10)


def test_singletons_alone_are_children_alone():
    """Without siblings the two variances estimate the same."""
    time, cause, treated, family, _ = trial(0, n_families=600, sizes=(1,))
    robust, naive = (sv.cox(time, cause > 0, treated, family, by_family=by) for by in (True, False))
    assert robust.standard_error == pytest.approx(naive.standard_error, rel=0.05)


# --- trials that cannot be analysed -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ANALYSES)
@pytest.mark.parametrize(
    ("time", "cause", "treated", "family", "note"),
    [
        ([], [], [], [], "no child"),
        ([1, 2, 3, 4], [1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 2, 3], "an arm is empty"),
        ([1, 2, 3, np.nan], [1, 1, 1, 1], [1, 1, 1, 0], [0, 1, 2, 3], "an arm is empty"),
        ([1, 2, 3, 5], [1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1], "only 2 families"),
        ([1, 2, 3, 5], [1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0], "only 1 families"),
        ([400] * 6, [0] * 6, [1, 1, 1, 0, 0, 0], [0, 1, 2, 3, 4, 5], "event was seen"),
        ([90] * 6, [1] * 6, [1, 1, 1, 0, 0, 0], [0, 1, 2, 3, 4, 5], "all at once|do not vary"),
    ],
)
def test_degenerate_trials_give_a_fit_that_says_so(name, time, cause, treated, family, note):
    fit = ANALYSES[name](time, cause, treated, family)
    assert not fit.converged
    assert any(part in fit.note for part in note.split("|")), fit.note
    assert math.isnan(fit.p_value)
    assert all(math.isnan(end) for end in fit.interval)


def test_an_arm_without_events_has_no_hazard_ratio_but_a_test():
    time = np.tile([100.0, 200.0, 300.0, 400.0], 6)
    treated = np.repeat([1, 0], 12)
    cause = (treated == 0) * (time < 350.0)
    for ties in ("efron", "breslow"):
        for arm in (treated, 1 - treated):
            fit = sv.cox(time, cause, arm, range(24), ties=ties)
            assert (fit.converged, fit.note) == (False, sv.INFINITE)
    test = sv.log_rank(time, cause, treated, range(24))
    assert test.converged
    assert test.estimate < 0 and test.p_value < 0.05
    incidence = cv.incidence_difference(time, cause, treated, range(24), of=1, horizon=350.0)
    assert incidence.estimate == pytest.approx(-0.75)
    assert incidence.note == cv.ONE_CERTAIN
    assert incidence.standard_error == pytest.approx(math.sqrt(0.75 * 0.25 / 11))


def test_a_site_without_events_does_not_spoil_the_contrast():
    """Its hazard ratio is zero; the arms are compared in the other sites, as if it had not been there."""
    time, cause, treated, family, covariates = trial(2)
    site = family % 10 == 0
    cause = np.where(site, 0, cause)
    fit = sv.cox(time, cause > 0, treated, family, np.column_stack([covariates[:, 0], site]))
    assert fit.converged
    assert fit.note == sv.COVARIATE_INFINITE
    rest = sv.cox(time[~site], cause[~site] > 0, treated[~site], family[~site], covariates[~site, 0])
    assert fit.estimate == pytest.approx(rest.estimate, rel=1e-6)
    assert uncorrected(fit) == pytest.approx(uncorrected(rest), rel=1e-6)


def test_other_degenerate_trials():
    time, event, treated = [1.0, 4.0, 2.0, 3.0, 7.0, 5.0], [1] * 6, [1, 1, 1, 0, 0, 0]
    assert sv.cox(time, event, treated, range(6), treated).note == sv.ALIASED
    # The arms wait one after the other.
    apart = [1.0, 2.0, 3.0, 7.0, 8.0, 9.0], [0, 0, 0, 1, 1, 1]
    assert sv.cox(*apart, treated, range(6)).note == sv.NEVER_TOGETHER
    assert sv.log_rank(*apart, treated, range(6)).note == sv.NEVER_TOGETHER
    # One arm is lost to follow-up before the horizon; but if all its children have had an event, nobody is missing.
    rows = [10.0, 20.0, 30.0, 90.0, 90.0, 90.0], treated, range(6)
    assert (
        cv.incidence_difference(rows[0], [1, 0, 0, 1, 0, 0], *rows[1:], of=1, horizon=60.0).note
        == cv.NOT_FOLLOWED
    )
    done = cv.incidence_difference(rows[0], [1, 2, 1, 1, 0, 0], *rows[1:], of=1, horizon=60.0)
    assert done.estimate == pytest.approx(2 / 3)
    assert (
        cv.incidence_difference(*rows[:1], [2, 2, 2, 0, 0, 0], *rows[1:], of=1, horizon=60.0).note
        == cv.NO_SUCH_EVENT
    )
    one_family = cv.incidence_difference(
        [90.0] * 6, [1, 0, 1, 1, 0, 1], treated, [0, 0, 0, 1, 2, 3], of=1, horizon=60.0
    )
    assert one_family.note == cv.ONE_FAMILY
    # More covariates than events.
    crowded = sv.cox(time, [1, 0, 0, 1, 0, 0], treated, range(6), np.eye(6)[:, 1:4])
    assert not crowded.converged or math.isfinite(crowded.p_value)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: sv.log_rank([1, 2], [1], [1, 0], [0, 1]), "one row per child"),
        (lambda: sv.log_rank([1, -2], [1, 1], [1, 0], [0, 1]), "negative"),
        (lambda: sv.log_rank([1, 2], [1, 2], [1, 0], [0, 1]), "event may only hold 0 and 1"),
        (lambda: sv.cox([1, 2], [1, 1], [1, 3], [0, 1]), "treated may only hold 0 and 1"),
        (lambda: sv.cox([1, 2], [1, 1], [1, 0], [0, 1], [1, 2, 3]), "covariates need one row per child"),
        (lambda: sv.cox([1, 2], [1, 1], [1, 0], [0, 1], ties="exact"), "'efron' or 'breslow'"),
        (lambda: cv.incidence_difference([1, 2], [1, 0.5], [1, 0], [0, 1], of=1, horizon=9), "whole numbers"),
        (lambda: cv.incidence_difference([1, 2], [1, 0], [1, 0], [0, 1], of=0, horizon=9), "kinds of event"),
        (lambda: cv.incidence_difference([1, 2], [1, 0], [1, 0], [0, 1], of=[], horizon=9), "kinds of event"),
        (
            lambda: cv.incidence_difference([1, 2], [1, 0], [1, 2], [0, 1], of=1, horizon=9),
            "treated may only hold",
        ),
        (lambda: cv.incidence_difference([1], [1], [1], [0], of=1, horizon=0.0), "positive and finite"),
    ],
)
def test_mistakes_of_the_caller_are_errors(call, match):
    with pytest.raises(ValueError, match=match):
        call()


# --- do they keep their promises ----------------------------------------------------------------------------


@pytest.mark.theory
@pytest.mark.parametrize("share", [0.5, 0.35])
def test_size_in_families_like_the_trials(share):
    """Trials without effect, siblings alike and often moving together: 5 % reject, to four Monte Carlo errors."""
    n = 1500
    rejected = dict.fromkeys([*ANALYSES, "cox-children"], 0)
    for seed in range(n):
        rows = trial(seed, n_families=120, share=share)[:4]
        for name, analyse in ANALYSES.items():
            rejected[name] += analyse(*rows).p_value < 0.05
        rejected["cox-children"] += sv.cox(rows[0], rows[1] > 0, *rows[2:], by_family=False).p_value < 0.05
    reach = 4 * math.sqrt(0.05 * 0.95 / n)
    for name in ("log-rank", "cox", "cox-breslow", "incidence"):
        assert abs(rejected[name] / n - 0.05) < reach, name
    # Siblings taken for strangers.
    for name in ("log-rank-children", "cox-children"):
        assert rejected[name] / n > 0.05 + reach, name


@pytest.mark.theory
def test_the_interval_of_cox_covers_a_marginal_hazard_ratio():
    """Without frailty, but with families that move together, the hazards are proportional: 95 % cover."""
    n, truth, covered = 1500, math.log(1.6), 0
    for seed in range(n):
        rows = trial(seed, n_families=100, ratio=1.6, frailty=0.0, together=0.6, grid=1.0)
        low, high = sv.cox(rows[0], rows[1] > 0, *rows[2:4]).interval
        covered += low < truth < high
    assert abs(covered / n - 0.95) < 4 * math.sqrt(0.05 * 0.95 / n)
