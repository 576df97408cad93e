"""The platform's own secrets, from Secrets Manager, kept per process for five minutes."""

import json
import time

from oppulence.kernel import environment, telemetry

_CACHE_S = 300
_kept: dict[str, tuple[float, str]] = {}


def kernel_secret() -> bytes:
    """Key that signs what goes out to callers and comes back: cursors and links."""
    return _read("KERNEL_SECRET").encode()


def origin_secrets() -> list[bytes]:
    """What CloudFront may prove itself with: the current secret, and while it is being replaced the previous one as well."""
    kept = json.loads(_read("ORIGIN_SECRET"))
    return [text.encode() for name in ("current", "previous") if (text := kept.get(name))]


def _read(variable: str) -> str:
    arn = environment.required(variable)
    kept = _kept.get(arn)
    if kept and time.monotonic() - kept[0] < _CACHE_S:
        return kept[1]
    text = _fetch(arn, kept[1] if kept else None)
    _kept[arn] = (time.monotonic(), text)
    return text


def _fetch(arn: str, known: str | None) -> str:
    """The secret as it is now; while Secrets Manager is away, as it was known."""
    from botocore.exceptions import BotoCoreError, ClientError

    from oppulence.kernel.aws import client

    try:
        return str(client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
    except (BotoCoreError, ClientError) as error:
        if known is None:
            raise
        telemetry.logger().warning("secret_not_read", extra={"reason": str(error)})
        return known


def forget_all() -> None:
    """Drop what this process knows."""
    _kept.clear()
