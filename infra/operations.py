"""Settings of keeping and watching data: backups, copies in another region, who is told, what it may cost."""

from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

Standby = Literal["", "waiting", "serving"]


@dataclass(frozen=True)
class Originals:
    """ARNs of the first region's key and secrets, from the outputs of its stack `data`. A copy's differs in its region only."""

    data_key: str
    kernel_secret: str
    admin_secret: str


@dataclass(frozen=True)
class Operations:
    """How one stage is kept and watched.

    `second_region` names the region that gets copies; the copies are made by the same app, deployed there with
    `-c standby=waiting`, which needs `originals`, and serves after `-c standby=serving` (runbook second_region).
    `reader` gives routes that declare `replica=True` Aurora's reader endpoint.
    `clickhouse_service` is the name of ClickHouse's endpoint service (PrivateLink); public TLS without it.
    `clickhouse_backups` is the S3 URL that ClickHouse's own operator lets it write to, `clickhouse_backup_role` the role
    it takes for that. `pages` are e-mail addresses, `slack` is `<team>/<channel>`.
    """

    backup_days: int = 35
    cold_after_days: int = 90
    audit_lock_days: int = 2_557
    archive_days: int = 30
    second_region: str = ""
    standby: Standby = ""
    originals: Originals | None = None
    reader: bool = False
    clickhouse_service: str = ""
    clickhouse_backups: str = ""
    clickhouse_backup_role: str = ""
    schema_registry: bool = True
    pages: tuple[str, ...] = ()
    slack: str = ""
    monthly_budget_usd: int = 1_000
    canary_minutes: int = 5

    def __post_init__(self) -> None:
        if self.standby not in get_args(Standby):
            raise ValueError(f"standby is 'waiting' or 'serving', not '{self.standby}'")

    def in_region(self, standby: str) -> "Operations":
        """The same, in the second region when `standby` says so."""
        return replace(self, standby=cast("Standby", standby))

    @property
    def has_copies(self) -> bool:
        """Whether this deployment, the first region's, is copied to a second one."""
        return bool(self.second_region) and not self.standby
