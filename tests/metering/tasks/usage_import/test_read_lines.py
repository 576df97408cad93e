"""Reading imports: every line is an event or a problem, whatever stands in the file, and a repeat changes nothing."""

import gzip
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from oppulence.kernel import aws
from oppulence.kernel.errors import Unavailable
from oppulence.metering import ingest
from oppulence.metering.imports import lines, models, parts, reading, store
from tests.metering.importing import Importing, event, ndjson
from tests.support import cloud

NONSENSE: list[tuple[Any, str | None, str]] = [
    ("{", None, "JSON"),
    ("[1]", None, "object"),
    ("null", None, "object"),
    (event(1, type=None), "type", "str"),
    ({"id": "x", "subject": "a"}, "type", "required"),
    ({"id": "x", "type": "a"}, "subject", "Name the subject"),
    (event(1, customer="c"), "customer", "not both"),
    (event(1, time="yesterday"), "time", ""),
    (event(1, time="2999-01-01T00:00:00Z"), "time", "ahead of"),
    (event(1, nonsense=1), "nonsense", "Nobody knows"),
    (event(1, id="a\x00b"), "id", "control characters"),
    ('{"id":"x","type":"a","subject":"b","data":NaN}', None, "JSON"),
    ('{"id":"x","type":"a","subject":"b","data":' + "[" * 100_000, None, ""),
    (event(1, data={"text": "x" * 70_000}), "data", "65536 bytes"),
]


def test_every_line_becomes_an_event(importing: Importing) -> None:
    view = importing.imported(ndjson(event(1), event(2, source="app", time="2026-01-01T00:00:00Z"), event(3)))
    assert (view["status"], view["accepted"], view["rejected"], view["lines_read"]) == ("completed", 3, 0, 3)
    assert view["bytes_read"] == view["size_bytes"] and view["remaining_s"] is None and view["errors_url"] is None
    sent = importing.sent()
    assert [(one.id, one.sequence, one.data) for one in sent] == [(f"e{n}", n - 1, f'{{"n": {n}}}') for n in (1, 2, 3)]
    assert sent[1].source == "app" and sent[1].time == datetime(2026, 1, 1, tzinfo=UTC)


def test_lines_may_be_plain_or_cloudevents_and_name_customers(importing: Importing) -> None:
    cloudevent = event(1, specversion="1.0", source="/x", someextension="y", datacontenttype="application/json")
    plain = {"type": "call", "customer": "acme", "data": {"specversion": 1}}
    assert importing.imported(ndjson(cloudevent, plain))["accepted"] == 2
    assert [(one.source, one.subject) for one in importing.sent()] == [("/x", "alice"), ("test", "acme")]


def test_events_older_than_the_workspace_takes_are_told(importing: Importing) -> None:
    importing.world.admin.execute(
        "UPDATE tenancy.workspaces SET settings = '{\"usage_max_age_days\": 30}' WHERE id = %s", (importing.world.workspace_id,)
    )
    view = importing.imported(ndjson(event(1, time="2020-01-01T00:00:00Z"), event(2)))
    assert (view["accepted"], view["rejected"]) == (1, 1)


def test_what_is_too_old_is_settled_as_reading_begins(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a part that is repeated would send batches of the same ids and other events."""

    def take_events_of_the_last(days: int) -> None:
        importing.world.admin.execute(
            "UPDATE tenancy.workspaces SET settings = jsonb_build_object('usage_max_age_days', %s) WHERE id = %s",
            (days, importing.world.workspace_id),
        )

    take_events_of_the_last(30)
    import_id = importing.started(ndjson(event(1, time="2020-01-01T00:00:00Z"), event(2)))
    with monkeypatch.context() as dying:
        dying.setattr("oppulence.metering.imports.reading.store.save_part", failing)
        with pytest.raises(Unavailable):
            importing.task(import_id)
    first = importing.messages()
    take_events_of_the_last(36_500)
    view = importing.run(import_id)
    assert (view["accepted"], view["rejected"]) == (1, 1) and importing.messages() == first


def test_numbers_stay_as_they_were_written(importing: Importing) -> None:
    number = "12345678901234567890123456789012345678.5"
    importing.imported(f'{{"type":"a","subject":"b","data":{{"n":{number}}}}}'.encode())
    importing.imported(f"type,subject,data.n\na,b,{number}".encode(), "csv")
    assert [one.data for one in importing.sent()] == [f'{{"n":{number}}}'] * 2


def test_what_is_no_event_is_told_with_its_line_and_stops_nothing(importing: Importing) -> None:
    content = b"\n".join([*(ndjson(one).strip() for one, _, _ in NONSENSE), b"", b"\xff\xfe", ndjson(event(7)).strip()])
    import_id = importing.started(content)
    view = importing.run(import_id)
    assert (view["status"], view["accepted"], view["rejected"]) == ("completed", 1, len(NONSENSE) + 1), view["reason"]
    errors = importing.errors(import_id)
    assert [one["line"] for one in errors] == [*range(1, len(NONSENSE) + 1), len(NONSENSE) + 2]
    for error, (sent, field, reason) in zip(errors, NONSENSE, strict=False):
        assert (error["field"], reason in error["reason"]) == (field, True), error
        assert error["text"] == ndjson(sent).decode().strip()[:1000]
    assert errors[-1]["reason"] == "It is no UTF-8." and errors[-1]["text"] == "\ufffd\ufffd"
    assert [one.id for one in importing.sent()] == ["e7"]


def test_csv_is_read_with_its_mark_its_line_ends_and_its_quotes(importing: Importing) -> None:
    content = (
        "\ufeffuser,kind,data.note,data.n,x\r\n"
        'alice,call,"one\r\ntwo, ""three""",1.50,-\r\n\r\n'
        "bob,call,,2,-\r\n"
        "carol,call,too,few\r\n"
        ",call,,3,-"
    )
    import_id = importing.started(content.encode(), "csv", columns={"user": "subject", "kind": "type", "x": None})
    view = importing.run(import_id)
    assert (view["accepted"], view["rejected"], view["lines_read"]) == (2, 2, 7)
    assert [(one.subject, one.data) for one in importing.sent()] == [
        ("alice", '{"note":"one\\r\\ntwo, \\"three\\"","n":1.50}'), ("bob", '{"n":2}'),
    ]  # fmt: skip
    assert [(one["line"], one["field"]) for one in importing.errors(import_id)] == [(6, None), (7, "subject")]


def test_quotes_within_cells_lose_no_row(importing: Importing) -> None:
    cells = {2: '12" pipe', 50: '"opened', 97: '9" x', 98: '"""'}
    content = "type,subject,id,data.note\n" + "".join(f"call,alice,e{n},{cells.get(n, n)}\n" for n in range(100))
    import_id = importing.started(content.encode(), "csv")
    view = importing.run(import_id)
    assert (view["accepted"], view["rejected"]) == (98, 2)
    assert [one["line"] for one in importing.errors(import_id)] == [52, 100]


def test_events_without_an_id_are_known_by_import_and_line(importing: Importing) -> None:
    content = b'{"type":"a","subject":"b"}\n' * 3
    first, second = importing.imported(content), importing.imported(content)
    assert (first["accepted"], second["accepted"]) == (3, 3)
    assert len({one.id for one in importing.sent()}) == 6


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf", b"\n\r\n\n", b"type,subject"])
def test_a_file_without_events_is_imported(importing: Importing, content: bytes) -> None:
    view = importing.imported(content, "csv" if content.startswith(b"type") else "ndjson")
    assert (view["status"], view["accepted"], view["rejected"]) == ("completed", 0, 0) and importing.sent() == []


@pytest.mark.parametrize(
    ("content", "format_", "says"),
    [
        (gzip.compress(b"{}", mtime=0), "ndjson", "gzip. Unpack it"),
        ("type,subject\na,b".encode("utf-16"), "csv", "UTF-16. Convert it to UTF-8"),
        (b"type;subject\na;b", "csv", "say in `columns`"),
        ("type,größe\n".encode("latin-1"), "csv", "no UTF-8"),
        (b'"type\na,b', "csv", "A quote is opened"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_the_remedy(importing: Importing, content: bytes, format_: str, says: str) -> None:
    view = importing.imported(content, format_)
    assert view["status"] == "failed" and says in view["reason"] and view["accepted"] == 0


def test_more_bad_lines_than_are_allowed_end_it_and_what_came_before_stays(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_parts(monkeypatch)
    content = ndjson(event(1), "x", event(2), "y", *(event(n) for n in range(3, 60)))
    import_id = importing.started(content, max_rejected=1)
    view = importing.run(import_id)
    assert view["status"] == "failed" and "More than 1 lines" in view["reason"]
    assert 0 < view["accepted"] < 60 and len(importing.sent()) == view["accepted"]
    assert [one["line"] for one in importing.errors(import_id)] == [2, 4]


def small_parts(monkeypatch: pytest.MonkeyPatch, size: int = 300) -> None:
    """Let parts be some lines long."""
    monkeypatch.setattr(lines, "RECORD_MAX", size - 100)
    monkeypatch.setattr(reading, "PART_BYTES", size)


def test_the_error_file_holds_so_many_lines_and_all_are_counted(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch)
    monkeypatch.setattr(reading, "ERRORS_MAX", 45)
    import_id = importing.started(b"nonsense\n" * 100)
    view = importing.run(import_id)
    assert (view["status"], view["rejected"]) == ("completed", 100)
    assert [one["line"] for one in importing.errors(import_id)] == list(range(1, 46))
    assert parts.TEXT_MAX < lines.RECORD_MAX or models.ERRORS_MAX > 45


def test_a_large_file_is_read_in_parts_in_the_order_of_its_lines(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch)
    view = importing.imported(ndjson(*(event(n) for n in range(100))))
    assert view["accepted"] == 100
    sent = importing.sent()
    assert [one.id for one in sent] == [f"e{n}" for n in range(100)], "of equal ids the first line's counts"
    assert len({one.stored_at for one in sent}) > 10


def test_a_call_ends_after_some_seconds_and_the_next_goes_on(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch)
    monkeypatch.setattr(reading, "WORK_S", 0.0)
    import_id = importing.started(ndjson(*(event(n) for n in range(20))))
    assert importing.task(import_id)["next_step"] == "go_on" and importing.view(import_id)["bytes_read"] == 0
    monkeypatch.setattr(reading, "WORK_S", 40.0)
    assert importing.run(import_id)["accepted"] == 20


def test_a_thousand_events_are_a_batch_and_large_batches_go_by_the_bucket(importing: Importing) -> None:
    content = ndjson(*(event(n, data={"text": "x" * 150}) for n in range(2500)))
    assert importing.imported(content)["accepted"] == 2500
    messages = {one["events"]: one["object_key"] for one in importing.messages()}
    assert messages.keys() == {1000, 500} and messages[1000] and not messages[500]


@pytest.mark.parametrize("dies_at", ["before the batches", "between batches and errors", "before the place moves"])
def test_a_crash_repeats_a_part_with_the_very_same_batches(
    importing: Importing, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    small_parts(monkeypatch)
    content = ndjson(event(1), "bad", *(event(n) for n in range(2, 12)), "worse")
    import_id = importing.started(content)
    name = {"before the batches": "ingest.send", "between batches and errors": "files_gateway.add_errors",
            "before the place moves": "store.save_part"}[dies_at]  # fmt: skip
    with monkeypatch.context() as dying:
        dying.setattr(f"oppulence.metering.imports.reading.{name}", failing)
        for _ in range(2):
            with pytest.raises(Unavailable):
                importing.task(import_id)
    first = importing.messages()
    view = importing.run(import_id)
    assert (view["accepted"], view["rejected"]) == (11, 2)
    assert [one["line"] for one in importing.errors(import_id)] == [2, 13]
    again = {one["batch_id"]: one for one in importing.messages()}
    assert all(again[one["batch_id"]] == one for one in first)
    assert bool(first) is (dies_at != "before the batches")


def failing(*_: object) -> None:
    raise Unavailable("gone")


def test_a_file_that_is_replaced_while_it_is_read_ends_the_import(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch)
    content = ndjson(*(event(n) for n in range(20)))
    import_id = importing.started(content)
    key = f"usage-imports/{importing.world.workspace_id}/{import_id}/file"
    aws.client("s3").put_object(Bucket=cloud.BUCKET, Key=key, Body=io.BytesIO(content.replace(b"call", b"fall")))
    view = importing.run(import_id)
    assert view["status"] == "failed" and "replaced" in view["reason"] and importing.sent() == []


def test_only_the_execution_of_the_reserved_name_acts(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    import_id = importing.started(ndjson(event(1)))
    assert importing.task(import_id, execution="other")["next_step"] == "stale"
    assert importing.task("uim_" + "0" * 20, execution=import_id)["next_step"] == "stale"
    assert importing.sent() == [] and importing.run(import_id)["accepted"] == 1
    assert importing.task(import_id)["next_step"] == "completed", "a repeat of the last call"


def test_a_part_that_somebody_else_wrote_meanwhile_is_not_written_twice(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = importing.started(ndjson(event(1)))

    def overtaken(workspace_id: str, batches: object) -> None:
        importing.world.admin.execute("UPDATE metering.imports SET position = 1 WHERE id = %s", (import_id,))

    monkeypatch.setattr("oppulence.metering.imports.reading.ingest.send", overtaken)
    assert importing.task(import_id)["next_step"] == "stale"
    assert importing.row(import_id)["accepted"] == 0


def test_what_was_cancelled_is_read_no_more(importing: Importing) -> None:
    import_id = importing.started(ndjson(event(1)))
    importing.world.within("metering", lambda uow: store.end(uow.conn, import_id, "cancelled", None, uow.now))
    assert importing.task(import_id)["next_step"] == "cancelled" and importing.sent() == []


def test_what_was_sent_before_it_was_cancelled_is_counted_and_told(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch)
    content = ndjson(event(1), "bad", *(event(n) for n in range(2, 12)))
    import_id = importing.started(content)
    send = ingest.send

    def cancelled(workspace_id: str, batches: Any) -> None:
        send(workspace_id, batches)
        assert importing.api.as_key().post(f"/v1/events/imports/{import_id}/cancel").status == 200

    monkeypatch.setattr("oppulence.metering.imports.reading.ingest.send", cancelled)
    view = importing.run(import_id)
    assert (view["status"], view["rejected"], [one["line"] for one in importing.errors(import_id)]) == ("cancelled", 1, [2])
    assert 0 < view["accepted"] == len(importing.sent()) < 11 and view["bytes_read"] < view["size_bytes"]
