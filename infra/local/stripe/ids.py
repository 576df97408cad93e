"""Ids, secrets and keys of the forms that Stripe gives them; never the same twice, whatever was restarted."""

import secrets
import string

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
SHORT = {"cus", "prod", "si", "req"}


def letters(count: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(count))


def new(prefix: str) -> str:
    """An id: 14 letters for customers, products, items and requests, 24 with a leading 1 for the rest."""
    return f"{prefix}_{letters(14)}" if prefix in SHORT else f"{prefix}_1{letters(23)}"


def client_secret(of: str) -> str:
    return f"{of}_secret_{letters(25)}"


def checkout_session() -> str:
    return f"cs_test_a1{letters(56)}"


def webhook_secret() -> str:
    return f"whsec_{letters(32)}"


def fingerprint() -> str:
    return letters(16)


def digits(count: int) -> str:
    return "".join(secrets.choice(string.digits) for _ in range(count))
