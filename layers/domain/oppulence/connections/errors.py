"""Errors of connections and their doors."""

from oppulence.kernel.errors import Conflict, NotFound, ValidationError


class ConnectionNotFound(NotFound):
    """This workspace has no such connection."""

    code = "connection_not_found"


class ConnectionExists(Conflict):
    """The provider's account is connected already."""

    code = "connection_exists"


class SecretInUse(Conflict):
    """The secret is one that the connection accepts already."""

    code = "webhook_secret_in_use"


class InvalidSignature(ValidationError):
    """The webhook's signature is absent, malformed, stale or wrong."""

    code = "invalid_signature"


class UnreadableWebhook(ValidationError):
    """The signature is right, but the body is no event."""

    code = "invalid_webhook"
