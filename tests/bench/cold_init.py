"""A fresh process that imports an entry point and builds its clients, against one with the bare libraries."""

import compileall
import os
import statistics
import subprocess
import sys
from itertools import cycle
from typing import NamedTuple

from infra.discovery import REPO, entry_points
from tests.bench.figures import Seconds, milliseconds, report

REPETITIONS = 1
AT_MOST = 1.5
EVERY = 4
"""A baseline process runs before every fourth entry point."""

ENVIRONMENT = {
    "PATH": os.environ["PATH"], "PYTHONPATH": f"{REPO}:{REPO / 'layers' / 'domain'}", "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_EC2_METADATA_DISABLED": "true", "STAGE": "prod",
    "PG_HOST": "127.0.0.1", "PG_PORT": "1", "PG_AUTH": "iam", "POWERTOOLS_SERVICE_NAME": "bench",
}  # fmt: skip


class Spent(NamedTuple):
    """What one process took after the interpreter's own start; what it computed is less shaken by other processes."""

    passed: Seconds
    computed: Seconds


def run() -> None:
    """Median over all entry points."""
    for folder in ("functions", "layers/domain", "tests/bench"):
        compileall.compile_dir(REPO / folder, quiet=2, maxlevels=20)
    modules = [point.module for point in entry_points()]
    _fresh("baseline")
    bare: list[Spent] = []
    found: dict[str, list[Spent]] = {module: [] for module in modules}
    turn = cycle(range(EVERY))
    for _ in range(REPETITIONS):
        for module in modules:
            if next(turn) == 0:
                bare.append(_fresh("baseline"))
            found[module].append(_fresh(module))
    against = Spent(*map(statistics.median, zip(*bare, strict=True)))
    medians = {module: Spent(*map(statistics.median, zip(*spent, strict=True))) for module, spent in found.items()}
    _report(medians, against)


def _report(medians: dict[str, Spent], against: Spent) -> None:
    computed = {module: spent.computed / against.computed for module, spent in medians.items()}
    slowest = sorted(computed, key=lambda module: computed[module], reverse=True)[:5]
    middle = Spent(*map(statistics.median, zip(*medians.values(), strict=True)))
    report(
        "cold_init",
        {
            "entry_points": len(medians), "repetitions": REPETITIONS,
            "median_ms": milliseconds([middle.passed]), "cpu_ms": milliseconds([middle.computed]),
            "against": "import boto3 with one client, psycopg, pydantic",
            "against_ms": milliseconds([against.passed]), "against_cpu_ms": milliseconds([against.computed]),
            "cpu_ratio": round(middle.computed / against.computed, 2),
            "slowest_by_cpu": {module.removeprefix("functions."): round(computed[module], 2) for module in slowest},
        },
        ratio=middle.passed / against.passed, at_most=AT_MOST,
    )  # fmt: skip


def _fresh(what: str) -> Spent:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.fresh", what], env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=True
    )
    passed, computed = done.stdout.split()
    return Spent(float(passed), float(computed))
