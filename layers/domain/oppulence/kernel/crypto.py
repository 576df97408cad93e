"""Envelope encryption: a data key per workspace, wrapped by KMS with the workspace as its context.

Sealed bytes name the key's version, so a rotation needs no re-encryption. Erasing a workspace deletes its wrapped keys:
what was sealed stays whole and can never be read again.
"""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oppulence.kernel import environment
from oppulence.kernel.errors import AppError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from oppulence.kernel.db import Connection

_FORMAT = b"\x01"
_NONCE_BYTES = 12
_HEADER_BYTES = len(_FORMAT) + 4 + _NONCE_BYTES
CACHE_S = 300


class KeyErased(AppError):
    """The workspace's key is gone: it was deleted, and so is everything sealed under it."""

    code = "workspace_erased"
    status = 410


@dataclass
class Keyring:
    """A workspace's data keys, by version; the highest seals, all of them open."""

    workspace_id: str
    wrapped: dict[int, bytes]
    _plain: dict[int, bytes] = field(default_factory=dict, repr=False)
    _ciphers: "dict[int, AESGCM]" = field(default_factory=dict, repr=False)

    def seal(self, plaintext: bytes, purpose: str) -> bytes:
        """Encrypt with AES-256-GCM; the workspace and the purpose are authenticated with it.

        Raises:
            KeyErased: the workspace has no key any more.
        """
        import os

        if not self.wrapped:
            raise KeyErased("This workspace has been erased.")
        version = max(self.wrapped)
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._cipher(version).encrypt(nonce, plaintext, self._bound_to(purpose))
        return _FORMAT + version.to_bytes(4, "big") + nonce + cipher

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Decrypt what `seal` made for the same workspace and purpose.

        Raises:
            KeyErased: the key of that version is gone.
            ValueError: the bytes are not of this format, or were changed.
        """
        from cryptography.exceptions import InvalidTag

        if sealed[:1] != _FORMAT or len(sealed) < _HEADER_BYTES:
            raise ValueError("not a sealed value")
        version = int.from_bytes(sealed[1:5], "big")
        if version not in self.wrapped:
            raise KeyErased("This workspace has been erased.")
        try:
            return self._cipher(version).decrypt(sealed[5:_HEADER_BYTES], sealed[_HEADER_BYTES:], self._bound_to(purpose))
        except InvalidTag as error:
            raise ValueError("a sealed value was changed, or belongs to another workspace or purpose") from error

    def holds(self, sealed: bytes) -> bool:
        """Whether the key that sealed these bytes is here."""
        return int.from_bytes(sealed[1:5], "big") in self.wrapped

    def warm(self) -> None:
        """Unwrap the current key now, so that no call to KMS happens under a transaction."""
        if self.wrapped:
            self._key(max(self.wrapped))

    def _cipher(self, version: int) -> "AESGCM":
        if version not in self._ciphers:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._ciphers[version] = AESGCM(self._key(version))
        return self._ciphers[version]

    def _key(self, version: int) -> bytes:
        if version not in self._plain:
            self._plain[version] = unwrap(self.workspace_id, self.wrapped[version])
        return self._plain[version]

    def _bound_to(self, purpose: str) -> bytes:
        return f"{self.workspace_id}:{purpose}".encode()


_keyrings: dict[str, tuple[float, Keyring]] = {}


def keyring(conn: "Connection", workspace_id: str, sealed: bytes | None = None) -> Keyring:
    """The workspace's keyring, kept at most five minutes.

    Say which `sealed` bytes it is to open: if they were sealed elsewhere after a rotation, the keys are read again.
    """
    cached = _keyrings.get(workspace_id)
    if cached and time.monotonic() - cached[0] < CACHE_S and (sealed is None or cached[1].holds(sealed)):
        return cached[1]
    rows = conn.execute("SELECT version, wrapped FROM tenancy.wrapped_keys(%s)", (workspace_id,)).fetchall()
    return remember(Keyring(workspace_id, {int(str(version)): bytes(wrapped) for version, wrapped in rows}))  # type: ignore[call-overload]


def remember(ring: Keyring) -> Keyring:
    """Keep a keyring for the next five minutes."""
    if ring.wrapped:
        _keyrings[ring.workspace_id] = (time.monotonic(), ring)
    return ring


def forget(workspace_id: str) -> None:
    """Drop a workspace's keys from this process."""
    _keyrings.pop(workspace_id, None)


def forget_all() -> None:
    """Drop all keys from this process."""
    _keyrings.clear()


def warm(role: str, workspace_id: str) -> None:
    """Have the workspace's key at hand before a transaction begins."""
    from oppulence.kernel import db

    db.read(role, lambda conn: keyring(conn, workspace_id)).warm()


def seal_json(conn: "Connection", workspace_id: str, value: Any, purpose: str) -> bytes:  # noqa: ANN401
    """Seal a JSON value."""
    from pydantic_core import to_json

    return keyring(conn, workspace_id).seal(to_json(value), purpose)


def open_json(conn: "Connection", workspace_id: str, sealed: bytes, purpose: str) -> Any:  # noqa: ANN401
    """Open a sealed JSON value."""
    from pydantic_core import from_json

    return from_json(keyring(conn, workspace_id, sealed).open(sealed, purpose))


def new_wrapped_key(workspace_id: str) -> bytes:
    """A fresh data key, wrapped; only KMS can unwrap it, and only for this workspace."""
    from oppulence.kernel.aws import client

    answer = client("kms").generate_data_key_without_plaintext(
        KeyId=environment.required("DATA_KEY_ID"), KeySpec="AES_256", EncryptionContext={"workspace_id": workspace_id}
    )
    wrapped: bytes = answer["CiphertextBlob"]
    return wrapped


def unwrap(workspace_id: str, wrapped: bytes) -> bytes:
    """The plain data key."""
    from oppulence.kernel.aws import client

    plain: bytes = client("kms").decrypt(
        CiphertextBlob=wrapped, KeyId=environment.required("DATA_KEY_ID"), EncryptionContext={"workspace_id": workspace_id}
    )["Plaintext"]
    return plain
