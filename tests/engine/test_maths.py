"""The model's own exp, log, log1p and power: how good they are, and that they are the same bits everywhere."""

from __future__ import annotations

import ast
import inspect
import math
import random
import struct
from decimal import Context, Decimal

import numpy as np
import pytest

pytest.importorskip("numba")
from best_sim.engine import commands, compiled_driver, diaries, faults, kernel, luck, maths  # noqa: E402
from best_sim.pathway.model import PATHWAY  # noqa: E402

REFERENCE = Context(prec=60, Emin=-999_999, Emax=999_999)
LONG = Context(prec=360, Emin=-999_999, Emax=999_999)
"""For what is lost where 1 is added to a very small number."""


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    return REFERENCE.exp(REFERENCE.multiply(exponent, REFERENCE.ln(base)))


EXACTLY = {
    "exp": REFERENCE.exp,
    "log": REFERENCE.ln,
    "log1p": lambda x: REFERENCE.plus(LONG.ln(LONG.add(Decimal(1), x))),
    "power": _power,
}


def _error(name: str, *given: float) -> float:
    """Distance from the exact value, in units of its last place as a double."""
    got, exact = getattr(maths, name)(*given), EXACTLY[name](*map(Decimal, given))
    return float(REFERENCE.subtract(Decimal(got), exact) / Decimal(math.ulp(float(exact))))


def _sign(luck: random.Random) -> int:
    return luck.choice((-1, 1))


def _with_result(luck: random.Random, base: float, low: float, high: float) -> tuple[float, float]:
    """A base with the exponent that makes its power e ** (low to high)."""
    return base, luck.uniform(low, high) / math.log(base)


DRAWS = {
    "exp: all there is": ("exp", lambda r: (r.uniform(-708.0, 709.78),)),
    "exp: of scores": ("exp", lambda r: (r.uniform(-4.0, 4.0),)),
    "exp: of next to nothing": ("exp", lambda r: (_sign(r) * 2.0 ** r.uniform(-60.0, 0.0),)),
    "log: all there is": ("log", lambda r: (2.0 ** r.uniform(-1020.0, 1023.0),)),
    "log: of a random number": ("log", lambda r: (r.random() or 0.5,)),
    "log: about one": ("log", lambda r: (1.0 + _sign(r) * 2.0 ** r.uniform(-52.0, -1.0),)),
    "log: subnormal": ("log", lambda r: (5e-324 * r.randrange(1, 1 << 51),)),
    "log1p: of a random number": ("log1p", lambda r: (-r.random(),)),
    "log1p: of next to nothing": ("log1p", lambda r: (_sign(r) * 2.0 ** r.uniform(-80.0, -1.0),)),
    "log1p: large": ("log1p", lambda r: (2.0 ** r.uniform(0.0, 500.0),)),
    "power: of a random number": ("power", lambda r: (r.random() or 0.5, r.uniform(0.1, 6.0))),
    "power: of a unit exponential": ("power", lambda r: (r.expovariate(1.0), r.uniform(0.2, 5.0))),
    "power: all there is": ("power", lambda r: _with_result(r, 2.0 ** r.uniform(-60.0, 60.0), -708.0, 709.0)),
    "power: about one": (
        "power",
        lambda r: _with_result(r, 1.0 + _sign(r) * 2.0 ** r.uniform(-48.0, -1.0), -708.0, 709.0),
    ),
}


@pytest.mark.parametrize("of", DRAWS)
def test_results_are_nearly_as_good_as_doubles_can_be(of: str) -> None:
    name, draw = DRAWS[of]
    luck = random.Random(of)
    worst = max((draw(luck) for _ in range(1500)), key=lambda given: abs(_error(name, *given)))
    assert abs(_error(name, *worst)) < 0.52, (name, worst)


@pytest.mark.parametrize("name", ["exp", "power"])
def test_a_subnormal_result_is_rounded_once_more(name: str) -> None:
    luck = random.Random(name)
    for _ in range(500):
        base = 2.0 ** luck.uniform(0.1, 40.0)
        given = (
            _with_result(luck, base, -744.0, -709.0) if name == "power" else (luck.uniform(-744.0, -709.0),)
        )
        assert abs(_error(name, *given)) < 0.76, given


# Where a double lies nearly in the middle between two others, or next to one: found by searching widely for the worst.
HARD = [
    ("exp", 469.1932281027557),
    ("exp", -0.19797062486863082),
    ("log", 1.0071015712230338),
    ("log", 0.9999999998380275),
    ("log", 0.996435315341384),
    ("log1p", 1.198018239978098e-10),
    ("power", 1.0077063934648536, 79323.50949997811),
    ("power", 1.0000000003769152, 1814095695560.8904),
    ("power", 1.0039329967045167, -134701.04073956935),
]


@pytest.mark.parametrize(("name", "given"), [(name, given) for name, *given in HARD])
def test_hard_points(name: str, given: list[float]) -> None:
    assert abs(_error(name, *given)) < 0.52


INF, NAN = math.inf, math.nan
SPECIAL = [
    ("exp", (0.0,), 1.0),
    ("exp", (-0.0,), 1.0),
    ("exp", (INF,), INF),
    ("exp", (-INF,), 0.0),
    ("exp", (NAN,), NAN),
    ("exp", (709.782712893384,), 1.7976931348622732e308),
    ("exp", (709.7827128933841,), INF),
    ("exp", (-745.133219101941,), 5e-324),
    ("exp", (-745.14,), 0.0),
    ("exp", (1e-300,), 1.0),
    ("log", (1.0,), 0.0),
    ("log", (0.0,), -INF),
    ("log", (-0.0,), -INF),
    ("log", (-1.0,), NAN),
    ("log", (INF,), INF),
    ("log", (NAN,), NAN),
    ("log1p", (0.0,), 0.0),
    ("log1p", (-0.0,), -0.0),
    ("log1p", (1e-300,), 1e-300),
    ("log1p", (-1.0,), -INF),
    ("log1p", (-1.5,), NAN),
    ("log1p", (INF,), INF),
    ("log1p", (NAN,), NAN),
    ("log1p", (1.7976931348623157e308,), 709.782712893384),
    ("power", (2.0, 10.0), 1024.0),
    ("power", (0.0, 2.0), 0.0),
    ("power", (0.0, -2.0), INF),
    ("power", (0.0, 0.0), 1.0),
    ("power", (1.0, NAN), 1.0),
    ("power", (NAN, 0.0), 1.0),
    ("power", (NAN, 1.0), NAN),
    ("power", (0.5, NAN), NAN),
    ("power", (-2.0, 2.0), NAN),
    ("power", (INF, 0.5), INF),
    ("power", (INF, -0.5), 0.0),
    ("power", (0.5, INF), 0.0),
    ("power", (0.5, -INF), INF),
    ("power", (2.0, INF), INF),
    ("power", (2.0, 1024.0), INF),
    ("power", (2.0, -1074.0), 5e-324),
    ("power", (2.0, -1080.0), 0.0),
    ("power", (1.0 + 2.0**-52, 1e300), INF),
    ("power", (1.0 - 2.0**-53, 1e300), 0.0),
    ("power", (5e-324, 0.5), 2.0**-537),
]


def _bits(x: float) -> bytes:
    return b"NaN" if math.isnan(x) else struct.pack("d", x)


@pytest.mark.parametrize(("name", "given", "expected"), SPECIAL)
def test_special_values(name: str, given: tuple[float, ...], expected: float) -> None:
    assert _bits(getattr(maths, name)(*given)) == _bits(expected)


def test_results_rise_with_what_they_are_of() -> None:
    luck = random.Random(1)
    for _ in range(2000):
        u = luck.random() or 0.5
        above = math.nextafter(u, 1.0)
        assert maths.log(u) <= maths.log(above) and maths.exp(u) <= maths.exp(above)
        assert maths.log1p(-u) >= maths.log1p(-above)
        assert maths.power(u, 1.7) <= maths.power(above, 1.7)


def _numbers(n: int) -> list[float]:
    luck = random.Random(7)
    kinds = (
        luck.random,
        lambda: luck.uniform(-760.0, 760.0),
        lambda: 2.0 ** luck.uniform(-1074.0, 1023.0),
        lambda: 1.0 + _sign(luck) * 2.0 ** luck.uniform(-53.0, 0.0),
        lambda: struct.unpack("d", luck.randbytes(8))[0],
        lambda: luck.choice((0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 5e-324, 2.0**-1022)),
    )
    return [kinds[k % len(kinds)]() for k in range(n)]


def test_compiled_code_gives_the_same_bits() -> None:
    from numba import njit

    @njit(error_model="numpy")
    def compiled(x, y):
        return maths.exp(x), maths.log(x), maths.log1p(x), maths.power(x, y)

    numbers = _numbers(20_000)
    for x, y in zip(numbers, numbers[7:] + numbers[:7], strict=True):
        expected = maths.exp(x), maths.log(x), maths.log1p(x), maths.power(x, y)
        assert [*map(_bits, compiled(x, y))] == [*map(_bits, expected)], (x, y)


def test_logarithms_of_an_array_are_the_same_bits() -> None:
    x = np.array([each for each in _numbers(20_000) if 2.0**-1022 <= each < INF])
    assert maths.logs(x).tolist() == [maths.log(each) for each in x.tolist()]


LEFT_OPEN = {
    *("exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "pow", "power"),
    *("sin", "cos", "tan", "tanh", "erf", "gamma", "lgamma"),
}


def _is_open(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="math" | "np"), attr=name):
            return name in LEFT_OPEN
        case (
            ast.BinOp(op=ast.Pow()) | ast.AugAssign(op=ast.Pow())
        ):  # of numbers alone, the compiler has done it
            return any(isinstance(part, ast.Name | ast.Attribute | ast.Call) for part in ast.walk(node))
    return False


def test_no_rule_calls_what_the_standard_leaves_open() -> None:
    """Else a platform's own routine would take part, and its last digit."""
    looked_at, found = 0, []
    for module in [*compiled_driver.source_modules(PATHWAY), maths, commands, diaries, faults, kernel, luck]:
        for function in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(function, ast.FunctionDef) and (
                any(
                    isinstance(one, ast.Name) and one.id in ("rule", "routine")
                    for one in function.decorator_list
                )
                or any(isinstance(node, ast.Yield) for node in ast.walk(function))
            ):
                looked_at += 1
                found += [
                    f"{module.__name__}.{function.name}" for node in ast.walk(function) if _is_open(node)
                ]
    assert found == [] and looked_at > 200
