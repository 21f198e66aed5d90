r"""Looks at the data before the end: group-sequential bounds, conditional power, blinded re-estimation.

Everything here rests on one approximation, which the analyses of this trial meet closely: the z statistic
at information I has mean :math:`\theta\sqrt{I}`, and the scores :math:`Z\sqrt{I}` at successive looks have
independent normal increments (Jennison & Turnbull 1999, section 3.1; Scharfstein, Tsiatis & Robins 1997).
Information is given as a fraction of the planned maximum, and an effect as its *drift*: the mean of Z at
that maximum, which is the effect over its standard error there. With families analysed as the measure of
information, ``drift = effect / standard_error(all families)``.

The better direction is upwards: for an outcome in which less is better, change the sign of z, of the effect
and of the drift. Looks count from 1.

References
----------
Armitage, McPherson & Rowe (1969) Journal of the Royal Statistical Society A 132:235. Lan & DeMets (1983)
Biometrika 70:659. Jennison & Turnbull (1999) Group Sequential Methods with Applications to Clinical Trials.
"""

from best_sim.trial.sequential.blinded import (
    BlindedEstimate,
    BlindedSize,
    blinded_estimate,
    blinded_sample_size,
)
from best_sim.trial.sequential.bounds import (
    BetaSpending,
    Boundaries,
    ConditionalPowerBound,
    ZBound,
    boundaries,
    recalculate,
)
from best_sim.trial.sequential.conditional import (
    InterimPower,
    b_value,
    conditional_power,
    interim_power,
    predictive_power,
)
from best_sim.trial.sequential.inference import FinalInference, final_inference, repeated_interval
from best_sim.trial.sequential.operating import (
    OperatingCharacteristics,
    drift_for_power,
    inflation_factor,
    operating_characteristics,
)
from best_sim.trial.sequential.recursion import fixed_drift
from best_sim.trial.sequential.spending import (
    CumulativeAlpha,
    HwangShihDeCani,
    OBrienFlemingType,
    PocockType,
    PowerFamily,
    Spending,
)

__all__ = [
    "BetaSpending",
    "BlindedEstimate",
    "BlindedSize",
    "Boundaries",
    "ConditionalPowerBound",
    "CumulativeAlpha",
    "FinalInference",
    "HwangShihDeCani",
    "InterimPower",
    "OBrienFlemingType",
    "OperatingCharacteristics",
    "PocockType",
    "PowerFamily",
    "ZBound",
    "b_value",
    "blinded_estimate",
    "blinded_sample_size",
    "boundaries",
    "conditional_power",
    "drift_for_power",
    "final_inference",
    "fixed_drift",
    "inflation_factor",
    "interim_power",
    "operating_characteristics",
    "predictive_power",
    "recalculate",
    "repeated_interval",
    "Spending",
]
