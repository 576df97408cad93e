"""Pages of one type: written with their cursor, in the order of asking, whatever dies or refuses in between."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from oppulence.kernel import uow as units
from oppulence.sync.backfill import pages
from tests.support import stripe
from tests.sync.backfilling import Backfilling


class Died(BaseException):
    """The function was killed."""


@pytest.fixture
def corpus(backfilling: Backfilling) -> dict[tuple[str, str, str], dict[str, Any]]:
    """An account with a history; what Stripe lists of it, by account, type and id."""
    backfilling.fake.do("corpus")
    return {
        (one.get("account") or "", one["object_type"], one["id"]): one["object"]
        for one in stripe.final_objects()
        if not one["object"].get("deleted")
    }


def of(known: dict[tuple[str, str, str], Any], account: str, *kinds: str) -> dict[tuple[str, str, str], Any]:
    return {key: value for key, value in known.items() if key[0] == account and key[1] in kinds}


def test_all_pages_of_a_type_are_in_the_mirror_as_stripe_shows_them(backfilling: Backfilling, corpus: dict[Any, Any]) -> None:
    backfill_id = backfilling.ask("invoice", "subscription", "balance_transaction")
    view = backfilling.run(backfill_id)
    assert view["status"] == "completed" and [one["state"] for one in view["types"]] == ["finished"] * 3
    invoices = backfilling.progress(backfill_id, "invoice")
    assert (invoices["pages"], invoices["rows_listed"], invoices["rows_changed"]) == (4, 303, 303)
    assert backfilling.mirrored() == of(corpus, "", "invoice", "subscription", "balance_transaction")


def test_a_second_backfill_changes_nothing_and_tells_nothing_twice(backfilling: Backfilling, corpus: dict[Any, Any]) -> None:
    backfilling.run(backfilling.ask("invoice", "payment_intent"))
    facts = [(one.type, one.data["object_id"]) for one in backfilling.told if "object_id" in one.data]
    assert len(facts) == len({*facts}) and any(kind == "sync.invoice.finalized" for kind, _ in facts)
    backfilling.told.clear()
    view = backfilling.run(backfilling.ask("invoice", "payment_intent"))
    assert (view["rows_listed"], view["rows_changed"]) == (583, 0)
    assert not [one for one in backfilling.told if not one.type.startswith("sync.backfill.")]


def test_failures_of_long_ago_open_no_case(backfilling: Backfilling, corpus: dict[Any, Any]) -> None:
    backfilling.run(backfilling.ask("invoice", "payment_intent", "charge"))
    kinds = {one.type for one in backfilling.told}
    assert "sync.invoice.paid" in kinds and "sync.invoice.payment_failed" not in kinds


def test_facts_have_their_own_moments_not_the_listings(backfilling: Backfilling, corpus: dict[Any, Any]) -> None:
    backfilling.run(backfilling.ask("invoice"))
    paid = [one for one in backfilling.told if one.type == "sync.invoice.paid"]
    moments = {key[2]: shown["status_transitions"]["paid_at"] for key, shown in of(corpus, "", "invoice").items()}
    assert paid and all(one.occurred_at.timestamp() == moments[one.data["object_id"]] for one in paid)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_task_that_dies_loses_and_doubles_nothing(
    backfilling: Backfilling, corpus: dict[Any, Any], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    backfill_id = backfilling.ask("invoice")
    backfilling.start()
    save = pages._save_pages

    def dying(uow: units.UnitOfWork, row: Any, **given: Any) -> Any:
        save(uow, row, **given)
        if moment == "after":
            uow.conn.execute("COMMIT")  # what was written is, only nobody hears of it
        raise Died

    monkeypatch.setattr(pages, "_save_pages", dying)
    monkeypatch.setattr(pages, "PAGES_AT_ONCE", 1)
    with pytest.raises(Died):
        backfilling.step(backfill_id, "invoice")
    monkeypatch.setattr(pages, "_save_pages", save)
    assert backfilling.progress(backfill_id, "invoice")["pages"] == (1 if moment == "after" else 0)
    assert backfilling.run(backfill_id)["status"] == "completed"
    after = backfilling.progress(backfill_id, "invoice")
    assert (after["pages"], after["rows_listed"], after["rows_changed"]) == (4, 303, 303)
    assert backfilling.mirrored() == of(corpus, "", "invoice")


def test_time_that_is_over_leaves_the_cursor_for_the_next_call(
    backfilling: Backfilling, corpus: dict[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "WORK_S", 0.0)
    backfill_id = backfilling.ask("invoice")
    backfilling.start()
    for page in (1, 2, 3):
        assert backfilling.step(backfill_id, "invoice")["next_step"] == "go_on"
        assert backfilling.progress(backfill_id, "invoice")["pages"] == page
    assert backfilling.run(backfill_id)["rows_listed"] == 303 and backfilling.mirrored() == of(corpus, "", "invoice")


def test_only_the_execution_that_the_row_names_acts(backfilling: Backfilling, corpus: dict[Any, Any]) -> None:
    backfill_id = backfilling.ask("invoice")
    backfilling.start()
    (row,) = backfilling.rows(backfill_id)
    answer = backfilling.task(row, execution="another")
    assert answer["next_step"] == "stale" and row["execution_name"] in answer["reason"]
    assert backfilling.task(row, backfill_id="bf_none")["next_step"] == "stale"
    assert backfilling.mirrored() == {}


def test_another_workspaces_execution_sees_nothing(backfilling: Backfilling, corpus: dict[Any, Any]) -> None:
    backfill_id = backfilling.ask("invoice")
    backfilling.start()
    (row,) = backfilling.rows(backfill_id)
    assert backfilling.task(row, workspace_id=backfilling.world.workspace())["next_step"] == "stale"
    assert backfilling.progress(backfill_id, "invoice")["pages"] == 0


def test_a_change_after_the_listing_wins_though_it_is_written_first_or_last(backfilling: Backfilling, connection_id: str) -> None:
    """The page was asked for at 12:00:00, the webhook tells of 12:00:05: that one stays, in either order of writing."""
    client = backfilling.fake.client()
    first, second = (client.v1.customers.create({"name": "as listed"}).to_dict() for _ in range(2))
    backfilling.fake.advance(to=backfilling.fake.now + 60, settle=False)
    renamed = {one["id"]: one | {"name": "as told later"} for one in (first, second)}

    def tell(id: str, at: int) -> None:
        event = {"id": f"evt_{id}", "object": "event", "type": "customer.updated", "created": at, "livemode": False,
                 "data": {"object": renamed[id], "previous_attributes": {"name": "as listed"}}}  # fmt: skip
        stripe.mirror(backfilling.world, [json.dumps(event).encode()])

    later = int(datetime.now(UTC).timestamp()) + 3_600
    tell(first["id"], later)
    backfilling.run(backfilling.ask("customer"))
    tell(second["id"], later)
    names = {key[2]: shown["name"] for key, shown in backfilling.mirrored("customer").items()}
    assert names == {first["id"]: "as told later", second["id"]: "as told later"}


def test_a_range_of_created_narrows_each_kind_of_listing(backfilling: Backfilling, corpus: dict[Any, Any]) -> None:
    made = sorted(shown["created"] for key, shown in of(corpus, "", "charge").items())
    start, end = (datetime.fromtimestamp(made[len(made) * part // 4], UTC) for part in (1, 3))
    created = {"gte": start.isoformat(), "lt": end.isoformat()}
    backfilling.run(backfilling.ask("customer"))
    view = backfilling.run(backfilling.ask("charge", "payment_method", "quote", created=created))
    assert view["status"] == "completed"
    within = {
        key: shown
        for key, shown in of(corpus, "", "charge", "payment_method", "quote").items()
        if start.timestamp() <= shown["created"] < end.timestamp() and (key[1] != "payment_method" or shown["customer"])
    }
    assert {key: one for key, one in backfilling.mirrored().items() if key[1] != "customer"} == within


def test_children_are_listed_below_the_mirrors_parents_and_go_on_there(
    backfilling: Backfilling, corpus: dict[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oppulence.sync.backfill.targets.PARENTS", 7)
    backfill_id = backfilling.ask("customer", "tax_id")
    assert [row["state"] for row in backfilling.rows(backfill_id)] == ["waiting", "waiting"]
    backfilling.start()
    assert [row["state"] for row in backfilling.rows(backfill_id)] == ["running", "waiting"], "customers come first"
    assert backfilling.run(backfill_id)["status"] == "completed"
    assert backfilling.progress(backfill_id, "tax_id")["pages"] == len(of(corpus, "", "customer"))
    attached = {key: one for key, one in of(corpus, "", "tax_id").items() if one["customer"]}
    assert backfilling.mirrored("tax_id") == attached


def test_connected_accounts_are_listed_apart(backfilling: Backfilling, corpus: dict[Any, Any]) -> None:
    view = backfilling.run(backfilling.ask("charge", "bank_account", connected_accounts=True))
    assert view["status"] == "completed" and [one["type"] for one in view["types"]] == ["account", "charge", "bank_account"]
    accounts = sorted({key[0] for key in corpus})
    expected = {key: one for account in accounts for key, one in of(corpus, account, "charge", "account", "bank_account").items()}
    assert len(accounts) == 5 and backfilling.mirrored() == expected


def test_one_account_that_has_left_does_not_stop_the_others(backfilling: Backfilling, corpus: dict[Any, Any]) -> None:
    gone, kept = sorted({key[0] for key in corpus} - {""})[:2]
    backfilling.fake.do(f"accounts/{gone}/deauthorize")
    backfill_id = backfilling.ask("charge", accounts=[gone, kept])
    assert backfilling.run(backfill_id)["status"] == "completed"
    assert backfilling.mirrored() == of(corpus, kept, "charge")
    assert gone in backfilling.progress(backfill_id, "charge")["error"]


def test_what_listed_objects_name_and_the_mirror_lacks_is_fetched(backfilling: Backfilling, corpus: dict[Any, Any]) -> None:
    backfill_id = backfilling.ask("refund", include_related=True)
    assert backfilling.run(backfill_id)["status"] == "completed"
    refunds = of(corpus, "", "refund").values()
    named = {("", "charge", one["charge"]) for one in refunds} | {
        ("", "payment_intent", one["payment_intent"]) for one in refunds
    }
    named |= {("", "balance_transaction", one["balance_transaction"]) for one in refunds}
    named = {key for key in named if key[2]}
    assert backfilling.mirrored().keys() == named | of(corpus, "", "refund").keys()
    assert backfilling.progress(backfill_id, "refund")["related_fetched"] == len(named)


def test_related_objects_are_bounded_and_the_rest_is_told(
    backfilling: Backfilling, corpus: dict[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oppulence.sync.backfill.related.MOST", 5)
    backfill_id = backfilling.ask("refund", include_related=True)
    backfilling.run(backfill_id)
    progress = backfilling.progress(backfill_id, "refund")
    assert progress["related_fetched"] == 5 and progress["related_missing"] > 0
    assert progress["rows_listed"] == len(of(corpus, "", "refund"))
