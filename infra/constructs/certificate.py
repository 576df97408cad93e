"""The certificate of the API's domain. CloudFront needs one in its region, and the API one in its own."""

from aws_cdk import aws_certificatemanager as acm
from constructs import Construct

from infra.settings import Settings


def certificate(scope: Construct, settings: Settings) -> str:
    """ARN of a certificate of the API's domain; until its record stands in the zone, the deployment waits for it."""
    option = acm.CfnCertificate.DomainValidationOptionProperty(
        domain_name=settings.api_host, hosted_zone_id=settings.front.hosted_zone
    )
    made = acm.CfnCertificate(
        scope, "Certificate", domain_name=settings.api_host, validation_method="DNS", key_algorithm="RSA_2048",
        domain_validation_options=[option] if settings.front.hosted_zone else None,
    )  # fmt: skip
    return made.ref
