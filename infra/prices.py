"""List prices of AWS in US dollars. Copied by hand and checked against nothing here: read AWS's pages before relying on a sum."""

from typing import NamedTuple

REGION = "us-east-1"
AS_OF = "2025-06"
HOURS = 730
"""Of a month, as AWS counts."""

MILLION = 1_000_000


class Price(NamedTuple):
    """What one unit costs."""

    usd: float
    unit: str


PRICES = {
    "nat_gateway": Price(0.045, "hour"),
    "nat_gb": Price(0.045, "GB"),
    "public_address": Price(0.005, "hour"),
    "interface_endpoint": Price(0.01, "hour and zone"),
    "aurora_acu": Price(0.12, "ACU and hour"),
    "rds_proxy_acu": Price(0.015, "ACU and hour, 8 at least"),
    "kms_key": Price(1.0, "month"),
    "secret": Price(0.40, "month and region"),
    "waf_acl": Price(5.0, "month"),
    "waf_rule": Price(1.0, "month"),
    "waf_request": Price(0.60 / MILLION, "request"),
    "cloudfront_request": Price(0.01 / 10_000, "HTTPS request"),
    "cloudfront_gb": Price(0.085, "GB out"),
    "http_api_request": Price(1.0 / MILLION, "request"),
    "lambda_request": Price(0.20 / MILLION, "invocation"),
    "lambda_gb_s": Price(0.0000133334, "GB and second, arm64"),
    "dynamodb_write": Price(0.625 / MILLION, "write of 1 KB"),
    "dynamodb_read": Price(0.125 / MILLION, "read of 4 KB"),
    "event": Price(1.0 / MILLION, "event of 64 KB"),
    "sqs_request": Price(0.40 / MILLION, "request"),
    "log_gb": Price(0.50, "GB taken in"),
    "trace": Price(5.0 / MILLION, "trace"),
    "alarm": Price(0.10, "month"),
    "composite_alarm": Price(0.50, "month"),
    "dashboard": Price(3.0, "month, beyond three"),
    "canary_run": Price(0.0012, "run"),
}
