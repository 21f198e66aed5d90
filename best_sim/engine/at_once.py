"""Compiled processes carry out by themselves the commands that let no time pass.

A process yields every command; to leave a generator and come back costs more than most commands do. So before a
process function is compiled, each statement `yield record(...)`, and likewise of the other commands below, becomes

    _command = record(...)
    if not record_at_once(world, _command):
        yield _command

The functions that do so are in `best_sim.engine.kernel`; where one declines (the command is faulty, the event record is
full), the command goes to the loop as before. What happens, and in which order, is the same: between such a command and
the next statement of the process nothing else happens. The functions that people write, and SimPy runs, stay as they
are.
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
    """Rewrites the statements of one process function that yield a command to be done at once."""

    def __init__(self, world: str, known: dict[str, Any]) -> None:
        self.world, self.known = world, known
        self.used: dict[str, Any] = {}

    def visit_Expr(self, node: ast.Expr) -> Any:
        match node.value:
            case ast.Yield(value=ast.Call(func=ast.Name(id=name)) as call):
                does = _AT_ONCE.get(self.known.get(name))
            case _:
                return node
        if does is None:
            return node
        self.used[f"_{does.__name__}"] = does
        statements = ast.parse(
            f"{_COMMAND} = 0\nif not _{does.__name__}({self.world}, {_COMMAND}):\n    yield {_COMMAND}"
        ).body
        assert isinstance(statements[0], ast.Assign)
        statements[0].value = call
        for statement in statements:
            for part in ast.walk(statement):
                if part is call:
                    continue
                ast.copy_location(part, node)
        return statements


def at_once(process: Callable[..., Any]) -> Callable[..., Any]:
    """A process function that carries out by itself what lets no time pass, to be compiled.

    Parameters
    ----------
    process : generator function
        ``process(me, world)``.

    Returns
    -------
    generator function
        The same function where its source cannot be had, or it is not a function at the top of a module.
    """
    if process.__closure__:
        return process
    try:
        source = textwrap.dedent(inspect.getsource(process))
        tree = ast.parse(source)
    except (OSError, SyntaxError):
        return process
    match tree.body:
        case [ast.FunctionDef(decorator_list=[]) as function] if len(function.args.args) == 2:
            pass
        case _:
            return process
    rewriting = _Rewriting(function.args.args[1].arg, process.__globals__)
    rewriting.visit(function)
    ast.increment_lineno(tree, process.__code__.co_firstlineno - 1)
    names = {**process.__globals__, **rewriting.used}
    exec(compile(tree, process.__code__.co_filename, "exec"), names)
    return names[process.__name__]
