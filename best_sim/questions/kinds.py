"""Every kind of question: what it answers, in a line, and where its class is, which is imported when it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from best_sim.questions.asking import Question

Group = Literal["Trial designers", "Planners", "The model", "Files"]


@dataclass(frozen=True)
class Kind:
    """One kind of question.

    Attributes
    ----------
    name : str
        ``kind`` in its files.
    group : str
        Under which ``best-sim --help`` lists it.
    summary : str
        What it answers, in a line.
    example : str
        A command, for ``--help``.
    where : str
        Module and name of its class.
    verb : str
        Its command, where that is not its name: the kind is what is asked about, a command may be what is done.
    """

    name: str
    group: Group
    summary: str
    example: str
    where: str
    verb: str = ""

    @property
    def command(self) -> str:
        """What is typed after ``best-sim``."""
        return self.verb or self.name

    @property
    def cls(self) -> type[Question]:
        """Its class."""
        module, _, name = self.where.partition(":")
        found: type[Question] = getattr(import_module(f"best_sim.questions.{module}"), name)
        return found


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind(
                "power", "Trial designers",
                "How often the trial would find an effect, how long it recruits, and what happens to the children.",
                "best-sim power --replicates 200 --set trial.target_families=300",
                "power.ask:PowerQuestion",
            ),
            Kind(
                "sample-size", "Trial designers",
                "How many families, or how much of another parameter, give a wanted power.",
                "best-sim sample-size --power 0.5 --within 50 --most 1500",
                "sample_size.ask:SampleSizeQuestion",
            ),
            Kind(
                "interims", "Trial designers",
                "Interim analyses: when they come, what they show, and what stopping or re-estimating does.",
                "best-sim interims --looks 0.3,0.5,0.75 --replicates 200",
                "interims.ask:InterimsQuestion",
            ),
            Kind(
                "assurance", "Trial designers",
                "Power averaged over what is believed of the parameters.",
                "best-sim assurance --replicates 400",
                "assurance.ask:AssuranceQuestion",
            ),
            Kind(
                "sensitivity", "Trial designers",
                "One-way sensitivity analysis: what each assumption does to the power (a tornado).",
                "best-sim sensitivity --replicates 100",
                "sensitivity.ask:SensitivityQuestion",
            ),
            Kind(
                "counterfactuals", "Trial designers",
                "Paired counterfactuals: every simulated child under LIFT and under services as usual.",
                "best-sim counterfactuals london-2017 --set outcomes.sdq.lift_effect=-2.4",
                "counterfactuals.ask:CounterfactualsQuestion",
            ),
            Kind(
                "allocations", "Trial designers",
                "Methods of allocation: how unequal the arms come out, and how well the next can be guessed.",
                "best-sim allocations london-2017 --set trial.allocation.lift_share=0.6667",
                "allocations.ask:AllocationsQuestion",
            ),
            Kind(
                "recruitment", "Planners",
                "When a target is reached: before a trial begins, or from what has been seen of it.",
                "best-sim recruit --scenario london-2017 --target 120 --by 2021-07-31",
                "recruitment.ask:RecruitmentQuestion", verb="recruit",
            ),
            Kind(
                "expansion", "Planners",
                "What plans of openings and teams lead to: dates, waits for LIFT, courts, moves and money.",
                "best-sim expand my-plans.toml --replicates 100",
                "expansion.ask:ExpansionQuestion", verb="expand",
            ),
            Kind(
                "stability", "Planners",
                "How often children move and how long placements last, by group, and who could see what LIFT changes.",
                "best-sim stability --by borough --scenario london-2017",
                "stability.ask:StabilityQuestion",
            ),
            Kind(
                "best-plan", "Planners",
                "Which boroughs to open when: the cheapest plan that reaches a target in time, or the earliest.",
                "best-sim best-plan --goal earliest --budget 4000000",
                "best_plan.ask:BestPlanQuestion",
            ),
            Kind(
                "calibration", "Planners",
                "Parameters that nobody measured, fitted to published or local figures; leaves a scenario with them.",
                "best-sim calibrate calibration-court-load --replicates 40",
                "calibration.ask:CalibrationQuestion",
                verb="calibrate",
            ),
            Kind(
                "local-rates", "Planners",
                "A local authority's own placement parameters, from its SSDA903 returns; leaves a scenario with them.",
                "best-sim local-rates returns/ --borough east_london --backcast",
                "local_rates.ask:LocalRatesQuestion",
            ),
            Kind(
                "simulation", "The model",
                "What happens to every child, written as tables: one replicate, or as many as are asked for.",
                "best-sim simulate london-2017 --seed 2 --replicates 3",
                "simulation.ask:SimulationQuestion", verb="simulate",
            ),
            Kind(
                "trace", "The model",
                "One simulated child's story in plain words, and as a timeline.",
                'best-sim trace "most moves" --set proceedings.timetable=15',
                "trace.ask:TraceQuestion",
            ),
            Kind(
                "validation", "The model",
                "Which published figures the model meets; those that set nothing are its test.",
                "best-sim validate --only stability --replicates 30",
                "validation.ask:ValidationQuestion", verb="validate",
            ),
            Kind(
                "read-903", "Files",
                "A local authority's SSDA903 returns, read and cleaned: what was changed and why, and counts by year.",
                "best-sim read-903 returns/",
                "read_903.ask:Read903Question",
            ),
            Kind(
                "write-903", "Files",
                "Simulated children as SSDA903 returns: a folder of CSV files for each collection year.",
                "best-sim write-903 london-2017 --year 2020 --borough croydon",
                "write_903.ask:Write903Question",
            ),
        )
    }
)  # fmt: skip
"""The kinds of question, by name, in the order in which they are listed."""

COMMANDS: Mapping[str, Kind] = MappingProxyType({kind.command: kind for kind in KINDS.values()})
"""The same, by what is typed."""
