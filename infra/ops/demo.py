"""`oppulence demo`: the platform at work on a bundled corpus, and every figure checked."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from infra.ops.output import Json, answer, explained, say
from infra.ops.place import root

if TYPE_CHECKING:
    from infra.local.demo.report import Figure
    from infra.local.demo.run import Outcome


def demo(as_json: Json = False) -> None:
    """Deliver 5,004 Stripe webhooks to the local cloud, let dunning run, and check every figure. Exit code 0 if all agree."""
    from infra.local import cloud
    from infra.local.demo.run import Demo
    from infra.local.running import load

    with explained(as_json):
        was_up = cloud.status(root()).phase == "ready"
        dev = cloud.up(root(), say=say)
        try:
            with cloud.unwinding_on_sigterm():
                outcome = Demo(load(root()), dev, say).run()
        except (KeyboardInterrupt, SystemExit):
            say("interrupted; time is real again, and what was delivered stays")
            if not was_up:
                cloud.down(root())
                say("the local cloud is stopped again, as it was")
            raise typer.Exit(130) from None
        answer(_document(outcome, dev), [*_lines(outcome), *_next(dev)], as_json)
        if not outcome.ok:
            raise typer.Exit(1)


def _document(outcome: "Outcome", dev: dict[str, Any]) -> dict[str, Any]:
    return {
        "ok": outcome.ok,
        "figures": [{**asdict(figure), "ok": figure.ok} for figure in outcome.figures],
        "speed": outcome.speed,
        "took_s": outcome.took_s,
        "duplicates": outcome.duplicates,
        "api_url": dev["api_url"],
        "api_key": dev["api_key"],
    }


def _lines(outcome: "Outcome") -> list[str]:
    seconds = ", ".join(f"{name} {value:.0f} s" for name, value in outcome.took_s.items())
    wrong = sum(not figure.ok for figure in outcome.figures)
    verdict = "every figure is what it must be" if outcome.ok else f"{wrong} of {len(outcome.figures)} figures differ"
    fresh = len(outcome.delivered.answers_s) - outcome.duplicates
    return [
        "",
        *_table(outcome.figures),
        "",
        *outcome.speed,
        f"time slowed for {outcome.delivered.slowed_s:.0f} s;  {seconds}",
        "",
        f"{verdict}; {fresh:,} webhooks were new and {outcome.duplicates:,} duplicates",
    ]


def _table(figures: Sequence["Figure"]) -> list[str]:
    rows = [("figure", "is", "must be", "")] + [
        (one.name, _number(one.found), _number(one.expected), "ok" if one.ok else f"DIFFERS  {one.note}") for one in figures
    ]
    widths = [max(len(row[n]) for row in rows) for n in range(3)]
    return [f"{a.ljust(widths[0])}  {b.rjust(widths[1])}  {c.rjust(widths[2])}  {d}".rstrip() for a, b, c, d in rows]


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _next(dev: dict[str, Any]) -> list[str]:
    url, key = dev["api_url"], dev["api_key"]
    return [
        "",
        f"API        {url}",
        f"owner key  {key}",
        "",
        f"curl -s -H 'Authorization: Bearer {key}' {url}/v1/recovery/summary",
        f"curl -s -H 'Authorization: Bearer {key}' '{url}/v1/sync/objects/invoice?limit=2'",
        "",
        "The platform keeps running: `make down` stops it.",
    ]
