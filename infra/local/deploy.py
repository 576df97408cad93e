"""Deploy a synthesized CDK assembly to the emulator: assets to S3, then a change set for each stack, in order."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.front import PREFIX_TAG
from infra.local import assembly
from infra.local.aws import session
from infra.local.rewrites import API, LAYER, NESTED, TABLE, Place, Template, resources, rewrite

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"  # every CDK template asks for it
BOOTSTRAP_VERSION = "30"
TEMPLATES = "oppulence-templates"
GONE = ("ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS", "ROLLBACK_FAILED", "CREATE_FAILED")  # only deletion helps
POLL_S = 0.05
STACK_S = 300
EPOCH = (1980, 1, 1, 0, 0, 0)


class DeployError(RuntimeError):
    """A stack could not be deployed; the message names the resources that failed and why."""


@dataclass(frozen=True)
class Target:
    """An emulator, and how templates differ there."""

    url: str
    seed: bytes  # generated secrets are derived from it, so that they are the same after a restart
    overrides: Mapping[str, str] = field(default_factory=dict)  # of functions' environment variables, by name
    say: Callable[[str], None] = print


@dataclass
class Deployed:
    """What stands after a deployment: `outputs[stack][key]`, `apis[path prefix]` -> API id, the stacks that changed."""

    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    apis: dict[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)


def deploy(directory: Path, target: Target) -> Deployed:
    """Deploy every stack of the assembly in `directory`; stacks that have not changed cost a few milliseconds.

    Raises:
        DeployError: CloudFormation refused or rolled back a stack.
    """
    return Deployer(target).run(assembly.read(directory))


class Deployer:
    """One deployment to one emulator."""

    def __init__(self, target: Target) -> None:
        aws = session()
        self.target = target
        self.s3: S3Client = aws.client("s3", endpoint_url=target.url)
        self.stacks: Any = aws.client("cloudformation", endpoint_url=target.url)
        self.tables = aws.client("dynamodb", endpoint_url=target.url)
        self.parameters = aws.client("ssm", endpoint_url=target.url)
        self.deployed = Deployed()
        self.buckets: set[str] = set()

    def run(self, stacks: list[assembly.Stack]) -> Deployed:
        """Deploy the stacks in the given order."""
        self.parameters.put_parameter(Name=BOOTSTRAP, Value=BOOTSTRAP_VERSION, Type="String", Overwrite=True)
        self.bucket(TEMPLATES)
        for stack in stacks:
            began = time.monotonic()
            templates = self.upload(stack)
            changed = self.apply(stack)
            self.finish(stack.name, templates[0])
            described = self.stacks.describe_stacks(StackName=stack.name)["Stacks"][0]
            outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
            self.deployed.outputs[stack.name] = outputs
            if changed:
                self.deployed.changed.append(stack.name)
            size = sum(len(template.get("Resources", {})) for template in templates)
            word = "deployed" if changed else "unchanged"
            self.target.say(f"  {stack.name}: {size} resources {word} in {time.monotonic() - began:.1f} s")
        return self.deployed

    def bucket(self, name: str) -> None:
        """Make sure that a bucket exists."""
        if name not in self.buckets:
            self.s3.create_bucket(Bucket=name)
            self.buckets.add(name)

    def upload(self, stack: assembly.Stack) -> list[Template]:
        """Put a stack's assets where its template expects them; answer its own and its nested templates, rewritten."""
        own = self.rewritten(stack.template, stack.name)
        nested = {
            asset: self.rewritten(json.loads(asset.source.read_text()), asset.source.name)
            for asset in stack.assets
            if asset.is_template
        }
        templates = [own, *nested.values()]
        layers = {key for template in templates for key in layer_keys(template)}
        for asset in stack.assets:
            self.bucket(asset.bucket)
            if asset in nested:
                body = json.dumps(nested[asset]).encode()
            else:
                body = EMPTY_LAYER if asset.key in layers else content(asset.source)
            self.s3.put_object(Bucket=asset.bucket, Key=asset.key, Body=body)
        self.s3.put_object(Bucket=TEMPLATES, Key=f"{stack.name}.json", Body=json.dumps(own).encode())
        return templates

    def rewritten(self, template: Template, name: str) -> Template:
        """A copy of a template as this emulator gets it."""
        copy: Template = json.loads(json.dumps(template))
        rewrite(copy, Place(name, self.target.overrides, self.target.seed))
        return copy

    def apply(self, stack: assembly.Stack) -> bool:
        """Create or update one stack by a change set; answer whether anything changed.

        Raises:
            DeployError: the change set was refused, or the stack rolled back.
        """
        status = self.status(stack.name)
        if status in GONE:
            self.stacks.delete_stack(StackName=stack.name)
            status = self.settle(stack.name)
        change = self.stacks.create_change_set(
            StackName=stack.name,
            ChangeSetName=f"change-{time.time_ns()}",
            ChangeSetType="UPDATE" if status else "CREATE",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            TemplateURL=f"{self.target.url}/{TEMPLATES}/{stack.name}.json",
        )["Id"]
        made = self.stacks.describe_change_set(ChangeSetName=change)
        while made["Status"] in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            time.sleep(POLL_S)
            made = self.stacks.describe_change_set(ChangeSetName=change)
        if made["Status"] == "FAILED":
            self.stacks.delete_change_set(ChangeSetName=change)
            if "didn't contain changes" in (why := made.get("StatusReason", "")) or "No updates" in why:
                return False
            raise DeployError(f"{stack.name}: {why}")
        self.stacks.execute_change_set(ChangeSetName=change)
        if (ended := self.settle(stack.name)) not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise DeployError("\n".join([f"{stack.name}: {ended}", *self.failures(stack.name)]))
        return True

    def status(self, name: str) -> str | None:
        """A stack's status, or None when there is no such stack."""
        try:
            return str(self.stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        except self.stacks.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def settle(self, name: str) -> str | None:
        """Wait until a stack is no longer in progress."""
        deadline = time.monotonic() + STACK_S
        while (status := self.status(name)) is not None and status.endswith("_IN_PROGRESS"):
            if time.monotonic() > deadline:
                raise DeployError(f"{name} was still {status} after {STACK_S} s")
            time.sleep(POLL_S)
        return None if status == "DELETE_COMPLETE" else status

    def failures(self, name: str) -> Iterator[str]:
        """The resources that failed, the first one first, with the reasons."""
        events = self.stacks.describe_stack_events(StackName=name)["StackEvents"]
        for event in reversed(events):
            if event.get("ResourceStatus", "").endswith("_FAILED"):
                yield f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason')}"

    def finish(self, name: str, template: Template) -> None:
        """Do what CloudFormation does on AWS and not here, and note what callers want to know; nested stacks too."""
        self.enable_expiry(name, template)
        for logical_id, api in resources(template, API):
            prefix = api["Properties"].get("Tags", {}).get(PREFIX_TAG, "/")
            self.deployed.apis[prefix] = self.physical_id(name, logical_id)
        for logical_id, _ in resources(template, NESTED):
            nested = self.physical_id(name, logical_id)
            self.finish(nested, json.loads(json.dumps(self.stacks.get_template(StackName=nested)["TemplateBody"])))

    def enable_expiry(self, name: str, template: Template) -> None:
        """The emulator's CloudFormation ignores `TimeToLiveSpecification`."""
        for logical_id, table in resources(template, TABLE):
            wanted: Any = table["Properties"].get("TimeToLiveSpecification")
            if wanted is None:
                continue
            physical = self.physical_id(name, logical_id)
            now = self.tables.describe_time_to_live(TableName=physical)["TimeToLiveDescription"]
            if now.get("TimeToLiveStatus") != "ENABLED":
                self.tables.update_time_to_live(TableName=physical, TimeToLiveSpecification=wanted)

    def physical_id(self, stack: str, logical_id: str) -> str:
        """The name or id that a resource got."""
        answer = self.stacks.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])


def layer_keys(template: Template) -> Iterator[str]:
    """The S3 keys of a template's layers: functions import from the emulator's own environment instead."""
    for _, layer in resources(template, LAYER):
        yield layer["Properties"]["Content"]["S3Key"]


def content(source: Path) -> bytes:
    """An asset's bytes: a file as it is, a directory as a zip that is the same for the same files."""
    if source.is_file():
        return source.read_bytes()
    files = {str(file.relative_to(source)): file.read_bytes() for file in sorted(source.rglob("*")) if file.is_file()}
    return zipped(files)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files without times, so that equal files make equal zips."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


EMPTY_LAYER = zipped({"python/README": b"Functions here import from the emulator's own environment.\n"})
