"""Draw the pictures of the README and the documents into `docs/pictures/`, from runs of the shipped scenario.

Run it as `python docs/make_pictures.py [REPLICATES]` in an environment in which `best_sim` is installed. The same
versions give the same bytes.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from best_sim import run_experiment
from best_sim.drawing.style import save
from best_sim.drawing.wording import as_date
from best_sim.exchange.observed_recruitment import read_observed_recruitment
from best_sim.measures.episodes import episodes_of
from best_sim.pathway import Journeys, simulate
from best_sim.questions.allocations.ask import AllocationsQuestion
from best_sim.questions.asking import Question
from best_sim.questions.assurance.ask import AssuranceQuestion
from best_sim.questions.counterfactuals.ask import CounterfactualsQuestion
from best_sim.questions.interims.ask import InterimsQuestion
from best_sim.questions.local_rates.ask import LocalRatesQuestion
from best_sim.questions.pictures.care import (
    living_by_month,
    outcomes_of_care_figure,
    proceedings_figure,
    waits_figure,
)
from best_sim.questions.pictures.consort import consort_figure
from best_sim.questions.pictures.recruitment import recruitment_curve, recruitment_figure
from best_sim.questions.recruitment.ask import RecruitmentQuestion
from best_sim.questions.recruitment.figures import forecast_figure
from best_sim.questions.running import answer
from best_sim.questions.sample_size.ask import SampleSizeQuestion
from best_sim.questions.sensitivity.ask import SensitivityQuestion
from best_sim.questions.stability.ask import StabilityQuestion
from best_sim.questions.stability.figures import stability_figure
from best_sim.scenario import Scenario
from best_sim.trial.consort import consort, mean_flow
from best_sim.trial.recruitment import borough_plans

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
    child = first.child("first LIFT")
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
        "timeline": first.timeline(child, in_sau),
    }
    drawn |= designing() | planning()
    for name, figure in drawn.items():
        png, svg = save(figure, HERE / name)
        svg.unlink()
        size = png.stat().st_size
        if size > MOST_BYTES:
            raise SystemExit(f"{png}: {size:,} bytes, at most {MOST_BYTES:,}")
        print(f"{png}: {size:,} bytes")


def planning() -> dict[str, Any]:
    """The pictures of the how-tos for planners, and of `explanation/court-load.md`."""
    scenario = Scenario.load("london-2017")
    cut_off = dt.date(2019, 4, 1)
    seen = read_observed_recruitment(
        HERE.parents[1] / "experiments" / "observed-example.csv", borough_plans(scenario), cut_off=cut_off
    )
    england = Scenario.load("england")
    own = episodes_of(simulate(england, 1), borough="east_london")
    rates = LocalRatesQuestion(borough="east_london", backcast=True, replicates=100).about(
        own, dt.date(2019, 4, 1), dt.date(2023, 4, 1)
    )
    asked = RecruitmentQuestion(target=60, by=dt.date(2019, 12, 31)).in_world(scenario)
    forecast = answer(asked.observing(seen.table, cut_off))
    return {
        "expansion": run_experiment("expansion").figures()["differences"],
        **run_experiment("best-plan").figures(),
        "stability": stability_figure(answer(StabilityQuestion().in_world(scenario))),
        **{
            {"rates": "local-rates"}.get(name, name): drawn for name, drawn in answer(rates).figures().items()
        },
        "recruitment-forecast": forecast_figure(forecast),
        "court-load": run_experiment("calibration-court-load").figures()["calibration"],
    }


def designing() -> dict[str, Any]:
    """The pictures of `how-to/design-a-trial.md`."""
    always = ["simulation.end_date=2045-01-01", "sites.london.recruiting=[{from=2017-10-01,value=1}]"]
    london = {"scenario": "london-2017", "set": always, "power": 0.5}
    return {
        "sample-size": _picture(SampleSizeQuestion.load(**london, within=30.0, most=1500.0), "sample-size"),
        "assurance": _picture(AssuranceQuestion.load(replicates=400), "by-outcomes-sdq-lift_effect"),
        "sensitivity": _picture(SensitivityQuestion.load(replicates=100), "sensitivity"),
        "counterfactuals": _picture(
            CounterfactualsQuestion.load(set=["outcomes.sdq.lift_effect=-2.4"]), "counterfactuals"
        ),
        "allocations": _picture(AllocationsQuestion.load(), "allocations"),
        **answer(InterimsQuestion.load(looks=[0.3, 0.5, 0.75])).figures(),
        "size-pairs": _picture(
            SampleSizeQuestion.load(
                **london,
                within=100.0,
                replicates=2_000,
                against="lift.teams.london.families_per_clinician",
                values=[2.2, 2.8, 4.4],
            ),
            "pairs",
        ),
    }


def _picture(question: Question, name: str) -> Any:
    """One of the pictures of a question's answer."""
    return answer(question).figures()[name]


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
