"""Every parameter does what its name says: an effect that is dropped, or whose sign is turned, fails here.

A new parameter needs an entry in a table of the folder `every_parameter`, as docs/how-to/add-a-parameter.md says.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from every_parameter import (
    court,
    entering,
    measured,
    placements,
    scotland,
    services,
    two_sites,
    without_effect,
)

from best_sim.scenario.leaves import Leaf, nodes_of
from best_sim.scenario.schema import Parameters
from best_sim.scenario.values import Named, Section

TABLES = (entering, court, services, placements, scotland, measured, two_sites)
EFFECTS = [effect for table in TABLES for effect in table.EFFECTS]
WITHOUT = without_effect.WITHOUT


def leaves(section: type[Section], path: str = "") -> Iterator[str]:
    """Every parameter of the schema, by its dotted name; of sections by name, once for one name."""
    for name, node in nodes_of(section).items():
        if isinstance(node, Leaf):
            yield path + name
        elif isinstance(node, Named):
            (inside,) = node.values()
            yield from leaves(inside, f"{path}{name}.*.")
        else:
            yield from leaves(node, f"{path}{name}.")


SCHEMA = tuple(leaves(Parameters))


def test_every_parameter_has_an_entry():
    entered = {effect.leaf for effect in EFFECTS} | {one.leaf for one in WITHOUT}
    missing = [leaf for leaf in SCHEMA if leaf not in entered]
    assert not missing, (
        f"no test would notice if these did nothing: {', '.join(missing)}. Say in tests/pathway/every_parameter/ what "
        "each does: a figure that rises or falls with it, in a world in which it matters"
    )
    assert entered <= set(SCHEMA), f"not in the schema any more: {sorted(entered - set(SCHEMA))}"


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.parameter)
def test_a_parameter_does_what_its_name_says(effect):
    low, high = effect.measured()
    effect.check(low, high)
    # the entry is able to fail: where the effect is dropped, on either side, and where it is turned
    if effect.sign:
        for one, other in ((low, low), (high, high), (high, low)):
            with pytest.raises(AssertionError, match="the figure is"):
                effect.check(one, other)


@pytest.mark.parametrize("one", WITHOUT, ids=lambda one: one.parameter)
def test_what_has_no_effect_on_a_run_has_none(one):
    one.check()
