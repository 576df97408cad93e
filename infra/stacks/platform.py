"""All stacks of a stage, in the order they are deployed."""

from collections.abc import Sequence

from aws_cdk import Annotations, App

from infra.constructs.release import refuse_unknown
from infra.discovery import EntryPoint, by_context
from infra.front import GLOBAL_REGION
from infra.settings import Settings
from infra.stacks.api import Api
from infra.stacks.backups import Backups
from infra.stacks.base import PlatformStack
from infra.stacks.bus import Bus
from infra.stacks.canaries import Canaries
from infra.stacks.context import Context
from infra.stacks.dashboards import Dashboards
from infra.stacks.data import Data
from infra.stacks.edge import Edge
from infra.stacks.egress import Egress
from infra.stacks.migrations import Migrations
from infra.stacks.network import Network
from infra.stacks.observability import Observability
from infra.stacks.proxy import Proxy
from infra.stacks.region import Region

NOT_ON_THE_LAPTOP = ("backups", "canaries", "dashboards", "edge", "egress", "migrations", "observability")
"""Stacks with resources that the emulator refuses, or that nobody looks at there."""


def build(app: App, settings: Settings, points: Sequence[EntryPoint]) -> dict[str, Context]:
    """Put every stack into the app; answers the contexts' stacks by name.

    Raises:
        DiscoveryError: the settings name a function that is not there.
    """
    refuse_unknown(points, settings)
    base: list[PlatformStack] = [Network(app, settings)]
    if settings.operations.standby:
        base.append(_after(Region(app, settings), base))
    if settings.operations.standby == "waiting":
        return {}
    if not settings.is_local:
        base.append(_after(Egress(app, settings), base))
    base.append(_after(Data(app, settings), base))
    base += [Bus(app, settings), Api(app, settings)]
    if not settings.is_local:
        _edge(app, settings, base)
        base.append(_after(Migrations(app, settings), base))
    if settings.rds_proxy:
        base.append(_after(Proxy(app, settings), base))
    contexts = {}
    for name, own in by_context(points).items():
        contexts[name] = Context(app, name, own, settings)
        _after(contexts[name], base)
    if not settings.is_local:
        _watch(app, settings, points, list(contexts.values()))
    return contexts


def _watch(app: App, settings: Settings, points: Sequence[EntryPoint], contexts: Sequence[PlatformStack]) -> None:
    """What keeps and shows what contexts do."""
    _after(Backups(app, settings), contexts)
    watching = [_after(Observability(app, points, settings), contexts)]
    _after(Dashboards(app, points, settings), contexts)
    if settings.operations.canary_minutes:
        _after(Canaries(app, settings), watching)


def _edge(app: App, settings: Settings, base: Sequence[PlatformStack]) -> None:
    """The one front of all regions. CloudFormation hands nothing across regions: from elsewhere it is told where the API is."""
    if settings.operations.standby:
        return
    if settings.region in ("", GLOBAL_REGION) or settings.front.api_origin:
        _after(Edge(app, settings), base)
        return
    told = (
        f"CloudFront is left out, and without it the API answers 403: deploy {base[-1].stack_name} to {settings.region} first,"
        " then everything with -c api_origin=<its output ApiOrigin>"
    )
    Annotations.of(base[-1]).add_warning_v2("oppulence:no-front", told)


def _after(stack: PlatformStack, others: Sequence[PlatformStack]) -> PlatformStack:
    for other in others:
        stack.add_stack_dependency(other)
    return stack
