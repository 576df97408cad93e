"""Bodies that no route takes: each gets an error that says what is wrong, and none a 5xx."""

import json

import pytest

from oppulence.kernel.declarations import Route
from tests.bad_input.bodies import fitting, misfitting, required
from tests.bad_input.callers import ROUTES, WITH_BODY, Callers, assert_refused, name_of, plain_path, share

pytestmark = pytest.mark.slow  # every route many times

every_body = pytest.mark.parametrize("declared", WITH_BODY, ids=name_of)

NOT_JSON = {
    "nothing": b"", "a word": b"name", "half an object": b'{"name": "x"', "a trailing comma": b'{"name": "x",}',
    "single quotes": b"{'name': 'x'}", "two documents": b"{}{}", "a lone surrogate": b'{"name": "\\ud800"}',
    "invalid UTF-8": b'{"name": "\xff\xfe"}', "UTF-16": '{"name": 1}'.encode("utf-16"),
    "a control character": b'{"name": "\x01"}',
    "a byte order mark": b'\xef\xbb\xbf{"name": "x"}', "an infinite loop of brackets": b"[" * 100_000,
    "deep objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
}  # fmt: skip
NOT_AN_OBJECT = {
    "a list": b"[]",
    "a text": b'"x"',
    "a number": b"1",
    "null": b"null",
    "NaN": b"NaN",
    "a huge number": b"9" * 5_000,
}
CONTENT_TYPES = ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json", "\x00"]


@every_body
def test_what_is_no_json_object_is_refused(callers: Callers, declared: Route) -> None:
    for raw in share([*NOT_JSON.values(), *NOT_AN_OBJECT.values()], declared):
        assert_refused(callers.of(declared).send(declared.method, plain_path(declared), raw), 400)


@every_body
def test_another_content_type_is_refused(callers: Callers, declared: Route) -> None:
    assert declared.body is not None
    raw = json.dumps(fitting(declared.body)).encode()
    for content_type in share(CONTENT_TYPES, declared):
        caller = callers.of(declared).with_headers(content_type=content_type)
        assert_refused(caller.send(declared.method, plain_path(declared), raw), 415, param="Content-Type")


@pytest.mark.parametrize("declared", [one for one in WITH_BODY if one.drop_in is None], ids=name_of)
def test_an_unknown_field_is_named(callers: Callers, declared: Route) -> None:
    assert declared.body is not None
    for unknown in ("colour", "__proto__", "workspace_id", "x" * 5_000, "naïve ☃"):
        raw = json.dumps({**fitting(declared.body), unknown: 1}).encode()
        answer = callers.of(declared).send(declared.method, plain_path(declared), raw)
        assert_refused(answer, 400)
        assert answer.error.param == unknown[:100]
        assert len(json.dumps(answer.body)) < 2_000


@every_body
def test_a_missing_field_is_named(callers: Callers, declared: Route) -> None:
    assert declared.body is not None
    for name in required(declared.body):
        body = {key: value for key, value in fitting(declared.body).items() if key != name}
        answer = callers.of(declared).send(declared.method, plain_path(declared), json.dumps(body).encode())
        assert_refused(answer, 400, param=name)


@every_body
def test_a_wrong_value_is_named(callers: Callers, declared: Route) -> None:
    refused = 0
    for body, name in misfitting(declared):
        refused += 1
        raw = json.dumps(body).encode()
        assert_refused(callers.of(declared).send(declared.method, plain_path(declared), raw), 400, param=name)
    assert refused >= 5


@every_body
def test_deep_content_in_a_known_field_is_refused(callers: Callers, declared: Route) -> None:
    assert declared.body is not None
    for name in fitting(declared.body):
        raw = b'{"%s":' % name.encode() + b"[" * 3_000 + b"]" * 3_000 + b"}"
        assert_refused(callers.of(declared).send(declared.method, plain_path(declared), raw), 400)


@pytest.mark.parametrize("declared", ROUTES, ids=name_of)
def test_a_body_over_the_limit_is_refused(callers: Callers, declared: Route) -> None:
    """Also by routes that take none: nobody's memory is for filling."""
    raw = b'{"padding": "' + b"x" * declared.max_body_bytes + b'"}'
    answer = callers.of(declared).send(declared.method, plain_path(declared), raw)
    assert_refused(answer, 413, param="body")
