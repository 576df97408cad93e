"""The words of mails: every template renders, and data never becomes markup, lines or links of its own."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oppulence.recovery.cadence import DEFAULT, MailStep
from oppulence.recovery.mails import https_link, render
from oppulence.sync.api import Invoice


def invoice(**fields: object) -> Invoice:
    known: dict[str, object] = {
        "id": "in_1", "account": None, "status": "open", "number": "A-1", "customer_id": None, "customer_email": "a@example.com",
        "customer_name": "Ada Kaya", "amount_remaining_minor": 2610, "amount_paid_minor": 0, "total_minor": 2610,
        "currency": "USD", "hosted_invoice_url": "https://invoice.example.com/i/1?a=1&b=2", "attempt_count": 1,
        "next_attempt_at": None, "due_at": None, "version": 1,
    }  # fmt: skip
    return Invoice(**(known | fields))  # type: ignore[arg-type]


class Markup(HTMLParser):
    """Tags and links of a document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]


@pytest.mark.parametrize("step", DEFAULT.steps, ids=lambda step: step.name)
def test_every_step_has_a_text_and_an_html_part_that_name_invoice_amount_and_sender(step: MailStep) -> None:
    content = render(step, invoice(), "Acme & Sons")
    assert "A-1" in content.subject and "$" not in content.subject
    for part in (content.text, content.html):
        assert "A-1" in part and "26.10 USD" in part and "Ada Kaya" in part and "$" not in part
    assert "Acme & Sons" in content.text and "Acme &amp; Sons" in content.html
    assert "https://invoice.example.com/i/1?a=1&b=2" in content.text
    assert Markup(content.html).links == ["https://invoice.example.com/i/1?a=1&b=2"]


def test_amounts_have_their_currencys_places() -> None:
    content = render(DEFAULT.steps[0], invoice(amount_remaining_minor=4050, currency="JPY"), "Acme")
    assert "4,050 JPY" in content.text
    assert "1.250 KWD" in render(DEFAULT.steps[0], invoice(amount_remaining_minor=1250, currency="KWD"), "Acme").text


def test_without_name_number_and_link_the_mail_still_reads() -> None:
    content = render(DEFAULT.steps[0], invoice(customer_name=None, number=None, hosted_invoice_url=None), "Acme")
    assert "Hello there," in content.text and "in_1" in content.subject
    assert Markup(content.html).links == [] and "in your account" in content.text


@given(st.text(max_size=300), st.text(max_size=60))
def test_data_never_becomes_markup_or_lines(name: str, number: str) -> None:
    plain = render(DEFAULT.steps[0], invoice(), "Acme")
    content = render(DEFAULT.steps[0], invoice(customer_name=name, number=number), name or "x")
    assert Markup(content.html).tags == Markup(plain.html).tags
    assert len(content.text.splitlines()) == len(plain.text.splitlines())
    assert len(content.subject.splitlines()) == 1


def test_html_in_a_name_is_text() -> None:
    content = render(DEFAULT.steps[0], invoice(customer_name='<script>alert("x")</script>${amount}'), "Acme")
    assert "<script>" not in content.html and "&lt;script&gt;" in content.html
    assert "${amount}" in content.text


@pytest.mark.parametrize(
    "url",
    [
        None, "", "http://invoice.example.com/i", "javascript:alert(1)", "https:///nothing", "//example.com",
        "https://a b.example",        "https://good.example@evil.example/", "https://x.example/\nBcc: y", "data:text/html,hi", "https://[broken",
    ],
)  # fmt: skip
def test_only_plain_https_links_are_mailed(url: str | None) -> None:
    assert https_link(url) is None


def test_a_quote_in_a_link_stays_inside_its_attribute() -> None:
    content = render(DEFAULT.steps[0], invoice(hosted_invoice_url='https://x.example/"><img>'), "Acme")
    assert "img" not in Markup(content.html).tags
