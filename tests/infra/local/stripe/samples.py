"""One object of a type, as the corpus has it on the platform."""

import gzip
import json
from functools import cache
from typing import Any

from infra.local.stripe.corpus import BUNDLED


def sample(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_texts()[kind])
    return found


@cache
def _texts() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in gzip.decompress((BUNDLED / "objects.jsonl.gz").read_bytes()).splitlines():
        row = json.loads(line)
        found.setdefault(row["object_type"], json.dumps(row["object"]))
    return found
