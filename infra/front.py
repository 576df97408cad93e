"""Settings of what stands between callers and the API: addresses, origins of browsers, CloudFront and its firewall."""

from dataclasses import dataclass

GLOBAL_REGION = "us-east-1"
"""Where AWS takes what belongs to CloudFront: its certificate, its firewall and, here, all that surrounds it."""

OPEN_PATHS = ("/v1/webhooks/", "/v1/events", "/openmeter/")
"""Beginnings of paths whose doors have limits of their own: providers call from few addresses, with whatever bodies."""

PREFIX_TAG = "path-prefix"
"""On an HTTP API: which paths of the one base URL are its own, for the laptop's front; all others without it."""


@dataclass(frozen=True)
class Front:
    """How the API meets the internet.

    `hosted_zone` is the id of a Route 53 zone of the API's domain: then its certificate is proved and its records are written
    by the deployment. Without it both wait for a person, who finds the record to make in the certificate and the target in the
    outputs. `api_origin` is needed only in another region than CloudFront's own: the output `ApiOrigin` of the API's stack,
    which CloudFormation cannot hand across regions. Rates are requests of one address in five minutes.
    """

    cors_origins: tuple[str, ...] = ()
    api_rate: float = 2_000
    api_burst: int = 4_000
    rate_per_address: int = 6_000
    hosted_zone: str = ""
    api_origin: str = ""
    price_class: str = "PriceClass_100"
