"""Compiled processes carry out by themselves the commands that let no time pass.

A process yields every command; to leave a generator and come back costs more than most commands do. So before a
process function is compiled, each statement `yield record(...)`, and likewise of the other commands below, becomes

    _command = record(...)
    if not record_at_once(world, _command):
        yield ask(world, _command)

The functions that do so are in `best_sim.engine.kernel`. Where one declines (the command is faulty, the event record is
full), the command goes to the loop as before. Every other yield becomes `yield ask(world, ...)`, which leaves the
command where the loop finds it, so that no tuple has to be kept and handed on.

What happens, and in which order, is the same: between such a command and the next statement of the process nothing else
happens. The functions that people write, and SimPy runs, stay as they are.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from best_sim.engine import commands, kernel

_AT_ONCE: dict[Any, Callable[..., Any]] = {
    commands.record: kernel.record_at_once,
    commands.signal: kernel.signal_at_once,
    commands.start: kernel.start_at_once,
    commands.release: kernel.release_at_once,
    commands.book: kernel.book_at_once,
    commands.load: kernel.load_at_once,
}
_COMMAND = "_command"


class _Rewriting(ast.NodeTransformer):
    """Rewrites the yields of one process function."""

    def __init__(self, world: str, known: dict[str, Any]) -> None:
        self.world, self.known = world, known
        self.used: dict[str, Any] = {"_ask": kernel.ask}

    def visit_Expr(self, node: ast.Expr) -> Any:
        match node.value:
            case ast.Yield(value=ast.Call(func=ast.Name(id=name)) as call) if (
                self.known.get(name) in _AT_ONCE
            ):
                does = _AT_ONCE[self.known[name]]
            case _:
                return self.generic_visit(node)
        self.used[f"_{does.__name__}"] = does
        statements = ast.parse(
            f"{_COMMAND} = 0\n"
            f"if not _{does.__name__}({self.world}, {_COMMAND}):\n"
            f"    yield _ask({self.world}, {_COMMAND})"
        ).body
        for statement in statements:
            for part in ast.walk(statement):
                ast.copy_location(part, node)
        assert isinstance(statements[0], ast.Assign)
        statements[0].value = call
        return statements

    def visit_Yield(self, node: ast.Yield) -> Any:
        asking = ast.parse(f"_ask({self.world}, 0)", mode="eval").body
        assert isinstance(asking, ast.Call) and node.value is not None
        for part in ast.walk(asking):
            ast.copy_location(part, node)
        asking.args[1] = node.value
        node.value = asking
        return node


def at_once(process: Callable[..., Any]) -> tuple[Callable[..., Any], bool]:
    """A process function to be compiled: it carries out by itself what lets no time pass, and asks for the rest.

    Parameters
    ----------
    process : generator function
        ``process(me, world)``.

    Returns
    -------
    function : generator function
        The same one where its source cannot be had, or it is not a function at the top of a module.
    asks : bool
        Whether it leaves its commands for the loop (`best_sim.engine.kernel.ask`), rather than yielding them.
    """
    if process.__closure__:
        return process, False
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(process)))
    except (OSError, SyntaxError):
        return process, False
    match tree.body:
        case [ast.FunctionDef(decorator_list=[]) as function] if len(function.args.args) == 2:
            pass
        case _:
            return process, False
    rewriting = _Rewriting(function.args.args[1].arg, process.__globals__)
    rewriting.visit(function)
    ast.increment_lineno(tree, process.__code__.co_firstlineno - 1)
    names = {**process.__globals__, **rewriting.used}
    exec(compile(tree, process.__code__.co_filename, "exec"), names)
    return names[process.__name__], True
