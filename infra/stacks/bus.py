"""The event buses."""

from aws_cdk import App
from aws_cdk import aws_events as events

from infra.constructs.grants import allow
from infra.constructs.queue import Queue, rule_arn
from infra.constructs.roles import service_role
from infra.names import DOMAIN_BUS, INBOUND_BUS, PARTNER_BUS, arn, named
from infra.settings import Settings
from infra.stacks.base import PlatformStack


class Bus(PlatformStack):
    """`domain` carries facts of ours, `inbound` what providers sent us, `partner` what they put on EventBridge themselves.

    AWS gives each partner event source a bus of its own, named like it: its events are handed on to `partner`, so that one
    rule and one queue serve them all. The laptop has no such sources: there tests put events on `partner`.
    """

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, "bus", settings, "Event buses")
        events.CfnEventBus(self, "Domain", name=DOMAIN_BUS, description="Facts of the platform")
        events.CfnEventBus(self, "Inbound", name=INBOUND_BUS, description="Webhooks of providers, verified and encrypted")
        events.CfnEventBus(self, "Partner", name=PARTNER_BUS, description="Events of partner event sources, as they come")
        if settings.stripe_event_sources:
            self._partners(settings.stripe_event_sources)

    def _partners(self, sources: tuple[str, ...]) -> None:
        partner = arn("events", f"event-bus/{PARTNER_BUS}")
        role = service_role(self, "PartnerRole", "events", [("partner", [allow("events:PutEvents", on=partner)])])
        name = named("partner", "hand_on")
        dead = Queue(self, "PartnerDead", ("partner", "dead"), [rule_arn(source, name) for source in sources])
        for number, source in enumerate(sources, 1):
            bus = events.CfnEventBus(self, f"Source{number}", name=source, event_source_name=source)
            target = events.CfnRule.TargetProperty(
                id="partner", arn=partner, role_arn=role.attr_arn,
                dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=dead.arn),
            )  # fmt: skip
            rule = events.CfnRule(
                self, f"HandOn{number}", name=name, event_bus_name=source, event_pattern={"source": [source]}, targets=[target],
                description="Hand a partner event source's events on",
            )  # fmt: skip
            rule.add_resource_dependency(bus)
