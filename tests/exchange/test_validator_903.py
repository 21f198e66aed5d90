"""The community validator's own rules on written returns: nothing is found, and what is spoilt is found.

The validator lives in a virtual environment of its own, `.venv-903`, which ``make .venv-903/.installed`` makes (and
`make test` makes too).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from returns import write_returns

from best_sim.pathway import simulate
from best_sim.scenario import Scenario

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(os.environ.get("BEST_SIM_903_PYTHON", ROOT / ".venv-903" / "bin" / "python"))
YEARS = (2025, 2026, 2027)
EARLIER = (2023, 2024)
"""Those for which the validator has rules: collections 2022/23 to 2026/27."""
NOT_RUN = {"231", "233"}
"""Rules that look for columns which only the XML form of a return has, so that they can't run on CSV files."""
WANT_A_LIST = {"1001", "1008", "105", "219", "221", "224", "227", "228", "229"}
"""Rules that are skipped for want of a list of providers."""
OF_OTHER_TABLES = ("SW", "70", "710")
"""How the rules begin that are of social workers and of deprivation of liberty, which the model does not have."""

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(),
    reason="the validator's pandas needs Python 3.11"
    if sys.version_info >= (3, 12)
    else f"{PYTHON} is not there: `make test` installs it",
)


def validated(folder: Path, year: int) -> dict[str, Any]:
    """What the validator says of a year's return."""
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("validate_903.py"), folder, str(year)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.fixture(scope="module")
def returns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns of three court areas, six years, from a run that begins five years before the first."""
    scenario = Scenario.load("england").replace(
        {"simulation.start_date": dt.date(2016, 4, 1), "simulation.end_date": dt.date(2027, 4, 1)}
    )
    journeys = simulate(scenario, 3, 0, "compiled")
    folder = tmp_path_factory.mktemp("returns")
    every = (EARLIER[0] - 1, *EARLIER, *YEARS)
    write_returns(journeys, folder, every, boroughs=journeys.names["boroughs"][:3])
    return folder


@pytest.mark.parametrize("years", [YEARS, pytest.param(EARLIER, marks=pytest.mark.slow)])
def test_five_thousand_children_raise_no_finding(returns: Path, years: tuple[int, ...]) -> None:
    headers = [pd.read_csv(returns / str(year) / "header.csv", dtype=str) for year in years]
    assert pd.concat(headers)["CHILD"].nunique() >= (5000 if years == YEARS else 4500)
    with ThreadPoolExecutor(2) as workers:
        told = list(workers.map(lambda year: validated(returns / str(year), year), years))
    for one in told:
        assert one["found"] == {}, one["messages"]
        assert one["run"] >= 280
        assert set(one["failed"]) <= NOT_RUN
        assert {rule for rule in one["skipped"] if not rule.startswith(OF_OTHER_TABLES)} <= WANT_A_LIST


def test_what_is_spoilt_is_found(returns: Path, tmp_path: Path) -> None:
    """So that "no finding" says something: four mistakes, each found by the rule that is for it."""
    folder = tmp_path / "2026"
    shutil.copytree(returns / "2026", folder)
    header = pd.read_csv(folder / "header.csv", dtype=str, keep_default_na=False)
    girl = header.index[header["SEX"] == "F"][0]
    header.loc[girl, "MOTHER"] = ""
    header.loc[header.index[5], "SEX"] = "1"
    header.to_csv(folder / "header.csv", index=False)
    episodes = pd.read_csv(folder / "episodes.csv", dtype=str, keep_default_na=False)
    goes_on = episodes.index[episodes["REC"] == "X1"]
    episodes.loc[goes_on[0], "REC"] = "E4A"
    episodes.loc[goes_on[9], "DEC"] = episodes.loc[goes_on[9], "DECOM"]
    episodes.to_csv(folder / "episodes.csv", index=False)
    found = validated(folder, 2026)["found"]
    assert {"101", "355"} <= set(found) and ({"393", "607"} & set(found)) and ({"432", "388"} & set(found))
