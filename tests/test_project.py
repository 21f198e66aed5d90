"""The project's own promises: what is pinned, what may not be written down, what stands in which order."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import best_sim

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
APART = ("lifelines.txt", "validator-903.txt")
"""Of environments of their own, with versions of their own."""

# Put together from halves, so that this file does not hold what it forbids.
REGISTRIES = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "ana" + "conda.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "crates" + ".io",
    "deb.debian" + ".org",
    "archive.ubuntu" + ".com",
]
# Only where a path begins: an address that happens to have such a folder in its middle is none.
MACHINE_PATH = re.compile(r"(?<![\w.~/:-])/(?:home|Users|root|work|tmp|mnt)/\w|\b[A-Z]:\\Users\\")


def tracked_texts() -> dict[str, str]:
    """Every text file that git keeps or would keep, by its path in the repository."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    texts = {}
    for name in filter(None, listed.stdout.decode("utf-8").split("\0")):
        path = ROOT / name
        content = path.read_bytes() if path.is_file() else b"\0"
        if b"\0" not in content:
            texts[name] = content.decode("utf-8")
    return texts


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    found = tracked_texts()
    assert {"pyproject.toml", "README.md", "tests/test_project.py"} <= set(found)
    return found


# --- requirements -------------------------------------------------------------------------------------------


def test_there_are_the_requirement_files_that_the_makefile_names() -> None:
    assert [path.name for path in REQUIREMENTS] == [
        "bench.txt",
        "build.txt",
        "core.txt",
        "lifelines.txt",
        "test.txt",
        "validator-903.txt",
    ]


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_each_requirement_is_pinned_and_comes_without_hash_or_address(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.name == "test.txt":
        assert lines.pop(0) == "-r core.txt"
    assert lines
    wrong = [
        line for line in lines if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!]*", line)
    ]
    assert not wrong


def test_no_library_is_pinned_at_two_versions() -> None:
    pins: dict[str, set[str]] = {}
    for path in REQUIREMENTS:
        if path.name in APART:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            if "==" in line:
                name, version = line.split("==")
                pins.setdefault(canonical(name), set()).add(version)
    assert {name: versions for name, versions in pins.items() if len(versions) > 1} == {}


@pytest.mark.parametrize(
    ("extras", "files"),
    [([], ["core.txt"]), (["test", "check"], ["core.txt", "test.txt", "lifelines.txt"])],
    ids=["core", "test"],
)
def test_every_direct_dependency_is_pinned(extras: list[str], files: list[str]) -> None:
    wanted = [*PROJECT["project"]["dependencies"]]
    for extra in extras:
        wanted += PROJECT["project"]["optional-dependencies"][extra]
    pinned = {
        canonical(line.split("==")[0])
        for name in files
        for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    }
    assert {canonical(re.split(r"[<>=!~\[ ;]", each)[0]) for each in wanted} <= pinned


def canonical(name: str) -> str:
    """One spelling for a library's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


# --- what no file may hold ----------------------------------------------------------------------------------


def test_no_file_names_a_registry(texts: dict[str, str]) -> None:
    assert not [(name, host) for name, text in texts.items() for host in REGISTRIES if host in text.lower()]


def test_no_file_holds_a_path_of_somebodys_machine(texts: dict[str, str]) -> None:
    assert not [
        (name, found.group()) for name, text in texts.items() for found in MACHINE_PATH.finditer(text)
    ]


def test_a_machine_path_would_be_found() -> None:
    for path in ("/" + "home/somebody/x", "'/" + "Users/x'", "(/" + "tmp/a1", "C:" + "\\Users\\x"):
        assert MACHINE_PATH.search(path), path
    for other in ("https://example.org/" + "home/page", "~/" + "work/x", "docs/" + "tmp/x"):
        assert not MACHINE_PATH.search(other), other


def test_links_between_documents_lead_somewhere(texts: dict[str, str]) -> None:
    broken = []
    for name, text in texts.items():
        if not name.endswith(".md"):
            continue
        prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\]\(([^)\s]+)\)", prose):
            path = target.split("#")[0]
            if (
                path
                and "://" not in path
                and not path.startswith("mailto:")
                and not (ROOT / name).parent.joinpath(path).exists()
            ):
                broken.append((name, target))
    assert not broken


# --- what has to agree --------------------------------------------------------------------------------------


def test_the_version_is_the_same_everywhere() -> None:
    version = PROJECT["project"]["version"]
    assert best_sim.__version__ == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_wheel_carries_the_parameters_and_the_ready_experiments(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=ROOT,
        env={
            **os.environ,
            "BEST_SIM_NATIVE": "",
        },  # which takes a minute to make: tests/engine/test_native.py
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    shipped = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("parameters", "experiments"):
        for path in (ROOT / folder).rglob("*.toml"):
            assert f"best_sim/_{path.relative_to(ROOT).as_posix()}" in shipped
    assert "best_sim/__init__.py" in shipped
    assert {name.split("/")[0] for name in shipped} == {
        "best_sim",
        f"best_sim-{best_sim.__version__}.dist-info",
    }


def test_the_makefile_has_the_two_commands_of_the_readme() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in ("demo", "test"):
        assert target in targets
        assert f"make {target}" in readme


def test_the_quick_tests_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    (listed,) = re.findall(r"^QUICK := (.+)$", makefile, flags=re.MULTILINE)
    for each in listed.split():
        path, _, name = each.partition("::")
        assert (ROOT / path).exists(), path
        assert not name or f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), each
    assert "make quick" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_workflow_runs_what_ci_runs_on_every_supported_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    supported = [name.rpartition(" ")[2] for name in PROJECT["project"]["classifiers"] if " :: 3." in name]
    assert job["strategy"]["matrix"] == {"python": supported}
    assert job["env"] == {"PYTHON": "python${{ matrix.python }}"}
    assert job["steps"][-1]["run"] == "bash .ci/run" and workflow["permissions"] == {"contents": "read"}
    pinned = [re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]) for step in job["steps"][:-1]]
    assert pinned and all(pinned)
    assert "secrets" not in {word for step in job["steps"] for word in re.findall(r"\w+", str(step))}


def test_the_rooms_are_declared_in_the_documented_order() -> None:
    text = (ROOT / "docs/explanation/rooms-and-words.md").read_text(encoding="utf-8")
    table = text.split("| room |")[1].split("\n\n")[0]
    documented = re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)
    assert documented[0] == "scenario"
    assert documented[-1] == "cli"

    (contract,) = PROJECT["tool"]["importlinter"]["contracts"]
    assert contract["type"] == "layers"
    declared = [layer.strip("()") for layer in reversed(contract["layers"])]
    assert [room for room in declared if room in documented] == documented
    assert set(declared) - set(documented) == {"__main__"}  # it only calls the command line


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", index) == records


DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name[:4])
def test_a_decision_has_a_date_and_the_status_of_the_index(path: Path) -> None:
    title, date, status, *_ = path.read_text(encoding="utf-8").split("\n\n")
    assert re.fullmatch(rf"# {path.name[:4]}\. .+", title)
    assert re.fullmatch(r"Date: \d{4}-\d{2}-\d{2}", date), (
        f"{path.name}: a line 'Date: YYYY-MM-DD' after the title"
    )
    dt.date.fromisoformat(date.removeprefix("Date: "))
    index = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    (row,) = (line for line in index.splitlines() if f"({path.name})" in line)
    assert status == f"Status: {row.rstrip(' |').rpartition('| ')[2]}."
