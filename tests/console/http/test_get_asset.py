"""GET /docs/assets/{name}: the page's own files, and no others."""

import pytest

from tests.bad_input.callers import ROUTES, invoke
from tests.support.api import Api


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("docs.css", "text/css; charset=utf-8"), ("docs.js", "text/javascript; charset=utf-8"), ("icon.svg", "image/svg+xml")],
)
def test_a_file_comes_with_its_type(api: Api, name: str, content_type: str) -> None:
    response = api.get(f"/docs/assets/{name}")
    assert (response.status, response.headers["Content-Type"]) == (200, content_type)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.body


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "../__init__.py", "../openapi.json", "/etc/passwd"])
def test_no_other_file_is_given_away(api: Api, name: str) -> None:
    """Also not by a gateway that looks for the route before it decodes."""
    declared = next(one for one in ROUTES if one.path == "/docs/assets/{name}")
    response = invoke(api, declared, {"name": name})
    assert (response.status, response.error.code) == (404, "asset_not_found")
