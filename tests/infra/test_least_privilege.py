"""What functions and machines may do: what they declare, on what they name, and nothing wider."""

import pytest

from infra.discovery import EntryPoint, entry_points
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
from tests.infra.templates import Json, Templates, as_list, reference, statements, text

UNAVOIDABLE = {
    # AWS offers no narrower resource for these.
    "xray:PutTraceSegments", "xray:PutTelemetryRecords",
    "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
    "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
    "sqs:ListQueues",
    # Of canaries, under a condition on the namespace.
    "cloudwatch:PutMetricData",
}  # fmt: skip
ALWAYS = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
FRONT = {"secretsmanager:GetSecretValue"}
VPC = {action for action in UNAVOIDABLE if action.startswith("ec2:")}
QUEUE = {
    "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:SendMessage",
}  # fmt: skip
POINTS = entry_points()
SERVICES = ("lambda", "states", "codedeploy")


def allowed_by(use: Capability) -> set[str]:  # noqa: C901  (one case for each capability)
    """The actions that one capability stands for, written down a second time."""
    match use:
        case Postgres():
            return {"rds-db:connect"} | VPC
        case Bus():
            return {"events:PutEvents", "events:DescribeEventBus"}
        case Inbound():
            return {"events:PutEvents"}
        case Keys():
            return {"kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"}
        case Table(write=write):
            return {"dynamodb:GetItem"} | ({"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"} if write else set())
        case Bucket(write=write, find=find):
            writing = {"s3:PutObject", "s3:DeleteObject"} if write else set()
            return {"s3:GetObject"} | writing | ({"s3:ListBucket"} if find else set())
        case AuditHeads():
            return {"s3:PutObject"}
        case DeadLetters(take=take):
            taking = {"sqs:ListQueues", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
            return taking if take else {"sqs:GetQueueUrl", "sqs:SendMessage"}
        case Queue():
            return {"sqs:SendMessage"}
        case Machine():
            return {"states:StartExecution", "states:ListExecutions", "states:DescribeExecution", "states:StopExecution"}
        case Mail():
            return {"ses:SendEmail"}
        case ClickHouse():
            return {"secretsmanager:GetSecretValue"}
        case Provider():
            return set()
    raise AssertionError(f"say here what {use} allows")


def implied(point: EntryPoint) -> set[str]:
    """What the kind of entry point needs around its declaration."""
    match point.kind:
        case "consumers":
            return QUEUE
        case "http" if point.route.access != "public":
            common = FRONT | {"dynamodb:UpdateItem"}
            writes = {"dynamodb:GetItem", "dynamodb:PutItem"} if point.route.is_write else set()
            sealed = allowed_by(Keys()) if point.route.access == "scope" and (writes or point.route.personal) else set()
            return common | writes | sealed
        case "http":
            return FRONT
    return set()


def role_of(prod: Templates, point: EntryPoint) -> Json:
    properties: Json = prod.stacks[point.context]["Resources"][f"{point.id}Role"]["Properties"]
    return properties


@pytest.mark.parametrize("point", POINTS, ids=[point.module for point in POINTS])
def test_a_function_may_do_exactly_what_it_declares(prod: Templates, point: EntryPoint) -> None:
    declared = set().union(*(allowed_by(use) for use in point.declaration.uses))
    actions = {action for one in statements(role_of(prod, point)) for action in as_list(one["Action"])}
    assert actions == ALWAYS | declared | implied(point)


def test_only_listed_actions_have_a_wildcard_for_resource(prod: Templates) -> None:
    for stack, name, role in prod.resources("AWS::IAM::Role"):
        for one in statements(role):
            if "*" in as_list(one["Resource"]):
                assert set(as_list(one["Action"])) <= UNAVOIDABLE, (stack, name, one)


def test_no_action_is_a_wildcard(prod: Templates) -> None:
    for stack, name, role in prod.resources("AWS::IAM::Role"):
        assert role.get("ManagedPolicyArns", []) == [], (stack, name)
        assert "*" not in text([one["Action"] for one in statements(role)]), (stack, name)


def test_nothing_widens_a_role_from_outside(prod: Templates) -> None:
    assert list(prod.resources("AWS::IAM::Policy")) == []
    assert list(prod.resources("AWS::IAM::ManagedPolicy")) == []


def test_a_role_is_taken_by_one_service_only(prod: Templates) -> None:
    for stack, name, role in prod.resources("AWS::IAM::Role"):
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] in [{"Service": f"{one}.amazonaws.com"} for one in SERVICES], (stack, name)


def test_policies_of_a_role_have_names_of_their_own(prod: Templates) -> None:
    """Of two with one name IAM keeps the last."""
    for stack, name, role in prod.resources("AWS::IAM::Role"):
        names = [policy["PolicyName"] for policy in role.get("Policies", [])]
        assert len(names) == len(set(names)), (stack, name, names)


def test_every_function_has_a_role_of_its_own(prod: Templates) -> None:
    roles = [(stack, reference(function["Role"])) for stack, _, function in prod.resources("AWS::Lambda::Function")]
    assert len(set(roles)) == len(roles)


def test_a_context_publishes_under_its_own_name_only(prod: Templates) -> None:
    for point in POINTS:
        sources = {f"oppulence.{use.context}" for use in point.declaration.uses if isinstance(use, Bus)}
        found = {
            one["Condition"]["StringEquals"]["events:source"]
            for one in statements(role_of(prod, point))
            if "events:PutEvents" in one["Action"] and "oppulence-domain" in text(one["Resource"])
        }
        assert found == sources, point.module


def test_a_context_signs_in_to_postgresql_as_itself_only() -> None:
    for point in POINTS:
        roles = {use.context for use in point.declaration.uses if isinstance(use, Postgres)}
        assert roles <= {point.context}, point.module


def test_letters_are_taken_off_dead_letter_queues_and_sent_to_consumers_queues_only(prod: Templates) -> None:
    for point in POINTS:
        if any(isinstance(use, DeadLetters) for use in point.declaration.uses):
            queues = [one for one in statements(role_of(prod, point)) if "sqs:" in text(one["Action"]) and one["Resource"] != "*"]
            (resource,) = (one["Resource"]["Fn::Sub"].rpartition(":")[2] for one in queues)
            takes = DeadLetters(take=True) in point.declaration.uses
            assert resource == ("oppulence-*-dead" if takes else "oppulence-*-on_*"), point.module


def test_a_function_sends_to_the_queues_that_it_names_only(prod: Templates) -> None:
    for point in POINTS:
        named = {f"oppulence-{use.name.replace('/', '-')}" for use in point.declaration.uses if isinstance(use, Queue)}
        dead = {f"{point.id}Dead"} if point.kind == "consumers" else set()
        letters = {"oppulence-*-on_*"} if DeadLetters() in point.declaration.uses else set()
        found = {
            str(reference(one["Resource"]) or one["Resource"]["Fn::Sub"].rpartition(":")[2])
            for one in statements(role_of(prod, point))
            if "sqs:SendMessage" in one["Action"]
        }
        assert found == named | dead | letters, point.module


def test_data_keys_open_only_with_a_workspace_named(prod: Templates) -> None:
    for stack, name, role in prod.resources("AWS::IAM::Role"):
        for one in statements(role):
            if "kms:" in text(one["Action"]):
                assert one["Condition"] == {"StringLike": {"kms:EncryptionContext:workspace_id": "ws_*"}}, (stack, name)


def test_mail_leaves_from_the_platforms_address_only(prod: Templates) -> None:
    for stack, name, role in prod.resources("AWS::IAM::Role"):
        for one in statements(role):
            if "ses:" in text(one["Action"]):
                assert one["Condition"] == {"StringEquals": {"ses:FromAddress": "billing@mail.oppulence.io"}}, (stack, name)


def test_a_machine_calls_its_own_tasks_only(prod: Templates) -> None:
    for stack, name, machine in prod.resources("AWS::StepFunctions::StateMachine"):
        role = prod.stacks[stack]["Resources"][reference(machine["RoleArn"])]["Properties"]
        invoked = [one for one in statements(role) if "lambda:InvokeFunction" in one["Action"]]
        assert [sorted(map(text, one["Resource"])) for one in invoked] == [
            sorted(text(task) for task in machine["DefinitionSubstitutions"].values())
        ], name


def test_only_the_migrations_function_reads_the_administrators_password(prod: Templates) -> None:
    readers = [stack for stack, _, role in prod.resources("AWS::IAM::Role") if "PgAdminSecretArn" in text(role)]
    assert readers == ["migrations"]
