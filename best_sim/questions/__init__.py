"""The questions that are asked of the simulation, all in one shape: ask, run, show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from best_sim.questions.found import Found

__all__ = ["run_experiment"]


def run_experiment(name_or_path: str | Path = "power", **changes: Any) -> Found:
    """Ask the question of a file, of whatever kind it is.

    Parameters
    ----------
    name_or_path : str or path
        A shipped question's name, or a TOML file like ``experiments/power.toml``.
    **changes
        Keys of the file to set otherwise: replicates, seed, scenario, set (a list of ``"key=value"``).

    Returns
    -------
    Found
        With `words`, `tables` and `figures`, and what else this kind of question finds.

    Raises
    ------
    ProblemsError
        With everything that is wrong in the file or the scenario.
    """
    from best_sim.questions.asking import read_question
    from best_sim.questions.running import answer

    return answer(read_question(name_or_path, None, changes))
