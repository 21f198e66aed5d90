"""Files and overrides laid over each other, and the sections made of what comes out.

A `Layers` is filled layer by layer (base file, files that extend it, overrides) and then asked to `build`. It
collects problems instead of stopping at the first, so that the user hears of all of them at once.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from best_sim.scenario.durations import Duration
from best_sim.scenario.leaves import ANY_NAME, METADATA, Leaf, Node, nodes_of, read_range
from best_sim.scenario.problems import NotAllowedError, Problem, nearest_name
from best_sim.scenario.reading import UnreadableError, table_of
from best_sim.scenario.values import Mix, Named, Section, Series, magnitudes
from best_sim.scenario.writing import shown, value_as_text, with_unit

Key = tuple[str, ...]

STATUSES = ("published", "derived", "assumption", "calibrated")
"""How far a value is known: found published; computed from what is; chosen; fitted so that results agree."""

BY_SET, BY_REPLACE = "--set", "replace"
"""Names, in messages and provenance, of what is overridden on the command line and in Python."""

_FORBIDDEN_IN_NAMES = frozenset('.="\n')
_RANGE_ROUNDING = 1e-9
_RANGE_DIGITS = 10
_LONGEST_END = 8


@dataclass(frozen=True)
class Provenance:
    """Where a value comes from.

    Attributes
    ----------
    value : object
        As written: number, text, date, tuple, or `Named` for a table.
    unit : str
        As written.
    range : tuple of two, or None
        Plausible range, in that unit; of a duration the range of its mean, of a series that of each value.
    status : {"published", "derived", "assumption", "calibrated"}
        How far the value is known.
    source, link, note : str
        Where it is from; empty where not given.
    file : str
        Where it was last set.
    changed : bool
        Whether the user changed it, in a file of their own or by an override: whether it differs from the scenario
        that comes with the package and lies beneath, or is not in it. Of a user's own base file nothing is changed.
    before : Provenance or None
        Where the user changed it, what was there before; None where nothing was.
    key : str
        Its dotted key.
    """

    value: Any
    unit: str
    range: tuple[Any, Any] | None
    status: str
    source: str
    link: str
    note: str
    file: str
    changed: bool = True
    before: Provenance | None = None
    key: str = ""

    def __str__(self) -> str:
        return with_unit(self.value, self.unit)

    def __repr__(self) -> str:
        said = [f"{self.key or 'a parameter'}: {self}", self.status]
        if self.range is not None:
            said[1] += f", plausible {self.range_as_text()}"
        return f"<{'; '.join([*said, *(text for text in (self.source, self.link, self.note) if text)])}>"

    def range_as_text(self) -> str:
        """The range in words, e.g. ``6 to 26``; empty where there is none."""
        return "" if self.range is None else " to ".join(map(_end_as_text, self.range))

    def as_table(self) -> dict[str, Any]:
        """As a described leaf of a file."""
        table: dict[str, Any] = {"value": self.value, "unit": self.unit}
        if self.range is not None:
            table["range"] = list(self.range)
        table |= {"status": self.status, "source": self.source}
        return table | {name: text for name in ("link", "note") if (text := getattr(self, name))}


@dataclass
class Layers:
    """What is set so far, with what is wrong with it.

    Attributes
    ----------
    schema : subclass of Section
        Its root.
    entries : dict of key to Provenance
        Leaves set so far.
    given_names : dict of key to dict of str to None
        Names (in order) of each `Named` section set so far.
    beneath : dict of key to Provenance
        Leaves as the base file and the files that come with the package have them: what the user changes.
    problems : list of Problem
        Of reading and merging; problems of values are found by `build`.
    """

    schema: type[Section]
    entries: dict[Key, Provenance] = field(default_factory=dict)
    given_names: dict[Key, dict[str, None]] = field(default_factory=dict)
    beneath: dict[Key, Provenance] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def copy(self) -> Layers:
        """These layers, to put another one on top and leave these as they are."""
        names = {key: dict(names) for key, names in self.given_names.items()}
        return Layers(self.schema, dict(self.entries), names, dict(self.beneath), [])

    # --- laying over ---

    def add_base(self, table: Mapping[str, Any], file: str) -> None:
        """The first layer: each leaf must be described in full."""
        self._add(self.schema, table, (), _Layer(file, f"set in {file}", is_base=True))
        self.beneath = dict(self.entries)

    def add_file(self, table: Mapping[str, Any], file: str, *, shipped: bool = False) -> None:
        """A layer that changes leaves, by value or with a new description, and may name new things.

        `shipped` tells whether it comes with the package, or is the user's.
        """
        self._add(self.schema, table, (), _Layer(file, f"set in {file}"))
        if shipped:
            self.beneath |= {key: entry for key, entry in self.entries.items() if entry.file == file}

    def add_overrides(self, overrides: Iterable[tuple[Key, Any]], file: str = BY_SET) -> None:
        """Single values, which may create nothing new.

        Parameters
        ----------
        overrides : iterable of (key, value)
            The key leads to a leaf, to a section (the value is then a table), or into a distribution or mix.
        file : str
            What to call the place they come from.
        """
        layer = _Layer(file, f"set by {file}", may_create=False)
        for key, value in overrides:
            self._override(key, _plain(value), layer)

    def _add(self, section: type[Section], table: Mapping[str, Any], path: Key, layer: _Layer) -> None:
        nodes = nodes_of(section)
        for name, raw in table.items():
            node, key = nodes.get(name), (*path, name)
            if node is None:
                self._unknown(key, nodes, layer, is_section=isinstance(raw, Mapping))
            elif isinstance(node, Leaf):
                self._add_leaf(node, raw, key, layer)
            elif not isinstance(raw, Mapping):
                self._report(
                    layer,
                    key,
                    message="this is a section, not a value",
                    found=shown(raw),
                    allowed=f"a table [{'.'.join(key)}]",
                )
            elif isinstance(node, Named):
                for item, inside in raw.items():
                    if self._may_name(item, inside, key, layer):
                        self.given_names.setdefault(key, {})[item] = None
                        self._add(node[ANY_NAME], inside, (*key, item), layer)
            else:
                self._add(node, raw, key, layer)

    def _may_name(self, name: str, inside: Any, path: Key, layer: _Layer) -> bool:
        there = self.given_names.get(path, {})
        if not layer.may_create and name not in there:
            self._unknown((*path, name), there, layer, is_section=True)
            return False
        if not isinstance(inside, Mapping):
            message = "this is a section, not a value"
            allowed = f"a table [{'.'.join((*path, name))}]"
            self._report(layer, (*path, name), message=message, found=shown(inside), allowed=allowed)
            return False
        if not name or _FORBIDDEN_IN_NAMES & set(name):
            message = "this can't be a name"
            allowed = "a name without dots, equal signs and quotation marks"
            self._report(layer, (*path, name), message=message, found=shown(name), allowed=allowed)
            return False
        return True

    def _add_leaf(self, leaf: Leaf, raw: Any, key: Key, layer: _Layer) -> None:
        described = (
            isinstance(raw, Mapping) and "distribution" not in raw and not raw.keys().isdisjoint(METADATA)
        )
        table = raw if described else {"value": raw}
        fine = True
        for name in table:
            if name not in METADATA:
                self._unknown((*key, name), METADATA, layer, is_section=False)
                fine = False
        if "value" not in table:
            self._report(layer, key, message="there is no value", found=shown(raw), allowed="value = ...")
            return
        if fine:
            self.entries[key] = self._described(leaf, table, key, layer)

    def _described(self, leaf: Leaf, table: Mapping[str, Any], key: Key, layer: _Layer) -> Provenance:
        before = self.entries.get(key)
        if layer.is_base:
            missing = [name for name in ("unit", "status", "source") if not table.get(name)]
            if missing:
                allowed = "a base file gives value, unit, status and source of everything"
                message = f"{_listed(missing)} missing"
                self._report(layer, key, message=message, found=_keys(table), allowed=allowed)
        texts = {}
        for name in ("unit", "status", "source", "link", "note"):
            texts[name] = table.get(name, "")
            if not isinstance(texts[name], str):
                self._report(
                    layer,
                    (*key, name),
                    message="this is not a text",
                    found=shown(texts[name]),
                    allowed="a text in quotes",
                )
                texts[name] = ""
        status = texts["status"] or "assumption"
        if status not in STATUSES:
            self._report(
                layer,
                (*key, "status"),
                message="no status has this name",
                found=shown(status),
                allowed=", ".join(STATUSES),
                nearest=nearest_name(status, STATUSES),
            )
        if status == "published" and not layer.is_base and not table.get("source"):
            self._report(
                layer,
                key,
                message="a published value needs a source",
                found=_keys(table),
                allowed='source = "..."',
            )
        unit = texts["unit"] or (before.unit if before else leaf.unit)
        return Provenance(
            value=_frozen(table["value"]),
            unit=unit,
            range=self._own_range(leaf, table, key, layer) or _inherited_range(leaf, unit, before),
            status=status,
            source=texts["source"] or layer.source,
            link=texts["link"],
            note=texts["note"],
            file=layer.file,
        )

    def _own_range(
        self, leaf: Leaf, table: Mapping[str, Any], key: Key, layer: _Layer
    ) -> tuple[Any, Any] | None:
        if "range" not in table:
            return None
        try:
            return read_range(leaf, table["range"])
        except NotAllowedError as refused:
            self.problems.append(problem_of(layer.file, key, refused))
            return None

    def _override(self, key: Key, value: Any, layer: _Layer) -> None:
        node: Node = self.schema
        for depth, name in enumerate(key):
            here = key[:depth]
            if isinstance(node, Leaf):
                self._override_part(node, here, key[depth:], value, layer)
                return
            if isinstance(node, Named):
                there: Mapping[str, Any] = self.given_names.get(here, {})
                following: Node = node[ANY_NAME]
            else:
                there = nodes_of(node)
                following = there.get(name, node)
            if name not in there:
                self._unknown((*here, name), there, layer, is_section=depth < len(key) - 1)
                return
            node = following
        for name in reversed(key):
            value = {name: value}
        self._add(self.schema, value, (), layer)

    def _override_part(self, leaf: Leaf, key: Key, rest: Key, value: Any, layer: _Layer) -> None:
        """Change one parameter of a distribution, or one share of a mix."""
        now = self.entries.get(key)
        if now is None or not isinstance(now.value, Mapping) or len(rest) > 1:
            found = "nothing" if now is None else shown(now.value)
            whole = ".".join(key)
            message = f"{whole} has no part of this name"
            self._report(layer, (*key, *rest), message=message, found=found, allowed=f"{whole} as a whole")
            return
        self._add_leaf(leaf, {**_plain(now.value), rest[0]: value}, key, layer)

    # --- problems ---

    def _report(self, layer: _Layer, key: Key, **what: Any) -> None:
        self.problems.append(Problem(file=layer.file, key=".".join(key), **what))

    def _unknown(self, key: Key, known: Iterable[str], layer: _Layer, *, is_section: bool) -> None:
        known = list(known)
        self._report(
            layer,
            key,
            message="no section has this name" if is_section else "no parameter has this name",
            found=key[-1],
            allowed=", ".join(known) or "nothing is given here",
            nearest=nearest_name(key[-1], known),
        )

    # --- building ---

    def build(self, file: str) -> Built:
        """Make the sections.

        Parameters
        ----------
        file : str
            Where to say something is missing from.

        Returns
        -------
        Built
        """
        builder = _Builder(self, file)
        root = builder.section(self.schema, ())
        return Built(root, builder.values, [*self.problems, *builder.problems])


@dataclass(frozen=True)
class Built:
    """What `Layers.build` makes: the root (None if it can't be made), values by key, and problems."""

    root: Section | None
    values: dict[Key, Any]
    problems: list[Problem]


@dataclass(frozen=True)
class _Layer:
    """Where a layer comes from, and what it may do."""

    file: str
    source: str
    is_base: bool = False
    may_create: bool = True


class _Builder:
    """Walks the schema once and makes values and sections of the entries."""

    def __init__(self, layers: Layers, file: str) -> None:
        self.layers, self.file = layers, file
        self.values: dict[Key, Any] = {}
        self.problems: list[Problem] = []
        # What was complained of as it was laid down is not also missing, nor what a misspelt name meant.
        self._told = {problem.key for problem in layers.problems} | {
            ".".join([*problem.key.split(".")[:-1], problem.nearest])
            for problem in layers.problems
            if problem.nearest is not None
        }

    def section(self, section: type[Section], path: Key) -> Section | None:
        """The section at `path`, or None if something in it is wrong."""
        fields: dict[str, Any] = {}
        whole = True
        for name, node in nodes_of(section).items():
            key = (*path, name)
            if isinstance(node, Leaf):
                made = self._leaf(node, key)
                whole = whole and (made is not None or (node.optional and key not in self.layers.entries))
            elif isinstance(node, Named):
                items = {
                    n: self.section(node[ANY_NAME], (*key, n)) for n in self.layers.given_names.get(key, ())
                }
                made = Named(items)
                whole = whole and None not in items.values()
            else:
                made = self._inner(node, key)
                whole = whole and made is not None
            fields[name] = made
        if not whole:
            return None
        built = section(**fields)
        return built if self._checked(built, path) else None

    def _inner(self, section: type[Section], key: Key) -> Section | None:
        depth = len(key)
        is_given = any(entry[:depth] == key for entry in self.layers.entries)
        if not is_given and not self._is_told(key) and _needs_something(section):
            allowed = ", ".join(nodes_of(section))
            self._report(key, message="this section is missing", allowed=f"[{'.'.join(key)}] with {allowed}")
            return None
        return self.section(section, key)

    def _leaf(self, leaf: Leaf, key: Key) -> Any:
        entry = self.layers.entries.get(key)
        if entry is None:
            if not leaf.optional and not self._is_told(key):
                units = " or ".join(leaf.units)
                self._report(key, message="this parameter is missing", allowed=f"a value in {units}")
            return None
        try:
            value = leaf.read(entry.value, entry.unit)
        except NotAllowedError as refused:
            self.problems.append(problem_of(entry.file, key, refused))
            return None
        self.values[key] = value
        self._warn(leaf, value, entry, key)
        return value

    def _warn(self, leaf: Leaf, value: Any, entry: Provenance, key: Key) -> None:
        if entry.range is not None and not _is_inside(leaf, value, entry.unit, entry.range):
            self.problems.append(
                Problem(
                    file=entry.file,
                    key=".".join(key),
                    message="this is outside its plausible range, and is used all the same",
                    found=str(entry),
                    allowed=f"{entry.range_as_text()} ({entry.unit})",
                    warning=True,
                )
            )
        if entry.status == "published" and not entry.link:
            message = "a published value should have a link"
            self.problems.append(
                Problem(
                    file=entry.file,
                    key=".".join(key),
                    message=message,
                    allowed='link = "https://..."',
                    warning=True,
                )
            )

    def _checked(self, section: Section, path: Key) -> bool:
        fine = True
        for wrong in section.check():
            key = (*path, *wrong.key.split("."))
            entry = self.layers.entries.get(key)
            self.problems.append(
                Problem(
                    file=entry.file if entry else self.file,
                    key=".".join(key),
                    message=wrong.message,
                    found="" if wrong.found is None else shown(_plain(wrong.found)),
                    allowed=wrong.allowed,
                    nearest=wrong.nearest,
                    warning=wrong.warning,
                )
            )
            fine = fine and wrong.warning
        return fine

    def _report(self, key: Key, **what: Any) -> None:
        self.problems.append(Problem(file=self.file, key=".".join(key), **what))

    def _is_told(self, key: Key) -> bool:
        """Whether something has been said of this key, of a part of it, or of the section it is in."""
        this = ".".join((*key, ""))
        return any(f"{told}.".startswith(this) or this.startswith(f"{told}.") for told in self._told if told)


def problem_of(file: str, key: Key, refused: NotAllowedError) -> Problem:
    """A refusal, with the file and the key it is about."""
    return Problem(
        file=file,
        key=".".join((*key, refused.below) if refused.below else key),
        message=refused.message,
        found=refused.found,
        allowed=refused.allowed,
        nearest=refused.nearest,
    )


def parse_override(text: str) -> tuple[Key, Any]:
    """Key and value of an override such as ``trial.consent.notice.mean=3``.

    Parameters
    ----------
    text : str
        A dotted key, ``=``, and a TOML value; what is no TOML value is taken as a text.

    Returns
    -------
    key : tuple of str
    value : object

    Raises
    ------
    NotAllowedError
        If there is no key or no value, or a list, table or quoted text is not closed.
    """
    dotted, sign, written = (part.strip() for part in text.partition("="))
    key = tuple(part.strip().strip("\"'") for part in dotted.split("."))
    if not sign or not written or not all(key):
        raise NotAllowedError(
            "this is no override", found=text, allowed="key=value, e.g. trial.consent.probability=0.6"
        )
    try:
        table = table_of(f"value = {written}")
    except UnreadableError as error:
        # A word is meant as a text; a bracket or quotation mark that is left open is a slip.
        if written[0] in "[{\"'":
            raise NotAllowedError(
                "the value can't be read", found=written, allowed=f"a TOML value ({error})"
            ) from None
        return key, written
    return key, table["value"] if len(table) == 1 else written


def canonical(value: Any) -> Any:
    """A value of an attribute as JSON can hold it: the same for equal values, another for others."""
    if isinstance(value, Duration):
        return [value.distribution, {name: canonical(given) for name, given in value.parameters}]
    if isinstance(value, Mix):
        return [[name, canonical(share)] for name, share in value.items()]
    if isinstance(value, Series):
        return [[day.isoformat(), canonical(number)] for day, number in value]
    if isinstance(value, tuple):
        return [canonical(item) for item in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    return value + 0.0 if isinstance(value, float) else value  # -0.0 is 0.0


def _needs_something(section: type[Section]) -> bool:
    nodes = nodes_of(section).values()
    return any(
        not node.optional
        if isinstance(node, Leaf)
        else not isinstance(node, Named) and _needs_something(node)
        for node in nodes
    )


def _is_inside(leaf: Leaf, value: Any, unit: str, plausible: tuple[Any, Any]) -> bool:
    if isinstance(value, dt.date):
        return bool(plausible[0] <= value <= plausible[1])
    scale = leaf.scale(unit)
    low, high = plausible[0] * scale, plausible[1] * scale
    # A mean comes out of arithmetic, so its last digits are not to be held against it.
    slack = _RANGE_ROUNDING * max(abs(low), abs(high))
    return all(low - slack <= number <= high + slack for number in magnitudes(value))


def _inherited_range(leaf: Leaf, unit: str, before: Provenance | None) -> tuple[Any, Any] | None:
    """The range the leaf had, in the unit it now has, whether or not the new value is in it."""
    if before is None or before.range is None:
        return None
    if before.unit == unit:
        return before.range
    try:
        ratio = leaf.scale(before.unit) / leaf.scale(unit)
    except KeyError:  # no unit of this leaf: told by `build`
        return None
    low, high = (round(end * ratio, _RANGE_DIGITS) for end in before.range)
    return int(low) if low.is_integer() else low, int(high) if high.is_integer() else high


def _end_as_text(end: Any) -> str:
    """One end of a range; of one that came out of a change of unit, no more digits than a reader needs."""
    text = value_as_text(end)
    return f"{end:.5g}" if isinstance(end, float) and len(text) > _LONGEST_END else text


def _listed(names: list[str]) -> str:
    return f"{names[0]} is" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} are"


def _keys(table: Mapping[str, Any]) -> str:
    return "only " + ", ".join(name for name in METADATA if table.get(name) not in (None, ""))


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Named({name: _frozen(inside) for name, inside in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    """A value as TOML gives it; an attribute's value becomes a leaf in the unit of attributes."""
    if isinstance(value, Duration):
        return {"value": value.as_table(), "unit": "days"}
    if isinstance(value, Series):
        return value.as_list()
    if isinstance(value, Mapping):
        return {name: _plain(inside) for name, inside in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def flatten(layers: Layers) -> Iterator[tuple[Key, Provenance]]:
    """Leaves in the order of the schema, those of a section together, sections inside after them."""
    yield from _flatten(layers, layers.schema, ())


def _flatten(layers: Layers, section: type[Section], path: Key) -> Iterator[tuple[Key, Provenance]]:
    nodes = nodes_of(section)
    for name, node in nodes.items():
        if isinstance(node, Leaf) and (entry := layers.entries.get((*path, name))) is not None:
            yield (*path, name), entry
    for name, node in nodes.items():
        if isinstance(node, Named):
            for item in layers.given_names.get((*path, name), ()):
                yield from _flatten(layers, node[ANY_NAME], (*path, name, item))
        elif not isinstance(node, Leaf):
            yield from _flatten(layers, node, (*path, name))


def with_changes(layers: Layers, values: Mapping[Key, Any]) -> Mapping[str, Provenance]:
    """Provenance by dotted key, each told its key, whether the user changed it, and what was there before."""

    def is_changed(key: Key, entry: Provenance, before: Provenance | None) -> bool:
        if before is None or before is entry:
            return before is None
        return (before.value, before.unit) != (entry.value, entry.unit) and not _same(
            layers, key, before, values[key]
        )

    told = {}
    for key, entry in flatten(layers):
        dotted, before = ".".join(key), layers.beneath.get(key)
        changed = is_changed(key, entry, before)
        told[dotted] = dataclasses.replace(
            entry, changed=changed, before=before if changed else None, key=dotted
        )
    return Named(told)


def _same(layers: Layers, key: Key, before: Provenance, value: Any) -> bool:
    """Whether the earlier value, maybe written in another way or unit, is this one."""
    node: Node = layers.schema
    for name in key:
        node = node[ANY_NAME] if isinstance(node, Named) else nodes_of(node)[name]
    try:
        return bool(canonical(node.read(before.value, before.unit)) == canonical(value))  # type: ignore[union-attr]
    except NotAllowedError:
        return False
