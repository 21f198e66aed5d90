"""The command line: `best-sim`."""

from __future__ import annotations

import sys

import typer

# each module adds its commands to the app, in the order in which `best-sim --help` lists them
from best_sim.cli import asking as asking

from best_sim.cli import designing as designing  # isort: skip
from best_sim.cli import planning as planning  # isort: skip
from best_sim.cli import calibrating as calibrating  # isort: skip
from best_sim.cli import stability as stability  # isort: skip
from best_sim.cli import best_plan as best_plan  # isort: skip
from best_sim.cli import expansion as expansion  # isort: skip
from best_sim.cli import local as local  # isort: skip
from best_sim.cli import model as model  # isort: skip
from best_sim.cli import parameters as parameters  # isort: skip
from best_sim.cli import runs as runs  # isort: skip
from best_sim.cli.common import RefusedError, app

asking.register(app)

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; bad input is one clear message and exit code 2."""
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("Stopped; nothing was written.", err=True)
        sys.exit(130)
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        typer.echo(str(error), err=True)
        sys.exit(code)


def _exit_code(error: Exception) -> int | None:
    """2 for bad input, 3 for a simulation that can't go on, None for a mistake in the program."""
    # imported only when something went wrong: these rooms are slow to import, and `--help` needs none of them
    from best_sim.engine import SimulationError
    from best_sim.pathway.story import UnknownChildError
    from best_sim.questions.runs import ChangedError
    from best_sim.replications import ClusterError, StoreError
    from best_sim.scenario.problems import ProblemsError

    if isinstance(
        error, ProblemsError | UnknownChildError | RefusedError | StoreError | ChangedError | ClusterError
    ):
        return 2
    return 3 if isinstance(error, SimulationError) else None


if __name__ == "__main__":
    main()
