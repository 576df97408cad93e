"""Asking for a backfill."""

from typing import Any

import pytest

from oppulence.sync.object_types import LISTED
from tests.connections.support import connect
from tests.sync.backfilling import Backfilling

PATH = "/v1/sync/backfills"


def ask(backfilling: Backfilling, **body: Any) -> Any:
    return backfilling.api.as_key().post(PATH, {"connection_id": backfilling.connection_id, **body})


def test_all_types_are_asked_for_unless_some_are_named(backfilling: Backfilling) -> None:
    answer = ask(backfilling)
    assert answer.status == 202 and [one["type"] for one in answer.body["types"]] == [*LISTED]
    assert answer.body["status"] == "running" and answer.body["requests_per_second"] == 6, "a quarter of what test mode allows"
    assert answer.body["accounts"] == ["self"]
    (requested,) = [one for one in backfilling.world.envelopes() if one.type == "sync.backfill.requested"]
    assert requested.data["backfill_id"] == answer.body["id"] and requested.data["object_types"] == [*LISTED]


def test_named_types_stand_parents_first_and_once(backfilling: Backfilling) -> None:
    answer = ask(backfilling, object_types=["payment_method", "customer", "payment_method"])
    assert [one["type"] for one in answer.body["types"]] == ["customer", "payment_method"]
    assert {one["state"] for one in answer.body["types"]} == {"waiting"}


def test_unknown_types_are_refused_by_name(backfilling: Backfilling) -> None:
    answer = ask(backfilling, object_types=["customer", "invoices", "mandate"])
    assert answer.status == 400 and answer.error.code == "unknown_object_type"
    assert answer.body["error"]["unknown"] == ["invoices", "mandate"] and answer.body["error"]["param"] == "object_types"
    assert backfilling.world.count("sync.backfills") == 0


@pytest.mark.parametrize(
    "created",
    [
        {"gte": "2026-01-01T00:00:00Z", "gt": "2026-01-01T00:00:00Z"},
        {"lte": "2026-01-01T00:00:00Z", "lt": "2026-01-01T00:00:00Z"},
        {"gte": "2026-01-02T00:00:00Z", "lt": "2026-01-02T00:00:00Z"},
        {"gt": "2026-01-02T00:00:00Z", "lt": "2026-01-02T00:00:01Z"},
    ],
)
def test_ranges_that_hold_nothing_or_say_a_side_twice_are_refused(backfilling: Backfilling, created: dict[str, str]) -> None:
    answer = ask(backfilling, object_types=["charge"], created=created)
    assert answer.status == 400 and answer.error.code == "invalid_range"


@pytest.mark.parametrize(
    ("created", "shown"),
    [
        ({"gt": "2026-01-01T00:00:00.5Z", "lte": "2026-01-02T00:00:00Z"}, ("2026-01-01T00:00:01Z", "2026-01-02T00:00:01Z")),
        (
            {"gte": "2026-01-01T01:00:00.5+01:00", "lt": "2026-01-02T00:00:00.5Z"},
            ("2026-01-01T00:00:01Z", "2026-01-02T00:00:01Z"),
        ),
        ({"gte": "2026-01-01T00:00:00Z"}, ("2026-01-01T00:00:00Z", None)),
        ({}, (None, None)),
    ],
)
def test_ranges_are_of_whole_seconds_from_the_first_to_before_the_last(
    backfilling: Backfilling, created: dict[str, str], shown: tuple[str | None, str | None]
) -> None:
    answer = ask(backfilling, object_types=["charge"], created=created)
    assert answer.status == 202
    assert (answer.body["created"]["gte"], answer.body["created"]["lt"]) == shown


@pytest.mark.parametrize(
    "body",
    [{"object_types": []}, {"requests_per_second": 0}, {"requests_per_second": 101}, {"accounts": []}, {"accounts": ["me"]},
     {"created": {"gte": "yesterday"}}, {"created": {"gte": "2026-01-01T00:00:00"}}, {"limit": 5}],
)  # fmt: skip
def test_bad_bodies_are_refused(backfilling: Backfilling, body: dict[str, Any]) -> None:
    assert ask(backfilling, **body).status == 400


def test_a_connection_that_is_not_there_or_has_no_key_cannot_be_listed(backfilling: Backfilling) -> None:
    assert ask(backfilling, connection_id="conn_none").error.code == "connection_not_found"
    bare = connect(backfilling.api)
    answer = ask(backfilling, connection_id=bare["id"])
    assert answer.status == 409 and answer.error.code == "connection_has_no_key"


def test_another_workspaces_connection_is_not_there(backfilling: Backfilling) -> None:
    other = backfilling.api.as_key(workspace_id=backfilling.world.workspace())
    assert other.post(PATH, {"connection_id": backfilling.connection_id}).status == 404


def test_it_needs_its_scope(backfilling: Backfilling) -> None:
    assert backfilling.api.as_key(["sync:read"]).post(PATH, {"connection_id": backfilling.connection_id}).status == 403


def test_five_may_run_at_once(backfilling: Backfilling) -> None:
    for _ in range(5):
        assert ask(backfilling, object_types=["charge"]).status == 202
    answer = ask(backfilling, object_types=["charge"])
    assert answer.status == 429 and answer.error.code == "too_many_backfills" and answer.headers["Retry-After"] == "60"


def test_the_same_key_asks_once(backfilling: Backfilling) -> None:
    body = {"connection_id": backfilling.connection_id, "object_types": ["charge"]}
    first, second = (backfilling.api.as_key().post(PATH, body, Idempotency_Key="once") for _ in range(2))
    assert first.body == second.body and backfilling.world.count("sync.backfills") == 1


def test_it_is_in_the_audit_log(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("charge")
    row = backfilling.world.admin.execute(
        "SELECT action FROM tenancy.audit_log WHERE workspace_id = %s AND resource_id = %s",
        (backfilling.world.workspace_id, backfill_id),
    ).fetchone()
    assert row == ("sync.backfill.requested",)
