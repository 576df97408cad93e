"""Stripe's EventBridge source: rule, queue and function between a partner's bus and the mirror."""

import json
from urllib.request import Request

import pytest

from infra.local.demo import corpus
from tests.e2e.running import OPENER, Running, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]

SOURCE = "aws.partner/stripe.com/ed_test_61LocalStripe"


def name_source(running: Running) -> None:
    """Have the development workspace's connection name the source."""
    headers = {"Authorization": f"Bearer {running.dev['api_key']}", "Content-Type": "application/json"}
    url = f"{running.dev['api_url']}/v1/connections/{running.dev['stripe']['connection_id']}"
    body = json.dumps({"partner_event_source": SOURCE}).encode()
    with OPENER.open(Request(url, data=body, headers=headers, method="PATCH"), timeout=40) as answer:
        assert json.loads(answer.read())["partner_event_source"] == SOURCE


def test_an_event_of_the_source_is_stored_once_beside_its_webhook(running: Running) -> None:
    name_source(running)
    first, second = [one for one in corpus.bundled().events if running.stored([one]) == 0][-2:]
    assert running.send_all([first]) == [200]
    entries = [
        {
            "EventBusName": "oppulence-partner", "Source": SOURCE, "DetailType": json.loads(one.body)["type"],
            "Detail": one.body.decode(), "Resources": [SOURCE],
        }
        for one in (first, second, second)
    ]  # fmt: skip
    assert running.cloud.client("events").put_events(Entries=entries)["FailedEntryCount"] == 0
    until("the source's event is stored", lambda: running.stored([second]) == 1)
    running.settle()
    query = "SELECT via, exact FROM sync.raw_events WHERE workspace_id = %s AND event_id = %s"
    found = [running.platform.rows(query, running.platform.workspace_id, one.id) for one in (first, second)]
    assert found == [[("webhook", True)], [("partner", False)]]
    assert running.platform.dead_letters() == {}
