"""`oppulence events load`: usage events at a pace, over the API, and every number checked."""

import secrets
from dataclasses import asdict
from typing import Annotated, Any

import typer

from infra.ops.load.run import Found, Run, Wanted
from infra.ops.load.traffic import Shares
from infra.ops.load.wire import Wire
from infra.ops.output import Aws, Failed, Json, answer, explained, say, table
from infra.ops.place import dev_json, find

PATIENCE_S = 180.0
_COLUMNS = ("meter", "subject", "hour", "region", "expected", "found")


def share(text: str) -> float:
    """A part of a whole, such as `5%` or `0.05`.

    Raises:
        Failed: it is none.
    """
    try:
        found = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1:
        raise Failed(f"{text} is no share", "write 5% or 0.05; it must be less than all")
    return found


def load(
    rate: Annotated[float, typer.Option(min=0.1, help="Events a second.")] = 300.0,
    seconds: Annotated[float, typer.Option("--for", min=1, help="For so many seconds.")] = 30.0,
    duplicates: Annotated[str, typer.Option(help="Share that repeats an id, half of it with other content.")] = "5%",
    late: Annotated[str, typer.Option(help="Share that happened hours or days ago.")] = "2%",
    per_request: Annotated[int, typer.Option(min=1, max=1000, help="Events a request.")] = 10,
    senders: Annotated[int, typer.Option(min=1, max=256, help="Requests at the same time.")] = 8,
    settle_s: Annotated[float, typer.Option("--settle-s", min=1, help="How long to wait until all is settled.")] = 300.0,
    api_url: Annotated[str | None, typer.Option(help="Base URL of the API; the deployed functions know it otherwise.")] = None,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="OPPULENCE_API_KEY", help="A key for meters and usage; the development workspace's otherwise."),
    ] = None,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Send usage events over the API, wait until they are settled, and compare every number with a tally of this command's own.

    Exit code 1 if any number differs. Stores may be away meanwhile: what is not taken is sent again.
    """
    with explained(as_json):
        url, key = _target(api_url, api_key, on_aws)
        wanted = Wanted(rate, seconds, Shares(share(duplicates), share(late)), per_request, senders, settle_s)
        run = Run(Wire(url, key, PATIENCE_S), secrets.token_hex(4), wanted, say)
        say(f"{rate:g} events a second for {seconds:g} s to {url}, as events of the type {run.traffic.type}")
        found = run.execute()
        answer(_document(run, found), _lines(run, found), as_json)
        if found.differences:
            raise typer.Exit(1)


def _target(api_url: str | None, api_key: str | None, on_aws: bool) -> tuple[str, str]:
    local = {} if on_aws or api_url else dev_json()
    key = api_key or local.get("api_key")
    if not key:
        raise Failed("which workspace?", "give one of its keys with --api-key")
    return api_url or find(on_aws).api_url(), str(key)


def _document(run: Run, found: Found) -> dict[str, Any]:
    traffic = run.traffic
    return {
        "ok": not found.differences, "events": found.events, "sent": found.sent, "late": traffic.late,
        "repeated": traffic.repeated, "changed": traffic.changed, "sent_again": run.wire.again,
        "accepted_per_s": round(found.sent / found.sending_s, 1),
        "requests_per_s": round(len(found.answers_s) / found.sending_s, 1), "answer_ms": _spread(found.answers_s),
        "visible_ms": _spread(found.visible_s), "settled_after_s": round(found.settling_s, 1), "checked": found.checked,
        "differences": [asdict(one) for one in found.differences],
    }  # fmt: skip


def _spread(seconds: list[float]) -> dict[str, float | int]:
    """Milliseconds at p50, p99 and the most, by nearest rank."""
    ordered = sorted(seconds)
    if not ordered:
        return {"samples": 0}
    at = {"p50": (len(ordered) - 1) // 2, "p99": (99 * len(ordered) - 1) // 100, "max": len(ordered) - 1}
    return {"samples": len(ordered), **{name: round(ordered[place] * 1000, 1) for name, place in at.items()}}


def _lines(run: Run, found: Found) -> list[str]:
    shown = _document(run, found)
    rows = [asdict(one) for one in found.differences]
    return [
        f"{found.sent:,} events taken, {found.events:,} of them new, {run.traffic.late:,} late,"
        f" {run.traffic.repeated:,} repeats of an id, {run.traffic.changed:,} of them with other content",
        f"{shown['accepted_per_s']:,} events a second in {shown['requests_per_s']:,} requests;"
        f" {run.wire.again} requests were sent again",
        f"answers            {_shown(shown['answer_ms'])}",
        f"then in `current`  {_shown(shown['visible_ms'])}",
        f"settled {found.settling_s:.1f} s after the last request",
        f"{found.checked:,} numbers checked, {len(rows):,} differ",
        *(table(rows[:50], _COLUMNS, "") if rows else []),
    ]


def _shown(spread: dict[str, float | int]) -> str:
    known = (f"{name} {spread[name]} ms" for name in ("p50", "p99", "max") if name in spread)
    return f"{', '.join(known)}, of {spread['samples']}"
