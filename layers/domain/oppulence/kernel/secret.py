"""The platform's own secrets, from Secrets Manager, kept per process for five minutes."""

import time

from oppulence.kernel import environment

_CACHE_S = 300
_kept: dict[str, tuple[float, str]] = {}


def kernel_secret() -> bytes:
    """Key that signs what goes out to callers and comes back: cursors and links."""
    return _read("KERNEL_SECRET").encode()


def _read(variable: str) -> str:
    arn = environment.required(variable)
    kept = _kept.get(arn)
    if kept and time.monotonic() - kept[0] < _CACHE_S:
        return kept[1]
    from oppulence.kernel.aws import client

    text: str = client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    _kept[arn] = (time.monotonic(), text)
    return text
