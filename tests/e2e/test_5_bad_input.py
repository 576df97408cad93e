"""Webhooks as nobody wants them, on the deployed template: after each the mirror is exactly right."""

import hashlib
import hmac
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local.demo.corpus import Event
from tests.e2e import events, made
from tests.e2e.running import Running, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
DOOR = "connections-receive_stripe_webhook"
STALE, FUTURE = (int(datetime(year, 6, 15, tzinfo=UTC).timestamp()) for year in (2019, 2031))


def take(running: Running, *sent: Event) -> None:
    """Deliver events and wait until they are worked off."""
    assert [running.send(one) for one in sent] == [200] * len(sent)
    until("they are stored", lambda: running.stored(sent) == len({one.id for one in sent}))
    running.settle()


def mirrored(running: Running, kind: str, id: str, account: str = "") -> Any:
    """The object's data; None where it was removed."""
    query = "SELECT data, deleted FROM sync.objects WHERE workspace_id = %s AND account = %s AND type = %s AND id = %s"
    ((data, deleted),) = running.platform.rows(query, running.platform.workspace_id, account, kind, id)
    return None if deleted else data


def body_of(running: Running, sent: Event) -> bytes:
    query = "SELECT body FROM sync.raw_events WHERE workspace_id = %s AND event_id = %s"
    return bytes(running.platform.scalar(query, running.platform.workspace_id, sent.id))


def signature(running: Running, at: int, body: bytes) -> str:
    return hmac.new(running.door.secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def test_of_two_signatures_one_must_be_right_and_none_may_be_old_or_early(running: Running) -> None:
    now = int(time.time())
    taken, refused = (made.event("customer.created", made.like("customer")) for _ in range(2))
    assert running.send_bytes(taken.body, f"t={now},v1={'0' * 64},v1={signature(running, now, taken.body)}") == 200
    for at in (now - 400, now + 400):
        assert running.send_bytes(refused.body, f"t={at},v1={signature(running, at, refused.body)}") == 400
    assert running.send_bytes(refused.body, f"t={now},v1={'0' * 64},v1={'1' * 64}") == 400
    assert running.send_bytes(refused.body, f"t={now},v1={signature(running, now, taken.body)}") == 400
    until("the right one is stored", lambda: running.stored([taken]) == 1)
    running.settle()
    assert running.stored([refused]) == 0
    assert mirrored(running, "customer", taken.object["id"]) == taken.object


def test_events_of_any_time_are_kept_where_their_month_lies(running: Running) -> None:
    now = int(time.time()) - 100
    chosen = {when: made.event("customer.created", made.like("customer"), created=when) for when in (STALE, now, FUTURE)}
    take(running, *chosen.values())
    query = "SELECT tableoid::regclass::text FROM sync.raw_events WHERE event_id = %s"
    found = {when: running.platform.scalar(query, one.id) for when, one in chosen.items()}
    this_month = f"sync.raw_events_{datetime.fromtimestamp(now, UTC):%Y_%m}"
    assert found == {STALE: "sync.raw_events_default", now: this_month, FUTURE: "sync.raw_events_default"}
    for one in chosen.values():
        assert mirrored(running, "customer", one.object["id"]) == one.object


def test_an_account_that_nobody_connected_is_kept_apart(running: Running) -> None:
    own = made.like("customer", name="Ours")
    strange = own | {"name": "Theirs"}
    take(running, made.event("customer.created", own), made.event("customer.created", strange, account="acct_1Strange00000001"))
    assert mirrored(running, "customer", own["id"]) == own
    assert mirrored(running, "customer", own["id"], "acct_1Strange00000001") == strange


def test_only_doors_of_live_connections_are_open(running: Running) -> None:
    key = str(running.stripe.do("keys")["key"])
    other = running.beside("doors", key)
    connection = other.dev["stripe"]["connection_id"]
    before, ill, after = (made.event("customer.created", made.like("customer")) for _ in range(3))
    take(other, before)
    other.stripe.revoke(key)
    assert other.call("POST", f"/v1/connections/{connection}/check")["status"] == "needs_reauth"
    running.sweep("connections")
    take(other, ill)
    assert mirrored(other, "customer", ill.object["id"]) == ill.object
    assert other.send_bytes(after.body, url=other.door.url.replace(connection, "conn_0AbcdefghijklmnopQRS")) == 404
    other.call("DELETE", f"/v1/connections/{connection}")
    other.kill_workers(DOOR)  # which may know a connection for five minutes
    until("nobody knows it", lambda: other.send(after) == 404, 20)
    other.settle()
    assert other.everything_stored() == 2
    assert running.platform.dead_letters() == {}


def test_bodies_of_megabytes_go_by_the_bucket(running: Running) -> None:
    invoice = made.like("invoice", lambda shown: len(shown["lines"]["data"]) == 1)
    invoice["lines"]["data"] = [invoice["lines"]["data"][0] | {"id": f"il_made{number}"} for number in range(1_450)]
    large = made.event("invoice.updated", invoice)
    notes = {f"note_{number:02d}": "ü" * 500 for number in range(50)}
    wordy = made.event("customer.updated", made.like("customer", metadata=notes))
    assert 1_200_000 < len(large.body) < 1_500_000 and sum(len(note.encode()) for note in notes.values()) == 50_000
    before = _kept_bodies(running)
    take(running, large, wordy)
    assert _kept_bodies(running) == before + 1
    for one in (large, wordy):
        assert body_of(running, one) == one.body
        assert mirrored(running, one.object["object"], one.object["id"]) == one.object
    assert running.send_bytes(large.body + b" " * 1_500_000) == 413


def _kept_bodies(running: Running) -> int:
    s3, prefix = running.cloud.client("s3"), f"webhooks/{running.platform.workspace_id}/"
    listed = (s3.list_objects_v2(Bucket=bucket["Name"], Prefix=prefix) for bucket in s3.list_buckets()["Buckets"])
    return sum(int(page["KeyCount"]) for page in listed)


def test_text_that_postgresql_refuses_is_kept_to_the_byte(running: Running) -> None:
    names = {
        "nul": "a\x00b", "half": "x\ud83dy", "astral": "\U0001f98a\U0001d518", "right_to_left": "\u202eمرحبا שלום",
        "control": "\u0001\u007f\u2028",
    }  # fmt: skip
    odd = made.event("customer.created", made.like("customer", name=names["nul"], metadata=names))
    take(running, odd)
    assert body_of(running, odd) == odd.body
    shown = mirrored(running, "customer", odd.object["id"])
    assert (shown["name"], shown["metadata"]) == ("a\ufffdb", names | {"nul": "a\ufffdb", "half": "x\ufffdy"})
    assert running.platform.get(f"/v1/sync/objects/customer/{odd.object['id']}")["data"] == shown


def test_dinars_have_three_decimals_and_yen_none(running: Running) -> None:
    dinars = made.three_decimals()
    yen = made.like("payment_intent", lambda shown: shown["currency"] == "jpy" and shown["status"] == "succeeded")
    take(running, *dinars, made.event("payment_intent.succeeded", yen))
    for (account, kind, id), shown in events.final_state(tuple(dinars)).items():
        assert mirrored(running, kind, id, account) == shown
    paid = next(one.object for one in dinars if one.type == "payment_intent.succeeded")
    query = (
        "SELECT p.currency, p.amount_minor FROM ledger.postings p JOIN ledger.journal_entries e"
        " ON e.workspace_id = p.workspace_id AND e.id = p.entry_id"
        " WHERE e.workspace_id = %s AND e.object_id = %s AND p.account = 'stripe_clearing' AND p.direction = 'debit'"
    )
    for shown, currency in ((paid, "KWD"), (yen, "JPY")):
        assert running.platform.rows(query, running.platform.workspace_id, shown["id"]) == [(currency, shown["amount"])]
    assert running.books_balance()


def test_shapes_of_older_api_versions_are_read(running: Running) -> None:
    sub = made.like("subscription", lambda shown: shown["status"] == "active" and len(shown["items"]["data"]) == 1)
    item = sub["items"]["data"][0]
    period = {name: item.pop(name) for name in ("current_period_start", "current_period_end")}
    invoice = made.like("invoice", lambda shown: shown["status"] == "paid" and shown["parent"])
    del invoice["parent"], invoice["total_taxes"]
    old = {"subscription": sub["id"], "charge": "ch_made", "payment_intent": "pi_made", "paid": True, "tax": 7}
    sent = [
        made.event("customer.subscription.updated", sub | period, api_version="2020-08-27", request="req_made"),
        made.event("invoice.paid", invoice | old, api_version="2022-11-15", request={"id": "req_made", "idempotency_key": "k"}),
    ]
    take(running, *sent)
    for one in sent:
        assert mirrored(running, one.object["object"], one.object["id"]) == one.object
    query = (
        "SELECT s.current_period_end_at, i.subscription_id, i.charge_id, i.payment_intent_id, i.tax_minor"
        " FROM sync_api.subscriptions s JOIN sync_api.invoices i"
        " ON i.subscription_id = s.id WHERE i.id = %s"
    )
    end = datetime.fromtimestamp(period["current_period_end"], UTC)
    running.platform.scalar("SELECT set_config('app.workspace_id', %s, false)", running.platform.workspace_id)
    assert running.platform.rows(query, invoice["id"]) == [(end, sub["id"], "ch_made", "pi_made", 7)]
    query = "SELECT request_id, api_version FROM sync.raw_events WHERE event_id = ANY (%s) ORDER BY api_version"
    found = running.platform.rows(query, [one.id for one in sent])
    assert found == [("req_made", "2020-08-27"), ("req_made", "2022-11-15")]


def test_an_object_that_stripe_does_not_have_is_gone_and_one_it_fails_on_is_asked_for_again(running: Running) -> None:
    now = int(time.time()) - 2
    missing, failing = made.like("customer"), made.like("customer")
    running.stripe.do("objects", objects=[failing | {"name": "as Stripe has it"}])
    running.stripe.fail_next(path=f"/v1/customers/{failing['id']}", status=500)
    take(running, *(made.event("customer.updated", one | {"name": name}, now) for one in (missing, failing) for name in "ab"))
    assert mirrored(running, "customer", missing["id"]) is None
    assert mirrored(running, "customer", failing["id"]) == failing | {"name": "as Stripe has it"}
    assert running.stripe.do("faults")["waiting"] == []
    late = made.event("customer.updated", missing | {"name": "late"}, now + 1)
    take(running, late)
    assert mirrored(running, "customer", missing["id"]) is None
    assert running.platform.dead_letters() == {}


def test_the_same_ids_doubled_and_interleaved_in_two_workspaces(running: Running) -> None:
    other = running.beside("twin")
    chosen = events.others(430, 460)
    running.stripe.play([one.id for one in chosen])
    for one in chosen:
        assert [where.send(one) for where in (running, other, other, running)] == [200] * 4
    for where in (running, other):
        until("all are stored", lambda where=where: where.stored(chosen) == len(chosen))  # type: ignore[misc]
    running.settle()
    query = "SELECT DISTINCT deliveries FROM sync.raw_events WHERE workspace_id = %s AND event_id = ANY (%s)"
    assert other.platform.rows(query, other.platform.workspace_id, [one.id for one in chosen]) == [(2,)]
    for where in (running, other):
        for (account, kind, id), shown in events.final_state(chosen).items():
            assert mirrored(where, kind, id, account) == shown
