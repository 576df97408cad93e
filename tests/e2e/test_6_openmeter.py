"""OpenMeter's own client on the deployed template, by the address that everything has."""

from datetime import UTC, datetime, timedelta

import pytest
from corehttp.exceptions import HttpResponseError, ResourceNotFoundError
from openmeter import Client
from openmeter.models import Event, MeterCreate, MeterQueryRequest

from oppulence.kernel.ids import random_text
from tests.e2e.running import Running, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]


def test_the_unmodified_client_meters_here(running: Running) -> None:
    """From the first event to the invoice's number, and what it hears when something is wrong."""
    slug, now = f"om_{random_text(10).lower()}", datetime.now(UTC)
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)

    def event(number: int, tokens: object) -> Event:
        time = since + timedelta(minutes=number)
        subject = f"{slug}-{number % 2}"
        return Event(
            id=str(number), source=slug, specversion="1.0", type=slug, subject=subject, time=time, data={"tokens": tokens}
        )

    with Client(endpoint=f"{running.cloud.api_url}/openmeter", token=running.platform.api_key) as om:
        made = om.meters.create(MeterCreate(slug=slug, aggregation="SUM", event_type=slug, value_property="$.tokens"))
        om.events.ingest_event(event(1, "0.1"))
        om.events.ingest_events([event(2, "0.2"), event(2, 500), event(61, 4)])
        om.events.ingest_events_json([event(62, "many"), event(62, 9)])
        until("the events are counted", lambda: sum(row.value for row in om.meters.query_json(slug).data) == 4.3)
        hours = om.meters.query(made.id, MeterQueryRequest(from_property=since, to=now, window_size="HOUR", group_by=["subject"]))
        assert [(row.window_start, row.subject, row.value) for row in hours.data] == [
            (since, f"{slug}-0", 0.2), (since, f"{slug}-1", 0.1), (since + timedelta(hours=1), f"{slug}-1", 4.0),
        ]  # fmt: skip
        assert om.meters.query_csv(slug, subject=[f"{slug}-0"]).splitlines()[1].endswith(f",{slug}-0,0.2")
        listed = {one.event.id: one.validation_error for one in om.events.list(subject=slug)}
        assert listed["62"] and {id_ for id_, error in listed.items() if error is None} == {"1", "2", "61"}
        assert made.id in {one.id for one in om.meters.list()}
        with pytest.raises(HttpResponseError) as refused:
            om.events.ingest_event(Event(id="", source=slug, specversion="1.0", type=slug, subject="x"))
        assert refused.value.model is not None and refused.value.model.status == 400
        om.meters.delete(slug)
        with pytest.raises(ResourceNotFoundError):
            om.meters.get(slug)
