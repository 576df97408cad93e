"""Makes the environments of a checkout from its lock files: `python3 infra/local/setup.py`. Standard library only.

Each step is skipped when what it was made from has not changed since; then the whole takes a fraction of a second.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
STATE = REPO / ".local"
VENV = REPO / ".venv"
OLAP = STATE / "olap"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
UV_VERSION = "0.13.8"
OLDEST = (3, 11)
NODE_OLDEST = 20
COMMAND = """#!/bin/sh
# The operator's command line; it finds its checkout by its own place.
repo=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
PYTHONPATH="$repo:$repo/layers/domain" exec "$repo/.venv/bin/python" -m infra.ops.main "$@"
"""


class SetupFailed(Exception):
    """A step did not succeed; the message says what to do."""


@dataclass(frozen=True)
class Step:
    """Something to make: `made` must exist afterwards, and `sources` with `recipe` say when to make it again."""

    name: str
    made: Path
    sources: tuple[Path, ...]
    recipe: str
    make: Callable[[], None]

    @property
    def stamp(self) -> Path:
        return STATE / "setup" / self.name.replace(" ", "-")

    def fingerprint(self) -> str:
        """What the result depends on: sources, recipe, interpreter, place."""
        digest = hashlib.sha256(f"{self.recipe}\0{sys.version}\0{REPO}\0".encode())
        for source in self.sources:
            digest.update(source.read_bytes())
        return digest.hexdigest()

    def run(self) -> bool:
        """Make it if need be; answers whether that was so."""
        wanted = self.fingerprint()
        if self.made.exists() and self.stamp.exists() and self.stamp.read_text() == wanted:
            return False
        began = time.monotonic()
        say(f"{self.name} ...")
        self.stamp.unlink(missing_ok=True)
        self.make()
        self.stamp.parent.mkdir(parents=True, exist_ok=True)
        self.stamp.write_text(wanted)
        say(f"{self.name} ready in {time.monotonic() - began:.0f} s")
        return True


def steps() -> list[Step]:
    """All there is to make, in order."""
    lock, olap_lock = REPO / "requirements.lock", REPO / "infra" / "local" / "olap.lock"
    packages = REPO / "package-lock.json"
    return [
        Step("installer", UV, (), UV_VERSION, make_installer),
        Step("Python packages", PYTHON, (lock,), UV_VERSION, lambda: install(PYTHON, lock)),
        Step("command line", VENV / "bin" / "oppulence", (), COMMAND, write_command),
        Step("ClickHouse engine", OLAP / "bin" / "python", (olap_lock,), UV_VERSION, lambda: make_olap(olap_lock)),
        Step("AWS CDK", REPO / "node_modules" / "aws-cdk", (packages, REPO / "package.json"), "npm ci", install_cdk),
    ]


def make_installer() -> None:
    """An environment with uv in it."""
    if not (VENV / "bin" / "pip").exists():
        shutil.rmtree(VENV, ignore_errors=True)
        run([sys.executable, "-m", "venv", VENV], "Install Python with its venv module.")
    run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"uv=={UV_VERSION}"], NETWORK)


def make_olap(lock: Path) -> None:
    """The ClickHouse bridge's environment: its engine drags in packages that nothing else should load."""
    shutil.rmtree(OLAP, ignore_errors=True)
    run([UV, "venv", "--quiet", "--python", sys.executable, OLAP], NETWORK)
    install(OLAP / "bin" / "python", lock)


def install(python: Path, lock: Path) -> None:
    """Exactly the locked packages, checked by their hashes, compiled: without byte code every function starts slowly."""
    run([UV, "pip", "install", "--quiet", "--python", python, "--require-hashes", "--compile-bytecode", "-r", lock], NETWORK)


def write_command() -> None:
    """`.venv/bin/oppulence`, without a package to install."""
    file = VENV / "bin" / "oppulence"
    file.write_text(COMMAND)
    file.chmod(0o755)


def install_cdk() -> None:
    """The pinned CDK command line."""
    npm = shutil.which("npm")
    if npm is None or (found := node_version()) < NODE_OLDEST:
        have = "none" if npm is None else found
        raise SetupFailed(f"Node {NODE_OLDEST} or newer with npm is needed (found: {have}). Install it and run this again.")
    run([npm, "ci", "--silent", "--no-audit", "--no-fund", "--no-progress"], NETWORK)


def node_version() -> int:
    """The major version of Node; 0 when there is none."""
    node = shutil.which("node")
    if node is None:
        return 0
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return int(answer.stdout.strip().lstrip("v").split(".")[0] or 0)


NETWORK = "If the network was away, run this again: what is done already is kept."


def run(command: list[str | Path], advice: str) -> None:
    """Run a command in the checkout; its output is shown.

    Raises:
        SetupFailed: it failed.
    """
    env = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")
    }
    if subprocess.run([str(part) for part in command], cwd=REPO, env=env, check=False).returncode:
        raise SetupFailed(f"`{' '.join(Path(part).name for part in command[:4])} ...` failed. {advice}")


def say(line: str) -> None:
    print(f"setup: {line}", flush=True)


def main() -> int:
    """Run every step that is due; one setup of a checkout at a time."""
    if sys.version_info < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        say(f"Python {oldest} or newer is needed, this is {sys.version.split()[0]}: make PYTHON=python3.13 setup")
        return 1
    STATE.mkdir(exist_ok=True)
    with (STATE / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            for step in steps():
                step.run()
        except SetupFailed as error:
            say(str(error))
            return 1
        except KeyboardInterrupt:
            say("interrupted; run it again to go on")
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
