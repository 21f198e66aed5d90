"""Many runs: what to run, where, and what is kept of it."""

from best_sim.replications.executors import ClusterError, cluster, cores, workers, working
from best_sim.replications.plan import Keep, Memory, Plan, Row, tables, whole_from_start, whole_table
from best_sim.replications.running import run
from best_sim.replications.store import (
    Damaged,
    Store,
    StoreError,
    find_stores,
    why_no_run_fits,
    write_whole,
)

__all__ = [
    "ClusterError",
    "Damaged",
    "Keep",
    "Memory",
    "Plan",
    "Row",
    "Store",
    "StoreError",
    "cluster",
    "cores",
    "find_stores",
    "run",
    "tables",
    "whole_from_start",
    "whole_table",
    "why_no_run_fits",
    "workers",
    "working",
    "write_whole",
]
