"""The archive of accepted events: objects of gzipped text, a batch a line, from which all else can be made again.

`usage/<workspace>/<day>/<name>.ndjson.gz`, where the day is the first batch's and the name a digest of the batches' ids, or, of a
batch that came by way of an object, its id. Objects are written once and never changed; a batch may stand in several.
"""

import gzip
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from functools import cache

from oppulence.kernel import environment
from oppulence.kernel.aws import answering, client
from oppulence.metering.batches import Written

ARCHIVE = "usage/"
"""Prefix of the archive in the bucket."""

_QUICK = 1
_AT_ONCE = 16

Text = tuple[Written, bytes]
"""A batch, and its text without the line's end."""


def folder(workspace_id: str) -> str:
    """Where a workspace's objects lie."""
    return f"{ARCHIVE}{workspace_id}/"


def put_large(workspace_id: str, at: datetime, batch_id: str, text: bytes) -> str:
    """Write a batch that is too large for a message, ahead of its landing; returns its key.

    Raises:
        Unavailable: S3 did not take it.
    """
    key = f"{folder(workspace_id)}{at:%Y-%m-%d}/{batch_id}.ndjson.gz"
    with answering("s3", "The events could not be stored. Send them again, with the same ids."):
        _put(key, [text])
    return key


class Writer:
    """Writes objects while its user does something else; `finish` waits for all of them."""

    def __init__(self) -> None:
        self._running: list[Future[None]] = []

    def put(self, batches: Sequence[Text]) -> str:
        """Write batches of one workspace as one object; returns its key."""
        first = batches[0][0]
        digest = hashlib.sha256("\n".join(batch.id for batch, _ in batches).encode()).hexdigest()[:32]
        key = f"{folder(first.workspace_id)}{first.stored_at:%Y-%m-%d}/{digest}.ndjson.gz"
        self._running.append(_pool().submit(_put, key, [text for _, text in batches]))
        return key

    def finish(self) -> None:
        """Wait until all are written.

        Raises:
            ClientError, BotoCoreError: S3 did not take one.
        """
        wait(self._running)
        for one in self._running:
            one.result()


def read(key: str) -> Iterator[bytes]:
    """The texts of an object's batches.

    Raises:
        BotoCoreError, ClientError: S3 does not answer, or there is none of that key.
    """
    content = client("s3").get_object(Bucket=_bucket(), Key=key)["Body"].read()
    yield from gzip.decompress(content).splitlines()


def keys(workspace_id: str) -> Iterator[str]:
    """A workspace's objects."""
    for page in client("s3").get_paginator("list_objects_v2").paginate(Bucket=_bucket(), Prefix=folder(workspace_id)):
        yield from (str(one["Key"]) for one in page.get("Contents", []))


def _put(key: str, texts: Sequence[bytes]) -> None:
    content = gzip.compress(b"".join(text + b"\n" for text in texts), _QUICK, mtime=0)
    client("s3").put_object(Bucket=_bucket(), Key=key, Body=content)


@cache
def _pool() -> ThreadPoolExecutor:
    """The process's own: to start a thread takes longer than to write an object."""
    return ThreadPoolExecutor(_AT_ONCE)


def _bucket() -> str:
    return environment.required("BUCKET")
