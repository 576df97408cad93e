"""What goes wrong between us and SES, at the client's own hooks: the mail goes out or not, and its answer is lost or tells."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from oppulence.kernel import aws, db

SEND = "sesv2.SendEmail"
URL = "https://email.us-east-1.amazonaws.com"


class Died(BaseException):
    """The function was killed."""


class _Answered:
    """What botocore reads of an HTTP answer that it has parsed."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


@contextmanager
def answer_lost() -> Iterator[None]:
    """The mail goes out; the connection breaks before the answer."""

    def raise_timeout(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url=URL)

    with _hooked("after-call", raise_timeout):
        yield


@contextmanager
def killed_after_sending() -> Iterator[None]:
    """The mail goes out; the function dies."""

    def die(**_: Any) -> None:
        raise Died

    with _hooked("after-call", die):
        yield


@contextmanager
def database_leaving_after_sending(port: int) -> Iterator[None]:
    """The mail goes out; then the database cannot be reached for half a second."""
    here = os.environ["PG_PORT"]

    def leave(**_: Any) -> None:
        db.close_all()
        os.environ["PG_PORT"] = str(port)
        threading.Timer(0.5, lambda: os.environ.update(PG_PORT=here)).start()

    with _hooked("after-call", leave):
        yield


@contextmanager
def out_of_reach() -> Iterator[None]:
    """No connection comes about."""

    def refuse(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url=URL)

    with _hooked("before-call", refuse):
        yield


@contextmanager
def answering(status: int, code: str) -> Iterator[None]:
    """SES answers with an error, and sends nothing."""

    parsed = {
        "Error": {"Code": code, "Message": "ada@example.com is not welcome"}, "ResponseMetadata": {"HTTPStatusCode": status}
    }  # fmt: skip

    def answer(**_: Any) -> tuple[_Answered, dict[str, Any]]:
        return _Answered(status), parsed

    with _hooked("before-call", answer):
        yield


@contextmanager
def _hooked(event: str, hook: Any) -> Iterator[None]:
    events = aws.client("sesv2").meta.events
    events.register_first(f"{event}.{SEND}", hook)
    try:
        yield
    finally:
        events.unregister(f"{event}.{SEND}", hook)
