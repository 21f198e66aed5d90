"""What comes out of paired counterfactuals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from best_sim.engine.model import Engine
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.questions.counterfactuals.ask import CounterfactualsQuestion
from best_sim.questions.counterfactuals.measures import MEASURES, outcomes_of
from best_sim.questions.found import Chapter, Found, Shown
from best_sim.replications import Keep, whole_table
from best_sim.trial.methods import METHODS
from best_sim.trial.outcomes import analysis_set

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ALPHA = 0.05
_ESTIMATES = ["replicate", "estimate", "low", "high", "truth"]


@dataclass(frozen=True)
class BothServices:
    """One trial as one row, with every family of it in both services: what is of each child is a list.

    Parameters
    ----------
    lowered : Lowered
    parts : int
        Into which the families are divided.
    seed : int
    engine : {"compiled", "simpy"}
    """

    lowered: Lowered
    parts: int
    seed: int
    engine: Engine

    @classmethod
    def of(cls, question: CounterfactualsQuestion, engine: Engine) -> BothServices:
        """For a question."""
        return cls(lower(question.world), question.parts, question.seed, engine)

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The row of replicate `number`."""
        base = simulate(self.lowered, self.seed, number, self.engine, events=False)
        children, left_out = self._both(base, number)
        fit = METHODS["mixed-model"].run(analysis_set(base), _ALPHA, 0.0)
        low, high = fit.interval
        difference = pd.Series(children["sdq.lift"] - children["sdq.sau"])
        about = {
            "replicate": number, "estimate": fit.estimate, "low": low, "high": high,
            "truth": float(difference.mean()), "left_out": left_out,
        }  # fmt: skip
        return [about | {name: values.tolist() for name, values in children.items()}]

    def _both(self, base: Journeys, number: int) -> tuple[dict[str, np.ndarray], int]:
        families = base.tables["families"]
        mine = np.flatnonzero((families["arm"] != W.NOT_ALLOCATED) & np.isnan(families["ineligible"]))
        here = outcomes_of(base)
        there = {name: np.full(len(values), np.nan) for name, values in here.items()}
        other_arm = np.zeros(len(families), np.int64)
        received = np.zeros(len(families), bool)
        for part in range(self.parts):
            other = simulate(self._sent(part), self.seed, number, self.engine, events=False)
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
        children = {"child": rows, "family": family, "with_lift": with_lift, "received_lift": had}
        for name in MEASURES:
            children[f"{name}.lift"] = np.where(with_lift, here[name][rows], there[name][rows])
            children[f"{name}.sau"] = np.where(with_lift, there[name][rows], here[name][rows])
        return children, len(mine) - len(seen)

    def _sent(self, part: int) -> Lowered:
        """The scenario with one part of the families sent to the other arm."""
        world = self.lowered.world.copy()
        world["other_arm_from"], world["other_arm_until"] = part / self.parts, (part + 1) / self.parts
        return replace(self.lowered, world=world)


@dataclass(frozen=True)
class CounterfactualsFound(Found):
    """Every randomised child in both services.

    Attributes
    ----------
    question : CounterfactualsQuestion
        With as many replicates as were finished.
    children : pandas.DataFrame
        One row for each child of a family that was randomised whichever arm it was sent to: replicate, child, family,
        arm (in which the trial saw it), received_lift (under LIFT), and for each outcome two columns, ``OUTCOME.lift``
        and ``OUTCOME.sau``.
    estimates : pandas.DataFrame
        One row for each replicate: estimate, low, high of the trial's primary analysis, and truth, the mean difference
        of the SDQ over its children in both services.
    left_out : int
        Families that were randomised in one of the two only.
    interrupted : bool
        Whether fewer replicates were run than asked for.
    """

    question: CounterfactualsQuestion
    children: pd.DataFrame
    estimates: pd.DataFrame
    left_out: int
    interrupted: bool = False

    @property
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

    # --- as every question's --------------------------------------------------------------------------------
    def words(self) -> list[str]:
        """What allocation changes for the same child, and what a trial would estimate."""
        from best_sim.questions.counterfactuals.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """The effects, what each trial estimated, and a row for each child."""
        return {"effects": self.effects, "estimates": self.estimates, "children.parquet": self.children}

    def figures(self) -> Mapping[str, Figure]:
        """Differences of the same child's score, beside what single trials estimate."""
        from best_sim.questions.counterfactuals.figures import counterfactuals_figure

        return {"counterfactuals": counterfactuals_figure(self)}

    def shown(self) -> list[Shown]:
        """The effects."""
        from best_sim.questions.counterfactuals.show import effects_shown

        return [effects_shown(self)]

    def answer(self) -> Mapping[str, Any]:
        """The mean difference of each outcome."""
        means = self.effects.set_index("outcome")["mean"]
        known = {str(name): float(value) if np.isfinite(value) else None for name, value in means.items()}
        return {"lift_less_sau": known, "children": len(self.children), "families_left_out": self.left_out}

    def notes(self) -> list[str]:
        """What the answer rests on."""
        from best_sim.questions.counterfactuals.show import notes_of

        return notes_of(self)

    def chapters(self) -> list[Chapter]:
        """The answer, the effects, and what single trials estimate."""
        from best_sim.questions.counterfactuals.show import chapters_of

        return chapters_of(self)


def counterfactuals_found(question: CounterfactualsQuestion, keep: Keep, done: int) -> CounterfactualsFound:
    """What the finished replicates say.

    Parameters
    ----------
    question : CounterfactualsQuestion
        With as many replicates as count.
    keep : Keep
    done : int
        Replicates that count.

    Returns
    -------
    CounterfactualsFound
    """
    trials = whole_table(keep, done).to_pandas()

    def of(name: str, kind: type) -> np.ndarray:
        return np.concatenate([np.asarray(one, kind) for one in trials[name]])

    about = {"child": of("child", np.int64), "family": of("family", np.int64)}
    about["arm"] = np.where(of("with_lift", bool), "LIFT", "SAU").astype(object)
    about["received_lift"] = of("received_lift", bool)
    outcomes = {name: of(name, np.float64) for one in MEASURES for name in (f"{one}.lift", f"{one}.sau")}
    replicate = np.repeat(trials["replicate"].to_numpy(), trials["child"].map(len))
    return CounterfactualsFound(
        question=question,
        children=pd.DataFrame({"replicate": replicate} | about | outcomes),
        estimates=trials[_ESTIMATES],
        left_out=int(trials["left_out"].sum()),
    )
