"""Get a file that the reference's page loads."""

from oppulence.console import pages
from oppulence.console.errors import AssetNotFound
from oppulence.kernel.http import Response, route


@route("GET", "/docs/assets/{name}", access="public", errors=(AssetNotFound,), timeout_s=5)
def handler(name: str) -> Response:
    asset = pages.asset(name)
    headers = {"Cache-Control": "public, max-age=60", "X-Content-Type-Options": "nosniff"}
    return Response(200, asset.content, asset.content_type, headers)
