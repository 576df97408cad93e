"""The one reader of environment variables. The template sets them; the laptop's deployer overrides a listed few."""

import os
from functools import cache


class MissingSetting(RuntimeError):
    """A function was deployed without a variable that its declaration promises."""


def required(name: str) -> str:
    """Value of a variable that the template must have set.

    Raises:
        MissingSetting: it is absent or empty.
    """
    value = os.environ.get(name)
    if not value:
        raise MissingSetting(f"environment variable {name} is not set: deploy the stack again, or declare its capability")
    return value


def optional(name: str) -> str | None:
    """Value of a variable, or None when it is absent or empty."""
    return os.environ.get(name) or None


@cache
def stage() -> str:
    """local, dev, staging or prod. Unknown is prod: what is refused in production must not open by a missing variable."""
    return os.environ.get("STAGE", "prod")


def is_local() -> bool:
    """Whether this is the laptop's cloud."""
    return stage() == "local"


def function_name() -> str:
    """Name of the running function, for logs."""
    return os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local")
