"""What the deployer changes in a template before the emulator gets it: all of it stands here, with its reason.

A rewrite changes the template in place. Everything else is deployed as AWS would get it.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Template = dict[str, Any]
Resource = dict[str, Any]

SECRET = "AWS::SecretsManager::Secret"
FUNCTION = "AWS::Lambda::Function"
LAYER = "AWS::Lambda::LayerVersion"
TABLE = "AWS::DynamoDB::Table"
API = "AWS::ApiGatewayV2::Api"
NESTED = "AWS::CloudFormation::Stack"
ROLE = "AWS::IAM::Role"
RESOURCE_POLICIES = ("AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy")
BATCHED = ("sqs:SendMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")
SEND_EMAIL = "ses:SendEmail"
PASSWORD_LENGTH = 32  # what Secrets Manager makes when nothing is said


@dataclass(frozen=True)
class Place:
    """Where a template goes: what its rewrites may need to know."""

    stack: str
    overrides: Mapping[str, str]  # environment variables of functions that mean something else on a laptop
    seed: bytes  # what generated secrets are derived from


def rewrite(template: Template, place: Place) -> None:
    """Apply every rewrite."""
    secret_reference_is_its_arn(template)
    cors_keys_start_small(template)
    keep_generated_secrets(template, place.stack, place.seed)
    override_variables(template, place.overrides)
    let_plain_http_in(template)
    name_what_is_allowed(template)


def resources(template: Template, kind: str) -> Iterator[tuple[str, Resource]]:
    """The resources of one type with their logical ids."""
    for name, resource in template.get("Resources", {}).items():
        if resource["Type"] == kind:
            yield name, resource


def secret_reference_is_its_arn(template: Template) -> None:
    """`Ref` of a secret is its ARN on AWS; the emulator answers its name, which no policy and no `Select` fits."""
    secrets = {name for name, _ in resources(template, SECRET)}

    def with_arn(node: Any) -> Any:
        match node:
            case {"Ref": str(name)} if name in secrets:
                return {"Fn::GetAtt": [name, "Id"]}
            case {"Fn::Sub": str(text)}:
                return {"Fn::Sub": substitute(text, secrets)}
            case {"Fn::Sub": [str(text), variables]}:
                return {"Fn::Sub": [substitute(text, secrets - set(variables)), variables]}
        return node

    if secrets:
        replaced = walk(template, with_arn)
        template.clear()
        template.update(replaced)


def substitute(text: str, secrets: set[str]) -> str:
    """Turn `${Secret}` into `${Secret.Id}` in the text of an `Fn::Sub`."""
    return re.sub(r"\$\{(\w+)\}", lambda m: f"${{{m[1]}.Id}}" if m[1] in secrets else m[0], text)


def walk(node: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of a JSON tree with `change` applied to every node, children first."""
    match node:
        case dict():
            return change({key: walk(value, change) for key, value in node.items()})
        case list():
            return change([walk(value, change) for value in node])
    return node


def cors_keys_start_small(template: Template) -> None:
    """The emulator's data plane reads `allowOrigins` where CloudFormation says `AllowOrigins`: preflights got 403."""
    for _, api in resources(template, API):
        cors = api["Properties"].get("CorsConfiguration")
        if cors:
            api["Properties"]["CorsConfiguration"] = {key[0].lower() + key[1:]: value for key, value in cors.items()}


def keep_generated_secrets(template: Template, stack: str, seed: bytes) -> None:
    """A secret generated anew with every start would make stored cursors and signatures worthless."""
    for name, secret in resources(template, SECRET):
        rules = secret["Properties"].pop("GenerateSecretString", None)
        if rules is not None:
            secret["Properties"]["SecretString"] = generated(rules, seed, f"secret/{stack}/{name}")


def generated(rules: Mapping[str, Any], seed: bytes, name: str) -> str:
    """The secret that these rules ask for: letters and digits only, which every exclusion but theirs allows.

    Raises:
        ValueError: the rules exclude letters or digits by name, which no secret of ours does.
    """
    if any(character.isalnum() for character in rules.get("ExcludeCharacters", "")):
        raise ValueError(f"{name}: ExcludeCharacters with letters or digits is not known here")
    text = ""
    while len(text) < (length := int(rules.get("PasswordLength", PASSWORD_LENGTH))):
        digest = hmac.digest(seed, f"{name}/{len(text)}".encode(), hashlib.sha512)
        text += re.sub(r"[^A-Za-z0-9]", "", base64.b64encode(digest).decode())
    if key := rules.get("GenerateStringKey"):
        return json.dumps(json.loads(rules["SecretStringTemplate"]) | {key: text[:length]})
    return text[:length]


def override_variables(template: Template, overrides: Mapping[str, str]) -> None:
    """The databases and the front are not resources here: functions that name them get the laptop's addresses."""
    for _, function in resources(template, FUNCTION):
        variables = function["Properties"].get("Environment", {}).get("Variables", {})
        variables.update({name: value for name, value in overrides.items() if name in variables})


def let_plain_http_in(template: Template) -> None:
    """The emulator speaks plain HTTP on the loopback interface, and reads no conditions: "deny without TLS" denied everyone."""
    for kind in RESOURCE_POLICIES:
        for name, policy in list(resources(template, kind)):
            document = policy["Properties"]["PolicyDocument"]
            document["Statement"] = [statement for statement in document["Statement"] if not demands_tls(statement)]
            if not document["Statement"]:
                del template["Resources"][name]


def demands_tls(statement: Mapping[str, Any]) -> bool:
    """Whether a statement denies what comes without TLS, and nothing else."""
    return bool(statement["Effect"] == "Deny" and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}})


def name_what_is_allowed(template: Template) -> None:
    """Two ways in which the emulator reads IAM differently.

    On AWS the permission for a message is that for a batch of them; here a batch has a name of its own. SES is asked on the
    sender's identity there, and on `*` here.
    """
    for _, role in resources(template, ROLE):
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                statement["Action"] = [*actions, *(f"{action}Batch" for action in actions if action in BATCHED)]
                if SEND_EMAIL in actions:
                    statement["Resource"] = "*"
