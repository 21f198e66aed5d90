"""Power of whole simulated trials in small worlds, beside closed forms that are given nothing that was simulated."""

from __future__ import annotations

import math

import pytest
from power_against_theory import DESIGNS, Design, simulated

pytestmark = pytest.mark.theory


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_power_is_what_theory_says(design: Design) -> None:
    got = simulated(design, 300, seed=23, workers=1)
    assert got.failed == 0
    assert abs(got.away) < 4.0, f"{got.power:.4f} against {got.exact:.4f}"


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_power_is_what_theory_says_to_half_a_per_cent(design: Design) -> None:
    got = simulated(design, 10_000, seed=29)
    assert got.error <= 0.005
    assert got.failed <= 10
    assert abs(got.away) < 4.0, f"{got.power:.4f} against {got.exact:.4f}"


def test_the_designs_can_tell_a_wrong_closed_form() -> None:
    """Siblings taken for strangers: ten thousand trials would find that out many times over."""
    by_name = {design.name: design for design in DESIGNS}
    pairs = by_name["pairs of siblings"]
    right = pairs.closed_form()
    wrong = by_name["single children"].closed_form.func(2.0, 100, 100)  # type: ignore[attr-defined]
    assert abs(right - wrong) > 20.0 * math.sqrt(right * (1.0 - right) / 10_000)
