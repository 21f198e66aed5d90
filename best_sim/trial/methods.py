"""The analyses that an experiment may name: each with the kind of outcome it is for, and what its contrast is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from best_sim.pathway.words import HOME
from best_sim.scenario.durations import YEAR
from best_sim.trial.analysis import (
    Fit,
    ancova_cluster_robust,
    clustered_bootstrap,
    complier_average,
    cox,
    incidence_difference,
    log_rank,
    mixed_model,
    multiple_imputation,
    negative_binomial,
    poisson_robust,
    repeated_measures,
    risk_difference,
    risk_ratio,
    t_test_children,
    t_test_family_means,
)
from best_sim.trial.outcomes import OUTCOMES, AnalysisSet, Kind


@dataclass(frozen=True)
class Method:
    """An analysis by name.

    Attributes
    ----------
    name : str
    kind : {"score", "count", "yes or no", "time", "amount"}
        Of outcome.
    label : str
        In words.
    scale : {"difference", "log ratio"}
        Of its estimate: LIFT less SAU in units of the outcome, or the logarithm of a ratio, LIFT over SAU.
    run : callable
        ``run(data, alpha, delta)`` gives the fit; `delta` is a shift of imputed outcomes of the LIFT arm, and 0 for an
        analysis that imputes none.
    imputes : bool
        Whether it fills in scores that are not known.
    of_all_visits : bool
        Whether it takes the scores of earlier visits for outcomes too.
    estimates : {"allocation", "complier average"}
        The effect of what: of allocation, or of LIFT on families that receive it because they are allocated to it.
    unit : str
        Of a difference, where it is not that of the outcome; what the logarithm is of, where it is one of a ratio.
    above : str
        What an estimate above none means, where it is not what it means of the outcome.
    """

    name: str
    kind: Kind
    label: str
    scale: str
    run: Callable[[AnalysisSet, float, float], Fit]
    imputes: bool = False
    of_all_visits: bool = False
    estimates: str = "allocation"
    unit: str = ""
    above: str = ""

    @property
    def is_ratio(self) -> bool:
        """Whether its estimate is the logarithm of a ratio."""
        return self.scale == "log ratio"

    @property
    def keeps_unseen(self) -> bool:
        """Whether it wants children whose score at the visit is not known, too."""
        return self.imputes or self.of_all_visits

    def used(self, data: AnalysisSet) -> np.ndarray:
        """Which children of the analysis set it is made of."""
        if self.imputes:
            return np.ones(len(data.y), bool)
        if self.of_all_visits:
            return np.asarray((~np.isnan(data.visits[:, : data.visit])).any(axis=1))
        return np.asarray(~np.isnan(data.y))


def _mixed(df: str) -> Callable[[AnalysisSet, float, float], Fit]:
    def run(data: AnalysisSet, alpha: float, delta: float) -> Fit:
        return mixed_model(data.y, data.treated, data.family, data.covariates, df=df, alpha=alpha)  # type: ignore[arg-type]

    return run


def _plain(fit: Callable[..., Fit]) -> Callable[[AnalysisSet, float, float], Fit]:
    def run(data: AnalysisSet, alpha: float, delta: float) -> Fit:
        return fit(data.y, data.treated, data.family, data.covariates, alpha=alpha)

    return run


def _complier(data: AnalysisSet, alpha: float, delta: float) -> Fit:
    return complier_average(
        data.y, data.treated, data.family, data.covariates, received=data.had_lift, alpha=alpha
    )


def _generator(data: AnalysisSet) -> np.random.Generator:
    """Of numbers that an analysis itself draws: a function of the trial that is analysed."""
    seed, replicate, scoring = data.luck
    return np.random.Generator(np.random.Philox(key=np.array([seed, replicate], np.uint64), counter=scoring))


def _imputed(data: AnalysisSet, alpha: float, delta: float) -> Fit:
    earlier = data.visits[:, : data.visit - 1]
    return multiple_imputation(
        data.y, data.treated, data.family, data.covariates, auxiliary=earlier, generator=_generator(data), delta=delta,
        alpha=alpha,
    )  # fmt: skip


def _repeated(data: AnalysisSet, alpha: float, delta: float) -> Fit:
    """All visits until the one that is asked for; a baseline is an outcome here, so it is no covariate."""
    measured = ~np.isnan(data.baseline)
    of_baseline = 0 if not measured.any() else 1 if measured.all() else 2
    scores = data.visits[:, : data.visit]
    held = ~np.isnan(scores).all(axis=0)
    held[-1] = True
    return repeated_measures(
        scores[:, held],
        data.treated,
        data.family,
        data.covariates[:, of_baseline:],
        baseline=bool(held[0]),
        alpha=alpha,
    )


def _bootstrap(data: AnalysisSet, alpha: float, delta: float) -> Fit:
    return clustered_bootstrap(data.y, data.treated, data.family, generator=_generator(data), alpha=alpha)


def _count(fit: Callable[..., Fit]) -> Callable[[AnalysisSet, float, float], Fit]:
    def run(data: AnalysisSet, alpha: float, delta: float) -> Fit:
        return fit(data.y, data.treated, data.family, data.covariates, exposure=data.exposure, alpha=alpha)

    return run


def _time(fit: Callable[..., Fit]) -> Callable[[AnalysisSet, float, float], Fit]:
    def run(data: AnalysisSet, alpha: float, delta: float) -> Fit:
        return fit(data.y, data.event, data.treated, data.family, data.covariates, alpha=alpha)

    return run


def _log_rank(data: AnalysisSet, alpha: float, delta: float) -> Fit:
    return log_rank(data.y, data.event, data.treated, data.family, alpha=alpha)


def _home(data: AnalysisSet, alpha: float, delta: float) -> Fit:
    return incidence_difference(
        data.y, data.cause, data.treated, data.family, of=HOME + 1, horizon=2 * YEAR, alpha=alpha
    )


_DIFFERENCE, _LOG_RATIO = "difference", "log ratio"
_ALL = (
    Method(
        "mixed-model", "score", "random intercept for each family, REML, Satterthwaite", _DIFFERENCE,
        _mixed("satterthwaite"),
    ),
    Method(
        "mixed-model-kenward-roger", "score", "random intercept for each family, REML, Kenward and Roger", _DIFFERENCE,
        _mixed("kenward-roger"),
    ),
    Method(
        "mixed-model-normal", "score", "random intercept for each family, REML, normal", _DIFFERENCE, _mixed("normal")
    ),
    Method(
        "ancova-cluster-robust", "score", "least squares, variance robust to families", _DIFFERENCE,
        _plain(ancova_cluster_robust),
    ),
    Method("t-test-family-means", "score", "t test of family means", _DIFFERENCE, _plain(t_test_family_means)),
    Method(
        "t-test-children", "score", "t test of children as if siblings were strangers", _DIFFERENCE,
        _plain(t_test_children),
    ),
    Method(
        "complier-average", "score", "two-stage least squares, allocation as instrument, robust to families",
        _DIFFERENCE, _complier, estimates="complier average",
    ),
    Method(
        "multiple-imputation", "score", "mixed model of 20 imputations, pooled by Rubin's rules", _DIFFERENCE, _imputed,
        imputes=True,
    ),
    Method(
        "repeated-measures", "score", "all visits, arms alike at the first, siblings, REML, Satterthwaite",
        _DIFFERENCE, _repeated, of_all_visits=True,
    ),
    Method(
        "negative-binomial", "count", "negative binomial, robust to families", _LOG_RATIO, _count(negative_binomial),
        unit="rate ratio",
    ),
    Method(
        "poisson-robust", "count", "Poisson, robust to families and dispersion", _LOG_RATIO, _count(poisson_robust),
        unit="rate ratio",
    ),
    Method(
        "risk-difference", "yes or no", "difference of risks, robust to families", _DIFFERENCE, _plain(risk_difference)
    ),
    Method(
        "risk-ratio", "yes or no", "ratio of risks, robust to families", _LOG_RATIO, _plain(risk_ratio),
        unit="risk ratio",
    ),
    Method("cox", "time", "Cox's model, robust to families", _LOG_RATIO, _time(cox), unit="hazard ratio"),
    Method(
        "log-rank", "time", "log-rank test, robust to families", _LOG_RATIO, _log_rank, unit="hazard ratio"
    ),
    Method(
        "home-within-two-years", "time", "difference in the share who went home within two years, others competing",
        _DIFFERENCE, _home, unit="share", above="more children at home",
    ),
    Method(
        "clustered-bootstrap", "amount", "difference of means, families resampled", _DIFFERENCE, _bootstrap
    ),
    Method(
        "amount-cluster-robust", "amount", "least squares with site, variance robust to families", _DIFFERENCE,
        _plain(ancova_cluster_robust),
    ),
)  # fmt: skip

METHODS: Mapping[str, Method] = MappingProxyType({method.name: method for method in _ALL})
"""The analyses, by name."""

USUAL: Mapping[str, str] = MappingProxyType(
    {kind: next(m.name for m in _ALL if m.kind == kind) for kind in dict.fromkeys(m.kind for m in _ALL)}
)
"""The analysis of each kind of outcome where none is named."""


def methods_for(outcome: str) -> list[str]:
    """Names of the analyses that fit an outcome."""
    return [name for name, method in METHODS.items() if method.kind == OUTCOMES[outcome].kind]


def contrast_of(outcome: str, method: str) -> str:
    """What an analysis estimates, in the words of an axis: its unit, and which arm is set against which."""
    how = METHODS[method]
    if how.is_ratio:
        return f"log {how.unit}, LIFT over SAU"
    return f"{how.unit or OUTCOMES[outcome].axis}, LIFT minus SAU"


def better_of(outcome: str, method: str) -> tuple[str, str]:
    """On which side of none an estimate is better for children, and what it means there.

    Returns
    -------
    side : {"below", "above"}
        Above, where neither side can be said to be better.
    words : str
    """
    of, how = OUTCOMES[outcome], METHODS[method]
    if of.better < 0:
        return "below", of.below
    return "above", how.above or of.above
