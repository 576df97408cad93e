"""Get this API's OpenAPI 3.1 document."""

from oppulence.console import pages
from oppulence.kernel.http import Response, route


@route("GET", "/v1/openapi.json", access="public", timeout_s=5)
def handler() -> Response:
    return Response(200, pages.openapi(), headers={"Cache-Control": "public, max-age=60", "Access-Control-Allow-Origin": "*"})
