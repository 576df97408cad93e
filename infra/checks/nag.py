"""cdk-nag's AwsSolutions rules over a stage, and every finding that is accepted, with its reason."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from infra.settings import settings_of


@dataclass(frozen=True)
class Finding:
    """A rule that a construct breaks. The rule may name what exactly: `AwsSolutions-IAM5[Resource::*]`."""

    rule: str
    where: str
    message: str


@dataclass(frozen=True)
class Accepted:
    """Findings that stay, by their rule and the construct's path (regular expressions for the whole of each), and why."""

    rule: str
    where: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is one of these."""
        return bool(re.fullmatch(self.rule, finding.rule) and re.fullmatch(self.where, finding.where))


ROLE, IN_CONTEXT = r"oppulence-\w+/.*Role", r"oppulence-[a-z]+/.*"

ACCEPTED = (
    Accepted(
        "AwsSolutions-L1", r".*/(Function|Migrate)",
        "RUNTIME stands once, in constructs/entry_function.py, and moves when the locked wheels were tried on the next Python.",
    ),
    Accepted(
        "AwsSolutions-APIG4", rf"{IN_CONTEXT}/Route",
        "kernel/http.py authorizes in the function: keys, scopes and workspaces are rows. Public routes say access='public', "
        "and tests/isolation attacks every route.",
    ),
    Accepted(
        r"AwsSolutions-IAM5\[Resource::\*\]", ROLE,
        "X-Ray, network interfaces, log delivery, listing queues: AWS has no narrower resource for these; "
        "tests/infra/test_least_privilege.py names each action.",
    ),
    Accepted(
        r"AwsSolutions-IAM5\[Resource::arn:.*:log-group:/aws/lambda/oppulence-[\w-]+:\*\]", ROLE,
        "Lambda names the streams; the group is the function's own.",
    ),
    Accepted(
        r"AwsSolutions-IAM5\[Resource::.*:s3:::\$\{Bucket\}/[\w-]+/\*.*\]", ROLE,
        "Objects below the one prefix that the declaration names.",
    ),
    Accepted(
        r"AwsSolutions-IAM5\[Resource::(arn:.*:log-group:/aws/lambda/cwsyn-oppulence-\w+-\*|\[\"\$\{Bucket\}/\w+/\*\".*)\]",
        r"oppulence-canaries/\w+Role",
        "Synthetics ends its function's name, and so its log group's, in characters of its own; results go below its name.",
    ),
    Accepted(
        r"AwsSolutions-IAM5\[Resource::arn:.*:sqs:.*:oppulence-\*-(dead|on_\*)\]", r"oppulence-tenancy/.*Role",
        "Dead letters are of all contexts: taken off `-dead` queues, sent home to consumers' queues, no others.",
    ),
    Accepted(
        r"AwsSolutions-IAM5\[Resource::arn:.*:states:.*:execution:oppulence-\w+-\w+:\*\]", ROLE,
        "Runs of the one machine that the declaration names; runs get their names when they start.",
    ),
    Accepted(
        "AwsSolutions-SF1", rf"{IN_CONTEXT}Machine/Machine",
        "Inputs and outputs hold customers' data: the log has errors; Step Functions keeps each run's history for 90 days.",
    ),
    Accepted(
        "AwsSolutions-SQS3", rf"{IN_CONTEXT}Dead/Queue",
        "Is itself the dead-letter queue of rules; tenancy drains it every hour and an alarm watches it.",
    ),
    Accepted(
        "AwsSolutions-RDS11", r"oppulence-data/Aurora/Cluster",
        "The security group admits functions only and a login needs IAM; another port would hide nothing.",
    ),
    Accepted(
        "AwsSolutions-S1", r"oppulence-(data|canaries)/\w+/Bucket",
        "Reads and writes of objects are CloudTrail data events of the account's trail (infra/ops/soc2.md), in more detail.",
    ),
    Accepted(
        "AwsSolutions-SMG4", r"oppulence-(data/KernelSecret|api/OriginSecret)",
        "Rotated by runbook, with two valid while it lasts (key_rotation.md): a clock would cut off cursors and callers.",
    ),
    Accepted(
        "AwsSolutions-VPC7", r"oppulence-network/Vpc",
        "GuardDuty, which the account turns on, reads flows by itself; functions may only go out, to 443 and 5432.",
    ),
    Accepted(
        "AwsSolutions-RDS10",
        r"oppulence-data/Aurora/Cluster",
        "Dev and preview are there to be thrown away; tests/infra/test_stores.py holds production to its protection.",
    ),
    Accepted("AwsSolutions-CFR1", r"oppulence-edge/Distribution", "Customers and providers call from every country."),
    Accepted(
        "AwsSolutions-CFR3", r"oppulence-edge/Distribution",
        "Each request that passes is in the API's access log; what WAF refuses is in WAF's metrics and samples.",
    ),
)  # fmt: skip


def findings(stage: str) -> list[Finding]:
    """All findings in a stage's constructs; layers are not built."""
    from aws_cdk import App
    from cdk_nag import AwsSolutionsChecks

    from infra.discovery import entry_points
    from infra.stacks.platform import build

    app = App(analytics_reporting=False, tree_metadata=False, context={"@aws-cdk/core:defaultCrossStackReferences": "strong"})
    build(app, replace(settings_of(stage), build_layers=False), entry_points())
    return [
        Finding(violation.rule_name, resource.construct_path or "", violation.description)
        for violation in AwsSolutionsChecks(app).validate_scope(app).violations
        for resource in violation.violating_resources
    ]


def open_findings(found: Iterable[Finding], accepted: Sequence[Accepted] = ACCEPTED) -> list[Finding]:
    """Those that nobody has accepted."""
    return [one for one in found if not any(entry.covers(one) for entry in accepted)]


def idle(found: Sequence[Finding], accepted: Sequence[Accepted] = ACCEPTED) -> list[Accepted]:
    """Entries that accept nothing any more."""
    return [entry for entry in accepted if not any(entry.covers(one) for one in found)]
