"""`oppulence keys`: API keys, through the API."""

from typing import Annotated

import typer

from infra.ops.api import Api
from infra.ops.output import Aws, Failed, Json, answer, explained
from infra.ops.place import dev_json, find

app = typer.Typer(no_args_is_help=True)
ApiKey = Annotated[
    str | None,
    typer.Option(envvar="OPPULENCE_API_KEY", help="A key that may write keys; the development workspace's owner key, if none."),
]
ApiUrl = Annotated[str | None, typer.Option(envvar="OPPULENCE_API_URL", help="The API's base URL, if not the place's own.")]


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help="A scope, such as ledger:read; repeat it for more.")],
    expires_at: Annotated[str | None, typer.Option(help="ISO time with its zone; never, if left out.")] = None,
    api_key: ApiKey = None,
    api_url: ApiUrl = None,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Create a key; it is shown this once."""
    with explained(as_json):
        body = {"name": name, "scopes": scope} | ({"expires_at": expires_at} if expires_at else {})
        made = api(api_key, api_url, on_aws).call("POST", "/v1/api_keys", body)
        answer(made, [f"id   {made['id']}", f"key  {made['api_key']}", "Keep the key now: it is not shown again."], as_json)


@app.command()
def rotate(
    key_id: Annotated[str, typer.Argument(help="The key's id, `key_…`.")],
    overlap_s: Annotated[int, typer.Option(min=0, help="Seconds that the old key still works.")] = 86_400,
    api_key: ApiKey = None,
    api_url: ApiUrl = None,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Give a key a successor with the same scopes."""
    with explained(as_json):
        made = api(api_key, api_url, on_aws).call("POST", f"/v1/api_keys/{key_id}/rotate", {"overlap_s": overlap_s})
        then = f"The old key works for {overlap_s} s more: put the new one in place."
        lines = [f"id   {made['id']}", f"key  {made['api_key']}", then]
        answer(made, lines, as_json)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, `key_…`.")],
    api_key: ApiKey = None,
    api_url: ApiUrl = None,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """End a key; everywhere within 30 seconds."""
    with explained(as_json):
        api(api_key, api_url, on_aws).call("DELETE", f"/v1/api_keys/{key_id}")
        answer({"id": key_id, "revoked": True}, [f"{key_id} is revoked; it stops working everywhere within 30 s"], as_json)


def api(key: str | None, url: str | None, on_aws: bool) -> Api:
    """The API to call and the key to call it with.

    Raises:
        Failed: no key was given, and there is no development workspace.
    """
    key = key or (None if on_aws else dev_json().get("api_key"))
    if key is None:
        raise Failed("no API key to act with", "pass --api-key or OPPULENCE_API_KEY")
    return Api(url or find(on_aws).api_url(), key)
