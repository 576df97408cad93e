"""Exports of windows hold what queries answer, of each meter, window and group once, exactly."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from oppulence.kernel import clock
from oppulence.kernel.uow import Scope
from oppulence.metering import query
from oppulence.metering.events import UsageExportRequested
from oppulence.metering.exports import windows_content
from oppulence.metering.exports.models import Export
from oppulence.metering.exports.parts import Part
from oppulence.metering.query import Question
from oppulence.metering.windows import WindowSize
from tests.metering.exporting import CONSUMER, ask, manifest, of_csv, read, run, show, stored
from tests.metering.rules import NOON
from tests.metering.support import make
from tests.metering.usage import sent, settle, take
from tests.support.api import Api
from tests.support.world import World

SUM: dict[str, Any] = {
    "slug": "tokens", "event_type": "llm", "aggregation": "SUM", "value_property": "$.v", "group_by": {"model": "$.m"},
    "effective_from": None,
}  # fmt: skip
LONG = "123456789012345678.12345678901234567891"


def of(number: int) -> dict[str, str]:
    """Whose event it is."""
    return {"type": "llm", "subject": f"s{number % 3}"}


def usage(store: World, api: Api, count: int = 30) -> None:
    """Two meters, and events of three subjects and two models in five hours."""
    make(api, **SUM)
    make(api, effective_from=None)
    events = [
        sent(f"e{n}", {"v": f"{n}.5", "m": "=m" if n % 2 else None}, NOON + timedelta(minutes=10 * n), **of(n))
        for n in range(count)
    ]
    take(store, *events, sent("call"), sent("long", {"v": LONG}, NOON + timedelta(hours=9), type="llm"))


def expected(store: World, meter: str, **fields: Any) -> list[tuple[int, str | None, str]]:
    """(start, subject, quantity) of a query's answer for the same."""
    question = Question(meter, NOON.replace(hour=0), NOON.replace(hour=0) + timedelta(days=1), **fields)
    rows = query.answer(Scope("metering", store.workspace_id), question).rows
    return [(int(row.window_start.timestamp()), row.subject, format(row.value or Decimal(0), "f")) for row in rows]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_rows_are_those_of_a_query_and_decimals_are_exact(store: World, api: Api, form: str) -> None:
    usage(store, api)
    asked = ask(api, kind="windows", format=form, window_size="HOUR", group_by=["subject"])
    assert run(store) == ["metering.usage_export.completed"]
    export = show(api, asked["id"])
    rows = read(export)
    assert {row["meter"] for row in rows} == {"calls", "tokens"}
    assert rows[0]["meter"] == "tokens", "in the order in which the meters were made"
    for slug in ("calls", "tokens"):
        found = [(row["subject"], row["quantity"]) for row in rows if row["meter"] == slug]
        assert found == [one[1:] for one in expected(store, slug, window_size=WindowSize.HOUR, group_by=("subject",))]
    assert LONG in [row["quantity"] for row in rows], "as text, to the last digit"
    start = next(row["window_start"] for row in rows if row["quantity"] == LONG)
    assert start == ("2026-03-14T21:00:00Z" if form == "csv" else "2026-03-14 21:00:00.000")
    assert export["progress"] == {"done": 48, "total": 48, "percent": 100}


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_files_tile_the_answer_however_they_are_cut(store: World, api: Api, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows_content, "FILE_ROWS", size)
    usage(store, api, 12)
    asked = ask(api, kind="windows", window_size="HOUR", group_by=["subject", "model"])
    run(store)
    export = show(api, asked["id"])
    rows = [(one["meter"], one["window_start"], one["subject"], one["group_model"], one["quantity"]) for one in read(export)]
    assert len(rows) == len(set(rows)) == export["rows"] == 14
    assert all(one["rows"] == size for one in export["files"][:-1])


def test_large_files_and_large_rows_are_written(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file's rows are more than a statement of the store usually is; and it is cut by its bytes too."""
    monkeypatch.setattr(windows_content, "STEP_ROWS", 300)
    monkeypatch.setattr(windows_content, "FILE_BYTES", 250_000)
    make(api, **SUM)
    take(store, *(sent(f"e{n}", {"v": n, "m": f"{n:04d}" * 50}, NOON, type="llm") for n in range(1_000)))
    for form in ("csv", "parquet"):
        asked = ask(api, kind="windows", format=form, group_by=["model"])
        run(store)
        export = show(api, asked["id"])
        assert [one["rows"] for one in export["files"]] == [900, 100]
        assert {row["group_model"][:4]: row["quantity"] for row in read(export)} == {f"{n:04d}": str(n) for n in range(1_000)}


def test_groups_have_columns_and_no_formula(store: World, api: Api) -> None:
    usage(store, api)
    asked = ask(api, kind="windows", meters=["tokens"], group_by=["model", "customer_id"])
    run(store)
    export = show(api, asked["id"])
    assert [one["group_model"] for one in read(export)] == ["", "'=m"] or ["'=m", ""]
    content = stored(export["files"][0]["url"])
    assert content.splitlines()[0] == b'"meter_id","meter","window_start","window_end","customer_id","group_model","quantity"'
    assert [one["type"] for one in manifest(export)["columns"]][-2:] == ["text", "decimal"]
    assert len(of_csv(content)) == 2


def test_it_is_grouped_by_dimensions_that_any_version_has(store: World, api: Api) -> None:
    make(api, **SUM)
    make(api, effective_from=None)
    other = {"group_by": {"tier": "$.t"}, "effective_from": (clock.now() + timedelta(days=30)).isoformat()}
    assert api.as_key().patch("/v1/meters/tokens", other).status == 200
    take(store, *(sent(f"e{n}", {"v": n, "m": f"m{n % 2}"}, NOON, type="llm") for n in range(4)))
    for chosen in ({"meters": ["tokens", "calls"]}, {}):
        asked = ask(api, kind="windows", group_by=["model", "tier"], **chosen)
        run(store)
        found = [
            (one["group_model"], one["group_tier"], one["quantity"])
            for one in read(show(api, asked["id"])) if one["meter"] == "tokens"
        ]  # fmt: skip
        assert found == [("m0", "", "2"), ("m1", "", "4")]


def test_a_meter_that_changes_meanwhile_changes_nothing_of_it(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows_content, "FILE_ROWS", 2)
    make(api, **SUM)
    take(store, *(sent(f"e{n}", {"v": n, "m": f"m{n}"}, NOON, type="llm") for n in range(6)))
    part = windows_content.part

    def changing(scope: Scope, export: Export) -> Part | None:
        dimensions = {"group_by": {"model": "$.m", "colour": "$.c"} if export.files == 1 else {}}
        assert not export.files or api.as_key().patch("/v1/meters/tokens", dimensions).status == 200
        return part(scope, export)

    monkeypatch.setattr(windows_content, "part", changing)
    asked = ask(api, kind="windows", group_by=["colour", "model"])
    assert run(store) == ["metering.usage_export.completed"]
    found = [(one["group_colour"], one["group_model"], one["quantity"]) for one in read(show(api, asked["id"]))]
    assert found == [("", f"m{n}", str(n)) for n in range(6)]


def test_without_usage_there_are_no_rows(store: World, api: Api) -> None:
    make(api, **SUM)
    settle(store)
    asked = ask(api, kind="windows", window_size="DAY")
    run(store)
    assert (show(api, asked["id"])["status"], read(show(api, asked["id"]))) == ("completed", [])


def test_a_meter_that_is_deleted_meanwhile_is_told(store: World, api: Api) -> None:
    made = make(api, **SUM)
    asked = ask(api, kind="windows", meters=["tokens"])
    assert api.as_key().delete(f"/v1/meters/{made['id']}").status == 204
    assert run(store).count("metering.usage_export.failed") == 1
    assert "No meter tokens" in show(api, asked["id"])["error"]


def test_a_meter_that_is_deleted_after_the_beginning_is_passed_over(
    store: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    unused = make(api, **SUM | {"slug": "unused", "event_type": "none"})
    usage(store, api, 3)
    asked = ask(api, kind="windows")
    part = windows_content.part

    def deleting(*args: Any) -> Any:
        api.as_key().delete(f"/v1/meters/{unused['id']}")
        return part(*args)

    monkeypatch.setattr(windows_content, "part", deleting)
    assert run(store) == ["metering.usage_export.completed"]
    assert [row["meter"] for row in read(show(api, asked["id"]))] == ["tokens", "calls"]


def test_it_waits_until_its_meters_have_counted_earlier_usage(store: World, api: Api) -> None:
    take(store, *[sent(f"e{n}", {"v": n}, NOON, type="llm") for n in range(5)])
    make(api, **SUM)
    asked, of_events = ask(api, kind="windows", meters=["tokens"]), ask(api)
    first, second = (one for one in store.envelopes() if one.type == UsageExportRequested.type)
    assert len(store.deliver(CONSUMER, first)) == 1, "it goes back to its queue"
    assert store.deliver(CONSUMER, second) == [] and show(api, of_events["id"])["rows"] == 5, "events wait for no meter"
    assert show(api, asked["id"])["status"] == "running"
    settle(store)
    make(api, **SUM | {"slug": "other"})
    assert store.deliver(CONSUMER, first) == [], "another meter is nothing to it"
    assert [row["quantity"] for row in read(show(api, asked["id"]))] == ["10"]


def test_what_settles_meanwhile_is_not_in_it(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows_content, "FILE_ROWS", 1)
    usage(store, api, 6)
    asked = ask(api, kind="windows", meters=["tokens"], group_by=["subject"])
    part, calls = windows_content.part, 0

    def late(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        take(store, sent(f"late{calls}", {"v": 1000}, NOON, type="llm", subject=f"s{calls}"))
        return part(*args)

    monkeypatch.setattr(windows_content, "part", late)
    run(store)
    assert [row["quantity"] for row in read(show(api, asked["id"]))] == [LONG, "4", "6", "8"]
