"""Errors as Stripe answers them: a status, and a body that names type, code, message and parameter.

Source: Stripe API reference, "Errors", and the texts that its API sends.
"""

from typing import Any

NAMES = {"payment_intent": "payment_intent", "payment_method": "PaymentMethod", "setup_intent": "setupintent"}
"""What Stripe calls these in messages; the others by their type's words."""

DOCS = "https://stripe.com/docs/error-codes/"


class StripeError(Exception):
    """An answer other than 200. `keeps` says that what was done before it stays done, as with a declined payment."""

    def __init__(self, status: int, kind: str, message: str, *, code: str | None = None, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.keeps = False
        self.headers: dict[str, str] = {}
        told = {"code": code, "doc_url": DOCS + code.replace("_", "-")} if code else {}
        self.error: dict[str, Any] = (
            told | {"message": message} | {k: v for k, v in more.items() if v is not None} | {"type": kind}
        )

    @property
    def body(self) -> dict[str, Any]:
        return {"error": self.error}


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    """A request that cannot be served, whoever sends it."""
    return StripeError(400, "invalid_request_error", message, code=code, param=param)


def missing_param(name: str) -> StripeError:
    return invalid(f"Missing required param: {name}.", name, "parameter_missing")


def no_such(kind: str, id: str, param: str = "id") -> StripeError:
    """404 for the object that a path names, 400 for one that a parameter names."""
    word = NAMES.get(kind) or kind.rpartition(".")[2].replace("_", " ")
    status = 404 if param == "id" else 400
    return StripeError(status, "invalid_request_error", f"No such {word}: '{id}'", code="resource_missing", param=param)


def unexpected_state(message: str, **more: Any) -> StripeError:
    """An action that the object's status does not allow; `more` carries the object, as intents' errors do."""
    code = f"{next(iter(more), 'invoice')}_unexpected_state" if more else None
    return StripeError(400, "invalid_request_error", message, code=code, **more)


def not_simulated(what: str) -> StripeError:
    """Stripe would serve it, this server does not: said aloud rather than ignored."""
    return StripeError(400, "invalid_request_error", f"The local Stripe does not simulate {what}.", code="not_simulated")


def card_error(decline: dict[str, Any], **more: Any) -> StripeError:
    """402 for a declined card; what the attempt left behind (a failed charge, its events) is kept."""
    told = {key: decline[key] for key in ("decline_code", "advice_code", "network_decline_code") if decline.get(key)}
    error = StripeError(402, "card_error", decline["message"], code=decline["code"], **told, **more)
    error.keeps = True
    return error


def hidden(key: str) -> str:
    """A key as Stripe shows it in messages."""
    head = key[: key.rfind("_") + 1] if key.count("_") >= 2 else key[:3]
    tail = key[-4:] if len(key) > len(head) + 4 else ""
    return f"{head}{'*' * max(len(key) - len(head) - len(tail), 3)}{tail}"
