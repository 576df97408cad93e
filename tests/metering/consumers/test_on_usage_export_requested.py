"""Files of exports: all that was settled, once, cut into numbered files that a crash changes nothing of."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from oppulence.kernel import aws, olap
from oppulence.kernel.errors import Unavailable
from oppulence.metering.events import UsageExportRequested
from oppulence.metering.exports import events_content, files_gateway, writing
from oppulence.metering.exports import store as store_of_exports
from oppulence.metering.exports.parts import Column
from tests.metering import exporting
from tests.metering.exporting import CONSUMER, ask, manifest, read, run, show
from tests.metering.rules import NOON
from tests.metering.usage import sent, take
from tests.support import cloud
from tests.support.api import Api
from tests.support.world import World

FORMATS = ("csv", "parquet")
MEGABYTE = 1024 * 1024


def events(world: World, count: int, **fields: str) -> None:
    """Settle events of one second each."""
    take(world, *(sent(f"e{n:04d}", {"n": n}, NOON + timedelta(seconds=n), **fields) for n in range(count)))


@pytest.mark.parametrize("form", FORMATS)
def test_each_event_is_in_the_files_once_to_the_letter(store: World, api: Api, form: str) -> None:
    data = '{"v": 12345678901234567890.12345678901234567890, "t": "a,\\"b\\"\\n"}'
    take(store, sent("one", data, subject='Ünï,\n"x"'), sent("two", None, NOON + timedelta(microseconds=1)), sent("one", "{}"))
    take(store, sent("one", "{}"), sent("before", {}, NOON - timedelta(days=1)), sent("after", {}, NOON + timedelta(hours=12)))
    asked = ask(api, format=form)
    assert (asked["status"], asked["files"], asked["manifest_url"]) == ("running", [], None)
    assert run(store) == ["metering.usage_export.completed"]
    export = show(api, asked["id"])
    assert (export["status"], export["rows"], export["progress"]) == ("completed", 2, {"done": 2, "total": 2, "percent": 100})
    one, two = read(export)
    assert (one["id"], one["subject"], one["data"], one["source"]) == ("one", 'Ünï,\n"x"', data, "test")
    assert two["id"] == "two" and two["data"] == ("" if form == "csv" else None)
    assert two["time"] == ("2026-03-14T12:00:00.000001Z" if form == "csv" else "2026-03-14 12:00:00.000001")
    assert int(one["settlement"]) <= export["settlement"]


def test_the_manifest_says_what_the_files_hold(store: World, api: Api) -> None:
    events(store, 3)
    asked = ask(api, format="parquet", event_types=["api.call"])
    run(store)
    export = show(api, asked["id"])
    found = manifest(export)
    assert found["export_id"] == asked["id"] and found["rows"] == 3 and found["settlement"] == export["settlement"]
    assert (found["from"], found["to"]) == ("2026-03-14T00:00:00Z", "2026-03-15T00:00:00Z")
    assert [one["name"] for one in found["columns"]] == [
        "id", "source", "type", "subject", "time", "ingested_at", "settlement", "data",
    ]  # fmt: skip
    (file,) = found["files"]
    shown = {name: value for name, value in export["files"][0].items() if name != "url"}
    assert file == shown and file["name"] == "part-00001.parquet"
    assert found["selection"]["event_types"] == ["api.call"]


@pytest.mark.parametrize("form", FORMATS)
def test_large_exports_are_cut_into_files_that_tile_it(
    store: World, api: Api, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_content, "FILE_ROWS", 7)
    events(store, 20)
    events(store, 20, type="other", source="second")
    asked = ask(api, format=form)
    run(store)
    export = show(api, asked["id"])
    assert [one["rows"] for one in export["files"]] == [7, 7, 7, 7, 7, 5]
    rows = [(one["type"], one["source"], one["id"]) for one in read(export)]
    assert rows == sorted(rows) and len(set(rows)) == 40


def test_files_are_cut_by_their_size_too(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_content, "FILE_BYTES", 5_000)
    take(store, *(sent(f"e{n}", {"text": "x" * 1_000}) for n in range(12)), sent("large", {"text": "x" * 20_000}))
    asked = ask(api)
    run(store)
    export = show(api, asked["id"])
    assert sum(one["rows"] for one in export["files"]) == 13 and len(export["files"]) > 3
    assert len({one["id"] for one in read(export)}) == 13


@pytest.mark.parametrize("size", [0, 1, 5 * MEGABYTE - 1, 5 * MEGABYTE, 5 * MEGABYTE + 1, 10 * MEGABYTE, 11 * MEGABYTE])
def test_a_file_is_written_in_pieces_that_memory_holds(store: World, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_gateway, "PIECE_BYTES", 5 * MEGABYTE)
    content = bytes(size)
    parts = (content[start : start + MEGABYTE - 7] for start in range(0, size, MEGABYTE - 7))
    key = f"usage_exports/{store.workspace_id}/x"
    assert files_gateway.write(key, parts, "text/csv") == (size, hashlib.sha256(content).hexdigest())
    assert aws.client("s3").get_object(Bucket=cloud.BUCKET, Key=key)["Body"].read() == content
    files_gateway.delete([key, key])


def test_nothing_is_an_export_too(store: World, api: Api) -> None:
    asked = ask(api, event_types=["none.such"])
    run(store)
    export = show(api, asked["id"])
    assert (export["status"], export["rows"], read(export)) == ("completed", 0, [])
    assert export["progress"] == {"done": 0, "total": 0, "percent": 100}


def test_only_what_is_chosen_is_exported(store: World, api: Api) -> None:
    take(store, sent("a", subject="x"), sent("b", subject="y"), sent("c", type="other", subject="x"))
    for chosen, ids in (({"subjects": ["x"]}, ["a", "c"]), ({"subjects": ["x"], "event_types": ["other"]}, ["c"])):
        asked = ask(api, **chosen)
        run(store)
        assert [one["id"] for one in read(show(api, asked["id"]))] == ids


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "-1", "@SUM(1)", "\tx", "\rx"])
def test_a_text_is_no_formula_in_csv_and_itself_in_parquet(store: World, api: Api, text: str) -> None:
    take(store, sent("x", subject=text))
    found = {}
    for form in FORMATS:
        asked = ask(api, format=form)
        run(store)
        (found[form],) = read(show(api, asked["id"]))
    assert (found["csv"]["subject"], found["parquet"]["subject"]) == ("'" + text, text)


def test_what_settles_after_the_beginning_is_not_in_it(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_content, "FILE_ROWS", 5)
    monkeypatch.setattr(writing, "WORK_S", -1)  # no run writes a file ...
    events(store, 8)
    asked = ask(api)
    (first,) = [one for one in store.envelopes() if one.type == UsageExportRequested.type]
    store.deliver(CONSUMER, first)
    monkeypatch.setattr(writing, "WORK_S", 60)  # ... until all is settled
    take(store, *(sent(f"late{n}") for n in range(8)))
    run(store)
    export = show(api, asked["id"])
    assert (export["rows"], export["progress"]["total"]) == (8, 8)
    assert not any(one["id"].startswith("late") for one in read(export))


def crash_when(name: str, number: int, module: Any, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Have a function fail at its nth call."""
    calls = 0
    real = getattr(module, name)

    def failing(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            raise error
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, failing)


@pytest.mark.parametrize(("module", "name"), [(files_gateway, "write"), (store_of_exports, "note_file"), (olap, "stream")])
@pytest.mark.parametrize("number", [1, 3, 4])
def test_a_store_that_goes_away_loses_and_doubles_nothing(
    store: World, api: Api, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, number: int
) -> None:
    monkeypatch.setattr(events_content, "FILE_ROWS", 5)
    events(store, 18)
    asked = ask(api)
    (first,) = [one for one in store.envelopes() if one.type == UsageExportRequested.type]
    with monkeypatch.context() as patch:
        crash_when(name, number, module, patch, Unavailable("away"))
        assert len(store.deliver(CONSUMER, first)) == 1, "it goes back to its queue"
    assert show(api, asked["id"])["status"] == "running"
    assert store.deliver(CONSUMER, first) == []
    export = show(api, asked["id"])
    assert (export["status"], [one["rows"] for one in export["files"]]) == ("completed", [5, 5, 5, 3])
    assert len({one["id"] for one in read(export)}) == 18
    assert store.emitted().count("metering.usage_export.completed.v1") == 1


def test_one_that_was_killed_is_gone_on_with_where_it_stopped(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_content, "FILE_ROWS", 5)
    events(store, 12)
    asked = ask(api)
    (first,) = [one for one in store.envelopes() if one.type == UsageExportRequested.type]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        crash_when("write", 2, files_gateway, patch, KeyboardInterrupt())  # type: ignore[arg-type]
        store.deliver(CONSUMER, first)
    assert store.deliver(CONSUMER, first) == [], "somebody seems to write it"
    assert len(show(api, asked["id"])["files"]) == 1
    store.admin.execute("UPDATE metering.exports SET held_until = now() - interval '1 second' WHERE id = %s", (asked["id"],))
    store.deliver(CONSUMER, first)
    export = show(api, asked["id"])
    assert export["status"] == "completed" and len({one["id"] for one in read(export)}) == 12


def test_what_fails_for_its_content_is_given_up_and_told(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    events(store, 2)
    asked = ask(api)
    (first,) = [one for one in store.envelopes() if one.type == UsageExportRequested.type]
    monkeypatch.setattr(events_content, "COLUMNS", (Column("x", "text", "", "no_such_column"),))
    for number in range(1, writing.MAX_FAILURES):
        store.deliver(CONSUMER, first.model_copy(update={"id": f"ev_{number}"}))
        export = show(api, asked["id"])
        assert export["status"] == "running" and "DatabaseError while file 1" in export["error"]
    store.deliver(CONSUMER, first.model_copy(update={"id": "ev_last"}))
    export = show(api, asked["id"])
    assert export["status"] == "failed" and export["ended_at"] and "DatabaseError" in export["error"]
    (told,) = [one for one in store.envelopes() if one.type == "metering.usage_export.failed"]
    assert (told.data["export_id"], told.data["reason"]) == (asked["id"], export["error"])


def test_what_fails_says_at_which_file(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_content, "FILE_ROWS", 5)
    events(store, 12)
    asked = ask(api)
    (first,) = [one for one in store.envelopes() if one.type == UsageExportRequested.type]
    crash_when("write", 3, files_gateway, monkeypatch, RuntimeError("odd"))
    assert len(store.deliver(CONSUMER, first)) == 1
    assert show(api, asked["id"])["error"] == "RuntimeError while file 3 was written"
    assert store.deliver(CONSUMER, first) == []
    assert (show(api, asked["id"])["status"], show(api, asked["id"])["error"]) == ("completed", None)


def test_more_files_than_may_be_are_refused_with_the_remedy(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_content, "FILE_ROWS", 1)
    monkeypatch.setattr(writing, "MAX_FILES", 2)
    events(store, 3)
    asked = ask(api)
    assert run(store) == ["metering.usage_export.failed"]
    assert "Export a shorter period" in show(api, asked["id"])["error"]


def test_another_workspaces_events_are_in_no_file(store: World, api: Api) -> None:
    other = store.workspace()
    take(store, sent("mine"))
    take(store, sent("theirs"), workspace_id=other)
    asked = ask(api)
    run(store)
    assert [one["id"] for one in read(show(api, asked["id"]))] == ["mine"]
    assert all(store.workspace_id in key for key in exporting.keys(store.workspace_id))
