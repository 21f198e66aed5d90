"""What is asked: a question is a section of TOML, declared, read and checked as scenarios are.

A question's file says its `kind`, and what else its class declares. Fields are leaves as in `best_sim.scenario.values`,
and beside those lists of tables (``designs: tuple[Design, ...]``), one table (``published: Published | None``), and
free tables (``grid: Table``) that the question reads itself. Unlike a parameter, a field may have a default: it is a
setting of the question, not a number about the world.
"""

from __future__ import annotations

import dataclasses
import os
import types
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, Union, cast, get_args, get_origin

from pydantic import ConfigDict, Field, PrivateAttr
from pydantic.fields import FieldInfo

from best_sim.questions.source import Source
from best_sim.scenario.files import shipped_names
from best_sim.scenario.leaves import Leaf, node_of
from best_sim.scenario.problems import NotAllowedError, Problem, ProblemsError, nearest_name
from best_sim.scenario.reading import UnreadableError, table_of, text_of
from best_sim.scenario.values import Overrides, Section, Unit, Wrong
from best_sim.scenario.writing import shown, toml_text

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.engine.model import Engine
    from best_sim.questions.found import Found
    from best_sim.questions.running import Running, Work
    from best_sim.replications import Keep
    from best_sim.scenario import Scenario

Table = Mapping[str, Any]
"""A free table, which the question reads itself."""

_OF_A_TRIAL = ("design", "grid", "analysis")
"""Keys by which a file that says no kind is known as that of a power experiment."""

Replicates = Annotated[int, Unit("replicates", 1, 100_000_000)]
Several = Annotated[int, Unit("replicates", 2, 100_000_000)]
"""Of a question whose every figure has an error over replicates."""
Seed = Annotated[int, Unit("number", 0, 2**63 - 1)]
Alpha = Annotated[float, Unit("probability", 1e-6, 0.5)]
Scorings = Annotated[int, Unit("scorings", 1, 1000)]
Power = Annotated[float, Unit("probability", 0.01, 0.9999)]


class QuestionError(ProblemsError):
    """A question that can't be asked, with everything that is wrong with it."""

    what = "question"


class Part(Section):
    """A table inside a question; fields may have defaults."""

    model_config = ConfigDict(populate_by_name=True)


class Question(Part):
    """What every question says.

    Attributes
    ----------
    kind : str
        In every file of this question.
    options : tuple of str
        Fields that its command offers as options, beside those that every command has.
    arguments : tuple of str
        Fields that its command takes by position, before the file. One that holds several texts takes all that are
        typed; a TOML file among them is the question's own.
    explained : str
        What its command's ``--help`` says below its summary.
    reads : tuple of str
        Fields that name files or folders to be read: what is in them counts, not where they lie.
    """

    kind: ClassVar[str] = ""
    options: ClassVar[tuple[str, ...]] = ()
    arguments: ClassVar[tuple[str, ...]] = ()
    explained: ClassVar[str] = ""
    reads: ClassVar[tuple[str, ...]] = ()

    title: str = ""
    """What it is called."""
    question: str = ""
    """What is asked, in plain words."""

    _name: str = PrivateAttr("")
    _file: str = PrivateAttr("")

    @property
    def name(self) -> str:
        """The file's name without folder and ``.toml``; the kind, where the question is no file's."""
        return self._name or self.kind

    @property
    def file(self) -> str:
        """The file, as the user would name it."""
        return self._file or self.name

    @property
    def heading(self) -> str:
        """What stands over its results."""
        return self.title or self.name

    @property
    def simulates(self) -> bool:
        """Whether anything is simulated to answer it."""
        return isinstance(self, SimulatedQuestion)

    @classmethod
    def load(cls, name_or_path: str | Path | None = None, **changes: Any) -> Self:
        """Read a question of this kind.

        Parameters
        ----------
        name_or_path : str or path, optional
            A shipped question's name, the path of a TOML file, or a scenario's name; by default the shipped question
            that has the kind's own name, or the defaults.
        **changes
            Keys of the file to set otherwise; None leaves the file's. What is given as ``set`` comes after the
            file's own.

        Returns
        -------
        Question

        Raises
        ------
        QuestionError
            With everything that is wrong in the file.
        """
        return cast(Self, read_question(name_or_path, cls, changes))

    def replaced(self, **fields: Any) -> Self:
        """The question with some fields changed.

        Parameters
        ----------
        **fields
            By name of the attribute.
        """
        changed = self.model_copy(update=fields)
        for name in set(changed.__dict__) - set(type(self).model_fields):
            del changed.__dict__[name]  # what was worked out from the fields as they were
        return changed

    @classmethod
    def defaults(cls) -> Self:
        """The question as it is asked where nothing is said: the shipped one of its name, or the class's own."""
        return cast(Self, read_question(None, cls, checked=False))

    @classmethod
    def key_of(cls, name: str) -> str:
        """A field's key in TOML."""
        return cls.model_fields[name].alias or name

    @classmethod
    def kind_of(cls, name: str) -> Any:
        """The type of a field, without unit and None."""
        return _type_of(cls.model_fields[name].annotation)

    # --- what each kind of question says of itself ------------------------------------------------------------
    def beside(self, changes: Mapping[str, Any], before: Table) -> Self:
        """The question once its file is read; a hook for what follows from what is said there and beside it.

        Parameters
        ----------
        changes : mapping
            What was given beside the file, by key.
        before : mapping
            The file's table.
        """
        return self

    def refuse(self) -> None:
        """Refuse what can't be asked of this scenario or these files, before anything is simulated.

        Raises
        ------
        ProblemsError
        """

    def inputs(self) -> Mapping[str, Input]:
        """Files that it reads beside its own and the scenario's, by the key that names them."""
        return {}

    def reading(self, paths: Mapping[str, Path]) -> Self:
        """The question with other files to read.

        Parameters
        ----------
        paths : mapping
            By the keys of `inputs`.
        """
        return self.replaced(**{key: str(path) for key, path in paths.items()})

    def run(self, running: Running) -> Found:
        """Run what is missing of it, and say what was found."""
        raise NotImplementedError

    # --- as TOML ----------------------------------------------------------------------------------------------
    def as_table(self) -> dict[str, Any]:
        """All that it says, as TOML could give it."""
        return {"kind": self.kind, **_table_of(self)}

    def as_toml(self) -> str:
        """A file that reads back as this question."""
        return toml_text(self.as_table())


class Input:
    """A file that a question reads.

    Parameters
    ----------
    path : path
    copied : bool
        Whether a copy is kept, and not the checksum alone, as of what may hold rows about real children.
    text : str, optional
        What is kept in place of the file: all of a scenario, whose file names others.
    """

    def __init__(self, path: str | Path, *, copied: bool = True, text: str | None = None) -> None:
        self.path, self.copied, self.text = Path(path), copied, text


class SimulatedQuestion(Question):
    """A question that is answered by simulating a scenario many times."""

    least: ClassVar[int] = 2
    """Replicates without which there is nothing to say."""
    decides: ClassVar[bool] = False
    """Whether it decides itself how far to run; its replicates are then the most."""
    chunk: ClassVar[int | None] = None
    """Replicates kept at a time, where one is large; by default as `best_sim.questions.running.chunk_for` says."""
    repeated: ClassVar[bool] = True
    """Whether it is about many replicates; of one that is about a single one, only the answer is printed."""
    figure: ClassVar[str] = ""
    """The quantity whose Monte Carlo error a run that stops when it is sure looks at, unless another is named."""

    scenario: str = "trial-as-run"
    """A scenario's name or file."""
    overrides: Overrides = Field((), alias="set")
    """Parameters of the scenario to set otherwise, each key=value."""
    replicates: Replicates = 200
    """How often the scenario is simulated."""
    seed: Seed = 1
    """Random seed. The same seed gives the same children and the same events."""

    _made: Any = PrivateAttr(None)
    _named: str = PrivateAttr("")

    @cached_property
    def world(self) -> Scenario:
        """The scenario with its overrides.

        Raises
        ------
        ScenarioError
        """
        return self.changed_world(())

    def changed_world(self, changes: Iterable[str]) -> Scenario:
        """The scenario with its overrides, and more of them.

        Parameters
        ----------
        changes : iterable of str
            Each key=value.

        Raises
        ------
        ScenarioError
        """
        from best_sim.scenario import Scenario
        from best_sim.scenario.layers import parse_override

        if self._made is None:
            world = Scenario.load(self.scenario, (*self.overrides, *changes))
            return world.named(self._named) if self._named else world
        changed = {".".join(key): value for key, value in map(parse_override, changes)}
        return self._made.replace(changed) if changed else self._made

    def in_world(self, world: Scenario) -> Self:
        """The same question about a scenario that was made in Python.

        Parameters
        ----------
        world : Scenario
            With all that is to hold; overrides of the question are dropped.
        """
        asked = self.replaced(scenario=world.name, overrides=())
        asked._made = world
        return asked

    def replaced(self, **fields: Any) -> Self:
        """The question with some fields changed; see `Question.replaced`."""
        changed = super().replaced(**fields)
        if "scenario" in fields or "overrides" in fields:
            changed._made, changed._named = None, ""
        return changed

    def replicates_words(self) -> str:
        """What will be simulated, in words."""
        return f"{self.replicates} replicate{'s' * (self.replicates != 1)}"

    def refuse(self) -> None:
        """Refuse what the scenario can't answer."""
        _ = self.world

    def work(self, engine: Engine) -> Work:
        """The rows of one replicate as a function of its number and of nothing else."""
        raise NotImplementedError

    def found(self, keep: Keep, done: int, engine: Engine) -> Found:
        """What the first `done` replicates say."""
        raise NotImplementedError

    def errors(self, keep: Keep, done: int) -> pd.DataFrame | None:
        """Monte Carlo standard errors so far, for a run that stops when it is sure.

        Returns
        -------
        pandas.DataFrame or None
            quantity, mcse; a quantity may stand there several times, and then the largest counts. None where a run of
            this kind can't stop by itself.
        """
        return None

    def run(self, running: Running) -> Found:
        """Run the replicates that are missing, and say what those that are there say."""
        done = running.replicates_of(self)
        found = self.replaced(replicates=done).found(running.leg(), done, running.engine)
        return dataclasses.replace(found, interrupted=True) if running.interrupted else found  # type: ignore[type-var]


# --- finding and reading files --------------------------------------------------------------------------------
def shipped_questions() -> dict[str, Any]:
    """Questions that come with the package, by name."""
    inside = files("best_sim") / "_experiments"
    folder: Any = inside if inside.is_dir() else Path(__file__).resolve().parents[2] / "experiments"
    return {
        path.name.removesuffix(".toml"): path
        for path in sorted(folder.iterdir(), key=lambda path: str(path.name))
        if path.name.endswith(".toml")
    }


def read_question(
    name_or_path: str | Path | None,
    cls: type[Question] | None = None,
    changes: Mapping[str, Any] = types.MappingProxyType({}),
    *,
    beside: str = "",
    checked: bool = True,
) -> Question:
    """A question of any kind, or of one.

    Parameters
    ----------
    name_or_path : str or path or None
        As `Question.load` takes it.
    cls : subclass of Question, optional
        The kind that is wanted; by default the one that the file says.
    changes : mapping
        Keys to set otherwise; None leaves the file's.
    beside : str
        What a message calls a key that was given beside the file, before the key's name: ``--`` on the command line.
    checked : bool
        Whether fields are held against each other (`Section.check`), for which a question may need large libraries.

    Returns
    -------
    Question

    Raises
    ------
    QuestionError
        With everything that is wrong.
    """
    given = {key: value for key, value in changes.items() if value is not None}
    if _is_scenario(name_or_path, cls):
        name_or_path, given = None, {"scenario": str(name_or_path)} | given
    shown_name, text, table = _table_at(name_or_path, cls)
    kind = table.pop("kind", None)
    of_a_trial = cls is not None and "experiment" in cls.model_fields
    if kind is None and of_a_trial and not table.keys().isdisjoint(_OF_A_TRIAL):
        kind = "power"
    if cls is None:
        cls = _class_of(kind, shown_name)
    elif kind is not None and kind != cls.kind:
        table, text = _adopted(cls, kind, str(name_or_path), shown_name), ""
    source = Source(shown_name, text, frozenset(given), beside, checked, cls.arguments)
    merged = table | given
    if "set" in given and isinstance(table.get("set", []), list):
        merged["set"] = [*(one for one in table.get("set", []) if one not in given["set"]), *given["set"]]
    made = read_part(cls, merged, source)
    if made is None:
        raise QuestionError(source.problems)
    question = cast(Question, made)
    question._file, question._name = shown_name, Path(shown_name).name.removesuffix(".toml")
    if not text and not shown_name.endswith(".toml"):
        question._file, question._name = "", ""
    return question.beside(given, table)


def _class_of(kind: Any, file: str) -> type[Question]:
    from best_sim.questions.kinds import KINDS

    if not isinstance(kind, str) or kind not in KINDS:
        message = "the file doesn't say what it asks" if kind is None else "no question has this kind"
        raise QuestionError(
            [
                Problem(
                    file=file, key="kind", message=message, found="nothing" if kind is None else shown(kind),
                    allowed=", ".join(KINDS),
                    nearest=nearest_name(kind, list(KINDS)),
                )
            ]
        )  # fmt: skip
    return KINDS[kind].cls


def _adopted(cls: type[Question], kind: str, name: str, file: str) -> dict[str, Any]:
    """A file of another kind that this one can be about: the trial of a power experiment."""
    if "experiment" in cls.model_fields and kind == "power":
        return {"experiment": name}
    raise QuestionError(
        [
            Problem(
                file=file, key="kind", message="this file asks another question", found=shown(kind), allowed=cls.kind,
            )
        ]
    )  # fmt: skip


def _table_at(name_or_path: str | Path | None, cls: type[Question] | None) -> tuple[str, str, dict[str, Any]]:
    """How the user would name the file, its text, and what TOML makes of it."""
    shipped = shipped_questions()
    if name_or_path is None:
        name = cls.kind if cls is not None else ""
        if name not in shipped:
            return name, "", {}
        name_or_path = name
    name, path = str(name_or_path), Path(name_or_path)
    if name in shipped:
        shown_name, file = f"{name}.toml", shipped[name]
    elif os.path.isfile(path):
        shown_name, file = name, path
    else:
        scenarios = shipped_names() if _has_scenario(cls) else ()
        known = [*shipped, *scenarios]
        raise QuestionError(
            [
                Problem(
                    file=name, message="no question has this name, and there is no such file", found=name,
                    allowed="a TOML file; " + "; ".join(
                        f"a {what}: {', '.join(names)}"
                        for what, names in (("question", shipped), ("scenario", scenarios))
                        if names
                    ),
                    nearest=nearest_name(name, known),
                )
            ]
        )  # fmt: skip
    text, table = read_toml(file, shown_name)
    if "kind" not in table and cls is None:
        _class_of(None, shown_name)
    return shown_name, text, table


def read_toml(path: Any, shown_name: str) -> tuple[str, dict[str, Any]]:
    """The text of a file, and what TOML makes of it.

    Parameters
    ----------
    path : path
    shown_name : str
        What to call it in messages.

    Raises
    ------
    QuestionError
        If it can't be read.
    """
    try:
        text = text_of(path.read_bytes())
        return text, table_of(text)
    except OSError as error:
        why = f"this file can't be read: {error.strerror}"
        raise QuestionError([Problem(file=shown_name, message=why)]) from error
    except UnreadableError as error:
        raise QuestionError([Problem(file=shown_name, message=error.message, line=error.line)]) from None


def _is_scenario(name_or_path: str | Path | None, cls: type[Question] | None) -> bool:
    """Whether a name is that of a scenario, about which the usual question is asked."""
    if name_or_path is None or not _has_scenario(cls) or str(name_or_path) in shipped_questions():
        return False
    if str(name_or_path) in shipped_names():
        return True
    try:
        table = table_of(text_of(Path(name_or_path).read_bytes()))
    except (OSError, ValueError):
        return False  # told where the file is read
    return "kind" not in table and ("extends" in table or "simulation" in table)


def _has_scenario(cls: type[Question] | None) -> bool:
    return cls is not None and "scenario" in cls.model_fields


def read_part(
    cls: type[Part], table: Mapping[str, Any], source: Source, at: tuple[str, ...] = ()
) -> Part | None:
    """A part of a question; what is wrong with it is added to the source's problems, and then there is none.

    Parameters
    ----------
    cls : subclass of Part
    table : mapping
        As TOML gives it.
    source : Source
    at : tuple of str
        Where it stands.
    """
    before = len(source.problems)
    fields = {field.alias or name: (name, field) for name, field in cls.model_fields.items()}
    for key in table:
        if key not in fields:
            source.report(
                (*at, key), message="no key has this name", found=key, allowed=", ".join(fields),
                nearest=nearest_name(key, list(fields)),
            )  # fmt: skip
    values: dict[str, Any] = {}
    for key, (name, field) in fields.items():
        if key in table:
            values[name] = _value(f"{cls.__name__}.{name}", field, table[key], source, (*at, key))
        elif field.is_required():
            source.report(
                (*at, key), stands=False, message="this is missing", found="nothing", allowed=_allowed(field)
            )
    if len(source.problems) > before:
        return None
    made = cls(**values)
    wrong = list(made.check()) if source.checked else []
    for one in wrong:
        found = "" if one.found is None else shown(one.found)
        below = tuple(part for part in one.key.replace("[", ".").replace("]", "").split(".") if part)
        source.report(
            (*at, *below), message=one.message, found=found, allowed=one.allowed, nearest=one.nearest,
            warning=one.warning, because=one.because,
        )  # fmt: skip
    return None if any(not one.warning for one in wrong) else made


def _value(where: str, field: FieldInfo, raw: Any, source: Source, at: tuple[str, ...]) -> Any:
    several, inner = _part_of(field.annotation)
    if inner is None:
        if _is_free(field.annotation):
            if isinstance(raw, Mapping):
                return dict(raw)
            source.report(at, message="this is not a table", found=shown(raw), allowed=f"[{'.'.join(at)}]")
            return None
        leaf = cast(Leaf, node_of(where, field.annotation, tuple(field.metadata)))
        try:
            return leaf.read(raw, leaf.unit)
        except NotAllowedError as refused:
            at = (*at, refused.below) if refused.below else at
            source.report(
                at, message=refused.message, found=refused.found, allowed=refused.allowed, nearest=refused.nearest
            )  # fmt: skip
            return None
    if not several:
        if isinstance(raw, Mapping):
            return read_part(inner, raw, source, at)
        source.report(at, message="this is not a table", found=shown(raw), allowed=f"[{'.'.join(at)}]")
        return None
    if not isinstance(raw, list | tuple) or not all(isinstance(one, Mapping) for one in raw):
        source.report(
            at, message="these are not tables", found=shown(raw), allowed=f"[[{'.'.join(at)}]] tables"
        )
        return None
    return tuple(read_part(inner, one, source, (*at, str(i))) for i, one in enumerate(raw))


def _part_of(annotation: Any) -> tuple[bool, type[Part] | None]:
    """Whether a field is a list of tables, and of which part."""
    if get_origin(annotation) is Annotated:
        return _part_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        inside = [one for one in get_args(annotation) if one is not type(None)]
        return _part_of(inside[0]) if len(inside) == 1 else (False, None)
    if get_origin(annotation) is tuple and get_args(annotation)[1:] == (...,):
        _, part = _part_of(get_args(annotation)[0])
        return True, part
    return False, annotation if isinstance(annotation, type) and issubclass(annotation, Part) else None


def _type_of(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _type_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        inside = [one for one in get_args(annotation) if one is not type(None)]
        return _type_of(inside[0])
    return str if get_origin(annotation) is Literal else annotation


def leaf_of(cls: type[Part], name: str) -> Leaf:
    """What a field that is no table declares.

    Parameters
    ----------
    cls : subclass of Part
    name : str
    """
    field = cls.model_fields[name]
    return cast(Leaf, node_of(f"{cls.__name__}.{name}", field.annotation, tuple(field.metadata)))


def _is_free(annotation: Any) -> bool:
    inside = [one for one in get_args(annotation) if one is not type(None)]
    if get_origin(annotation) in (Union, types.UnionType) and len(inside) == 1:
        return _is_free(inside[0])
    return get_origin(annotation) is Mapping


def _allowed(field: FieldInfo) -> str:
    several, part = _part_of(field.annotation)
    if part is not None:
        return "tables" if several else "a table"
    if _is_free(field.annotation):
        return "a table"
    leaf = cast(Leaf, node_of("", field.annotation, tuple(field.metadata)))
    usual = {"text": "a text in quotes", "date": "a date", "yes/no": "true or false"}
    return ", ".join(leaf.names) or usual.get(leaf.unit) or leaf.limits.limits()


def _table_of(part: Part) -> dict[str, Any]:
    out = {}
    for name, field in type(part).model_fields.items():
        value = _plain(getattr(part, name))
        if value is not None and not (
            isinstance(value, list | dict) and not value and not field.is_required()
        ):
            out[field.alias or name] = value
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, Part):
        return _table_of(value)
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


# --- what several questions check -----------------------------------------------------------------------------
def names_apart(key: str, what: str, names: list[str]) -> Iterator[Wrong]:
    """Two things of the same name.

    Parameters
    ----------
    key : str
    what : str
        Of what there are two, e.g. ``"designs"``.
    names : list of str
    """
    for twice in sorted({name for name in names if names.count(name) > 1}):
        yield Wrong(key, f"two {what} have the same name", found=twice, allowed="different names")
