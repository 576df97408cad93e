"""The OpenAPI document: valid, committed, and true of every route."""

from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from infra import openapi
from infra.discovery import entry_points

ROUTES = [point for point in entry_points() if point.kind == "http" and point.route.drop_in is None]
DOCUMENT = openapi.document(entry_points())


def operation(name: str) -> dict[str, Any]:
    (found,) = (one for methods in DOCUMENT["paths"].values() for one in methods.values() if one["operationId"] == name)
    return found  # type: ignore[no-any-return]


def test_it_is_valid() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_what_rivals_clients_call_has_their_own_document() -> None:
    assert not any(path.startswith("/openmeter/") for path in DOCUMENT["paths"])


def test_the_committed_document_has_not_drifted() -> None:
    assert openapi.DOCUMENT.read_text() == openapi.text(entry_points()), "run `make openapi` and commit the result"


def test_check_says_that_a_document_has_drifted(tmp_path: Any, capsys: Any) -> None:
    file = tmp_path / "openapi.json"
    assert openapi.main(["--check"], file) == 1
    assert "make openapi" in capsys.readouterr().err
    assert openapi.main(["--write"], file) == 0
    assert openapi.main(["--check"], file) == 0


def test_every_route_is_in_it_under_its_files_name() -> None:
    for point in ROUTES:
        found = DOCUMENT["paths"][point.route.path][point.route.method.lower()]
        assert (found["operationId"], found["tags"]) == (point.name, [point.context])
        assert found["summary"] == point.summary


def test_every_declared_error_is_told_of() -> None:
    for point in ROUTES:
        responses = operation(point.name)["responses"]
        for error in [*point.route.errors, *openapi.standard_errors(point.route)]:
            assert f"`{error.code}`" in responses[str(error.status)]["description"], (point.name, error)


def test_who_may_call_is_said() -> None:
    for point in ROUTES:
        security = operation(point.name)["security"]
        match point.route.access:
            case "public":
                assert security == []
            case "user":
                assert security == [{"userToken": []}]
            case _:
                assert security == [{"bearerAuth": [point.route.scope]}]


def test_writes_take_an_idempotency_key_and_money_needs_one() -> None:
    for point in ROUTES:
        found = [one for one in operation(point.name)["parameters"] if "Idempotency" in str(one)]
        assert bool(found) == (point.route.access == "scope" and point.route.is_write), point.name
        if point.route.idempotent:
            assert found[0]["required"] is True


def test_nothing_refers_to_what_is_not_there() -> None:
    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(value) for value in node.values()))
        return set().union(*(references(one) for one in node)) if isinstance(node, list) else set()

    for reference in references(DOCUMENT):
        node = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
