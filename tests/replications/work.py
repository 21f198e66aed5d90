"""Work for the tests of runs: importable, so that other processes can do it, and slow enough to be killed in."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from best_sim.replications import Plan, Store, run


def rows(number: int) -> list[dict[str, Any]]:
    """Two rows of every type that a table may hold; some columns change their type from replicate to replicate."""
    return [
        {
            "replicate": number,
            "design": name,
            "share": number / 7.0,
            "sometimes": float("nan") if number < 12 else number,
            "late": None if number < 12 else number / 2,
            "by_month": [number, number + 1],
            "fine": number % 2 == 0,
            **({"extra": 1.0} if number == 5 else {}),
        }
        for name in ("a", "b")
    ]


def slow_rows(number: int) -> list[dict[str, Any]]:
    """The same, later ones sooner, so that chunks finish out of order."""
    time.sleep(0.01 * (1 + number % 5))
    return rows(number)


def main(folder: str, replicates: int, chunk: int) -> None:
    """Run what is missing in a folder, begun here if it is new."""
    path = Path(folder)
    store = (
        Store(path)
        if (path / "manifest.json").exists()
        else Store.create(path, {"replicates_asked": replicates})
    )
    with store.held(), ThreadPoolExecutor(2) as threads:
        store.set_damaged_aside()
        print("begun", flush=True)
        whole = run(Plan(slow_rows, replicates, chunk), threads, keep=store)
        store.update(state="finished" if whole else "interrupted")
    print("whole" if whole else "stopped", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
