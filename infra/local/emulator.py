"""The AWS emulator as a child process: loopback only, IAM enforced, nothing of the user's shell but PATH."""

import os
import secrets
import shutil
import signal
import sys
import urllib.request
from pathlib import Path
from urllib.error import URLError

from infra.local import processes
from infra.local.paths import DOMAIN, REPO

ACCOUNT = "000000000000"
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}  # the emulator's root; functions get roles
IDLE_WORKER_S = 60
START_S = 30


class Emulator:
    """ministack over a state directory: `start()` it from the main thread, stop it with `stop()`."""

    def __init__(self, state: Path) -> None:
        self.home = state / "emulator"
        self.log = state / "logs" / "emulator.log"
        self.seed = state / "keys.seed"  # outside `home`: losing it makes every ciphertext in PostgreSQL unreadable
        self.pgpass = state / "pgpass"
        self.port = processes.kept_port(self.home / "port")
        self.child: processes.Child | None = None

    @property
    def url(self) -> str:
        return f"http://{processes.HOST}:{self.port}"

    def start(self) -> processes.Child:
        """Start it empty, and wait until it answers.

        Raises:
            ChildError: it died, for instance because a patch no longer fits, or took longer than 30 s.
        """
        shutil.rmtree(self.home / "tmp", ignore_errors=True)  # unpacked functions of workers that were killed
        for folder in ("tmp", "state"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        keep_seed(self.seed)
        argv = [sys.executable, "-m", "infra.local.emulator_main", str(self.seed)]
        self.child = processes.start("emulator", argv, self.log, processes.Launch(env=self.environment(), cwd=REPO))
        processes.wait_ready(self.child, self.ready, START_S)
        return self.child

    def stop(self) -> None:
        """Stop it and its workers, which end when their parent does."""
        if self.child is not None:
            processes.stop(self.child, signal.SIGTERM, timeout_s=5)

    def ready(self) -> bool:
        """Whether it answers its health check."""
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

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
            "PGPASSFILE": str(self.pgpass),
            **CREDENTIALS,
        }


def keep_seed(file: Path) -> None:
    """Make the seed of the emulator's keys on first use; only its owner may read it."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(secrets.token_bytes(32))
