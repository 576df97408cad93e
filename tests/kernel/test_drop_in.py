"""Routes of surfaces for rivals' clients: errors of the whole life of a request have the rival's form."""

import pytest

from oppulence.kernel import limits
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.drop_in import DROP_INS, OPENMETER
from oppulence.kernel.errors import NotFound, Unavailable
from oppulence.kernel.http import Model, route
from tests.kernel.support import CONTEXT, call, key_of
from tests.support.api import PROBLEM
from tests.support.entries import routes
from tests.support.world import World

RAISED = {"none": NotFound("No such thing."), "broken": ValueError("the password is hunter2"), "away": Unavailable("Later.")}


class Thing(Model):
    name: str


@route("POST", "/openmeter/things", scope="sync:write", drop_in=OPENMETER, uses=(Postgres(CONTEXT),), max_body_bytes=100)
def make(body: Thing) -> Thing:
    """Make a thing, or fail at it."""
    if body.name in RAISED:
        raise RAISED[body.name]
    return body


@pytest.mark.parametrize(
    ("body", "status", "code", "title"),
    [
        (b'{"name": "none"}', 404, "not_found", "Not Found"), (b"{", 400, "invalid_body", "Bad Request"),
        (b'{"name": "broken"}', 500, "internal_error", "Internal Server Error"),
        (b'{"name": "away"}', 503, "temporarily_unavailable", "Service Unavailable"),
        (b'{"name": 1}', 400, "invalid_parameter", "Bad Request"), (b"x" * 101, 413, "payload_too_large", None),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_told_as_a_problem(world: World, body: bytes, status: int, code: str, title: str | None) -> None:
    answer = call(make, key_of(world, "sync:write"), raw=body)
    assert (answer.status, answer.headers["Content-Type"], answer.error.code) == (status, PROBLEM, code)
    assert title in (None, answer.body["title"]) and "hunter2" not in str(answer.body)
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert answer.body["instance"] == f"urn:request:{answer.headers['X-Request-Id']}"


def test_so_is_who_may_not_and_who_must_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, status in ((None, 401), ("op_test_" + "a" * 32, 401), (key_of(world, "sync:read"), 403)):
        answer = call(make, key, {"name": "a"})
        assert (answer.status, answer.headers["Content-Type"]) == (status, PROBLEM) and answer.error.message
    monkeypatch.setitem(limits.PLANS, "business", limits.Plan(9, 9, 1))
    limits.take(limits.Caller(world.workspace_id, "key_1", "business"), "req_1")
    answer = call(make, key_of(world, "sync:write"), {"name": "a"})
    assert (answer.status, answer.headers["Content-Type"]) == (429, PROBLEM)
    assert int(answer.headers["Retry-After"]) == answer.body["extensions"]["retry_after"] and "RateLimit-Limit" in answer.headers


def test_what_goes_well_is_as_everywhere(world: World) -> None:
    answer = call(make, key_of(world, "sync:write"), {"name": "a"})
    assert (answer.status, answer.headers["Content-Type"], answer.body) == (200, "application/json", {"name": "a"})


def test_every_route_below_the_name_says_so() -> None:
    for _, declared, _ in routes():
        assert [one for one in DROP_INS if declared.path.startswith(one.prefix)] == [one for one in [declared.drop_in] if one]
