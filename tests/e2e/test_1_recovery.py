"""From webhooks to a mirror, a balanced ledger and a recovered payment, on the deployed template."""

import pytest

from infra.local import mails
from infra.local.demo import corpus
from infra.local.demo.delivery import Delivery
from tests.e2e import events
from tests.e2e.running import Running, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
SCALE = 30_000.0  # a day in 3 s


def test_a_failed_payment_is_mailed_about_and_recovered(running: Running) -> None:
    key, failed, paid = events.recovered()
    life = events.of_customer(str(failed.object["customer"]))
    chosen = (*events.others(0, 120), *life)
    delivered = tuple(sorted(chosen, key=corpus.bundled().events.index))
    early = {event.id for event in delivered if event.created < failed.created}
    try:
        delivery = Delivery(running.door, running.clock, SCALE, running.stripe, running.platform.lags, lambda _: None)
        progress = delivery.run(delivered, early)
        running.settle()
    finally:
        running.clock.reset()
    assert len(progress.answers_s) == len(delivered) == running.stored(delivered)
    _assert_mirrored(running, delivered)
    assert running.books_balance()
    _assert_recovered(running, key)


def _assert_mirrored(running: Running, delivered: tuple[corpus.Event, ...]) -> None:
    expected = events.final_state(delivered)
    found = {}
    for kind in {kind for _, kind, _ in expected}:
        for row in running.platform.all(f"/v1/sync/objects/{kind}", deleted="false"):
            found[row["account"] or "", kind, row["id"]] = row["data"]
    assert found == expected


def _assert_recovered(running: Running, key: corpus.Key) -> None:
    (case,) = [case for case in running.platform.all("/v1/recovery/cases") if case["invoice_id"] == key[1]]
    expected = corpus.bundled().cases()[key]
    assert (case["status"], case["recovered_minor"]) == ("recovered", expected.recovered_minor)
    timeline = running.platform.get(f"/v1/recovery/cases/{case['id']}")["timeline"]
    told = {entry["details"]["message_id"]: entry["step"] for entry in timeline if entry["kind"] == "mail"}
    sent = {mail["MessageId"]: mail for mail in mails.sent(running.cloud.emulator_url)}
    assert told and set(told) <= set(sent)
    assert expected.steps <= set(told.values()) <= expected.steps | expected.unsure
    for message_id in told:
        mail = sent[message_id]
        assert mail["To"][0].endswith("@example.com") and mail["BodyText"].strip() and "<html" in mail["BodyHtml"]


def test_every_event_reaches_the_analytical_store(running: Running) -> None:
    until("all events are in ClickHouse", lambda: running.analysed() == running.kept_for_analysis())


def test_the_same_webhooks_again_change_nothing(running: Running) -> None:
    again = events.others(0, 40)
    before = running.fingerprint()
    assert set(running.send_all(again)) == {200}
    running.settle()
    assert running.fingerprint() == before
