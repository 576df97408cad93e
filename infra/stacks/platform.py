"""All stacks of a stage, in the order they are deployed."""

from collections.abc import Sequence

from aws_cdk import App

from infra.constructs.release import refuse_unknown
from infra.discovery import EntryPoint, by_context
from infra.settings import Settings
from infra.stacks.api import Api
from infra.stacks.base import PlatformStack
from infra.stacks.bus import Bus
from infra.stacks.context import Context
from infra.stacks.data import Data
from infra.stacks.egress import Egress
from infra.stacks.migrations import Migrations
from infra.stacks.network import Network
from infra.stacks.observability import Observability

NOT_ON_THE_LAPTOP = ("egress", "migrations", "observability")
"""Stacks with resources that the emulator refuses, or that nobody looks at there."""


def build(app: App, settings: Settings, points: Sequence[EntryPoint]) -> dict[str, Context]:
    """Put every stack into the app; answers the contexts' stacks by name.

    Raises:
        DiscoveryError: the settings name a function that is not there.
    """
    refuse_unknown(points, settings)
    base: list[PlatformStack] = [Network(app, settings)]
    if not settings.is_local:
        base.append(_after(Egress(app, settings), base))
    base.append(_after(Data(app, settings), base[:1]))
    base += [Bus(app, settings), Api(app, settings)]
    if not settings.is_local:
        base.append(_after(Migrations(app, settings), base))
    contexts = {}
    for name, own in by_context(points).items():
        contexts[name] = Context(app, name, own, settings)
        _after(contexts[name], base)
    if not settings.is_local:
        _after(Observability(app, points, settings), list(contexts.values()))
    return contexts


def _after(stack: PlatformStack, others: Sequence[PlatformStack]) -> PlatformStack:
    for other in others:
        stack.add_stack_dependency(other)
    return stack
