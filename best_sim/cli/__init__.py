"""The command line: `best-sim`."""

from __future__ import annotations

import atexit
import codecs
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import NoReturn

import typer

# each module adds its commands to the app, in the order in which `best-sim --help` lists them
from best_sim.cli import asking as asking

from best_sim.cli import parameters as parameters  # isort: skip
from best_sim.cli import runs as runs  # isort: skip
from best_sim.cli.common import app, said_of

asking.register(app)

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; bad input is one clear message and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_PLAINLY)
    _keep_nothing_without_a_home()
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        _run()
    finally:
        signal.signal(signal.SIGTERM, before)


def _keep_nothing_without_a_home() -> None:
    """What numba and matplotlib keep for a user goes to a folder of this process where the user has no home."""
    try:
        Path.home()
    except RuntimeError:
        scratch = tempfile.mkdtemp(prefix="best_sim_")
        atexit.register(shutil.rmtree, scratch, ignore_errors=True)
        for name in ("BEST_SIM_CACHE", "NUMBA_CACHE_DIR", "MPLCONFIGDIR"):
            os.environ.setdefault(name, scratch)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """What a batch system sends before it kills is dealt with as Ctrl-C is: what is half written is removed."""
    raise KeyboardInterrupt


_PLAINLY = "best_sim.plainly"
_PLAIN = {
    "\u2212": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2026": "...",
    "\u00d7": "x",
    "\u2265": ">=",
    "\u2264": "<=",
}


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """What an output that can't hold a character shows in its place."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(one, "?") for one in error.object[error.start : error.end]), error.end


codecs.register_error(_PLAINLY, _plainly)


def _run() -> None:
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("Stopped; nothing was written.", err=True)
        sys.exit(130)
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        typer.echo(said_of(error) if isinstance(error, OSError) else str(error), err=True)
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
    # a full disk, a missing permission: of this machine, not of the program
    return 2 if isinstance(error, OSError) else None


if __name__ == "__main__":
    main()
