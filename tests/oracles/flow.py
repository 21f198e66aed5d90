"""A flow of families adds up."""

from __future__ import annotations

from collections.abc import Mapping

from best_sim.pathway import words as W
from best_sim.trial.consort import Pair

ARMS = ("LIFT", "SAU")


def sums_that_fail(flow: Mapping[str, Pair]) -> list[str]:
    """Every box that is not the sum of the boxes it leads to, in words; empty where all add up.

    Parameters
    ----------
    flow : mapping
        As `consort` gives it, or means over replicates.
    """
    whole_and_parts = [
        ("screened", ["invited", *_below(flow, "excluded.")]),
        ("invited", ["randomised", *_below(flow, "not_randomised.")]),
        ("randomised", [f"{arm}.allocated" for arm in ARMS]),
    ]
    for arm in ARMS:
        allocated = f"{arm}.allocated"
        whole_and_parts.append((allocated, [f"{arm}.received", *_below(flow, f"{arm}.not_received.")]))
        whole_and_parts.append((allocated, [f"{arm}.analysed", *_below(flow, f"{arm}.not_analysed.")]))
        for k in range(W.VISITS):
            visit = _below(flow, f"{arm}.visit_{k + 1}.")
            whole_and_parts.append((allocated, [f"{arm}.found_ineligible", *visit]))
    failed = []
    for whole, parts in whole_and_parts:
        for unit, what in enumerate(("families", "children")):
            total = sum(flow[part][unit] for part in parts)
            if abs(total - flow[whole][unit]) > 1e-6 * max(1.0, flow[whole][unit]):
                failed.append(f"{whole}: {flow[whole][unit]:g} {what}, its parts {total:g}")
    return failed


def _below(flow: Mapping[str, Pair], start: str) -> list[str]:
    return [name for name in flow if name.startswith(start)]
