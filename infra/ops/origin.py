"""`oppulence origin`: the secret by which CloudFront proves itself to the API."""

import json
import secrets
from datetime import UTC, datetime
from typing import Any

import typer

from infra.deployed import PREFIX
from infra.ops.output import Aws, Failed, Json, answer, explained
from infra.ops.place import Place, find

app = typer.Typer(no_args_is_help=True)
SECRET = f"{PREFIX}/origin"
HEADER = "x-origin-secret"
LENGTH = 32
KNOWN_AFTER_S = 360
"""Functions read the secret every five minutes."""


@app.callback()
def group() -> None:
    """The secret by which CloudFront proves itself to the API."""


@app.command()
def rotate(on_aws: Aws = False, as_json: Json = False) -> None:
    """Make a new secret, which the API takes beside the present one. Then `send`."""
    with explained(as_json):
        place = _aws(on_aws)
        current = _kept(place)["current"]
        if _header(_distribution(place)[1])["HeaderValue"] != current:
            raise Failed("CloudFront does not send the current secret yet", "run `oppulence origin send --aws` first")
        new = {"current": secrets.token_urlsafe(LENGTH), "previous": current}
        place.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=json.dumps(new))
        then = f"Every function knows it in {KNOWN_AFTER_S // 60} minutes: then `oppulence origin send --aws`."
        answer(
            {"secret": SECRET, "send_after_s": KNOWN_AFTER_S}, ["The API takes a new secret and the present one.", then], as_json
        )


@app.command()
def send(on_aws: Aws = False, as_json: Json = False) -> None:
    """Have CloudFront send the current secret. The one before it ends with the next `rotate`."""
    with explained(as_json):
        place = _aws(on_aws)
        age_s = _age_s(place)
        if age_s < KNOWN_AFTER_S:
            raise Failed("not every function knows the new secret yet", f"try again in {KNOWN_AFTER_S - age_s:.0f} s")
        id_, config, etag = _distribution(place)
        _header(config)["HeaderValue"] = _kept(place)["current"]
        place.client("cloudfront").update_distribution(Id=id_, DistributionConfig=config, IfMatch=etag)
        answer({"distribution": id_}, [f"{id_} sends the current secret, everywhere in a few minutes"], as_json)


def _aws(on_aws: bool) -> Place:
    if not on_aws:
        raise Failed("the local cloud has no CloudFront", "add --aws")
    return find(on_aws)


def _kept(place: Place) -> dict[str, str]:
    kept: dict[str, str] = json.loads(place.client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"])
    return kept


def _age_s(place: Place) -> float:
    changed: datetime = place.client("secretsmanager").describe_secret(SecretId=SECRET)["LastChangedDate"]
    return (datetime.now(UTC) - changed).total_seconds()


def _distribution(place: Place) -> tuple[str, dict[str, Any], str]:
    """Id, configuration and version of the API's distribution.

    Raises:
        Failed: this account has none, or several.
    """
    client = place.client("cloudfront")
    pages = client.get_paginator("list_distributions").paginate()
    ids = [one["Id"] for page in pages for one in page["DistributionList"].get("Items", []) if one["Comment"] == PREFIX]
    if len(ids) != 1:
        raise Failed(f"{len(ids)} distributions are called {PREFIX}", f"deploy the stack {PREFIX}-edge")
    found = client.get_distribution_config(Id=ids[0])
    return ids[0], found["DistributionConfig"], found["ETag"]


def _header(config: dict[str, Any]) -> dict[str, str]:
    """The secret header among those that CloudFront adds."""
    for source in config["Origins"]["Items"]:
        for header in source["CustomHeaders"].get("Items", []):
            if header["HeaderName"].lower() == HEADER:
                found: dict[str, str] = header
                return found
    raise Failed(f"CloudFront adds no header {HEADER}", f"deploy the stack {PREFIX}-edge")
