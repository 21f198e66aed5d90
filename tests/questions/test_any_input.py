"""Shipped files damaged at random: whatever is wrong with one, it is a clear message, and never a traceback."""

from __future__ import annotations

import copy
import datetime as dt
import random
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from best_sim.questions.asking import read_question, shipped_questions
from best_sim.questions.kinds import KINDS
from best_sim.questions.running import refuse_wrong
from best_sim.questions.validation.published import read_published
from best_sim.scenario import Scenario
from best_sim.scenario.files import shipped_parameters
from best_sim.scenario.problems import ProblemsError
from best_sim.scenario.writing import toml_text

DAY = dt.date(2017, 4, 1)
VALUES: tuple[Any, ...] = (
    "", "=cmd", "[x]", "..", "\0", "a" * 300, "none", "power", "1", "a=b", "2017-01-01", 0, -1, 1, 7, 10**12, 2**63 - 1,
    -0.0, 0.5, 1e-320, 1e308, float("inf"), float("nan"), True, DAY, dt.date(1, 1, 1), dt.date(9999, 12, 31),
    dt.datetime(2017, 1, 1), dt.time(1), [], [[]], [1], ["a", "a"], [1.5, "x"], [DAY], ["lift.patience=3"], ["x=["], {},
    {"a": 1}, {"value": 1}, {"value": []}, {"value": 1, "unit": 3}, {"distribution": ["x"]},
    {"distribution": "lognormal", "mean": 0, "cv": 1e200}, {"distribution": "weibull", "mean": 1, "shape": 1e-3},
    {"distribution": "empirical", "quantiles": []}, [{"from": DAY, "value": 1}], [{"from": "x", "value": "y"}],
)  # fmt: skip
BYTES = (
    b"\0",
    b"[",
    b"{",
    b'"',
    b"'''",
    b"=",
    b"\n",
    b"#",
    b"9" * 20,
    b"1e999",
    b"\xff",
    b"\r",
    b"[[[[" * 300,
)
NAMES = ("x", "", "a.b", "é", "set", "kind", "scenario", "=")


def places(table: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of a table: what holds it, and under which key."""
    for key, value in table.items() if isinstance(table, dict) else enumerate(table):
        yield table, key
        if isinstance(value, dict | list):
            yield from places(value)


def other_values(luck: random.Random, data: bytes) -> bytes:
    table = tomllib.loads(data.decode())
    for _ in range(luck.choice([1, 1, 2, 5])):
        held, key = luck.choice(list(places(table)))
        what = luck.choice(["value", "value", "value", "gone", "name", "elsewhere", "scaled"])
        if what == "value":
            held[key] = copy.deepcopy(luck.choice(VALUES))
        elif what == "elsewhere":
            other, there = luck.choice(list(places(table)))
            held[key] = copy.deepcopy(other[there])
        elif what == "scaled" and isinstance(held[key], int | float):
            held[key] *= luck.choice([-1, 0, 1e3, 1e9])
        elif what == "name" and isinstance(held, dict):
            held[luck.choice(NAMES)] = held.pop(key)
        else:
            del held[key]
    return toml_text(table).encode()


def other_bytes(luck: random.Random, data: bytes) -> bytes:
    for _ in range(luck.choice([1, 2, 10])):
        at = luck.randrange(len(data) + 1)
        data = luck.choice(
            [
                data[:at] + luck.choice(BYTES) + data[at:],
                data[:at] + data[at + luck.choice([1, 10, 200]) :],
                data[:at] + bytes([luck.randrange(256)]) + data[at + 1 :],
            ]
        )
    return data


def ask(path: Path) -> None:
    question = read_question(path)
    refuse_wrong(question)
    question.as_toml()
    question.inputs()
    if question.kind != "best-plan":  # which looks for its plan to refuse, and may look long
        question.refuse()


def scenarios() -> list[bytes]:
    return [
        path.read_bytes() for path in sorted(shipped_parameters().glob("*.toml")) if path.stem != "england"
    ]


def questions() -> list[bytes]:
    usual = [{"kind": name} | kind.cls.defaults().as_table() for name, kind in KINDS.items()]
    return [path.read_bytes() for path in shipped_questions().values()] + [
        toml_text(table).encode() for table in usual
    ]


def figures() -> list[bytes]:
    return [(shipped_parameters() / "published.toml").read_bytes()]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("read", "shipped", "tries"), [(Scenario.load, scenarios, 12), (ask, questions, 60), (read_published, figures, 8)]
)  # fmt: skip
@pytest.mark.parametrize("damaged", [other_values, other_bytes])
def test_a_damaged_file_is_a_clear_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[Path], object],
    shipped: Callable[[], list[bytes]],
    tries: int,
    damaged: Callable[[random.Random, bytes], bytes],
) -> None:
    monkeypatch.chdir(tmp_path)
    path, files, refused = tmp_path / "damaged.toml", shipped(), 0
    for number in range(tries):
        luck = random.Random(number)
        data = damaged(luck, luck.choice(files))
        path.write_bytes(data)
        try:
            read(path)
        except ProblemsError as error:
            refused += 1
            assert "Traceback" not in str(error) and error.problems
        except Exception as error:
            raise AssertionError(f"number {number}: {type(error).__name__}") from error
    assert refused > tries / 4
