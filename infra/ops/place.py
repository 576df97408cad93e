"""Where a command acts: the local cloud of this checkout, or the AWS account of boto3's ordinary credentials."""

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.deployed import adopt, local_access, variables
from infra.local import cloud
from infra.local.paths import REPO
from infra.local.running import Cloud, load, read_dev_json
from infra.ops.output import Failed

if TYPE_CHECKING:
    from oppulence.kernel.uow import Scope

ROOT_VARIABLE = "OPPULENCE_ROOT"
"""The directory that holds `.local`, when it is not the checkout."""


@dataclass(frozen=True)
class Place:
    """Clients of AWS, or of the emulator; `local` is the running cloud, or None on AWS."""

    client: Callable[..., Any]
    local: Cloud | None

    @property
    def name(self) -> str:
        return "the local cloud" if self.local else "AWS"

    def act_as(self, context: str) -> None:
        """Give this process what the context's functions have: their variables, and access to what those name."""
        if self.local:
            os.environ.update(local_access(self.local))
        adopt(self.client("lambda"), context)
        _log_to_stderr()

    def api_url(self) -> str:
        """The base URL of the API, as the functions know it."""
        return self.local.api_url if self.local else variables(self.client("lambda"), "tenancy")["API_URL"]


def root() -> Path:
    """The directory that holds `.local`."""
    return Path(os.environ.get(ROOT_VARIABLE) or REPO).resolve()


def find(on_aws: bool) -> Place:
    """The place that a command names.

    Raises:
        Failed: the local cloud is meant, and it does not run.
    """
    if on_aws:
        import boto3

        maker: Any = boto3.session.Session()  # the stubs know each service by a literal
        return Place(maker.client, None)
    if cloud.status(root()).phase != "ready":
        raise Failed("the local cloud is not running", "start it with `oppulence local up`, or add --aws for an AWS account")
    running = load(root())
    return Place(running.client, running)


def _log_to_stderr() -> None:
    """Functions log to stdout, which is a command's answer."""
    from oppulence.kernel import telemetry

    for handler in telemetry.logger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)


def operating(context: str, workspace_id: str | None) -> "Scope":
    """Where a use case runs for the operator, who is named so in the audit log and may do everything."""
    from oppulence.kernel.scopes import ADMIN
    from oppulence.kernel.uow import Actor, Scope

    return Scope(context, workspace_id, Actor("system", "operator", scopes=frozenset({ADMIN})))


def dev_json() -> dict[str, Any]:
    """What the local cloud keeps for scripts."""
    return read_dev_json(root() / ".local")
