"""Settings of keeping and watching data: backups, copies in another region, who is told, what it may cost."""

from dataclasses import dataclass
from typing import Literal

Standby = Literal["", "waiting", "serving"]


@dataclass(frozen=True)
class Operations:
    """How one stage is kept and watched.

    `second_region` names the region that gets copies; the copies are made by the same app, deployed there with
    `-c standby=waiting`, and it serves after `-c standby=serving` (runbook second_region). Both are off until asked for: they cost.
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
    reader: bool = False
    clickhouse_service: str = ""
    clickhouse_backups: str = ""
    clickhouse_backup_role: str = ""
    schema_registry: bool = True
    pages: tuple[str, ...] = ()
    slack: str = ""
    monthly_budget_usd: int = 1_000
    canary_minutes: int = 5

    @property
    def has_copies(self) -> bool:
        """Whether this deployment, the first region's, is copied to a second one."""
        return bool(self.second_region) and not self.standby
