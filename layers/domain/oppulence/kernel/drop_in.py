"""Surfaces for rivals' own clients: their paths stand below a name, on an HTTP API of their own, and their errors have its form.

What a client of OpenMeter is told differs from our own errors in form only: the same refusals, statuses and headers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from oppulence.kernel.errors import AppError


@dataclass(frozen=True)
class DropIn:
    """`name` is the first segment of its paths; `error` is the body of an error, for a request's id, as `error_type`."""

    name: str
    error_type: str
    error: Callable[[AppError, str], dict[str, Any]]

    @property
    def prefix(self) -> str:
        """How each of its paths begins."""
        return f"/{self.name}/"


def problem(error: AppError, request_id: str) -> dict[str, Any]:
    """Problem details (RFC 9457). What our own form says beyond them stands in `extensions`."""
    own = error.body(request_id)["error"]
    return {
        "type": "about:blank", "title": HTTPStatus(error.status).phrase, "status": error.status, "detail": own.pop("message"),
        "instance": f"urn:request:{request_id}", "extensions": own,
    }  # fmt: skip


OPENMETER = DropIn("openmeter", "application/problem+json", problem)
DROP_INS = (OPENMETER,)
