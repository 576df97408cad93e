"""Imports are the product: an entry point loads the packages that its `uses` speaks of, and no others."""

import json
import os
import subprocess
import sys
from functools import cache

import pytest

from infra.discovery import REPO, EntryPoint, entry_points
from oppulence.kernel.capabilities import Capability, ClickHouse, Postgres, Provider

POINTS = entry_points()
NEVER_AT_IMPORT = {"jwt", "cryptography", "clickhouse_connect", "plaid", "moto", "pandas", "numpy", "requests", "boto3"}
"""What is loaded by the call that needs it, or never."""

COMMON = ["oppulence.kernel.http", "oppulence.kernel.consume"]
"""Loaded once for all entry points that may load PostgreSQL's driver, which nearly all do: the rest of an import is theirs."""

CHILD = """
import importlib, json, os, sys
sys.path[:0] = json.loads(sys.argv[1])
import oppulence.kernel.declarations
assert not {"psycopg", "botocore", "aws_lambda_powertools"} & set(sys.modules)
for common, names in json.loads(sys.argv[2]):
    for name in common:
        importlib.import_module(name)
    for name in names:
        read, write = os.pipe()
        if os.fork() == 0:
            os.close(read)
            importlib.import_module(name)
            with os.fdopen(write, "w") as out:
                json.dump(sorted({module.partition(".")[0] for module in sys.modules}), out)
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as answer:
            text = answer.read()
        os.wait()
        print(name, text or "[]", flush=True)
"""
"""Forks for each entry point, first for those without PostgreSQL: each child is a fresh process but for what is common."""


@cache
def loaded() -> dict[str, set[str]]:
    """Packages that each entry point's import loads."""
    paths = json.dumps([str(REPO), str(REPO / "layers" / "domain")])
    rows = {True: [], False: []}  # type: dict[bool, list[str]]
    for point in POINTS:
        rows[any(isinstance(use, Postgres) for use in point.declaration.uses)].append(point.module)
    groups = json.dumps([[[], rows[False]], [COMMON, rows[True]]])
    bare = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, paths, groups], env=bare, capture_output=True, text=True, timeout=300, check=True
    )
    lines = (line.split(" ", 1) for line in done.stdout.splitlines())
    return {name: set(json.loads(text)) for name, text in lines}


def permitted(use: Capability) -> set[str]:
    match use:
        case Postgres():
            return {"psycopg"}
        case Provider() | ClickHouse():
            return set()
    return set()


@pytest.mark.parametrize("point", POINTS, ids=[point.module for point in POINTS])
def test_an_entry_point_loads_only_what_it_uses(point: EntryPoint) -> None:
    found = loaded()[point.module]
    assert "pydantic" in found, f"{point.module} could not be imported in a fresh process"
    by_use = set().union(*(permitted(use) for use in point.declaration.uses))
    assert not found & NEVER_AT_IMPORT, point.module
    assert not found & ({"psycopg", "stripe", "plaid"} - by_use), point.module
