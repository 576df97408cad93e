"""Who may be mailed: the address stands in the mirror, the workspace's mode and settings decide."""

import re
from dataclasses import dataclass

from oppulence.sync.api import Invoice
from oppulence.tenancy import api as tenancy
from oppulence.tenancy.api import WorkspaceFacts

_ADDRESS = re.compile(r"^[^\s@<>,;:\"\\]+@[^\s@<>,;:\"\\]+\.[^\s@<>,;:\"\\]+$")
_ADDRESS_MAX = 320


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nobody is mailed; the reason names no address."""

    reason: str


def recipient(invoice: Invoice | None, sender: WorkspaceFacts | None) -> str | Refusal:
    """The address to mail, or why there is none."""
    if sender is None or sender.status != "active":
        return Refusal("the workspace is not active")
    if invoice is None:
        return Refusal("the mirror no longer has the invoice")
    address = (invoice.customer_email or "").strip()
    if not address:
        return Refusal("neither the invoice nor its customer has an e-mail address")
    if len(address) > _ADDRESS_MAX or not address.isascii() or not _ADDRESS.match(address):
        return Refusal("the customer's e-mail address cannot be used")
    if not tenancy.may_mail(sender, address):
        return Refusal(f"a {sender.mode} workspace mails only addresses that its test_recipients setting matches")
    return address
