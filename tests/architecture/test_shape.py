"""Size and form of files and functions, and what domain code never sees."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.house import CODE, DOMAIN, context_of, python_files, short, tree

FILE_MAX, TEST_FILE_MAX, FUNCTION_MAX, PARAMETERS_MAX = 300, 500, 50, 5
MANY_PARAMETERS = {
    "layers/domain/oppulence/kernel/http.py:route": "a declaration: its keywords are the vocabulary",
    "infra/constructs/queue.py:__init__": "a construct takes its scope and id beside its own properties",
}
COMMANDS = "infra/ops/"
"""Where a function is a command and its parameters are the command's options."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(file: Path) -> Iterator[Function]:
    for node in ast.walk(tree(file)):
        if isinstance(node, Function):
            yield node


def parameters(function: Function) -> int:
    named = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return len([one for one in named if one.arg not in ("self", "cls")])


def test_files_are_short() -> None:
    for file in python_files(*CODE):
        assert len(file.read_text().splitlines()) <= FILE_MAX, short(file)
    for file in python_files("tests"):
        assert len(file.read_text().splitlines()) <= TEST_FILE_MAX, short(file)


def test_functions_are_short() -> None:
    for file in python_files(*CODE):
        for function in functions(file):
            length = (function.end_lineno or 0) - function.lineno + 1
            assert length <= FUNCTION_MAX, f"{short(file)}:{function.name} has {length} lines"


def test_functions_take_few_parameters() -> None:
    for file in python_files(*CODE):
        for function in functions(file):
            name = f"{short(file)}:{function.name}"
            if name not in MANY_PARAMETERS and not name.startswith(COMMANDS):
                assert parameters(function) <= PARAMETERS_MAX, f"{name}: five, then a model"


def test_every_module_and_public_function_of_the_domain_says_what_it_is_for() -> None:
    for file in python_files("layers/domain"):
        assert ast.get_docstring(tree(file)), short(file)
        for node in tree(file).body:
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{short(file)}:{node.name}"


def test_domain_code_sees_no_environment_and_no_event_dict() -> None:
    for file in python_files("layers/domain"):
        if context_of(file) == "kernel":
            continue
        names = {node.attr for node in ast.walk(tree(file)) if isinstance(node, ast.Attribute)}
        assert "environ" not in names and "getenv" not in names, short(file)
        for function in functions(file):
            arguments = {one.arg: ast.unparse(one.annotation) if one.annotation else "" for one in function.args.args}
            assert not arguments.get("event", "").startswith("dict"), f"{short(file)}:{function.name}"


def test_only_one_kernel_module_reads_the_environment() -> None:
    for file in (DOMAIN / "kernel").glob("*.py"):
        if file.stem != "environment":
            assert "os.environ" not in file.read_text() and "getenv" not in file.read_text(), short(file)


def test_time_comes_with_the_unit_of_work() -> None:
    """Rules of money and time are functions of values: only the kernel asks for the present instant."""
    for file in python_files("layers/domain"):
        if context_of(file) != "kernel":
            for node in ast.walk(tree(file)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    called = ast.unparse(node.func)
                    assert called not in ("datetime.now", "datetime.utcnow", "date.today"), f"{short(file)}:{node.lineno}"


def test_a_context_says_what_it_is() -> None:
    for package in DOMAIN.glob("*/__init__.py"):
        text = ast.get_docstring(tree(package)) or ""
        if package.parent.name != "kernel":
            for part in ("Owns:", "Terms:", "Invariants:", "Emits:", "Consumes:"):
                assert part in text, f"{short(package)}: its docstring says '{part}'"


def test_no_work_is_left_open_in_a_comment() -> None:
    for file in python_files(*CODE, "tests"):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            assert "TO" + "DO" not in line and "FIX" + "ME" not in line, f"{short(file)}:{number}"
