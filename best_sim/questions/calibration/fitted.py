"""The fitted scenario as a file: it extends the one that was calibrated, and each value says to what it was fitted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from best_sim.questions.calibration.parameters import leaf_of, words_of_time
from best_sim.scenario.layers import BY_SET
from best_sim.scenario.writing import toml_document

if TYPE_CHECKING:
    from best_sim.questions.calibration.run import CalibrationFound


def fitted_toml(found: CalibrationFound) -> str:
    """A scenario file that extends the one that was calibrated with the fitted values.

    Parameters
    ----------
    found : CalibrationFound

    Returns
    -------
    str
    """
    from best_sim.questions.calibration.show import words_of

    one = found.question
    entries = found.scenario.provenance
    meant = ", ".join(dict.fromkeys(f"{t.said[0]} {t.value:g} {t.said[1]}" for t in one.targets))
    said: dict[str, list[str]] = {}
    for row, parameter in zip(found.parameters.to_dict("records"), one.parameters, strict=True):
        for key in parameter.keys:
            leaf, part = leaf_of(entries, key)
            about = f"{part} " if part else ""
            about += "times " if parameter.change == "factor" else ""
            about += f"{row['fitted']:g} (95 % interval {row['low']:.3g} to {row['high']:.3g}"
            about += ", at the end of its range)" if row["at_bound"] else ")"
            if parameter.since or parameter.until:
                about += f" {words_of_time(parameter)}"
            said.setdefault(leaf, []).append(about)
    leaves: list[tuple[tuple[str, ...], dict[str, Any]]] = []
    for leaf, entry in entries.items():
        if leaf in said:
            source = f"fitted in {one.name} ({one.title or one.name}) to {meant}: {'; '.join(said[leaf])}"
            status = "calibrated"
        elif entry.file == BY_SET:
            source, status = f"set in {one.name}, before the fit", "assumption"
        else:
            continue
        table = {"value": entry.value, "unit": entry.unit, "status": status, "source": source}
        leaves.append((tuple(leaf.split(".")), table))
    head = {"extends": _extended(one.scenario), "title": f"{found.scenario.title}; {one.title or one.name}"}
    words = (
        f"# {' '.join(words_of(found))}\n"
        if found.settled
        else "# The search did not converge: do not rely on this.\n"
    )
    return words + toml_document(head, leaves)


def _extended(scenario: str) -> str:
    """How a file elsewhere names the scenario: shipped ones by name, others by their whole path."""
    path = Path(scenario)
    return str(path.resolve().with_suffix("")) if path.is_file() else scenario
