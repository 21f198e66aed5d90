"""A scenario: every parameter of one simulated world, with where each comes from."""

from __future__ import annotations

import copy
import dataclasses
import functools
import hashlib
import json
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from best_sim.scenario.files import ScenarioFile, line_of, read_with_extended
from best_sim.scenario.layers import (
    BY_REPLACE,
    BY_SET,
    Built,
    Key,
    Layers,
    Provenance,
    canonical,
    flatten,
    parse_override,
    problem_of,
    with_changes,
)
from best_sim.scenario.problems import NotAllowedError, Problem, ScenarioError, ScenarioWarning, nearest_name
from best_sim.scenario.values import Named, Section
from best_sim.scenario.writing import toml_document

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.scenario.schema import Parameters

Root = TypeVar("Root", bound=Section)
Other = TypeVar("Other", bound=Section)

_KEPT = 64
"""Scenarios that are kept as they were loaded, some 0.6 MB each; a question has fewer designs or plans."""


class Scenario(Generic[Root]):
    """A typed, immutable, validated set of parameters.

    Load one with `Scenario.load`. The sections of the schema are its attributes, as in
    ``scenario.trial.target_families``: plain numbers, times in days, to be calculated with.
    ``scenario["trial.target_families"]`` is the same value as it was written, with its unit, plausible range,
    status and source. Two scenarios are equal if all their values are, whatever their names, sources and notes.

    Attributes
    ----------
    name : str
        Name of the scenario, or of its file without folder and ``.toml``.
    title : str
        What the file calls itself; the nearest extended file's title where it has none.
    parameters : Section
        Root of the schema. ``scenario.x`` is short for ``scenario.parameters.x``.
    extends : tuple of str
        What the file extends, as it says.
    warnings : tuple of Problem
        What looks wrong, but can be used.

    Examples
    --------
    >>> scenario = Scenario.load("london-2017", overrides=["trial.target_families=200"])  # doctest: +SKIP
    >>> scenario.trial.target_families  # doctest: +SKIP
    200
    >>> scenario.lift.patience, str(scenario["lift.patience"])  # doctest: +SKIP
    (56.0, '56 days')
    """

    name: str
    title: str
    extends: tuple[str, ...]
    parameters: Root
    warnings: tuple[Problem, ...]
    _values: Mapping[str, Any]
    _layers: Layers

    def __init__(
        self, *, name: str, title: str, extends: tuple[str, ...], layers: Layers, built: Built
    ) -> None:
        # Past `__setattr__`, which keeps a scenario as it is.
        self.__dict__.update(
            name=name,
            title=title,
            extends=extends,
            parameters=built.root,
            warnings=tuple(built.problems),
            _values=Named({".".join(key): value for key, value in built.values.items()}),
            _layers=layers,
        )

    @functools.cached_property
    def provenance(self) -> Mapping[str, Provenance]:
        """By dotted key, in the schema's order: value as written, unit, range, status, source, link, note, file."""
        return with_changes(
            self._layers, {tuple(key.split(".")): value for key, value in self._values.items()}
        )

    @overload
    @classmethod
    def load(
        cls, name_or_path: str | os.PathLike[str], overrides: Iterable[str] = ()
    ) -> Scenario[Parameters]: ...

    @overload
    @classmethod
    def load(
        cls, name_or_path: str | os.PathLike[str], overrides: Iterable[str] = (), *, schema: type[Other]
    ) -> Scenario[Other]: ...

    @classmethod
    def load(
        cls,
        name_or_path: str | os.PathLike[str],
        overrides: Iterable[str] = (),
        *,
        schema: type[Section] | None = None,
    ) -> Scenario[Any]:
        """Read a scenario.

        Parameters
        ----------
        name_or_path : str or path
            The name of a scenario that comes with the package, or the path of a TOML file.
        overrides : iterable of str
            Such as ``"lift.teams.london.families_per_clinician=6"``: after the ``=`` a TOML value, or else
            a text. The key may lead into a distribution or a mix, as in
            ``"proceedings.notice.final.mean=3"``; it may create nothing new.
        schema : subclass of Section, optional
            Root of the schema; that of the model if not given.

        Returns
        -------
        Scenario

        Raises
        ------
        ScenarioError
            With all that is wrong.

        Warns
        -----
        ScenarioWarning
            Of each thing that looks wrong and can be used all the same, such as a value outside its plausible
            range; `warnings` keeps them.
        """
        scenario, problems = _load(name_or_path, overrides, schema)
        if scenario is None:
            raise ScenarioError(problem for problem in problems if not problem.warning)
        _tell(scenario.warnings)
        return scenario

    def replace(
        self, changes: Mapping[str, Any], *, quietly: bool = False, by: str = BY_REPLACE
    ) -> Scenario[Root]:
        """A scenario with some values changed.

        Parameters
        ----------
        changes : mapping of str to object
            By dotted key, what TOML could give: ``{"trial.target_families": 200}``. As in an override, a
            number is in the unit in which the scenario writes the parameter, and the key may lead into a
            distribution; give ``{"value": 3, "unit": "weeks"}`` for another unit. A `Duration`, `Series` or
            `Mix` may stand too.
        quietly : bool
            Say nothing of what looks wrong, as where values are drawn; it stands in `warnings` all the same.
        by : str
            What to call the place they come from, in messages and provenance.

        Returns
        -------
        Scenario

        Raises
        ------
        ScenarioError
            With all that is wrong.

        Warns
        -----
        ScenarioWarning
            Of each thing that looks wrong now and didn't before, unless it is to be quiet; see `load`.
        """
        layers = self._layers.copy()
        layers.add_overrides(((tuple(key.split(".")), value) for key, value in changes.items()), file=by)
        built = layers.build(by)
        errors = [problem for problem in built.problems if not problem.warning]
        if errors:
            raise ScenarioError(errors)
        # What was told when a file was read is known by its line too.
        known = {dataclasses.replace(problem, line=None): problem for problem in self.warnings}
        if not quietly:
            _tell(problem for problem in built.problems if problem not in known)
        built = dataclasses.replace(built, problems=[known.get(each, each) for each in built.problems])
        return Scenario(name=self.name, title=self.title, extends=self.extends, layers=layers, built=built)

    def named(self, name: str) -> Scenario[Root]:
        """The same scenario under another name, as that of the file from which a copy was made."""
        same = copy.copy(self)
        same.__dict__["name"] = name
        return same

    @functools.cached_property
    def hash(self) -> str:
        """SHA-256 of all values: not of names, titles, units, notes, sources or files."""
        text = json.dumps({key: canonical(value) for key, value in self._values.items()}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def as_toml(self) -> str:
        """The whole scenario as one base file with all descriptions; it reads back as an equal scenario."""
        head = {"title": self.title} if self.title else {}
        return toml_document(head, ((key, entry.as_table()) for key, entry in flatten(self._layers)))

    def table(self) -> pd.DataFrame:
        """All parameters, one a row.

        Returns
        -------
        pandas.DataFrame
            Columns ``name`` (dotted), ``value``, ``unit``, ``range`` (all three as written, as text),
            ``status``, ``source``, ``link``, ``file``.
        """
        from best_sim.scenario.tables import table_of

        return table_of(self)

    def changed(self) -> pd.DataFrame:
        """What the user changed, in files of their own and by overrides, of a scenario that comes with the package.

        Of a scenario that extends nothing that comes with the package, what differs from its base file.

        Returns
        -------
        pandas.DataFrame
            As `table`, with ``before``, the value and unit that were there (empty for what is new), after ``name``.
        """
        from best_sim.scenario.tables import changed_of

        return changed_of(self)

    def diff(self, other: Scenario[Any]) -> pd.DataFrame:
        """What differs between this scenario and another, whoever changed it.

        Parameters
        ----------
        other : Scenario

        Returns
        -------
        pandas.DataFrame
            Columns ``name``, ``here`` and ``there`` (values as text), ``unit``, ``status_here``, ``status_there``;
            empty where one has no such parameter. The unit is that in which both are written, or else that of
            attributes, in which both are then given; 12 weeks and 84 days don't differ.
        """
        from best_sim.scenario.tables import differences_of

        return differences_of(self, other)

    @property
    def overridden(self) -> tuple[str, ...]:
        """What was overridden when it was loaded or later, in words: ``("lift.patience = 30 days",)``."""
        return tuple(
            f"{'.'.join(key)} = {entry}"
            for key, entry in flatten(self._layers)
            if entry.file in (BY_SET, BY_REPLACE)
        )

    def __getitem__(self, key: str) -> Provenance:
        entry = self.provenance.get(key)
        if entry is None:
            near = nearest_name(str(key), self.provenance)
            hint = f"; did you mean {near!r}?" if near else ""
            raise KeyError(f"no parameter has this name: found {key!r}{hint}")
        return entry

    def __contains__(self, key: object) -> bool:
        return key in self.provenance

    def __getattr__(self, name: str) -> Any:
        # Reached only for what is no attribute; copy and pickle ask for some before there is a root.
        if name.startswith("_") or "parameters" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.parameters, name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a scenario can't be changed; `replace` makes a changed one")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *type(self.parameters).model_fields]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scenario):
            return NotImplemented
        return self._layers.schema is other._layers.schema and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        count, warned = len(self.overridden), len(self.warnings)
        said = [self.name if count != 1 else f"{self.name} with {self.overridden[0]}"]
        said[0] += f" with {count} parameters overridden" if count > 1 else ""
        said += [f"{len(self.provenance)} parameters"]
        said += [f"{warned} warning{'s' if warned > 1 else ''} (see .warnings)"] if warned else []
        return f"<Scenario {said[0]}: {', '.join([*said[1:], f'hash {self.hash[:12]}'])}>"


def check(
    name_or_path: str | os.PathLike[str],
    overrides: Iterable[str] = (),
    *,
    schema: type[Section] | None = None,
) -> list[Problem]:
    """All that is wrong with a scenario, or looks wrong.

    Parameters
    ----------
    name_or_path, overrides, schema
        As of `Scenario.load`.

    Returns
    -------
    list of Problem
        Errors first, then warnings; empty if all is well.
    """
    try:
        return _load(name_or_path, overrides, schema)[1]
    except ScenarioError as error:
        # A file that can't be read: there is nothing to go on with.
        return list(error.problems)


def _load(
    name_or_path: str | os.PathLike[str], overrides: Iterable[str], schema: type[Section] | None
) -> tuple[Scenario[Any] | None, list[Problem]]:
    """The scenario, if it can be used, and all problems, errors first."""
    if schema is None:
        # Here, as only the model's own scenarios need the model's schema.
        from best_sim.scenario.schema import Parameters

        schema = Parameters
    files = tuple(read_with_extended(name_or_path))
    scenario, problems = _built(Path(name_or_path).stem, files, tuple(overrides), schema)
    return scenario, list(problems)


@functools.lru_cache(maxsize=_KEPT)
def _built(
    name: str, files: tuple[ScenarioFile, ...], overrides: tuple[str, ...], schema: type[Section]
) -> tuple[Scenario[Any] | None, tuple[Problem, ...]]:
    """As `_load`, from what is in the files: one command asks for the same scenario again and again."""
    layers = Layers(schema)
    layers.add_base(files[0].table, files[0].shown)
    for file in files[1:]:
        layers.add_file(file.table, file.shown, shipped=file.shipped)
    layers.add_overrides(_parsed(overrides, layers.problems))
    built = layers.build(files[-1].shown)
    texts = {file.shown: file.text for file in files}
    problems = [_located(problem, texts) for problem in sorted(built.problems, key=lambda each: each.warning)]
    if any(not problem.warning for problem in problems):
        return None, tuple(problems)
    title = next((file.title for file in reversed(files) if file.title), "")
    built = dataclasses.replace(built, problems=problems)
    scenario: Scenario[Any] = Scenario(
        name=name, title=title, extends=files[-1].extends, layers=layers, built=built
    )
    return scenario, tuple(problems)


def _tell(problems: Iterable[Problem]) -> None:
    """Warn of what looks wrong, on behalf of the caller's caller."""
    for problem in problems:
        if problem.warning:
            warnings.warn(ScenarioWarning(problem), stacklevel=3)


def _parsed(overrides: Iterable[str], problems: list[Problem]) -> Iterator[tuple[Key, Any]]:
    """The overrides that can be read; the others are added to `problems`."""
    for text in overrides:
        try:
            yield parse_override(text)
        except NotAllowedError as refused:
            problems.append(problem_of(BY_SET, (), refused))


def _located(problem: Problem, texts: Mapping[str, str]) -> Problem:
    """The problem with its line, if it is in a file and the line can be found."""
    if problem.line is not None or problem.file not in texts:
        return problem
    return dataclasses.replace(problem, line=line_of(texts[problem.file], problem.key.split(".")))
