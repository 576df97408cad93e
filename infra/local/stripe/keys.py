"""API keys: full ones, restricted ones with permissions, revoked ones; and whose account a request is about."""

import base64
import secrets

from infra.local.stripe.errors import StripeError, hidden
from infra.local.stripe.unit import Obj, Unit
from infra.local.stripe.world import World

ALL = "*"
NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. "
    "'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at "
    "https://support.stripe.com/."
)


def make(unit: Unit, permissions: list[str] | None, key: str | None = None) -> str:
    """A new key. Permissions are Stripe's: `rak_customer_read`; a write includes the read. None is a full key."""
    made = key or f"{'sk' if permissions is None else 'rk'}_test_{secrets.token_urlsafe(36).replace('-', 'a').replace('_', 'b')}"
    unit.add({"object": "_key", "id": made, "permissions": permissions, "state": "active"})
    return made


def identify(unit: Unit, authorization: str | None) -> Obj:
    """The key of a request, from `Bearer <key>` or basic authentication's user.

    Raises:
        StripeError: 401: none, unknown, revoked.
    """
    scheme, _, key = (authorization or "").partition(" ")
    if scheme == "Basic":
        key = _user(key)
    if scheme not in ("Bearer", "Basic") or not key:
        raise StripeError(401, "invalid_request_error", NO_KEY)
    found = unit.get("_key", key)
    if found is None:
        raise StripeError(401, "invalid_request_error", f"Invalid API Key provided: {hidden(key)}")
    if found["state"] != "active":
        raise StripeError(401, "invalid_request_error", f"Expired API Key provided: {hidden(key)}", code="api_key_expired")
    return found


def _user(credentials: str) -> str:
    try:
        return base64.b64decode(credentials).decode().partition(":")[0]
    except ValueError:
        return ""


def allow(key: Obj, permission: str, account: str) -> None:
    """Raises:
    StripeError: 403: a restricted key without the permission, which the message names.
    """
    held = key["permissions"]
    if held is None or permission in held or permission.replace("_read", "_write") in held:
        return
    raise StripeError(
        403,
        "invalid_request_error",
        f"The provided key '{hidden(key['id'])}' does not have the required permissions for this endpoint on account '{account}'."
        f" Having the '{permission}' permission would allow this request to continue.",
    )


def account_of(world: World, unit: Unit, key: Obj, header: str | None) -> str:
    """The connected account that a request is about; '' is the key's own.

    Raises:
        StripeError: 403: no such account, or it has left the platform.
    """
    if not header or header == world.account:
        return ""
    found = unit.get("account", header)
    left = unit.get("_left", header)
    if found is None or left:
        raise StripeError(
            403,
            "invalid_request_error",
            f"The provided key '{hidden(key['id'])}' does not have access to account '{header}' (or that account does not exist)."
            " Application access may have been revoked.",
            code="account_invalid",
        )
    return header
