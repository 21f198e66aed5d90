"""Rows of children with a time to an event: what the analyses of such times have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from best_sim.trial.analysis.fit import Floats, Rows, complete_rows

NO_VARIATION = "families do not vary in what they contribute to the contrast"


def rows_in_time(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None,
    name: str = "event",
    highest: int | None = 1,
) -> tuple[Rows, Floats]:
    """Complete rows with the time as their outcome, and whether (or which) event was seen."""
    at, kind = np.asarray(time, dtype=np.float64), np.asarray(event, dtype=np.float64)
    arm, label = np.asarray(treated, dtype=np.float64), np.asarray(family)
    _check_shapes(**{"time": at, name: kind, "treated": arm, "family": label})
    _check_values(at, kind, name, highest)
    extra = kind[:, np.newaxis]
    if covariates is not None:
        others = np.asarray(covariates, dtype=np.float64)
        others = others[:, np.newaxis] if others.ndim == 1 else others
        if others.ndim != 2 or len(others) != at.size:
            raise ValueError(
                f"covariates need one row per child; their shape is {others.shape} for {at.size} children"
            )
        extra = np.concatenate([extra, others], axis=1)
    data = complete_rows(at, arm, label, extra)
    kind = np.ascontiguousarray(data.design[:, 1])
    return replace(data, design=np.delete(data.design, 1, axis=1)), kind


def sum_of_squares(values: Floats, family: NDArray[np.intp], n_families: int) -> float:
    """Sum over families of the square of what its children sum to."""
    sums = np.bincount(family, weights=values, minlength=n_families)
    return float(sums @ sums)


def _check_shapes(**columns: NDArray[Any]) -> None:
    shapes = [column.shape for column in columns.values()]
    if any(len(shape) != 1 or shape != shapes[0] for shape in shapes):
        raise ValueError(
            f"{', '.join(columns)} need one row per child; their shapes are {', '.join(map(str, shapes))}"
        )


def _only_zero_and_one(name: str, values: Floats) -> None:
    wrong = values[np.isfinite(values) & (values != 0.0) & (values != 1.0)]
    if wrong.size:
        raise ValueError(f"{name} may only hold 0 and 1; it also holds {wrong[0]}")


def _check_values(at: Floats, kind: Floats, name: str, highest: int | None) -> None:
    if np.any(at < 0.0):
        raise ValueError(f"time may not be negative; found {at[at < 0.0][0]}")
    if highest == 1:
        _only_zero_and_one(name, kind)
    else:
        wrong = kind[np.isfinite(kind) & ((kind < 0.0) | (kind != np.floor(kind)))]
        if wrong.size:
            raise ValueError(f"{name} may only hold whole numbers from 0; it also holds {wrong[0]}")
