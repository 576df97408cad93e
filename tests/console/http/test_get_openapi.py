"""GET /v1/openapi.json: the committed document, for everyone."""

from infra import openapi
from tests.support.api import Api


def test_it_is_the_committed_document(api: Api) -> None:
    response = api.get("/v1/openapi.json")
    assert response.status == 200 and response.headers["Content-Type"] == "application/json"
    assert response.body["openapi"] == "3.1.0"
    assert openapi.DOCUMENT.read_text().startswith('{\n "openapi"')
    assert "/v1/openapi.json" in response.body["paths"]


def test_it_fits_into_an_answer(api: Api) -> None:
    assert openapi.DOCUMENT.stat().st_size < 4_000_000
