"""A ClickHouse on the laptop: the embedded engine `chdb` behind the HTTP interface that drivers expect.

No package carries a current server, so one process of our own, `clickhouse_bridge`, owns the engine and its data. It
runs in an environment of its own, `.local/olap` of the checkout: chdb drags pandas in, which would cost every local
function a second. State stands under `.local/` of the root: `clickhouse/` (data), `clickhouse.port`, `clickhouse.log`,
`clickhouse.password` (0600).
"""

import os
import secrets
import signal
from pathlib import Path

from infra.local import processes
from infra.local.paths import REPO
from infra.local.pgpass import write_secret
from infra.local.processes import HOST, Child, ChildError, Launch

PYTHON = REPO / ".local" / "olap" / "bin" / "python"
USER = "default"  # the engine knows no other
START_S = 30


class ClickHouse:
    """One engine for one checkout; its data survive stop, start and a crash. `root` is what holds `.local`."""

    host = HOST
    username = USER

    def __init__(self, root: Path) -> None:
        self.state = root.resolve() / ".local"
        self.log = self.state / "clickhouse.log"
        self._port_file = self.state / "clickhouse.port"
        self._password_file = self.state / "clickhouse.password"
        self._child: Child | None = None

    @property
    def port(self) -> int:
        """The port of the last start; it changes only when another process took it meanwhile."""
        return int(self._port_file.read_text())

    @property
    def password(self) -> str:
        return self._password_file.read_text()

    @property
    def url(self) -> str:
        """Where clients go, without credentials."""
        return f"http://{HOST}:{self.port}"

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    def start(self) -> None:
        """Start the engine; returns when it answers.

        Raises:
            ChildError: it did not start; the message ends with the log.
        """
        if self.running:
            return
        if not PYTHON.exists():
            raise ChildError(f"{PYTHON} is missing: run make setup")
        self.state.mkdir(parents=True, exist_ok=True)
        if not self._password_file.exists():
            write_secret(self._password_file, secrets.token_hex(24))
        port = processes.usable_port(self._port_file)
        argv: list[str | Path] = [
            PYTHON,
            "-m",
            "infra.local.clickhouse_bridge",
            "--data",
            self.state / "clickhouse",
            "--port",
            str(port),
        ]
        argv += ["--user", USER, "--password-file", self._password_file]
        how = Launch(cwd=REPO, env=os.environ | {"TZ": "UTC", "PYTHONPATH": str(REPO)})
        child = processes.start("ClickHouse", argv, self.log, how)
        try:
            processes.wait_ready(child, lambda: processes.accepts(port), START_S)
        except ChildError:
            processes.stop(child)
            raise
        self._port_file.write_text(str(port))
        self._child = child

    def stop(self) -> None:
        """Let running queries end, then write everything out."""
        if self._child is not None:
            processes.stop(self._child, signal.SIGTERM)
            self._child = None

    def kill(self) -> None:
        """SIGKILL the engine, as a crash would; `start` recovers what it acknowledged."""
        if self._child is not None:
            processes.kill(self._child)
            self._child = None
