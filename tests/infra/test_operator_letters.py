"""`oppulence dlq` works on all workspaces' letters, and on those of none, through the use cases of the routes."""

from collections.abc import Iterator

import pytest

from infra.ops import dead
from infra.ops.dead import Choice
from infra.ops.place import operating
from oppulence.tenancy import dead_letters
from tests.support import letters, stripe
from tests.support.api import Api
from tests.support.entries import envelope
from tests.support.world import World

OPEN = ("pending", "retrying", "kept")


@pytest.fixture(autouse=True)
def queues(world: World) -> Iterator[None]:
    world.admin.execute("DELETE FROM tenancy.dead_letters")
    with letters.queues():
        yield


@pytest.fixture
def other(world: World) -> str:
    """A second workspace; in both, and in none, something has died."""
    workspace_id = world.workspace()
    for one in (world.workspace_id, workspace_id):
        letters.die(envelope(one, stripe.webhook(one, stripe.corpus()[0])), reason="ValueError: odd")
    letters.die("no json", reason="unreadable: a mess")
    return workspace_id


def named(choice: Choice, *statuses: str) -> list[str | None]:
    return [scope.workspace_id for scope, _ in dead.letters(choice, statuses or OPEN)]


def test_what_stands_on_sqs_is_counted_and_taken_in(world: World, other: str) -> None:
    none = {"pending": 0, "retrying": 0, "kept": 0}
    assert {"queue": letters.QUEUE, "on_sqs": 3, **none} in dead.counts()
    dead.take_in()
    assert {"queue": letters.QUEUE, "on_sqs": 0, **none, "pending": 3} in dead.counts()
    assert sorted(map(str, named(Choice()))) == sorted(["none", world.workspace_id, other])


def test_a_choice_narrows_them(world: World, other: str) -> None:
    dead.take_in()
    assert named(Choice(workspace=other)) == [other] and named(Choice(workspace="none")) == ["none"]
    assert named(Choice(reason="mess")) == ["none"] and named(Choice(queue="ledger")) == []
    ((_, letter),) = dead.letters(Choice(workspace=other), OPEN)
    assert named(Choice(ids=(letter.id,))) == [other] and named(Choice(), "resolved") == []


def test_all_go_home_after_a_dry_run_and_the_audit_log_says_who_sent_them(world: World, other: str, api: Api) -> None:
    dead.take_in()
    assert dead.redrive(Choice(queue="sync"), dry_run=True) == {letters.QUEUE: 3} and letters.came_home() == []
    assert dead.redrive(Choice(queue="sync"), dry_run=False) == {letters.QUEUE: 3} and len(letters.came_home()) == 3
    (entry,) = api.as_key(workspace_id=other).get("/v1/audit_events", action="dead_letter.redriven").body["data"]
    assert (entry["actor"]["type"], entry["actor"]["id"]) == ("system", "operator")


def test_more_than_a_call_takes_go_home(world: World, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "MOST", 1)
    letters.die(envelope(other, stripe.webhook(other, stripe.corpus()[1])))
    dead.take_in()
    assert dead.redrive(Choice(workspace=other), dry_run=False) == {letters.QUEUE: 2}


def test_those_of_no_workspace_can_be_read_and_given_up(world: World, other: str) -> None:
    dead.take_in()
    ((scope, letter),) = dead.letters(Choice(workspace="none"), OPEN)
    assert dead_letters.body(scope, letter.id).text == "no json"
    assert dead.discard(Choice(workspace="none"), "a mess", dry_run=True) == {letters.QUEUE: 1}
    assert dead.discard(Choice(workspace="none"), "a mess", dry_run=False) == {letters.QUEUE: 1}
    assert named(Choice(workspace="none")) == [] and named(Choice(), "discarded") == ["none"]


def test_what_has_no_queue_can_only_be_given_up(world: World) -> None:
    letters.undelivered(letters.TICKS, "{}")
    dead.take_in()
    assert dead.redrive(Choice(), dry_run=False) == {}
    assert dead.discard(Choice(queue=letters.TICKS), "a tick", dry_run=False) == {letters.TICKS: 1}


def test_the_operator_opens_webhooks(world: World, other: str) -> None:
    dead.take_in()
    ((_, letter),) = dead.letters(Choice(workspace=other), OPEN)
    opened = dead_letters.body(operating("tenancy", other), letter.id).webhook
    assert opened is not None and opened.encode() == stripe.corpus()[0]
