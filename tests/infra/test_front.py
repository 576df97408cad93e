"""CloudFront, its firewall, and the only way to the API; and the stacks around them under settings that prod does not have."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from aws_cdk import App

from infra.discovery import entry_points
from infra.front import PREFIX_TAG, Front
from infra.settings import Contradiction, Settings, placed, settings_of
from infra.stacks.api import Api
from infra.stacks.base import PlatformStack
from infra.stacks.data import Data
from infra.stacks.edge import Edge
from infra.stacks.egress import Egress
from infra.stacks.network import Network
from infra.stacks.proxy import Proxy
from oppulence.kernel import origin
from tests.infra.templates import Json, Templates, text

OPEN = ["/v1/webhooks/", "/v1/events", "/openmeter/"]
CALLED = {"/v1/webhooks/whk_1", "/v1/events", "/v1/events/batch", "/openmeter/api/v1/events", "/v1/ledger", "/healthz"}
INSPECTING = {"AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesSQLiRuleSet"}


@cache
def alone(settings: Settings, *kinds: type[Any]) -> Templates:
    """Some stacks of a stage and no contexts: the work of a second."""
    with TemporaryDirectory() as folder:
        app = App(analytics_reporting=False, tree_metadata=False, outdir=folder)
        made: Sequence[PlatformStack] = [kind(app, settings) for kind in kinds]
        app.synth()
        files = {stack.stack_name: Path(folder, stack.template_file) for stack in made}
        return Templates({name: json.loads(file.read_text()) for name, file in files.items()}, ())


def only(templates: Templates, kind: str) -> Json:
    (found,) = templates.resources(kind)
    return found[2]


def distribution(templates: Templates) -> Json:
    config: Json = only(templates, "AWS::CloudFront::Distribution")["DistributionConfig"]
    return config


def rules(templates: Templates) -> dict[str, Json]:
    return {rule["Name"]: rule for rule in only(templates, "AWS::WAFv2::WebACL")["Rules"]}


def left_out(statement: Json) -> list[str]:
    """The beginnings of paths that a rule does not look at."""
    inner = statement["ScopeDownStatement"]["NotStatement"]["Statement"]["OrStatement"]["Statements"]
    matches = [one["ByteMatchStatement"] for one in inner]
    assert all(m["FieldToMatch"] == {"UriPath": {}} and m["PositionalConstraint"] == "STARTS_WITH" for m in matches)
    return [m["SearchString"] for m in matches]


def test_rules_that_read_bodies_or_count_leave_the_doors_alone(prod: Templates) -> None:
    found = rules(prod)
    assert set(found) >= INSPECTING
    for name in INSPECTING:
        assert left_out(found[name]["Statement"]["ManagedRuleGroupStatement"]) == OPEN, name
    assert left_out(found["Rate"]["Statement"]["RateBasedStatement"]) == OPEN
    assert {path for path in CALLED if not path.startswith(tuple(OPEN))} == {"/v1/ledger", "/healthz"}


def test_one_address_has_a_rate_and_managed_rules_block(prod: Templates) -> None:
    acl, found = only(prod, "AWS::WAFv2::WebACL"), rules(prod)
    assert acl["Scope"] == "CLOUDFRONT" and acl["DefaultAction"] == {"Allow": {}}
    assert found["Rate"]["Action"] == {"Block": {}}
    assert found["Rate"]["Statement"]["RateBasedStatement"]["AggregateKeyType"] == "IP"
    for name, rule in found.items():
        assert name == "Rate" or rule["OverrideAction"] == {"None": {}}, name
    counted = found["AWSManagedRulesCommonRuleSet"]["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]
    assert {one["Name"] for one in counted} == {"SizeRestrictions_BODY", "NoUserAgent_HEADER"}


def test_the_firewalls_log_holds_no_keys_and_only_what_was_stopped(prod: Templates) -> None:
    log = only(prod, "AWS::WAFv2::LoggingConfiguration")
    assert [field["SingleHeader"]["Name"] for field in log["RedactedFields"]] == ["authorization", "cookie"]
    assert log["LoggingFilter"]["DefaultBehavior"] == "DROP"


def test_cloudfront_speaks_tls_only_caches_nothing_and_stands_behind_the_firewall(prod: Templates) -> None:
    config = distribution(prod)
    assert config["Aliases"] == ["api.oppulence.io"] and config["WebACLId"]["Fn::GetAtt"][0].startswith("FirewallAcl")
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    for behavior in (config["DefaultCacheBehavior"], *config["CacheBehaviors"]):
        assert behavior["ViewerProtocolPolicy"] == "https-only"
        assert behavior["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "AWS's CachingDisabled"
        assert len(behavior["AllowedMethods"]) == 7
    for source in config["Origins"]:
        assert source["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
        assert source["CustomOriginConfig"]["OriginSSLProtocols"] == ["TLSv1.2"]
        assert source["CustomOriginConfig"]["OriginReadTimeout"] > 30, "the API's own limit"


def test_openmeters_paths_reach_their_own_api_as_they_are(prod: Templates) -> None:
    """CloudFront puts a path before theirs, below which the domain has that API; the gateway takes just that off again."""
    config = distribution(prod)
    (behavior,) = config["CacheBehaviors"]
    assert behavior["PathPattern"] == "/openmeter/*"
    origins = {source["Id"]: source for source in config["Origins"]}
    assert "OriginPath" not in origins[config["DefaultCacheBehavior"]["TargetOriginId"]]
    source = origins[behavior["TargetOriginId"]]
    assert source["DomainName"] == origins["api"]["DomainName"]
    mappings = {one.get("ApiMappingKey", ""): one["ApiId"] for _, _, one in prod.resources("AWS::ApiGatewayV2::ApiMapping")}
    exported = {out["Export"]["Name"]: out["Value"] for out in prod.stacks["api"]["Outputs"].values()}
    assert mappings == {"": exported["oppulence-ApiId"], source["OriginPath"][1:]: exported["oppulence-OpenmeterApiId"]}


def test_the_laptops_front_knows_whose_paths_they_are(local: Templates) -> None:
    tags = [api["Tags"] for _, _, api in local.resources("AWS::ApiGatewayV2::Api")]
    assert {one.get(PREFIX_TAG, "/"): one["ms-custom-id"] for one in tags} == {"/": "app", "/openmeter": "openmeter"}


def test_cloudfront_proves_itself_with_the_header_that_the_kernel_asks_for(prod: Templates) -> None:
    ((header,), *others) = (one["OriginCustomHeaders"] for one in distribution(prod)["Origins"])
    assert all(one == [header] for one in others)
    assert header["HeaderName"].lower() == origin.SECRET_HEADER
    assert header["HeaderValue"] == "{{resolve:secretsmanager:oppulence/origin:SecretString:current}}"
    secrets = {secret["Name"]: secret for _, _, secret in prod.resources("AWS::SecretsManager::Secret") if "Name" in secret}
    made = secrets["oppulence/origin"]["GenerateSecretString"]
    assert made["GenerateStringKey"] == "current" and made["SecretStringTemplate"] == '{"previous":""}'
    assert "ReplicaRegions" not in secrets["oppulence/origin"]


def test_cloudfront_tells_the_viewers_address_under_the_name_that_the_kernel_reads(prod: Templates) -> None:
    policy = only(prod, "AWS::CloudFront::OriginRequestPolicy")["OriginRequestPolicyConfig"]
    assert policy["HeadersConfig"]["HeaderBehavior"] == "allViewerAndWhitelistCloudFront"
    assert [name.lower() for name in policy["HeadersConfig"]["Headers"]] == [origin.VIEWER_HEADER]
    assert policy["QueryStringsConfig"] == {"QueryStringBehavior": "all"}


def test_every_answer_has_security_headers(prod: Templates) -> None:
    policy = only(prod, "AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    hsts = policy["StrictTransportSecurity"]
    assert hsts["AccessControlMaxAgeSec"] >= 31_536_000 and hsts["IncludeSubdomains"] and hsts["Override"]
    assert policy["ContentTypeOptions"]["Override"]
    assert policy["FrameOptions"] == {"FrameOption": "DENY", "Override": False}
    assert policy["ContentSecurityPolicy"]["Override"] is False, "a page of ours says its own"


def test_every_route_knows_the_secret_and_nothing_else_does(prod: Templates) -> None:
    functions = {function["FunctionName"]: function for _, _, function in prod.resources("AWS::Lambda::Function")}
    for point in entry_points():
        variables = functions[f"oppulence-{point.context}-{point.slug}"]["Environment"]["Variables"]
        assert ("ORIGIN_SECRET" in variables) == (point.kind == "http"), point.module


def test_apis_have_no_address_but_their_domain(prod: Templates) -> None:
    assert all(api["DisableExecuteApiEndpoint"] is True for _, _, api in prod.resources("AWS::ApiGatewayV2::Api"))
    (configured,) = only(prod, "AWS::ApiGatewayV2::DomainName")["DomainNameConfigurations"]
    assert (configured["EndpointType"], configured["SecurityPolicy"]) == ("REGIONAL", "TLS_1_2")
    assert all(one["Stage"] == "$default" for _, _, one in prod.resources("AWS::ApiGatewayV2::ApiMapping"))


def test_scripts_of_our_own_pages_may_call_and_no_others(prod: Templates) -> None:
    cors, *others = (api["CorsConfiguration"] for _, _, api in prod.resources("AWS::ApiGatewayV2::Api"))
    assert all(one == cors for one in others)
    assert cors["AllowOrigins"] == ["https://app.oppulence.io"] and "AllowCredentials" not in cors
    assert {"authorization", "idempotency-key", "x-workspace-id"} <= set(cors["AllowHeaders"])
    silent = alone(replace(settings_of("prod"), front=Front()), Api)
    assert all("CorsConfiguration" not in api for _, _, api in silent.resources("AWS::ApiGatewayV2::Api"))


def test_with_a_hosted_zone_the_records_are_made() -> None:
    templates = alone(replace(settings_of("prod"), front=Front(hosted_zone="Z1")), Edge)
    records = {record["Type"]: record for _, _, record in templates.resources("AWS::Route53::RecordSet")}
    assert set(records) == {"A", "AAAA"} and records["A"]["Name"] == "api.oppulence.io"
    (option,) = only(templates, "AWS::CertificateManager::Certificate")["DomainValidationOptions"]
    assert option == {"DomainName": "api.oppulence.io", "HostedZoneId": "Z1"}


def test_in_another_region_cloudfront_is_told_where_the_api_is() -> None:
    settings = replace(
        settings_of("prod"), region="eu-central-1", front=Front(api_origin="d-1.execute-api.eu-central-1.amazonaws.com")
    )
    templates = alone(settings, Api, Edge)
    places = {source["DomainName"] for source in distribution(templates)["Origins"]}
    assert places == {"d-1.execute-api.eu-central-1.amazonaws.com"}
    assert only(templates, "AWS::SecretsManager::Secret")["ReplicaRegions"] == [{"Region": "us-east-1"}]
    assert "Fn::ImportValue" not in text(templates.stacks["oppulence-edge"])


def test_dev_has_one_nat_gateway_and_nothing_else_that_bills_by_the_hour_for_reaching_aws() -> None:
    templates = alone(settings_of("dev"), Network, Egress)
    assert len(list(templates.resources("AWS::EC2::NatGateway"))) == 1
    assert [one["VpcEndpointType"] for _, _, one in templates.resources("AWS::EC2::VPCEndpoint")] == ["Gateway", "Gateway"]


def test_functions_reach_s3_and_dynamodb_without_the_nat_gateway(prod: Templates) -> None:
    endpoints = {text(one["ServiceName"]): one for _, _, one in prod.resources("AWS::EC2::VPCEndpoint")}
    for service in ("s3", "dynamodb"):
        (found,) = (one for name, one in endpoints.items() if name.endswith(f'.{service}"}}'))
        assert found["VpcEndpointType"] == "Gateway" and len(found["RouteTableIds"]) == 2, service


def test_functions_share_one_security_group(prod: Templates) -> None:
    groups = {
        text(function["VpcConfig"]["SecurityGroupIds"]) for _, _, function in prod.resources("AWS::Lambda::Function")
        if "VpcConfig" in function
    }  # fmt: skip
    assert groups == {'[{"Fn::ImportValue": "oppulence-FunctionsSecurityGroup"}]'}


def test_endpoints_that_bill_by_the_hour_come_when_asked_for() -> None:
    templates = alone(replace(settings_of("prod"), interface_endpoints=("sqs", "secretsmanager")), Egress)
    made = [one for _, _, one in templates.resources("AWS::EC2::VPCEndpoint")]
    assert [one["VpcEndpointType"] for one in made] == ["Interface", "Interface"] and all(
        one["PrivateDnsEnabled"] for one in made
    )
    (group,) = (group for _, _, group in templates.resources("AWS::EC2::SecurityGroup"))
    assert [rule["FromPort"] for rule in group["SecurityGroupIngress"]] == [443]


def test_rds_proxy_has_iam_on_both_sides_and_no_password(prod: Templates) -> None:
    assert list(prod.resources("AWS::RDS::DBProxy")) == [], "off until asked for"
    templates = alone(replace(settings_of("prod"), rds_proxy=True), Proxy)
    proxy = only(templates, "AWS::RDS::DBProxy")
    assert (proxy["DefaultAuthScheme"], proxy["RequireTLS"]) == ("IAM_AUTH", True) and "Auth" not in proxy
    assert "rds-db:connect" in text(only(templates, "AWS::IAM::Role"))
    with pytest.raises(Contradiction):
        replace(settings_of("dev"), rds_proxy=True)


def test_account_and_region_come_from_the_surroundings_only() -> None:
    settings = settings_of("prod")
    assert (settings.account, settings.region) == ("", "")
    told = placed(settings, {"region": "eu-west-1", "hosted_zone": "Z1"}, {"CDK_DEFAULT_ACCOUNT": "1", "CDK_DEFAULT_REGION": "x"})
    assert (told.account, told.region, told.front.hosted_zone) == ("1", "eu-west-1", "Z1")
    assert placed(settings_of("local"), {"region": "eu-west-1"}, {"CDK_DEFAULT_ACCOUNT": "1"}) == settings_of("local")


def test_where_the_database_pauses_functions_know_of_the_mark() -> None:
    from infra.constructs.grants import grant
    from oppulence.kernel.capabilities import Postgres
    from oppulence.kernel.pausing import MARK

    for stage, pauses in (("local", False), ("dev", True), ("staging", False), ("prod", False)):
        made = grant(Postgres("sync"), settings_of(stage))
        assert ("PAUSE_TABLE" in made.environment) == pauses, stage
        keys = [one["Condition"] for one in made.statements if "dynamodb:PutItem" in one["Action"]]
        assert keys == [{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [MARK]}}] * pauses, stage


def test_in_dev_aurora_goes_down_to_nothing_after_five_minutes(prod: Templates) -> None:
    scaling = only(alone(settings_of("dev"), Data), "AWS::RDS::DBCluster")["ServerlessV2ScalingConfiguration"]
    assert (scaling["MinCapacity"], scaling["SecondsUntilAutoPause"]) == (0, 300)
    assert "SecondsUntilAutoPause" not in only(prod, "AWS::RDS::DBCluster")["ServerlessV2ScalingConfiguration"]
