"""One vocabulary: a parameter has one path, in files, in the schema and in the records; and somebody reads it."""

from __future__ import annotations

import ast
import datetime as dt
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import best_sim
from best_sim.engine.luck import duration_record, series_record
from best_sim.engine.records import WORLD_FIELDS, hidden_fields
from best_sim.pathway import kinds, records, words
from best_sim.pathway.lowering import lower
from best_sim.pathway.model import PATHWAY
from best_sim.pathway.parameters import fields_of, names_of, number_of, write_parameters
from best_sim.scenario import Scenario, schema
from best_sim.scenario.leaves import Leaf, nodes_of
from best_sim.scenario.values import Days, Named, Section

PACKAGE = Path(best_sim.__file__).parent
TABLE_OF = {"boroughs": "boroughs", "sites": "sites", "courts": "courts", "lift.teams": "teams"}


def leaves_of(section, path=()):
    """Path and leaf of every parameter of a section; `*` stands for the names that a file gives."""
    for name, node in nodes_of(section).items():
        if isinstance(node, Leaf):
            yield (*path, name), node
        elif isinstance(node, Named):
            yield from leaves_of(node["*"], (*path, name, "*"))
        else:
            yield from leaves_of(node, (*path, name))


LEAVES = dict(leaves_of(schema.Parameters))
FIELDS = {path: leaf for path, leaf in LEAVES.items() if leaf.kind != "text"}


def owner(path):
    """The dtype that has the field of a leaf, what a scenario's values are got from, and the path within it."""
    if "*" in path:
        at = path.index("*")
        return records.TABLES[TABLE_OF[".".join(path[:at])]], path[at + 1 :]
    return records.WORLD, path


# --- a field for every parameter ----------------------------------------------------------------------------
def test_every_leaf_is_in_the_records_under_its_own_path():
    assert len(FIELDS) > 240
    for path in FIELDS:
        dtype, inside = owner(path)
        for name in inside:
            assert dtype.names is not None and name in dtype.names, ".".join(path)
            dtype = dtype[name]


def paths_in(dtype, path=()):
    """Paths of a dtype's fields, but for what is within a duration, a series or a list."""
    for name in dtype.names:
        inner = dtype[name]
        if inner.names and inner.names[0] not in ("kind", "n"):
            yield from paths_in(inner, (*path, name))
        else:
            yield (*path, name)


def test_no_field_is_neither_a_parameter_nor_listed_as_computed():
    engine = {name for name, _ in (*WORLD_FIELDS, *hidden_fields(records.TABLES))}
    listed = engine | {field[0] for field in (*records.COMPUTED, *records.COUNTED)}
    of_world = {path for path in paths_in(records.WORLD) if path not in LEAVES}
    assert of_world == {(name,) for name in listed}
    for section, table in TABLE_OF.items():
        own = {field[0] for field in records.COMPUTED_OF[table]} | {"index", "stream", "number"}
        others = {
            path
            for path in paths_in(records.TABLES[table])
            if (*section.split("."), "*", *path) not in FIELDS
        }
        assert others == {(name,) for name in own}


def test_every_field_holds_its_parameter(trial):
    """By the kind of leaf, worked out here once more, for the world and for each borough, site, court and team."""
    lowered = lower(trial)
    start = trial.simulation.start_date
    tables = {"": (lowered.world, [trial.parameters])}
    for section, table in TABLE_OF.items():
        named = trial.parameters
        for name in section.split("."):
            named = getattr(named, name)
        tables[section] = lowered.fixed[table], list(named.values())
    for path, leaf in FIELDS.items():
        section = ".".join(path[: path.index("*")]) if "*" in path else ""
        table, sections = tables[section]
        for row, value in enumerate(sections):
            field = table
            for name in owner(path)[1]:
                field, value = field[name], getattr(value, name)
            assert same(field[row], value, leaf, start), (path, row)


def same(got, value, leaf, start):
    match leaf.kind:
        case "duration":
            return got.tobytes() == duration_record(*value.lowered()).tobytes()
        case "series":
            return got.tobytes() == series_record(*value.lowered(start)).tobytes()
        case "date":
            return got == (np.inf if value is None else (value - start).days)
        case "choice":
            return leaf.names[got] == value
        case "names":
            return [name for name, there in zip(leaf.names, got, strict=True) if there] == [
                name for name in leaf.names if name in value
            ]
        case "mix":
            return tuple(got) == value.shares
        case "wholes":
            return tuple(got["values"][: got["n"]]) == value
    return got == value


class Closing(Section):
    closes: dt.date | None = None


class Patient(Section):
    patience: Days | None = None


def test_a_date_that_is_left_out_never_comes():
    table = np.zeros(2, fields_of(Closing))
    for row, section in enumerate([Closing(), Closing(closes=dt.date(2020, 1, 3))]):
        write_parameters(table, row, section, dt.date(2020, 1, 1))
    assert table["closes"].tolist() == [np.inf, 2.0]
    with pytest.raises(TypeError, match="only a date may be left out"):
        fields_of(Patient)


# --- somebody reads it --------------------------------------------------------------------------------------
@cache
def what_sources_read():
    """Of all modules but those of the scenario: chains of attributes, texts, and what `getattr` makes names from."""
    chains, texts, patterns = set(), set(), set()
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.is_relative_to(PACKAGE / "scenario"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and id(node) not in inner:
                parts = []
                while isinstance(node, ast.Attribute):
                    parts.append(node.attr)
                    node = node.value
                parts.append(node.id if isinstance(node, ast.Name) else "")
                chains.add(tuple(parts[::-1]))
                if parts[0] == "model_fields" and hasattr(schema, parts[-1]):  # every field of a section
                    texts.update(getattr(schema, parts[-1]).model_fields)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
                if isinstance(node.args[1], ast.JoinedStr):
                    pieces = node.args[1].values
                    patterns.add(
                        "".join(
                            re.escape(each.value) if isinstance(each, ast.Constant) else "[a-z_]+"
                            for each in pieces
                        )
                    )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
    return chains, texts, patterns


def is_read(path):
    """Whether something reads a leaf: as `section.leaf`; or its section is handed on, and the leaf read from there."""
    chains, texts, patterns = what_sources_read()
    *_, section, leaf = path
    if any(pair == (section, leaf) for chain in chains for pair in zip(chain, chain[1:], strict=False)):
        return True
    handed_on = section == "*" or any(section in (chain[-1], chain[0]) for chain in chains)
    from_there = (
        any(chain[1:] == (leaf,) for chain in chains)
        or leaf in texts
        or any(re.fullmatch(pattern, leaf) for pattern in patterns)
    )
    return handed_on and from_there


def test_every_parameter_is_read_somewhere():
    """A parameter that nothing reads promises what does not happen; here it is named."""
    assert [".".join(path) for path in LEAVES if path[-1] != "title" and not is_read(path)] == []


def test_a_parameter_that_nothing_reads_would_be_named():
    assert not is_read(("lift", "declines_on_sundays"))
    assert not is_read(("courts", "*", "closes_on_sundays"))
    assert not is_read(("costs", "foster_fortnight"))


# --- names and numbers that are written apart ---------------------------------------------------------------
def test_names_in_the_schema_have_the_numbers_that_rules_know_them_by():
    assert names_of(schema.Entry, "route") == words.ROUTES[:3]
    # in Scotland one more, and the others by the names that they have there
    assert len(names_of(schema.ChildrensHearings, "route")) == len(words.ROUTES)
    assert (
        names_of(schema.Sau, "assessor") == words.ASSESSORS[:3] == tuple(schema.AssessorPlaces.model_fields)
    )
    for mix in ("treatment_under_one", "treatment_older"):
        assert names_of(schema.Lift, mix) == words.TREATMENTS
    for section in (schema.HearingHours, schema.Adjournment, schema.Notice):
        assert tuple(section.model_fields)[:4] == words.HEARINGS
    assert len(names_of(schema.Population, "children_per_family")) == records.LARGEST_FAMILY
    with pytest.raises(ValueError, match="fastest first"):
        number_of(schema.Lift, "priority", "fastest first")
    with pytest.raises(TypeError, match="has no names"):
        names_of(schema.Lift, "declines")


def test_an_event_has_the_name_of_its_number():
    for number, event in enumerate(words.EVENTS):
        assert getattr(words, event.name.upper()) == number
    assert len({event.name for event in words.EVENTS}) == len(words.EVENTS)


@pytest.mark.parametrize(
    ("names", "prefix"),
    [("PLACEMENT_TYPES", ""), ("PLANS", "NO_PLAN"), ("RECEIPTS", "")],
)
def test_a_number_has_the_name_of_its_place(names, prefix):
    for number, name in enumerate(getattr(words, names)):
        assert getattr(words, prefix if name == "none" else name.upper()) == number


def test_events_that_differ_in_one_thing_are_in_the_order_of_its_names():
    def names(events):
        return [words.EVENTS[number].name for number in events]

    assert names(words.HEARING_LISTED) == [f"{kind}_listed" for kind in words.HEARINGS]
    assert names(words.HEARING_HELD) == [f"hearing_{result}" for result in words.HEARING_RESULTS]
    ways = {
        "entry": "placed_on_entry", "unplanned_move": "moved_unplanned", "planned_move": "moved_as_planned",
        "same_carer": "stayed_with_carer", "re_entry": "placed_on_re_entry", "came_of_age": "left_care_of_age",
    }  # fmt: skip
    assert names(words.PLACED) == [ways[reason] for reason in words.PLACEMENT_REASONS]
    number = np.array([words.RANDOMISED, words.MOVED_UNPLANNED, words.PLACED_ON_ENTRY])
    assert words.which(words.PLACED, number).tolist() == [-1, words.UNPLANNED, words.AT_ENTRY]


def test_a_process_has_the_name_of_its_number():
    for number, kind in enumerate(PATHWAY.processes):
        assert kind.name == kind.function.__name__
        assert getattr(kinds, kind.name.upper()) == number


def test_a_year_has_its_days_in_one_place():
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value == 365.25
    }
    assert found == {"scenario/durations.py"}


# --- rules --------------------------------------------------------------------------------------------------
def test_a_rule_changes_nothing():
    """What a rule decides is carried out by the processes; a rule writes to no record."""
    sources = [path.read_text(encoding="utf-8") for path in (PACKAGE / "pathway/rules").glob("*.py")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    assert len(nodes) > 1000
    for node in nodes:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        for target in targets if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) else ():
            assert isinstance(target, ast.Name), f"line {node.lineno}"
        assert not isinstance(node, ast.Yield | ast.YieldFrom | ast.Global | ast.Delete)


def test_the_base_file_gives_the_values_that_rules_once_had_in_them():
    base = Scenario.load("base")
    assert base.population.sibling_gap == 10.0 * 365.25 / 12
    assert base.lift.leaves_assessment_at == base.lift.review_at == 0.5
