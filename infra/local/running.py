"""What a running cloud is made of, for the hooks that fill it and for the commands that use it."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra.local.aws import session
from infra.local.pgpass import write_secret


@dataclass(frozen=True)
class ClickHouseAccess:
    """How to reach the analytical store: `clickhouse_connect.get_client(**asdict(access))`."""

    host: str
    port: int
    username: str
    password: str


@dataclass(frozen=True)
class Cloud:
    """A running cloud: its addresses, with credentials, and what the stacks gave out."""

    root: str
    api_url: str
    emulator_url: str
    postgres_url: str
    clickhouse: ClickHouseAccess
    stripe_url: str = ""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)  # by stack, then by output

    @property
    def state(self) -> Path:
        """The directory that holds all files of this cloud."""
        return Path(self.root) / ".local"

    @property
    def clickhouse_url(self) -> str:
        """With credentials, for scripts."""
        at = self.clickhouse
        return f"http://{at.username}:{at.password}@{at.host}:{at.port}"

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator, as its root user."""
        maker: Any = session()  # the stubs know each service by a literal
        return maker.client(service, endpoint_url=self.emulator_url)

    def save(self) -> None:
        """Keep it for `load`, and its addresses for scripts in `dev.json`, whose other entries stay."""
        write_secret(self.state / "cloud.json", json.dumps(asdict(self), indent=2))
        write_dev_json(
            self.state,
            api_url=self.api_url,
            postgres_url=self.postgres_url,
            clickhouse_url=self.clickhouse_url,
            emulator_url=self.emulator_url,
        )


def load(root: Path) -> Cloud:
    """The cloud of this checkout, as it was last started.

    Raises:
        FileNotFoundError: it never was.
    """
    kept = json.loads((root / ".local" / "cloud.json").read_text())
    return Cloud(**kept | {"clickhouse": ClickHouseAccess(**kept["clickhouse"])})


def read_dev_json(state: Path) -> dict[str, Any]:
    """What scripts find in `dev.json`; nothing before the first start."""
    file = state / "dev.json"
    kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return kept


def write_dev_json(state: Path, **entries: object) -> None:
    """Change entries of `dev.json`; it holds keys, so only its owner may read it."""
    write_secret(state / "dev.json", json.dumps(read_dev_json(state) | entries, indent=2) + "\n")
