"""One simulated replicate, and small tables made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from best_sim.pathway import simulate
from best_sim.pathway.journeys import Journeys
from best_sim.scenario import Scenario


@pytest.fixture(scope="session")
def journeys() -> Journeys:
    return simulate(Scenario.load("trial-as-run"), seed=1, replicate=0, engine="simpy")


@pytest.fixture
def summary() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("Trial as run, a true effect", -2.0, 0.612, 0.0109, 0.590, 0.633, 0.604, 2000, "390 families"),
            ("Trial as run, no effect", 0.0, 0.0515, 0.0049, 0.042, 0.062, 0.05, 2000, ""),
            (
                "A long name of a design that has to be set in several lines",
                -3.0,
                0.9,
                0.007,
                0.88,
                0.91,
                np.nan,
                2000,
                "x",
            ),
        ],
        columns=["design", "effect", "power", "mcse", "low", "high", "closed_form", "replicates", "note"],
    )


@pytest.fixture
def curve() -> pd.DataFrame:
    dates = pd.date_range("2017-10-01", "2022-12-01", freq="MS")
    n = 130 + 6.0 * np.arange(len(dates))
    bands = {"low90": 0.9, "low50": 0.96, "median": 1.0, "high50": 1.04, "high90": 1.1}
    return pd.DataFrame({"date": dates, **{k: np.minimum(390, n * v) for k, v in bands.items()}})


@pytest.fixture
def flow() -> dict[str, Any]:
    out: dict[str, Any] = {
        "screened": (1000.4, 1280.0), "excluded.not_in_proceedings": (300.2, 384.0), "invited": (700.2, 896.0),
        "not_randomised.declined": (300.1, 384.0), "randomised": (400.1, 512.0),
        "LIFT.allocated": (200.3, 256.0), "SAU.allocated": (199.8, 256.0),
    }  # fmt: skip
    for arm, (n, c) in {"LIFT": (200.3, 256.0), "SAU": (199.8, 256.0)}.items():
        out |= {
            f"{arm}.received": (n - 70.1, c - 90.0), f"{arm}.not_received.waited_too_long": (40.05, 50.0),
            f"{arm}.not_received.family_declined": (30.05, 40.0), f"{arm}.found_ineligible": (10.4, 13.0),
            f"{arm}.analysed": (n - 50.0, c - 64.0), f"{arm}.not_analysed.not_seen": (39.6, 51.0),
            f"{arm}.not_analysed.found_ineligible": (10.4, 13.0),
        }  # fmt: skip
        for k in (1, 2, 3):
            out |= {f"{arm}.visit_{k}.seen": (n - 10.4 - 9.3 * k, c - 13.0 - 12.0 * k)}
            out |= {f"{arm}.visit_{k}.missed": (9.3 * k, 12.0 * k)}
    return out
