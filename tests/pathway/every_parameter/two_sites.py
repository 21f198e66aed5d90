"""What parameters do that matter only where there are several boroughs, sites, courts or teams."""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
from every_parameter.effects import Figure, falls, gives, in_world
from every_parameter.figures import families, imbalance
from small_worlds import Changes, always

from best_sim.pathway.journeys import Journeys
from best_sim.scenario import Scenario

OPENS = dt.date(2018, 1, 1)
BOROUGHS = ("glasgow", "croydon", "tower_hamlets", "bromley", "sutton", "barking_and_dagenham")


@cache
def _trial() -> Scenario:
    return Scenario.load("trial-as-run").replace(
        {
            "simulation.start_date": OPENS,
            "simulation.end_date": dt.date(2019, 12, 31),
            "simulation.starts_with": "empty",
            "trial.stops_at_target": False,
            "trial.lift_queue_limit": 0,
            **{f"sites.{site}.recruiting": always(1) for site in ("glasgow", "london")},
            **{f"sites.{site}.consent": 1.0 for site in ("glasgow", "london")},
            **{f"boroughs.{borough}.opens": OPENS for borough in BOROUGHS},
        }
    )


def two_sites(changes: Changes) -> Scenario:
    """Glasgow and five London boroughs, all open for two years."""
    return _trial().replace(dict(changes)) if changes else _trial()


def of_croydon(field: str, names: str) -> Figure:
    """Number of the place to which Croydon's families belong, the same for all of them."""

    def figure(j: Journeys, _: Scenario) -> float:
        f = families(j)
        mine = f[f["borough"] == j.names["boroughs"].index("croydon")]
        assert len(np.unique(mine[field])) == 1
        return float(j.names[names][mine[field][0]] == "glasgow")

    return figure


BLOCKS: Changes = {"trial.allocation.method": "blocks", "trial.allocation.block_sizes": [2]}
MINIMISED: Changes = {
    "trial.allocation.method": "minimisation", "trial.allocation.strata": "none",
    "trial.allocation.probability_of_best_arm": 1.0,
}  # fmt: skip

EFFECTS = in_world(
    two_sites,
    falls("trial.allocation.strata", "none", "site", imbalance(lambda j, f: f["site"]), BLOCKS),
    falls("trial.allocation.strata", "none", "borough", imbalance(lambda j, f: f["borough"]), BLOCKS),
    falls("trial.allocation.factors", ["siblings"], ["site"], imbalance(lambda j, f: f["site"]), MINIMISED),
    falls(
        "trial.allocation.factors", ["siblings"], ["borough"], imbalance(lambda j, f: f["borough"]), MINIMISED
    ),
    gives("boroughs.croydon.site", "london", "glasgow", (0.0, 1.0), of_croydon("site", "sites")),
    gives("boroughs.croydon.court", "east_london", "glasgow", (0.0, 1.0), of_croydon("court", "courts")),
    gives("boroughs.croydon.lift_team", "london", "glasgow", (0.0, 1.0), of_croydon("team", "teams")),
)
