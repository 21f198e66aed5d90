"""Files that ask something of the model: finding them, and reading their TOML."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from best_sim.scenario.problems import Problem, ScenarioError, nearest_name


def shipped_experiments() -> dict[str, Any]:
    """Experiments that come with the package, by name."""
    checkout = Path(__file__).resolve().parents[2] / "experiments"
    inside = files("best_sim") / "_experiments"
    folder: Any = inside if inside.is_dir() else checkout
    return {p.name.removesuffix(".toml"): p for p in folder.iterdir() if p.name.endswith(".toml")}


def read_experiment(name_or_path: str | Path, what: str = "experiment") -> tuple[str, str, dict[str, Any]]:
    """The file of a shipped experiment or of the user's own.

    Parameters
    ----------
    name_or_path : str or path
        A shipped experiment's name, or the path of a TOML file.
    what : str
        How a message calls it.

    Returns
    -------
    path : str
        As a user would name it.
    text : str
    raw : dict

    Raises
    ------
    ScenarioError
        If there is no such file, or it is not TOML.
    """
    shipped = shipped_experiments()
    path = Path(name_or_path)
    if str(name_or_path) in shipped:
        shown, text = f"{name_or_path}.toml", shipped[str(name_or_path)].read_text(encoding="utf-8")
    elif path.is_file():
        shown, text = str(path), path.read_text(encoding="utf-8")
    else:
        raise ScenarioError(
            [
                Problem(
                    file=str(name_or_path), message=f"no {what} has this name, and there is no such file",
                    found=str(name_or_path), allowed=f"a TOML file, or {', '.join(sorted(shipped))}",
                    nearest=nearest_name(str(name_or_path), list(shipped)),
                )
            ]
        )  # fmt: skip
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError([Problem(file=shown, message=f"this is not TOML: {error}")]) from error
    table.pop("kind", None)
    return shown, text, table
