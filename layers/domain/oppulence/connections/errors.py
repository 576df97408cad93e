"""Errors of connections, their doors, and calls to providers.

Calls to a provider end in one of these, and nothing of urllib3's passes the gateway:

ProviderError                 502
├─ ProviderKeyRefused         the key is revoked, expired, or lacks a permission
├─ ProviderObjectMissing      404: there is no such object
└─ ProviderRefused            other refusals: the same request will be refused again
Unavailable                   503 with Retry-After; a consumer's records go back to their queue
├─ ProviderBusy               429: wait `retry_after_s`
└─ ProviderUnavailable        5xx, no connection, no answer in time, or the circuit breaker is open
"""

from oppulence.kernel.errors import Conflict, NotFound, ProviderError, Unavailable, ValidationError


class ConnectionNotFound(NotFound):
    """This workspace has no such connection."""

    code = "connection_not_found"


class ConnectionExists(Conflict):
    """The provider's account is connected already."""

    code = "connection_exists"


class ConnectionHasNoKey(Conflict):
    """The connection has no API key, so the provider cannot be asked."""

    code = "connection_has_no_key"


class NothingToConnectWith(ValidationError):
    """Neither a key nor a signing secret nor an event source."""

    code = "credentials_missing"


class KeyNotUsable(ValidationError):
    """The API key was asked about at the provider, and cannot be used. Nothing was stored."""

    code = "api_key_not_usable"
    status = 422


class KeyRefusedAtStripe(KeyNotUsable):
    """Stripe does not know the key, or no longer."""

    code = "api_key_refused"


class KeyLacksPermissions(KeyNotUsable):
    """The restricted key may not do all that is needed; `missing_permissions` lists what it lacks."""

    code = "api_key_lacks_permissions"


class KeyOfAnotherMode(KeyNotUsable):
    """A live key in a workspace that is not, or the other way round."""

    code = "api_key_of_another_mode"


class KeyOfAnotherAccount(KeyNotUsable):
    """The key belongs to another account than the one that was named, or that is connected."""

    code = "api_key_of_another_account"


class SecretInUse(Conflict):
    """The secret is one that the connection accepts already."""

    code = "webhook_secret_in_use"


class InvalidSignature(ValidationError):
    """The webhook's signature is absent, malformed, stale or wrong."""

    code = "invalid_signature"


class UnreadableWebhook(ValidationError):
    """The signature is right, but the body is no event."""

    code = "invalid_webhook"


class ProviderKeyRefused(ProviderError):
    """The provider refuses the key: 401, or 403 with the permission that it lacks."""

    code = "provider_key_refused"

    def __init__(self, message: str, permission: str | None = None) -> None:
        super().__init__(message)
        self.permission = permission
        if permission:
            self.details["missing_permissions"] = [permission]


class ProviderObjectMissing(ProviderError):
    """The provider has no such object."""

    code = "provider_object_missing"


class ProviderRefused(ProviderError):
    """The provider refuses the request, and would again. `provider_status` and `provider_code` are its own."""

    code = "provider_refused"

    def __init__(self, message: str, provider_status: int, provider_code: str | None = None) -> None:
        super().__init__(message)
        self.provider_status = provider_status
        self.provider_code = provider_code
        if provider_code:
            self.details["provider_code"] = provider_code


class ProviderBusy(Unavailable):
    """The provider's rate limit is reached."""

    type = "provider_error"
    code = "provider_busy"

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message, retry_after=retry_after_s)
        self.retry_after_s = retry_after_s


class ProviderUnavailable(Unavailable):
    """The provider fails, cannot be reached, or did not answer in time. A write may have been done.

    `answered` says that it did answer: that it fails. Stripe then answers the same to a repeat under the same idempotency key.
    """

    type = "provider_error"
    code = "provider_unavailable"

    def __init__(self, message: str, retry_after_s: int = 5, *, answered: bool = False) -> None:
        super().__init__(message, retry_after=retry_after_s)
        self.retry_after_s = retry_after_s
        self.answered = answered
