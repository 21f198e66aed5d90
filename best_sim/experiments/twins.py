"""Twins: each simulated family under LIFT and under services as usual, with the same luck.

A trial sees each family in one service. A simulation can ask what would have become of the same family in the other: a
part of the families is sent to the other arm, all else is run again, and this is done for one part after another until
every family has been seen in both. A part is small (one in twenty), and as many go one way as the other, so teams and
courts stay about as busy as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from best_sim.engine.model import EngineAsked
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.scenario import Scenario
from best_sim.scenario.durations import MONTH, YEAR
from best_sim.trial.methods import METHODS
from best_sim.trial.outcomes import OUTCOMES, analysis_set

PARTS = 20
_HORIZON = 30.0 * MONTH


@dataclass(frozen=True)
class Twins:
    """Every randomised child in both services.

    Attributes
    ----------
    scenario : Scenario
    children : pandas.DataFrame
        One row for each child of a family that was randomised whichever arm it was sent to: replicate, child, family,
        arm (in which the trial saw it), received_lift (under LIFT), and for each outcome two columns, ``OUTCOME.lift``
        and ``OUTCOME.sau``.
    estimates : pandas.DataFrame
        One row for each replicate: estimate, low, high of the trial's primary analysis, and truth, the mean difference
        of the SDQ over its children in both services.
    left_out : int
        Families that were randomised in one of the two only.
    """

    scenario: Scenario
    children: pd.DataFrame
    estimates: pd.DataFrame
    left_out: int

    def effects(self) -> pd.DataFrame:
        """The true effects: LIFT less SAU of the same child.

        Returns
        -------
        pandas.DataFrame
            One row for each outcome: outcome, mean (over children), mcse (over replicates), sd (over children), lower
            and higher (shares of children whose outcome is so under LIFT), same, children.
        """
        rows = []
        for name in MEASURES:
            difference = self.children[f"{name}.lift"] - self.children[f"{name}.sau"]
            known = difference.notna()
            each = difference[known].groupby(self.children.loc[known, "replicate"]).mean()
            rows.append(
                {
                    "outcome": name,
                    "mean": float(difference.mean()),
                    "mcse": float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else np.nan,
                    "sd": float(difference.std(ddof=1)),
                    "lower": float((difference[known] < 0).mean()),
                    "higher": float((difference[known] > 0).mean()),
                    "same": float((difference[known] == 0).mean()),
                    "children": int(known.sum()),
                }
            )
        return pd.DataFrame(rows)


def twins(
    scenario: Scenario,
    replicates: int = 4,
    seed: int = 1,
    *,
    parts: int = PARTS,
    engine: EngineAsked = "auto",
) -> Twins:
    """Simulate trials, and every family of theirs in the other arm too.

    Parameters
    ----------
    scenario : Scenario
    replicates : int
        Trials; each is simulated once more for every part.
    seed : int
    parts : int
        Into which the families are divided; more are slower, and disturb teams and courts less.
    engine : {"auto", "compiled", "simpy"}

    Returns
    -------
    Twins

    Raises
    ------
    ValueError
        If there is not one replicate, or there are not two parts.
    """
    if replicates < 1:
        raise ValueError(f"replicates: found {replicates}, allowed 1 or more")
    if parts < 2:
        raise ValueError(f"parts: found {parts}, allowed 2 or more")
    lowered = lower(scenario)
    method = METHODS["mixed-model"]
    tables, estimates, left_out = [], [], 0
    for number in range(replicates):
        base = simulate(lowered, seed, number, engine, events=False)
        table, missed = _both(lowered, base, seed, number, parts, engine)
        tables.append(table)
        left_out += missed
        fit = method.run(analysis_set(base), 0.05, 0.0)
        difference = table["sdq.lift"] - table["sdq.sau"]
        low, high = fit.interval
        estimates.append(
            {
                "replicate": number,
                "estimate": fit.estimate,
                "low": low,
                "high": high,
                "truth": float(difference.mean()),
            }
        )
    return Twins(scenario, pd.concat(tables, ignore_index=True), pd.DataFrame(estimates), left_out)


def in_part(lowered: Lowered, part: int, parts: int) -> Lowered:
    """The scenario with one part of the families sent to the other arm."""
    world = lowered.world.copy()
    world["twin_from"], world["twin_until"] = part / parts, (part + 1) / parts
    return replace(lowered, world=world)


def _both(
    lowered: Lowered,
    base: Journeys,
    seed: int,
    number: int,
    parts: int,
    engine: EngineAsked,
) -> tuple[pd.DataFrame, int]:
    families = base.tables["families"]
    mine = np.flatnonzero((families["arm"] != W.NOT_ALLOCATED) & np.isnan(families["ineligible"]))
    here = outcomes_of(base)
    there = {name: np.full(len(values), np.nan) for name, values in here.items()}
    other_arm = np.zeros(len(families), np.int64)
    received = np.zeros(len(families), bool)
    for part in range(parts):
        other = simulate(in_part(lowered, part, parts), seed, number, engine, events=False)
        arms = other.tables["families"]["arm"]
        sent = mine[(arms[mine] != W.NOT_ALLOCATED) & (arms[mine] != families["arm"][mine])]
        other_arm[sent] = arms[sent]
        received[sent] = other.tables["families"]["receipt"][sent] == W.RECEIVED
        rows = (sent[:, None] * LARGEST_FAMILY + np.arange(LARGEST_FAMILY)).ravel()
        for name, values in outcomes_of(other).items():
            there[name][rows] = values[rows]
    seen = mine[other_arm[mine] > 0]
    rows = (seen[:, None] * LARGEST_FAMILY + np.arange(LARGEST_FAMILY)).ravel()
    rows = rows[base.tables["children"]["index"][rows] >= 0]
    family = rows // LARGEST_FAMILY
    with_lift = families["arm"][family] == W.LIFT
    had = np.where(with_lift, families["receipt"][family] == W.RECEIVED, received[family])
    columns = {
        "replicate": np.full(len(rows), number),
        "child": rows,
        "family": family,
        "arm": np.where(with_lift, "LIFT", "SAU"),
        "received_lift": had,
    }
    for name in MEASURES:
        columns[f"{name}.lift"] = np.where(with_lift, here[name][rows], there[name][rows])
        columns[f"{name}.sau"] = np.where(with_lift, there[name][rows], here[name][rows])
    return pd.DataFrame(columns), len(mine) - len(seen)


@dataclass(frozen=True)
class Measure:
    """What is compared of the same child: label, unit, and how it is taken of every child, seen by the trial or not."""

    label: str
    unit: str
    of: Callable[[Journeys], np.ndarray]


def _score(name: str) -> Measure:
    of = OUTCOMES[name]
    return Measure(f"{of.short} at 30 months", of.each, lambda j: j.scores[name][:, W.VISITS - 1])


def _of_family(j: Journeys, name: str) -> np.ndarray:
    """A column of the table of families, by row of the table of children."""
    return j.tables["families"][name][np.arange(len(j.tables["children"])) // LARGEST_FAMILY]


def _of_group(j: Journeys, name: str) -> np.ndarray:
    children = j.tables["children"]
    return j.tables["groups"][name][np.where(children["index"] >= 0, children["group"], 0)]


def _moves(j: Journeys) -> np.ndarray:
    due = _of_family(j, "visit_state")[:, W.VISITS - 1] != W.NOT_DUE
    return np.where(due, j.tables["children"]["care_moves_then"][:, W.VISITS - 1].astype(float), np.nan)


def _three_or_more(j: Journeys) -> np.ndarray:
    year = _of_family(j, "entered") + YEAR
    return np.where(year <= j.end, _of_group(j, "third_at") <= year, np.nan)


def _days_to_permanence(j: Journeys) -> np.ndarray:
    entered = _of_family(j, "entered")
    return np.fmin(_of_group(j, "permanent_at"), np.minimum(entered + _HORIZON, j.end)) - entered


def _weeks_of_proceedings(j: Journeys) -> np.ndarray:
    cases = j.tables["cases"]
    weeks = (cases["decided"] - cases["issued"])[np.arange(len(j.tables["children"])) // LARGEST_FAMILY] / 7.0
    return np.where(np.isfinite(weeks), weeks, np.nan)


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "sdq": _score("sdq"),
        "pirgas": _score("pirgas"),
        "moves": Measure("moves in care by 30 months", OUTCOMES["moves"].each, _moves),
        "three_or_more": Measure(
            OUTCOMES["three_or_more"].label, OUTCOMES["three_or_more"].each, _three_or_more
        ),
        "days_to_permanence": Measure("days from entry to permanence", "days", _days_to_permanence),
        "weeks_of_proceedings": Measure("weeks of proceedings", "weeks", _weeks_of_proceedings),
    }
)
"""What is compared, by name: scores at the third visit, moves in care by it, a third placement within a year of entry
to care, days from entry to permanence (at most 30 months), weeks of proceedings."""


def outcomes_of(j: Journeys) -> dict[str, np.ndarray]:
    """Every measure of every child, by row of the table of children; seen by the trial or not."""
    lived = j.tables["children"]["index"] >= 0
    return {name: np.where(lived, one.of(j), np.nan) for name, one in MEASURES.items()}
