"""Objects as they are before anything is known of them: every field that Stripe sends, with its empty value.

`blanks.json` follows Stripe's published schemas of the API version in `unit`, one type a line.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

Obj = dict[str, Any]


def blank(kind: str, **fields: Any) -> Obj:
    """A new object of a type with these fields set.

    Raises:
        KeyError: a field that such objects do not have.
    """
    made: Obj = json.loads(_texts()[kind])
    unknown = fields.keys() - made.keys()
    if unknown:
        raise KeyError(f"{kind} has no {sorted(unknown)}")
    return made | fields


def list_of(url: str, data: list[Obj], total: bool = False) -> Obj:
    """A list inside an object."""
    counted = {"total_count": len(data)} if total else {}
    return {"object": "list", "data": data, "has_more": False, "url": url} | counted


@cache
def _texts() -> dict[str, str]:
    kinds = json.loads(Path(__file__).with_suffix(".json").read_text())
    return {kind: json.dumps(body) for kind, body in kinds.items()}
