"""Templates of a stage, and questions about them."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Json = dict[str, Any]
RULES = {"@aws-cdk/core:validateAgainstDefaultRules": True, "@aws-cdk/core:defaultCrossStackReferences": "strong"}


@dataclass(frozen=True)
class Templates:
    """The stacks of one stage by name, those of contexts apart."""

    stacks: dict[str, Json]
    contexts: tuple[str, ...]

    def context_stacks(self) -> dict[str, Json]:
        return {name: self.stacks[name] for name in self.contexts}

    def resources(self, kind: str, stacks: dict[str, Json] | None = None) -> Iterator[tuple[str, str, Json]]:
        """Stack, logical id and properties of all resources of a type."""
        for stack, template in (self.stacks if stacks is None else stacks).items():
            for name, resource in template["Resources"].items():
                if resource["Type"] == kind:
                    yield stack, name, resource.get("Properties", {})


def synthesize(stage: str) -> Templates:
    """A stage's templates, without building its layers; those that go to AWS under AWS's own rules."""
    from aws_cdk import App

    from infra.discovery import entry_points
    from infra.settings import settings_of
    from infra.stacks.platform import build

    settings = replace(settings_of(stage), build_layers=False)
    with tempfile.TemporaryDirectory() as folder:
        app = App(
            analytics_reporting=False, tree_metadata=False, outdir=folder, context=RULES,
            builtin_cloud_formation_validation=not settings.is_local,
        )  # fmt: skip
        contexts = build(app, settings, entry_points())
        app.synth()
        files = sorted(Path(folder).glob("*.template.json"))
        stacks = {file.name.removeprefix("oppulence-").partition(".")[0]: json.loads(file.read_text()) for file in files}
    return Templates(stacks, tuple(contexts))


def statements(role: Json) -> Iterator[Json]:
    """All statements of a role."""
    for policy in role.get("Policies", []):
        yield from policy["PolicyDocument"]["Statement"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A value with its intrinsic functions, for looking into."""
    return json.dumps(value, sort_keys=True)


def reference(value: Any) -> str | None:
    """The logical id that a Ref or GetAtt points to; a function's for its alias."""
    if isinstance(value, dict):
        if "Ref" in value:
            return str(value["Ref"]).removesuffix("ReleaseAlias")
        if "Fn::GetAtt" in value:
            return str(value["Fn::GetAtt"][0])
    return None
