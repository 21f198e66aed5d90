"""What of the package is reached from where it is used, by the names that its source refers to.

It is used by its commands, by what `best_sim` makes public, by the Python in the documents and what makes them, by the
benchmarks and by what ships it. From there the names in each definition are followed to the definitions that they stand
for, one module after another. A name behind a dot whose owner is not known, or in quotes, may be any method of that
name. So what is said to be unreached is; something that is said to be reached may not be.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

QUIET = {"dataclass", "cache", "lru_cache", "contextmanager", "runtime_checkable"}
"""Decorators that make nothing known elsewhere; any other may register what it decorates."""
USUAL = {"property", "cached_property", "classmethod", "staticmethod"}
"""Decorators of methods that are called by their name alone; any other may be called by somebody else."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Name(NamedTuple):
    """A definition, by its module and its name there (`Class.method` of a method); a module itself if empty."""

    module: str
    name: str


@dataclass
class Module:
    """What one module defines and imports.

    Attributes
    ----------
    name : str
        With dots; of a file outside the package, where it is.
    definitions : dict of str to ast.AST
        Functions, classes, methods and constants, by name.
    imports : dict of str to list of Name
        What each imported name may stand for; a name may be imported twice, in two functions.
    loose : list of ast.AST
        Statements that run when the module is imported and define nothing.
    """

    name: str
    tree: ast.Module
    definitions: dict[str, ast.AST] = field(default_factory=dict)
    imports: dict[str, list[Name]] = field(default_factory=lambda: defaultdict(list))
    loose: list[ast.AST] = field(default_factory=list)

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for one in node.names:
                    whole = one.name if one.asname else one.name.split(".")[0]
                    self.imports[one.asname or whole].append(Name(whole, ""))
            elif isinstance(node, ast.ImportFrom) and node.module:
                for one in node.names:
                    self.imports[one.asname or one.name].append(Name(node.module, one.name))
        self._define(self.tree.body)

    def _define(self, body: Iterable[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, Function):
                self.definitions[node.name] = node
            elif isinstance(node, ast.ClassDef):
                self.definitions[node.name] = node
                methods = (sub for sub in node.body if isinstance(sub, Function))
                self.definitions |= {f"{node.name}.{sub.name}": sub for sub in methods}
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
                if names != ["__all__"]:
                    self.definitions |= dict.fromkeys(names, node)
                    self.loose += [] if names else [node]
            elif isinstance(node, ast.If):
                self._define([*node.body, *node.orelse])
            elif not isinstance(node, ast.Import | ast.ImportFrom):
                self.loose.append(node)


class Reached:
    """The definitions of a package that are reached.

    Parameters
    ----------
    root : Path
        Of the repository.
    package : str
    public : dict of str to str
        Names that the package makes public, each with the module it is from.
    """

    def __init__(self, root: Path, package: str, public: dict[str, str]) -> None:
        self.modules: dict[str, Module] = {}
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            self.modules[name] = Module(name, ast.parse(path.read_text(encoding="utf-8")))
        self.package, self.public = package, public
        self.definitions: set[Name] = set()
        self.loaded: set[str] = set()
        self._called: set[str] = set()
        self._todo: list[tuple[Module, ast.AST]] = []
        self._begin(root)
        while self._todo:
            self._read(*self._todo.pop())

    @property
    def missing(self) -> dict[str, int]:
        """Lines of every definition, or whole module, that is not reached, by its name with dots."""
        out = {}
        for module in self.modules.values():
            if module.name not in self.loaded and module.definitions:
                out[module.name] = max(getattr(node, "end_lineno", 0) for node in module.tree.body)
                continue
            for name, node in module.definitions.items():
                owner = Name(module.name, name.split(".")[0])
                alone = (
                    owner.name == name or owner in self.definitions
                )  # else its class is missing, and that is said
                if Name(module.name, name) not in self.definitions and alone and not _are_codes(node):
                    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
                    out[f"{module.name}.{name}"] = node.end_lineno - first + 1
        return out

    # --- where it begins ------------------------------------------------------------------------------------
    def _begin(self, root: Path) -> None:
        self._called.update(("__getattr__", "__dir__"))
        for module in self.modules.values():
            if module.name == self.package or re.match(rf"{self.package}\.(cli|__main__)\b", module.name):
                self._load(module.name)
                for name, node in module.definitions.items():
                    if (
                        module.name == self.package
                        or not isinstance(node, Function | ast.ClassDef)
                        or name == "main"
                    ):
                        self._reach(Name(module.name, name))
        for name, module in self.public.items():
            for found in self._resolve(module, name):
                self._reach(found)
                methods = self.modules[found.module].definitions if found.name else {}
                for method in methods:
                    if method.startswith(f"{found.name}.") and not method.startswith(f"{found.name}._"):
                        self._reach(Name(found.module, method))
        for folder in ("benchmarks", "docs", "shipping"):
            for path in (root / folder).rglob("*.py"):
                self._use(Module(str(path), ast.parse(path.read_text(encoding="utf-8"))))
        for path in [root / "README.md", root / "CONTRIBUTING.md", *(root / "docs").rglob("*.md")]:
            for block in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.S):
                self._use(Module(str(path), ast.parse(block)))

    def _use(self, outside: Module) -> None:
        self._todo.append((outside, outside.tree))
        for name in outside.imports:
            for found in self._stands_for(outside, name):
                self._reach(found)

    # --- what a name stands for -----------------------------------------------------------------------------
    def _load(self, name: str) -> None:
        """A module is imported, and those it lies in: its loose statements run, its decorators register."""
        if name not in self.modules or name in self.loaded:
            return
        self.loaded.add(name)
        self._load(name.rpartition(".")[0])
        module = self.modules[name]
        self._todo += [(module, node) for node in module.loose]
        for defined, node in module.definitions.items():
            if defined == "__getattr__" or ("." not in defined and set(_decorators(node)) - QUIET):
                self._reach(Name(name, defined))

    def _resolve(self, module: str, name: str, seen: tuple[Name, ...] = ()) -> list[Name]:
        """Definitions and modules that a name of a module may stand for."""
        here = Name(module, name)
        if module not in self.modules or here in seen:
            return []
        self._load(module)
        if name in self.modules[module].definitions:
            return [here]
        if module == self.package and name in self.public:
            return self._resolve(self.public[name], name)
        if f"{module}.{name}" in self.modules:
            self._load(f"{module}.{name}")
            return [Name(f"{module}.{name}", "")]
        imported = self.modules[module].imports.get(name, [])
        return [found for one in imported for found in self._imported(one, (*seen, here))]

    def _imported(self, one: Name, seen: tuple[Name, ...] = ()) -> list[Name]:
        self._load(one.module)
        return self._resolve(*one, seen) if one.name or one.module not in self.modules else [one]

    def _stands_for(self, module: Module, name: str) -> list[Name]:
        if module.name in self.modules:
            own = [Name(module.name, name)] if name in module.definitions else []
            return own + [f for one in module.imports.get(name, ()) for f in self._imported(one)]
        return [found for one in module.imports.get(name, ()) for found in self._imported(one)]

    # --- from one definition to the next --------------------------------------------------------------------
    @cached_property
    def _methods(self) -> dict[str, list[tuple[Name, Name]]]:
        """Methods by their own name, each with its class."""
        out = defaultdict(list)
        for module in self.modules.values():
            for name in module.definitions:
                if "." in name:
                    owner, method = name.split(".")
                    out[method].append((Name(module.name, owner), Name(module.name, name)))
        return out

    def _reach(self, found: Name) -> None:
        if not found.name or found in self.definitions:
            return
        self.definitions.add(found)
        self._load(found.module)
        module = self.modules[found.module]
        node = module.definitions[found.name]
        if not isinstance(node, ast.ClassDef):
            self._todo.append((module, node))
            return
        parts = [sub for sub in node.body if not isinstance(sub, Function)]
        bases = [*node.bases, *(keyword.value for keyword in node.keywords)]
        overloads = [sub for sub in node.body if isinstance(sub, Function) and "overload" in _decorators(sub)]
        self._todo += [(module, part) for part in (*parts, *bases, *overloads, *node.decorator_list)]
        foreign = any(not self._stands_for(module, _first(base)) for base in node.bases)
        for sub in node.body:
            if isinstance(sub, Function) and (
                foreign
                or sub.name in self._called
                or sub.name.startswith("__")
                or set(_decorators(sub)) - USUAL
            ):
                self._reach(Name(found.module, f"{found.name}.{sub.name}"))

    def _call(self, method: str) -> None:
        if method not in self._called:
            self._called.add(method)
            for owner, name in self._methods.get(method, ()):
                if owner in self.definitions:
                    self._reach(name)

    def _read(self, module: Module, root: ast.AST) -> None:
        for node in ast.walk(root):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                self._follow(module, node.id, ())
            elif isinstance(node, ast.Attribute):
                *rest, first = _chain(node)
                self._follow(module, first, rest[::-1])
            elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                self._made_up(module, str(node.values[0].value))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                self._quoted(module, node.value)

    def _follow(self, module: Module, first: str, rest: Iterable[str]) -> None:
        """A name, and what is behind its dots."""
        todo = [(found, list(rest)) for found in (self._stands_for(module, first) if first else ())]
        while todo:
            found, behind = todo.pop()
            self._reach(found)
            if not found.name and behind:
                todo += [(deeper, behind[1:]) for deeper in self._resolve(found.module, behind[0])]
        for name in rest:
            self._call(name)

    def _made_up(self, module: Module, begins: str) -> None:
        """A name that is put together, `f"_{name}"`: any method of this module that begins so."""
        if re.fullmatch(r"_\w*|\w+_", begins):
            for name in module.definitions:
                if "." in name and name.split(".")[1].startswith(begins):
                    self._call(name.split(".")[1])

    def _quoted(self, module: Module, text: str) -> None:
        """What a text may name: an attribute, a module, what is in a module, an import, a type."""
        if text.isidentifier():
            self._call(text)
        for where, names in re.findall(rf"^from ({self.package}[.\w]*) import ([\w, ]+)$", text, re.M):
            for name in names.split(", "):
                for found in self._resolve(where, name):
                    self._reach(found)
        if re.fullmatch(rf"{self.package}(\.\w+)+", text):
            self._load(text)
        if at := re.fullmatch(r"([\w.]+):(\w+)", text):
            inside = module.name.rpartition(".")[0]
            for found in (*self._resolve(at[1], at[2]), *self._resolve(f"{inside}.{at[1]}", at[2])):
                self._reach(found)
        if len(text) < 200 and re.fullmatch(r"[\w.]+(\[[\w\[\], .|]+\])?( \| .+)?", text):
            for name in re.findall(r"[A-Z]\w*", text):
                for found in self._stands_for(module, name):
                    self._reach(found)


def _are_codes(node: ast.AST) -> bool:
    """Whether it numbers several words at once: a vocabulary, of which rules may use some."""
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple)


def _decorators(node: ast.AST) -> Iterator[str]:
    for one in getattr(node, "decorator_list", ()):
        yield _chain(one.func if isinstance(one, ast.Call) else one)[0]


def _chain(node: ast.AST) -> list[str]:
    """Names of a dotted expression, the last first; an empty first name where it begins with something else."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [*names, node.id if isinstance(node, ast.Name) else ""]


def _first(node: ast.AST) -> str:
    return _chain(node.value if isinstance(node, ast.Subscript) else node)[-1]
