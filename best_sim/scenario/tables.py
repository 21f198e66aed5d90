"""Parameters as tables, for pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from best_sim.scenario.durations import Duration
from best_sim.scenario.layers import Provenance, canonical
from best_sim.scenario.writing import value_as_text

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.scenario.scenario import Scenario

COLUMNS = ("name", "value", "unit", "range", "status", "source", "link", "file")
DIFFERENCE = ("name", "here", "there", "unit", "status_here", "status_there")


def table_of(scenario: Scenario[Any]) -> pd.DataFrame:
    """The parameters of a scenario, one a row.

    Parameters
    ----------
    scenario : Scenario

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, all of them text.
    """
    return _frame([_row(entry) for entry in scenario.provenance.values()], COLUMNS)


def changed_of(scenario: Scenario[Any]) -> pd.DataFrame:
    """What the user changed of a scenario, one a row; see `Scenario.changed`."""
    rows = [
        {**_row(entry), "before": "" if entry.before is None else str(entry.before)}
        for entry in scenario.provenance.values()
        if entry.changed
    ]
    return _frame(rows, (COLUMNS[0], "before", *COLUMNS[1:]))


def differences_of(here: Scenario[Any], there: Scenario[Any]) -> pd.DataFrame:
    """What differs between two scenarios, one a row; see `Scenario.diff`."""
    rows = []
    for key in dict.fromkeys([*here.provenance, *there.provenance]):
        pair = [one.provenance.get(key) for one in (here, there)]
        values = [one._values.get(key) for one in (here, there)]
        if None not in pair and canonical(values[0]) == canonical(values[1]):
            continue
        units = list(dict.fromkeys(entry.unit for entry in pair if entry is not None))
        texts = ["" if entry is None else value_as_text(entry.value) for entry in pair]
        if len(units) > 1:  # of times, and only of times: days, as attributes are
            units, texts = ["days"], [_in_days(value) for value in values]
        statuses = ["" if entry is None else entry.status for entry in pair]
        rows.append(dict(zip(DIFFERENCE, (key, *texts, units[0], *statuses), strict=True)))
    return _frame(rows, DIFFERENCE)


def _in_days(value: Any) -> str:
    if isinstance(value, Duration):
        return value_as_text(value.as_table())
    return f"{value:g}"


def _frame(rows: list[dict[str, str]], columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=list(columns), dtype="string")


def _row(entry: Provenance) -> dict[str, str]:
    return {
        "name": entry.key,
        "value": value_as_text(entry.value),
        "unit": entry.unit,
        "range": entry.range_as_text(),
        "status": entry.status,
        "source": entry.source,
        "link": entry.link,
        "file": entry.file,
    }
