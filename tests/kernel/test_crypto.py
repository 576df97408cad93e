"""What is sealed opens again, only for its workspace and purpose, and never after the key is gone."""

import time
from collections.abc import Callable

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oppulence.kernel import crypto, db
from oppulence.kernel.crypto import KeyErased, Keyring
from tests.kernel.support import CONTEXT, counted
from tests.support.world import World

RING = Keyring("ws_a", {1: b"wrapped"}, {1: bytes(range(32))})


def ring_of(world: World, workspace_id: str | None = None, sealed: bytes | None = None) -> Keyring:
    return db.read(CONTEXT, lambda conn: crypto.keyring(conn, workspace_id or world.workspace_id, sealed))


def rotate(world: World) -> None:
    world.admin.execute(
        "INSERT INTO tenancy.data_keys (workspace_id, version, wrapped, created_at) VALUES (%s, 2, %s, now())",
        (world.workspace_id, crypto.new_wrapped_key(world.workspace_id)),
    )


@given(st.binary(max_size=5_000), st.text(max_size=20))
def test_what_is_sealed_opens_again(plaintext: bytes, purpose: str) -> None:
    purpose = purpose.encode("utf-8", "replace").decode()
    sealed = RING.seal(plaintext, purpose)
    assert RING.open(sealed, purpose) == plaintext
    assert len(sealed) == len(plaintext) + 33


@given(st.data())
def test_a_changed_byte_is_noticed(data: st.DataObject) -> None:
    sealed = bytearray(RING.seal(b"ten dollars", "audit"))
    at = data.draw(st.integers(min_value=0, max_value=len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(min_value=1, max_value=255))
    with pytest.raises((ValueError, KeyErased)):
        RING.open(bytes(sealed), "audit")


@given(st.binary(max_size=60))
def test_bytes_that_were_never_sealed_are_refused(junk: bytes) -> None:
    with pytest.raises((ValueError, KeyErased)):
        RING.open(junk, "audit")


def test_another_purpose_or_workspace_does_not_open_it(world: World) -> None:
    ring, other = ring_of(world), ring_of(world, world.workspace())
    sealed = ring.seal(b"secret", "audit")
    for opener, purpose in ((ring, "webhook"), (other, "audit"), (Keyring("ws_b", RING.wrapped, RING._plain), "audit")):
        with pytest.raises(ValueError, match="changed"):
            opener.open(sealed, purpose)
    assert b"secret" not in sealed


def test_the_same_text_is_never_sealed_to_the_same_bytes() -> None:
    assert len({RING.seal(b"x", "p") for _ in range(1_000)}) == 1_000


def test_a_wrapped_key_of_another_workspace_cannot_be_unwrapped(world: World) -> None:
    """KMS itself refuses: the workspace is the encryption context."""
    from botocore.exceptions import ClientError

    wrapped = crypto.new_wrapped_key(world.workspace())
    with pytest.raises(ClientError):
        crypto.unwrap(world.workspace_id, wrapped)


def test_after_a_rotation_the_new_key_seals_and_both_open(world: World) -> None:
    before = ring_of(world).seal(b"old", "audit")
    rotate(world)
    crypto.forget_all()
    ring = ring_of(world)
    after = ring.seal(b"new", "audit")
    assert (before[1:5], after[1:5]) == (b"\0\0\0\1", b"\0\0\0\2")
    assert (ring.open(before, "audit"), ring.open(after, "audit")) == (b"old", b"new")


def test_a_process_that_kept_the_old_keys_reads_them_again_when_it_meets_the_new(world: World) -> None:
    stale = ring_of(world)
    rotate(world)
    sealed = Keyring(world.workspace_id, _wrapped(world.admin, world.workspace_id)).seal(b"new", "audit")
    assert not stale.holds(sealed)
    assert ring_of(world, sealed=sealed).open(sealed, "audit") == b"new"


def test_an_erased_workspace_can_neither_open_nor_seal(world: World) -> None:
    sealed = ring_of(world).seal(b"personal", "audit")
    world.admin.execute("DELETE FROM tenancy.data_keys WHERE workspace_id = %s", (world.workspace_id,))
    crypto.forget(world.workspace_id)
    acts: list[Callable[[Keyring], bytes]] = [lambda ring: ring.open(sealed, "audit"), lambda ring: ring.seal(b"x", "audit")]
    for act in acts:
        with pytest.raises(KeyErased):
            act(ring_of(world))


def test_an_erased_key_lives_on_in_a_process_for_five_minutes_at_most(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = ring_of(world).seal(b"personal", "audit")
    world.admin.execute("DELETE FROM tenancy.data_keys WHERE workspace_id = %s", (world.workspace_id,))
    assert ring_of(world).open(sealed, "audit") == b"personal"
    assert crypto.CACHE_S <= 300
    later = time.monotonic() + crypto.CACHE_S
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with pytest.raises(KeyErased):
        ring_of(world).open(sealed, "audit")


def test_a_key_is_unwrapped_once_a_process_and_before_the_transaction(world: World) -> None:
    with counted("kms", "Decrypt") as calls:
        crypto.warm(CONTEXT, world.workspace_id)
        assert calls == ["Decrypt"]
        for _ in range(10):
            ring_of(world).seal(b"x", "audit")
    assert calls == ["Decrypt"]


def test_json_is_sealed_and_opened(world: World) -> None:
    value = {"email": "ada@example.com", "n": [1, None, "é"]}
    sealed = db.read(CONTEXT, lambda conn: crypto.seal_json(conn, world.workspace_id, value, "audit"))
    assert db.read(CONTEXT, lambda conn: crypto.open_json(conn, world.workspace_id, sealed, "audit")) == value


def test_plain_keys_do_not_show_in_a_repr() -> None:
    assert "_plain" not in repr(RING)


def _wrapped(admin: psycopg.Connection, workspace_id: str) -> dict[int, bytes]:
    rows = admin.execute("SELECT version, wrapped FROM tenancy.data_keys WHERE workspace_id = %s", (workspace_id,))
    return {int(version): bytes(wrapped) for version, wrapped in rows}
