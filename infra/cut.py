"""The part of the domain package that a context can see, found from the text of imports and from nothing else."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from infra.discovery import REPO

DOMAIN = REPO / "layers" / "domain"
PACKAGE = "oppulence"
NOT_CODE = ("migrations", "olap", "__pycache__")
"""Folders that no function needs: migrations are applied by a function of their own."""


def of_context(context: str, functions: Iterable[Path]) -> dict[str, Path]:
    """Files by their place in the layer: the whole kernel, the whole context, and each module that they or `functions` import."""
    own = [file for name in ("kernel", context) for file in _files(DOMAIN / PACKAGE / name)]
    reached = set(own) | reach([*own, *functions])
    return {file.relative_to(DOMAIN).as_posix(): file for file in sorted(reached)}


def everything() -> dict[str, Path]:
    """The whole package, migrations included."""
    files = sorted(file for file in (DOMAIN / PACKAGE).rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {file.relative_to(DOMAIN).as_posix(): file for file in files}


def reach(files: Iterable[Path]) -> set[Path]:
    """Domain modules that these files import, directly or by way of others."""
    found: set[Path] = set()
    todo = list(files)
    while todo:
        fresh = set(imported_files(todo.pop())) - found
        found |= fresh
        todo += fresh
    return found


@cache
def imported_files(file: Path) -> tuple[Path, ...]:
    """Domain modules that one file names in an import, wherever in its text, with the packages around them."""
    if file.suffix != ".py":
        return ()
    names = {part for name in imports(ast.parse(file.read_text())) for part in _with_parents(name)}
    found = {made for name in names if name.startswith(f"{PACKAGE}.") and (made := _file_of(name))}
    return tuple(sorted(found))


def imports(tree: ast.AST) -> Iterator[str]:
    """Names that a module imports; `from a import b` may mean the module a.b or the name b in a, so it gives both."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module
                yield from (f"{module}.{alias.name}" for alias in node.names)


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


def _file_of(module: str) -> Path | None:
    path = DOMAIN.joinpath(*module.split("."))
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in candidates if file.exists()), None)


def _files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.rglob("*")) if file.is_file() and not set(file.parts) & set(NOT_CODE)]
