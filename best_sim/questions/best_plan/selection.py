"""Choosing among simulated alternatives, with replicates spent where the choice still hangs.

Each replicate of an alternative is a success or not. Two questions are answered: which is the first alternative, in a
known order such as that of cost, whose probability of success is at least as wanted; and which has the highest
probability. Batches are of a size that is set beforehand, and where the next one goes follows the rules of optimal
computing budget allocation: to the alternatives that are nearest to the line for what is known of them, and only where
the answer could change the choice. Alternatives have the same random numbers, replicate by replicate.

A choice is settled by exact binomial bounds. Their errors are shared out over alternatives (or pairs of them) and over
looks (Bonferroni). An alternative is looked at after its first batch and then whenever it has half as many replicates
again; the k-th look has 1/(k(k+1)) of its part of the error, which sums to the whole however many looks there are. So a
settled choice is right with at least the stated probability, wherever the batches went. What is nearer to the line than
an indifference that is set beforehand may go either way; without one, an alternative that lies on the line is never
settled.

References
----------
Chen, Lin, Yücesan & Chick (2000) Discrete Event Dynamic Systems 10:251 (allocation for the best mean). Szechtman &
Yücesan (2008) Proceedings of the Winter Simulation Conference 273, and Lee, Pujowidianto, Li, Chen & Yap (2012) IEEE
Transactions on Automatic Control 57:2940 (allocation for feasibility, and for the best under constraints). Bechhofer
(1954) Annals of Mathematical Statistics 25:16 (indifference). Clopper & Pearson (1934) Biometrika 26:404 (the bounds).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from best_sim.trial.closed_forms import exact_bounds

__all__ = ["Selection", "select_first", "select_highest"]

Bools = NDArray[np.bool_]
Sample = Callable[[int, int, int], Bools]
"""``sample(i, first, n)``: success or not of the n replicates of alternative i from number `first` on."""
Rule = Literal["where it matters", "equal"]
_NEAREST = 0.5
"""An alternative counts as no nearer to the line than so many of its standard errors."""
_AGAIN = 1.5
"""From one look at an alternative to the next its replicates grow by so much."""
_PRIOR = 0.5
"""Jeffreys' prior of a probability."""


@dataclass(frozen=True)
class Selection:
    """What was chosen, and for what.

    Attributes
    ----------
    chosen : int or None
        Number of the alternative; None if none qualifies.
    settled : bool
        Whether the choice is known to be right with the stated probability; False if replicates ran out before.
    probability : float
        That the choice is right: at least the stated one where it is settled; else what the replicates say (posterior
        probabilities under Jeffreys' prior, joined by Bonferroni's inequality).
    successes, replicates : tuple of int
        By alternative.
    level : float
        Stated probability of a right choice.
    """

    chosen: int | None
    settled: bool
    probability: float
    successes: tuple[int, ...]
    replicates: tuple[int, ...]
    level: float

    @property
    def spent(self) -> int:
        """Replicates in all."""
        return sum(self.replicates)


def select_first(
    sample: Sample,
    count: int,
    wanted: float,
    *,
    level: float = 0.95,
    indifference: float = 0.0,
    batch: int = 40,
    most: int = 4_000,
    rule: Rule = "where it matters",
) -> Selection:
    """The first alternative whose probability of success is at least `wanted`.

    Parameters
    ----------
    sample : callable
        ``sample(i, first, n)`` gives success or not of the n replicates of alternative i from number `first` on.
    count : int
        Alternatives, in order of preference: the cheapest first.
    wanted : float
        Above 0, below 1.
    level : float
        Probability of a right choice at which the search stops.
    indifference : float
        A right choice has a probability of at least `wanted` less this, and none before it has `wanted` and this.
    batch : int
        Replicates of one alternative at a time.
    most : int
        Replicates in all after which the search stops in any case.
    rule : {"where it matters", "equal"}
        "equal" gives a batch to every alternative in turn: what the other rule is compared with.

    Returns
    -------
    Selection

    Raises
    ------
    ValueError
        If a number makes no sense.

    Notes
    -----
    The choice is right if it qualifies and no alternative before it does. Alternatives after the best guess therefore
    get nothing; the others get replicates in proportion to p (1 - p) / (|p - wanted| + indifference)^2, estimated.
    """
    _refuse(count, level, indifference, batch, most)
    if not 0.0 < wanted < 1.0:
        raise ValueError(f"wanted: found {wanted:g}, allowed above 0 and below 1")
    seen = _Seen(sample, count, batch, most)
    known: list[bool | None] = [None] * count  # whether it qualifies
    error = (1.0 - level) / count

    def look(i: int) -> None:
        number = seen.look(seen.n(i))
        if known[i] is None and number:
            low, high = exact_bounds(seen.k(i), seen.n(i), error / (number * (number + 1)))
            meets, misses = low >= wanted - indifference, high < wanted + indifference
            if meets and misses:  # either is right
                known[i] = seen.k(i) >= wanted * seen.n(i)
            elif meets or misses:
                known[i] = meets

    for i in range(count):
        if seen.add(i):
            look(i)
    while True:
        if all(one is False for one in known):
            return seen.selection(None, True, level, level)
        guess = _first_guess(seen, known, wanted)
        before = count if guess is None else guess + 1
        undecided = [i for i in range(before) if known[i] is None]
        if not undecided:
            return seen.selection(guess, True, level, level)
        if rule == "equal":
            went = [seen.add(i) for i in range(count)]
            for i in range(count):
                look(i)
            if not any(went):
                break
            continue
        i = _most_wanting(
            {i: _nearness(seen.share(i), wanted, seen.n(i), indifference) for i in undecided}, seen
        )
        if not seen.add(i):
            break
        look(i)
    guess = _first_guess(seen, known, wanted)
    earlier = range(count if guess is None else guess)
    wrong = [_chance_at_least(seen, i, wanted + indifference) for i in earlier]
    if guess is not None:
        wrong.append(1.0 - _chance_at_least(seen, guess, wanted - indifference))
    return seen.selection(guess, False, max(0.0, 1.0 - sum(wrong)), level)


def select_highest(
    sample: Sample,
    count: int,
    *,
    level: float = 0.95,
    indifference: float = 0.0,
    batch: int = 40,
    most: int = 4_000,
    rule: Rule = "where it matters",
) -> Selection:
    """The alternative with the highest probability of success.

    Parameters
    ----------
    sample, count, level, batch, most, rule
        As of `select_first`; the order of the alternatives says nothing.
    indifference : float
        No alternative is better than a right choice by more than this.

    Returns
    -------
    Selection

    Raises
    ------
    ValueError
        If a number makes no sense.

    Notes
    -----
    Two alternatives are compared on the replicates that both have: of those in which just one of them succeeds, more
    than half belong to the better (the sign test, exact given their number). An alternative that is worse than some
    other drops out. The rest get replicates as Chen et al. (2000) give them. With an indifference, half of every error
    is spent on bounds of the difference between each of them and the best guess.
    """
    _refuse(count, level, indifference, batch, most)
    seen = _Seen(sample, count, batch, most)
    error = (1.0 - level) / max(1, count * (count - 1)) / (2.0 if indifference else 1.0)
    left = list(range(count))
    alike: set[tuple[int, int]] = set()  # the first is known to be hardly better than the second
    for i in left:
        seen.add(i)
    while len(left) > 1:
        left = [i for i in left if not any(_is_worse(seen, i, j, error) for j in left if j != i)]
        best = max(left, key=lambda i: (seen.share(i), -i))
        alike |= {
            (i, best) for i in left if i != best and _is_hardly_better(seen, i, best, indifference, error)
        }
        if all((i, best) in alike for i in left if i != best):
            return seen.selection(best, True, level, level)
        if rule == "equal":
            if not any([seen.add(i) for i in range(count)]):
                break
        elif not seen.add(_most_wanting(_for_the_highest(seen, left, indifference), seen)):
            break
    if len(left) == 1:
        return seen.selection(left[0], True, level, level)
    chosen = max(left, key=lambda i: (seen.share(i), -i))
    wrong = [_chance_worse(seen, chosen, j) for j in left if j != chosen]
    return seen.selection(chosen, False, max(0.0, 1.0 - sum(wrong)), level)


# --- what was seen ------------------------------------------------------------------------------------------
class _Seen:
    """Replicates of each alternative so far."""

    def __init__(self, sample: Sample, count: int, batch: int, most: int) -> None:
        self.sample, self.batch, self.most = sample, batch, most
        self.rows = [np.zeros(0, dtype=bool) for _ in range(count)]

    def add(self, i: int) -> bool:
        """One batch more for an alternative; False if that would be too many in all."""
        if self.spent + self.batch > self.most:
            return False
        new = np.asarray(self.sample(i, self.n(i), self.batch), dtype=bool)
        self.rows[i] = np.concatenate([self.rows[i], new])
        return True

    @property
    def spent(self) -> int:
        return sum(len(one) for one in self.rows)

    def n(self, i: int) -> int:
        return len(self.rows[i])

    def k(self, i: int) -> int:
        return int(self.rows[i].sum())

    def look(self, n: int) -> int:
        """Number of the look that is taken at so many replicates; 0 if none is."""
        now, before = (self._looks(batches) for batches in (n // self.batch, n // self.batch - 1))
        return now if now > before else 0

    @staticmethod
    def _looks(batches: int) -> int:
        return 0 if batches < 1 else 1 + int(math.log(batches) / math.log(_AGAIN) + 1e-9)

    def share(self, i: int) -> float:
        """Kept from 0 and 1, where a standard error would vanish."""
        return (self.k(i) + _PRIOR) / (self.n(i) + 2.0 * _PRIOR)

    def pairs(self, i: int, j: int) -> tuple[int, int, int]:
        """Replicates that both have in whole batches; those where only i succeeds; those where only j does."""
        n = min(self.n(i), self.n(j))
        a, b = self.rows[i][:n], self.rows[j][:n]
        return n, int((a & ~b).sum()), int((b & ~a).sum())

    def selection(self, chosen: int | None, settled: bool, probability: float, level: float) -> Selection:
        return Selection(
            chosen,
            settled,
            probability,
            tuple(self.k(i) for i in range(len(self.rows))),
            tuple(self.n(i) for i in range(len(self.rows))),
            level,
        )


def _refuse(count: int, level: float, indifference: float, batch: int, most: int) -> None:
    wrong = []
    if count < 1:
        wrong.append(f"count: found {count}, allowed 1 or more")
    if not 0.0 < level < 1.0:
        wrong.append(f"level: found {level:g}, allowed above 0 and below 1")
    if not 0.0 <= indifference < 1.0:
        wrong.append(f"indifference: found {indifference:g}, allowed 0 or more, below 1")
    if batch < 1:
        wrong.append(f"batch: found {batch}, allowed 1 or more")
    if most < batch * count:
        wrong.append(f"most: found {most}, allowed {batch * count} or more: a batch for each of {count}")
    if wrong:
        raise ValueError("; ".join(wrong))


def _first_guess(seen: _Seen, known: Sequence[bool | None], wanted: float) -> int | None:
    """The first that is known to qualify, or looks as if it did."""
    for i, one in enumerate(known):
        if one or (one is None and seen.n(i) > 0 and seen.k(i) >= wanted * seen.n(i)):
            return i
    return None


def _nearness(share: float, line: float, n: int, indifference: float) -> float:
    """Variance over the squared distance from the far end of what may go either way."""
    variance = share * (1.0 - share)
    distance = indifference + max(abs(share - line), _NEAREST * math.sqrt(variance / max(n, 1)))
    return variance / distance**2


def _most_wanting(weights: dict[int, float], seen: _Seen) -> int:
    """The alternative that has least of what the weights give it."""
    return max(weights, key=lambda i: (weights[i] / max(seen.n(i), 1), -i))


def _for_the_highest(seen: _Seen, left: Sequence[int], indifference: float) -> dict[int, float]:
    best = max(left, key=lambda i: (seen.share(i), -i))
    weights = {}
    for i in left:
        if i != best:
            n = min(seen.n(i), seen.n(best))
            weights[i] = _nearness(seen.share(i), seen.share(best), n, indifference)
    variance = {i: seen.share(i) * (1.0 - seen.share(i)) for i in left}
    own = math.sqrt(variance[best] * sum(w**2 / variance[i] for i, w in weights.items()))
    return weights | {best: own}


def _is_worse(seen: _Seen, i: int, j: int, error: float) -> bool:
    """Whether i is known to succeed less often than j."""
    n, only_i, only_j = seen.pairs(i, j)
    look = seen.look(n)
    if look == 0 or only_j <= only_i:
        return False
    low, _ = exact_bounds(only_j, only_i + only_j, error / (look * (look + 1)))
    return low > 0.5


def _is_hardly_better(seen: _Seen, i: int, best: int, indifference: float, error: float) -> bool:
    """Whether i is known to succeed no more often than the best by more than the indifference."""
    n, only_i, only_best = seen.pairs(i, best)
    look = seen.look(n)
    if look == 0 or indifference == 0.0:
        return False
    share = error / (look * (look + 1)) / 2.0
    return exact_bounds(only_i, n, share)[1] - exact_bounds(only_best, n, share)[0] <= indifference


def _chance_at_least(seen: _Seen, i: int, wanted: float) -> float:
    k, n = seen.k(i), seen.n(i)
    return float(stats.beta.sf(wanted, k + _PRIOR, n - k + _PRIOR))


def _chance_worse(seen: _Seen, i: int, j: int) -> float:
    """Posterior probability that i succeeds less often than j, from the replicates in which just one does."""
    _, only_i, only_j = seen.pairs(i, j)
    return float(stats.beta.cdf(0.5, only_i + _PRIOR, only_j + _PRIOR))
