"""The firewall in front of CloudFront: rules of AWS against known attacks, and a rate for each address."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from infra.front import OPEN_PATHS
from infra.names import PREFIX, named
from infra.settings import Settings

Acl = wafv2.CfnWebACL
EVERYWHERE = ("AWSManagedRulesAmazonIpReputationList",)
"""These look at the address alone."""

BODIES = ("AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesSQLiRuleSet")
"""These look into bodies and at sizes."""

COUNTED = {"AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY", "NoUserAgent_HEADER")}
"""Routes say themselves how large a body may be, up to 256 KB where AWS's rule says 8; and programs need no user agent."""

SECRET_HEADERS = ("authorization", "cookie")
RATE = "Rate"


class Firewall(Construct):
    """A web ACL of the scope CLOUDFRONT, and a log of what it stopped."""

    def __init__(self, scope: Construct, settings: Settings) -> None:
        super().__init__(scope, "Firewall")
        groups = [*EVERYWHERE, *BODIES]
        rate = Acl.RateBasedStatementProperty(
            aggregate_key_type="IP",
            limit=settings.front.rate_per_address,
            evaluation_window_sec=300,
            scope_down_statement=_closed(),
        )
        rules = [
            Acl.RuleProperty(
                name=RATE, priority=0, action=Acl.RuleActionProperty(block=Acl.BlockActionProperty()),
                statement=Acl.StatementProperty(rate_based_statement=rate), visibility_config=_seen(RATE),
            ),
            *(_managed(name, number) for number, name in enumerate(groups, 1)),
        ]  # fmt: skip
        acl = Acl(
            self, "Acl", name=PREFIX, scope="CLOUDFRONT", description="In front of the API",
            default_action=Acl.DefaultActionProperty(allow=Acl.AllowActionProperty()), rules=rules,
            visibility_config=_seen(PREFIX),
        )  # fmt: skip
        self.arn = acl.attr_arn
        self._log(acl, settings)

    def _log(self, acl: wafv2.CfnWebACL, settings: Settings) -> None:
        """AWS demands that the group's name begins so. Keys stand in a header, and are left out."""
        group = logs.CfnLogGroup(
            self, "Log", log_group_name=f"aws-waf-logs-{named('front')}", retention_in_days=settings.log_retention_days
        )
        group.apply_removal_policy(RemovalPolicy.RETAIN if settings.keep_data else RemovalPolicy.DESTROY)
        stopped = {
            "DefaultBehavior": "DROP",
            "Filters": [
                {"Behavior": "KEEP", "Requirement": "MEETS_ANY",
                 "Conditions": [{"ActionCondition": {"Action": action}} for action in ("BLOCK", "COUNT")]}
            ],
        }  # fmt: skip
        wafv2.CfnLoggingConfiguration(
            self, "Logging", resource_arn=acl.attr_arn, log_destination_configs=[group.attr_arn], logging_filter=stopped,
            redacted_fields=[
                wafv2.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": name}) for name in SECRET_HEADERS
            ],
        )  # fmt: skip


def _managed(name: str, priority: int) -> Acl.RuleProperty:
    group = Acl.ManagedRuleGroupStatementProperty(
        vendor_name="AWS",
        name=name,
        scope_down_statement=_closed() if name in BODIES else None,
        rule_action_overrides=[
            Acl.RuleActionOverrideProperty(name=rule, action_to_use=Acl.RuleActionProperty(count={}))
            for rule in COUNTED.get(name, ())
        ]
        or None,
    )
    return Acl.RuleProperty(
        name=name, priority=priority, override_action=Acl.OverrideActionProperty(none={}),
        statement=Acl.StatementProperty(managed_rule_group_statement=group), visibility_config=_seen(name),
    )  # fmt: skip


def _closed() -> Acl.StatementProperty:
    """All paths but those whose doors have their own limits. The path is matched as the API would match it: undecoded."""
    beginnings = [
        Acl.StatementProperty(
            byte_match_statement=Acl.ByteMatchStatementProperty(
                field_to_match=Acl.FieldToMatchProperty(uri_path={}), positional_constraint="STARTS_WITH", search_string=path,
                text_transformations=[Acl.TextTransformationProperty(priority=0, type="NONE")],
            )
        )
        for path in OPEN_PATHS
    ]  # fmt: skip
    any_of = Acl.StatementProperty(or_statement=Acl.OrStatementProperty(statements=beginnings))
    return Acl.StatementProperty(not_statement=Acl.NotStatementProperty(statement=any_of))


def _seen(name: str) -> Acl.VisibilityConfigProperty:
    return Acl.VisibilityConfigProperty(cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False)
