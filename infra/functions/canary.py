"""What a canary does: one request, whose answer and time must be right. Runs in CloudWatch Synthetics, with its library only."""

import os
import time
import urllib.error
import urllib.request
from typing import Any


def handler(event: dict[str, Any], context: object) -> str:
    """Ask once.

    Raises:
        RuntimeError: another answer than the right ones, or too slow.
    """
    url, right, most_s = os.environ["URL"], os.environ["RIGHT"].split(), float(os.environ["SECONDS"])
    method = os.environ["METHOD"]
    body = b"{}" if method == "POST" else None
    request = urllib.request.Request(url, data=body, method=method, headers={"User-Agent": "oppulence-canary"})  # noqa: S310
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            status = str(answer.status)
    except urllib.error.HTTPError as refused:
        status = str(refused.code)
    took_s = time.monotonic() - began
    if status not in right:
        raise RuntimeError(f"{method} {url} answered {status}, not one of {right}")
    if took_s > most_s:
        raise RuntimeError(f"{method} {url} took {took_s:.2f} s, more than {most_s} s")
    return f"{status} in {took_s:.2f} s"
