"""One base URL for every HTTP API of the emulator, as CloudFront gives on AWS: `python -m infra.local.front <settings>`.

Bodies and headers pass unchanged, because providers sign the raw bytes.
"""

import json
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from infra.local import issuer
from infra.local.processes import HOST

MAX_BODY = 6 * 1024 * 1024  # what AWS passes to a function
ANSWER_S = 35  # a little more than the 30 s an HTTP API gives a function
ISSUER_PATH = "/_dev/issuer"
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
NOT_FORWARDED = HOP_BY_HOP | {"host", "content-length", "expect"}
NOT_RETURNED = HOP_BY_HOP | {"content-length", "date", "server"}
CLIENT_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")  # which the client would add by itself


@dataclass(frozen=True)
class Settings:
    """What the front process reads from its settings file: `apis` maps path prefixes to API ids."""

    port: int
    upstream: str
    apis: dict[str, str]
    issuer_key: str

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self), indent=2))


UPSTREAM = web.AppKey("UPSTREAM", aiohttp.ClientSession)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(settings: Settings) -> web.Application:
    """The front's routes: the development issuer, and everything else to the APIs."""
    app = web.Application(handler_args={"auto_decompress": False, "access_log": None})
    app.cleanup_ctx.append(upstream)
    issuer_url = f"http://{HOST}:{settings.port}{ISSUER_PATH}"
    app.add_subapp(ISSUER_PATH, issuer.application(Path(settings.issuer_key), issuer_url))
    app.router.add_route("*", "/{path:.*}", forwarder(settings))
    return app


async def upstream(app: web.Application) -> AsyncIterator[None]:
    """Connections to the emulator, kept open between requests."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=ANSWER_S),
        skip_auto_headers=CLIENT_HEADERS,
        auto_decompress=False,
    ) as session:
        app[UPSTREAM] = session
        yield


def forwarder(settings: Settings) -> Handler:
    """The handler that passes requests on."""
    apis = sorted(settings.apis.items(), key=lambda entry: len(entry[0]), reverse=True)

    async def forward(request: web.Request) -> web.StreamResponse:
        api = next((api for prefix, api in apis if belongs(request.path, prefix)), None)
        if api is None:
            return web.json_response({"message": "Not Found"}, status=404)  # AWS's words
        if (body := await read_body(request)) is None:
            return refusal(request, 413, "payload_too_large", f"Send at most {MAX_BODY} bytes.")
        url = URL(f"{settings.upstream}/_aws/execute-api/{api}/$default{request.raw_path}", encoded=True)
        try:
            async with request.app[UPSTREAM].request(
                request.method, url, headers=forwarded(request), data=body or None, allow_redirects=False
            ) as answer:
                return await relay(request, answer)
        except TimeoutError:
            return refusal(request, 504, "gateway_timeout", f"No answer within {ANSWER_S} s. Try again.")
        except aiohttp.ClientError:
            return refusal(request, 502, "bad_gateway", "The local cloud's emulator is away: see oppulence local status.")

    return forward


def belongs(path: str, prefix: str) -> bool:
    """Whether a path lies below a prefix, by whole segments."""
    root = prefix.rstrip("/")
    return path == root or path.startswith(f"{root}/")


async def read_body(request: web.Request) -> bytes | None:
    """The raw body, or None when it is larger than a function may get."""
    if (request.content_length or 0) > MAX_BODY:
        return None
    parts = bytearray()
    async for chunk in request.content.iter_any():
        parts += chunk
        if len(parts) > MAX_BODY:
            return None
    return bytes(parts)


def forwarded(request: web.Request) -> CIMultiDict[str]:
    """The caller's headers, and where the request came from."""
    headers = CIMultiDict((name, value) for name, value in request.headers.items() if name.lower() not in NOT_FORWARDED)
    came_by = headers.popall("X-Forwarded-For", [])
    headers["X-Forwarded-For"] = ", ".join([*came_by, request.remote or HOST])
    headers["X-Forwarded-Proto"] = request.scheme
    headers["X-Forwarded-Host"] = request.host
    return headers


async def relay(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Stream the emulator's answer to the caller as it comes."""
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    for name, value in answer.headers.items():
        if name.lower() not in NOT_RETURNED:
            response.headers.add(name, value)
    response.content_length = answer.content_length
    await response.prepare(request)
    async for chunk in answer.content.iter_any():
        await response.write(chunk)
    await response.write_eof()
    return response


def refusal(request: web.Request, status: int, code: str, message: str) -> web.Response:
    """An error of the front's own, in the platform's shape."""
    kind = "validation_error" if status < 500 else "api_error"
    request_id = request.headers.get("X-Request-Id") or f"req_{secrets.token_hex(10)}"
    error = {"type": kind, "code": code, "message": message, "request_id": request_id}
    response = web.json_response({"error": error}, status=status, headers={"X-Request-Id": request_id})
    if status == 413:
        response.force_close()  # the rest of the body is not read
    return response


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings(**json.loads(Path(sys.argv[1]).read_text()))
    web.run_app(application(settings), host=HOST, port=settings.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
