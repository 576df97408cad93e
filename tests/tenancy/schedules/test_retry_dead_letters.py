"""A letter is tried again by itself an hour after it failed, once; then a person decides."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oppulence.kernel import aws, clock, environment
from oppulence.tenancy import dead_letter_care
from tests.kernel.support import away
from tests.support import letters, stripe
from tests.support.api import Api
from tests.support.entries import entry, envelope
from tests.support.world import World

PARAMETER = "/letters/clock"


@pytest.fixture(autouse=True)
def queues(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CLOCK_PARAMETER", PARAMETER)
    environment.stage.cache_clear()
    world.admin.execute("DELETE FROM tenancy.dead_letters")
    later(timedelta())
    with letters.queues():
        yield
    monkeypatch.undo()
    clock._cached = (0.0, None)


def later(by: timedelta) -> None:
    """Set the domain's clock ahead of the real one."""
    value = {"real_s": time.time(), "virtual_s": (datetime.now(UTC) + by).timestamp(), "scale": 1}
    aws.client("ssm").put_parameter(Name=PARAMETER, Value=json.dumps(value), Type="String", Overwrite=True)
    clock._cached = (0.0, None)


def a_letter(world: World, at: int = 0, **said: Any) -> str:
    event = envelope(world.workspace_id, stripe.webhook(world.workspace_id, stripe.corpus()[at]))
    letters.die(event, **said)
    letters.drain()
    return event.id


def letter(api: Api) -> dict[str, Any]:
    (found,) = api.as_key().get("/v1/dead_letters").body["data"]
    assert isinstance(found, dict)
    return found


def consume(records: list[dict[str, Any]]) -> None:
    assert entry(letters.CONSUMER)({"Records": records}, None) == {"batchItemFailures": []}


def test_not_before_an_hour_has_passed(world: World, api: Api) -> None:
    a_letter(world)
    letters.retry()
    later(timedelta(minutes=59))
    letters.retry()
    assert letters.came_home() == [] and letter(api)["status"] == "pending"


def test_after_an_hour_it_goes_home_once_and_whoever_processes_it_says_so(world: World, api: Api) -> None:
    event_id = a_letter(world)
    later(timedelta(minutes=61))
    letters.retry()
    letters.retry()
    found = letter(api)
    assert (found["status"], found["decided_by"]) == ("retrying", None) and found["sent_back_at"] is not None
    (home,) = letters.came_home()
    assert json.loads(home["body"])["detail"]["id"] == event_id
    consume([home])
    assert letter(api)["status"] == "resolved" and world.count("sync.raw_events") == 1


def test_if_it_dies_again_it_is_the_same_letter_and_waits_for_a_person(world: World, api: Api) -> None:
    a_letter(world, reason="ValueError: once", tries=5)
    later(timedelta(minutes=61))
    letters.retry()
    (home,) = letters.came_home()
    letters.die(home["body"], reason="KeyError: twice", tries=5, letter=home["messageAttributes"]["dead_letter"]["stringValue"])
    letters.drain()
    found = letter(api)
    assert (found["status"], found["tries"], found["error"], found["message"]) == ("kept", 10, "KeyError", "twice")
    assert found["last_failed_at"] > found["first_failed_at"]
    later(timedelta(days=2))
    letters.retry()
    assert letters.came_home() == [] and letter(api)["status"] == "kept"


def test_the_consumer_itself_buries_it_again_under_its_name(world: World, api: Api) -> None:
    """Through the real consumer: the event cannot be processed, however often."""
    bad = stripe.webhook(world.workspace_id, b'{"id": "evt_1", "type": "x"}')
    assert world.deliver(letters.CONSUMER, bad) == []
    letters.drain()
    assert (letter(api)["error"], letter(api)["status"], letter(api)["tries"]) == ("Permanent", "pending", 1)
    later(timedelta(minutes=61))
    letters.retry()
    consume(letters.came_home())
    letters.drain()
    assert (letter(api)["status"], letter(api)["tries"]) == ("kept", 2)


def test_what_has_no_event_id_is_recognised_too(world: World) -> None:
    letters.die("no json")
    letters.drain()
    later(timedelta(minutes=61))
    letters.retry()
    (home,) = letters.came_home()
    consume([home])  # which finds it as unreadable as before
    letters.drain()
    rows = world.admin.execute("SELECT workspace_id, status, tries FROM tenancy.dead_letters").fetchall()
    assert rows == [("none", "kept", 6)]


def test_at_most_a_hundred_a_run_the_first_failed_first(world: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dead_letter_care.RETRY_MOST == 100
    monkeypatch.setattr(dead_letter_care, "RETRY_MOST", 2)
    ids = [a_letter(world, n) for n in range(3)]
    later(timedelta(minutes=61))
    letters.retry()
    assert {json.loads(one["body"])["detail"]["id"] for one in letters.came_home()} == set(ids[:2])
    letters.retry()
    assert [json.loads(one["body"])["detail"]["id"] for one in letters.came_home()] == ids[2:]


def test_what_was_left_behind_unsent_is_sent_by_a_later_run(world: World, api: Api) -> None:
    a_letter(world)
    later(timedelta(minutes=61))
    with away("sqs", "SendMessage"):
        letters.retry()
    assert letter(api)["status"] == "retrying" and letter(api)["sent_back_at"] is None
    letters.retry()
    assert letters.came_home() == [], "its sender may still be at it"
    later(timedelta(minutes=64))
    letters.retry()
    assert len(letters.came_home()) == 1 and letter(api)["sent_back_at"] is not None


def test_letters_of_several_workspaces_go_under_their_own_keys(world: World, api: Api) -> None:
    other = world.workspace()
    for workspace_id in (world.workspace_id, other):
        letters.die(envelope(workspace_id, stripe.webhook(workspace_id, stripe.corpus()[0])))
    letters.drain()
    later(timedelta(minutes=61))
    letters.retry()
    consume(letters.came_home())
    assert (world.count("sync.raw_events"), world.count("sync.raw_events", other)) == (1, 1)


def test_how_many_wait_for_a_person_is_a_metric(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "tenancy")
    letters.undelivered(letters.TICKS, "{}")
    letters.drain()
    capsys.readouterr()
    letters.retry()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "dead_letters_kept" in line]
    (metric,) = [line for line in lines if "_aws" in line]
    assert metric["dead_letters_kept"] in (1, [1])
    assert metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
