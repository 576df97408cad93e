"""The API answers who came through CloudFront, and believes it, and nobody else, about who the viewer is."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from oppulence.kernel import aws, environment, origin, secret
from oppulence.kernel.http import Model, Request, route
from tests.kernel.support import call
from tests.support.world import World

NOW, BEFORE = "n" * 64, "b" * 64


class Seen(Model):
    source_ip: str
    headers: list[str]


@route("GET", "/tests/origin", access="public")
def look(request: Request) -> Seen:
    return Seen(source_ip=request.source_ip, headers=sorted(request.headers))


@pytest.fixture
def front(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A stage on AWS whose secret is being replaced; answers the secret's name."""
    name = f"origin-{time.monotonic_ns()}"
    aws.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps({"current": NOW, "previous": BEFORE}))
    monkeypatch.setenv("STAGE", "prod")
    monkeypatch.setenv("ORIGIN_SECRET", name)
    environment.stage.cache_clear()
    secret.forget_all()
    yield name
    monkeypatch.undo()
    environment.stage.cache_clear()
    secret.forget_all()


def through(value: str | None, **headers: str) -> Any:
    sent = {name.replace("_", "-"): text for name, text in headers.items()}
    return call(look, headers=sent | ({} if value is None else {"X-Origin-Secret": value}))


@pytest.mark.parametrize("sent", [None, "", "wrong", NOW[:-1], NOW + "n", f"{NOW},{BEFORE}", "\u00e9\ud800"])
def test_without_the_secret_nobody_is_answered(front: str, sent: str | None) -> None:
    answer = through(sent)
    assert (answer.status, answer.body["error"]["code"]) == (403, "direct_call")


@pytest.mark.parametrize("sent", [NOW, BEFORE])
def test_both_secrets_are_taken_while_one_replaces_the_other(front: str, sent: str) -> None:
    answer = through(sent)
    assert answer.status == 200
    assert "x-origin-secret" not in answer.body["headers"], "handlers have no business with it"


def test_a_secret_that_was_never_there_is_not_taken(front: str) -> None:
    aws.client("secretsmanager").put_secret_value(SecretId=front, SecretString=json.dumps({"current": NOW, "previous": ""}))
    secret.forget_all()
    assert through(NOW).status == 200
    assert [through(one).status for one in ("", BEFORE)] == [403, 403]


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("198.51.100.7:46532", "198.51.100.7"),
        ("2001:db8::8a2e:370:7334:46532", "2001:db8::8a2e:370:7334"),
        ("[2001:db8::1]:46532", "2001:db8::1"),
        ("2001:0db8:0000:0000:0000:0000:0000:0001:443", "2001:db8::1"),
        ("198.51.100.7", "198.51.100.7"),
        ("somebody:80", "203.0.113.9"),
        ("", "203.0.113.9"),
    ],
)
def test_the_viewer_is_whom_cloudfront_names(front: str, told: str, address: str) -> None:
    assert through(NOW, CloudFront_Viewer_Address=told).body["source_ip"] == address


def test_what_callers_say_of_themselves_counts_for_nothing(front: str) -> None:
    spoofed = through(NOW, X_Forwarded_For="192.0.2.66", Forwarded="for=192.0.2.66", CloudFront_Viewer_Address="198.51.100.7:1")
    assert spoofed.body["source_ip"] == "198.51.100.7"
    assert through(None, CloudFront_Viewer_Address="198.51.100.7:1").status == 403


def test_while_secrets_manager_is_away_the_known_secret_stays(front: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert through(NOW).status == 200
    aws.client("secretsmanager").delete_secret(SecretId=front, ForceDeleteWithoutRecovery=True)
    monkeypatch.setattr(secret, "_CACHE_S", 0)
    assert through(NOW).status == 200
    secret.forget_all()
    assert through(NOW).status == 500, "closed, not open, where nothing is known"


def test_on_the_laptop_there_is_no_cloudfront(world: World) -> None:
    told = through(None, CloudFront_Viewer_Address="198.51.100.7:1")
    assert (told.status, told.body["source_ip"]) == (200, "203.0.113.9")


def test_brackets_and_ports_are_no_part_of_an_address() -> None:
    assert [origin.viewer(text) for text in ("::1:1", "10.0.0.1:65535", "no")] == ["::1", "10.0.0.1", None]
