"""What a declared capability means in AWS: statements of the function's role, environment variables, layers, the VPC."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aws_cdk import Fn

from infra.discovery import EntryPoint
from infra.names import DOMAIN_BUS, INBOUND_BUS, ORIGIN_SECRET, PREFIX, arn, imported, named
from infra.settings import CLOCK_PARAMETER, PG_DATABASE, PG_PORT, Settings
from oppulence.kernel.capabilities import (
    AuditHeads,
    Bucket,
    Bus,
    Capability,
    ClickHouse,
    DeadLetters,
    Inbound,
    Keys,
    Machine,
    Mail,
    Postgres,
    Provider,
    Queue,
    Table,
)
from oppulence.kernel.declarations import Route
from oppulence.kernel.pausing import MARK
from oppulence.kernel.queues import variable

Statement = dict[str, Any]

VPC_INTERFACES = (
    "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
)  # fmt: skip
XRAY = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")


@dataclass(frozen=True)
class Grant:
    """Part of a function's role and environment."""

    name: str
    statements: tuple[Statement, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    vpc: bool = False


def allow(*actions: str, on: str | list[str], when: Mapping[str, Any] | None = None) -> Statement:
    """A policy statement."""
    statement: Statement = {"Effect": "Allow", "Action": sorted(actions), "Resource": on}
    return statement | ({"Condition": dict(when)} if when else {})


def grants_of(point: EntryPoint, settings: Settings) -> list[Grant]:
    """All that an entry point's declaration asks for or implies, but for its logs and its trigger's own resources."""
    uses = list(dict.fromkeys([*point.declaration.uses, *_implied(point)]))
    own = [grant(use, settings) for use in uses]
    return [*own, *_always(point, settings), *(_of_route(point.route, settings) if point.kind == "http" else ())]


def grant(use: Capability, settings: Settings) -> Grant:  # noqa: C901  (one case for each capability)
    """What one capability means.

    Raises:
        NotImplementedError: nobody has said so here yet.
    """
    match use:
        case Postgres(context=context):
            return _postgres(context, settings)
        case Bus(context=context):
            return _bus(context, settings)
        case Inbound():
            return Grant("inbound", (allow("events:PutEvents", on=_bus_arn(INBOUND_BUS)),), {"INBOUND_BUS": INBOUND_BUS})
        case Keys():
            return _keys(settings, "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext")
        case Table(name=name, write=write):
            actions = ("dynamodb:GetItem", *(("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem") * write))
            return replace(_table(name, actions), name=f"uses-{name}")  # beside what a route has of the same table
        case Bucket(prefix=prefix, write=write, find=find):
            return _bucket(prefix, write, find)
        case AuditHeads():
            return _audit_heads()
        case DeadLetters(take=take):
            return _dead_letters(take)
        case Queue(name=name):
            return _queue(name)
        case Machine(name=name):
            return _machine(name)
        case Mail():
            return _mail(settings)
        case ClickHouse():
            return _clickhouse(settings)
        case Provider(name="stripe"):
            return Grant("provider-stripe", environment={"STRIPE_API_BASE": settings.stripe_api_base})
    raise NotImplementedError(f"{use} has no meaning in infra/constructs/grants.py")


def _implied(point: EntryPoint) -> Iterator[Capability]:
    """Which capabilities follow from others: kept answers and audit entries are sealed under the workspace's key."""
    declared = point.declaration
    if isinstance(declared, Route) and declared.access == "scope" and (declared.is_write or declared.personal):
        yield Keys()


def _always(point: EntryPoint, settings: Settings) -> Iterator[Grant]:
    variables = {"STAGE": settings.stage, "CONTEXT": point.context, "POWERTOOLS_SERVICE_NAME": point.context}
    yield Grant("tracing", (allow(*XRAY, on="*"),), variables)
    if settings.virtual_clock:
        clock = allow("ssm:GetParameter", on=arn("ssm", f"parameter{CLOCK_PARAMETER}"))
        yield Grant("clock", (clock,), {"CLOCK_PARAMETER": CLOCK_PARAMETER})


def _of_route(route: Route, settings: Settings) -> Iterator[Grant]:
    """What the life of a request needs before its handler: see kernel/http.py."""
    yield Grant("api", environment={"API_URL": settings.api_url})
    if not settings.is_local:
        secret = arn("secretsmanager", f"secret:{ORIGIN_SECRET}-??????")
        yield Grant("origin", (allow("secretsmanager:GetSecretValue", on=secret),), {"ORIGIN_SECRET": ORIGIN_SECRET})
    if route.access == "public":
        return
    if route.replica and settings.operations.reader:
        yield _replica(route.context)
    yield _table("limits", ("dynamodb:UpdateItem",))
    if route.is_write:
        yield _table("idempotency", ("dynamodb:GetItem", "dynamodb:PutItem"))
    secret = imported("KernelSecretArn")
    yield Grant("secret", (allow("secretsmanager:GetSecretValue", on=secret),), {"KERNEL_SECRET": secret})
    yield Grant("people", environment={
        "OIDC_ISSUER": settings.oidc_issuer, "OIDC_JWKS_URL": settings.oidc_jwks_url, "OIDC_AUDIENCE": settings.oidc_audience,
    })  # fmt: skip
    if route.access == "user":
        yield Grant("plan", environment={"DEFAULT_PLAN": settings.default_plan})


def _postgres(context: str, settings: Settings) -> Grant:
    door = "PgProxy" if settings.rds_proxy else "Pg"
    user = arn("rds-db", f"dbuser:${{Cluster}}/{context}", Cluster=imported(f"{door}ResourceId"))
    variables = {"PG_HOST": imported(f"{door}Host"), "PG_PORT": PG_PORT, "PG_DATABASE": PG_DATABASE, "PG_AUTH": "iam"}
    statements = [allow("rds-db:connect", on=user), allow(*VPC_INTERFACES, on="*")]
    if settings.database_pauses:
        mark = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [MARK]}}
        statements.append(
            allow("dynamodb:GetItem", "dynamodb:PutItem", on=arn("dynamodb", f"table/{named('limits')}"), when=mark)
        )
        variables["PAUSE_TABLE"] = named("limits")
    return Grant(f"postgres-{context}", tuple(statements), variables, vpc=True)


def _replica(context: str) -> Grant:
    """Aurora's own reader endpoint, also where RDS Proxy stands before the writer."""
    user = arn("rds-db", f"dbuser:${{Cluster}}/{context}", Cluster=imported("PgResourceId"))
    return Grant("replica", (allow("rds-db:connect", on=user),), {"PG_READER_HOST": imported("PgReaderHost")})


def _bus(context: str, settings: Settings) -> Grant:
    """Publish as this context and no other; asking for the bus's description is how readiness is known."""
    source = {"StringEquals": {"events:source": f"{PREFIX}.{context}"}}
    publish = allow("events:PutEvents", on=_bus_arn(DOMAIN_BUS), when=_known(source, settings))
    # The emulator takes the bus's name for a rule's.
    described = [_bus_arn(DOMAIN_BUS), *([arn("events", f"rule/default/{DOMAIN_BUS}")] if settings.is_local else [])]
    describe = allow("events:DescribeEventBus", on=described)
    return Grant(f"bus-{context}", (publish, describe), {"DOMAIN_BUS": DOMAIN_BUS})


def _keys(settings: Settings, *actions: str) -> Grant:
    """Only with a workspace named in the encryption context."""
    key = imported("DataKeyArn")
    named_workspace = {"StringLike": {"kms:EncryptionContext:workspace_id": "ws_*"}}
    return Grant("keys", (allow(*actions, on=key, when=_known(named_workspace, settings)),), {"DATA_KEY_ID": key})


def _table(name: str, actions: tuple[str, ...]) -> Grant:
    table = named(name)
    return Grant(f"table-{name}", (allow(*actions, on=arn("dynamodb", f"table/{table}")),), {f"{name.upper()}_TABLE": table})


def _bucket(prefix: str, write: bool, find: bool) -> Grant:
    bucket = imported("BucketName")
    objects = Fn.sub(f"arn:${{AWS::Partition}}:s3:::${{Bucket}}/{prefix}*", {"Bucket": bucket})
    actions = ["s3:GetObject", *(["s3:PutObject", "s3:DeleteObject"] if write else [])]
    name = f"bucket-{prefix.strip('/').replace('/', '-') or 'all'}"
    whole = Fn.sub("arn:${AWS::Partition}:s3:::${Bucket}", {"Bucket": bucket})
    finding = (allow("s3:ListBucket", on=whole, when={"StringLike": {"s3:prefix": f"{prefix}*"}}),) if find else ()
    return Grant(name, (allow(*actions, on=objects), *finding), {"BUCKET": bucket})


def _audit_heads() -> Grant:
    bucket = imported("AuditBucketName")
    heads = Fn.sub("arn:${AWS::Partition}:s3:::${Bucket}/heads/*", {"Bucket": bucket})
    return Grant("audit-heads", (allow("s3:PutObject", on=heads),), {"AUDIT_BUCKET": bucket})


def _dead_letters(take: bool) -> Grant:
    """By pattern: queues are of all contexts. AWS lists queues for everything or not at all."""
    if take:
        dead = allow("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", on=arn("sqs", f"{PREFIX}-*-dead"))
        statements: tuple[Statement, ...] = (dead, allow("sqs:ListQueues", on="*"))
    else:
        statements = (allow("sqs:GetQueueUrl", "sqs:SendMessage", on=arn("sqs", f"{PREFIX}-*-on_*")),)
    return Grant(f"dead-letters-{'take' if take else 'send'}", statements, {"QUEUE_PREFIX": f"{PREFIX}-"})


def _queue(name: str) -> Grant:
    """By name rather than by reference, as the queue may be another context's."""
    context, _, consumer = name.partition("/")
    physical = named(context, consumer)
    url = Fn.sub(f"https://sqs.${{AWS::Region}}.${{AWS::URLSuffix}}/${{AWS::AccountId}}/{physical}")
    return Grant(f"queue-{context}-{consumer}", (allow("sqs:SendMessage", on=arn("sqs", physical)),), {variable(name): url})


def _machine(name: str) -> Grant:
    """By name rather than by reference: a task of the machine may start it again, which would be a circle."""
    context, _, machine = name.partition("/")
    physical = named(context, machine)
    itself, runs = arn("states", f"stateMachine:{physical}"), arn("states", f"execution:{physical}:*")
    statements = (
        allow("states:StartExecution", "states:ListExecutions", on=itself),
        allow("states:DescribeExecution", "states:StopExecution", on=runs),
    )
    return Grant(f"machine-{context}-{machine}", statements, {f"MACHINE_{context.upper()}_{machine.upper()}": itself})


def _mail(settings: Settings) -> Grant:
    sender = {"StringEquals": {"ses:FromAddress": settings.mail_from}}
    identity = arn("ses", f"identity/{settings.mail_from.partition('@')[2]}")
    variables = {"MAIL_FROM": settings.mail_from, "API_URL": settings.api_url}
    return Grant("mail", (allow("ses:SendEmail", on=identity, when=_known(sender, settings)),), variables)


def _clickhouse(settings: Settings) -> Grant:
    """Its operator makes the secret; Secrets Manager adds six characters to a secret's name in its ARN."""
    secret = arn("secretsmanager", f"secret:{settings.clickhouse_secret}-??????")
    operations = settings.operations
    variables = {"CLICKHOUSE_URL": settings.clickhouse_url, "CLICKHOUSE_SECRET": settings.clickhouse_secret}
    if operations.clickhouse_backups:
        variables |= {
            "CLICKHOUSE_BACKUPS": operations.clickhouse_backups,
            "CLICKHOUSE_BACKUP_ROLE": operations.clickhouse_backup_role,
        }
    read = allow("secretsmanager:GetSecretValue", on=secret)
    inside = bool(operations.clickhouse_service)  # a private endpoint is reached from the VPC only
    statements = (read, allow(*VPC_INTERFACES, on="*")) if inside else (read,)
    return Grant("clickhouse", statements, variables, ("providers/clickhouse",), vpc=inside)


def _bus_arn(name: str) -> str:
    return arn("events", f"event-bus/{name}")


def _known(condition: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """A condition on a service's own key; the laptop's IAM never sets those, so there it binds only where its key is present."""
    if not settings.is_local:
        return condition
    return {f"{operator}IfExists": keys for operator, keys in condition.items()}
