"""How the local cloud comes up: databases, migrations, Stripe, emulator, deployment, what the emulator forgot, front."""

import importlib
import importlib.util
import json
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.local import processes, synth
from infra.local.clickhouse import ClickHouse
from infra.local.deploy import Deployed, Target, deploy
from infra.local.emulator import Emulator
from infra.local.front import ISSUER_PATH, Settings
from infra.local.issuer import AUDIENCE
from infra.local.paths import DOMAIN, REPO
from infra.local.postgres import Postgres
from infra.local.processes import HOST
from infra.local.program import Program, Service
from infra.local.running import ClickHouseAccess, Cloud, load
from infra.local.stripe.fake import FakeStripe
from infra.local.watch import Settings as WatchSettings
from oppulence.kernel.migrate import contexts, migrate
from oppulence.kernel.oidc import DEVELOPMENT_ISSUER

CLICKHOUSE_SECRET = "ClickHouseSecretArn"  # the output of the stack that holds the secret
PACKAGE = DOMAIN / "oppulence"

# Called when they exist: (module, function). Each brings back what would otherwise be missing after a start.
MIGRATE_OLAP = ("oppulence.kernel.migrate_olap", "migrate")
REBUILD = ("infra.local.rebuild", "run")
REMEMBER = ("infra.local.rebuild", "remember")
CONNECT = ("infra.local.connect", "run")


@dataclass(frozen=True)
class Options:
    """How a cloud is started. `assembly` is one to deploy instead of the synthesized one."""

    root: Path
    assembly: Path | None = None
    watch: bool = False


class Boot:
    """The services of one cloud, in the order in which they start, and the steps between them."""

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        self.options = options
        self.say = say
        self.state = options.root.resolve() / ".local"
        self.postgres = Postgres(options.root)
        self.clickhouse = ClickHouse(options.root)
        self.stripe = FakeStripe(self.state)
        self.emulator = Emulator(options.root)
        self.front_port = processes.kept_port(self.state / "front.port")
        self.front_file = self.state / "front.json"
        self.watch_file = self.state / "watch.json"
        self.watch_ready = self.state / "watch.ready"
        self.services: dict[str, Service] = {
            "postgres": self.postgres,
            "clickhouse": self.clickhouse,
            "stripe": self.stripe,
            "emulator": self.emulator,
            "front": self.front(),
        }
        if options.watch:
            self.services["watch"] = Program(
                "infra.local.watch", self.watch_file, self.state / "watch.log", self.watch_ready.exists
            )

    @property
    def api_url(self) -> str:
        """The one base URL of all HTTP APIs."""
        return f"http://{HOST}:{self.front_port}"

    def front(self) -> Program:
        """The process behind the base URL."""
        return Program("infra.local.front", self.front_file, self.state / "front.log", lambda: processes.accepts(self.front_port))

    def start_all(self) -> Cloud:
        """Start every service and take every step; what has started is the caller's to stop when this raises."""
        with self.step("databases"):
            self.postgres.start()
            self.clickhouse.start()
        with self.step("migrations"):
            self.migrate()
        with self.step("local Stripe"):
            self.stripe.start()
        cloud = self.start_emulator()
        with self.step("front"):
            self.services["front"].start()
        cloud.save()
        if connect := hook(CONNECT):
            with self.step("connection to Stripe"):
                connect(cloud)
        if watch := self.services.get("watch"):
            with self.step("code watcher"):
                self.watch_ready.unlink(missing_ok=True)
                watch_settings = WatchSettings(cloud.emulator_url, str(REPO), str(self.watch_ready))
                watch_settings.write(self.watch_file)
                watch.start()
        return cloud

    def start(self, name: str) -> None:
        """Start one service again; the emulator comes back empty, so it is deployed to and filled again."""
        if name == "emulator":
            self.start_emulator().save()
        else:
            self.services[name].start()

    def stop(self, name: str) -> None:
        """Stop one service; what only the emulator knows is written down before it goes."""
        if name == "emulator" and self.emulator.running and (remember := hook(REMEMBER)):
            try:
                remember(load(self.options.root))
            except Exception:  # noqa: BLE001 - an emulator that is ill must stop all the same
                traceback.print_exc()
        self.services[name].stop()

    def migrate(self) -> None:
        """Bring both databases up to date and give the contexts' roles their passwords."""
        for applied in migrate(self.postgres.url, PACKAGE):
            self.say(f"  {applied}")
        self.postgres.set_passwords(contexts(PACKAGE))
        if migrate_olap := hook(MIGRATE_OLAP):
            import clickhouse_connect

            client = clickhouse_connect.get_client(**asdict(self.clickhouse_access()))
            for applied in migrate_olap(client, PACKAGE):
                self.say(f"  {applied}")
            client.close()

    def start_emulator(self) -> Cloud:
        """Start the emulator, deploy the assembly to it, and rebuild what it has forgotten."""
        with self.step("AWS emulator"):
            self.emulator.start()
        directory = self.options.assembly or synth.assembly(self.state, self.say)
        with self.step("deployment"):
            deployed = deploy(directory, Target(self.emulator.url, self.emulator.seed, self.overrides(), self.say))
        cloud = self.cloud(deployed)
        self.fill_clickhouse_secret(cloud)
        Settings(self.front_port, self.emulator.url, deployed.apis, str(self.state / "issuer.pem")).write(self.front_file)
        if rebuild := hook(REBUILD):
            with self.step("what the emulator forgot"):
                rebuild(cloud)
        return cloud

    def cloud(self, deployed: Deployed) -> Cloud:
        """The cloud as the hooks and the commands see it."""
        return Cloud(
            root=str(self.options.root.resolve()),
            api_url=self.api_url,
            emulator_url=self.emulator.url,
            postgres_url=self.postgres.url,
            clickhouse=self.clickhouse_access(),
            stripe_url=self.stripe.url,
            outputs=deployed.outputs,
        )

    def clickhouse_access(self) -> ClickHouseAccess:
        """Address and credentials of the analytical store."""
        at = self.clickhouse
        return ClickHouseAccess(at.host, at.port, at.username, at.password)

    def overrides(self) -> dict[str, str]:
        """Variables of functions that mean something else here than the template says."""
        issuer = f"{self.api_url}{ISSUER_PATH}"
        return {
            "PG_HOST": self.postgres.host,
            "PG_PORT": str(self.postgres.port),
            "PG_AUTH": "password",  # which libpq finds by PGPASSFILE
            "CLICKHOUSE_URL": self.clickhouse.url,
            "API_URL": self.api_url,
            "STRIPE_API_BASE": self.stripe.url,
            "OIDC_ISSUER": DEVELOPMENT_ISSUER,
            "OIDC_JWKS_URL": f"{issuer}/jwks.json",
            "OIDC_AUDIENCE": AUDIENCE,
        }

    def fill_clickhouse_secret(self, cloud: Cloud) -> None:
        """Put the analytical store's credentials where the template has a secret for them, as an operator does on AWS."""
        at = cloud.clickhouse
        for outputs in cloud.outputs.values():
            if arn := outputs.get(CLICKHOUSE_SECRET):
                value = json.dumps({"username": at.username, "password": at.password})
                cloud.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=value)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Say what is being done, and how long it took."""
        self.say(f"{name} ...")
        began = time.monotonic()
        yield
        self.say(f"{name} ready in {time.monotonic() - began:.1f} s")


def hook(name: tuple[str, str]) -> Callable[..., Any] | None:
    """A function by module and name, or None when the module is not there."""
    module, function = name
    if importlib.util.find_spec(module) is None:
        return None
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found
