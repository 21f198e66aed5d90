"""Files as editors leave them, and files that no reader should trip over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from best_sim.questions.asking import read_question
from best_sim.scenario import Problem, check
from best_sim.scenario import files as scenario_files
from best_sim.scenario.problems import ProblemsError

LINE = 'extends = "london-2017"\n'
EXPERIMENT = (
    'kind = "power"\ntitle = "Café"\nscenario = "london-2017"\n\n[[design]]\nname = "some"\neffect = -1\n'
)
UTF_8 = "this is not UTF-8 text: "


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def of_scenario(text: str | bytes) -> list[Problem]:
    Path("this.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    return check("this.toml")


def of_question(data: bytes) -> list[Problem]:
    Path("this.toml").write_bytes(data)
    try:
        read_question("this.toml")
    except ProblemsError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(("read", "text"), [(of_scenario, LINE), (of_question, EXPERIMENT)])
def test_a_byte_order_mark_and_any_end_of_line_are_read(read: Callable, text: str) -> None:
    for end in ("\n", "\r\n", "\r"):
        assert read(b"\xef\xbb\xbf" + text.replace("\n", end).encode()) == []


@pytest.mark.parametrize("read", [of_scenario, of_question])
@pytest.mark.parametrize(
    ("encoding", "line", "why"),
    [("utf-16", 1, "a mark of UTF-16 at its beginning"), ("latin-1", 2, "invalid continuation byte")],
)
def test_another_encoding_is_told(read: Callable, encoding: str, line: int, why: str) -> None:
    (told,) = read(EXPERIMENT.encode(encoding))
    assert (told.file, told.line, told.message) == ("this.toml", line, UTF_8 + why)


@pytest.mark.parametrize("read", [of_scenario, of_question])
@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("9" * 400, "x: this whole number is too large"),
        ("0x" + "f" * 5000, "x: this whole number is too large"),
        ("9" * 5000, "limit"),
        ("[" * 3000, "nested too deeply"),
        ("[" * 40 + "]" * 40, "more than 32 deep"),
        ("{" + ".".join("a" * 3000) + " = 1}", "more than 32 deep"),
        ("1979-02-30", "this is not TOML"),
    ],
)
def test_what_is_absurd_is_one_message(read: Callable, value: str, told: str) -> None:
    (problem,) = read(f"x = {value}\n".encode())
    assert told in problem.message and problem.file == "this.toml"


@pytest.mark.parametrize(
    ("key", "value", "found", "allowed"),
    [
        ("simulation.start_date", "0001-01-01", "0001-01-01", "from 1900-01-01 to 2199-12-31"),
        ("simulation.end_date", "9999-12-31", "9999-12-31", "from 1900-01-01 to 2199-12-31"),
        ("simulation.warm_up", "{ value = 200, unit = 'years' }", "200 years, 73050 days", "from 0 to 36525 (days)"),
        ("visits.first", "1e308", "1e+308 (weeks)", "10,000 years at most"),
        ("costs.threshold", "1e308", "1e+308 (GBP per QALY)", "1e+12 at most"),
        ("lift.priority", '["first come"]', '["first come"]', "first come, youngest first"),
        ("lift.patience", "{ value = 3, unit = ['weeks'] }", '["weeks"]', "a text in quotes"),
    ],
)  # fmt: skip
def test_a_value_that_no_run_could_end_with_is_refused(
    key: str, value: str, found: str, allowed: str
) -> None:
    (told,) = (one for one in of_scenario(f"{LINE}{key} = {value}\n") if not one.warning)
    assert told.key.startswith(key) and (told.found, told.allowed) == (found, allowed)


def test_each_file_is_read_once_however_many_extend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    read, really = [], scenario_files._read
    monkeypatch.setattr(scenario_files, "_read", lambda path, name: read.append(name) or really(path, name))
    for level in range(8):
        below = [f"{level - 1}{letter}" for letter in "abc"] if level else ["london-2017"]
        for letter in "abc":
            Path(f"{level}{letter}.toml").write_text(f"extends = {below}\n")
    assert of_scenario('extends = "7a"\n') == []
    assert len(read) == len(set(read)) and sum(name[0].isdigit() for name in read) == 22


def test_a_long_chain_is_read() -> None:
    for n in range(1200):
        Path(f"{n}.toml").write_text(f'extends = "{n - 1}"\n' if n else LINE)
    files = scenario_files.read_with_extended("1199.toml")
    assert [file.shown for file in files[-2:]] == ["1198.toml", "1199.toml"] and len(files) > 1200


@pytest.mark.parametrize("name", ["a" * 300, "a" * 300 + ".toml", "a\0b.toml", ".", "/", "", "a.toml/b.toml"])
def test_a_name_that_is_none_is_one_message(name: str) -> None:
    Path("a.toml").write_text(LINE)
    (told,) = check(name)
    assert told.message == "there is no such scenario file"
    with pytest.raises(ProblemsError, match="there is no such file"):
        read_question(name)
