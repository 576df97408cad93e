"""The analytical store: one ClickHouse client per process.

The platform runs without it; what it holds is rebuilt from PostgreSQL.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

import msgspec

from oppulence.kernel import environment
from oppulence.kernel.errors import Unavailable

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

WORK_S = 60
_OVERLOADED = frozenset([159, 202, 209, 210, 236, 241, 242, 243, 252, 394])
"""Time, queries at once, network, memory, space or parts are used up; or the server is about to stop."""

_NOT_HEARD = frozenset([None, 193, 194, 516])
"""Something else answered, as the store gives each of its errors a code; or it does not know us, as after a password changed."""

_INSERT = {
    "max_partitions_per_insert_block": 0, "date_time_input_format": "best_effort", "input_format_json_named_tuples_as_objects": 0,
}  # fmt: skip
_PIECE_BYTES, _ROWS_A_PIECE = 1 << 20, 500
_URL_BYTES = 16_000
"""Longer parameters go in the body: no server takes a URL of any length."""

_lines = msgspec.json.Encoder()


def is_configured() -> bool:
    """Whether this deployment has an analytical store."""
    return environment.optional("CLICKHOUSE_URL") is not None


def is_up() -> bool:
    """Whether the store answers."""
    with _reachable():
        return bool(_client().ping())


def insert(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], settings: dict[str, Any] | None = None) -> None:
    """Write rows of texts, whole numbers, Decimals, times, None, lists and tuples of these, in one request, of any months.

    They go as JSON lines while they are made: that takes a process a tenth of what the client's own columns take, and the store
    reads the first rows before the last one is there.

    Raises:
        Unavailable: the store cannot be reached, or is overloaded.
    """
    with _reachable(), _not_overloaded():
        _client().raw_insert(
            table, columns, _packed(rows), {**_INSERT, **(settings or {})}, fmt="JSONCompactEachRow", compression="lz4"
        )  # fmt: skip


def _packed(rows: Iterable[Sequence[Any]]) -> Generator[bytes]:
    """Rows as lines, compressed."""
    from lz4.frame import LZ4FrameCompressor

    frame, waiting = LZ4FrameCompressor(), iter(rows)
    yield frame.begin()
    while some := list(islice(waiting, _ROWS_A_PIECE)):
        yield frame.compress(_lines.encode_lines(some))
    yield frame.flush()


def query(text: str, parameters: dict[str, Any]) -> list[Sequence[Any]]:
    """Rows of a query with server-side parameters (`{name:Type}`).

    Raises:
        Unavailable: the store cannot be reached.
    """
    with _reachable():
        return list(_asked(parameters).query(text, parameters=parameters).result_rows)


def columns(text: str, parameters: dict[str, Any]) -> list[Sequence[Any]]:
    """The same by columns, for many rows; none if there is no row.

    Raises:
        Unavailable: the store cannot be reached.
    """
    with _reachable():
        client = _asked(parameters)
        return list(client.query(text, parameters=parameters, column_oriented=True).result_columns)


@contextmanager
def stream(text: str, parameters: dict[str, Any], form: str, settings: dict[str, Any]) -> Iterator[Iterator[bytes]]:
    """A query's answer in one of the store's formats (`CSVWithNames`, `Parquet`), in pieces as it comes, however large it is.

    Raises:
        Unavailable: the store cannot be reached. One that fails before the end breaks the last piece off with another error.
    """
    with _reachable():
        client = _client(WORK_S, form=_are_long(parameters))
        answer: Any = client.raw_stream(text, parameters=parameters, settings=settings, fmt=form)
        try:
            yield iter(lambda: bytes(answer.read(_PIECE_BYTES)), b"")
        finally:
            answer.close()


def command(text: str, parameters: dict[str, Any]) -> None:
    """Run a statement that gives no rows.

    Raises:
        Unavailable: the store cannot be reached.
    """
    with _reachable():
        _client().command(text, parameters=parameters)


def work(text: str, parameters: dict[str, Any], settings: dict[str, Any] | None = None) -> None:
    """Run a statement that moves many rows within the store, which may take a minute.

    Raises:
        Unavailable: the store cannot be reached, or is overloaded. Whether the statement was carried out is unknown.
    """
    with _reachable(), _not_overloaded():
        client = _client(WORK_S, form=_are_long(parameters))  # which `command` would not heed
        client.raw_query(text, parameters=parameters, settings={"max_execution_time": WORK_S - 5, **(settings or {})})


def forget() -> None:
    """Drop the process's client."""
    _client.cache_clear()


def _asked(parameters: Mapping[str, Any]) -> "Client":
    """Who sends much waits longer for the answer."""
    return _client(WORK_S, form=True) if _are_long(parameters) else _client()


def _are_long(parameters: Mapping[str, Any]) -> bool:
    texts = (one for value in parameters.values() for one in (value if isinstance(value, list) else (value,)))
    return any(size > _URL_BYTES for size in accumulate(len(quote(str(one))) + 8 for one in texts))


@cache
def _client(timeout_s: int = 20, *, form: bool = False) -> "Client":
    import clickhouse_connect

    parts = urlsplit(environment.required("CLICKHOUSE_URL"))
    username, password = unquote(parts.username or "default"), unquote(parts.password or "")
    secret = environment.optional("CLICKHOUSE_SECRET")
    if secret:
        username, password = _credentials(secret)
    return clickhouse_connect.get_client(
        host=parts.hostname or "", port=parts.port or (8443 if parts.scheme == "https" else 8123), interface=parts.scheme,
        username=username, password=password, connect_timeout=3, send_receive_timeout=timeout_s, autogenerate_session_id=False,
        query_retries=0, form_encode_query_params=form,
    )  # fmt: skip


def _credentials(secret_arn: str) -> tuple[str, str]:
    import json

    from oppulence.kernel.aws import client

    value = json.loads(client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"])
    return value["username"], value["password"]


@contextmanager
def _reachable() -> Iterator[None]:
    from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

    try:
        yield
    except (OperationalError, OSError) as error:
        raise _away() from error
    except DatabaseError as error:
        if type(error) is DatabaseError and error.code in _NOT_HEARD:
            raise _away() from error
        raise


def _away() -> Unavailable:
    forget()
    return Unavailable("The analytical store is not reachable. Try again in a few seconds.")


@contextmanager
def _not_overloaded() -> Iterator[None]:
    """What the store cannot take at the moment, it may take later; what it refuses for its content, it refuses for ever."""
    from clickhouse_connect.driver.exceptions import DatabaseError

    try:
        yield
    except DatabaseError as error:
        if error.code in _OVERLOADED:
            raise Unavailable("The analytical store is overloaded. Try again in a few seconds.") from error
        raise
