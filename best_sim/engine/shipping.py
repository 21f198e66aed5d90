"""Makes a compiled model ready to ship: a library that needs no numba (`best_sim.engine.native`).

numba compiles the kernel to LLVM's intermediate code, which says nothing of the machine but the width of its pointers.
From this LLVM makes object code for the plainest processor of a kind, and a linker the library. The kernel's own
routines travel within (`best_sim.engine.maths`), so nothing is called from outside but `memset`.

It is to be done in a process that was started with `SETTINGS`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from best_sim.engine import compiled_driver
from best_sim.engine.model import Model
from best_sim.engine.native import NAME, Description, digest, generator_key, this_machine

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
        cpu="generic", features=features, opt=3, reloc=reloc
    )
    header = f'target triple = "{triple}"\ntarget datalayout = "{machine.target_data}"\n'
    modules = [
        binding.parse_assembly(header + re.sub(r"^target .*$", "", part, flags=re.MULTILINE))
        for part in parts
    ]
    for other in modules[1:]:
        modules[0].link_in(other)
    for one in (*modules[0].functions, *modules[0].global_variables):
        if not one.is_declaration and one.name not in EXPORTED:
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
