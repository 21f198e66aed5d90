"""Makes a compiled model ready to ship: a library without numba (`best_sim.engine.native`), a WebAssembly module.

numba compiles the kernel to LLVM's intermediate code, which says nothing of the machine but the width of its pointers.
From this LLVM makes object code for the plainest processor of a kind, and a linker the library. The kernel's own
routines travel within (`best_sim.engine.maths`), so nothing is called from outside but `memset`.

It is to be done in a process that was started with `SETTINGS`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from best_sim.engine import compiled_driver
from best_sim.engine.layouts import (
    ADDRESSES,
    DONE,
    FAULTY,
    KIND,
    LOG_FULL,
    LOOP,
    NODE,
    PAUSED,
    RESOURCE,
    SLOT,
)
from best_sim.engine.model import EVENT, STARTING, Model
from best_sim.engine.native import DESCRIPTION, NAME, Description, digest, generator_key, this_machine
from best_sim.engine.records import row_fields

LINKERS = ("ld.lld", "ld")
"""Either will do, that of LLVM first."""
EXPORTED = ("best_sim_kernel", "best_sim_uniform_at", "best_sim_fill_uniforms")

RANDOM_NUMBERS = """
from numba import njit

from best_sim.engine.linking import Whole
from best_sim.engine.lowering import cells_at
from best_sim.engine.philox import uniform_at as generate


def compiled(signature):
    return njit(signature, pipeline_class=Whole, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@compiled("float64(int64, int64, int64, int64, int64, int64)")
def uniform_at(seed, replicate, stream, number, purpose, count):
    return generate(seed, replicate, stream, number, purpose, count)


@compiled("int64(int64, int64, int64, int64, int64, int64, int64, int64)")
def fill_uniforms(seed, replicate, streams, numbers, purpose, count, n, out):
    streams, numbers, out = integers(streams, n), integers(numbers, n), floats(out, n)
    for i in range(n):
        out[i] = generate(seed, replicate, streams[i], numbers[i], purpose, count)
    return 0
"""
"""Functions that draw, in numba's calling convention; `integers` and `floats` are put into their module before."""

# What numba calls with its own convention, in C's.
_DRAWING = """
declare i32 @called_uniform_at(ptr, ptr, i64, i64, i64, i64, i64, i64)
declare i32 @called_fill_uniforms(ptr, ptr, i64, i64, i64, i64, i64, i64, i64, i64)

define double @best_sim_uniform_at(i64 %a, i64 %b, i64 %c, i64 %d, i64 %e, i64 %f) {
  %r = alloca double
  %x = alloca ptr
  call i32 @called_uniform_at(ptr %r, ptr %x, i64 %a, i64 %b, i64 %c, i64 %d, i64 %e, i64 %f)
  %drawn = load double, ptr %r
  ret double %drawn
}

define void @best_sim_fill_uniforms(i64 %a, i64 %b, i64 %c, i64 %d, i64 %e, i64 %f, i64 %g, i64 %h) {
  %r = alloca i64
  %x = alloca ptr
  call i32 @called_fill_uniforms(ptr %r, ptr %x, i64 %a, i64 %b, i64 %c, i64 %d, i64 %e, i64 %f, i64 %g, i64 %h)
  ret void
}
"""

# The plainest x86-64 has no instruction for these, and LLVM would call the C library's.
_WHOLE_NUMBERS = """
declare double @llvm.fabs.f64(double)
declare double @llvm.copysign.f64(double, double)

define double @best_sim_floor(double %x) {
  %size = call double @llvm.fabs.f64(double %x)
  %small = fcmp olt double %size, 0x4330000000000000 ; 2 ** 52, from where on all doubles are whole
  %kept = select i1 %small, double %x, double 0.0
  %whole = fptosi double %kept to i64
  %near = sitofp i64 %whole to double
  %above = fcmp ogt double %near, %kept
  %less = fsub double %near, 1.0
  %floor = select i1 %above, double %less, double %near
  %signed = call double @llvm.copysign.f64(double %floor, double %x)
  %result = select i1 %small, double %signed, double %x
  ret double %result
}

define double @best_sim_ceil(double %x) {
  %minus = fneg double %x
  %floor = call double @best_sim_floor(double %minus)
  %result = fneg double %floor
  ret double %result
}
"""


SETTINGS = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "PYTHONHASHSEED": "0"}
"""Environment of a process that ships: numba compiles for any processor, and to the same bytes each time."""


# The product of 64-bit numbers in 128 bits, which WebAssembly has no instruction for: r = a * b.
_PRODUCT = """
define void @__multi3(ptr %r, i64 %a, i64 %a_high, i64 %b, i64 %b_high) {
  %a0 = and i64 %a, 4294967295
  %a1 = lshr i64 %a, 32
  %b0 = and i64 %b, 4294967295
  %b1 = lshr i64 %b, 32
  %p00 = mul i64 %a0, %b0
  %p01 = mul i64 %a0, %b1
  %p10 = mul i64 %a1, %b0
  %p11 = mul i64 %a1, %b1
  %carried = lshr i64 %p00, 32
  %middle = add i64 %p01, %carried
  %middle_low = and i64 %middle, 4294967295
  %middle_high = lshr i64 %middle, 32
  %other = add i64 %p10, %middle_low
  %other_high = lshr i64 %other, 32
  %low = mul i64 %a, %b
  %h1 = add i64 %p11, %middle_high
  %h2 = add i64 %h1, %other_high
  %cross = mul i64 %a, %b_high
  %cross_high = mul i64 %a_high, %b
  %h3 = add i64 %h2, %cross
  %high = add i64 %h3, %cross_high
  store i64 %low, ptr %r
  %above = getelementptr i8, ptr %r, i64 8
  store i64 %high, ptr %above
  ret void
}
"""


class ShippingError(RuntimeError):
    """A library cannot be made here; the message says what is missing."""


# --- the intermediate code ----------------------------------------------------------------------------------


def intermediate_code(model: Model) -> list[str]:
    """LLVM's intermediate code of a model's kernel, and of what draws random numbers, for a linker to put together.

    Raises
    ------
    ShippingError
        If this process was not started with `SETTINGS`.
    """
    if any(os.environ.get(name) != value for name, value in SETTINGS.items()):
        raise ShippingError(f"this process was not started with {SETTINGS}")
    with tempfile.TemporaryDirectory() as scratch:
        kernel = compiled_driver.load_kernel(model, Path(scratch), "shipped_kernel", keep=False)
    from best_sim.engine.lowering import cells_at

    drawing: dict[str, Any] = {"integers": cells_at(np.dtype("i8")), "floats": cells_at(np.dtype("f8"))}
    exec(RANDOM_NUMBERS, drawing)
    return [
        _code_of(kernel, "best_sim_kernel"),
        _code_of(drawing["uniform_at"], "called_uniform_at"),
        _code_of(drawing["fill_uniforms"], "called_fill_uniforms"),
    ]


def _code_of(function: Any, name: str) -> str:
    """The code of one compiled function under another name; all else in it is its own."""
    (signature,) = function.signatures
    compiled = function.overloads[signature]
    code: str = compiled.library.get_llvm_str().replace(compiled.fndesc.mangled_name, name)
    code = re.sub(r"^(@.* = )common local_unnamed_addr", r"\1internal", code, flags=re.MULTILINE)
    # numba calls the C library's square root, which every processor has itself
    return code.replace("@sqrt(", "@llvm.sqrt.f64(")


def object_code(parts: Sequence[str], triple: str, *, features: str = "", reloc: str = "pic") -> bytes:
    """Machine code of intermediate code, for the plainest processor of a kind; what is not exported is its own.

    Parameters
    ----------
    parts : sequence of str
    triple : str
        LLVM's name of the processor, the system and the form of the object code.
    features : str
        What the processor has beyond the plainest.
    reloc : str
        How it refers to itself: "pic" may be loaded anywhere, "static" not.
    """
    from llvmlite import binding

    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    machine = binding.Target.from_triple(triple).create_target_machine(
        cpu="generic", features=features, opt=3, reloc=reloc, codemodel="small"
    )
    header = f'target triple = "{triple}"\ntarget datalayout = "{machine.target_data}"\n'
    modules = [
        binding.parse_assembly(header + re.sub(r"^target .*$", "", part, flags=re.MULTILINE))
        for part in parts
    ]
    for other in modules[1:]:
        modules[0].link_in(other)
    for one in (*modules[0].functions, *modules[0].global_variables):
        if not one.is_declaration and one.name not in (*EXPORTED, "__multi3"):
            one.linkage = "internal"
    modules[0].verify()
    return bytes(machine.emit_object(modules[0]))


# --- linking ------------------------------------------------------------------------------------------------


def linker(names: Sequence[str]) -> list[str]:
    """The command that links: the first of these programs that is there, or the one in the package `ziglang`.

    Raises
    ------
    ShippingError
        If there is none.
    """
    for name in names:
        if found := shutil.which(name):
            return [found]
    if find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", names[0]]
    raise ShippingError(f"no linker: neither {' nor '.join(names)} nor the package ziglang is installed")


def link(code: bytes, command: Sequence[str], out: Path) -> None:
    """Link object code.

    Raises
    ------
    ShippingError
        If the linker fails; the message holds its reason.
    """
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, f"{NAME}.o")
        file.write_bytes(code)
        done = subprocess.run(
            [*command, str(file), "-o", str(out)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise ShippingError(f"{command[0]} cannot link: {done.stderr.strip()}")


def make_native(model: Model, folder: Path) -> Description:
    """Make a model's native library for this machine.

    Parameters
    ----------
    model : Model
    folder : Path
        Where the library and its description go; made if need be.

    Returns
    -------
    Description

    Raises
    ------
    ShippingError
        If it cannot be made here.
    """
    from llvmlite import binding

    if not sys.platform.startswith("linux"):
        raise ShippingError(
            f"native libraries are made on Linux, not on {sys.platform}: elsewhere numba compiles"
        )
    triple = binding.get_default_triple()
    kernel, *drawing = intermediate_code(model)
    for name in ("floor", "ceil"):
        kernel = kernel.replace(f"@llvm.{name}.f64(", f"@best_sim_{name}(")
    code = object_code([kernel, *drawing, _DRAWING, _WHOLE_NUMBERS], triple)
    modules = compiled_driver.source_modules(model)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{NAME}.so"
    (folder / DESCRIPTION).unlink(
        missing_ok=True
    )  # so that none is of another file, whatever happens meanwhile
    link(code, [*linker(LINKERS), "-shared", "--strip-all"], file)
    about = Description(
        file=file.name,
        key=compiled_driver.source_key(model, modules),
        modules=tuple(module.__name__ for module in modules),
        generator=generator_key(),
        machine=this_machine(),
        content=digest(file.read_bytes()),
    )
    about.write(folder)
    return about


# --- WebAssembly --------------------------------------------------------------------------------------------


def make_wasm(model: Model, folder: Path) -> None:
    """Make a model's kernel as a WebAssembly module, and a table of what is where in its records.

    The module takes nothing from outside. It exports its memory, its functions (`EXPORTED`) and `__heap_base`, from
    where on the memory is free for records. A page lays a state out as `best_sim.engine.compiled_driver` does, and
    calls the kernel. Addresses have 32 bits, so that it runs in every browser; records hold them in 64.

    Parameters
    ----------
    model : Model
    folder : Path
        Where the module and the table go; made if need be.

    Raises
    ------
    ShippingError
        If it cannot be made here.
    """
    code = object_code(
        [*intermediate_code(model), _DRAWING, _PRODUCT],
        "wasm32-unknown-unknown",
        features="+bulk-memory,+nontrapping-fptoint,+sign-ext",
        reloc="static",
    )
    folder.mkdir(parents=True, exist_ok=True)
    exported = [f"--export={name}" for name in (*EXPORTED, "__heap_base")]
    options = ["--no-entry", "--strip-all", "-z", "stack-size=262144"]
    link(code, [*linker(["wasm-ld"]), *options, *exported], folder / f"{NAME}.wasm")
    table = json.dumps(layouts_of(model), indent=1) + "\n"
    (folder / "layouts.json").write_text(table, encoding="utf-8")


def layouts_of(model: Model) -> dict[str, Any]:
    """What is where in the records that a kernel works on, and the numbers that its driver has to know.

    Returns
    -------
    dict
        Ready for JSON. A field is told by its offset in bytes, its type as numpy has it (``f8``; ``address`` of what
        points to other memory; the fields of a record within) and, of arrays, its shape.
    """
    hidden = {name for table in model.tables for name in row_fields(table)[:1]} | {"_loop"}
    records = {"loop": LOOP, "kind": KIND, "resource": RESOURCE, "slot": SLOT, "node": NODE}
    records |= {"event": EVENT, "start": STARTING}
    return {
        "key": compiled_driver.source_key(model),
        "kernel": {"measuring": 1, "driving": 0},
        "stops": {"done": DONE, "log full": LOG_FULL, "paused": PAUSED, "faulty": FAULTY},
        "room": compiled_driver.ROOM,
        "processes": [{"name": kind.name, "table": kind.table} for kind in model.processes],
        "records": {name: _layout(dtype, ADDRESSES.get(name, ())) for name, dtype in records.items()},
        "world": _layout(model.world, hidden),
        "tables": {name: _layout(dtype) for name, dtype in model.tables.items()},
    }


def _layout(dtype: np.dtype[Any], addresses: Collection[str] = ()) -> dict[str, Any]:
    fields = {}
    for name in dtype.names or ():
        within, offset = dtype.fields[name][:2]  # type: ignore[index]
        of, shape = within.subdtype or (within, ())
        told = {"offset": offset, "type": "address" if name in addresses else of.str[1:]}
        if of.names:
            told["type"] = _layout(of)
        if shape:
            told["shape"] = list(shape)
        fields[name] = told
    return {"size": dtype.itemsize, "fields": fields}
