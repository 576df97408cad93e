"""A development OIDC issuer: hands anyone on this machine an id token for any e-mail address. Local cloud only.

Functions outside the local stage refuse its issuer name, whatever keys they are given.
"""

import json
import time
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.local.pgpass import write_secret
from oppulence.kernel.oidc import DEVELOPMENT_ISSUER

AUDIENCE = "oppulence"
ALGORITHM = "RS256"
TOKEN_S = 3600
KEY_BITS = 2048
KEY_ID = "development"


def application(key_file: Path, url: str) -> web.Application:
    """The issuer's routes; `url` is where they are mounted, `key_file` keeps the signing key between runs."""
    key = kept_key(key_file)

    async def discovery(_: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": DEVELOPMENT_ISSUER,
                "jwks_uri": f"{url}/jwks.json",
                "token_endpoint": f"{url}/token",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
            }
        )

    async def keys(_: web.Request) -> web.Response:
        public: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
        return web.json_response({"keys": [public | {"kid": KEY_ID, "use": "sig", "alg": ALGORITHM}]})

    async def token(request: web.Request) -> web.Response:
        """Only for programs: a page in a browser can send JSON here neither across sites nor by a rebound name."""
        if request.content_type != "application/json" or not is_loopback(request.host):
            return web.json_response({"error": "invalid_request"}, status=400)
        try:
            wanted = await request.json()
            claims = claims_for(wanted["email"], wanted.get("name"))
        except (ValueError, KeyError, TypeError, AttributeError):
            return web.json_response({"error": "invalid_request", "error_description": 'send {"email", "name"?}'}, status=400)
        signed = jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": KEY_ID})
        return web.json_response({"id_token": signed, "token_type": "Bearer", "expires_in": TOKEN_S})

    app = web.Application()
    app.add_routes(
        [
            web.get("/.well-known/openid-configuration", discovery),
            web.get("/jwks.json", keys),
            web.post("/token", token),
        ]
    )
    return app


def claims_for(email: object, name: object) -> dict[str, Any]:
    """The claims of a person's id token.

    Raises:
        ValueError: not an e-mail address, or a name that is no text.
    """
    if not isinstance(email, str) or "@" not in email or not isinstance(name, str | None):
        raise ValueError("an e-mail address and a name")
    now = int(time.time())
    claims = {"iss": DEVELOPMENT_ISSUER, "aud": AUDIENCE, "sub": f"dev|{email.lower()}", "iat": now, "exp": now + TOKEN_S}
    return claims | {"email": email, "email_verified": True} | ({"name": name} if name else {})


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine itself."""
    name = host.rsplit(":", 1)[0].strip("[]")
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def kept_key(file: Path) -> rsa.RSAPrivateKey:
    """The signing key, made on first use; only its owner may read the file."""
    if not file.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        pem = made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        write_secret(file, pem.decode())
    key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{file} is not an RSA key: delete it")
    return key
