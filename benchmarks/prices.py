"""What AWS asks for in us-east-1, on demand, in dollars, without any free tier, as looked up on ``DAY``."""

from __future__ import annotations

from typing import NamedTuple

DAY = "2026-11-22"


class Price(NamedTuple):
    """``each``: of one ``unit``."""

    what: str
    unit: str
    each: float
    source: str

    @property
    def told(self) -> str:
        """By the million where one is too little to be written out."""
        return f"${self.each * 1e6:g} a million" if self.each < 0.001 else f"${self.each:g}"


_MILLION = 1e-6

WRITE = Price(
    "DynamoDB write request unit",
    "WCU",
    0.625 * _MILLION,
    "https://aws.amazon.com/dynamodb/pricing/on-demand/, as quoted by "
    "https://airbyte.com/data-engineering-resources/dynamodb-pricing",
)
READ = WRITE._replace(what="DynamoDB read request unit", unit="RCU", each=0.125 * _MILLION)
TRANSITION = Price(
    "Step Functions transition, standard",
    "transitions",
    25 * _MILLION,
    "https://aws.amazon.com/step-functions/pricing/",
)
INVOCATION = Price(
    "Lambda request",
    "requests",
    0.20 * _MILLION,
    "https://cloudchipr.com/blog/aws-lambda-pricing, after AWS's own page",
)
GB_SECOND = INVOCATION._replace(what="Lambda arm64 GB-second", unit="GB-s", each=13.3334 * _MILLION)
REQUEST = Price(
    "API Gateway HTTP API request, of 512 KB",
    "requests",
    1.00 * _MILLION,
    "https://docs.aws.amazon.com/whitepapers/latest/best-practices-api-gateway-private-apis-integration/"
    "cost-optimization.html",
)
LOG = Price(
    "CloudWatch Logs, a KB taken in",
    "KB",
    0.50 * _MILLION,
    "https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/",
)
TRACE = Price("X-Ray trace recorded", "traces", 5 * _MILLION, "https://aws.amazon.com/xray/pricing/")
ALARM = LOG._replace(what="CloudWatch alarm, a month", unit="alarms", each=0.10)
METRIC = LOG._replace(
    what="CloudWatch metric of our own, a month",
    unit="metrics",
    each=0.30,
    source="https://signoz.io/guides/cloudwatch-pricing",
)
KEY = Price("KMS key, a month", "key", 1.00, "https://cloudburn.io/blog/aws-kms-pricing")
SECRET = Price(
    "Secrets Manager secret, a month",
    "secret",
    0.40,
    "https://hivebook.wiki/wiki/aws-secrets-manager-rotated-secrets-dynamic-db-credentials-kms",
)

EVERY = (WRITE, READ, TRANSITION, INVOCATION, GB_SECOND, REQUEST, LOG, TRACE, ALARM, METRIC, KEY, SECRET)
