"""The mirror in SQL: every typed column says what the JSON says, in each shape that Stripe has had."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from oppulence.sync import view_sql
from oppulence.sync.observing import Observed, observe
from oppulence.sync.typed_views import COMMON, JOINED, VIEWS, Column
from tests.support import stripe
from tests.support.world import World

MIGRATION = Path(view_sql.__file__).parent / "migrations" / "0003_show_typed_objects.sql"
AT = datetime(2026, 2, 1, tzinfo=UTC)
Row = dict[str, Any]


def put(world: World, *objects: Row, account: str = "") -> None:
    seen = [Observed(account, one, AT) for one in objects]
    world.within("sync", lambda uow: observe(uow, seen, "conn_1"))


def put_as_it_is(world: World, *objects: Row) -> None:
    """Objects that show no more than a test needs."""
    for one in objects:
        world.admin.execute(
            "INSERT INTO sync.objects (workspace_id, account, type, id, data, event_id, event_created_at, updated_at, version)"
            " VALUES (%s, '', %s, %s, %s, '', now(), now(), 1)",
            (world.workspace_id, one["object"], one["id"], Jsonb(one)),
        )


def rows(world: World, view: str, role: str = "sync", workspace_id: str | None = None) -> list[Row]:
    """All rows of a view, as a context reads them."""

    def read(uow: Any) -> list[Row]:
        cur = uow.conn.execute(f"SELECT * FROM sync_api.{view} ORDER BY account, id")
        names = [column.name for column in cur.description]
        return [dict(zip(names, row, strict=True)) for row in cur.fetchall()]

    found: list[Row] = world.within(role, read, workspace_id)
    return found


def at(shown: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(shown, list):
            shown = shown[int(part)] if int(part) < len(shown) else None
        else:
            shown = shown.get(part) if isinstance(shown, dict) else None
    return shown


def wanted(column: Column, shown: Row, customer: Row | None) -> Any:
    """What a column must say, read by other means than SQL."""
    found = next((value for path in column.paths if (value := value_at(path, shown, customer)) is not None), None)
    if column.kind == "count":
        return found or 0
    if found is None:
        return None
    match column.kind:
        case "id":
            return found["id"] if isinstance(found, dict) else found
        case "time":
            return datetime.fromtimestamp(found, UTC)
        case "currency":
            return found.upper()
        case "decimal":
            return Decimal(str(found))
    return found


def value_at(path: str, shown: Row, customer: Row | None) -> Any:
    if path.startswith(JOINED):
        return at(customer, path.removeprefix(JOINED))
    items, listed, inner = path.partition("[].")
    if listed:
        found = shown.get(items)
        return sum(one[inner] for one in found) if isinstance(found, list) else None
    return at(shown, path)


def test_the_migration_is_what_the_list_makes() -> None:
    assert MIGRATION.read_text() == view_sql.script()


def test_every_typed_column_of_every_object_of_the_corpus_equals_its_json(world: World) -> None:
    final = stripe.final_objects()
    for account in {one.get("account", "") for one in final}:
        put(world, *(one["object"] for one in final if one.get("account", "") == account), account=account)
    known = {(one.get("account", ""), one["object_type"], one["id"]): one["object"] for one in final}
    filled: set[tuple[str, str]] = set()
    for view, (kind, columns) in VIEWS.items():
        found = rows(world, view)
        objects = dict(of_type(known, kind))
        assert {(row["account"], row["id"]) for row in found} == set(objects) and found, view
        for row in found:
            shown = objects[row["account"], row["id"]]
            customer = known.get((row["account"], "customer", str(shown.get("customer"))))
            for column in columns:
                assert row[column.name] == wanted(column, shown, customer), (view, column.name, row["id"])
                filled |= {(view, column.name)} if row[column.name] is not None else set()
            assert kind == "subscription_item" or row["data"] == shown
    assert len(filled) > 0.7 * sum(len(columns) for _, columns in VIEWS.values())


def of_type(known: dict[tuple[str, str, str], Row], kind: str) -> Iterator[tuple[tuple[str, str], Row]]:
    """Objects by account and id; items of subscriptions are shown by these."""
    for (account, its_kind, object_id), shown in known.items():
        if its_kind == kind:
            yield (account, object_id), shown
        if its_kind == "subscription" and kind == "subscription_item":
            yield from (((account, item["id"]), item) for item in shown["items"]["data"])


OLD: dict[str, tuple[Row, Row]] = {
    "customers": (
        {"id": "cus_1", "object": "customer", "account_balance": -5, "discount": {"coupon": {"id": "HALF"}}},
        {"balance_minor": -5, "coupon_id": "HALF"},
    ),
    "subscriptions": (
        {
            "id": "sub_1", "object": "subscription", "customer": {"id": "cus_1"}, "quantity": 2, "start": 100,
            "plan": {"id": "plan_1", "product": "prod_1", "currency": "jpy"}, "current_period_start": 100,
            "current_period_end": 200, "discount": {"coupon": {"id": "HALF"}}, "status": "active",
        },
        {
            "customer_id": "cus_1", "quantity": 2, "price_id": "plan_1", "product_id": "prod_1", "currency": "JPY",
            "current_period_start_at": datetime.fromtimestamp(100, UTC), "coupon_id": "HALF",
            "current_period_end_at": datetime.fromtimestamp(200, UTC), "started_at": datetime.fromtimestamp(100, UTC),
        },
    ),
    "invoices": (
        {
            "id": "in_1", "object": "invoice", "customer": "cus_1", "subscription": {"id": "sub_1"}, "status": "paid",
            "currency": "kwd", "total": 1_234_567, "tax": 67, "payment_intent": "pi_1", "charge": {"id": "ch_1"},
            "discount": {"coupon": {"id": "HALF"}}, "customer_email": None,
        },
        {
            "subscription_id": "sub_1", "currency": "KWD", "total_minor": 1_234_567, "tax_minor": 67, "payment_intent_id": "pi_1",
            "charge_id": "ch_1", "coupon_id": "HALF", "attempt_count": 0, "customer_email": None,
        },
    ),
    "payment_intents": (
        {"id": "pi_1", "object": "payment_intent", "charges": {"data": [{"id": "ch_1"}]}, "source": "card_1", "invoice": "in_1"},
        {"latest_charge_id": "ch_1", "payment_method_id": "card_1", "invoice_id": "in_1"},
    ),
    "credit_notes": (
        {"id": "cn_1", "object": "credit_note", "invoice": {"id": "in_1"}, "tax_amounts": [{"amount": 3}, {"amount": 4}]},
        {"invoice_id": "in_1", "tax_minor": 7},
    ),
}  # fmt: skip


@pytest.mark.parametrize("view", OLD)
def test_older_shapes_are_read_as_well(world: World, view: str) -> None:
    shown, expected = OLD[view]
    put_as_it_is(world, shown)
    (row,) = rows(world, view)
    assert {name: row[name] for name in expected} == expected


def test_items_have_the_period_of_their_subscription_where_they_have_none(world: World) -> None:
    item = {
        "id": "si_1",
        "object": "subscription_item",
        "plan": {"id": "plan_1", "amount": 900, "currency": "usd", "interval": "month"},
    }
    put_as_it_is(
        world,
        {"id": "sub_1", "object": "subscription", "current_period_end": 200, "items": {"data": [item]}},
        item | {"subscription": "sub_1"},
        {"id": "si_21", "object": "subscription_item", "subscription": "sub_1", "current_period_end": 300, "quantity": 3},
    )
    shown = {row["id"]: row for row in rows(world, "subscription_items")}
    assert list(shown) == ["si_1", "si_21"]
    first, beyond = shown["si_1"], shown["si_21"]
    assert (first["subscription_id"], first["unit_amount_minor"], first["currency"]) == ("sub_1", 900, "USD")
    assert (first["current_period_end_at"].timestamp(), beyond["current_period_end_at"].timestamp()) == (200, 300)


def test_a_removed_object_is_still_shown_as_removed(world: World) -> None:
    put(world, {"id": "cus_1", "object": "customer", "deleted": True})
    (row,) = rows(world, "customers")
    assert (row["deleted"], row["email"]) == (True, None)
    assert tuple(row)[: len(COMMON)] == ("workspace_id", "account", "connection_id", "id", "deleted", "version", "mirrored_at")


def test_other_contexts_may_read_and_other_workspaces_see_nothing(world: World) -> None:
    put(world, {"id": "cus_1", "object": "customer", "email": "jane@example.com"})
    other = world.workspace()
    for view in VIEWS:
        assert rows(world, view, "recovery", other) == []
    assert [row["email"] for row in rows(world, "customers", "recovery")] == ["jane@example.com"]
