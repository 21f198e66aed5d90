"""What to run: replicates, in chunks; and where the finished chunks are kept while nothing is written to disk."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]
_FEW = 100


@dataclass(frozen=True)
class Plan:
    """What to run.

    Parameters
    ----------
    work : callable
        ``work(number)`` gives the rows of one replicate, and depends on nothing but its number. It must be picklable
        where it is run by processes or on a cluster.
    replicates : int
        Numbers from 0 to `replicates` - 1 are run.
    chunk : int
        Replicates given to a worker, and written, at a time. It changes no result.
    """

    work: Callable[[int], list[Row]]
    replicates: int
    chunk: int = 20

    def missing(self, done: Iterable[range]) -> Iterator[range]:
        """The chunks to run where some are done: consecutive numbers, in order, cut at multiples of `chunk`."""
        at = 0
        for have in [*sorted(done, key=lambda one: one.start), range(self.replicates, self.replicates)]:
            stop = min(have.start, self.replicates)
            while at < stop:
                edge = min(stop, (at // self.chunk + 1) * self.chunk)
                yield range(at, edge)
                at = edge
            at = max(at, have.stop)


class Keep(Protocol):
    """Where finished chunks are kept."""

    def done(self) -> list[range]:
        """The chunks that are there, in order."""

    def put(self, numbers: range, data: bytes) -> None:
        """Keep a finished chunk."""

    def get(self, numbers: range) -> bytes:
        """The bytes of a chunk that is there."""


class Memory:
    """Finished chunks kept in memory, while this process lives."""

    def __init__(self) -> None:
        self._chunks: dict[range, bytes] = {}

    def done(self) -> list[range]:
        """The chunks that are there, in order."""
        return sorted(self._chunks, key=lambda numbers: numbers.start)

    def put(self, numbers: range, data: bytes) -> None:
        """Keep a finished chunk."""
        self._chunks[numbers] = data

    def get(self, numbers: range) -> bytes:
        """The bytes of a chunk that is there."""
        return self._chunks[numbers]


def run_chunk(work: Callable[[int], list[Row]], numbers: range) -> bytes:
    """The rows of some replicates as a Parquet file: the same bytes, whoever makes them.

    Parameters
    ----------
    work : callable
        As in `Plan`.
    numbers : range

    Returns
    -------
    bytes
    """
    rows = [row for number in numbers for row in work(number)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return as_parquet(pa.table({name: [row.get(name) for row in rows] for name in names}))


def as_parquet(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file, which hold nothing of when or where it was made."""
    file = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), file, compression="zstd", row_group_size=1 << 20)
    return file.getvalue()


def whole_from_start(keep: Keep) -> int:
    """Number of replicates, counted from 0, of which none is missing."""
    n = 0
    for numbers in keep.done():
        if numbers.start > n:
            break
        n = max(n, numbers.stop)
    return n


def tables(keep: Keep, replicates: int, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The finished chunks as tables, in order of replicate, one in memory at a time.

    Parameters
    ----------
    keep : Keep
    replicates : int
        Chunks from this number on are left out.
    columns : list of str, optional
        Only these.
    """
    for numbers in keep.done():
        if numbers.start < replicates:
            table = pq.read_table(io.BytesIO(keep.get(numbers)), columns=columns)
            yield table if numbers.stop <= replicates else _first(table, numbers, replicates)


def _first(table: pa.Table, numbers: range, replicates: int) -> pa.Table:
    rows_of_one = table.num_rows // len(numbers)
    return table.slice(0, rows_of_one * (replicates - numbers.start))


def whole_table(
    keep: Keep, replicates: int, columns: list[str] | None = None, without: Sequence[str] = ()
) -> pa.Table:
    """All rows, in order of replicate.

    A column that holds whole numbers in one chunk and not in another is float; texts are held once each, as a
    dictionary. Beside the chunk in hand this takes what the numbers take, eight bytes each.

    Parameters
    ----------
    keep : Keep
    replicates : int
        Chunks from this number on are left out.
    columns : list of str, optional
        Only these.
    without : sequence of str
        All but these.
    """
    whole: list[pa.Table] = []
    few: list[pa.Table] = []
    for table in tables(keep, replicates, columns):
        few.append(_texts_once(table.drop_columns([name for name in without if name in table.column_names])))
        if len(few) == _FEW:  # a table of few rows takes more for its description than for its numbers
            whole.append(_together(few))
            few = []
    return _together([*whole, *few]) if whole or few else pa.table({})


def _together(parts: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(parts, promote_options="permissive").unify_dictionaries().combine_chunks()


def _texts_once(table: pa.Table) -> pa.Table:
    for i, column in enumerate(table.columns):
        if pa.types.is_string(column.type):
            table = table.set_column(i, table.column_names[i], column.dictionary_encode())
    return table
