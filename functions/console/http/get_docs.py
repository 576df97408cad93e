"""Read the API's reference in a browser."""

from oppulence.console import pages
from oppulence.kernel.http import Response, route


@route("GET", "/docs", access="public", timeout_s=5)
def handler() -> Response:
    headers = {
        "Cache-Control": "public, max-age=60", "Content-Security-Policy": pages.CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    }  # fmt: skip
    return Response(200, pages.index(), "text/html; charset=utf-8", headers)
