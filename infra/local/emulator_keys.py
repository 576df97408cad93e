"""KMS keys that survive the emulator: id and key material are derived from a seed file, the stack and the logical id.

The emulator forgets its keys when it stops, while what they encrypted stays in PostgreSQL; ImportKeyMaterial cannot
help, because a key created again has another id, and the id stands in every ciphertext.
"""

import functools
import hashlib
import hmac
import re
import uuid
from collections.abc import Callable
from typing import Any

from infra.local.emulator_patches import EmulatorChanged, original

SYMMETRIC = "_symmetric_key"
MAC = "_hmac_key"
RANDOM_SUFFIX = re.compile(r"-[0-9a-f]{8}-[0-9a-f]{3}$")  # of a nested stack's name

Created = tuple[str, dict[str, Any]]


def keep_keys(seed: bytes) -> None:
    """Make every `AWS::KMS::Key` of a stack get the id and the material that it had before."""
    from ministack.services import kms
    from ministack.services.cloudformation import provisioners

    create = original(provisioners, "_kms_key_create", "logical_id props stack_name")
    attributes = original(provisioners, "_kms_key_attrs", "rec")
    arn_of = original(kms, "_arn", "key_id")
    handler = provisioners._RESOURCE_HANDLERS["AWS::KMS::Key"]
    if handler.get("create") is not create:
        raise EmulatorChanged("ministack creates AWS::KMS::Key in another way: see emulator_keys.py")

    @functools.wraps(create)
    def create_again(logical_id: str, props: dict[str, Any], stack_name: str) -> Created:
        key_id, _ = create(logical_id, props, stack_name)
        kept_id, material = derive(seed, f"{RANDOM_SUFFIX.sub('', stack_name)}/{logical_id}")
        record = kms._keys.pop(key_id)
        record.update(KeyId=kept_id, Arn=arn_of(kept_id), **fixed_material(record, material))
        kms._keys[kept_id] = record
        return kept_id, attributes(record)

    handler["create"] = create_again


def fixed_material(record: dict[str, Any], material: Callable[[int], bytes]) -> dict[str, bytes]:
    """The material to keep in place of the random one.

    Raises:
        EmulatorChanged: the key has none that we know; asymmetric keys are not used here.
    """
    kept = {name: material(len(record[name])) for name in (SYMMETRIC, MAC) if name in record}
    if not kept:
        raise EmulatorChanged(f"a {record.get('KeySpec')} key would be forgotten with the emulator: see emulator_keys.py")
    return kept


def derive(seed: bytes, name: str) -> tuple[str, Callable[[int], bytes]]:
    """The id of a key, and a function from a length in bytes (64 at most) to its material."""
    identity = hmac.digest(seed, f"id/{name}".encode(), hashlib.sha256)
    secret = hmac.digest(seed, f"material/{name}".encode(), hashlib.sha512)
    return str(uuid.UUID(bytes=identity[:16], version=4)), lambda length: secret[:length]
