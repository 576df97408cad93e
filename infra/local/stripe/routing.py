"""Routes: each says where it is, what it takes, which permission it needs, and what it does to a unit of work."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from infra.local.stripe.listing import Page
from infra.local.stripe.unit import Obj

Params = dict[str, Any]
Answer = Obj | bytes | Page
Handler = Callable[..., Answer]
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True)
class Route:
    """`kind` names the SDK's type of parameters, `takes` those that are simulated, `needs` the permission without its ending."""

    method: str
    path: str
    kind: str | None
    takes: frozenset[str]
    needs: str
    handler: Handler
    pattern: re.Pattern[str]

    @property
    def permission(self) -> str:
        return f"rak_{self.needs}_{'read' if self.method == 'GET' else 'write'}"


ROUTES: list[Route] = []

PLACES: dict[str, str] = {}
"""Where objects of a type are fetched by their id, below `/v1/`."""


def route(method: str, path: str, kind: str | None = None, *, takes: str = "", needs: str) -> Callable[[H], H]:
    """Serve a path; the handler gets the unit, the parameters, and what `{…}` stands for in the path."""
    pattern = re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "$")

    def keep(handler: H) -> H:
        ROUTES.append(Route(method, path, kind, frozenset(takes.split()), needs, handler, pattern))
        return handler

    return keep


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a request, with the ids in its path; fixed words win over ids."""
    best: tuple[Route, dict[str, str]] | None = None
    for one in ROUTES:
        found = one.pattern.match(path) if one.method == method else None
        if found and (best is None or len(found.groupdict()) < len(best[1])):
            best = one, found.groupdict()
    return best
