"""POST /v1/events/imports: a place for a file, and what a file may be."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from oppulence.metering.imports import requests
from tests.metering.importing import Importing
from tests.support.api import Api

PATH = "/v1/events/imports"
FILE = {"format": "ndjson", "size_bytes": 100}


def test_the_answer_says_where_to_send_the_file(importing: Importing) -> None:
    made = importing.api.as_key(["usage:write"]).post(PATH, FILE | {"format": "csv", "columns": {"a": "data.b", "c": None}})
    view = made.body
    assert (made.status, view["status"], view["accepted"], view["remaining_s"]) == (201, "waiting", 0, None)
    upload = view["upload"]
    assert upload["method"] == "PUT" and upload["headers"] == {"Content-Length": "100", "Content-Type": "text/csv"}
    url = urlsplit(upload["url"])
    assert url.path == f"/usage-imports/{importing.world.workspace_id}/{view['id']}/file"
    signed = parse_qs(url.query)
    assert signed["X-Amz-SignedHeaders"] == ["content-length;content-type;host"], "S3 takes no file of another size"
    assert signed["X-Amz-Expires"] == ["3600"]
    assert importing.row(view["id"])["columns"] == {"a": "data.b", "c": None}


def test_events_without_a_source_have_the_given_one_or_the_keys_name(importing: Importing) -> None:
    for given in ({"source": "warehouse"}, {}):
        importing.imported(b'{"type":"a","subject":"b"}', **given)
    assert sorted(one.source for one in importing.sent()) == ["test", "warehouse"], "else the key's name"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"format": "parquet"}, "format"),
        ({"size_bytes": 0}, "size_bytes"),
        ({"size_bytes": 5 * 1024**3 + 1}, "size_bytes"),
        ({"size_bytes": "100"}, "size_bytes"),
        ({"columns": {"a": "nonsense"}}, "columns.a"),
        ({"columns": {"a": "data."}}, "columns.a"),
        ({"columns": {"a": "data..b"}}, "columns.a"),
        ({"delimiter": "::"}, "delimiter"),
        ({"max_rejected": -1}, "max_rejected"),
        ({"source": ""}, "source"),
        ({"bucket": "theirs"}, "bucket"),
    ],
)
def test_what_is_no_file_is_refused(importing: Importing, change: dict[str, Any], param: str) -> None:
    answer = importing.api.as_key().post(PATH, FILE | change)
    assert answer.status == 400 and (answer.error.param or "").startswith(param), answer.body


def test_so_many_may_wait(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "UNFINISHED_MAX", 1)
    caller = importing.api.as_key()
    first = caller.post(PATH, FILE)
    refused = caller.post(PATH, FILE)
    assert (refused.status, refused.error.code, refused.headers["Retry-After"]) == (429, "too_many_imports", "60")
    assert caller.post(f"{PATH}/{first.body['id']}/cancel").status == 200
    assert caller.post(PATH, FILE).status == 201


def test_a_key_for_reading_asks_for_none(api: Api) -> None:
    assert api.as_key(["usage:read"]).post(PATH, FILE).status == 403


def test_another_workspace_sees_none_of_it(importing: Importing) -> None:
    made = importing.api.as_key().post(PATH, FILE)
    other = importing.api.as_key(workspace_id=importing.world.workspace())
    assert other.get(f"{PATH}/{made.body['id']}").status == 404
