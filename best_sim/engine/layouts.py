"""What the compiled loop works in, as records in memory: `best_sim.engine.kernel` reads and writes them by pointer.

The driver gives the memory, and so does whatever else runs a kernel: a page with the WebAssembly module in it.
"""

from __future__ import annotations

import numpy as np

from best_sim.engine.model import USE

DONE, LOG_FULL, PAUSED, FAULTY = range(4)
"""Why the loop stopped."""

LOOP = np.dtype(
    [
        ("begin", "f8"),
        # processes that begin by themselves: rows of STARTING
        ("starts", "i8"),
        ("n_starts", "i8"),
        ("next_start", "i8"),
        # rows of KIND, RESOURCE, SLOT
        ("kinds", "i8"),
        ("n_kinds", "i8"),
        ("rows_of_kind", "i8"),
        ("resources", "i8"),
        ("n_resources", "i8"),
        ("slots", "i8"),
        ("n_slots", "i8"),
        # due now and first: a ring of numbers of slots
        ("ring", "i8"),
        ("ring_at", "i8"),
        ("ring_size", "i8"),
        # due later: by bucket, the first of a list of nodes, 0 for none; rows of NODE, the first of them not used
        ("buckets", "i8"),
        ("nodes", "i8"),
        ("n_nodes", "i8"),
        ("free_node", "i8"),
        ("fresh_node", "i8"),
        ("n_buckets", "i8"),
        ("bucket_at", "i8"),
        ("bucketed", "i8"),
        ("per_day", "f8"),
        # due soon: three columns, and how many rows of them are filled
        ("heap_time", "i8"),
        ("heap_order", "i8"),
        ("heap_slot", "i8"),
        ("heap_size", "i8"),
        ("heap_room", "i8"),
        ("issued", "i8"),
        ("priorities", "i8"),
        # the event record: rows of EVENT
        ("recording", "i8"),
        ("log", "i8"),
        ("log_room", "i8"),
        ("logged", "i8"),
        # diaries: hours by diary and day
        ("free", "i8"),
        ("opening", "i8"),
        ("day_hours", "i8"),
        ("stretch", "i8"),
        ("hint", "i8"),
        ("n_diaries", "i8"),
        ("n_days", "i8"),
        ("diary_start", "f8"),
        # the process in hand, and the commands carried out
        ("kind", "i8"),
        ("index", "i8"),
        ("slot", "i8"),
        ("moment", "f8"),
        ("steps", "i8"),
        ("most_at_once", "i8"),
        ("stuck_at", "i8"),
        ("pause_at", "i8"),
        ("unfinished", "i8"),
        # the command that was asked for last, and what is wrong with it
        ("fault", "i8"),
        ("code", "i8"),
        ("target", "i8"),
        ("a", "f8"),
        ("b", "f8"),
    ]
)
"""All that the loop knows; addresses are int64."""

KIND = np.dtype(
    [
        ("first_slot", "i8"),
        ("rows", "i8"),
        ("row", "i8"),
        ("row_size", "i8"),
        ("stride", "i8"),
        ("free_block", "i8"),
        ("fresh_block", "i8"),
    ]
)
"""A kind of process; `row` is the address of its table.

Its blocks hold the states of those that run; a block given back holds the next one's address.
"""

RESOURCE = np.dtype(
    [
        ("capacity", "i8"),
        ("in_use", "i8"),
        ("queueing", "i8"),
        ("first", "i8"),
        ("last", "i8"),
        ("settled", "f8"),
        *((name, USE[name]) for name in USE.names or ()),
    ]
)
"""A resource and its account. `first` and `last` are one more than the slots at the ends of its queue, 0 for none."""

SLOT = np.dtype(
    [
        ("order", "i8"),  # of its pending resumption; 0 if it has none, or is in the ring
        ("block", "i8"),  # address of the state of the process
        ("ahead", "i4"),  # neighbours in a queue: one more than the slot, 0 for none
        ("behind", "i4"),
        ("resource", "i4"),
        ("kind", "i2"),
        ("phase", "i1"),
        ("answer", "i1"),
    ]
)
"""A process: half a cache line. All zeros is one that has not begun."""

NODE = np.dtype([("time", "f8"), ("order", "i8"), ("slot", "i4"), ("next", "i4")])
"""A resumption in a bucket."""

ADDRESSES = {
    "loop": (
        *("starts", "kinds", "rows_of_kind", "resources", "slots", "ring", "buckets", "nodes"),
        *("heap_time", "heap_order", "heap_slot", "priorities", "log"),
        *("free", "opening", "day_hours", "stretch", "hint"),
    ),
    "kind": ("row", "free_block", "fresh_block"),
    "slot": ("block",),
}
"""Fields that hold addresses, by record."""
