"""Every statement on a table of usage names the workspaces whose rows it touches.

Texts are read as they stand in the code, where names of their module stand for their values; those that are put together only as
they are sent are held to it when tests send them (`tests/metering/conftest.py`).
"""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.usage_statements import TABLE, unfiltered

ROOT = Path(__file__).parents[2]
CODE = [ROOT / "layers/domain/oppulence", ROOT / "functions"]
NAMED = re.compile(r"\busage_(?:landing|chosen|ids|events|values|rejections)\b")
UNKNOWN = "??"


def modules() -> list[Path]:
    """Modules that name a table of usage."""
    return sorted(path for folder in CODE for path in folder.rglob("*.py") if NAMED.search(path.read_text()))


def statements(path: Path) -> Iterator[tuple[int, str]]:
    """Texts of a module that read a table, with their lines."""
    tree = ast.parse(path.read_text())
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)} - {
        id(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
    }
    names = _names(_module(path), tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            text = _text(node, names)
            if id(node) not in parts and TABLE.search(text) and UNKNOWN not in text:
                yield node.lineno, text


def _module(path: Path) -> ModuleType:
    folder = ROOT / "layers/domain" if path.is_relative_to(ROOT / "layers/domain") else ROOT
    return importlib.import_module(".".join(path.relative_to(folder).with_suffix("").parts))


def _names(module: ModuleType, tree: ast.Module) -> dict[str, str]:
    """Texts that names stand for: the module's, and those that functions put together before they use them."""
    names = {name: value for name, value in vars(module).items() if isinstance(value, str)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names.setdefault(node.targets[0].id, _text(node.value, names))
    return names


def _text(node: ast.AST, names: dict[str, str]) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(one, names) for one in values)
        case ast.FormattedValue(value=ast.Name(id=name)):
            return names.get(name, UNKNOWN)
        case ast.BinOp(left=left, right=right):
            return _text(left, names) + _text(right, names)
    return UNKNOWN


@pytest.mark.parametrize("path", modules(), ids=[path.stem for path in modules()])
def test_every_statement_names_its_workspaces(path: Path) -> None:
    for line, text in statements(path):
        assert not unfiltered(text), f"{path.relative_to(ROOT)}:{line}: {unfiltered(text)} without its workspaces in: {text}"


def test_statements_are_found_at_all() -> None:
    found = [text for path in modules() for _, text in statements(path)]
    assert len(found) >= 10
    assert {name for text in found for name in NAMED.findall(text)} >= {
        "usage_values",
        "usage_events",
        "usage_ids",
        "usage_landing",
    }


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("SELECT 1 FROM usage_values WHERE workspace_id = {ws:String}", 0),
        ("SELECT 1 FROM usage_values WHERE meter = 'x'", 1),
        ("SELECT 1 FROM usage_values WHERE id IN (SELECT id FROM usage_ids WHERE workspace_id = {ws:String})", 1),
        ("SELECT 1 FROM usage_values WHERE workspace_id = {ws:String} AND id IN (SELECT id FROM usage_ids)", 1),
        ("SELECT 1 FROM usage_ids WHERE workspace_id IN {workspaces:Array(String)} AND settlement = 1", 0),
        ("SELECT 1 FROM usage_ids WHERE workspace_id = 'ws_x'", 1),
        ("SELECT 1 FROM usage_ids WHERE workspace_id = {ws:String} UNION ALL SELECT 1 FROM usage_ids", 1),
        ("SELECT 1 FROM usage_ids UNION ALL SELECT 1 FROM usage_ids WHERE workspace_id = {ws:String}", 1),
    ],
)  # fmt: skip
def test_what_is_missing_is_seen(text: str, bad: int) -> None:
    assert len(unfiltered(text)) == bad
