"""What was on the buses, to be replayed, and the registry of what events look like. Not on the laptop."""

import json
from typing import Any

from aws_cdk import App
from aws_cdk import aws_events as events
from aws_cdk import aws_eventschemas as eventschemas

from infra.catalogue import entries
from infra.names import DOMAIN_BUS, INBOUND_BUS, PREFIX, arn, named
from infra.settings import Settings
from infra.stacks.base import PlatformStack

Json = dict[str, Any]
ARCHIVED = (DOMAIN_BUS, INBOUND_BUS)
"""Partners' events stay with the partner's own archive: Stripe keeps and resends them for 30 days."""


class Backups(PlatformStack):
    """An archive of each of our buses, and the committed schemas under their types and versions."""

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, "backups", settings, "Archives of the buses and the schema registry")
        for bus in ARCHIVED:
            word = bus.removeprefix(f"{PREFIX}-")
            events.CfnArchive(
                self, f"{word.capitalize()}Archive", archive_name=bus, source_arn=arn("events", f"event-bus/{bus}"),
                description=f"All that was on {bus}, for replay", retention_days=settings.operations.archive_days,
            )  # fmt: skip
        if settings.operations.schema_registry:
            self._registry()

    def _registry(self) -> None:
        registry = eventschemas.CfnRegistry(self, "Registry", registry_name=named("events"), description="Events of the platform")
        for entry in entries():
            written = json.loads(entry.schema_file.read_text())
            eventschemas.CfnSchema(
                self, "".join(part.capitalize() for part in entry.stem.replace("/", ".").replace("_", ".").split(".")),
                registry_name=registry.attr_registry_name, type="JSONSchemaDraft4", schema_name=entry.stem.replace("/", "."),
                content=json.dumps(draft_4(written), separators=(",", ":")),
            )  # fmt: skip


def draft_4(schema: Any) -> Any:  # noqa: ANN401
    """A schema of draft 2020-12 in the words of draft 4, the only one that the registry takes."""
    if isinstance(schema, list):
        return [draft_4(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made: Json = {}
    for key, value in schema.items():
        match key:
            case "$schema":
                made[key] = "http://json-schema.org/draft-04/schema#"
            case "$id":
                made["id"] = value
            case "$defs":
                made["definitions"] = draft_4(value)
            case "$ref":
                made[key] = value.replace("#/$defs/", "#/definitions/")
            case "const":
                made["enum"] = [value]
            case "exclusiveMinimum" | "exclusiveMaximum" if not isinstance(value, dict):
                made |= {key.replace("exclusiveM", "m"): value, key: True}
            case "properties":
                made[key] = {name: draft_4(one) for name, one in value.items()}
            case _:
                made[key] = draft_4(value)
    return made
