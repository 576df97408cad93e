"""Mails that the emulator's SES took. It forgets them when it stops; here they are kept, for whoever looks later."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from infra.local.running import load

TIMEOUT_S = 10
FILE = "mails.jsonl"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Mail = dict[str, Any]


def sent(emulator_url: str) -> list[Mail]:
    """Mails that SES has taken since the emulator started."""
    with OPENER.open(f"{emulator_url}/_ministack/ses/messages", timeout=TIMEOUT_S) as response:
        by_account: dict[str, list[Mail]] = json.loads(response.read())["messages"]
    return [mail for mails in by_account.values() for mail in mails]


def keep(root: Path) -> dict[str, Mail]:
    """Add SES's mails to those that `.local/mails.jsonl` holds; answers all of them by message id."""
    file = root.resolve() / ".local" / FILE
    known: dict[str, Mail] = {}
    if file.exists():
        known = {mail["MessageId"]: mail for mail in map(json.loads, file.read_text().splitlines())}
    fresh = {mail["MessageId"]: mail for mail in sent(load(root).emulator_url) if mail["MessageId"] not in known}
    if fresh:
        with file.open("a") as lines:
            lines.writelines(json.dumps(mail) + "\n" for mail in fresh.values())
    return known | fresh
