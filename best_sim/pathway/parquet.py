"""The drivers' records as Parquet files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def write_rows(rows: np.ndarray, path: Path) -> None:
    """Write a structured array, a column for each field; a field that is an array has a column for each place."""
    columns = {}
    for name in rows.dtype.names or ():
        values = rows[name]
        if values.ndim == 1:
            columns[name] = pa.array(values)
        else:
            for k in range(values.shape[1]):
                columns[f"{name}.{k}"] = pa.array(np.ascontiguousarray(values[:, k]))
    pq.write_table(pa.table(columns), path)


def read_rows(path: Path, dtype: np.dtype) -> np.ndarray:
    """Read what `write_rows` wrote, as rows of this kind."""
    table = pq.read_table(path)
    rows = np.zeros(table.num_rows, dtype)
    for column in table.column_names:
        name, _, k = column.partition(".")
        values = table[column].to_numpy()
        if k:
            rows[name][:, int(k)] = values
        else:
            rows[name] = values
    return rows
