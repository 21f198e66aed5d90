"""Power of the log-rank test from a number of events, and what siblings take from it.

A hazard ratio is that of the treated over the control arm; above one, the treated have the event sooner.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from best_sim.trial.arguments import require_inside, require_positive
from best_sim.trial.closed_forms.power import design_effect_from_cv, shifted_normal_power, sizes_and_shares


def schoenfeld_power(
    hazard_ratio: float, events: float, share_treated: float = 0.5, alpha: float = 0.05
) -> float:
    r"""Power of the log-rank test from a number of events: that of a shift of :math:`|\log\theta|\sqrt{p(1-p)d}`.

    Parameters
    ----------
    hazard_ratio : float
        True hazard ratio :math:`\theta`, treated over control.
    events : float
        Events d in both arms together; need not be whole.
    share_treated : float
        Share p of children who are in the treated arm.
    alpha : float
        Two-sided level.

    Returns
    -------
    float
        Probability of rejection, in either direction.

    Raises
    ------
    ValueError
        If the hazard ratio or the number of events is not positive, or a share is not between 0 and 1 (exclusive).

    Notes
    -----
    Assumes proportional hazards, independent children, and a hazard ratio so near one that the treated stay the same
    share of those at risk. Where it is far from one or allocation is very unequal, this is off by a few per cent.
    Schoenfeld (1981) Biometrika 68:316; (1983) Biometrics 39:499.
    """
    require_positive(hazard_ratio=hazard_ratio, events=events)
    require_inside(share_treated=share_treated, alpha=alpha)
    return shifted_normal_power(
        abs(math.log(hazard_ratio)) * math.sqrt(events * share_treated * (1.0 - share_treated)), alpha
    )


def design_effect_survival(size_shares: Mapping[int, float], correlation: float) -> float:
    r"""Variance inflation of the log-rank score by families: :math:`1 + (\sum s_m m^2/\sum s_m m - 1)\rho`.

    Parameters
    ----------
    size_shares : mapping of int to float
        Share (or number) of families with so many children, e.g. ``{1: 0.76, 2: 0.20, 3: 0.04}``.
    correlation : float
        Correlation :math:`\rho` of siblings' martingale residuals (whether the event was
        seen, less the cumulative hazard until then): what the log-rank test sees of their likeness.

    Returns
    -------
    float
        Events needed, over independent events needed. Also the ratio of the squares of the robust and the naive
        standard error that is expected without an effect.

    Raises
    ------
    ValueError
        If there is no size, a size is not positive, a share is negative, or the correlation is not between 0 and 1.

    Notes
    -----
    The score is a sum over children of arm times residual, each child counting once, and the arm is that of the family;
    hence the formula of a mean over all children (Eldridge's; see
    :func:`~best_sim.trial.closed_forms.design_effect_from_cv`). It holds in large trials in which

    - whole families are allocated (siblings in different arms would make the variance *smaller*);
    - there is no effect, or one so small that residuals vary as without (contiguous alternatives);
    - the number of siblings tells nothing about the hazard or the follow-up;
    - every pair of siblings has the same correlation.

    The intracluster correlation of the *event indicator*, which is sometimes put in its place (Xie & Waksman 2003), is
    near it only where few children have the event. Gangnon & Kosorok (2004) Biometrika 91:263; Li & Jung (2020)
    Statistics in Medicine 39:3608.
    """
    size, share = sizes_and_shares(list(size_shares), list(size_shares.values()))
    mean = float(share @ size)
    cv = math.sqrt(max(float(share @ size**2) / mean**2 - 1.0, 0.0))
    return design_effect_from_cv(mean, cv, correlation)
