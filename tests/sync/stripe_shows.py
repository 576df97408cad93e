"""Events made from those of the corpus, with other fields."""

import hashlib
import json
from functools import cache
from typing import Any

from oppulence.sync.stripe_events import read
from tests.support import stripe


@cache
def _first(kind: str) -> str:
    return next(body.decode() for body in stripe.corpus() if read(body).type == kind)


def event_of(kind: str, as_kind: str = "", at: int | None = None, **fields: Any) -> bytes:
    """The corpus's first event of a type, as one of another type, at a second; `fields` are the object's."""
    document = json.loads(_first(kind))
    document["type"] = as_kind or kind
    document["created"] = document["created"] if at is None else at
    document["data"].pop("previous_attributes", None)
    document["data"]["object"] |= fields
    document["id"] = "evt_" + hashlib.sha256(json.dumps(document).encode()).hexdigest()[:24]
    return json.dumps(document).encode()
