"""The front process against an upstream that tells what reached it."""

import gzip
import http.client
import json
import os
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest

from infra.local import processes
from infra.local.front import MAX_BODY, Settings
from infra.local.paths import DOMAIN, REPO
from infra.local.processes import HOST


class Upstream(BaseHTTPRequestHandler):
    """Answers with what it got, or as the path says."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = {"path": self.path, "headers": self.headers.items(), "body": body.hex(), "client": self.client_address[1]}
        answer = json.dumps(seen).encode()
        self.send_response(302 if "moved" in self.path else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Location", "/elsewhere")
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST

    def log_message(self, format: str, *args: Any) -> None: ...


class Front:
    """A running front process."""

    def __init__(self, port: int) -> None:
        self.port = port

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[http.client.HTTPResponse, Any]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, names)
        answer = connection.getresponse()
        return answer, json.loads(answer.read())


def start(state: Path, upstream: str) -> tuple[Front, processes.Child]:
    port = processes.free_port()
    settings = state / "front.json"
    Settings(port, upstream, {"/": "app", "/openmeter": "om"}, str(state / "issuer.pem")).write(settings)
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{REPO}:{DOMAIN}"}
    argv = [sys.executable, "-m", "infra.local.front", str(settings)]
    child = processes.start("front", argv, state / "front.log", processes.Launch(env=env, cwd=REPO))
    processes.wait_ready(child, lambda: processes.accepts(port), 20)
    return Front(port), child


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    server = ThreadingHTTPServer((HOST, 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made, child = start(tmp_path_factory.mktemp("front"), f"http://{HOST}:{server.server_port}")
    yield made
    processes.stop(child)
    server.shutdown()


def test_raw_bytes_path_and_headers_pass_unchanged(front: Front) -> None:
    body = gzip.compress(bytes(range(256)))
    answer, seen = front.send(
        "POST",
        "/v1/webhooks/stripe/con_1%2F2?a=1&a=%20",
        body,
        Content_Encoding="gzip",
        Stripe_Signature="t=1,v1=ab",
        Authorization="Bearer op_test_x",
        X_Forwarded_For="203.0.113.7",
    )
    assert answer.status == 200
    assert seen["path"] == "/_aws/execute-api/app/$default/v1/webhooks/stripe/con_1%2F2?a=1&a=%20"
    assert bytes.fromhex(seen["body"]) == body
    headers = {name.lower(): value for name, value in seen["headers"]}
    assert headers["stripe-signature"] == "t=1,v1=ab"
    assert headers["authorization"] == "Bearer op_test_x"
    assert headers["x-forwarded-for"] == "203.0.113.7, 127.0.0.1"
    assert "user-agent" not in headers
    assert "content-type" not in headers
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]


def test_each_prefix_has_its_api(front: Front) -> None:
    assert "/om/$default/openmeter/api" in front.send("GET", "/openmeter/api")[1]["path"]
    assert "/om/$default/openmeter" in front.send("GET", "/openmeter")[1]["path"]
    assert "/app/$default/openmeters" in front.send("GET", "/openmeters")[1]["path"]


def test_redirects_are_the_callers(front: Front) -> None:
    answer, _ = front.send("GET", "/moved")
    assert (answer.status, answer.headers["Location"]) == (302, "/elsewhere")


def test_connections_to_the_emulator_are_kept(front: Front) -> None:
    clients = {front.send("GET", "/v1/x")[1]["client"] for _ in range(5)}
    assert len(clients) == 1


def test_a_body_over_six_megabytes_is_refused_with_or_without_its_length(front: Front) -> None:
    answer, body = front.send("POST", "/v1/x", b"x" * (MAX_BODY + 1))
    assert (answer.status, body["error"]["code"]) == (413, "payload_too_large")
    assert body["error"]["request_id"] == answer.headers["X-Request-Id"]
    connection = http.client.HTTPConnection(HOST, front.port, timeout=60)
    connection.request("POST", "/v1/x", iter([b"x" * 65536] * (MAX_BODY // 65536 + 1)), encode_chunked=True)
    assert connection.getresponse().status == 413
    assert front.send("POST", "/v1/x", b"x" * MAX_BODY)[0].status == 200


def test_an_emulator_that_is_away_is_a_502_in_our_shape(tmp_path: Path) -> None:
    front, child = start(tmp_path, f"http://{HOST}:{processes.free_port()}")
    answer, body = front.send("GET", "/v1/x", X_Request_Id="req_mine")
    processes.stop(child)
    assert answer.status == 502
    assert {"type", "code", "message", "request_id"} == body["error"].keys()
    assert body["error"]["request_id"] == "req_mine"


def test_the_issuers_token_is_verified_by_its_published_keys(front: Front) -> None:
    base = f"http://{HOST}:{front.port}/_dev/issuer"
    _, made = front.send("POST", "/_dev/issuer/token", b'{"email": "Ada@example.com"}', Content_Type="application/json")
    with urllib.request.urlopen(f"{base}/.well-known/openid-configuration", timeout=60) as answer:
        discovery = json.load(answer)
    key = jwt.PyJWKClient(discovery["jwks_uri"]).get_signing_key_from_jwt(made["id_token"])
    claims = jwt.decode(made["id_token"], key, algorithms=["RS256"], audience="oppulence", issuer=discovery["issuer"])
    assert (claims["sub"], claims["email"], claims["email_verified"]) == ("dev|ada@example.com", "Ada@example.com", True)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"email": "a@b.c"}', {"Content_Type": "text/plain"}),
        (b'{"email": "a@b.c"}', {"Content_Type": "application/json", "Host": "evil.example"}),
        (b'{"email": 7}', {"Content_Type": "application/json"}),
        (b"[]", {"Content_Type": "application/json"}),
        (b"{", {"Content_Type": "application/json"}),
    ],
)
def test_the_issuer_refuses_pages_in_a_browser_and_nonsense(front: Front, body: bytes, headers: dict[str, str]) -> None:
    assert front.send("POST", "/_dev/issuer/token", body, **headers)[0].status == 400
