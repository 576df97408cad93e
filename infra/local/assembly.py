"""A CDK assembly as the deployer reads it: stacks in the order of their dependencies, their templates and assets."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from infra.local.emulator import ACCOUNT, REGION
from infra.local.rewrites import Template

STACK = "aws:cloudformation:stack"
ASSETS = "cdk:asset-manifest"


@dataclass(frozen=True)
class Asset:
    """A file or a directory (which is zipped) and where templates expect it."""

    source: Path
    bucket: str
    key: str

    @property
    def is_template(self) -> bool:
        """Whether it is the template of a nested stack, which needs the rewrites too."""
        return self.source.name.endswith(".nested.template.json")


@dataclass(frozen=True)
class Stack:
    """A stack of the assembly."""

    name: str
    template: Template
    assets: tuple[Asset, ...]


def read(directory: Path) -> list[Stack]:
    """Read an assembly's stacks, each after those it depends on.

    Raises:
        ValueError: the assembly holds what this deployer does not know: stages or container images.
    """
    artifacts = json.loads((directory / "manifest.json").read_text())["artifacts"]
    if any(artifact["type"] == "cdk:cloud-assembly" for artifact in artifacts.values()):
        raise ValueError(f"{directory} holds stages; the local deployer takes stacks only")
    order = TopologicalSorter({name: artifact.get("dependencies", []) for name, artifact in artifacts.items()})
    stacks = []
    for name in order.static_order():
        artifact = artifacts[name]
        if artifact["type"] != STACK:
            continue
        properties = artifact["properties"]
        manifests = [artifacts[needed] for needed in artifact.get("dependencies", [])]
        assets = [
            asset
            for manifest in manifests
            if manifest["type"] == ASSETS
            for asset in read_assets(directory, manifest["properties"]["file"], properties["templateFile"])
        ]
        template = json.loads((directory / properties["templateFile"]).read_text())
        stacks.append(Stack(properties.get("stackName", name), template, tuple(assets)))
    return stacks


def read_assets(directory: Path, manifest: str, template_file: str) -> Iterator[Asset]:
    """The files that one stack needs, without its own template."""
    content = json.loads((directory / manifest).read_text())
    if content.get("dockerImages"):
        raise ValueError(f"{manifest} holds container images; functions here are zips")
    for file in content["files"].values():
        if file["source"]["path"] == template_file:
            continue
        for destination in file["destinations"].values():
            yield Asset(directory / file["source"]["path"], here(destination["bucketName"]), here(destination["objectKey"]))


def here(text: str) -> str:
    """Put the emulator's account and region in place of CloudFormation's names for them."""
    names = {"${AWS::AccountId}": ACCOUNT, "${AWS::Region}": REGION, "${AWS::Partition}": "aws"}
    for name, value in names.items():
        text = text.replace(name, value)
    return text
