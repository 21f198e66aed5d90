"""A kernel that was compiled before: loaded from a shared library, without numba.

`best_sim.engine.shipping` makes the library, and beside it a description that says what it is of and for which machine.
A library is used if it is of the very source that runs, of this machine, and undamaged. One of another source is
passed over without a word, for that is so whenever somebody changes a rule; one that is damaged, or of another machine,
is told of.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import pickle
import platform
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

NAME = "kernel"
DESCRIPTION = f"{NAME}.json"


def shipped_folder() -> Path | None:
    """Folder with the library: `$BEST_SIM_NATIVE` (none if it is empty), or the package's own."""
    chosen = os.environ.get("BEST_SIM_NATIVE")
    if chosen is None:
        return Path(__file__).parents[1] / "_native"
    return Path(chosen) if chosen else None


def this_machine() -> str:
    """System and processor, as a library has to be of; within one kind of processor it needs no more than all have."""
    return f"{platform.system()} {platform.machine()}".lower()


def digest(content: bytes) -> str:
    """What a library's content is known by."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def generator_key() -> str:
    """Digest of the source of the random numbers, which do not depend on the model."""
    return digest((Path(__file__).parent / "philox.py").read_bytes())


@dataclass(frozen=True)
class Description:
    """What a library is.

    Parameters
    ----------
    file : str
        Its name; it lies beside the description.
    key : str
        Of the source that it was compiled from: `best_sim.engine.compiled_driver.source_key`.
    modules : tuple of str
        The model's modules that are in the key.
    generator : str
        See `generator_key`.
    machine : str
        See `this_machine`.
    content : str
        Digest of the file.
    """

    file: str
    key: str
    modules: tuple[str, ...]
    generator: str
    machine: str
    content: str

    def write(self, folder: Path) -> None:
        """Write it to a folder."""
        text = json.dumps(asdict(self), indent=2) + "\n"
        (folder / DESCRIPTION).write_text(text, encoding="utf-8")


class DamagedLibraryError(Exception):
    """A library is not what its description says, or has no description that can be read."""


@dataclass(frozen=True)
class NativeLibrary:
    """A library, loaded.

    Attributes
    ----------
    about : Description
    kernel : callable
        ``kernel(address, measuring)``, as numba would have compiled it; it raises what rules raise.
    uniform_at, uniforms_at : callable
        As `best_sim.engine.philox` has them.
    """

    about: Description
    kernel: Callable[[int, int], int]
    uniform_at: Callable[..., float]
    uniforms_at: Callable[..., np.ndarray[Any, Any]]


@cache
def shipped_library() -> NativeLibrary | None:
    """The library in the package, if there is one and it is of this machine; one warning where it cannot be used."""
    folder = shipped_folder()
    if folder is None or not (folder / DESCRIPTION).exists():
        return None
    try:
        return _load(folder)
    except (DamagedLibraryError, OSError, AttributeError) as error:
        warnings.warn(
            f"The native library in {folder} is not used: {error}. The same results come from numba, which compiles "
            "once, or from SimPy.",
            RuntimeWarning,
            stacklevel=2,
        )
        os.environ["BEST_SIM_NATIVE"] = ""  # nor in processes that begin from here, so that it is said once
        return None


def _load(folder: Path) -> NativeLibrary:
    try:
        about = Description(**json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")))
        if not all(isinstance(name, str) for name in about.modules):
            raise DamagedLibraryError(f"{DESCRIPTION} is damaged")
        if about.machine != this_machine():
            raise DamagedLibraryError(f"it is for {about.machine}, and this is {this_machine()}")
        file = folder / about.file
        if digest(file.read_bytes()) != about.content:
            raise DamagedLibraryError(f"{about.file} is damaged")
    except (TypeError, ValueError) as error:
        raise DamagedLibraryError(f"{DESCRIPTION} is damaged") from error
    library = ctypes.CDLL(str(file))
    uniform_at = library.best_sim_uniform_at
    uniform_at.restype, uniform_at.argtypes = ctypes.c_double, [ctypes.c_int64] * 6
    fill_uniforms = library.best_sim_fill_uniforms
    fill_uniforms.restype, fill_uniforms.argtypes = None, [ctypes.c_int64] * 8

    def uniforms_at(seed: int, replicate: int, streams: Any, numbers: Any, purpose: int, count: int) -> Any:
        streams, numbers = (np.ascontiguousarray(each, np.int64) for each in (streams, numbers))
        drawn = np.empty(len(numbers))
        at_streams, at_numbers, at_drawn = (each.ctypes.data for each in (streams, numbers, drawn))
        fill_uniforms(seed, replicate, at_streams, at_numbers, purpose, count, len(drawn), at_drawn)
        return drawn

    return NativeLibrary(about, _Kernel(library.best_sim_kernel), uniform_at, uniforms_at)


class _Failure(ctypes.Structure):
    """What numba leaves of an exception that compiled code raises."""

    _fields_ = (
        ("pickled", ctypes.c_void_p),
        ("size", ctypes.c_int32),
        ("sha1", ctypes.c_void_p),
        ("unwrap", ctypes.c_void_p),
        ("dynamic", ctypes.c_int32),
    )


class _Kernel:
    """A kernel in numba's calling convention: a status, and by reference the result or the exception."""

    def __init__(self, function: Any) -> None:
        function.restype = ctypes.c_int32
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
        self._function = function

    def __call__(self, address: int, measuring: int) -> int:
        result, failure = ctypes.c_int64(), ctypes.POINTER(_Failure)()
        if self._function(ctypes.byref(result), ctypes.byref(failure), address, measuring) == 0:
            return result.value
        told = failure.contents  # within the library, whose digest is right
        kind, given, *_ = pickle.loads(ctypes.string_at(told.pickled, told.size))
        raise kind(*given)
