"""The platform's own HTTP API, as a client of it."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from infra.ops.output import Failed

TIMEOUT_S = 35
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Api:
    """Calls with one credential: an API key, or a person's token."""

    url: str
    credential: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request; the answer's JSON, or None when it has no body.

        Raises:
            Failed: the API cannot be reached, or refuses; the message is the API's own.
        """
        headers = {"Authorization": f"Bearer {self.credential}"}
        return send(f"{self.url.rstrip('/')}{path}", method, body, headers)


def send(url: str, method: str, body: Any, headers: dict[str, str]) -> Any:
    """Send JSON, get JSON.

    Raises:
        Failed: as for `Api.call`.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json", **headers})
    try:
        with OPENER.open(request, timeout=TIMEOUT_S) as response:
            text = response.read()
    except urllib.error.HTTPError as error:
        raise Failed(f"{method} {url}: {error.code} {_reason(error.read())}") from error
    except OSError as error:
        raise Failed(f"{method} {url}: {error}", "is the platform up? `oppulence local status`") from error
    return json.loads(text) if text else None


def _reason(text: bytes) -> str:
    try:
        error = json.loads(text)["error"]
        return f"{error['code']}: {error['message']} (request {error.get('request_id', '-')})"
    except (ValueError, KeyError, TypeError):
        return text.decode(errors="replace")[:300]
