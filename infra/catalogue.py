"""The catalogue of events, made from their classes: `python -m infra.catalogue [--check|--write]`.

For each event stands a JSON Schema of what is in `detail` on the bus, and beside it a sample that people wrote.
"""

import importlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError as SchemaViolation

from infra.discovery import REPO, EntryPoint, bus_of, entry_points
from oppulence.kernel.events import REGISTRY, Envelope, Event

Json = dict[str, Any]
EVENTS = REPO / "events"
DOMAIN = REPO / "layers" / "domain" / "oppulence"
GENERATED = "Made by `python -m infra.catalogue`; edit the classes in `layers/domain/oppulence/<context>/events`."


@dataclass(frozen=True)
class Entry:
    """One event of the catalogue."""

    event: type[Event]

    @property
    def context(self) -> str:
        """Its producer."""
        return self.event.type.partition(".")[0]

    @property
    def stem(self) -> str:
        """Such as `sync/invoice.paid.v1`."""
        return f"{self.context}/{self.event.type.partition('.')[2]}.v{self.event.version}"

    @property
    def schema_file(self) -> Path:
        """Generated."""
        return EVENTS / f"{self.stem}.schema.json"

    @property
    def sample_file(self) -> Path:
        """Written by people: an envelope as it stands in `detail`."""
        return EVENTS / f"{self.stem}.sample.json"


def entries() -> list[Entry]:
    """Every event that a context's `events` defines, a module or a package, by type."""
    for place in sorted([*DOMAIN.glob("*/events.py"), *DOMAIN.glob("*/events/")]):
        importlib.import_module(f"oppulence.{place.parent.name}.events")
    ours = (event for event in REGISTRY.values() if event.__module__.startswith("oppulence."))
    return [Entry(event) for event in sorted(ours, key=lambda event: event.type)]


def schema(event: type[Event]) -> Json:
    """JSON Schema of an envelope that carries this event."""
    envelope = Envelope.model_json_schema(mode="serialization")
    data = event.model_json_schema(mode="serialization")
    definitions = data.pop("$defs", {})
    fixed = {"type": {"const": event.type}, "version": {"const": event.version}, "data": data}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{event.type}.v{event.version}",
        "description": data.get("description", ""),
        "type": "object",
        "required": envelope["required"] + ["data"],
        "properties": envelope["properties"] | fixed,
    } | ({"$defs": definitions} if definitions else {})


def problems(found: Iterable[Entry]) -> Iterator[str]:
    """Samples that are absent or not what their event's schema says."""
    for entry in found:
        if not entry.sample_file.exists():
            yield f"{entry.sample_file.relative_to(REPO)} is missing: write one envelope as it stands in `detail`"
            continue
        try:
            sample = json.loads(entry.sample_file.read_text())
            Draft202012Validator(schema(entry.event), format_checker=FormatChecker()).validate(sample)
            entry.event.model_validate(Envelope.model_validate(sample).data)
        except (SchemaViolation, ValueError) as error:
            yield f"{entry.sample_file.relative_to(REPO)} is not a {entry.event.type}: {str(error).splitlines()[0]}"


def readme(found: Sequence[Entry], points: Sequence[EntryPoint]) -> str:
    """The catalogue for people: each event with who tells it, who listens, and what it means."""
    lines = ["# Events", "", GENERATED, ""]
    for context in dict.fromkeys(entry.context for entry in found):
        lines += [f"## {context}", "", "| event | bus | consumers | meaning |", "| --- | --- | --- | --- |"]
        lines += [_row(entry, points) for entry in found if entry.context == context]
        lines.append("")
    return "\n".join(lines)


def _row(entry: Entry, points: Sequence[EntryPoint]) -> str:
    listening = [point for point in points if point.kind == "consumers" and point.consumer.event is entry.event]
    names = ", ".join(f"[{point.context}](../{point.path})" for point in listening) or "none yet"
    meaning = " ".join((entry.event.__doc__ or "").split()).replace("|", "\\|")
    title = f"[`{entry.event.type}`]({entry.stem}.schema.json) v{entry.event.version}"
    way = "none: a queue" if any(point.consumer.direct for point in listening) else bus_of(entry.event.type)
    return f"| {title} | {way} | {names} | {meaning} |"


def files(points: Sequence[EntryPoint]) -> dict[Path, str]:
    """What is generated, by its place."""
    found = entries()
    made = {entry.schema_file: json.dumps(schema(entry.event), indent=2, ensure_ascii=False) + "\n" for entry in found}
    return made | {EVENTS / "README.md": readme(found, points)}


def main(arguments: Sequence[str]) -> int:
    """Write schemas and catalogue, or with `--check` say what has drifted; in both cases say which samples are wrong."""
    wrong = list(problems(entries()))
    for file, fresh in files(entry_points()).items():
        if "--check" in arguments:
            if not file.exists() or file.read_text() != fresh:
                wrong.append(f"{file.relative_to(REPO)} has drifted: run `python -m infra.catalogue` and commit it")
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(fresh)
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
