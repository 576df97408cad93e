"""The words of a dunning mail: templates filled in, in text and HTML, with nothing taken from data as markup."""

import html
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from oppulence.kernel.money import Money
from oppulence.recovery.cadence import MailStep
from oppulence.sync.api import Invoice

_TEMPLATES = Path(__file__).parent / "templates"
_FIELD_MAX = 200


@dataclass(frozen=True, slots=True)
class Content:
    """A rendered mail."""

    subject: str
    text: str
    html: str


def render(step: MailStep, invoice: Invoice, sender: str) -> Content:
    """Fill a step's templates in. `sender` is the name of the workspace the money is owed to.

    Raises:
        KeyError: a template names a field that does not exist.
        FileNotFoundError: the step's template has no file of either kind.
    """
    values = {
        "name": _plain(invoice.customer_name or "") or "there",
        "number": _plain(invoice.number or invoice.id),
        "amount": str(Money(invoice.amount_remaining_minor, invoice.currency)),
        "sender": _plain(sender),
    }
    link = https_link(invoice.hosted_invoice_url)
    escaped = {name: html.escape(value) for name, value in values.items()}
    return Content(
        Template(step.subject).substitute(values),
        _template(f"{step.template}.txt").substitute(values, pay=_pay_text(link)),
        _template(f"{step.template}.html").substitute(escaped, pay=_pay_html(link)),
    )


def https_link(url: str | None) -> str | None:
    """The address of the hosted invoice, if it is one that a mail may carry: https, with a host, without spaces or controls."""
    if not url or any(ord(letter) <= ord(" ") or ord(letter) == 0x7F for letter in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme == "https" and parts.hostname and "@" not in parts.netloc else None


def _pay_text(link: str | None) -> str:
    return (
        _template("pay_link.txt").substitute(link=link).strip()
        if link
        else _template("pay_without_link.txt").substitute().strip()
    )


def _pay_html(link: str | None) -> str:
    if link:
        return _template("pay_link.html").substitute(link=html.escape(link)).strip()
    return _template("pay_without_link.html").substitute().strip()


def _plain(text: str) -> str:
    """One line without control characters, of at most 200 characters: a name cannot add lines to a mail."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:_FIELD_MAX]


@cache
def _template(name: str) -> Template:
    return Template((_TEMPLATES / name).read_text(encoding="utf-8"))
