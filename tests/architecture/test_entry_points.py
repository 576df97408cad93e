"""Every entry point has a test of its own, one use case, and errors that can happen."""

import ast
from pathlib import Path

import pytest

from infra import cut
from infra.discovery import REPO, EntryPoint, entry_points
from oppulence.kernel.errors import AppError
from tests.architecture.house import short, tree

POINTS = entry_points()
ROUTES = [point for point in POINTS if point.kind == "http"]


def mirror(point: EntryPoint) -> Path:
    """Where an entry point's test stands."""
    path = Path(point.path)
    return REPO / "tests" / Path(*path.parts[1:-1]) / f"test_{path.name}"


@pytest.mark.parametrize("point", POINTS, ids=[point.path for point in POINTS])
def test_every_entry_point_has_its_test(point: EntryPoint) -> None:
    assert mirror(point).exists(), f"write {short(mirror(point))}"
    assert "def test_" in mirror(point).read_text()


@pytest.mark.parametrize("point", ROUTES, ids=[point.path for point in ROUTES])
def test_every_declared_error_is_raised_somewhere_it_can_reach(point: EntryPoint) -> None:
    reached = [point.file, *cut.reach([point.file])]
    made = {name for file in reached for name in constructed(file)}
    for error in point.route.errors:
        names = {kind.__name__ for kind in [error, *descendants(error)]}
        assert names & made, f"{point.path} declares {error.__name__}, which nothing it reaches raises"


def test_declared_errors_are_not_the_kernels_own() -> None:
    """What every route can answer stands in the document already."""
    for point in ROUTES:
        assert all(issubclass(error, AppError) and error is not AppError for error in point.route.errors), point.path


def test_an_entry_point_is_one_handler() -> None:
    for point in POINTS:
        functions = [node.name for node in tree(point.file).body if isinstance(node, ast.FunctionDef)]
        assert functions.count("handler") == 1, point.path
        assert all(name == "handler" or name.startswith("_") for name in functions), point.path


def test_folders_of_entry_points_are_no_packages() -> None:
    """A function's zip holds its own file only, so `functions` is a namespace package."""
    assert list((REPO / "functions").rglob("__init__.py")) == []


def test_no_entry_point_hides_in_a_folder_that_discovery_does_not_know() -> None:
    found = {point.file for point in POINTS}
    files = {file for file in (REPO / "functions").rglob("*.py") if "__pycache__" not in file.parts}
    assert files == found


def constructed(file: Path) -> set[str]:
    """Names of classes and functions that a file calls."""
    calls = (node.func for node in ast.walk(tree(file)) if isinstance(node, ast.Call))
    return {
        name.attr if isinstance(name, ast.Attribute) else name.id for name in calls if isinstance(name, ast.Attribute | ast.Name)
    }


def descendants(kind: type[AppError]) -> set[type[AppError]]:
    return {found for child in kind.__subclasses__() for found in (child, *descendants(child))}
