"""Which functions the repository's own tests prove: calls with literals, run by a judge.

Read are the doctests of a function, and tests that are nothing but asserts of calls with
literal arguments. They are run by the judge that is handed in, in its isolation, on the
function's module and the repository's other modules that it imports, put together into one
text. What needs a package beside the standard library, or a file, is not proved.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from codelathe.core.judging import Candidate, Case, Judge, Status
from codelathe.core.problem import CallExample
from codelathe.text.asserts import called_functions, read_asserts
from codelathe.text.doctests import doctest_examples
from codelathe.text.syntax import parse_module
from codelathe.training.repository.asserting import asserted_bodies

Place = tuple[str, str]
"""A function at the top of a module: the file's path, the function's name."""

#: Characters of all modules that one function needs; what needs more is not run.
_LONGEST = 1_000_000
_MOST_CALLS = 50

_LOADER = """\
import importlib.abc as _abc
import importlib.util as _util
import sys as _sys


class _Together(_abc.MetaPathFinder, _abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name in _SOURCES:
            return _util.spec_from_loader(name, self, is_package=_SOURCES[name][0])

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__file__ = "/" + module.__name__.replace(".", "/") + ".py"  # nothing lies there
        exec(compile(_SOURCES[module.__name__][1], module.__name__, "exec"), module.__dict__)


_sys.meta_path.insert(0, _Together())
"""


@dataclass(frozen=True, slots=True)
class Proved:
    """The functions whose calls all gave what they must, and how many had calls that did not."""

    functions: frozenset[Place] = frozenset()
    failed: int = 0


def prove_functions(
    texts: Mapping[str, str], judge: Judge, heard: Callable[[int, int], None] = lambda *_: None
) -> Proved:
    """Run the calls that the files' doctests and tests make. `texts` are the files by path.

    Raises:
        IsolationError: this machine cannot isolate code; nothing was run.
    """
    modules = Modules(texts)
    cases: list[tuple[Place, Case]] = []
    for place, examples in sorted(find_examples(texts, modules).items()):
        code = modules.together(place)
        if code:
            candidate = Candidate(code, "python", place[1])
            cases.append((place, Case(candidate, tuple(examples[:_MOST_CALLS]))))
    proved = set()
    verdicts = judge.judge(case for _, case in cases)
    for number, ((place, _), found) in enumerate(zip(cases, verdicts, strict=True)):
        heard(number, len(cases))
        if all(verdict.status is Status.PASSED for verdict in found):
            proved.add(place)
    return Proved(frozenset(proved), len(cases) - len(proved))


def find_examples(texts: Mapping[str, str], modules: Modules) -> dict[Place, list[CallExample]]:
    """The calls with literals that docstrings and tests make of functions, by function."""
    found: defaultdict[Place, list[CallExample]] = defaultdict(list)
    for path, text in texts.items():
        try:
            tree = parse_module(text)
        except SyntaxError:
            continue
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and (doc := ast.get_docstring(node)):
                found[path, node.name] += doctest_examples(doc, node.name)
        if _is_test(path):
            for place, examples in _asserted(tree, path, modules):
                found[place] += examples
    return {place: examples for place, examples in found.items() if examples}


class Modules:
    """The Python files of a repository as modules that can import each other."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._paths: defaultdict[str, list[str]] = defaultdict(list)
        for path in texts:
            for name in self._names(path):
                self._paths[name].append(path)

    def find(self, name: str, seen_from: str = "") -> str:
        """The file that `import name` reads, empty where there is none or one of several."""
        paths = self._paths.get(name, [])
        if len(paths) > 1 and seen_from:
            root = self._root(seen_from)
            paths = [path for path in paths if self._root(path) == root]
        return paths[0] if len(paths) == 1 else ""

    def together(self, place: Place) -> str:
        """One text with the function's module and those it imports; empty where it is too long."""
        path, function = place
        start = self._name(path)
        needed: dict[str, str] = {}
        waiting = [start]
        while waiting:
            name = waiting.pop()
            found = path if name == start else self.find(name, path)
            if not found or name in needed:
                continue
            needed[name] = found
            waiting.extend(_parents(name))
            waiting.extend(self._imported(name, found))
        sources = {
            name: (self._is_package(needed[name]), self._texts[needed[name]])
            for name in sorted(needed)
        }
        for name in list(sources):  # folders without a file of their own are packages all the same
            for parent in _parents(name):
                sources.setdefault(parent, (True, ""))
        if sum(len(source) for _, source in sources.values()) > _LONGEST:
            return ""
        return f"_SOURCES = {sources!r}\n{_LOADER}from {start} import {function}\n"

    def _imported(self, name: str, path: str) -> Iterator[str]:
        """The modules that a file may import, wherever in it."""
        try:
            tree = parse_module(self._texts[path])
        except SyntaxError:
            return
        package = name if self._is_package(path) else name.rpartition(".")[0]
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = _absolute(node, package)
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names)

    def _name(self, path: str) -> str:
        """The name under which a file is imported from the root of its package."""
        relative = PurePosixPath(path).relative_to(self._root(path)).with_suffix("")
        parts = relative.parts[:-1] if relative.name == "__init__" else relative.parts
        return ".".join(parts)

    def _names(self, path: str) -> list[str]:
        """All names by which a file might be imported: from its root, and from folders above."""
        parts = PurePosixPath(path).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        own = self._name(path)
        longer = (".".join(parts[start:]) for start in range(len(parts)))
        return [name for name in longer if name == own or name.endswith(f".{own}")] if own else []

    def _root(self, path: str) -> PurePosixPath:
        """The folder above the outermost package that a file belongs to."""
        folder = PurePosixPath(path).parent
        while str(folder / "__init__.py") in self._texts and folder != folder.parent:
            folder = folder.parent
        return folder

    def _is_package(self, path: str) -> bool:
        return PurePosixPath(path).name == "__init__.py"


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _is_test(path: str) -> bool:
    name = PurePosixPath(path).name
    return name.startswith("test_") or name.endswith("_test.py")


def _asserted(
    tree: ast.Module, path: str, modules: Modules
) -> Iterator[tuple[Place, list[CallExample]]]:
    """What tests assert of functions that their file imports."""
    imported: dict[str, Place] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and not node.level:
            file = modules.find(node.module or "", path)
            imported |= {a.asname or a.name: (file, a.name) for a in node.names if file}
    for body in asserted_bodies(tree):
        for name in called_functions(body):
            found = read_asserts(body, name) if name in imported else None
            if found is not None:
                calls = [replace(call, comparer=found.comparer) for call in found.calls]
                yield imported[name], calls
