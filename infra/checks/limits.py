"""How far the templates are from AWS's limits, now and with 250 functions: `python -m infra.checks.limits cdk.out/prod`.

Limits are AWS's defaults of 2026 per account and region; those marked `raised on request` are quotas, the others are hard.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

Json = dict[str, Any]
PROJECTED_FUNCTIONS = 250
ALARM_SHARE = 5 / 6
"""Beyond this share of a limit the check fails: 250 of an API's 300 integrations, 416 of a stack's 500 resources."""

INTEGRATIONS_PER_API = 300
RULES_PER_BUS = 300
RESOURCES_PER_STACK = 500
GIGABYTE = 1_000_000_000
TO_RAISE = ("schemas of a registry",)
"""Quotas that must be raised on request before there are 250 functions; the check fails only when they are full."""


@dataclass(frozen=True)
class Measure:
    """One limit, where the templates come closest to it. `grows` says whether more functions bring it closer."""

    what: str
    where: str
    now: int
    limit: int
    grows: bool = True
    quota: bool = False

    @property
    def share(self) -> float:
        """Part of the limit that is taken now."""
        return self.now / self.limit

    @property
    def is_close(self) -> bool:
        """Whether something has to be done about it now."""
        return self.share > (1 if self.what in TO_RAISE else ALARM_SHARE)

    def projected(self, functions: int) -> int:
        """What it comes to when the functions, now so many, are 250 and contexts grow alike."""
        return ceil(self.now * max(1.0, PROJECTED_FUNCTIONS / functions)) if self.grows else self.now


def measures(stacks: Mapping[str, Json], size_of: Callable[[str], int] | None = None) -> list[Measure]:
    """All measures of a stage's templates by stack; `size_of` gives the bytes of an asset by its key in S3."""
    found = [*_of_stacks(stacks), *_of_account(stacks), *_of_functions(stacks)]
    return [*found, _stored(stacks, size_of)] if size_of else found


def functions_of(stacks: Mapping[str, Json]) -> int:
    """How many functions there are."""
    return sum(1 for _ in _all(stacks, "AWS::Lambda::Function"))


def _of_stacks(stacks: Mapping[str, Json]) -> Iterator[Measure]:
    yield _worst("resources of a stack", RESOURCES_PER_STACK, {name: len(one["Resources"]) for name, one in stacks.items()})
    yield _worst("outputs of a stack", 200, {name: len(one.get("Outputs", {})) for name, one in stacks.items()}, grows=False)
    yield _worst(
        "parameters of a stack", 200, {name: len(one.get("Parameters", {})) for name, one in stacks.items()}, grows=False
    )
    yield _worst("bytes of a template", 1_000_000, {name: len(json.dumps(one)) for name, one in stacks.items()})


def _of_account(stacks: Mapping[str, Json]) -> Iterator[Measure]:
    def count(kind: str) -> int:
        return sum(1 for _ in _all(stacks, kind))

    yield _worst(
        "integrations of an API", INTEGRATIONS_PER_API, _by(stacks, "AWS::ApiGatewayV2::Integration", "ApiId"), quota=True
    )
    yield _worst("routes of an API", 300, _by(stacks, "AWS::ApiGatewayV2::Route", "ApiId"), quota=True)
    yield _worst("rules of a bus", RULES_PER_BUS, _by(stacks, "AWS::Events::Rule", "EventBusName"), quota=True)
    yield Measure("roles", "account", count("AWS::IAM::Role"), 1_000, quota=True)
    yield Measure("alarms", "region", count("AWS::CloudWatch::Alarm"), 5_000, quota=True)
    yield Measure("stacks", "region", len(stacks), 2_000, grows=False, quota=True)
    yield Measure("state machines", "region", count("AWS::StepFunctions::StateMachine"), 10_000, quota=True)
    yield Measure("tables", "region", count("AWS::DynamoDB::Table"), 2_500, grows=False, quota=True)
    yield Measure("event buses", "region", count("AWS::Events::EventBus"), 100, grows=False, quota=True)
    yield Measure("schemas of a registry", "region", count("AWS::EventSchemas::Schema"), 100, quota=True)
    yield Measure("policies of CloudWatch Logs", "region", count("AWS::Logs::ResourcePolicy"), 10, grows=False)
    taken = sum(one["ScalingConfig"]["MaximumConcurrency"] for _, _, one in _all(stacks, "AWS::Lambda::EventSourceMapping"))
    yield Measure("functions at once, all queues full", "region", taken, 1_000, quota=True)


def _of_functions(stacks: Mapping[str, Json]) -> Iterator[Measure]:
    functions = list(_all(stacks, "AWS::Lambda::Function"))
    variables = {f"{stack}/{name}": len(_text(one.get("Environment", {}))) for stack, name, one in functions}
    yield _worst("bytes of a function's variables", 4_096, variables, grows=False)
    layers = {f"{stack}/{name}": len(one.get("Layers", [])) for stack, name, one in functions}
    yield _worst("layers of a function", 5, layers, grows=False)
    roles = {f"{stack}/{name}": len(_text(one.get("Policies", []))) for stack, name, one in _all(stacks, "AWS::IAM::Role")}
    yield _worst("characters of a role's policies", 10_240, roles, grows=False)
    patterns = {
        f"{stack}/{name}": len(_text(one.get("EventPattern", ""))) for stack, name, one in _all(stacks, "AWS::Events::Rule")
    }
    yield _worst("characters of an event pattern", 2_048, patterns, grows=False)
    machines = {
        f"{stack}/{name}": len(_text(one["DefinitionString"]))
        for stack, name, one in _all(stacks, "AWS::StepFunctions::StateMachine")
    }
    yield _worst("bytes of a state machine", 1_000_000, machines, grows=False)


def _stored(stacks: Mapping[str, Json], size_of: Callable[[str], int]) -> Measure:
    """Lambda's code storage: each function's zip, and each stack's own layers. Old layers go when a deployment is through."""
    code = [one["Code"]["S3Key"] for _, _, one in _all(stacks, "AWS::Lambda::Function") if "S3Key" in one["Code"]]
    layers = [one["Content"]["S3Key"] for _, _, one in _all(stacks, "AWS::Lambda::LayerVersion")]
    return Measure("bytes of functions and layers", "region", sum(map(size_of, [*code, *layers])), 75 * GIGABYTE, quota=True)


def _all(stacks: Mapping[str, Json], kind: str) -> Iterator[tuple[str, str, Json]]:
    for stack, template in stacks.items():
        for name, resource in template["Resources"].items():
            if resource["Type"] == kind:
                yield stack, name, resource.get("Properties", {})


def _by(stacks: Mapping[str, Json], kind: str, key: str) -> dict[str, int]:
    """How many resources of a kind name the same owner; one that is another stack's export goes by the export's name."""
    return Counter(_text(one.get(key, "default")).strip('"') for _, _, one in _all(stacks, kind))


def _worst(what: str, limit: int, found: Mapping[str, int], *, grows: bool = True, quota: bool = False) -> Measure:
    where = max(found, key=lambda name: found[name], default="-")
    return Measure(what, where, found.get(where, 0), limit, grows, quota)


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def table(found: Iterable[Measure], functions: int) -> list[str]:
    """Lines for people, the nearest to its limit first; `!` marks what passes its limit with 250 functions."""
    head = f"{'':33} {'now':>12} {f'at {PROJECTED_FUNCTIONS}':>12} {'limit':>14}  taken  where ({functions} functions now)"
    rows = [head]
    for one in sorted(found, key=lambda one: -one.share):
        then = one.projected(functions)
        mark = "!" if then > one.limit else " "
        note = "; raised on request" if one.quota else ""
        rows.append(f"{one.what:33} {one.now:12,} {then:11,}{mark} {one.limit:14,} {one.share:6.1%}  {one.where[:60]}{note}")
    return rows


def assembly(folder: Path) -> tuple[dict[str, Json], Callable[[str], int]]:
    """The templates of a synthesized stage by stack, and the sizes of its assets."""
    files = sorted(folder.glob("*.template.json"))
    stacks = {file.name.removeprefix("oppulence-").partition(".")[0]: json.loads(file.read_text()) for file in files}
    return stacks, lambda key: (folder / f"asset.{key}").stat().st_size


def main(folder: str) -> int:
    """Print the table; exit code 1 when something is too close to its limit."""
    stacks, size_of = assembly(Path(folder))
    found = measures(stacks, size_of)
    print("\n".join(table(found, functions_of(stacks))))
    return int(any(one.is_close for one in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
