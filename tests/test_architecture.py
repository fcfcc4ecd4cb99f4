"""The rules of the architecture, read from the source: who may import whom, and how long is long.

The table MAY_IMPORT is the picture of the layers; a new package belongs in it before it can be
imported. Layers hold for every import, also those in functions and under TYPE_CHECKING; cycles
are looked for among the imports that run when a module is loaded.
"""

import ast
import graphlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = "tertulia"
SOURCE = Path(__file__).resolve().parent.parent / "src" / PACKAGE

# What a layer may import of ours, besides itself. Anything that is not said is not allowed.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "domain": frozenset(),
    "protocols": frozenset({"domain"}),
    "storage": frozenset({"domain"}),
    "replication": frozenset({"domain"}),
    "client": frozenset({"domain", "protocols.irc", "protocols.announcement"}),
    "server": frozenset({"domain", "protocols", "storage", "replication"}),
    "web": frozenset({"domain", "protocols", "storage", "replication", "server"}),
    "cli": frozenset({"domain", "protocols", "storage", "replication", "client", "server", "web"}),
}
# The package itself holds the version: it imports nothing, and all but the domain may read it.
ROOT = "the package root"
MAY_READ_ROOT = frozenset(MAY_IMPORT) - {"domain"}

# Layers and packages that only compute: no loop, socket, disk, clock, chance, thread or log.
PURE = frozenset({"domain", "protocols", "replication", "client/session"})
IMPURE_MODULES = frozenset(
    {"asyncio", "concurrent", "multiprocessing", "threading", "uvloop"}
    | {"select", "selectors", "signal", "socket", "ssl", "subprocess"}
    | {"apsw", "logging", "os", "sqlite3", "structlog"}
    | {"random", "secrets", "time"}
)

MAX_MODULE_LINES = 600
MAX_FUNCTION_LINES = 60


@dataclass(frozen=True)
class Import:
    """One imported module, by its absolute dotted name."""

    target: str
    line: int
    at_load: bool


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    path: Path
    source: str
    tree: ast.Module
    imports: tuple[Import, ...]

    @property
    def layer(self) -> str:
        return layer_of(self.name)

    def problem(self, line: int, rule: str) -> str:
        return f"{self.path}:{line}: {rule}"


def layer_of(name: str) -> str:
    parts = name.split(".")
    if len(parts) == 1:
        return ROOT
    return "cli" if parts[1] == "__main__" else parts[1]


def read_modules(source: Path) -> dict[str, Module]:
    """Every module under the package folder `source`, by dotted name."""
    paths = {module_name(source, path): path for path in sorted(source.rglob("*.py"))}
    modules = {}
    for name, path in paths.items():
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, filename=str(path))
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        imports = tuple(find_imports(tree, package, paths.keys()))
        modules[name] = Module(name, path.relative_to(source.parent), text, tree, imports)
    return modules


def module_name(source: Path, path: Path) -> str:
    parts = path.relative_to(source.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def find_imports(
    node: ast.AST, package: str, known: Collection[str], at_load: bool = True
) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            for target in imported_names(child, package, known):
                yield Import(target, child.lineno, at_load)
        elif isinstance(child, ast.If) and is_type_checking(child.test):
            body = ast.Module(child.body, type_ignores=[])
            otherwise = ast.Module(child.orelse, type_ignores=[])
            yield from find_imports(body, package, known, at_load=False)
            yield from find_imports(otherwise, package, known, at_load)
        else:
            in_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from find_imports(child, package, known, at_load and not in_function)


def imported_names(
    node: ast.Import | ast.ImportFrom, package: str, known: Collection[str]
) -> Iterator[str]:
    """The modules a statement imports: `from a import b` is a.b where that is a module, else a."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*above, *filter(None, [base])])
    for alias in node.names:
        member = f"{base}.{alias.name}"
        yield member if member in known else base


def is_type_checking(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", None), getattr(test, "attr", None))


def is_ours(target: str) -> bool:
    return target.split(".")[0] == PACKAGE


def may_import(layer: str, target: str) -> bool:
    other = layer_of(target)
    if other == ROOT:
        return layer in MAY_READ_ROOT
    allowed = {layer} | MAY_IMPORT[layer]
    inside = target.removeprefix(f"{PACKAGE}.")
    return other == layer or any(
        inside == name or inside.startswith(f"{name}.") for name in allowed
    )


def is_inside(name: str, package: str) -> bool:
    """Whether the module `name` is the package, or in it; `package` is a path below ours."""
    whole = f"{PACKAGE}.{package.replace('/', '.')}"
    return name == whole or name.startswith(f"{whole}.")


def layer_problems(modules: dict[str, Module]) -> Iterator[str]:
    for module in modules.values():
        if module.layer not in MAY_IMPORT and module.layer != ROOT:
            yield module.problem(1, f"layer: {module.layer!r} is in no layer of MAY_IMPORT")
            continue
        for item in module.imports:
            if not is_ours(item.target):
                continue
            if module.layer == ROOT or not may_import(module.layer, item.target):
                yield module.problem(
                    item.line, f"layer: {module.layer} may not import {item.target}"
                )


def purity_problems(modules: dict[str, Module]) -> Iterator[str]:
    for module in modules.values():
        pure = next((name for name in PURE if is_inside(module.name, name)), None)
        if pure is None:
            continue
        for item in module.imports:
            if item.target.split(".")[0] in IMPURE_MODULES:
                yield module.problem(
                    item.line,
                    f"purity: {pure} only computes, it may not import {item.target}",
                )


def cycle_problems(modules: dict[str, Module]) -> Iterator[str]:
    """At most one cycle, the first that is found: breaking it often breaks the others."""
    graph = {
        name: [item.target for item in module.imports if item.at_load and item.target in modules]
        for name, module in modules.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        # It lists every module before the one that imports it.
        cycle: list[str] = error.args[1][::-1]
        first = modules[cycle[0]]
        line = next(i.line for i in first.imports if i.at_load and i.target == cycle[1])
        yield first.problem(line, "import cycle: " + " -> ".join(cycle))


def size_problems(modules: dict[str, Module]) -> Iterator[str]:
    for module in modules.values():
        lines = len(module.source.splitlines())
        if lines > MAX_MODULE_LINES:
            yield module.problem(lines, f"size: {lines} lines, a file has {MAX_MODULE_LINES}")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    yield module.problem(
                        node.lineno,
                        f"size: {node.name} has {lines} lines, a function {MAX_FUNCTION_LINES}",
                    )


def docstring_problems(modules: dict[str, Module]) -> Iterator[str]:
    for module in modules.values():
        if not ast.get_docstring(module.tree):
            yield module.problem(1, "docstring: the module does not say what it is for")


RULES = [layer_problems, purity_problems, cycle_problems, size_problems, docstring_problems]


@pytest.fixture(scope="module")
def modules() -> dict[str, Module]:
    return read_modules(SOURCE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_source_follows_the_rule(rule, modules):
    assert PACKAGE in modules
    problems = list(rule(modules))
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


# Each rule finds its fault in a made-up tree, says where, and leaves the innocent alone.


@pytest.fixture
def tree(tmp_path):
    """Write {path: text} as the files of a package, and read it."""

    def write(sources: dict[str, str]) -> dict[str, Module]:
        source = tmp_path / PACKAGE
        for name, text in {"__init__.py": "", **sources}.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return read_modules(source)

    return write


UPWARD = [
    ("domain/state.py", "import tertulia.server.loop"),
    ("domain/state.py", "from tertulia.storage import log"),
    ("domain/state.py", "from ..server import loop"),
    ("domain/state.py", "from .. import web"),
    ("domain/state.py", "from tertulia import __version__"),
    ("domain/state.py", "def late():\n    from ..server import loop"),
    ("domain/commands/join.py", "from ...storage.log import Log"),
    ("protocols/irc/render.py", "from tertulia.storage import log"),
    ("storage/log.py", "from tertulia.replication import mesh"),
    ("server/loop.py", "from tertulia.cli import main"),
    ("server/loop.py", "if TYPE_CHECKING:\n    import tertulia.web"),
    ("client/session.py", "from tertulia.protocols.numeric import parse"),
    ("client/session.py", "from tertulia.server import loop"),
    ("__init__.py", "from tertulia.domain import names"),
]


@pytest.mark.parametrize(("path", "text"), UPWARD)
def test_an_upward_import_is_found(tree, path, text):
    sources = {"server/loop.py": "", "storage/log.py": "", "web/__init__.py": ""}
    [problem] = layer_problems(tree({**sources, path: text}))
    line = len(text.splitlines())
    assert problem.startswith(f"{PACKAGE}/{path}:{line}: layer: ")


def test_a_module_outside_the_layers_is_found(tree):
    [problem] = layer_problems(tree({"helpers.py": ""}))
    assert problem.startswith(f"{PACKAGE}/helpers.py:1: layer: 'helpers' is in no layer")


def test_a_downward_import_is_no_problem(tree):
    sources = {
        "domain/names.py": "import re",
        "domain/state.py": "from . import names\nfrom .names import Nickname",
        "protocols/irc/__init__.py": "",
        "protocols/irc/parse.py": "from tertulia import __version__\nimport tertulia.domain.names",
        "client/session.py": "from ..protocols import irc\nfrom ..protocols.irc.parse import Line",
        "server/loop.py": "import asyncio\nfrom tertulia.protocols.irc import parse",
        "web/http.py": "from tertulia.server import loop",
        "cli/__init__.py": "from tertulia.web import http\nfrom tertulia.client import session",
        "__main__.py": "from tertulia.cli import main",
    }
    modules = tree(sources)
    for rule in (layer_problems, purity_problems, cycle_problems, size_problems):
        assert list(rule(modules)) == []


@pytest.mark.parametrize(
    "text", ["import os.path", "from asyncio import sleep", "def f(): import time"]
)
@pytest.mark.parametrize("layer", sorted(PURE))
def test_the_outer_world_in_a_pure_layer_is_found(tree, layer, text):
    [problem] = purity_problems(tree({f"{layer}/a.py": text, "server/a.py": text}))
    assert problem.startswith(f"{PACKAGE}/{layer}/a.py:1: purity: ")


def test_a_cycle_is_found(tree):
    sources = {
        "domain/a.py": "import re\nfrom . import b",
        "domain/b.py": "import re\nfrom tertulia.domain.c import thing",
        "domain/c.py": "import re\nfrom .a import other",
        "domain/innocent.py": "from .a import other",
    }
    [problem] = cycle_problems(tree(sources))
    where, _, cycle = problem.partition(": import cycle: ")
    letters = [name.removeprefix("tertulia.domain.") for name in cycle.split(" -> ")]
    assert "".join(letters) in {"abca", "bcab", "cabc"}
    assert where == f"{PACKAGE}/domain/{letters[0]}.py:2"


@pytest.mark.parametrize(
    "back", ["def late():\n    from . import a", "if typing.TYPE_CHECKING:\n    from . import a"]
)
def test_an_import_that_does_not_run_at_load_closes_no_cycle(tree, back):
    modules = tree({"domain/a.py": "from . import b", "domain/b.py": back})
    assert list(cycle_problems(modules)) == []


def test_a_package_that_gathers_its_modules_is_no_cycle(tree):
    sources = {
        "domain/verbs/__init__.py": "from . import join\nfrom .base import Verb",
        "domain/verbs/base.py": "",
        "domain/verbs/join.py": "from tertulia.domain.verbs.base import Verb",
    }
    assert list(cycle_problems(tree(sources))) == []


def test_length_is_found(tree):
    statements = "\n".join(f"    x = {n}" for n in range(MAX_FUNCTION_LINES))
    sources = {
        "domain/fits.py": "x = 1\n" * MAX_MODULE_LINES,
        "domain/long.py": "x = 1\n" * (MAX_MODULE_LINES + 1),
        "domain/wide.py": f"\nasync def wide():\n{statements}\n",
    }
    long, wide = size_problems(tree(sources))
    assert long.startswith(f"{PACKAGE}/domain/long.py:601: size: 601 lines")
    assert wide.startswith(f"{PACKAGE}/domain/wide.py:2: size: wide has 61 lines")


def test_a_module_without_docstring_is_found(tree):
    [problem] = docstring_problems(tree({"__init__.py": '"""Root."""', "domain/a.py": "import re"}))
    assert problem.startswith(f"{PACKAGE}/domain/a.py:1: docstring: ")
