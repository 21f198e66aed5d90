"""What the compiled driver leans on and numba does not promise, by itself; and the same records in Python."""

from __future__ import annotations

import numpy as np
import pytest

from best_sim.engine.records import Cells, field_problems, rows, rows_of, world_dtype, write_rows

numba = pytest.importorskip("numba")
from best_sim.engine import lowering  # noqa: E402

INNER = np.dtype([("x", "f8"), ("flags", "i1", (3,))])
ROW = np.dtype(
    [
        ("n", "i4"),
        ("x", "f8"),
        ("yes", "?"),
        ("inner", INNER),
        ("line", "f8", (3,)),
        ("grid", "i2", (2, 3)),
        ("inners", INNER, (2, 2)),
    ]
)
at = lowering.record_at(ROW)


@numba.njit
def read(address, i, j):
    r = at(address)
    return (
        r.n,
        r.x,
        r.yes,
        r.inner.x,
        r.line[i],
        r.grid[j, i],
        r.grid[j][i],
        r.inners[j, 1].x,
        r.inner.flags[i],
    )


def write_in_python(r, i, j):
    r.n += 1
    r.x = r.n
    r.yes = not r.yes
    r.inner.x = 2.5
    r.inner.flags[i] = 1
    r.line[i] += 0.5
    r.grid[j, i] -= 3
    r.grid[0][0] = 9
    r.inners[j, 1].x = 7.0
    r.inners[j][1].flags[2] = 1
    return len(r.line) + len(r.grid)


write_in_place = numba.njit(write_in_python)


@numba.njit
def write(address, i, j):
    return write_in_place(at(address), i, j)


@pytest.fixture
def table():
    values = np.random.default_rng(3).integers(0, 100, (4, ROW.itemsize), dtype=np.uint8)
    table = np.zeros(4, ROW)
    for name in ("n", "x", "line", "grid"):
        table[name] = values[:, 0].reshape(-1, *[1] * (table[name].ndim - 1))
    return table


def test_a_record_is_read_and_written_in_place(table):
    before = table.copy()
    address = table.ctypes.data + 2 * ROW.itemsize
    assert write(address, 1, 1) == 5
    assert table["n"][2] == before["n"][2] + 1 == table["x"][2]
    assert table["grid"][2, 0, 0] == 9
    assert table["inners"][2, 1, 1]["x"] == 7.0
    assert (table[[0, 1, 3]] == before[[0, 1, 3]]).all()
    n, x, yes, inner, line, cell, same, nested, flag = read(address, 1, 1)
    assert (n, x, yes) == (table["n"][2], table["x"][2], True)
    assert (inner, nested, flag) == (2.5, 7.0, 1)
    assert line == table["line"][2, 1]
    assert cell == same == table["grid"][2, 1, 1] == before["grid"][2, 1, 1] - 3


def test_an_aligned_record_too(table):
    dtype = np.dtype(ROW.descr, align=True)
    aligned, aligned_at = table.astype(dtype), lowering.record_at(dtype)
    assert dtype.itemsize > ROW.itemsize

    @numba.njit
    def bump(address):
        r = aligned_at(address)
        r.x += 1.0
        r.inners[1, 1].x = r.x
        return r.x

    assert bump(aligned.ctypes.data + dtype.itemsize) == aligned["x"][1] == aligned["inners"]["x"][1, 1, 1]


def test_python_rows_write_the_same(table):
    compiled, python = table.copy(), table.copy()
    objects = rows_of(python)
    for index in range(4):
        got = write_in_python(objects[index], 2, 1)
        assert got == write(compiled.ctypes.data + index * ROW.itemsize, 2, 1)
    write_rows(objects, python, "table")
    assert python.tobytes() == compiled.tobytes()


@pytest.mark.parametrize("index", [-1, 3, 2**62])
def test_an_index_outside_is_refused_by_both(table, index):
    with pytest.raises(IndexError, match="index outside an array"):
        read(table.ctypes.data, index, 0)
    with pytest.raises(IndexError, match="index outside an array"):
        rows_of(table)[0].line[index]


def test_whole_numbers_are_64_bit_in_compiled_code(table):
    @numba.njit
    def product(address):
        r = at(address)
        return r.n * (r.grid[0, 0] * r.grid[0, 1] // 30)

    table["n"], table["grid"] = 2_000_000_000, 30_000
    assert product(table.ctypes.data) == 2_000_000_000 * 30_000_000


def test_a_part_is_not_set_as_a_whole(table):
    @numba.njit
    def whole(address):
        at(address).line = 1.0

    with pytest.raises(numba.core.errors.NumbaError, match="Cannot cast"):
        whole(table.ctypes.data)
    with pytest.raises(TypeError, match="set its elements"):
        rows_of(table)[0].grid[0] = 1


def test_fractions_do_not_slip_into_whole_numbers(table):
    objects = rows_of(table)
    objects[1].n = 1.5
    with pytest.raises(TypeError, match="table.n is a whole number"):
        write_rows(objects, table, "table")


def test_rows_of_a_table_are_reached_from_the_world():
    TABLE = np.dtype([("value", "i8")])
    things = rows("things", TABLE)
    WORLD = world_dtype([], {"things": TABLE})
    world_at = lowering.record_at(WORLD)

    @numba.njit
    def double(address, index):
        thing = things(world_at(address), index)
        thing.value *= 2
        return thing.value

    world, table = np.zeros(1, WORLD), np.zeros(3, TABLE)
    table["value"] = [1, 2, 3]
    world["_address_of_things"], world["_length_of_things"] = table.ctypes.data, 3
    assert double(world.ctypes.data, 2) == table["value"][2] == 6
    for index in (-1, 3):
        with pytest.raises(IndexError, match="no such row of the table things"):
            double(world.ctypes.data, index)

    objects = rows_of(world)[0]
    objects._address_of_things = rows_of(table)
    things(objects, 0).value = 5
    assert objects._address_of_things[0].value == 5
    with pytest.raises(IndexError, match="no such row of the table things"):
        things(objects, -1)


def test_a_generator_can_be_parked_and_resumed():
    @numba.njit
    def counting(record, other):
        for i in range(5):
            record.n += i
            yield i, float(record.n + other.n)

    @numba.njit
    def new(address, block):
        lowering.park(counting(at(address), at(address)), block)
        return lowering.generator_size(counting, at(0), at(0))

    @numba.njit
    def step(block):
        for i, x in lowering.parked(counting, at(0), at(0), block):
            return i, x
        return -1, 0.0

    table, arena = np.zeros(2, ROW), np.zeros(128, np.float64)
    first = arena.ctypes.data
    size = new(table.ctypes.data, first)
    assert 0 < size <= 512
    new(table.ctypes.data + ROW.itemsize, first + 512)
    seen = [(step(first), step(first + 512)) for _ in range(6)]
    assert seen == [
        ((i, x), (i, x)) for i, x in [(0, 0.0), (1, 2.0), (2, 6.0), (3, 12.0), (4, 20.0), (-1, 0.0)]
    ]
    assert table["n"].tolist() == [10, 10]


def test_a_run_of_numbers_is_read_and_written_where_it_is():
    whole = lowering.cells_at(np.dtype("f8"))

    @numba.njit
    def double(address, length):
        cells = whole(address, length)
        for i in range(len(cells)):
            cells[i] *= 2.0
        return cells[1]

    numbers = np.arange(6.0)
    assert double(numbers.ctypes.data, 4) == 2.0
    assert numbers.tolist() == [0.0, 2.0, 4.0, 6.0, 4.0, 5.0]


def test_cells_are_indexed_as_numpys():
    cells = Cells([[1, 2], [3, 4]])
    cells[1, 0] += 10
    cells[0][1] = 7
    assert [cells[i, j] for i in range(2) for j in range(2)] == [1, 7, 13, 4]
    assert len(cells) == len(cells[0]) == 2


def test_fields_that_cannot_be_used_are_named():
    dtype = np.dtype(
        [("good", "i8"), ("half", "f4"), ("inner", [("name", "S4")]), ("many", "u8", (2,)), ("flags", "?", 3)]
    )
    lines = field_problems(dtype, "table")
    assert [line.split(" is ")[0] for line in lines] == [
        "table.half",
        "table.inner.name",
        "table.many",
        "table.flags",
    ]
