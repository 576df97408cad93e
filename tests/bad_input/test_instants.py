"""Instants that are none, or that UTC has not got: each route that takes one names it, whatever else the request says."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from oppulence.kernel.declarations import Route
from tests.bad_input.bodies import Place, fitting, instants, required_values
from tests.bad_input.callers import ROUTES, Callers, assert_refused, invoke, name_of
from tests.support.api import Answer

NONE = [
    "2026-06-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:60Z", "2026-06-01", "now",
]  # fmt: skip
DIGITS = ["20260601", "1780272000", "1780272000.5", "-1"]

IN_QUERIES = [(one, place) for one in ROUTES if one.query is not None for place in instants(one.query)]
IN_BODIES = [(one, place) for one in ROUTES if one.body is not None for place in instants(one.body)]


def named(found: list[tuple[Route, Place]]) -> list[Any]:
    """Parameters of a test: a route, and where it takes an instant."""
    return [pytest.param(declared, place, id=f"{name_of(declared)} {'.'.join(place.names)}") for declared, place in found]


def refused(answer: Answer, place: Place, value: object) -> None:
    """The answer is 400 and says where the instant stands."""
    assert_refused(answer, 400)
    assert answer.error.param == ".".join(place.names), (value, answer.body)


@pytest.mark.parametrize(("declared", "place"), named(IN_QUERIES))
def test_no_instant_in_a_query(callers: Callers, declared: Route, place: Place) -> None:
    (name,) = place.names
    for value in (*NONE, *([] if place.takes_numbers else DIGITS)):
        query = urlencode({**required_values(declared), name: value})
        parameters = dict.fromkeys(declared.path_parameters, "anything")
        refused(invoke(callers.of(declared), declared, parameters, query), place, value)


@pytest.mark.parametrize(("declared", "place"), named(IN_BODIES))
def test_no_instant_in_a_body(callers: Callers, declared: Route, place: Place) -> None:
    assert declared.body is not None
    numbers = [] if place.takes_numbers else [*DIGITS, 20260601]
    for value in (*NONE, *numbers, 1780272000.5, True, []):
        body = fitting(declared.body)
        part = body
        for name in place.names[:-1]:
            part = part[name]
        part[place.names[-1]] = value
        parameters = dict.fromkeys(declared.path_parameters, "anything")
        refused(invoke(callers.of(declared), declared, parameters, body=json.dumps(body).encode()), place, value)


def test_the_routes_that_take_instants_are_found() -> None:
    found = {(declared.path, *place.names) for declared, place in (*IN_QUERIES, *IN_BODIES)}
    assert {
        ("/v1/meters/{meter_id}/query", "as_of"), ("/v1/sync/backfills", "created", "gte"), ("/openmeter/api/v1/events", "from"),
    } <= found  # fmt: skip
