"""What was estimated, and the scenario file that it makes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from best_sim.measures.small_counts import told
from best_sim.questions.local_rates.estimation import Frailty, JointEstimate, mix
from best_sim.scenario import Scenario
from best_sim.scenario.writing import toml_document

SETTING = ("england", "central_london")
"""Scenario and area in which an authority is, unless another is named."""


@dataclass(frozen=True, eq=False)
class LocalRates:
    """What was estimated.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each figure: quantity, group, events, exposure, unit (of the estimate), estimate, low, high,
        parameter (dotted name; empty for what the model has no parameter of), suppressed. Counts below `least` are not
        shown, nor is what is computed from them.
    window : tuple of datetime.date
    children : int
        In the window.
    followed : int
        Of them, those who were seen from the day they came into care.
    frailty : {"estimated", "base", "none"}
    level : float
        Of the intervals.
    least : int
        Smallest count that is shown.
    parts : tuple of JointEstimate
    missing : tuple of str
        What could not be estimated, and why.
    known : mapping of str to float
        The base file's values of the parameters of the table, by dotted name.
    """

    table: pd.DataFrame
    window: tuple[dt.date, dt.date]
    children: int
    followed: int
    frailty: Frailty
    level: float
    least: int
    parts: tuple[JointEstimate, ...]
    missing: tuple[str, ...]
    known: Mapping[str, float]

    @property
    def who(self) -> str:
        """How many children, in words; what is a small number is not told, nor can it be by subtraction."""
        rest = self.children - self.followed
        followed = f", {self.followed:,} of them seen from the day they came into care"
        if self.followed < self.least or 0 < rest < self.least:
            followed = ""
        return f"{told(self.children, self.least)} children{followed}"

    @property
    def values(self) -> dict[str, Any]:
        """The model's parameters, estimated: dotted name and value; `boroughs.local` stands for the authority."""
        return {name: value for part in self.parts for name, value in part.values(part.estimate).items()}

    def drawn(self, rng: np.random.Generator) -> dict[str, Any]:
        """Parameters as they might be, given how well they are known: each part a normal draw on its own scale."""
        out: dict[str, Any] = {}
        for part in self.parts:
            noise = rng.multivariate_normal(np.zeros(len(part.estimate)), part.covariance, method="eigh")
            out |= part.values(part.estimate + noise)
        return out

    def to_toml(
        self,
        path: str | Path,
        *,
        borough: str = "local",
        title: str = "",
        setting: tuple[Scenario | str, str] | None = SETTING,
    ) -> Path:
        """Write a scenario file that extends the base file with what was estimated.

        Parameters
        ----------
        path : str or Path
        borough, title, setting
            As `as_toml` takes them.

        Returns
        -------
        Path

        Raises
        ------
        ValueError
            As `as_toml`.
        """
        path = Path(path)
        path.write_text(self.as_toml(borough=borough, title=title, setting=setting), encoding="utf-8")
        return path

    def as_toml(
        self,
        *,
        borough: str = "local",
        title: str = "",
        setting: tuple[Scenario | str, str] | None = SETTING,
    ) -> str:
        """A scenario file that extends the base file with what was estimated.

        Parameters
        ----------
        borough : str
            Name of the authority among the scenario's boroughs.
        title : str
            By default one that names the window.
        setting : (scenario, borough), optional
            Where the authority is: site, court and team are those of this borough of this scenario, which stays in the
            file with the rest of its children, so that the court is as busy as before. None writes what was estimated
            and nothing else; a scenario that extends the file must then say where the authority is.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If the setting is not there, or far smaller than the authority, so that its court could not cope.
        """
        low, high = self.window
        leaves: dict[tuple[str, ...], dict[str, Any]] = {}
        entries = 0.0
        for part in self.parts:
            for name, value in part.values(part.estimate).items():
                entries = value[0]["value"] if name == "boroughs.local.entries" else entries
                key = tuple(borough if step == "local" else step for step in name.split("."))
                leaf = {"value": _plain(value), "unit": part.units[name]}
                if name in part.ranges:
                    leaf["range"] = [_plain(x) for x in part.ranges[name]]
                leaves[key] = leaf | {"status": "derived", "source": part.sources[name]}
        around = {} if setting is None else _setting(*setting, borough, entries, (low, high))
        both = {**around, **leaves}
        head = {
            "extends": "base",
            "title": title or f"A local authority, from its episodes of care {low} to {high}",
        }
        order = list(dict.fromkeys(key[:-1] for key in both))
        return toml_document(head, sorted(both.items(), key=lambda item: order.index(item[0][:-1])))


def told_by_setting(scenario: Scenario, area: str) -> tuple[tuple[str, ...], ...]:
    """Keys of what the scenario in which an authority is says of it: site, court, team and the area's children."""
    place = scenario.boroughs[area]
    return (
        ("sites", place.site), ("courts", place.court), ("lift", "teams", place.lift_team), ("boroughs", area),
    )  # fmt: skip


def _setting(
    scenario: Scenario | str, area: str, borough: str, entries: float, window: tuple[dt.date, dt.date]
) -> dict[tuple[str, ...], dict[str, Any]]:
    """Site, court and team of an area of another scenario, and the area with the rest of its children."""
    other = Scenario.load(scenario) if isinstance(scenario, str) else scenario
    if area not in other.boroughs:
        raise ValueError(f"setting: found {area!r}, allowed {', '.join(other.boroughs)}")
    *wanted, _ = told_by_setting(other, area)
    called = f'"{other.title or other.name}"'
    low, high = window
    when = {"unit": "date", "status": "assumption", "source": "what the episodes cover"}
    out: dict[tuple[str, ...], dict[str, Any]] = {
        ("simulation", "start_date"): {"value": low, **when},
        ("simulation", "end_date"): {"value": high, **when},
    }
    leaves = {tuple(name.split(".")): entry for name, entry in other.provenance.items()}
    for key, entry in leaves.items():
        if any(key[: len(top)] == top for top in wanted):
            out[key] = entry.as_table()
            if key[-1] == "care_orders_at_home":  # orders were estimated with the base file's practice
                out[key] |= {
                    "value": 0.0,
                    "status": "assumption",
                    "source": "the estimates of orders take it as nil",
                }
    told = {"status": "assumption", "source": f"the authority is taken to be in this area of {called}"}
    for name in ("title", "site", "court", "lift_team", "opens"):
        leaf = leaves["boroughs", area, name]
        out["boroughs", area, name] = leaf.as_table()
        value = borough if name == "title" else leaf.value
        out["boroughs", borough, name] = {"value": value, "unit": leaf.unit, **told}
    rest = leaves["boroughs", area, "entries"]
    largest = max(float(step["value"]) for step in rest.value)
    if entries > 1.25 * largest:
        raise ValueError(
            f"setting: found {area} of {called}, in which {largest:,.0f} children a year come into care, allowed an "
            f"area with as many as the authority, {entries:,.0f}: its court would be far too small for them"
        )
    out["boroughs", area, "entries"] = {
        "value": [{"from": s["from"], "value": max(0.0, float(s["value"]) - entries)} for s in rest.value],
        "unit": rest.unit,
        "status": "assumption",
        "source": f"the rest of the area's children: those of {called}, less the authority's own",
    }
    out["boroughs", area, "rate_variation"] = leaves["boroughs", area, "rate_variation"].as_table()
    return out


def _plain(value: Any) -> Any:
    """A value as it is written: numbers to four figures, so that no file carries more than the data say."""
    if isinstance(value, bool | dt.date | str):
        return value
    if isinstance(value, Mapping):
        shares = {k: _plain(v) for k, v in value.items()}
        if all(isinstance(v, float) for v in value.values()):
            return mix(tuple(shares), np.asarray(list(shares.values())))
        return shares
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return float(f"{float(value):.4g}")
