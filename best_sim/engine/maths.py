"""exp, log, log1p and power, the same to the last bit wherever the model runs.

The standard leaves the last digit of these functions open, and every C library, and every browser, has one of its own;
one digit may move a hearing by a day. So the model has its own, in the arithmetic that IEEE 754 does fix to the bit:
additions and products of doubles, none of them fused. They are written once, as rules (`best_sim.engine.rule`): SimPy
runs them as Python, numba compiles them, and they travel within the native library and the WebAssembly module.

How they work is published. `exp` and `log` look a near-by value up in a table and correct it by a short polynomial, as
Tang has it [1]_ [2]_. The logarithm's reciprocals are so short that what they leave of a number has no rounding error.
`power` is the exponential of the exponent times the logarithm, both in two parts ([3]_ has the sums and products of
such numbers). The tables are computed when the module is imported, by decimal arithmetic.

Errors found are below 0.52 units in the last place, and 0.76 where a result is subnormal (tests/engine/test_maths.py).

What IEEE 754 does fix (`math.sqrt`, `math.floor`, `math.ceil`, `abs`) needs nothing of the kind.

References
----------
.. [1] Tang (1989). Table-driven implementation of the exponential function in IEEE floating-point arithmetic. ACM
   Transactions on Mathematical Software 15(2), 144-157.
.. [2] Tang (1990). Table-driven implementation of the logarithm function in IEEE floating-point arithmetic. ACM
   Transactions on Mathematical Software 16(4), 378-400.
.. [3] Muller (2016). Elementary Functions: Algorithms and Implementation. 3rd ed. Birkhäuser.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np

from best_sim.engine.rule import routine, rule

# --- tables -------------------------------------------------------------------------------------------------


class Constants(tuple[float, ...]):
    """A table of numbers that compiled code reads by index, without a check."""

    __slots__ = ()


_DIGITS = decimal.Context(prec=40)


def _in_two_parts(values: Iterable[Decimal], unit: float) -> tuple[Constants, Constants]:
    """Each value as the nearest multiple of `unit`, and what is left of it."""
    high, low = [], []
    for value in values:
        high.append(float(_DIGITS.to_integral_value(_DIGITS.divide(value, Decimal(unit)))) * unit)
        low.append(float(_DIGITS.subtract(value, Decimal(high[-1]))))
    return Constants(high), Constants(low)


STEPS = 128
_LN_2 = _DIGITS.ln(Decimal(2))

# 2 ** (j / STEPS)
_ROOT, _ROOT_REST = _in_two_parts(
    (_DIGITS.exp(_DIGITS.multiply(_LN_2, Decimal(j / STEPS))) for j in range(STEPS)), 2.0**-52
)
# ln 2 / STEPS: with a unit of 2 ** -40, 2 ** 18 steps are still a double
(_STEP,), (_STEP_REST,) = _in_two_parts([_DIGITS.divide(_LN_2, Decimal(STEPS))], 2.0**-40)
_STEPS_PER_ONE = float(_DIGITS.divide(Decimal(STEPS), _LN_2))

# For numbers from FROM to 2 * FROM: those below 1 are in steps of 2 ** -8, the others of 2 ** -7. For each step, one
# over its middle in 9 binary places, and the logarithm of what that is the reciprocal of. The two steps at 1 have 1.
FROM = 0.6875
_ONE_AT = 80


def _middle(j: int) -> float:
    if j in (_ONE_AT - 1, _ONE_AT):
        return 1.0
    return FROM + (j + 0.5) / 256.0 if j < _ONE_AT else 1.0 + (j - _ONE_AT + 0.5) / 128.0


_RECIPROCAL = Constants(math.floor(512.0 / _middle(j) + 0.5) / 512.0 for j in range(128))
_LOG_UNIT = 2.0**-42
_LOG, _LOG_REST = _in_two_parts((_DIGITS.minus(_DIGITS.ln(Decimal(r))) for r in _RECIPROCAL), _LOG_UNIT)
(_LN_2_HIGH,), (_LN_2_LOW,) = _in_two_parts([_LN_2], _LOG_UNIT)

_RECIPROCALS, _LOGS, _LOG_RESTS = (np.array(table) for table in (_RECIPROCAL, _LOG, _LOG_REST))

FROM_BITS = int(np.float64(FROM).view(np.int64))
EXPONENT_AT, STEP_AT = 52, 45
"""Where in a double its exponent is, and the step: in what it is beyond `FROM`, both being taken as whole numbers."""

_ROUND = 1.5 * 2.0**52
"""Added and taken away again, it leaves a double rounded to a whole number."""
_ROUND_TO_32, _ROUND_TO_24 = 1.5 * 2.0**20, 1.5 * 2.0**28
"""The same for multiples of 2 ** -32 and of 2 ** -24."""
_SPLIT = 2.0**27 + 1.0
"""A double times this number is what leaves its upper half: Dekker's, in [3]_."""
_SMALLEST_NORMAL = 2.0**-1022
_LARGEST_EXPONENT, _SMALLEST_EXPONENT = 709.782712893384, -745.1332191019412
"""Beyond the first `exp` is infinite; below the second it is 0."""


# --- what Python and compiled code do each in their way -----------------------------------------------------


def two_to(n: int) -> float:
    """Give 2 ** n for n from -1022 to 1023. Compiled: the bits of the exponent."""
    return math.ldexp(1.0, n)


def near_one(x: float) -> tuple[float, int, int]:
    """Give z, n and j such that x = z 2 ** n, and z from `FROM` to 2 `FROM` lies in step j. Compiled: their bits.

    x is positive, finite and not subnormal.
    """
    z, n = math.frexp(x)
    if z < FROM:
        z, n = 2.0 * z, n - 1
    return z, n, int((z - FROM) * 256.0) if z < 1.0 else int((z - 1.0) * 128.0) + _ONE_AT


# --- parts that the functions share -------------------------------------------------------------------------


@rule
def _exp_of(x: float, excess: float) -> float:
    """Exponential of x - excess, for an excess that is small and x within the range of `exp`."""
    steps = (x * _STEPS_PER_ONE + _ROUND) - _ROUND
    k = int(steps)
    r = ((x - steps * _STEP) - steps * _STEP_REST) - excess
    rr = r * r
    p = r + (rr * (0.5 + r * (1.0 / 6.0)) + rr * rr * (1.0 / 24.0 + r * (1.0 / 120.0)))
    j = k & (STEPS - 1)
    root = _ROOT[j]
    value = root + (_ROOT_REST[j] + root * p)
    n = k >> 7
    if -1021 <= n <= 1023:
        return value * two_to(n)
    half = n >> 1  # in two steps, of which the second alone may round, or overflow
    return value * two_to(half) * two_to(n - half)


@rule
def _near_one(x: float) -> tuple[float, int, int]:
    """As `near_one`, for subnormal numbers too."""
    if x >= _SMALLEST_NORMAL:
        return near_one(x)
    z, n, j = near_one(x * 2.0**54)
    return z, n - 54, j


@rule
def _beyond(z: Any, reciprocal: Any) -> Any:
    """What z times a table's reciprocal is beyond 1, as a sum without an error: of numbers, or of arrays."""
    upper = (z + _ROUND_TO_32) - _ROUND_TO_32
    return upper * reciprocal - 1.0, (z - upper) * reciprocal


@rule
def _series(r: Any, rr: Any) -> Any:
    """(ln (1 + r) - r + r ** 2 / 2) / r ** 3, for r below 2 ** -7; rr is its square."""
    late = 1.0 / 7.0 - r * 0.125 + rr * (1.0 / 9.0 - r * 0.1)
    return 1.0 / 3.0 - r * 0.25 + rr * (0.2 - r * (1.0 / 6.0)) + rr * rr * late


@rule
def _log_from(n: Any, log: Any, log_rest: Any, a: Any, b: Any) -> Any:
    """The sum of n ln 2, the logarithm that the table has, and ln (1 + a + b): of numbers, or of arrays."""
    first = (n * _LN_2_HIGH + log) + a  # exact
    high = first + b
    r = a + b
    rr = r * r
    small = rr * (r * _series(r, rr) - 0.5)
    return high + ((first - high) + b + (n * _LN_2_LOW + log_rest + small))


@rule
def _log_in_two_parts(x: float) -> tuple[float, float]:
    """Logarithm of x as a sum, to some 66 binary digits; x positive and finite."""
    z, n, j = _near_one(x)
    a, b = _beyond(z, _RECIPROCAL[j])
    first = (n * _LN_2_HIGH + _LOG[j]) + a
    second = first + b
    # half of a * a, without an error
    short = (a + _ROUND_TO_24) - _ROUND_TO_24
    square, square_rest = -0.5 * (short * short), -0.5 * ((a - short) * (a + short))
    high = second + square
    r = a + b
    rr = r * r
    small = square_rest - b * (a + 0.5 * b) + r * rr * _series(r, rr)
    rest = ((first - second) + b) + ((second - high) + square)
    return high, rest + (n * _LN_2_LOW + _LOG_REST[j] + small)


# --- the functions ------------------------------------------------------------------------------------------


@routine
def exp(x: float) -> float:
    """Exponential of x; infinite where it is too large, 0 where it is too small."""
    if not _SMALLEST_EXPONENT <= x <= _LARGEST_EXPONENT:
        if x > _LARGEST_EXPONENT:
            return math.inf
        return 0.0 if x < 0.0 else math.nan
    return _exp_of(x, 0.0)


@routine
def log(x: float) -> float:
    """Natural logarithm of x; minus infinity of zero, NaN of what is less."""
    if not 0.0 < x < math.inf:
        if x == 0.0:
            return -math.inf
        return math.nan if x < 0.0 else x
    z, n, j = _near_one(x)
    a, b = _beyond(z, _RECIPROCAL[j])
    return _log_from(n, _LOG[j], _LOG_REST[j], a, b)


@routine
def log1p(x: float) -> float:
    """Natural logarithm of 1 + x, right for small x too; minus infinity of -1, NaN of what is less."""
    if not -1.0 < x < math.inf:
        if x == -1.0:
            return -math.inf
        return math.nan if x < -1.0 else x
    if abs(x) < 2.0**-54:
        return x
    total = 1.0 + x
    rest = x - (total - 1.0) if x < 1.0 else 1.0 - (total - x)
    z, n, j = _near_one(total)
    a, b = _beyond(z, _RECIPROCAL[j])
    if n < 64:  # for more, 1 is nothing beside x
        b += rest * two_to(-n) * _RECIPROCAL[j]
    return _log_from(n, _LOG[j], _LOG_REST[j], a, b)


@routine
def power(base: float, exponent: float) -> float:
    """Power of a base of zero or more; NaN of a base that is less, and of NaN, but 1 ** NaN and NaN ** 0 are 1."""
    if base == 1.0 or exponent == 0.0:
        return 1.0
    if not (base >= 0.0 and abs(exponent) >= 0.0):
        return math.nan
    if base == 0.0 or base == math.inf or abs(exponent) == math.inf:
        grows = (base > 1.0) == (exponent > 0.0)
        return math.inf if grows else 0.0
    if abs(exponent) > 2.0**66:  # any base but 1 is beyond all bounds, and products in two parts would be too
        exponent = 2.0**66 if exponent > 0.0 else -(2.0**66)
    high, low = _log_in_two_parts(base)
    # exponent * high, and its rounding error
    product = exponent * high
    if not abs(product) < 800.0:
        return math.inf if product > 0.0 else 0.0
    t = exponent * _SPLIT
    e = t - (t - exponent)
    t = high * _SPLIT
    h = t - (t - high)
    f, g = exponent - e, high - h
    rest = ((e * h - product) + e * g + f * h) + f * g + exponent * low
    total = product + rest
    if total > _LARGEST_EXPONENT:
        return math.inf
    if total < _SMALLEST_EXPONENT:
        return 0.0
    return _exp_of(total, (total - product) - rest)


def logs(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """`log` of each number of an array, the same bits; of positive, finite numbers that are not subnormal.

    numpy's own takes another way, and comes to another last digit, on processors of another kind.
    """
    bits = x.view(np.int64)
    above = bits - FROM_BITS
    n = above >> EXPONENT_AT
    z = (bits - (n << EXPONENT_AT)).view(np.float64)
    j = above >> STEP_AT & (STEPS - 1)
    a, b = _beyond(z, _RECIPROCALS[j])
    return _log_from(n, _LOGS[j], _LOG_RESTS[j], a, b)
