"""Parameters as tables, for pandas and for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from best_sim.scenario.layers import Provenance

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from best_sim.scenario.scenario import Scenario

COLUMNS = ("name", "value", "unit", "range", "status", "source", "link", "file")


def value_as_text(value: Any) -> str:
    """A value as written in a file, in words.

    Parameters
    ----------
    value : object
        As of `Provenance.value`.

    Returns
    -------
    str
        Of a distribution ``lognormal: mean 18, cv 0.4``, of a series ``50 from 2016-04-01, 56 from ...``.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping) and set(value) == {"from", "value"}:
        return f"{value_as_text(value['value'])} from {value['from']}"
    if isinstance(value, Mapping):
        name = f"{value['distribution']}: " if "distribution" in value else ""
        return name + ", ".join(f"{k} {value_as_text(v)}" for k, v in value.items() if k != "distribution")
    if isinstance(value, tuple):
        return ", ".join(map(value_as_text, value))
    return str(value)


def table_of(scenario: Scenario[Any], changed: bool = False) -> pd.DataFrame:
    """The parameters of a scenario, one a row.

    Parameters
    ----------
    scenario : Scenario
    changed : bool
        Only those that differ from the base file or are not in it.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, all of them text.
    """
    import pandas as pd

    rows = [_row(key, entry) for key, entry in scenario.provenance.items() if entry.changed or not changed]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="string")


def parameters_table(scenario: Scenario[Any], changed: bool = False) -> Table:
    """The parameters of a scenario, for the terminal.

    Parameters
    ----------
    scenario : Scenario
    changed : bool
        Only those that differ from the base file or are not in it.

    Returns
    -------
    rich.table.Table
        One row a parameter, with a rule between the top sections.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(title=scenario.title or scenario.name, caption=f"hash {scenario.hash[:12]}")
    table.add_column("parameter", no_wrap=True)
    for column in ("value", "unit", "range", "how sure", "source"):
        table.add_column(column, overflow="fold")
    section = ""
    for name, entry in scenario.provenance.items():
        if changed and not entry.changed:
            continue
        top = name.partition(".")[0]
        if section and top != section:
            table.add_section()
        section = top
        row = _row(name, entry)
        # As text, not markup: a list in square brackets is not a style.
        cells = (row[column] for column in ("name", "value", "unit", "range", "status", "source"))
        table.add_row(*map(Text, cells))
    return table


def _row(name: str, entry: Provenance) -> dict[str, str]:
    return {
        "name": name,
        "value": value_as_text(entry.value),
        "unit": entry.unit,
        "range": "" if entry.range is None else f"{entry.range[0]} to {entry.range[1]}",
        "status": entry.status,
        "source": entry.source,
        "link": entry.link,
        "file": entry.file,
    }
