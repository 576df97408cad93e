"""POST /v1/events"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from oppulence.kernel import aws
from oppulence.metering import batches, cloudevents, event_document, ingest, landing, receiving
from oppulence.metering.cloudevents import MANY, ONE, PLAIN, Defaults, Sent
from oppulence.metering.events import UsageAccepted
from oppulence.metering.usage_event import SentEvent, UsageEvent
from tests.metering import usage
from tests.support import cloud
from tests.support.api import Answer, Api
from tests.support.world import World

PATH = "/v1/events"
EVENT: dict[str, Any] = {"id": "1", "source": "app", "type": "call", "subject": "acme", "data": {"n": 1}}
CLOUD = {"specversion": "1.0", **EVENT}


@pytest.fixture(autouse=True)
def as_if_started(world: World) -> None:
    """Nothing is remembered of callers."""
    receiving.forget_all()


@pytest.fixture
def sender(api: Api) -> Api:
    return api.as_key(["usage:write"])


def send(sender: Api, body: Any, kind: str = "application/json", **headers: Any) -> Answer:
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    query = {"atomic": headers.pop("atomic")} if "atomic" in headers else {}
    return sender.with_headers(content_type=kind, **headers).send("POST", PATH, raw, query)


@dataclass(frozen=True)
class Queued:
    """A batch on the queue."""

    id: str
    workspace_id: str
    events: list[UsageEvent]


def queued() -> list[Queued]:
    """What went to the queue since the last look."""
    return [Queued(batches.parse(one.text).id, one.workspace_id, usage.events_of(one)) for one in usage.queued()]


def taken(answer: Answer) -> list[Any]:
    """The one batch's events, of a request of which everything was taken."""
    assert (answer.status, answer.body["rejected"]) == (202, 0), answer.body
    (batch,) = queued()
    return list(batch.events)


def faults(answer: Answer) -> list[tuple[int, str | None]]:
    assert answer.status == 202, answer.body
    return [(one["index"], one.get("field")) for one in answer.body["results"] if one["status"] == "rejected"]


def test_an_event_goes_to_the_queue_as_it_was_sent(sender: Api, world: World) -> None:
    answer = send(sender, '{"id": "1", "source": "app", "type": "call", "subject": "acme",'
                          ' "time": "2020-02-29T12:00:00.123456+01:00", "data": {"n": 1.10, "m": "é"}}')  # fmt: skip
    assert (answer.status, answer.body) == (
        202, {"accepted": 1, "duplicates": 0, "rejected": 0, "results": [{"index": 0, "status": "accepted"}]},
    )  # fmt: skip
    (batch,) = queued()
    (event,) = batch.events
    assert batch.workspace_id == world.workspace_id
    assert (event.source, event.id, event.type, event.subject) == ("app", "1", "call", "acme")
    assert event.time == datetime(2020, 2, 29, 11, 0, 0, 123456, UTC)
    assert event.data == '{"n": 1.10, "m": "é"}'
    assert timedelta(0) <= datetime.now(UTC) - event.stored_at < timedelta(minutes=1) and event.sequence == 0


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", EVENT), ("application/json", [EVENT]), ("application/json", {"events": [EVENT]}),
        ("application/json; charset=utf-8", CLOUD), ("application/cloudevents+json", CLOUD),
        ("Application/CloudEvents+JSON", CLOUD | {"extension": {"of": "theirs"}}),
        ("application/json", [CLOUD | {"extension": 1}]),
        ("application/cloudevents-batch+json", [CLOUD]),
    ],
)  # fmt: skip
def test_every_form_is_the_same_event(sender: Api, kind: str, body: Any) -> None:
    (event,) = taken(send(sender, body, kind))
    assert (event.source, event.id, event.type, event.subject, event.data) == ("app", "1", "call", "acme", '{"n": 1}')


@pytest.mark.parametrize("kind", [PLAIN, ONE, MANY])
def test_the_samples_of_the_document_are_what_it_says_and_are_taken(sender: Api, kind: str) -> None:
    shown = event_document.media_types()[kind]
    Draft202012Validator(shown["schema"]).validate(shown["example"])
    assert len(taken(send(sender, shown["example"], kind))) == 1
    assert not Draft202012Validator(shown["schema"]).is_valid({"id": 5})


def test_binary_mode_has_its_attributes_in_headers(sender: Api) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": '"a\\"1"', "ce-source": "app", "ce-type": "call",
               "ce-subject": "caf%C3%A9%20%25", "ce-time": "2020-01-01T00:00:00Z", "ce-traceparent": "passed over"}  # fmt: skip
    (event,) = taken(send(sender, b'{"n": 1.10}', **headers))
    assert (event.id, event.source, event.type, event.subject) == ('a"1', "app", "call", "café %")
    assert (event.time, event.data) == (datetime(2020, 1, 1, tzinfo=UTC), '{"n": 1.10}')
    (bare,) = taken(send(sender, b"", "", **{"ce-specversion": "1.0", "ce-type": "call", "ce-customer": "c-1"}))
    assert (bare.subject, bare.data) == ("c-1", None)
    assert faults(send(sender, b"1", **headers | {"ce-subject": "%ff"})) == [(0, "subject")]
    assert faults(send(sender, b"1", **headers | {"ce-time": "yesterday"})) == [(0, "time")]
    assert faults(send(sender, b"1", **headers | {"ce-specversion": "0.3"})) == [(0, "specversion")]
    for name in ("specversion", "type"):
        (fault,) = send(sender, b'{"n": 1}', **{key: text for key, text in headers.items() if key != f"ce-{name}"}).body[
            "results"
        ]
        assert (fault["field"], f"ce-{name}" in fault["reason"]) == (name, True)


def test_a_fault_says_what_is_taken(sender: Api) -> None:
    (fault,) = send(sender, EVENT | {"specversion": "0.3"}).body["results"]
    assert (fault["field"], fault["reason"]) == ("specversion", "Only 1.0 is taken.")
    many = send(sender, [EVENT] * 1_001).error
    assert (many.code, many.param) == ("too_many_events", "body") and "/v1/events/imports" in many.message


@pytest.mark.parametrize(("kind", "body"), [(ONE, CLOUD), (MANY, [CLOUD])])
def test_a_cloudevents_content_type_is_no_binary_mode_whatever_headers_come_along(sender: Api, kind: str, body: Any) -> None:
    """As the HTTP binding says, 3."""
    headers = {"ce-specversion": "1.0", "ce-id": "9", "ce-type": "other", "ce-subject": "other"}
    (event,) = taken(send(sender, body, f"{kind}; charset=utf-8", **headers))
    assert (event.id, event.type, event.subject, event.data) == ("1", "call", "acme", '{"n": 1}')
    assert send(sender, "<a/>", "application/cloudevents+xml", **headers).error.code == "unsupported_media_type"


def test_what_is_left_out_is_filled_in(sender: Api) -> None:
    answer = send(sender, [{"type": "call", "subject": "a"}, {"type": "call", "customer": "a"}], X_Request_Id="r-1")
    ids = [one["id"] for one in answer.body["results"]]
    first, second = taken(answer)
    assert [first.id, second.id] == ids and ids[0] != ids[1]
    assert (first.source, first.data) == ("test", None)  # as its key is called
    assert first.time == second.time and timedelta(0) <= first.stored_at - first.time < timedelta(minutes=1)
    again = send(sender, [{"type": "call", "subject": "a"}] * 2, X_Request_Id="r-2")
    assert not {one["id"] for one in again.body["results"]} & set(ids)


def test_a_repeat_with_its_key_gives_the_same_ids_and_with_another_body_none(sender: Api, world: World) -> None:
    body = [{"type": "call", "subject": "a"}] * 2
    first = send(sender, body, Idempotency_Key="k-1")
    (batch,) = queued()
    second = send(sender, body, Idempotency_Key="k-1")
    assert second.headers["Idempotent-Replayed"] == "true" and second.body == first.body and queued() == []
    aws.client("dynamodb").delete_item(
        TableName="idempotency", Key={"id": {"S": f"metering#{world.workspace_id}#k-1"}}
    )  # as after a day, or a crash before it was kept
    third = send(sender, body, Idempotency_Key="k-1")
    (again,) = queued()
    assert third.body == first.body
    assert [event.id for event in again.events] == [event.id for event in batch.events] and again.id != batch.id
    other = send(sender, body[:1], Idempotency_Key="k-1")
    assert (other.status, other.error.code) == (409, "idempotency_key_reused")


def test_nothing_is_written_to_postgresql(sender: Api, world: World) -> None:
    def next_transaction() -> object:
        """Only what writes gets a number."""
        return world.admin.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())").fetchone()

    send(sender, EVENT)  # reads who calls
    before = next_transaction()
    assert send(sender, EVENT, Idempotency_Key="k").status == send(sender, EVENT, Idempotency_Key="k").status == 202
    assert next_transaction() == before


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("12345678901234567890.12345678901234567890", True), ("1234567890123456789012345678901234567890", True), ("1e400", True),
        ("-0.0", True), ("1E+2", True), ('"NaN"', True), ('"12.50"', True), ("[1, 2]", True), ('"text"', True), ("true", True),
        ("NaN", False), ("Infinity", False), ("-Infinity", False), ('"\\ud800"', False), ("01", False), ("1.", False),
        (".5", False),
    ],
)  # fmt: skip
def test_a_value_is_kept_to_the_letter_or_rejects_its_event_alone(sender: Api, text: str, kept: bool) -> None:
    body = f'[{{"id": "a", "type": "t", "subject": "s", "data": {{"v": {text}}}}}, {json.dumps(EVENT)}]'
    for whole in (body, f'{{"events": {body}}}'):
        answer = send(sender, whole)
        if not kept and text in ("01", "1.", ".5"):  # nobody's JSON: where the event ends cannot be told
            assert (answer.status, answer.error.code) == (400, "invalid_body")
            continue
        assert faults(answer) == ([] if kept else [(0, None)])
        (batch,) = queued()
        assert [event.data for event in batch.events] == ([f'{{"v": {text}}}'] if kept else []) + ['{"n": 1}']


@pytest.mark.parametrize("data", ["", ', "data": null'])
def test_an_event_without_data_is_taken(sender: Api, data: str) -> None:
    (event,) = taken(send(sender, f'{{"id": "1", "type": "t", "subject": "s"{data}}}'))
    assert event.data is None


def test_what_no_message_may_hold_is_kept_to_the_letter(sender: Api) -> None:
    texts = ["a\uffffb", "\ufffe", "\\uffff\uffff", "\ufffd\ud7ff\U0010ffff", "\x7f\x85"]
    for some in (texts, ["\uffff" * 21_000] * 2):
        data = [f'{{"v": "{text}"}}' for text in some]
        events = [f'{{"id": "{n}", "type": "t", "subject": "s", "data": {one}}}' for n, one in enumerate(data)]
        assert [event.data for event in taken(send(sender, f"[{','.join(events)}]"))] == data


LONG = "x" * 256
BAD: list[tuple[dict[str, Any], str]] = [
    ({"type": None}, "type"), ({"type": ""}, "type"), ({"type": 5}, "type"), ({"type": LONG}, "type"), ({"type": "a\nb"}, "type"),
    ({"id": ""}, "id"), ({"id": LONG}, "id"), ({"id": 7}, "id"), ({"id": "\x00"}, "id"), ({"source": LONG}, "source"),
    ({"id": "\uffff"}, "id"), ({"source": "a\ufffe"}, "source"), ({"type": "\uffff"}, "type"), ({"subject": "\ufffe"}, "subject"),
    ({"source": ""}, "source"), ({"subject": None}, "subject"), ({"subject": ""}, "subject"), ({"subject": "\x7f"}, "subject"),
    ({"subject": LONG}, "subject"), ({"customer": "c"}, "customer"), ({"time": "2026-01-01"}, "time"),
    ({"time": 1767225600}, "time"), ({"time": "2026-01-01T00:00:00"}, "time"), ({"time": "2025-02-29T00:00:00Z"}, "time"),
    ({"time": "1969-12-31T00:00:00Z"}, "time"),
    ({"time": "9999-12-31T23:59:59-01:00"}, "time"), ({"specversion": "0.3"}, "specversion"), ({"properties": {}}, "properties"),
    ({"datacontenttype": "text/xml", "data": "<a/>"}, "datacontenttype"), ({"data_base64": "e30="}, "data_base64"),
    ({"data": None, "data_base64": "e30="}, "data_base64"), ({"data": {"v": "x" * 65_536}}, "data"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "field"), BAD, ids=[f"{n}-{field}" for n, (_, field) in enumerate(BAD)])
def test_a_bad_event_is_named_and_its_neighbours_are_taken(sender: Api, fields: dict[str, Any], field: str) -> None:
    answer = send(sender, [EVENT, EVENT | {"id": "2"} | fields, EVENT | {"id": "3"}])
    assert faults(answer) == [(1, field)]
    assert (answer.body["accepted"], answer.body["rejected"]) == (2, 1) and answer.body["results"][1]["reason"]
    (batch,) = queued()
    assert [(event.id, event.sequence) for event in batch.events] == [("1", 0), ("3", 1)]


@pytest.mark.parametrize("name", ["id", "source", "type", "subject", "customer"])
def test_what_stands_for_bytes_that_were_no_utf8_is_nobodys_name(sender: Api, name: str) -> None:
    """A gateway puts U+FFFD in their place: two names of another encoding would be one."""
    event = {**EVENT, "id": "2", name: "M\ufffdller"}
    if name == "customer":
        del event["subject"]
    answer = send(sender, [EVENT, event, EVENT | {"id": "3", "data": {"n": "\ufffd"}}])
    assert faults(answer) == [(1, name)] and "UTF-8" in answer.body["results"][1]["reason"]
    headers = {f"ce-{key}": value for key, value in event.items() if key != "data"}
    assert faults(send(sender, b"", **headers | {"ce-specversion": "1.0", f"ce-{name}": "%EF%BF%BD"})) == [(0, name)]


def test_data_in_base64_are_the_json_in_it(sender: Api) -> None:
    plain = {name: value for name, value in EVENT.items() if name != "data"}
    (event,) = taken(send(sender, plain | {"data_base64": "eyJ2IjoxLjEwfQ=="}))
    assert event.data == '{"v":1.10}'
    assert faults(send(sender, plain | {"data_base64": "PGEvPg=="})) == [(0, "data_base64")]


@pytest.mark.parametrize(("depth", "kept"), [(32, True), (33, False), (900, False)])
def test_data_are_nested_so_deep_and_no_deeper(sender: Api, depth: int, kept: bool) -> None:
    deep = "[" * (depth - 1) + json.dumps({"a]": '["'}) + "]" * (depth - 1)
    answer = send(sender, f'[{{"type": "t", "subject": "s", "data": {deep}}}, {json.dumps(EVENT)}]')
    assert faults(answer) == ([] if kept else [(0, "data")])


def test_the_first_of_an_id_rules_and_the_others_are_told(sender: Api) -> None:
    answer = send(sender, [EVENT, EVENT | {"data": {"n": 2}}, EVENT | {"source": "other"}, EVENT, EVENT | {"type": ""}])
    assert [one["status"] for one in answer.body["results"]] == ["accepted", "duplicate", "accepted", "duplicate", "rejected"]
    assert (answer.body["accepted"], answer.body["duplicates"], answer.body["rejected"]) == (2, 2, 1)
    (batch,) = queued()
    assert [(event.source, event.data) for event in batch.events] == [("app", '{"n": 1}'), ("other", '{"n": 1}')]


def test_atomic_takes_all_or_none(sender: Api) -> None:
    refused = send(sender, [EVENT, EVENT | {"type": ""}, 5], atomic="true", Idempotency_Key="k")
    assert (refused.status, refused.error.code) == (422, "events_rejected") and queued() == []
    assert [(one["index"], one["field"]) for one in refused.body["error"]["rejected"]] == [(1, "type"), (2, "")]
    assert len(taken(send(sender, [EVENT, EVENT], atomic="true", Idempotency_Key="k2"))) == 1
    assert send(sender, EVENT, atomic="perhaps").error.param == "atomic"


def test_how_old_an_event_may_be_is_the_workspaces_setting(api: Api, sender: Api) -> None:
    now = datetime.now(UTC)
    times = [now - timedelta(days=400), now - timedelta(days=91), now - timedelta(days=89), now + timedelta(minutes=4)]
    events = [EVENT | {"id": str(n), "time": time.isoformat()} for n, time in enumerate([*times, now + timedelta(minutes=6)])]
    assert faults(send(sender, events)) == [(4, "time")]
    assert api.as_key().patch("/v1/workspace", {"settings": {"usage_max_age_days": 90}}).status == 200
    receiving.forget_all()  # as after 30 s
    assert faults(send(sender, events)) == [(0, "time"), (1, "time"), (4, "time")]


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("text/plain", b"{}", 415, "unsupported_media_type"), ("", b"{}", 415, "unsupported_media_type"),
        ("application/xml", b"<a/>", 415, "unsupported_media_type"),
        ("application/json; charset=iso-8859-1", b"{}", 415, "unsupported_media_type"),
        ("application/json", b'[{"type": "t"', 400, "invalid_body"), ("application/json", b"", 400, "invalid_body"),
        ("application/json", b"5", 400, "invalid_body"), ("application/json", b'"a"', 400, "invalid_body"),
        ("application/json", b'{"events": 5}', 400, "invalid_body"), ("application/json", b"[{}] [{}]", 400, "invalid_body"),
        ("application/json", b'[{"a": NaN}] x', 400, "invalid_body"), ("application/json", b"[NaN", 400, "invalid_body"),
        ("application/json", b"\xff", 400, "invalid_body"), ("application/json", b"[" * 100_000, 400, "invalid_body"),
        ("application/json", b"[" + b"9" * 5000 + b", NaN,]", 400, "invalid_body"),
        ("application/json", b'[{"type": "\xed\xa0\x80"}]', 400, "invalid_body"),
        ("application/cloudevents+json", b"[]", 202, ""), ("application/cloudevents-batch+json", b"{}", 400, "invalid_body"),
        ("application/json", b"[" + b",".join([b"{}"] * 1001) + b"]", 400, "too_many_events"),
        ("application/json", b" " * 4_000_001, 413, "payload_too_large"),
    ],
)  # fmt: skip
def test_a_body_that_holds_no_events_is_refused_as_a_whole(sender: Api, kind: str, body: bytes, status: int, code: str) -> None:
    answer = send(sender, body, kind)
    assert answer.status == status
    assert faults(answer) == [(0, None)] if status == 202 else answer.error.code == code
    assert queued() == []


def test_binary_mode_takes_json_only(sender: Api) -> None:
    headers = {"ce-specversion": "1.0", "ce-type": "call", "ce-subject": "a"}
    assert send(sender, b"<a/>", "text/xml", **headers).error.code == "unsupported_media_type"
    assert send(sender, b'{"n": 1', **headers).error.code == "invalid_body"


def test_no_events_are_no_message(sender: Api) -> None:
    assert send(sender, []).body == {"accepted": 0, "duplicates": 0, "rejected": 0, "results": []}
    assert queued() == []


def test_a_thousand_large_events_wait_in_the_archive(sender: Api, world: World) -> None:
    events = [EVENT | {"id": str(n), "data": {"v": "x" * 3_000}} for n in range(1000)]
    answer = send(sender, events, Idempotency_Key="k")
    assert answer.body["accepted"] == 1000
    (body,) = cloud.queued(ingest.QUEUE)
    assert len(body) < 1_000
    announced = UsageAccepted.model_validate(json.loads(body)["detail"]["data"])
    assert announced.batch is None and announced.events == 1000
    assert str(announced.object_key).startswith(f"usage/{world.workspace_id}/{datetime.now(UTC):%Y-}")
    accepted = landing.accepted(world.workspace_id, announced)
    assert [event.id for event in usage.events_of(accepted)] == [one["id"] for one in events]
    assert send(sender, events, Idempotency_Key="k").headers["Idempotent-Replayed"] == "true"


def test_while_the_queue_is_away_the_caller_is_told_to_come_again(sender: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://sqs")

    with monkeypatch.context() as patched:
        patched.setattr(aws.client("sqs"), "send_message_batch", away)
        refused = send(sender, EVENT, Idempotency_Key="k")
        assert (refused.status, refused.error.code, refused.headers["Retry-After"]) == (503, "temporarily_unavailable", "2")
    with monkeypatch.context() as patched:
        failed = {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}
        patched.setattr(aws.client("sqs"), "send_message_batch", lambda **_: failed)
        assert send(sender, EVENT).status == 503
    with monkeypatch.context() as patched:
        patched.setattr(aws.client("s3"), "put_object", away)
        assert send(sender, [EVENT | {"id": str(n), "data": "x" * 60_000} for n in range(5)]).status == 503
    assert len(taken(send(sender, EVENT, Idempotency_Key="k"))) == 1


def test_a_key_without_the_scope_sends_nothing(api: Api) -> None:
    assert send(api.as_key(["usage:read"]), EVENT).status == 403
    assert send(api, EVENT).status == 401
    assert queued() == []


def test_events_go_to_the_workspace_of_their_key(api: Api, world: World) -> None:
    other = world.workspace()
    send(api.as_key(["usage:write"], other), EVENT)
    (batch,) = queued()
    assert batch.workspace_id == other


NUMBERS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False).map(str), st.integers().map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
)  # fmt: skip
VALUES = st.recursive(
    NUMBERS | st.text().map(json.dumps) | st.sampled_from(["true", "false", "null", " 1 ", '"\\u00e9\\n"']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda found: f"[{', '.join(found)}]")
        | st.dictionaries(st.text(max_size=5), inner, max_size=3).map(
            lambda found: "{" + ",".join(f"{json.dumps(name)} : {value}" for name, value in found.items()) + "}"
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES.map(str.strip).filter(lambda text: text != "null"))
def test_what_is_read_from_the_queue_is_what_was_sent_to_the_last_digit(sender: Api, text: str) -> None:
    (event,) = taken(send(sender, f'[{{"type": "t", "subject": "s", "data": {text}}}]'))
    assert event.data == text
    again = batches.Written("b", "w", event.stored_at, 0, [SentEvent("s", "1", "t", "s", event.time, text)])
    assert batches.parse(batches.text_of(again)) == again


@given(st.decimals(allow_nan=False, allow_infinity=False, places=20).filter(lambda number: abs(number) < 10**18))
def test_a_number_is_the_same_after_all_that(number: Decimal) -> None:
    body = f'{{"type":"t","subject":"s","data":{{"v":{number}}}}}'.encode()
    (found,) = cloudevents.read(body, {"content-type": "application/json"}, Defaults("seed", "source", datetime.now(UTC)))
    assert isinstance(found, Sent) and found.event.data == f'{{"v":{number}}}'
