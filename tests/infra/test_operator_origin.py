"""`oppulence origin`: a new secret for CloudFront, without a moment in which the API refuses it."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from typer.testing import CliRunner

from infra.ops import origin
from infra.ops.main import app

FIRST = "f" * 64


@pytest.fixture
def front(environment: None) -> Iterator[str]:
    """The secret and a distribution that sends it; answers the distribution's id."""
    secrets = boto3.client("secretsmanager")
    secrets.create_secret(Name=origin.SECRET, SecretString=json.dumps({"current": FIRST, "previous": ""}))
    header = {"HeaderName": "X-Origin-Secret", "HeaderValue": FIRST}
    source = {
        "Id": "api", "DomainName": "d-1.execute-api.us-east-1.amazonaws.com",
        "CustomHeaders": {"Quantity": 1, "Items": [header]},
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
    }  # fmt: skip
    config: Any = {
        "CallerReference": uuid4().hex, "Comment": "oppulence", "Enabled": True, "Origins": {"Quantity": 1, "Items": [source]},
        "DefaultCacheBehavior": {"TargetOriginId": "api", "ViewerProtocolPolicy": "https-only"},
    }  # fmt: skip
    front = boto3.client("cloudfront")
    made = front.create_distribution(DistributionConfig=config)["Distribution"]["Id"]
    yield made
    front.delete_distribution(Id=made, IfMatch=front.get_distribution(Id=made)["ETag"])
    secrets.delete_secret(SecretId=origin.SECRET, ForceDeleteWithoutRecovery=True)


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["origin", *words])
    return result.exit_code, result.output


def kept() -> dict[str, str]:
    found: dict[str, str] = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=origin.SECRET)["SecretString"])
    return found


def sent(id_: str) -> str:
    (source,) = boto3.client("cloudfront").get_distribution_config(Id=id_)["DistributionConfig"]["Origins"]["Items"]
    return str(source["CustomHeaders"]["Items"][0]["HeaderValue"])


def test_what_cloudfront_sends_is_valid_at_every_step(front: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("rotate", "--aws")[0] == 0
    new = kept()
    assert new["previous"] == FIRST == sent(front) and len(new["current"]) >= 32
    code, said = run("send", "--aws")
    assert code == 1 and "try again in" in said and sent(front) == FIRST, "functions may still know the old one only"
    assert run("rotate", "--aws")[0] == 1, "a second one would end what CloudFront sends"
    monkeypatch.setattr(origin, "KNOWN_AFTER_S", 0)
    assert run("send", "--aws")[0] == 0
    assert sent(front) == new["current"] and kept() == new
    assert run("rotate", "--aws")[0] == 0
    assert FIRST not in kept().values()


def test_no_secret_is_printed(front: str) -> None:
    _, said = run("rotate", "--aws", "--json")
    assert kept()["current"] not in said and json.loads(said)["send_after_s"] == 360


def test_the_local_cloud_has_no_cloudfront() -> None:
    code, said = run("rotate")
    assert code == 1 and "--aws" in said
