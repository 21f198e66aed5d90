"""Philox 4x64-10 compiled: the number at an address in well under a microsecond, from Python and compiled code.

Importing this module compiles (or loads) its one function, so it fails where numba cannot be imported or cannot
compile; `best_sim.engine.luck` then uses numpy's generator instead. It is a module of its own, whose function refers
to nothing elsewhere, so that numba's disk cache, which looks at one file only, is right about it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_M0, _M1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)  # multipliers of the two halves
_W0, _W1 = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xBB67AE8584CAA73B),
)  # what the key words grow by each round
_ONE, _TWELVE = np.uint64(1), np.uint64(12)
_STEP = 2.0**-52


def _type_product(context: Any, left: Any, right: Any) -> Any:
    """Upper and lower 64 bits of the 128-bit product: one machine instruction, where plain numba would need ten."""
    both = types.UniTuple(types.uint64, 2)

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide, word = ir.IntType(128), ir.IntType(64)
        product = builder.mul(*(builder.zext(value, wide) for value in arguments))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), word)
        return context.make_tuple(builder, both, (high, builder.trunc(product, word)))

    return both(types.uint64, types.uint64), lower


_product: Any = intrinsic(_type_product)


def _uniform_at(seed: Any, replicate: Any, stream: Any, number: Any, purpose: Any, count: Any) -> Any:
    k0, k1 = np.uint64(seed), np.uint64(replicate)
    c0, c1 = np.uint64(count) + _ONE, np.uint64(purpose)
    c2, c3 = np.uint64(number), np.uint64(stream)
    for _ in range(10):
        high0, low0 = _product(_M0, c0)
        high1, low1 = _product(_M1, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0 += _W0
        k1 += _W1
    # by way of a signed number: few processors have an instruction that makes a double of an unsigned one
    return (np.float64(np.int64(c0 >> _TWELVE)) + 0.5) * _STEP


def _compiled(function: Any, signature: Any) -> Any:
    # An explicit signature gives one specialisation, whatever integer types a call has.
    try:
        return njit(signature, nogil=True, cache=True)(function)
    except RuntimeError:  # there is nowhere to keep a cache: compile once a session
        return njit(signature, nogil=True)(function)


uniform_at = _compiled(_uniform_at, types.float64(*[types.int64] * 6))
"""`best_sim.engine.luck.uniform_at_by_numpy`, compiled."""


def _uniforms_at(seed: Any, replicate: Any, streams: Any, numbers: Any, purpose: Any, count: Any) -> Any:
    out = np.empty(len(numbers))
    for i in range(len(numbers)):
        out[i] = uniform_at(seed, replicate, streams[i], numbers[i], purpose, count)
    return out


_NUMBERS = types.Array(types.int64, 1, "A", readonly=True)
uniforms_at = _compiled(
    _uniforms_at, types.float64[::1](types.int64, types.int64, _NUMBERS, _NUMBERS, types.int64, types.int64)
)
"""`best_sim.engine.luck.uniforms_at`, compiled."""
