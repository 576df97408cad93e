"""The repository as the architecture tests see it: files, what they import, and the ranks of contexts."""

import ast
from functools import cache
from pathlib import Path

from infra.discovery import REPO

DOMAIN = REPO / "layers" / "domain" / "oppulence"
RANKS = {
    "kernel": 0,
    "tenancy": 1, "storage": 1, "customers": 1,
    "ledger": 2, "connections": 2, "metering": 2, "notifications": 2,
    "sync": 3, "payments": 3,
    "billing": 4,
    "recovery": 5, "payables": 5, "financing": 5,
    "console": 6, "analytics": 6,
}  # fmt: skip
CODE = ("functions", "infra", "layers/domain")


def python_files(*folders: str) -> list[Path]:
    """Files of the project below these folders, without what is generated."""
    return sorted(file for folder in folders for file in (REPO / folder).rglob("*.py") if "__pycache__" not in file.parts)


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def short(file: Path) -> str:
    """A file's path for a message."""
    return file.relative_to(REPO).as_posix()


def context_of(file: Path) -> str:
    """The context that a file of functions/ or of the domain package belongs to."""
    return file.relative_to(DOMAIN if file.is_relative_to(DOMAIN) else REPO / "functions").parts[0]


def domain_imports(node: ast.AST) -> set[str]:
    """Modules of the domain package that a piece of code imports; `from oppulence.a import b` counts as oppulence.a.b."""
    found: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.ImportFrom) and one.module and not one.level:
            known = [f"{one.module}.{alias.name}" for alias in one.names]
            found |= {name if _is_module(name) else one.module for name in known}
        elif isinstance(one, ast.Import):
            found |= {alias.name for alias in one.names}
    return {name for name in found if name.partition(".")[0] == "oppulence"}


def outside_imports(node: ast.AST) -> set[str]:
    """Top-level names of all packages that a piece of code imports."""
    found: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.ImportFrom) and one.module and not one.level:
            found.add(one.module.partition(".")[0])
        elif isinstance(one, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in one.names}
    return found


def _is_module(name: str) -> bool:
    path = DOMAIN.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()
