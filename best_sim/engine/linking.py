"""How the functions of a kernel are compiled: all of them into one piece, which is optimised once.

numba makes machine code of every function that it compiles, and of all that the function calls within it. Of a kernel
only the whole is ever called. So its functions go no further than LLVM's intermediate code (`Piece`), and the kernel
(`Whole`) takes them in, each once; then it is optimised as numba does it. That halves what compiling costs.

These are numba's own means, a pipeline of passes and a library of code, with one pass and two libraries changed.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.typed_passes import NativeLowering


class _PieceLibrary(JITCodeLibrary):
    """The code of a function that is called by other compiled ones alone."""

    @property
    def codegen(self) -> Any:
        # asked for in order to tell machine code of its environment in Python: here is none
        return SimpleNamespace(set_env=lambda name, environment: None)

    def finalize(self) -> None:
        self._raise_if_finalized()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        return 0

    def _get_module_for_linking(self) -> Any:
        # for what takes in one library at a time, as numba's own do: with all that is called
        whole = self.own_module().clone()
        for library in _called([self])[1:]:
            whole.link_in(_own_module(library), preserve=True)
        return whole

    def own_module(self) -> Any:
        """The function without what it calls."""
        return super()._get_module_for_linking()


class _WholeLibrary(JITCodeLibrary):
    """The code of a kernel, with all that it calls."""

    def finalize(self) -> None:
        for library in _called(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(_own_module(library), preserve=True)
        self._linking_libraries = []
        super().finalize()


def _own_module(library: Any) -> Any:
    return library.own_module() if isinstance(library, _PieceLibrary) else library._get_module_for_linking()


def _called(libraries: list[Any]) -> list[Any]:
    """Libraries and all that they call, each once and before what it calls.

    LLVM takes from a library what was asked for so far; so what asks comes first.
    """
    behind: dict[Any, None] = {}

    def add(library: Any) -> None:
        if library not in behind:
            for one in library._linking_libraries if isinstance(library, _PieceLibrary) else ():
                add(one)
            behind[library] = None

    for library in libraries:
        add(library)
    return list(reversed(behind))


class _Lowering(NativeLowering):
    library: type[JITCodeLibrary]

    def run_pass(self, state: Any) -> bool:
        state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return super().run_pass(state)


@register_pass(mutates_CFG=True, analysis_only=False)
class _PieceLowering(_Lowering):
    _name: Any = "lowering_of_a_piece"
    library = _PieceLibrary


@register_pass(mutates_CFG=True, analysis_only=False)
class _WholeLowering(_Lowering):
    _name: Any = "lowering_of_the_whole"
    library = _WholeLibrary


class _Compiler(CompilerBase):
    lowering: type[_Lowering]

    def define_pipelines(self) -> list[PassManager]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        changed = PassManager("kernel")
        for one, words in passes.passes:
            changed.add_pass(self.lowering if one is NativeLowering else one, words)
        changed.finalize()
        return [changed]


class Piece(_Compiler):
    """Compiles a function that only other compiled ones call: ``njit(pipeline_class=Piece)``."""

    lowering = _PieceLowering


class Whole(_Compiler):
    """Compiles a kernel, of functions that are each a `Piece`."""

    lowering = _WholeLowering
