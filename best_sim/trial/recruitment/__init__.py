r"""Recruitment in closed form: the Poisson-gamma model, before the trial starts and while it recruits.

Families enter care in a borough in a Poisson process whose rate follows the calendar. The whole of a borough's
rate is multiplied by a gamma variable G of mean one, drawn once: how far the borough departs from its plan. A
family that enters is screened while the borough is open and not paused, is eligible and consents with fixed
probabilities, and each step may take time. Thinned and displaced, a Poisson process remains one, so the number
that a borough randomises between two moments is Poisson with mean G m, where m is what the plan expects, and
without G given it is negative binomial. Everything here follows from that:

- the sum over boroughs with different parameters is found by multiplying generating functions and inverting them
  with the fast Fourier transform: exact to rounding;
- the target is reached by a moment if the count by then is at least the target; for one borough with a constant
  rate that time is beta-prime;
- after n were randomised where the plan expected m, the gamma variable of shape a and rate b becomes one of shape
  a + n and rate b + m, and the forecast has the same form as before the start.

What is assumed: G does not change during the trial, boroughs are independent of each other, families of each other,
and nobody waits for anybody else. Where a court is congested, a family's wait depends on the others', and the
simulation is needed. What the tests for drift and for boroughs that differ from their plans are for is to see when
the first of these fails.

A date stands for its first moment, as the day on which a borough opens or closes does: what is recruited "by" 1 June
was recruited before that day began. A month is 365.25/12 days.

References
----------
Anisimov & Fedorov (2007) Statistics in Medicine 26:4958. Anisimov (2011) Statistics in Medicine 30:1837. Bakhshi,
Senn & Phillips (2013) Statistics in Medicine 32:5031. Gajewski, Simon & Carlson (2008) Statistics in Medicine
27:2328.
"""

from best_sim.trial.recruitment.beliefs import (
    BetaShare,
    GammaRate,
    estimated_rates,
    planned_rates,
    updated_rates,
)
from best_sim.trial.recruitment.checks import (
    BoroughCheck,
    BoroughChecks,
    DriftTest,
    check_boroughs,
    drift_test,
)
from best_sim.trial.recruitment.forecast import (
    CountDistribution,
    RecruitmentForecast,
    TargetTime,
    forecast_before,
    forecast_during,
    forecast_with_consent,
    retained,
)
from best_sim.trial.recruitment.from_scenario import borough_plans
from best_sim.trial.recruitment.pace import RecruitmentRates, recruitment_rates
from best_sim.trial.recruitment.plans import (
    BoroughPlan,
    delay_by_day,
    expected_by_screening,
    expected_randomised,
)

__all__ = [
    "BetaShare",
    "BoroughCheck",
    "BoroughChecks",
    "BoroughPlan",
    "CountDistribution",
    "DriftTest",
    "GammaRate",
    "RecruitmentForecast",
    "RecruitmentRates",
    "TargetTime",
    "borough_plans",
    "check_boroughs",
    "delay_by_day",
    "drift_test",
    "estimated_rates",
    "expected_by_screening",
    "expected_randomised",
    "forecast_before",
    "forecast_during",
    "forecast_with_consent",
    "planned_rates",
    "recruitment_rates",
    "retained",
    "updated_rates",
]
