"""The command line: `best-sim`."""

from __future__ import annotations

import sys

import typer

# each module adds its commands to the app, in the order in which `best-sim --help` lists them
from best_sim.cli import asking as asking

from best_sim.cli import parameters as parameters  # isort: skip
from best_sim.cli import runs as runs  # isort: skip
from best_sim.cli.common import app

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


_ENDS = (
    ("best_sim.scenario.problems", "ProblemsError", 2),
    ("best_sim.cli.common", "RefusedError", 2),
    ("best_sim.pathway.choices", "UnknownChildError", 2),
    ("best_sim.replications.store", "StoreError", 2),
    ("best_sim.replications.executors", "ClusterError", 2),
    ("best_sim.questions.runs", "ChangedError", 2),
    ("best_sim.engine.faults", "SimulationError", 3),
)


def _exit_code(error: Exception) -> int | None:
    """2 for bad input, 3 for a simulation that can't go on, None for a mistake in the program."""
    # By name: where an error is raised its module is there, and to import the others takes seconds.
    for module, name, code in _ENDS:
        if module in sys.modules and isinstance(error, getattr(sys.modules[module], name)):
            return code
    return None


if __name__ == "__main__":
    main()
