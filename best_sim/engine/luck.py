"""Random numbers by address, and the durations and choices made from them.

Every random number has an address, `(seed, replicate, stream, number, purpose, count)`, and is computed from that
address alone. Nothing is consumed in order, so it does not matter who draws first, what else is drawn, or which
driver runs the model: the same child has the same random numbers.

The generator is Philox 4x64 with ten rounds [1]_, the one in numpy. The key is `(seed, replicate)`, the counter
`(count, purpose, number, stream)`, least significant word first. The number is made from the first 64-bit word that
``numpy.random.Philox(key=key, counter=counter)`` produces; numpy adds one to the counter before it makes a block, so
the block computed here is that of `(count + 1, purpose, number, stream)`.

All quantile functions rise with `u`, and are plain arithmetic and routines of `best_sim.engine.maths`, so
interpreted and compiled code agree to the last bit, and a longer mean is a longer time for the same child.

References
----------
.. [1] Salmon, Moraes, Dror and Shaw (2011). Parallel random numbers: as easy as 1, 2, 3. SC '11.
.. [2] Wichura (1988). Algorithm AS 241: the percentage points of the normal distribution. Applied Statistics 37(3).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from best_sim.engine.maths import exp, log, log1p, power
from best_sim.engine.native import generator_key, shipped_library
from best_sim.engine.rule import rule

# --- addresses ----------------------------------------------------------------------------------------------


def purpose(name: str) -> int:
    """Number of a purpose of drawing, from its name.

    Parameters
    ----------
    name : str
        What the number is drawn for, e.g. ``"stay in first placement"``.

    Returns
    -------
    int
        A non-negative 63-bit hash, the same on every machine and in every Python.
    """
    return _hash_of(name, b"purpose")


def stream(name: str) -> int:
    """Number of a stream (a borough, a court), from its name; as `purpose`, but never equal to it by design."""
    return _hash_of(name, b"stream")


def _hash_of(name: str, person: bytes) -> int:
    digest = hashlib.blake2b(name.encode(), digest_size=8, person=person).digest()
    return int.from_bytes(digest, "little") >> 1


# --- the generator ------------------------------------------------------------------------------------------

_STEP = 2.0**-52


def uniform_at_by_numpy(
    seed: int, replicate: int, stream: int, number: int, purpose: int, count: int
) -> float:
    """The number at an address, computed by numpy's own Philox: slow, the reference, and the way without numba.

    Parameters
    ----------
    seed, replicate, stream, number, purpose, count : int
        The address; each from 0 to 2**63 - 1.

    Returns
    -------
    float
        In (0, 1): the middle of one of 2**52 equal intervals, so never 0 nor 1.
    """
    key = np.array([seed, replicate], dtype=np.uint64)
    counter = np.array([count, purpose, number, stream], dtype=np.uint64)
    word = int(np.random.Philox(key=key, counter=counter).random_raw())
    return ((word >> 12) + 0.5) * _STEP


@cache
def _compiled_generator() -> tuple[Callable[..., float], Callable[..., np.ndarray[Any, Any]]] | None:
    """One number, and many, from compiled code: from what came with the package, else from numba; None without both."""
    library = shipped_library()
    if library is not None and library.about.generator == generator_key():
        return library.uniform_at, library.uniforms_at
    # Anything may go wrong in a compiler; the numbers are the same without one, so no failure may stop a run.
    try:
        from best_sim.engine.philox import uniform_at, uniforms_at
    except Exception:
        return None
    return uniform_at, uniforms_at


def uniform_at(seed: int, replicate: int, stream: int, number: int, purpose: int, count: int) -> float:
    """`uniform_at_by_numpy`, compiled where that can be."""
    compiled = _compiled_generator()
    one = uniform_at_by_numpy if compiled is None else compiled[0]
    return one(seed, replicate, stream, number, purpose, count)


def uniforms_at(
    seed: int,
    replicate: int,
    stream: int | np.ndarray[Any, Any],
    numbers: np.ndarray[Any, Any],
    purpose: int,
    count: int,
) -> np.ndarray[Any, Any]:
    """The numbers at addresses that differ in `number`, or in `stream` and `number`.

    Parameters
    ----------
    stream : int, or numpy.ndarray of int
        One, or as many as there are numbers.
    numbers : numpy.ndarray of int
    seed, replicate, purpose, count : int
        The rest of the address.

    Returns
    -------
    numpy.ndarray of float
        As `uniform_at` gives them one by one.
    """
    streams = np.broadcast_to(np.asarray(stream, np.int64), np.shape(numbers))
    compiled = _compiled_generator()
    if compiled is None:
        return np.array(
            [
                uniform_at_by_numpy(seed, replicate, int(s), int(n), purpose, count)
                for s, n in zip(streams, numbers, strict=True)
            ]
        )
    return compiled[1](seed, replicate, streams, np.asarray(numbers, np.int64), purpose, count)


@rule
def uniform(world: Any, who: Any, purpose: int, count: int) -> float:
    """A random number in (0, 1) that depends on its address and on nothing else.

    Parameters
    ----------
    world : record
        With fields `seed` and `replicate`.
    who : record
        With fields `stream` (where someone comes from) and `number` (the n-th there).
    purpose : int
        What the number is for: `purpose(name)`, taken once, at module level.
    count : int
        The n-th number for this purpose, from 0.

    Returns
    -------
    float
    """
    return uniform_at(world.seed, world.replicate, who.stream, who.number, purpose, count)


# --- quantiles ----------------------------------------------------------------------------------------------


@rule
def uniform_quantile(u: float, low: float, high: float) -> float:
    """Quantile `u` of the uniform distribution from `low` to `high`."""
    return low + u * (high - low)


@rule
def exponential_quantile(u: float, mean: float) -> float:
    """Quantile `u` of the exponential distribution with this mean."""
    return -mean * log1p(-u)


@rule
def weibull_quantile(u: float, shape: float, scale: float) -> float:
    """Quantile `u` of the Weibull distribution: survival `exp(-(x / scale) ** shape)`."""
    return scale * power(-log1p(-u), 1.0 / shape)


@rule
def normal_quantile(u: float) -> float:
    """Quantile `u`, strictly between 0 and 1, of the standard normal distribution.

    Algorithm AS 241, routine PPND16 [2]_: relative error about 1e-16.
    """
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        # fmt: off
        top = (((((((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r
                + 45921.953931549871457) * r + 13731.693765509461125) * r + 1971.5909503065514427) * r
                + 133.14166789178437745) * r + 3.387132872796366608)
        bottom = (((((((5226.495278852545925 * r + 28729.085735721942674) * r + 39307.89580009271061) * r
                + 21213.794301586595867) * r + 5394.1960214247511077) * r + 687.1870074920579083) * r
                + 42.313330701600911252) * r + 1.0)
        # fmt: on
        return q * top / bottom
    tail = u if q < 0.0 else 1.0 - u
    r = math.sqrt(-log(tail))
    if r <= 5.0:
        r -= 1.6
        # fmt: off
        top = (((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r
                + 1.27045825245236838258) * r + 3.64784832476320460504) * r + 5.7694972214606914055) * r
                + 4.6303378461565452959) * r + 1.42343711074968357734)
        bottom = (((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r
                + 0.0151986665636164571966) * r + 0.14810397642748007459) * r + 0.68976733498510000455) * r
                + 1.6763848301838038494) * r + 2.05319162663775882187) * r + 1.0)
        # fmt: on
    else:
        r -= 5.0
        # fmt: off
        top = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r
                + 0.0012426609473880784386) * r + 0.026532189526576123093) * r + 0.29656057182850489123) * r
                + 1.7848265399172913358) * r + 5.4637849111641143699) * r + 6.6579046435011037772)
        bottom = (((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r
                + 1.8463183175100546818e-5) * r + 7.868691311456132591e-4) * r + 0.0148753612908506148525) * r
                + 0.13692988092273580531) * r + 0.59983220655588793769) * r + 1.0)
        # fmt: on
    return -top / bottom if q < 0.0 else top / bottom


@rule
def lognormal_quantile(u: float, mu: float, sigma: float) -> float:
    """Quantile `u` of the lognormal distribution whose logarithm has mean `mu` and standard deviation `sigma`."""
    return exp(mu + sigma * normal_quantile(u))


# --- durations and series as records ------------------------------------------------------------------------

CONSTANT, EXPONENTIAL, LOGNORMAL, WEIBULL, UNIFORM, EMPIRICAL = range(6)
DURATION_POINTS = 12
SERIES_POINTS = 48

DURATION = np.dtype(
    [
        ("kind", "i8"),
        ("a", "f8"),
        ("b", "f8"),
        ("n", "i8"),
        ("p", "f8", (DURATION_POINTS,)),
        ("x", "f8", (DURATION_POINTS,)),
    ]
)
"""A distribution of a duration, as data: see `duration_record`."""

SERIES = np.dtype([("n", "i8"), ("t", "f8", (SERIES_POINTS,)), ("v", "f8", (SERIES_POINTS,))])
"""A quantity that changes on given days, as data: see `series_record`."""


@rule
def duration_quantile(d: Any, u: float) -> float:
    """Quantile `u` of the distribution held in a record of dtype `DURATION`.

    Parameters
    ----------
    d : record of DURATION
    u : float
        Strictly between 0 and 1.

    Returns
    -------
    float
        In the unit of the distribution; for an empirical one, linear between its points.
    """
    if d.kind == CONSTANT:
        return d.a
    if d.kind == EXPONENTIAL:
        return exponential_quantile(u, d.a)
    if d.kind == LOGNORMAL:
        return lognormal_quantile(u, d.a, d.b)
    if d.kind == WEIBULL:
        return weibull_quantile(u, d.a, d.b)
    if d.kind == UNIFORM:
        return uniform_quantile(u, d.a, d.b)
    i = 0
    while i < d.n - 2 and u > d.p[i + 1]:
        i += 1
    return d.x[i] + (u - d.p[i]) / (d.p[i + 1] - d.p[i]) * (d.x[i + 1] - d.x[i])


@rule
def series_at(s: Any, t: float) -> float:
    """Value at time `t` of the step function held in a record of dtype `SERIES`.

    Returns
    -------
    float
        The value of the last point at or before `t`; before the first point, the first value.
    """
    i = 0
    while i < s.n - 1 and s.t[i + 1] <= t:
        i += 1
    return s.v[i]


def duration_record(
    kind: int, a: float = 0.0, b: float = 0.0, p: Sequence[float] = (), x: Sequence[float] = ()
) -> Any:
    """A record of dtype `DURATION`.

    Parameters
    ----------
    kind : int
        ``CONSTANT`` (`a`), ``EXPONENTIAL`` (mean `a`), ``LOGNORMAL`` (mean `a` and standard deviation `b` of the
        logarithm), ``WEIBULL`` (shape `a`, scale `b`), ``UNIFORM`` (from `a` to `b`) or ``EMPIRICAL`` (`p`, `x`).
    a, b : float
        As `kind` asks.
    p, x : sequences of float
        Quantiles of an empirical distribution: `p` rises strictly from 0 to 1, `x` does not fall; 2 to 12 points.

    Returns
    -------
    numpy.void

    Raises
    ------
    ValueError
        If a parameter is outside what its distribution allows; the message says which.
    """
    record = np.zeros((), DURATION)
    allowed = {
        CONSTANT: a >= 0.0,
        EXPONENTIAL: a >= 0.0,
        LOGNORMAL: math.isfinite(a) and b >= 0.0,
        WEIBULL: a > 0.0 and b >= 0.0,
        UNIFORM: 0.0 <= a <= b,
        EMPIRICAL: True,
    }
    if kind not in allowed:
        raise ValueError(f"{kind} is not a kind of duration; the kinds are 0 to {EMPIRICAL}")
    if not allowed[kind]:
        raise ValueError(f"a duration of kind {kind} cannot have a = {a}, b = {b}")
    if kind == EMPIRICAL:
        if not 2 <= len(p) == len(x) <= DURATION_POINTS:
            raise ValueError(
                f"an empirical duration needs 2 to {DURATION_POINTS} points p with as many x, not {len(p)} and {len(x)}"
            )
        if p[0] != 0.0 or p[-1] != 1.0 or not np.all(np.diff(p) > 0.0):
            raise ValueError(f"the p of an empirical duration rise strictly from 0 to 1; these are {list(p)}")
        if not np.all(np.diff(x) >= 0.0):
            raise ValueError(f"the x of an empirical duration do not fall; these are {list(x)}")
        record["p"][: len(p)], record["x"][: len(x)] = p, x
    record["kind"], record["a"], record["b"], record["n"] = kind, a, b, len(p)
    return record[()]


def series_record(t: Sequence[float], v: Sequence[float]) -> Any:
    """A record of dtype `SERIES`: value `v[i]` from time `t[i]` on.

    Parameters
    ----------
    t : sequence of float
        Times, rising strictly; 1 to 48 of them.
    v : sequence of float
        As many values.

    Returns
    -------
    numpy.void

    Raises
    ------
    ValueError
        If there are no points, too many, or their times do not rise.
    """
    if not 1 <= len(t) == len(v) <= SERIES_POINTS:
        raise ValueError(
            f"a series needs 1 to {SERIES_POINTS} times with as many values, not {len(t)} and {len(v)}"
        )
    if not np.all(np.diff(t) > 0.0):
        raise ValueError(f"the times of a series rise strictly; these are {list(t)}")
    record = np.zeros((), SERIES)
    record["n"] = len(t)
    record["t"][: len(t)], record["v"][: len(v)] = t, v
    return record[()]
