"""Odd paths, queries and headers: an error with its parameter's name, or nothing found; never a 5xx."""

import json
from urllib.parse import quote

import pytest

from oppulence.kernel.declarations import Route
from oppulence.kernel.ids import new_id
from tests.bad_input.bodies import fitting, required_values
from tests.bad_input.callers import (
    GUARDED,
    ROUTES,
    WITH_PARAMETER,
    WITH_QUERY,
    Callers,
    assert_refused,
    invoke,
    name_of,
    plain_path,
    share,
)
from tests.support.api import Answer, Api, names_of, rows_of

pytestmark = pytest.mark.slow  # every route many times

ODD = [
    "\x00", "a\x00b", "%00", "..", ".", "*", "'; DROP TABLE x; --", "\ud800", "\udfff\ud800", "‮", "☃" * 50, "x" * 3_000,
    "ws_" + "0" * 20, "-1", "9" * 400, "null", "undefined", "{}", "\n", "a\r\nSet-Cookie: b", " ", "ﬀ", "A" * 255 + "\U0001f600",
]  # fmt: skip
FILTERS = ["", "\x00", "\ud800", "x" * 3_000, "-17", "9" * 400, "2026-13-45", "☃", '[{"a": 1}]', "' OR 1=1 --"]
CURSORS = ["x", "", "AAAA", "a" * 999, "a" * 4_001, "eyJhIjoxfQ", "\x00", "é", "====", "!!!!", "A" * 64, new_id("ev")]
LIMITS = ["0", "-1", "1000000", "x", "1.5", "1e2", "", " ", "NaN", "9" * 100]
QUERIES = [
    "%", "%ff=%fe", "=", "&&&&", "limit", "limit=1&limit=2", "limit=1;limit=2", "&".join(f"a{n}=1" for n in range(200)),
    "limit=" + "1" * 5_000, "a" * 50_000 + "=1", "limit=%00", "cursor=%ed%a0%80", "limit[]=1", "limit=0x10", "limit=١",
]  # fmt: skip
HEADERS = {
    "X_Workspace_Id": [("\x00", 403), ("ws_x", 403), (new_id("ws"), 403), ("☃", 403), (new_id("ws") + "\n", 403)],
    "Authorization": [
        ("", 401), ("Basic YTpi", 401), ("Bearer", 401), ("Bearer ☃", 401), ("Bearer a.b.c", 401), ("Bearer \x00", 401),
        ("Bearer op_test_short", 401), ("Bearer " + "x" * 9_000, 401), ("Bearer op_live_" + "a" * 32 + "\n", 401),
        ("Bearer é.é.é", 401), ("Bearer e30.e30.", 401),
    ],
}  # fmt: skip


def fitting_body(declared: Route) -> bytes:
    """A body that the route takes."""
    return json.dumps(fitting(declared.body)).encode() if declared.body else b""


def needed(declared: Route, but: str = "") -> list[str]:
    """The same as parts of a query string, but for one."""
    return [f"{name}={quote(value)}" for name, value in required_values(declared).items() if name != but]


def most_of(declared: Route) -> int:
    """The greatest `limit` that the route takes."""
    return int(declared.query.model_json_schema()["properties"]["limit"]["maximum"]) if declared.query else 0


def with_parameter(callers: Callers, declared: Route, value: str) -> Answer:
    """Call the route with a value in its path as the gateway hands it on: decoded, whatever it is."""
    parameters = dict.fromkeys(declared.path_parameters, value)
    return invoke(callers.of(declared), declared, parameters, body=fitting_body(declared))


@pytest.mark.parametrize("declared", [one for one in WITH_PARAMETER if one.access != "public"], ids=name_of)
def test_odd_ids_find_nothing(callers: Callers, declared: Route) -> None:
    for odd in ODD:
        answer = with_parameter(callers, declared, odd)
        if answer.status >= 400:
            assert_refused(answer, 400, 404)
        elif declared.method == "GET":
            assert rows_of(answer) == [], odd


@pytest.mark.parametrize("declared", [one for one in WITH_PARAMETER if one.access == "public"], ids=name_of)
def test_odd_ids_in_open_routes_find_nothing(callers: Callers, declared: Route) -> None:
    for odd in ODD:
        assert_refused(with_parameter(callers, declared, odd), 400, 404)


@pytest.mark.parametrize("declared", WITH_QUERY, ids=name_of)
def test_odd_filters_are_refused_by_name_or_find_nothing(callers: Callers, declared: Route) -> None:
    assert declared.query is not None
    for name in names_of(declared.query):
        for odd in FILTERS:
            query = "&".join([f"{name}={quote(odd, errors='surrogatepass')}", *needed(declared, name)])
            answer = invoke(callers.of(declared), declared, dict.fromkeys(declared.path_parameters, "anything"), query)
            if answer.status >= 400:
                assert_refused(answer, 400, 404)
                at_fault = (answer.error.param or name).partition(".")[0]
                assert answer.status == 404 or at_fault == name, (name, odd, answer.body)


@pytest.mark.parametrize("declared", WITH_QUERY, ids=name_of)
def test_odd_query_strings_are_refused(callers: Callers, declared: Route) -> None:
    body = b"[]" if declared.takes else b""
    for text in share(QUERIES, declared):
        answer = invoke(callers.of(declared), declared, dict.fromkeys(declared.path_parameters, "anything"), text, body)
        if declared.drop_in is not None and answer.status != 400:  # which passes over what it does not know
            assert answer.status in (200, 404)
        elif text == "&&&&" and not needed(declared):
            assert answer.status in (200, 202, 404)
        else:
            assert_refused(answer, 400)


@pytest.mark.parametrize(
    "declared", [one for one in WITH_QUERY if one.query is not None and "cursor" in one.query.model_fields], ids=name_of
)
def test_bad_cursors_and_limits_are_named(callers: Callers, declared: Route) -> None:
    path = plain_path(declared, "anything")
    for cursor in share(CURSORS, declared):
        if cursor:
            answer = callers.of(declared).get(path, cursor=cursor, **required_values(declared))
            if answer.status != 404:  # what the list would stand below is looked for first
                assert_refused(answer, 400, param="cursor")
    for limit in (str(most_of(declared) + 1), *share(LIMITS, declared)):
        assert_refused(callers.of(declared).get(path, limit=limit, **required_values(declared)), 400, param="limit")


@pytest.mark.parametrize("declared", GUARDED, ids=name_of)
def test_odd_headers_never_become_a_500(callers: Callers, declared: Route) -> None:
    caller = callers.of(declared)
    wrong = [(name, value, status) for name, values in HEADERS.items() for value, status in values]
    for name, value, status in share(wrong, declared):
        answer = caller.with_headers(**{name: value}).send(declared.method, plain_path(declared))
        assert_refused(answer, status)


@pytest.mark.parametrize("declared", [one for one in GUARDED if one.is_write and one.access == "scope"], ids=name_of)
def test_odd_idempotency_keys_are_refused(callers: Callers, declared: Route) -> None:
    for odd in ("x" * 256, "\x00", "a\nb", "\ud800"):
        caller = callers.of(declared).with_headers(Idempotency_Key=odd)
        answer = caller.send(declared.method, plain_path(declared), fitting_body(declared))
        assert_refused(answer, 400, param="Idempotency-Key")


@pytest.mark.parametrize("declared", ROUTES, ids=name_of)
def test_a_callers_own_request_id_is_kept_only_when_plain(callers: Callers, declared: Route) -> None:
    path = plain_path(declared, "nothing")
    for odd in share(("a b", "x" * 65, "\r\nSet-Cookie: a=b", "☃", "abc\n"), declared):
        answer = Api(callers.key.world).with_headers(X_Request_Id=odd).send(declared.method, path)
        assert answer.headers["X-Request-Id"].startswith("req_")
    kept = Api(callers.key.world).with_headers(X_Request_Id="mine-1").send(declared.method, path)
    assert kept.headers["X-Request-Id"] == "mine-1"
