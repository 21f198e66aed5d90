"""Running a question: engine, workers, what is kept of it, how far it goes, and who is told."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from best_sim.questions.asking import QuestionError, SimulatedQuestion
from best_sim.replications import Keep, Memory, Plan, Row, Store, whole_from_start, working
from best_sim.replications import run as run_plan
from best_sim.scenario.problems import Problem, nearest_name
from best_sim.scenario.writing import shown

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.engine.model import Engine
    from best_sim.questions.asking import Question
    from best_sim.questions.found import Found

Work = Callable[[int], list[Row]]
Progress = Callable[[int, int | None, str], object]
"""``progress(done, total, words)``: replicates done, of how many where that is known, and what is told beside."""

_BATCH = 200
"""Replicates after which a run that stops when it is sure looks whether it is: these, whatever the machine."""


class StoppedError(KeyboardInterrupt):
    """A run was interrupted before there was enough to say anything; what was finished is kept."""


@dataclass(frozen=True)
class Until:
    """When a run is sure enough to stop.

    Attributes
    ----------
    error : float
        Monte Carlo standard error below which it stops.
    quantity : str
        Of which quantity; where it stands several times (designs), the least certain counts.
    """

    error: float
    quantity: str


@dataclass
class Running:
    """How a question is run.

    Parameters
    ----------
    engine : {"compiled", "simpy"}
    executor : concurrent.futures.Executor, optional
        Where replicates are run; without one, in this thread.
    store : Store, optional
        Where finished replicates are kept; by default in memory. Those that are there already are not run again.
    until : Until, optional
        Stop when sure.
    progress : callable, optional
    stopping : callable, optional
        Called when an interrupt has come, and what is under way is being finished.
    chunk : int, optional
        Replicates given to a worker, and kept, at a time; it changes no result.

    Attributes
    ----------
    interrupted : bool
        Whether an interrupt has come.
    """

    engine: Engine = "compiled"
    executor: Executor | None = None
    store: Store | None = None
    until: Until | None = None
    progress: Progress | None = None
    stopping: Callable[[], object] | None = None
    chunk: int | None = None
    interrupted: bool = False
    _memory: dict[str, Memory] = field(default_factory=dict)

    def leg(self, name: str = "") -> Keep:
        """Where the replicates of one leg are kept; without a name, of the question's only one."""
        if self.store is not None:
            return self.store.leg(name)
        return self._memory.setdefault(name, Memory())

    def tell(self, done: int, total: int | None, words: str = "") -> None:
        """Say how far it has come."""
        if self.progress is not None:
            self.progress(done, total, words)

    def run(
        self,
        work: Work,
        replicates: int,
        *,
        leg: str = "",
        total: int | None = None,
        before: int = 0,
        words: str = "",
    ) -> tuple[Keep, bool]:
        """Run what is missing of one leg.

        Parameters
        ----------
        work : callable
            From a replicate's number to its rows; depends on nothing else, and pickles where workers are processes.
        replicates : int
            Numbers from 0 to `replicates` - 1 are run.
        leg : str
            Its name, where the question has several.
        total, before : int, optional
            For the progress: replicates in all, where that is known (of a question without legs, these); those of the
            legs before this one.
        words : str
            Told beside the progress.

        Returns
        -------
        keep : Keep
            With the finished chunks.
        whole : bool
            False if it was interrupted before all were done.
        """
        keep = self.leg(leg)
        known = total if total is not None or leg else replicates
        whole = run_plan(
            Plan(work, replicates, self.chunk or chunk_for(self.engine, replicates)), self.executor, keep=keep,
            progress=lambda done: self.tell(before + done, known, words), stopping=self.stopping,
        )  # fmt: skip
        self.interrupted = self.interrupted or not whole
        return keep, whole

    def all_of(
        self,
        work: Work,
        replicates: int,
        *,
        leg: str = "",
        total: int | None = None,
        before: int = 0,
        words: str = "",
    ) -> Keep:
        """As `run`, for a leg without which the question can't go on.

        Raises
        ------
        StoppedError
            If it was interrupted.
        """
        keep, whole = self.run(work, replicates, leg=leg, total=total, before=before, words=words)
        if not whole:
            raise StoppedError
        return keep

    def replicates_of(self, question: SimulatedQuestion) -> int:
        """Run the replicates of a question that are missing, until it is sure where that is asked for.

        Returns
        -------
        int
            Replicates that are there, counted from 0 without a gap.

        Raises
        ------
        StoppedError
            If it was interrupted before there were enough to say anything.
        """
        work, asked = question.work(self.engine), question.replicates
        most = asked
        if self.until is None:
            self.run(work, asked)
        else:
            most = self._until_sure(question, work, self.until)
        done = min(whole_from_start(self.leg()), most)
        if self.interrupted and done < min(question.least, asked):
            raise StoppedError
        return done

    def _until_sure(self, question: SimulatedQuestion, work: Work, until: Until) -> int:
        """Run batches until one is sure, or all are run; the replicates that count."""
        asked, keep = question.replicates, self.leg()
        for batch in range(_BATCH, asked + _BATCH, _BATCH):
            now = min(batch, asked)
            if whole_from_start(keep) < now:
                keep, whole = self.run(work, now, total=asked)
                if not whole:
                    break
            errors = question.errors(keep, now)
            assert errors is not None  # refused before it began
            error = least_certain(errors, until.quantity)
            if error < until.error or now == asked:
                sure = "below" if error < until.error else "the most that was asked for; not below"
                self.tell(
                    now, now,
                    f"{until.quantity}: Monte Carlo standard error {error:.2g} after {now} replicates, {sure} "
                    f"{until.error:g}.",
                )  # fmt: skip
                return now
        return asked


def chunk_for(engine: Engine, replicates: int) -> int:
    """Replicates given to a worker, and kept, at a time; it changes no result.

    About a second's work, or more where there are so many replicates that chunks would be too many; fewer where there
    are so few that workers would have none.
    """
    if engine == "simpy":
        return 2
    return min(500, max(20, replicates // 1000), max(1, math.ceil(replicates / 8)))


def least_certain(errors: pd.DataFrame, quantity: str) -> float:
    """The largest Monte Carlo standard error of a quantity.

    Parameters
    ----------
    errors : pandas.DataFrame
        quantity, mcse.
    quantity : str

    Returns
    -------
    float
        `inf` where an error can't be told yet: where it is missing, or zero because all replicates agreed so far.

    Raises
    ------
    KeyError
        If there is no such quantity with a Monte Carlo error.
    """
    if quantity not in known_quantities(errors):
        raise KeyError(quantity)
    mine = errors.loc[errors["quantity"] == quantity, "mcse"].to_numpy(float)
    return float(np.where(np.isfinite(mine) & (mine > 0), mine, np.inf).max())


def known_quantities(errors: pd.DataFrame) -> list[str]:
    """Names of the quantities that have a Monte Carlo standard error."""
    return list(dict.fromkeys(errors.loc[errors["mcse"].notna(), "quantity"]))


def refuse_unknown_quantity(question: SimulatedQuestion, until: Until, engine: Engine) -> None:
    """Refuse a quantity that the question won't have, by asking two replicates of it.

    Raises
    ------
    QuestionError
    """
    if not 0 < until.error < float("inf"):
        raise QuestionError(
            [
                Problem(
                    file="--until-mcse", message="this is no error to stop at", found=f"{until.error:g}",
                    allowed="a number above 0",
                )
            ]
        )  # fmt: skip
    known = []
    if type(question).errors is not SimulatedQuestion.errors:
        few = question.replaced(replicates=2)
        keep, _ = Running(engine).run(few.work(engine), 2)
        errors = few.errors(keep, 2)
        known = [] if errors is None else known_quantities(errors)
    if until.quantity not in known:
        raise QuestionError(
            [
                Problem(
                    file="--figure", message="this has no Monte Carlo standard error", found=until.quantity,
                    allowed="; ".join(known) or "none: this question runs as many replicates as it is told",
                    nearest=nearest_name(until.quantity, known),
                )
            ]
        )  # fmt: skip


def refuse_wrong(question: Question) -> None:
    """Refuse a question that was made in Python and is wrong between its fields, as a file would be.

    Raises
    ------
    QuestionError
    """
    problems = [
        Problem(
            file=question.file, key=one.key, message=one.message, allowed=one.allowed, nearest=one.nearest,
            found="" if one.found is None else shown(one.found),
        )
        for one in question.check()
        if not one.warning
    ]  # fmt: skip
    if problems:
        raise QuestionError(problems)


def answer(
    question: Question,
    *,
    engine: Engine | None = None,
    executor: Executor | None | Literal["default"] = "default",
    store: Store | None = None,
    until: Until | None = None,
    progress: Progress | None = None,
    stopping: Callable[[], object] | None = None,
) -> Found:
    """Answer a question.

    Parameters
    ----------
    question : Question
    engine : {"compiled", "simpy"}, optional
        By default the compiled one, or SimPy where that can't be had; both give the same answers.
    executor : concurrent.futures.Executor or None, optional
        By default, workers on this machine's cores; None for none.
    store, until, progress, stopping
        As `Running` takes them.

    Returns
    -------
    Found
        Of the replicates that were finished, where the run was interrupted (Ctrl-C).

    Raises
    ------
    ProblemsError
        If the question can't be asked; before anything is simulated.
    StoppedError
        If the run was interrupted before there was enough to say anything.
    """
    refuse_wrong(question)
    question.refuse()
    used: Any = engine
    if not question.simulates:
        used = "compiled"  # of which nothing is made
    elif used is None:
        from best_sim.pathway import engine_in_use

        used = engine_in_use()
    with working(used, executor) as own:
        chunk = None if store is None else store.manifest.get("chunk")
        running = Running(used, own, store, until, progress, stopping, chunk)
        if until is not None and isinstance(question, SimulatedQuestion):
            refuse_unknown_quantity(question, until, used)
        return question.run(running)
