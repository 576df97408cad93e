"""`oppulence local stripe`: time, cards and faults of the local Stripe; all else is done by its API, as at Stripe."""

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.ops.output import Failed, Json, answer, explained, table
from infra.ops.place import root

if TYPE_CHECKING:
    from infra.local.stripe.fake import FakeStripe

app = typer.Typer(no_args_is_help=True)


@app.command()
def status(as_json: Json = False) -> None:
    """Its address, its time, and what became of its webhooks."""
    with explained(as_json):
        fake = _fake()
        states = Counter(one["state"] for one in fake.deliveries())
        found = {"url": fake.url, "api_key": fake.key, "now": _instant(fake.now), "webhooks": dict(states)}
        sent = ", ".join(f"{count} {state}" for state, count in states.items()) or "none"
        lines = [f"url       {fake.url}", f"key       {fake.key}", f"now       {found['now']}", f"webhooks  {sent}"]
        answer(found, lines, as_json)


@app.command()
def advance(
    days: Annotated[float, typer.Argument(help="How far; a month is 31 to be sure of it.", min=0.0)], as_json: Json = False
) -> None:
    """Move its whole world on: renewals, retries, trial ends; each at its own second, with its webhooks sent."""
    with explained(as_json):
        fake = _fake()
        done = fake.advance(days=days)
        found = {"now": _instant(fake.now), "happened": done}
        answer(found, [f"it is {found['now']}; {done} things happened"], as_json)


@app.command("real-time")
def real_time(as_json: Json = False) -> None:
    """Set its clock to now; nothing happens by that alone."""
    with explained(as_json):
        fake = _fake()
        fake.turn(None)
        answer({"now": _instant(fake.now)}, [f"it is {_instant(fake.now)}"], as_json)


@app.command()
def decline(
    payment_method: Annotated[str, typer.Argument(help="pm_…")],
    code: Annotated[str, typer.Argument(help="Such as insufficient_funds; `none` lets charges succeed again.")],
    as_json: Json = False,
) -> None:
    """Let charges of a card fail from now on."""
    with explained(as_json):
        _do(lambda fake: fake.decline(payment_method, None if code == "none" else code))
        answer({"payment_method": payment_method, "decline": code}, [f"{payment_method}: {code}"], as_json)


@app.command()
def fail(
    count: Annotated[int, typer.Option("--count", min=1, help="How many of the next requests.")] = 1,
    status_code: Annotated[int, typer.Option("--status", min=400, max=599)] = 500,
    path: Annotated[str, typer.Option("--path", help="Only those that begin so, as /v1/invoices.")] = "",
    after: Annotated[bool, typer.Option("--after", help="All is done, only the answer is lost.")] = False,
    as_json: Json = False,
) -> None:
    """Let the next requests to its API fail."""
    with explained(as_json):
        how: dict[str, Any] = {"status": status_code, "path": path, "when": "after" if after else "before"}
        _do(lambda fake: fake.fail_next(count, **how))
        answer(how | {"count": count}, [f"the next {count} fail with {status_code}"], as_json)


@app.command()
def webhooks(
    order: Annotated[str | None, typer.Option("--order", help="in_order, shuffled or reversed.")] = None,
    duplicates: Annotated[float | None, typer.Option("--duplicates", min=0, max=1, help="Share that is sent twice.")] = None,
    dropped: Annotated[float | None, typer.Option("--dropped", min=0, max=1, help="Share that is never sent.")] = None,
    paused: Annotated[bool | None, typer.Option("--paused/--resumed", help="Send none for now.")] = None,
    as_json: Json = False,
) -> None:
    """Change how webhooks are sent, and show the latest."""
    with explained(as_json):
        given = {"order": order, "duplicates": duplicates, "dropped": dropped, "paused": paused}
        sent: list[dict[str, Any]] = []
        _do(lambda fake: sent.extend(fake.deliveries(**{name: value for name, value in given.items() if value is not None})))
        answer(sent, table(sent[-20:], ("event", "endpoint", "state", "attempts", "answer"), "none yet"), as_json)


def _do(act: Any) -> None:
    from infra.local.stripe.fake import FakeError

    try:
        act(_fake())
    except FakeError as error:
        raise Failed(str(error)) from error


def _fake() -> "FakeStripe":
    from infra.local import cloud
    from infra.local.stripe.fake import FakeStripe

    if cloud.status(root()).services.get("stripe") != "running":
        raise Failed("the local Stripe is not running", "start it with `oppulence local up`")
    return FakeStripe(root() / ".local")


def _instant(second: float) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"
