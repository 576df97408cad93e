"""OIDC tokens of people: any issuer that the settings name, verified by its published keys. Loaded only when a token comes."""

import hashlib
import json
import time
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import jwt

from oppulence.kernel import environment, telemetry
from oppulence.kernel.errors import AuthenticationError, Unavailable
from oppulence.kernel.ids import ALPHABET

ALGORITHMS = ("RS256", "ES256", "PS256", "EdDSA")
DEVELOPMENT_ISSUER = "oppulence-development"
_KEYS_S = 600
_STALE_S = 7_200
_REFETCH_S = 10
_LEEWAY_S = 30

_keys: tuple[float, jwt.PyJWKSet] | None = None
_tried_at = 0.0


@dataclass(frozen=True, slots=True)
class Claims:
    """What we take from a token."""

    issuer: str
    subject: str
    email: str | None
    name: str | None

    @property
    def user_id(self) -> str:
        """An id for a person who has signed in but has no user row yet: the same for the same person."""
        digest = hashlib.sha256(f"{self.issuer}|{self.subject}".encode()).digest()
        return f"usr_{''.join(ALPHABET[byte % 62] for byte in digest[:20])}"


def verify(token: str) -> Claims:
    """Check signature, algorithm, issuer, audience and time.

    Raises:
        AuthenticationError: the token is not one we accept; the message says why, never what it holds.
        Unavailable: the issuer's keys cannot be fetched.
    """
    issuer = environment.optional("OIDC_ISSUER")
    if issuer is None:
        raise AuthenticationError("User tokens are not accepted here: no issuer is configured.", param="Authorization")
    if issuer == DEVELOPMENT_ISSUER and not environment.is_local():
        raise AuthenticationError("The development issuer is not accepted outside the local cloud.", param="Authorization")
    try:
        header = jwt.get_unverified_header(token)
        claims: dict[str, Any] = jwt.decode(
            token, _signing_key(str(header.get("kid", ""))), algorithms=list(ALGORITHMS), issuer=issuer,
            audience=environment.required("OIDC_AUDIENCE"), leeway=_LEEWAY_S,
            options={"require": ["exp", "iat", "sub", "iss", "aud"]},
        )  # fmt: skip
    except jwt.PyJWTError as error:
        raise AuthenticationError(f"The user token is not valid: {error}.", param="Authorization") from error
    verified = claims.get("email_verified", True) in (True, "true")  # some issuers say it in text
    return Claims(issuer, str(claims["sub"]), claims.get("email") if verified else None, claims.get("name"))


def _signing_key(kid: str) -> jwt.PyJWK:
    """The issuer's key by id. An unknown id asks for the set again, at most every ten seconds.

    While the issuer is away the known keys stay good for two hours.
    """
    global _keys, _tried_at
    present = time.monotonic()
    age = present - _keys[0] if _keys else float("inf")
    if _keys is None or age > _STALE_S:
        _keys = (present, _fetch())
    elif (age > _KEYS_S or not _has(_keys[1], kid)) and present - max(_tried_at, _keys[0]) > _REFETCH_S:
        _tried_at = present
        try:
            _keys = (present, _fetch())
        except Unavailable as error:
            telemetry.logger().warning("issuer_unavailable", exc_info=error)
    for key in _keys[1].keys:
        if key.key_id == kid:
            return key
    raise jwt.InvalidKeyError("its key id is not one of the issuer's")


def _has(keys: jwt.PyJWKSet, kid: str) -> bool:
    return any(key.key_id == kid for key in keys.keys)


def _fetch() -> jwt.PyJWKSet:
    try:
        with urllib.request.urlopen(environment.required("OIDC_JWKS_URL"), timeout=3) as answer:
            found = json.loads(answer.read(200_000))
            if not isinstance(found, dict):
                raise TypeError("the issuer's key set is no JSON object")
            return jwt.PyJWKSet.from_dict(found)
    except (OSError, HTTPException, ValueError, TypeError, jwt.PyJWTError) as error:  # away, or answering with something else
        raise Unavailable("The identity provider's keys cannot be fetched. Try again in a few seconds.") from error
