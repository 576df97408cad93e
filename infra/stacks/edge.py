"""What the world sees of the API: CloudFront, its firewall, its domain. In AWS's global region, not on the laptop."""

from typing import Any

from aws_cdk import App
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_route53 as route53

from infra.constructs.certificate import certificate
from infra.constructs.firewall import Firewall
from infra.front import GLOBAL_REGION
from infra.names import ORIGIN_SECRET, PREFIX, export, imported, mapping_key
from infra.settings import Settings
from infra.stacks.base import PlatformStack
from oppulence.kernel.drop_in import DROP_INS

Distribution = cloudfront.CfnDistribution
NOTHING_CACHED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""AWS's managed cache policy CachingDisabled."""

CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
"""The hosted zone of every CloudFront distribution, a constant of AWS."""

SECRET_HEADER = "X-Origin-Secret"
VIEWER_HEADER = "CloudFront-Viewer-Address"
ORIGIN_TIMEOUT_S = 35
"""A little longer than the HTTP API's thirty seconds: then it is the API that says so."""

TWO_YEARS_S = 63_072_000


class Edge(PlatformStack):
    """One distribution that caches nothing and adds three things: the firewall, security headers, and the secret header.

    Paths of a drop-in surface go to the same domain below another path, where its own API stands.
    """

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, "edge", settings, "CloudFront, its firewall and its domain", GLOBAL_REGION)
        behavior = self._behavior()
        distribution = Distribution(
            self,
            "Distribution",
            distribution_config=Distribution.DistributionConfigProperty(
                enabled=True,
                comment=PREFIX,
                aliases=[settings.api_host],
                http_version="http2and3",
                ipv6_enabled=True,
                price_class=settings.front.price_class,
                web_acl_id=Firewall(self, settings).arn,
                viewer_certificate=Distribution.ViewerCertificateProperty(
                    acm_certificate_arn=certificate(self, settings),
                    minimum_protocol_version="TLSv1.2_2021",
                    ssl_support_method="sni-only",
                ),
                origins=[self._origin("api"), *(self._origin(one.name, f"/{mapping_key(one)}") for one in DROP_INS)],
                default_cache_behavior=Distribution.DefaultCacheBehaviorProperty(target_origin_id="api", **behavior),
                cache_behaviors=[
                    Distribution.CacheBehaviorProperty(path_pattern=f"{one.prefix}*", target_origin_id=one.name, **behavior)
                    for one in DROP_INS
                ],
            ),
        )
        export(self, "DistributionDomain", distribution.attr_domain_name)
        if settings.front.hosted_zone:
            self._records(distribution.attr_domain_name)

    def _origin(self, id_: str, path: str | None = None) -> Distribution.OriginProperty:
        secret = f"{{{{resolve:secretsmanager:{ORIGIN_SECRET}:SecretString:current}}}}"
        return Distribution.OriginProperty(
            id=id_,
            origin_path=path,
            domain_name=self.settings.front.api_origin or imported("ApiOrigin"),
            custom_origin_config=Distribution.CustomOriginConfigProperty(
                origin_protocol_policy="https-only", origin_ssl_protocols=["TLSv1.2"], origin_read_timeout=ORIGIN_TIMEOUT_S,
                origin_keepalive_timeout=60,
            ),
            origin_custom_headers=[
                Distribution.OriginCustomHeaderProperty(header_name=SECRET_HEADER, header_value=secret)
            ],
        )  # fmt: skip

    def _behavior(self) -> dict[str, Any]:
        return {
            "viewer_protocol_policy": "https-only", "compress": True, "cache_policy_id": NOTHING_CACHED,
            "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"],
            "origin_request_policy_id": self._request_policy(), "response_headers_policy_id": self._response_headers(),
        }  # fmt: skip

    def _request_policy(self) -> str:
        """All of the viewer's headers, Host included, which is the API's own name; and its address, which CloudFront knows."""
        policy = cloudfront.CfnOriginRequestPolicy
        return policy(
            self, "RequestPolicy",
            origin_request_policy_config=policy.OriginRequestPolicyConfigProperty(
                name=f"{PREFIX}-request", comment="All that the viewer sent, and its address",
                headers_config=policy.HeadersConfigProperty(
                    header_behavior="allViewerAndWhitelistCloudFront", headers=[VIEWER_HEADER]
                ),
                cookies_config=policy.CookiesConfigProperty(cookie_behavior="all"),
                query_strings_config=policy.QueryStringsConfigProperty(query_string_behavior="all"),
            ),
        ).ref  # fmt: skip

    def _response_headers(self) -> str:
        """What a route says of its own page stands; HSTS is the same everywhere."""
        policy = cloudfront.CfnResponseHeadersPolicy
        return policy(
            self, "ResponseHeaders",
            response_headers_policy_config=policy.ResponseHeadersPolicyConfigProperty(
                name=f"{PREFIX}-security", comment="Security headers",
                security_headers_config=policy.SecurityHeadersConfigProperty(
                    strict_transport_security=policy.StrictTransportSecurityProperty(
                        access_control_max_age_sec=TWO_YEARS_S, include_subdomains=True, preload=True, override=True
                    ),
                    content_type_options=policy.ContentTypeOptionsProperty(override=True),
                    frame_options=policy.FrameOptionsProperty(frame_option="DENY", override=False),
                    referrer_policy=policy.ReferrerPolicyProperty(referrer_policy="no-referrer", override=False),
                    content_security_policy=policy.ContentSecurityPolicyProperty(
                        content_security_policy="default-src 'none'; frame-ancestors 'none'", override=False
                    ),
                ),
            ),
        ).ref  # fmt: skip

    def _records(self, target: str) -> None:
        alias = route53.CfnRecordSet.AliasTargetProperty(dns_name=target, hosted_zone_id=CLOUDFRONT_ZONE)
        for kind in ("A", "AAAA"):
            route53.CfnRecordSet(
                self, f"Record{kind}", name=self.settings.api_host, type=kind, hosted_zone_id=self.settings.front.hosted_zone,
                alias_target=alias,
            )  # fmt: skip
