"""The AWS emulator as a child process: loopback only, IAM enforced, nothing of the user's shell but PATH."""

import http.client
import os
import secrets
import shutil
import signal
import sys
from pathlib import Path

from infra.local import processes
from infra.local.paths import DOMAIN, REPO

ACCOUNT = "000000000000"
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}  # the emulator's root; functions get roles
IDLE_WORKER_S = 60
START_S = 30


class Emulator:
    """One emulator for one checkout; `root` is the directory that holds `.local`. It starts empty, every time.

    State: `emulator/` (scratch), `emulator.port`, `emulator.log`, `functions.log` (what functions print), and
    `keys.seed`, whose loss makes every ciphertext in PostgreSQL unreadable.
    """

    def __init__(self, root: Path) -> None:
        self.state = root.resolve() / ".local"
        self.home = self.state / "emulator"
        self.log = self.state / "emulator.log"
        self.seed_file = self.state / "keys.seed"
        self._port_file = self.state / "emulator.port"
        self._child: processes.Child | None = None

    @property
    def port(self) -> int:
        """The port of the last start; it changes only when another process took it meanwhile."""
        return int(self._port_file.read_text())

    @property
    def url(self) -> str:
        return f"http://{processes.HOST}:{self.port}"

    @property
    def seed(self) -> bytes:
        """What keys and generated secrets are derived from."""
        return self.seed_file.read_bytes()

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None else None

    def start(self) -> None:
        """Start it and wait until it answers; call this from the main thread.

        Raises:
            ChildError: it died, for instance because a patch no longer fits, or took longer than 30 s.
        """
        if self.running:
            return
        shutil.rmtree(self.home / "tmp", ignore_errors=True)  # unpacked functions of workers that were killed
        for folder in ("tmp", "state"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        keep_seed(self.seed_file)
        processes.kept_port(self._port_file)
        argv = [sys.executable, "-m", "infra.local.emulator_main", str(self.seed_file), str(self.state / "functions.log")]
        self._child = processes.start("emulator", argv, self.log, processes.Launch(env=self.environment(), cwd=REPO))
        try:
            processes.wait_ready(self._child, self.ready, START_S)
        except processes.ChildError:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it and its workers, which end when their parent does."""
        if self._child is not None:
            processes.stop(self._child, signal.SIGTERM, timeout_s=5)
            self._child = None

    def kill(self) -> None:
        """SIGKILL it, as a crash would; what it held is gone, and the next start needs a deployment."""
        if self._child is not None:
            processes.kill(self._child)
            self._child = None

    def ready(self) -> bool:
        """Whether it answers its health check."""
        connection = http.client.HTTPConnection(processes.HOST, self.port, timeout=1)  # no proxy of the user's
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def environment(self) -> dict[str, str]:
        """What the emulator and, through it, every function sees of this machine."""
        return {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(self.home / "tmp"),
            "STATE_DIR": str(self.home / "state"),
            "BIND_HOST": processes.HOST,
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",  # would listen on 8883
            "SFTP_ENABLED": "0",
            "AUTH": "true",
            "LAMBDA_EXECUTOR": "local",
            "LAMBDA_WARM_TTL_SECONDS": str(IDLE_WORKER_S),
            "LOG_LEVEL": "INFO",
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "PYTHONPATH": str(DOMAIN),  # functions import domain code straight from the tree
            "PYTHONUTF8": "1",
            "PGPASSFILE": str(self.state / "pgpass"),
            **CREDENTIALS,
        }


def keep_seed(file: Path) -> None:
    """Make the seed of the emulator's keys on first use; only its owner may read it."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(secrets.token_bytes(32))
