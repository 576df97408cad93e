"""Who may be mailed: the address stands in the mirror, the workspace's mode and settings decide."""

import fnmatch
import re
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row
from pydantic.dataclasses import dataclass as row

from oppulence.kernel.db import Connection
from oppulence.sync.api import Invoice

_ADDRESS = re.compile(r"^[^\s@<>,;:\"\\]+@[^\s@<>,;:\"\\]+\.[^\s@<>,;:\"\\]+$")
_ADDRESS_MAX = 320


@row(frozen=True)
class Workspace:
    """What recovery reads of the workspace that mails."""

    name: str
    mode: str
    status: str
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nobody is mailed; the reason names no address."""

    reason: str


def workspace(conn: Connection) -> Workspace | None:
    """The workspace the transaction works for."""
    with conn.cursor(row_factory=class_row(Workspace)) as cur:
        return cur.execute("SELECT name, mode, status, settings FROM tenancy_api.workspace").fetchone()


def recipient(invoice: Invoice | None, sender: Workspace | None) -> str | Refusal:
    """The address to mail, or why there is none.

    Only a live workspace mails anyone. The others mail addresses that their `test_recipients` setting matches: patterns with
    `*`, such as `*@example.com`, compared without regard to case; without the setting nobody is mailed.
    """
    if sender is None or sender.status != "active":
        return Refusal("the workspace is not active")
    if invoice is None:
        return Refusal("the mirror no longer has the invoice")
    address = (invoice.customer_email or "").strip()
    if not address:
        return Refusal("neither the invoice nor its customer has an e-mail address")
    if len(address) > _ADDRESS_MAX or not address.isascii() or not _ADDRESS.match(address):
        return Refusal("the customer's e-mail address cannot be used")
    if sender.mode != "live" and not _matches(address, sender.settings.get("test_recipients")):
        return Refusal(f"a {sender.mode} workspace mails only addresses that its test_recipients setting matches")
    return address


def _matches(address: str, patterns: object) -> bool:
    """Whether one of the patterns matches; only `*` is special in them."""
    listed = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(listed, list):
        return False
    return any(
        isinstance(one, str) and fnmatch.fnmatchcase(address.lower(), one.strip().lower().replace("[", "[[]").replace("?", "[?]"))
        for one in listed
    )
