"""What differs between stages. Everything else of the template is the same in all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from infra.front import Front
from infra.operations import Operations

Stage = Literal["local", "dev", "preview", "staging", "prod"]
STAGES: tuple[Stage, ...] = ("local", "dev", "preview", "staging", "prod")

DOMAIN = "oppulence.io"
PG_DATABASE = "oppulence"
PG_PORT = "5432"
CLOCK_PARAMETER = "/oppulence/clock"
DOORS = ("connections/receive_stripe_webhook", "connections/receive_workspace_stripe_webhook")
"""What must not fail while a deployment goes on: providers give up on a webhook, callers of the API try again."""


class UnknownStage(ValueError):
    """The stage asked for is none of ours."""


class Contradiction(ValueError):
    """Two settings exclude each other."""


@dataclass(frozen=True)
class Settings:
    """One stage, in an AWS account of its own: physical names carry no stage.

    `account` and `region` come from the surroundings and are never written here; empty, they are those of the credentials that
    deploy. `interface_endpoints` names AWS services (`sqs`, `events`, `kms`, …) that functions reach without the NAT gateway,
    each billed by the hour and zone. `rds_proxy` puts RDS Proxy between functions and PostgreSQL, with IAM on both sides.

    ClickHouse is supplied at deploy: its URL, and the name of a secret that its operator made. Without a URL the platform
    runs without it. `stripe_event_sources` are partner event sources that customers' Stripe accounts have made in this AWS
    account, by their names (`aws.partner/stripe.com/ed_…`): each is taken up with the next deployment.

    `rollback` and `snap_start` name functions as `<context>/<name>`: versions behind an alias, whose deployments undo
    themselves when alarms go off, or which start from a snapshot.
    """

    stage: Stage
    api_url: str
    oidc_issuer: str
    oidc_jwks_url: str
    oidc_audience: str = DOMAIN
    mail_from: str = f"billing@mail.{DOMAIN}"
    default_plan: str = "free"
    clickhouse_url: str = ""
    clickhouse_secret: str = "oppulence/clickhouse"
    stripe_api_base: str = "https://api.stripe.com"
    stripe_event_sources: tuple[str, ...] = ()
    rollback: tuple[str, ...] = ()
    snap_start: tuple[str, ...] = ()
    log_retention_days: int = 90
    keep_data: bool = True
    virtual_clock: bool = False
    down_visibility_s: int = 60
    aurora: bool = True
    aurora_min_acu: float = 0.5
    aurora_max_acu: float = 16
    nat_gateways: int = 1
    build_layers: bool = True
    account: str = ""
    region: str = ""
    interface_endpoints: tuple[str, ...] = ()
    rds_proxy: bool = False
    front: Front = Front()
    operations: Operations = Operations()

    def __post_init__(self) -> None:
        if self.rds_proxy and self.database_pauses:
            raise Contradiction("RDS Proxy keeps connections open: with it the database never pauses")

    @property
    def is_local(self) -> bool:
        """Whether this is the laptop's cloud."""
        return self.stage == "local"

    @property
    def database_pauses(self) -> bool:
        """Whether Aurora may go down to nothing, so that nothing of ours may keep it awake."""
        return self.aurora and self.aurora_min_acu == 0

    @property
    def api_host(self) -> str:
        """The API's domain."""
        return self.api_url.partition("://")[2]


def settings_of(stage: str) -> Settings:
    """The settings of a stage.

    Raises:
        UnknownStage: there is no such stage.
    """
    match stage:
        case "local":
            # The laptop's deployer puts its own addresses where these stand.
            return Settings(
                "local", api_url="http://127.0.0.1", oidc_issuer="oppulence-development", oidc_jwks_url="http://127.0.0.1",
                oidc_audience="oppulence", default_plan="business", stripe_api_base="http://127.0.0.1",
                clickhouse_secret="oppulence/local/clickhouse", log_retention_days=1, keep_data=False, virtual_clock=True,
                down_visibility_s=5, aurora=False, build_layers=False,
            )  # fmt: skip
        case "dev" | "preview":
            # Aurora pauses when nobody works. A preview is one pull request's, and gone with it.
            shared = _remote(stage, f"{stage}.{DOMAIN}")
            lock = 0 if stage == "preview" else 1
            operations = Operations(backup_days=1, audit_lock_days=lock, monthly_budget_usd=100, canary_minutes=0)
            return replace(
                shared, log_retention_days=14, keep_data=False, virtual_clock=True, aurora_min_acu=0, aurora_max_acu=2,
                operations=operations,
            )  # fmt: skip
        case "staging":
            operations = Operations(audit_lock_days=30, monthly_budget_usd=400, canary_minutes=15)
            return replace(
                _remote("staging", f"staging.{DOMAIN}"), log_retention_days=30, aurora_max_acu=4, operations=operations,
                rollback=DOORS,
            )  # fmt: skip
        case "prod":
            operations = Operations(monthly_budget_usd=3_000)
            return replace(_remote("prod", DOMAIN), nat_gateways=2, aurora_max_acu=64, operations=operations, rollback=DOORS)
    raise UnknownStage(f"there is no stage '{stage}': name one of {', '.join(STAGES)}")


def placed(settings: Settings, context: Mapping[str, str], environment: Mapping[str, str]) -> Settings:
    """The settings with what no repository should hold: from `-c account=…`, `-c region=…` and the like, else from the CLI."""
    if settings.is_local:
        return settings
    return replace(
        settings,
        account=context.get("account") or environment.get("CDK_DEFAULT_ACCOUNT", ""),
        region=context.get("region") or environment.get("CDK_DEFAULT_REGION", ""),
        operations=settings.operations.in_region(context.get("standby", "")),
        front=replace(
            settings.front, hosted_zone=context.get("hosted_zone", ""), api_origin=context.get("api_origin", "")
        ),
    )  # fmt: skip


def _remote(stage: Stage, domain: str) -> Settings:
    issuer = f"https://auth.{domain}"
    return Settings(
        stage, api_url=f"https://api.{domain}", oidc_issuer=issuer, oidc_jwks_url=f"{issuer}/.well-known/jwks.json",
        mail_from=f"billing@mail.{domain}", front=Front(cors_origins=(f"https://app.{domain}",)),
    )  # fmt: skip
