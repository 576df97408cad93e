"""Exports in tests: asked for through the API, written by the consumer, read back from the bucket."""

import csv
import hashlib
import io
import json
from typing import Any
from urllib.parse import urlsplit

from oppulence.kernel import aws, olap
from oppulence.metering.events import UsageExportRequested
from tests.support import cloud
from tests.support.api import Api
from tests.support.world import World

PATH = "/v1/usage_exports"
DAY: dict[str, Any] = {"from": "2026-03-14T00:00:00Z", "to": "2026-03-15T00:00:00Z"}
CONSUMER = "metering.consumers.on_usage_export_requested"


def ask(api: Api, **body: Any) -> dict[str, Any]:
    """A new export; of the events of one day, but for these fields."""
    answer = api.as_key().post(PATH, {"kind": "events", **({} if "schedule" in body else DAY)} | body)
    assert answer.status == 202, answer.body
    found: dict[str, Any] = answer.body
    return found


def run(world: World) -> list[str]:
    """Deliver what is asked of the consumer, until nothing more is; returns the types of what else exports told."""
    others: list[str] = []
    while envelopes := world.envelopes():
        for one in envelopes:
            if one.type == UsageExportRequested.type:
                assert world.deliver(CONSUMER, one) == []
            elif one.type.startswith("metering.usage_export."):
                others.append(one.type)
    return others


def show(api: Api, export_id: str) -> dict[str, Any]:
    """An export as it is now."""
    answer = api.as_key().get(f"{PATH}/{export_id}")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.body
    return found


def stored(url: str) -> bytes:
    """What a link leads to."""
    content: bytes = aws.client("s3").get_object(Bucket=cloud.BUCKET, Key=_key(url))["Body"].read()
    return content


def keys(workspace_id: str) -> list[str]:
    """All that lies in the bucket of a workspace's exports."""
    found = aws.client("s3").list_objects_v2(Bucket=cloud.BUCKET, Prefix=f"usage_exports/{workspace_id}/")
    return [str(one["Key"]) for one in found.get("Contents", [])]


def folders(workspace_id: str) -> list[str]:
    """Prefixes of the bucket below which something of a workspace lies."""
    s3 = aws.client("s3")
    every = [one["Prefix"] for one in s3.list_objects_v2(Bucket=cloud.BUCKET, Delimiter="/").get("CommonPrefixes", [])]
    return [one for one in every if s3.list_objects_v2(Bucket=cloud.BUCKET, Prefix=f"{one}{workspace_id}/")["KeyCount"]]


def read(export: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of all files, after each is held to its checksum and number of rows."""
    rows: list[dict[str, Any]] = []
    for file in export["files"]:
        content = stored(file["url"])
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (file["sha256"], file["bytes"])
        found = of_csv(content) if export["format"] == "csv" else of_parquet(content)
        assert len(found) == file["rows"]
        rows += found
    return rows


def of_csv(content: bytes) -> list[dict[str, Any]]:
    """Rows of a CSV file, all as text."""
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def of_parquet(content: bytes) -> list[dict[str, Any]]:
    """Rows of a Parquet file, as the engine reads them."""
    client = olap._client()
    text = f"SELECT * FROM format(Parquet, unhex('{content.hex()}')) FORMAT JSONEachRow"
    settings = {"output_format_json_quote_64bit_integers": 0, "max_query_size": 1 << 30}
    return [json.loads(line) for line in client.raw_query(text, settings=settings).splitlines()]


def manifest(export: dict[str, Any]) -> dict[str, Any]:
    """The manifest, after it is held to its checksum."""
    content = stored(export["manifest_url"])
    assert hashlib.sha256(content).hexdigest() == export["manifest_sha256"]
    found: dict[str, Any] = json.loads(content)
    return found


def _key(url: str) -> str:
    path = urlsplit(url).path
    return path.partition(f"/{cloud.BUCKET}/")[2] or path.lstrip("/")
