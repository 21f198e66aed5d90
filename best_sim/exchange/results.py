"""What a run leaves: a folder with its manifest, tables and pictures, written whole or not at all."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import itertools
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from best_sim.experiments.power import PowerResult
    from best_sim.scenario import Scenario

_PACKAGES = (
    "best-sim",
    "numpy",
    "scipy",
    "pandas",
    "numba",
    "simpy",
    "matplotlib",
    "pyarrow",
    "pydantic",
    "statsmodels",
)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on."""
    out = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            out[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            out[name] = "not installed"
    return out


def run_folder(
    experiment: str, scenario: Scenario, seed: int, out: Path | None, started: dt.datetime
) -> Path:
    """Where a run goes: `out`, or ``results/<experiment>/<date-time>-<hash>-<seed>`` below the current folder."""
    if out is not None:
        return out
    name = f"{started:%Y%m%d-%H%M%S}-{scenario.hash[:8]}-{seed}"
    folder = Path("results") / experiment / name
    again = itertools.count(2)
    while folder.exists():  # two runs begun in the same second
        folder = folder.with_name(f"{name}-{next(again)}")
    return folder


def is_taken(folder: Path) -> bool:
    """Whether there is already something under this name that a run must not replace: a file, or a folder in use."""
    return folder.exists() and not (folder.is_dir() and next(folder.iterdir(), None) is None)


@contextmanager
def whole_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """A folder that appears under its name only when everything in it is written.

    Parameters
    ----------
    folder : pathlib.Path
    replace : bool
        Replace what has that name, once the new folder is complete.

    Yields
    ------
    pathlib.Path
        Where to write; removed if an error is raised.

    Raises
    ------
    FileExistsError
        If the name is taken and is not to be replaced; before anything is written.
    """
    if is_taken(folder) and not replace:
        raise FileExistsError(f"{folder} exists, and is not empty")
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield scratch
        scratch.chmod(0o755)
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
            folder.rename(old / folder.name)
            scratch.rename(folder)
            shutil.rmtree(old)
        else:
            scratch.rename(folder)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def manifest(
    *,
    experiment: str,
    scenario: Scenario,
    seed: int,
    replicates: int,
    engine: str,
    started: dt.datetime,
    **more: Any,
) -> dict[str, Any]:
    """What a run was: enough to repeat it.

    Returns
    -------
    dict
        experiment, scenario (name, title, hash, and the whole of it as TOML), seed, replicates, engine, command,
        started, finished, seconds, platform, versions, and what else is given.
    """
    now = dt.datetime.now(dt.UTC)
    return {
        "experiment": experiment,
        "scenario": scenario.name,
        "scenario_title": scenario.title,
        "scenario_hash": scenario.hash,
        "seed": seed,
        "replicates": replicates,
        "engine": engine,
        "command": " ".join(["best-sim", *sys.argv[1:]]) if sys.argv else "",
        "started": started.isoformat(timespec="seconds"),
        "finished": now.isoformat(timespec="seconds"),
        "seconds": round((now - started).total_seconds(), 1),
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": versions(),
        **more,
        "scenario_toml": scenario.as_toml(),
    }


@contextmanager
def files_replaced(folder: Path) -> Iterator[Path]:
    """A scratch folder whose files, once all are written, take the place of those in `folder`, each at once.

    Parameters
    ----------
    folder : pathlib.Path
        May hold other things, which stay.

    Yields
    ------
    pathlib.Path
        Where to write; removed in any case.
    """
    scratch = Path(tempfile.mkdtemp(prefix=".writing.", dir=folder))
    try:
        yield scratch
        for path in sorted(scratch.iterdir()):
            path.chmod(0o644)
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_tables(folder: Path, result: PowerResult) -> None:
    """Write the tidy summary, the recruitment curve, the flow and the rows of every replicate."""
    import pandas as pd

    result.summary.to_csv(folder / "summary.csv", index=False)
    result.curve.to_csv(folder / "recruitment.csv", index=False)
    flow = pd.DataFrame.from_dict(result.flow, orient="index", columns=["families", "children"])
    flow.rename_axis("box").to_csv(folder / "consort.csv")
    result.replicates.to_parquet(folder / "replicates.parquet", index=False)
    (folder / "experiment.toml").write_text(result.experiment.text, encoding="utf-8")
