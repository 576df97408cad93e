"""Who may be mailed."""

import pytest

from oppulence.recovery.recipients import Refusal, recipient
from oppulence.tenancy.api import WorkspaceFacts
from tests.recovery.test_mails import invoice


def workspace(
    mode: str = "test", status: str = "active", recipients: tuple[str, ...] = ("*@example.com", "qa@oppulence.test")
) -> WorkspaceFacts:
    return WorkspaceFacts.model_validate(
        {
            "id": "ws_1",
            "name": "Acme",
            "mode": mode,
            "status": status,
            "plan": "pro",
            "settings": {"test_recipients": list(recipients)},
        }
    )


@pytest.mark.parametrize("address", ["ada@example.com", "ADA@Example.COM", " ada@example.com ", "qa@oppulence.test"])
def test_a_test_workspace_mails_addresses_that_its_setting_matches(address: str) -> None:
    assert recipient(invoice(customer_email=address), workspace()) == address.strip()


@pytest.mark.parametrize("mode", ["test", "sandbox"])
@pytest.mark.parametrize("address", ["ada@example.org", "ada@example.com.evil.org", "qa2@oppulence.test"])
def test_a_workspace_that_is_not_live_mails_nobody_else(mode: str, address: str) -> None:
    refused = recipient(invoice(customer_email=address), workspace(mode))
    assert refused == Refusal(f"a {mode} workspace mails only addresses that its test_recipients setting matches")


def test_without_a_pattern_nobody_is_mailed() -> None:
    assert isinstance(recipient(invoice(customer_email="ada@example.com"), workspace(recipients=())), Refusal)


def test_a_live_workspace_mails_every_customer() -> None:
    assert recipient(invoice(customer_email="ada@example.org"), workspace("live", recipients=())) == "ada@example.org"


@pytest.mark.parametrize("address", [None, "", "   "])
def test_no_address_no_mail(address: str | None) -> None:
    refused = recipient(invoice(customer_email=address), workspace("live"))
    assert refused == Refusal("neither the invoice nor its customer has an e-mail address")


@pytest.mark.parametrize(
    "address", ["ada", "a@b", "a@example.com,b@example.com", "Ada <a@example.com>", "a@exämple.com", "a" * 320 + "@example.com"]
)
def test_an_address_that_is_none_is_not_mailed(address: str) -> None:
    refused = recipient(invoice(customer_email=address), workspace("live"))
    assert refused == Refusal("the customer's e-mail address cannot be used")


def test_a_workspace_that_is_being_deleted_mails_nobody() -> None:
    assert recipient(invoice(), workspace(status="deleting")) == Refusal("the workspace is not active")
    assert recipient(invoice(), None) == Refusal("the workspace is not active")


def test_an_invoice_that_the_mirror_lost_has_no_recipient() -> None:
    assert recipient(None, workspace()) == Refusal("the mirror no longer has the invoice")
