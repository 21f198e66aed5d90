"""Draw the pictures of the README and the documents into `docs/pictures/`, from runs of the shipped scenario.

Run it as `python docs/make_pictures.py [REPLICATES]` in an environment in which `best_sim` is installed. The same
versions give the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from best_sim.display import (
    choose_child,
    living_by_month,
    outcomes_of_care_figure,
    proceedings_figure,
    recruitment_curve,
    recruitment_figure,
    save,
    timeline_figure,
    waits_figure,
)
from best_sim.display.consort import consort_figure
from best_sim.display.wording import as_date
from best_sim.pathway import Journeys, simulate
from best_sim.scenario import Scenario
from best_sim.trial.consort import consort, mean_flow

HERE = Path(__file__).parent / "pictures"
MOST_BYTES = 300_000


def main(replicates: int = 100) -> None:
    """Simulate, and write each picture.

    Parameters
    ----------
    replicates : int
        Replicates of the trial as it was run.
    """
    scenario = Scenario.load("trial-as-run")
    runs: list[Journeys] = [simulate(scenario, seed=1, replicate=k) for k in range(replicates)]
    first = runs[0]
    note = f"Scenario trial-as-run, {replicates} replicates, seed 1."
    curve = recruitment_curve(
        [j.families["randomised_days"] for j in runs], first.start_date, first.date(first.end)
    )
    openings = {
        name.replace("_", " ").title().replace(" And ", " and "): as_date(borough.opens)
        for name, borough in scenario.boroughs.items()
    }
    child = choose_child(first, "first LIFT")
    in_sau = simulate(scenario, seed=1, replicate=0, arm="SAU")
    drawn = {
        "recruitment": recruitment_figure(
            curve, scenario.trial.target_families, openings=openings, source=note
        ),
        "consort": consort_figure(mean_flow(map(consort, runs)), replicates=replicates, source=note),
        "living": outcomes_of_care_figure(
            living_by_month(runs), source=f"{note} Arms differ by what the scenario assumes."
        ),
        "proceedings": proceedings_figure(
            pd.concat([j.proceedings for j in runs]), end=first.end, source=note
        ),
        "waits": waits_figure(pd.concat([j.services for j in runs]), end=first.end, source=note),
        "timeline": timeline_figure(first, child, in_sau),
    }
    for name, figure in drawn.items():
        png, svg = save(figure, HERE / name)
        svg.unlink()
        size = png.stat().st_size
        if size > MOST_BYTES:
            raise SystemExit(f"{png}: {size:,} bytes, at most {MOST_BYTES:,}")
        print(f"{png}: {size:,} bytes")


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
