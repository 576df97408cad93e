"""The laptop runs the template of production: what differs in a context's stack is listed here, all of it."""

import copy
import re
from typing import Any

from tests.infra.templates import Json, Templates

LEFT_OUT = {"backups", "canaries", "dashboards", "edge", "egress", "migrations", "observability"}
VARIABLES = {
    # Settings of the stage.
    "STAGE", "API_URL", "OIDC_ISSUER", "OIDC_JWKS_URL", "OIDC_AUDIENCE", "MAIL_FROM", "DEFAULT_PLAN", "DOWN_VISIBILITY_S",
    "CLICKHOUSE_URL", "CLICKHOUSE_SECRET", "STRIPE_API_BASE",
    # Behind CloudFront only: what the API knows it by.
    "ORIGIN_SECRET",
    # Virtual time exists outside staging and prod only.
    "CLOCK_PARAMETER",
}  # fmt: skip
OF_ONE_STAGE = {"clock", "origin"}
RELEASE = re.compile(r"Release(?:Alias|Version\w{12}|Application|Group|Role|Errors|Success)$")
ARN = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}"
LAPTOP_RESOURCE = {"Fn::Sub": f"{ARN}:rule/default/oppulence-domain"}
"""What the emulator asks for when a bus is described."""


def without_listed(template: Json) -> Json:
    """A context's template without what may differ between stages."""
    template = unreleased(copy.deepcopy(template))
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Lambda::Function":
                variables = properties["Environment"]["Variables"]
                properties["Environment"]["Variables"] = {k: v for k, v in variables.items() if k not in VARIABLES}
            case "AWS::Logs::LogGroup":
                for key in ("RetentionInDays", "Tags"):
                    properties.pop(key, None)
                resource.pop("DeletionPolicy", None)
                resource.pop("UpdateReplacePolicy", None)
            case "AWS::IAM::Role":
                properties["Policies"] = [one for one in properties["Policies"] if one["PolicyName"] not in OF_ONE_STAGE]
            case "AWS::Lambda::LayerVersion":
                properties["Content"] = "the laptop imports from its own environment"
        if isinstance(properties, dict):
            properties.pop("Tags", None)
    return normalized(template)  # type: ignore[no-any-return]


def unreleased(template: Json) -> Json:
    """As if no function had an alias: the laptop updates functions in place."""
    resources = {name: one for name, one in template["Resources"].items() if not RELEASE.search(name)}

    def direct(node: Any) -> Any:
        if isinstance(node, dict):
            alias = RELEASE.split(str(node.get("Ref", "")))
            return {"Fn::GetAtt": [alias[0], "Arn"]} if len(alias) > 1 else {key: direct(value) for key, value in node.items()}
        return [direct(one) for one in node] if isinstance(node, list) else node

    return template | {"Resources": direct(resources)}


def normalized(node: Any) -> Any:
    """Conditions on services' own keys bind on the laptop only where the key is present; mail and ClickHouse are settings."""
    if isinstance(node, dict):
        return {re.sub(r"^(StringEquals|StringLike)IfExists$", r"\1", key): normalized(value) for key, value in node.items()}
    if isinstance(node, list):
        return [normalized(one) for one in node if one != LAPTOP_RESOURCE]
    return node.replace("secret:oppulence/local/clickhouse", "secret:oppulence/clickhouse") if isinstance(node, str) else node


def test_the_laptop_leaves_out_listed_stacks_only(local: Templates, prod: Templates) -> None:
    assert set(prod.stacks) - set(local.stacks) == LEFT_OUT
    assert set(local.stacks) - set(prod.stacks) == set()
    assert local.contexts == prod.contexts


def test_a_contexts_stack_is_the_same_on_the_laptop_but_for_listed_things(local: Templates, prod: Templates) -> None:
    for name in prod.contexts:
        assert without_listed(local.stacks[name]) == without_listed(prod.stacks[name]), name


def test_virtual_time_does_not_exist_in_production(prod: Templates) -> None:
    assert list(prod.resources("AWS::SSM::Parameter")) == []
    for stack, name, function in prod.resources("AWS::Lambda::Function"):
        assert "CLOCK_PARAMETER" not in function["Environment"]["Variables"], (stack, name)


def test_a_context_stays_far_below_a_stacks_limit(prod: Templates) -> None:
    for name, template in prod.stacks.items():
        assert len(template["Resources"]) < 450, name


def test_what_one_stack_imports_another_exports(local: Templates, prod: Templates) -> None:
    for templates in (local, prod):
        exported = {
            output["Export"]["Name"] for template in templates.stacks.values() for output in template.get("Outputs", {}).values()
        }
        assert imports(list(templates.stacks.values())) <= exported


def imports(node: Any) -> set[str]:
    """Names of values that a template takes from other stacks."""
    if isinstance(node, dict):
        own = {node["Fn::ImportValue"]} if isinstance(node.get("Fn::ImportValue"), str) else set()
        return own.union(*(imports(value) for value in node.values()))
    return set().union(*(imports(one) for one in node)) if isinstance(node, list) else set()
