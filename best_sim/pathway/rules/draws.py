"""Small words that the rules share: whether a thing happens, how long it lasts, which of several it is."""

from __future__ import annotations

from best_sim.engine import rule
from best_sim.engine.luck import duration_quantile, normal_quantile, uniform
from best_sim.engine.maths import exp
from best_sim.pathway.words import CASE_MANAGEMENT, INTERIM_HEARING, ISSUES_RESOLUTION


@rule
def happens(world, who, why, count, probability):
    """Whether a thing of this probability happens."""
    return uniform(world, who, why, count) < probability


@rule
def lasts(world, who, why, count, duration):
    """Days, by inverse transform: a longer mean is a longer time for the same child."""
    return duration_quantile(duration, uniform(world, who, why, count))


@rule
def standard_normal(world, who, why, count):
    """A standard normal number."""
    return normal_quantile(uniform(world, who, why, count))


@rule
def which(u, shares):
    """Index of the share that `u` falls in; `shares` sum to one, the last takes what rounding leaves."""
    k = 0
    reached = shares[0]
    while u >= reached and k < len(shares) - 1:
        k += 1
        reached += shares[k]
    return k


@rule
def logistic(x):
    """The probability of a logit."""
    return 1.0 / (1.0 + exp(-x))


@rule
def by_hearing(section, kind):
    """Of parameters for each kind of hearing, that of one kind."""
    if kind == INTERIM_HEARING:
        return section.interim
    if kind == CASE_MANAGEMENT:
        return section.case_management
    if kind == ISSUES_RESOLUTION:
        return section.issues_resolution
    return section.final


@rule
def by_visit(section, k):
    """Of parameters for each visit, that of visit k."""
    if k == 0:
        return section.first
    if k == 1:
        return section.second
    return section.third
