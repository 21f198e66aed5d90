"""Returns of simulated children, written for the tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from best_sim.exchange.write_903 import as_csv, files_of
from best_sim.pathway import Journeys


def write_returns(
    journeys: Journeys,
    folder: Path,
    years: Sequence[int] | None = None,
    *,
    boroughs: Sequence[str] | None = None,
) -> list[Path]:
    """A folder for each collection year, a file for each table."""
    paths = []
    for year, name, table in files_of(journeys, years, boroughs=boroughs):
        path = folder / str(year) / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_csv(table).encode())
        paths.append(path)
    return paths
