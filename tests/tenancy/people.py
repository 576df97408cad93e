"""Signed-in people, and the issuer of their tokens."""

import base64
import json
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from oppulence.kernel.ids import new_id, random_text
from tests.support.world import World

ISSUER = "https://issuer.test"
AUDIENCE = "oppulence"
KEY_ID = "tests"


@dataclass(frozen=True)
class Someone:
    """A member of a workspace."""

    email: str
    token: str
    user_id: str
    member_id: str


class People:
    """Makes people and tokens."""

    def __init__(self, world: World) -> None:
        self.world = world

    def token(self, email: str, /, **claims: Any) -> str:
        """A token of the person with this address; the subject is the address."""
        now = int(time.time())
        known = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": email, "email": email, "name": "Some One", "iat": now, "exp": now + 600
        }  # fmt: skip
        return jwt.encode({**known, **claims}, _key(), algorithm="ES256", headers={"kid": KEY_ID})

    def stranger(self) -> tuple[str, str]:
        """Address and token of somebody who is a member of nothing."""
        email = f"{random_text(10).lower()}@example.com"
        return email, self.token(email)

    def member(self, role: str, workspace_id: str | None = None) -> Someone:
        """A new member with this role."""
        email, token = self.stranger()
        someone = Someone(email, token, new_id("usr"), new_id("mem"))
        self.world.admin.execute(
            "INSERT INTO tenancy.users (id, issuer, subject, email, name) VALUES (%s, %s, %s, %s, 'Some One')",
            (someone.user_id, ISSUER, email, email),
        )
        self.world.admin.execute(
            "INSERT INTO tenancy.memberships (id, workspace_id, user_id, role, created_at) VALUES (%s, %s, %s, %s, now())",
            (someone.member_id, workspace_id or self.world.workspace_id, someone.user_id, role),
        )
        return someone


def key_set_url() -> str:
    """The issuer's public keys, as a URL that holds them itself."""
    public: dict[str, Any] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(_key().public_key()))
    text = json.dumps({"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "ES256"}]})
    return f"data:application/json;base64,{base64.b64encode(text.encode()).decode()}"


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())
