"""The two event buses."""

from aws_cdk import App
from aws_cdk import aws_events as events

from infra.names import DOMAIN_BUS, INBOUND_BUS
from infra.settings import Settings
from infra.stacks.base import PlatformStack


class Bus(PlatformStack):
    """`domain` carries facts of ours, `inbound` what providers sent us."""

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, "bus", settings, "Event buses")
        events.CfnEventBus(self, "Domain", name=DOMAIN_BUS, description="Facts of the platform")
        events.CfnEventBus(self, "Inbound", name=INBOUND_BUS, description="Webhooks of providers, verified and encrypted")
