"""Who calls: keys and people's tokens, and everything that only looks like one."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from oppulence.kernel import auth, db, environment, oidc
from oppulence.kernel.auth import ExpiredKey, Principal
from oppulence.kernel.errors import AuthenticationError, Unavailable, WorkspaceMismatch
from oppulence.kernel.ids import new_id, random_text
from oppulence.kernel.oidc import Claims
from tests.kernel.support import CONTEXT, key_of
from tests.support.world import World

ISSUER, AUDIENCE = "https://issuer.kernel.test", "oppulence"
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
STRANGER = ec.generate_private_key(ec.SECP256R1())


def key_set(*more: dict[str, Any]) -> str:
    """The issuer's public keys, as a URL that holds them itself."""
    first = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key())), "kid": "ec", "alg": "ES256", "use": "sig"}
    second = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key())), "kid": "rsa", "alg": "RS256", "use": "sig"}
    text = json.dumps({"keys": [first, second, *more]})
    return f"data:application/json;base64,{base64.b64encode(text.encode()).decode()}"


def claims(**change: Any) -> dict[str, Any]:
    """Claims of a good token; None leaves one out."""
    now = int(time.time())
    known = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "email": "ada@example.com", "iat": now, "exp": now + 600} | change
    return {name: value for name, value in known.items() if value is not None}


def token(key: Any = EC_KEY, algorithm: str = "ES256", kid: str | None = "ec", **change: Any) -> str:
    return jwt.encode(claims(**change), key, algorithm=algorithm, headers={"kid": kid} if kid else {})


@pytest.fixture(autouse=True)
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(oidc, "_keys", None)
    monkeypatch.setattr(oidc, "_tried_at", 0.0)
    for name, value in {"OIDC_ISSUER": ISSUER, "OIDC_AUDIENCE": AUDIENCE, "OIDC_JWKS_URL": key_set()}.items():
        monkeypatch.setenv(name, value)
    yield
    monkeypatch.undo()
    environment.stage.cache_clear()


def by_key(key: str, workspace: str | None = None) -> Principal:
    return auth.authenticate(CONTEXT, f"Bearer {key}", workspace)


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    moment = time.monotonic() + seconds
    monkeypatch.setattr(time, "monotonic", lambda: moment)


def test_a_key_says_whose_it_is_and_what_it_may(world: World) -> None:
    found = by_key(key_of(world, "ledger:read", "sync:read"))
    assert (found.type, found.workspace_id) == ("api_key", world.workspace_id)
    assert found.scopes == {"ledger:read", "sync:read"}
    assert (found.plan, found.mode) == ("business", "test")


def test_only_a_hash_is_stored(world: World) -> None:
    key = key_of(world)
    rows = world.admin.execute("SELECT t::text FROM tenancy.api_keys t WHERE workspace_id = %s", (world.workspace_id,)).fetchall()
    assert key not in str(rows) and auth.hash_key(key).hex() in str(rows)


def test_a_look_up_is_kept_for_thirty_seconds_and_no_longer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_of(world)
    by_key(key)
    world.admin.execute("UPDATE tenancy.api_keys SET revoked_at = now() WHERE workspace_id = %s", (world.workspace_id,))
    assert by_key(key).workspace_id == world.workspace_id
    later(monkeypatch, 29)
    assert by_key(key).workspace_id == world.workspace_id
    later(monkeypatch, 31)
    with pytest.raises(AuthenticationError, match="revoked"):
        by_key(key)


def test_a_kept_key_still_opens_while_postgresql_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_of(world)
    by_key(key)
    db.forget(CONTEXT)
    monkeypatch.setenv("PG_PORT", "1")
    assert by_key(key).workspace_id == world.workspace_id
    auth.forget_all()
    with pytest.raises(Unavailable):
        by_key(key)


def test_an_expired_key_ends_on_the_second_even_when_kept(world: World) -> None:
    key = key_of(world)
    world.admin.execute(
        "UPDATE tenancy.api_keys SET expires_at = now() + interval '0.3 seconds' WHERE workspace_id = %s", (world.workspace_id,)
    )
    by_key(key)
    time.sleep(0.35)
    with pytest.raises(ExpiredKey) as refused:
        by_key(key)
    assert (refused.value.status, refused.value.code) == (401, "api_key_expired")


def test_a_workspace_that_is_restored_works_at_once(world: World) -> None:
    """What was found of a workspace in deletion is not kept."""
    key = key_of(world)
    world.admin.execute(
        "UPDATE tenancy.workspaces SET status = 'deleting', deletion_due_at = now() WHERE id = %s", (world.workspace_id,)
    )
    assert by_key(key).workspace_status == "deleting"
    world.admin.execute(
        "UPDATE tenancy.workspaces SET status = 'active', deletion_due_at = NULL WHERE id = %s", (world.workspace_id,)
    )
    assert by_key(key).workspace_status == "active"


def test_another_workspace_in_the_header_is_refused(world: World) -> None:
    key = key_of(world)
    assert by_key(key, world.workspace_id).workspace_id == world.workspace_id
    for other in (world.workspace(), new_id("ws"), "x", world.workspace_id + "\n"):
        with pytest.raises(WorkspaceMismatch):
            by_key(key, other)


MALFORMED = [
    None, "", "Bearer", "Bearer ", "Basic YTpi", "op_test_" + "a" * 32, "Bearer op_test_" + "a" * 31,
    "Bearer op_test_" + "a" * 33,
    "Bearer op_prod_" + "a" * 32, "Bearer op_test_" + "é" * 32, "Bearer x", "Bearer ..", "Bearer a.b", "Bearer a.b.c.d",
    "Bearer é.é.é", "Bearer " + "a" * 5_000 + "." + "b" * 5_000 + ".c", "Bearer \x00",
]  # fmt: skip


@pytest.mark.parametrize("header", MALFORMED, ids=lambda header: str(header)[:40].encode("ascii", "replace").decode())
def test_what_is_neither_a_key_nor_a_token_is_refused(world: World, header: str | None) -> None:
    with pytest.raises(AuthenticationError) as refused:
        auth.authenticate(CONTEXT, header, None)
    assert refused.value.param == "Authorization"


def test_an_unknown_key_is_refused_and_looked_for_again(world: World) -> None:
    key = f"op_test_{random_text(32)}"
    with pytest.raises(AuthenticationError):
        by_key(key)
    world._keys[(world.workspace_id, ("sync:read",))] = key
    world.admin.execute(
        "INSERT INTO tenancy.api_keys (id, workspace_id, name, key_hash, prefix, scopes, created_by, created_at)"
        " VALUES (%s, %s, 'late', %s, %s, '{sync:read}', 'test', now())",
        (new_id("key"), world.workspace_id, auth.hash_key(key), key[:12]),
    )
    assert by_key(key).scopes == {"sync:read"}


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(EC_KEY, "ES256", "ec"), (RSA_KEY, "RS256", "rsa")])
def test_a_token_of_the_issuer_is_taken(key: Any, algorithm: str, kid: str) -> None:
    assert oidc.verify(token(key, algorithm, kid)) == Claims(ISSUER, "ada", "ada@example.com", None)


def unsigned() -> str:
    return jwt.encode(claims(), None, algorithm="none", headers={"kid": "ec"})  # type: ignore[arg-type]


def confused() -> str:
    """Signed with the public key as if it were a shared secret."""
    public = RSA_KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "HS256", "kid": "rsa"}, claims())
    )
    import hmac

    signature = base64.urlsafe_b64encode(hmac.digest(public, head + b"." + body, "sha256")).rstrip(b"=")
    return b".".join((head, body, signature)).decode()


NOW = int(time.time())
REFUSED: dict[str, Any] = {
    "alg none": unsigned,
    "HS256 with the public key": confused,
    "another's signature": lambda: token(STRANGER),
    "the wrong key of the set": lambda: token(EC_KEY, kid="rsa"),
    "an unknown key id": lambda: token(kid="other"),
    "no key id": lambda: token(kid=None),
    "another audience": lambda: token(aud="somebody"),
    "no audience": lambda: token(aud=None),
    "another issuer": lambda: token(iss="https://evil.test"),
    "no issuer": lambda: token(iss=None),
    "expired": lambda: token(exp=NOW - 120),
    "never expiring": lambda: token(exp=None),
    "not yet valid": lambda: token(nbf=NOW + 86_400),
    "no subject": lambda: token(sub=None),
    "a subject that is no text": lambda: token(sub=17),
    "a changed body": lambda: ".".join([(one := token().split("."))[0], one[1][:-2] + "AA", one[2]]),
    "no signature": lambda: token().rpartition(".")[0] + ".",
    "an algorithm outside the list": lambda: jwt.encode(claims(), RSA_KEY, algorithm="RS512", headers={"kid": "rsa"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_token_that_is_not_quite_right_is_refused(name: str) -> None:
    if name == "a subject that is no text":
        made = jwt.api_jws.encode(json.dumps(claims(sub=17)).encode(), EC_KEY, algorithm="ES256", headers={"kid": "ec"})
    else:
        made = REFUSED[name]()
    with pytest.raises(AuthenticationError) as refused:
        oidc.verify(made)
    assert "ada" not in str(refused.value) and made not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "taken"), [(True, True), ("true", True), (None, True), (False, False), ("false", False), (0, False)]
)
def test_an_address_that_the_issuer_has_not_verified_is_not_taken(said: object, taken: bool) -> None:
    assert oidc.verify(token(email_verified=said)).email == ("ada@example.com" if taken else None)


@pytest.mark.usefixtures("environment")
def test_the_development_issuer_is_refused_outside_the_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_ISSUER", oidc.DEVELOPMENT_ISSUER)
    made = token(iss=oidc.DEVELOPMENT_ISSUER)
    assert oidc.verify(made).issuer == oidc.DEVELOPMENT_ISSUER
    for stage in ("dev", "staging", "prod"):
        monkeypatch.setenv("STAGE", stage)
        environment.stage.cache_clear()
        with pytest.raises(AuthenticationError, match="development issuer"):
            oidc.verify(made)


@pytest.mark.usefixtures("environment")
def test_without_an_issuer_no_token_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OIDC_ISSUER")
    with pytest.raises(AuthenticationError, match="no issuer"):
        oidc.verify(token())


@pytest.mark.parametrize(
    "url", ["data:text/html,<html>", "data:application/json,[]", "data:application/json,{}", "http://127.0.0.1:1/"]
)
def test_an_issuer_that_answers_nonsense_or_not_at_all_is_unavailable(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OIDC_JWKS_URL", url)
    with pytest.raises(Unavailable):
        oidc.verify(token())


def test_known_keys_outlive_an_issuer_that_is_away_for_two_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    oidc.verify(token())
    monkeypatch.setenv("OIDC_JWKS_URL", "http://127.0.0.1:1/")
    later(monkeypatch, 3_600)
    assert oidc.verify(token()).subject == "ada"
    later(monkeypatch, oidc._STALE_S + 1)
    with pytest.raises(Unavailable):
        oidc.verify(token())


def test_a_new_key_of_the_issuer_is_fetched_when_a_token_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    oidc.verify(token())
    fresh = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(STRANGER.public_key())), "kid": "new", "alg": "ES256"}
    monkeypatch.setenv("OIDC_JWKS_URL", key_set(fresh))
    with pytest.raises(AuthenticationError):
        oidc.verify(token(STRANGER, kid="new"))
    later(monkeypatch, oidc._REFETCH_S + 1)
    assert oidc.verify(token(STRANGER, kid="new")).subject == "ada"


def test_unknown_key_ids_do_not_become_a_load_on_the_issuer(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[int] = []
    real = oidc._fetch

    def fetch() -> jwt.PyJWKSet:
        fetched.append(1)
        return real()

    monkeypatch.setattr(oidc, "_fetch", fetch)
    for n in range(20):
        with pytest.raises(AuthenticationError):
            oidc.verify(token(kid=f"made-up-{n}"))
    assert len(fetched) == 1


def test_a_person_without_a_workspace_has_no_scopes_and_always_the_same_id(world: World) -> None:
    one, two = (auth.authenticate(CONTEXT, f"Bearer {token(sub='new')}", None) for _ in range(2))
    assert (one.type, one.workspace_id, one.scopes, one.id) == ("user", None, frozenset(), two.id)
    with pytest.raises(WorkspaceMismatch):
        auth.authenticate(CONTEXT, f"Bearer {token(sub='new')}", world.workspace_id)
