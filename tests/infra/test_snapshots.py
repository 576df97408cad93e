"""What SnapStart needs of every function: a snapshot taken after import holds no connection and nothing random."""

import ast
import json
import subprocess
import sys

from infra.cut import DOMAIN, imports
from infra.discovery import REPO, entry_points

IMPORT_ALL = """
import importlib, json, sys
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event in ("socket.connect", "socket.getaddrinfo") else None)
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(opened))
"""


def test_importing_a_function_opens_no_connection() -> None:
    modules = json.dumps([point.module for point in entry_points()])
    environment = {"PYTHONPATH": f"{REPO}:{DOMAIN}", "PATH": "/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, modules], capture_output=True, text=True, check=False, env=environment, timeout=100
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_what_must_differ_comes_from_the_system_and_not_from_a_seed() -> None:
    """`random` is seeded at import: functions restored from one snapshot would draw the same."""
    for file in DOMAIN.rglob("*.py"):
        assert "random" not in set(imports(ast.parse(file.read_text()))), file
