"""Thresholds are told once for each alert, subject and period: exact, late or early, whoever looks when and how often."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from oppulence.kernel import db, outbox
from oppulence.kernel.uow import STATEMENT_TIMEOUT_MS, Scope, UnitOfWork
from oppulence.metering import attribution, query, settling
from oppulence.metering.alerts import looking, store, telling, touched
from oppulence.metering.errors import TooManySubjects
from oppulence.metering.query import Question
from oppulence.metering.readings import Reading
from oppulence.metering.store import shard_of
from oppulence.metering.windows import WindowSize
from tests.metering.alerting import NOW, PATH, SUM, TOLD, Alerting
from tests.metering.support import make
from tests.metering.test_attribution import customer
from tests.metering.usage import behind, land, sent, settle, take
from tests.support.api import Api
from tests.support.entries import entry
from tests.support.world import World

TODAY, YESTERDAY = "2026-03-14T00:00:00Z", "2026-03-13T00:00:00Z"


@pytest.fixture
def alerting(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> Alerting:
    return Alerting(store, api, monkeypatch)


def levels(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> Alerting:
    """A meter whose quantity goes on from period to period."""
    return Alerting(store, api, monkeypatch, carry_over=True)


def test_it_is_told_once_with_the_exact_quantity(alerting: Alerting) -> None:
    made = alerting.alert(subject="acme", at="100.00000000000000000001")
    alerting.use("99.99999999999999999999")
    assert alerting.told() == []
    alerting.use("0.00000000000000000001")
    assert alerting.told() == [], "exactly 100"
    alerting.use("0.00000000000000000001")
    (told,) = alerting.look()
    assert told.data == {
        "alert_id": made["id"], "alert_revision": 1, "meter_id": alerting.meter["id"], "slug": "tokens", "subject": "acme",
        "customer_id": None, "period": "day", "time_zone": "UTC", "period_start": TODAY, "period_end": "2026-03-15T00:00:00Z",
        "threshold": "100.00000000000000000001", "percent": None, "of_quantity": None, "quantity": "100.00000000000000000001",
        "settlement": told.data["settlement"],
    }  # fmt: skip
    alerting.use(1000)
    assert alerting.told() == [] and alerting.api.as_key().get(f"{PATH}/{made['id']}").body["reached_at"] is not None


def test_a_share_of_a_quantity(alerting: Alerting) -> None:
    alerting.alert(subject="acme", percent="80", of="0.3")
    alerting.use("0.23999999999999999999")
    assert alerting.told() == []
    alerting.use("0.00000000000000000001")
    (told,) = alerting.look()
    assert [told.data[name] for name in ("threshold", "percent", "of_quantity", "quantity")] == ["0.24", "80", "0.3", "0.24"]


def test_each_subject_is_looked_at_by_itself(alerting: Alerting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(touched, "SUBJECTS_A_PAGE", 2)
    monkeypatch.setattr(looking, "SUBJECTS_A_PAGE", 2)
    monkeypatch.setattr(looking, "ROWS_A_PAGE", 2)
    for subject in "abcde":
        alerting.use(100 if subject in "ace" else 99, subject)
    alerting.alert()
    assert [one[0] for one in alerting.told()] == ["a", "c", "e"], "what there was before it was made"
    for subject in "abcde":
        alerting.use(1, subject)
    assert [one[0] for one in alerting.told()] == ["b", "d"]


def test_once_in_each_period_of_the_time_zone(alerting: Alerting) -> None:
    alerting.alert(subject="acme", time_zone="Europe/Vienna")
    alerting.use(100)
    assert alerting.told() == [("acme", "2026-03-13T23:00:00Z", "100")]
    alerting.move(hours=11)  # midnight in Vienna
    alerting.use(99)
    assert alerting.told() == []
    alerting.use(1)
    assert alerting.told() == [("acme", "2026-03-14T23:00:00Z", "100")]


@pytest.mark.parametrize(
    ("period", "start", "next_start"),
    [("week", "2026-03-09T00:00:00Z", "2026-03-30T00:00:00Z"), ("month", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
     ("ever", None, None)],
)  # fmt: skip
def test_weeks_months_and_without_periods(alerting: Alerting, period: str, start: str | None, next_start: str | None) -> None:
    alerting.alert(subject="acme", period=period)
    alerting.use(60, at=NOW - timedelta(days=2))
    assert alerting.told() == []
    alerting.use(40)
    assert alerting.told() == [("acme", start, "100")]
    alerting.move(days=20)
    alerting.use(100)
    assert alerting.told() == ([("acme", next_start, "100")] if next_start else [])


def test_late_usage_reaches_the_threshold_of_its_own_period(alerting: Alerting) -> None:
    alerting.move(days=-1)
    alerting.alert()
    alerting.use(60)
    alerting.move(days=1)
    alerting.use(50)
    assert alerting.told() == []
    alerting.use(40, at=NOW - timedelta(days=1))
    assert alerting.told() == [("acme", YESTERDAY, "100")]
    alerting.use(50)
    alerting.use(7, at=NOW - timedelta(days=1))
    assert alerting.told() == [("acme", TODAY, "100")]


def test_periods_that_were_over_before_it_was_made_are_not_told(alerting: Alerting) -> None:
    alerting.use(500, at=NOW - timedelta(days=1))
    alerting.alert()
    alerting.use(500, at=NOW - timedelta(days=3))
    alerting.use(1)
    assert alerting.told() == []


@pytest.mark.parametrize("whose", ["each", "subject", "customer"])
def test_the_period_that_ended_before_the_first_look_is_told(alerting: Alerting, whose: str) -> None:
    alerting.use(1, "before", NOW - timedelta(days=2))
    chosen = {"each": {}, "subject": {"subject": "acme"}, "customer": {"customer": customer(alerting.api, "acme")}}[whose]
    alerting.move(hours=11, minutes=59)
    alerting.use(500)
    made = alerting.alert(**chosen)
    alerting.move(minutes=2)
    assert [(one.data["period_start"], one.data["quantity"]) for one in alerting.look()] == [(TODAY, "500")]
    alerting.move(hours=23, minutes=58)
    alerting.use(7)
    assert alerting.told() == []
    assert alerting.api.as_key().patch(f"{PATH}/{made['id']}", {"at": "7"}).status == 200
    alerting.move(minutes=2)
    assert [(one.data["period_start"], one.data["quantity"]) for one in alerting.look()] == [("2026-03-15T00:00:00Z", "7")]


def test_events_that_come_twice_count_once(alerting: Alerting) -> None:
    alerting.alert()
    again = [sent("same", {"v": 60}, NOW, type="llm") for _ in range(3)]
    take(alerting.world, *again[:2])
    take(alerting.world, again[2])
    assert alerting.told() == []
    take(alerting.world, sent("other", {"v": 40}, NOW, type="llm"))
    assert alerting.told() == [("acme", TODAY, "100")]


def test_what_has_only_landed_waits_until_it_is_settled(alerting: Alerting) -> None:
    alerting.alert()
    land(alerting.world, sent("x", {"v": 100}, NOW, type="llm"))
    assert alerting.told() == []
    settle(alerting.world)
    assert alerting.told() == [("acme", TODAY, "100")]


def test_a_level_is_told_in_each_period_in_which_it_stands(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    alerting = levels(store, api, monkeypatch)
    alerting.alert()
    alerting.use(100)
    assert alerting.told() == [("acme", TODAY, "100")]
    alerting.move(hours=6)
    assert alerting.told() == []
    alerting.move(hours=12)  # no usage comes, and the level stands
    assert alerting.told() == [("acme", "2026-03-15T00:00:00Z", "100")]


def test_a_late_change_of_a_level_reaches_all_periods_since(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    alerting = levels(store, api, monkeypatch)
    alerting.alert()
    alerting.look()
    alerting.move(days=2)
    alerting.use(100, at=NOW)
    assert [one[1] for one in alerting.told()] == [f"2026-03-{day}T00:00:00Z" for day in (14, 15, 16)]


def test_with_a_lower_bound_it_is_told_again_only_after_it_fell(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    alerting = levels(store, api, monkeypatch)
    alerting.alert(period="ever", rearm_below="50")
    found = []
    for change in (100, -50, 60, -61, 51, 1, -100, 100):  # 100 50 110 49 100 101 1 101
        alerting.use(change)
        found.append([one[2] for one in alerting.told()])
    assert found == [["100"], [], [], [], ["100"], [], [], ["101"]]


def test_a_lower_bound_holds_from_period_to_period(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    alerting = levels(store, api, monkeypatch)
    alerting.alert(rearm_below="50")
    alerting.use(100)
    assert len(alerting.told()) == 1
    for change in (0, -51, 60):  # 100 49 109, on one day each
        alerting.move(days=1)
        if change:
            alerting.use(change)
        found = alerting.told()
    assert [(one[1], one[2]) for one in found] == [("2026-03-17T00:00:00Z", "109")]
    alerting.use(-100)
    assert alerting.told() == []
    alerting.use(100)
    assert alerting.told() == [], "it was told in this period"


def test_a_customers_usage_is_that_of_its_subjects(alerting: Alerting) -> None:
    api = alerting.api.as_key()
    customer = api.post("/v1/customers", {"key": "cus"}).body
    for subject in ("one", "two"):
        assert api.post(f"/v1/customers/{customer['id']}/subjects", {"subject": subject}).status == 201
    alerting.alert(customer=customer["id"])
    alerting.use(60, "one")
    alerting.use(60, "else")
    assert alerting.look() == []
    alerting.use(40, "two")
    (told,) = alerting.look()
    assert (told.data["subject"], told.data["customer_id"], told.data["quantity"]) == (None, customer["id"], "100")


def test_another_threshold_arms_it_anew(alerting: Alerting) -> None:
    made = alerting.alert(subject="acme")
    alerting.use(100)
    assert len(alerting.told()) == 1
    path, key = f"{PATH}/{made['id']}", alerting.api.as_key()
    assert key.patch(path, {"name": "Mine"}).status == 200
    assert alerting.told() == [], "a name is no threshold"
    assert key.patch(path, {"at": "90"}).status == 200
    (told,) = alerting.look()
    assert (told.data["alert_revision"], told.data["threshold"], told.data["quantity"]) == (3, "90", "100")
    assert alerting.told() == []


def test_another_lower_bound_tells_nothing_again_and_is_looked_at(
    store: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerting = levels(store, api, monkeypatch)
    path, key = f"{PATH}/{alerting.alert(period='ever', rearm_below='50')['id']}", api.as_key()
    alerting.use(120)
    assert len(alerting.told()) == 1
    assert key.patch(path, {"rearm_below": "60"}).status == 200
    assert alerting.told() == []
    alerting.use(-65)
    assert key.patch(path, {"rearm_below": "50"}).status == 200
    assert alerting.told() == []
    assert key.patch(path, {"rearm_below": "60"}).status == 200
    assert alerting.told() == [], "it is armed: 55 is below"
    alerting.use(45)
    assert [one[2] for one in alerting.told()] == ["100"]


def test_another_lower_bound_tells_no_period_that_is_over(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    alerting = levels(store, api, monkeypatch)
    made = alerting.alert(rearm_below="50")
    alerting.use(120)
    assert len(alerting.told()) == 1
    alerting.move(days=1)
    assert alerting.told() == [], "it has not been below"
    alerting.move(days=1)
    alerting.use(-100)
    assert alerting.told() == []
    assert api.as_key().patch(f"{PATH}/{made['id']}", {"rearm_below": "60"}).status == 200
    assert alerting.told() == []


def test_a_meter_that_counts_what_was_before_it_is_looked_at(alerting: Alerting) -> None:
    take(alerting.world, sent("early", {"v": 100}, NOW, type="later"))
    make(alerting.api, **SUM | {"slug": "late", "event_type": "later"})
    alerting.alert(meter="late")
    assert alerting.told() == []
    settle(alerting.world)
    assert alerting.told() == [("acme", TODAY, "100")]


def test_a_meter_that_still_counts_what_was_before_it_is_looked_at_when_it_has(
    alerting: Alerting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it comes to meanwhile is told to nobody, and the period that ends meanwhile is told."""
    monkeypatch.setattr(settling, "MOST_EVENTS", 1)
    for n, (value, subject) in enumerate([(150, "a"), (100, "b"), (-60, "a")]):
        take(alerting.world, sent(f"early{n}", {"v": value}, NOW, type="later", subject=subject))
    make(alerting.api, **SUM | {"slug": "late", "event_type": "later"})
    alerting.alert(meter="late")
    alerting.move(days=1)
    while behind(alerting.world):
        assert alerting.told() == []
        assert settling.settle(shard_of(alerting.world.workspace_id), 0) == 1
    assert alerting.told() == [("b", TODAY, "100")]


def test_nothing_is_asked_where_nothing_came(alerting: Alerting, monkeypatch: pytest.MonkeyPatch) -> None:
    alerting.alert()
    alerting.use(1)
    alerting.look()
    take(alerting.world, sent("x", {}, NOW, type="other"))
    asked = []
    monkeypatch.setattr(query, "read", lambda *question: asked.append(question))
    assert alerting.told() == [] and asked == []


def test_a_question_that_is_refused_holds_up_no_other_alert(alerting: Alerting, monkeypatch: pytest.MonkeyPatch) -> None:
    alerting.alert(subject="one")
    alerting.alert(subject="two", period="week")
    alerting.use(100, "one")
    alerting.use(100, "two")
    read = query.read

    def refusing(scope: Scope, question: Question) -> Reading:
        if question.window_size is WindowSize.DAY:
            raise TooManySubjects("Too many.")
        return read(scope, question)

    with monkeypatch.context() as patch:
        patch.setattr(query, "read", refusing)
        assert [one[0] for one in alerting.told()] == ["two"] and alerting.told() == []
    assert [one[0] for one in alerting.told()] == ["one"]


def test_customers_with_many_subjects_are_asked_for_some_at_a_time(alerting: Alerting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attribution, "MAX_PERIODS", 7)
    for name, subjects in (("a", 3), ("b", 3), ("c", 8), ("d", 3), ("e", 1)):
        found = customer(alerting.api, name, *((f"{name}{n}", None) for n in range(subjects)))
        alerting.alert(customer=found)
        alerting.use(100, f"{name}0")
    told = [one.data["customer_id"] for one in alerting.look()]
    assert len(told) == 4, "all but the one that has more than a question takes"
    assert alerting.told() == []


def test_a_backlog_is_looked_at_in_parts(alerting: Alerting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(touched, "MOST_BATCHES", 2)
    alerting.alert()
    alerting.look()
    for subject in "abcde":
        alerting.use(100, subject)
    assert [one[0] for one in alerting.told()] == [*"abcde"]
    assert alerting.told() == []


def test_one_that_looks_while_another_does_tells_nothing_again(alerting: Alerting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the first one's questions and its telling the second one does all of its work."""
    alerting.alert()
    alerting.alert(subject="acme", at="99")
    alerting.use(100)
    read, calls = query.read, 0

    def between(scope: Scope, question: Question) -> Reading:
        nonlocal calls
        reading = read(scope, question)
        rows = reading.rows()
        calls += 1
        if calls == 1:
            assert looking.look(scope) == 2
        monkeypatch.setattr(Reading, "rows", lambda *_: rows)
        return reading

    with monkeypatch.context() as patch:
        patch.setattr(query, "read", between)
        assert looking.look(Scope("metering", alerting.world.workspace_id)) == 0
    assert len([one for one in alerting.world.envelopes() if one.type == TOLD]) == 2


def test_two_that_tell_at_once_take_turns(alerting: Alerting) -> None:
    """The second one waits for the first one's transaction, and then finds the alert looked at, or the hit noted."""
    alerting.alert()
    alerting.use(100)
    scope = Scope("metering", alerting.world.workspace_id)
    seen = alerting.world.within("metering", lambda uow: store.to_look_at(uow.conn))
    question = Question(
        alerting.meter["id"], NOW.replace(hour=0), NOW + timedelta(hours=12), WindowSize.DAY, group_by=("subject",)
    )
    answer = query.answer(scope, question)

    def tell() -> int:
        with db._connect("metering") as conn:
            conn.execute(db._opening(str(scope.workspace_id), "READ COMMITTED", STATEMENT_TIMEOUT_MS))
            uow = UnitOfWork(conn, scope)
            told = telling.tell(uow, seen, answer.rows, answer.settlement)
            outbox.insert(conn, "metering", uow._outbox) if uow._outbox else None
            time.sleep(0.2)
            conn.execute("COMMIT")
        return told

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(lambda _: tell(), range(4))) == [0, 0, 0, 1]
    assert alerting.world.count("metering.outbox") == alerting.world.count("metering.alert_hits") == 1


@pytest.mark.parametrize("module_and_name", [(store, "insert_hit"), (outbox, "insert"), (store, "mark_looked")])
def test_one_that_is_killed_anywhere_tells_it_once(
    alerting: Alerting, module_and_name: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alerting.alert()
    alerting.use(100)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(*module_and_name, lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt()))
        alerting.look()
    before = [one for one in alerting.world.envelopes() if one.type == "metering.usage.threshold_reached"]
    assert len(before) + len(alerting.told()) == 1
    assert alerting.told() == []


def test_what_the_bus_did_not_take_is_told_by_the_sweeper(alerting: Alerting, monkeypatch: pytest.MonkeyPatch) -> None:
    alerting.alert()
    alerting.use(100)
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "_put", lambda _: None)
        assert alerting.look() == []
    alerting.world.admin.execute("UPDATE metering.outbox SET created_at = now() - interval '1 minute'")
    entry("metering.schedules.sweep_outbox")({}, None)
    assert len([one for one in alerting.world.envelopes() if one.type == "metering.usage.threshold_reached"]) == 1


def test_another_workspaces_usage_reaches_nothing(alerting: Alerting) -> None:
    other = alerting.world.workspace()
    alerting.alert()
    alerting.use(1)
    take(alerting.world, sent("x", {"v": 100}, NOW, type="llm"), workspace_id=other)
    assert alerting.told() == []


def test_a_workspace_that_fails_holds_up_no_other(alerting: Alerting, monkeypatch: pytest.MonkeyPatch) -> None:
    alerting.alert()
    alerting.use(100)
    real = looking.look

    def failing(scope: Scope) -> int:
        if scope.workspace_id != alerting.world.workspace_id:
            raise RuntimeError("odd")
        return real(scope)

    monkeypatch.setattr(looking, "look", failing)
    other = alerting.world.workspace()
    key = alerting.api.as_key(workspace_id=other)
    assert key.post("/v1/meters", {"slug": "m", "event_type": "x", "aggregation": "COUNT"}).status == 201
    assert key.post(PATH, {"meter": "m", "period": "day", "at": 1}).status == 201
    assert len(alerting.told()) == 1
