"""The assembly of the local stage, synthesized again only when something that it is made of has changed."""

import fcntl
import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from infra.local import processes
from infra.local.paths import REPO

TREES = (("infra", ("*.py", "*.json")), ("functions", ("*.py",)), ("layers", ("*.py", "*.lock")), ("events", ("*.json",)))
FILES = ("app.py", "cdk.json", "package-lock.json", "requirements.lock")
NOT_SYNTHESIZED = ("infra/local/", "infra/ops/")
SYNTH_S = 300
SAY_EVERY_S = 5.0


def assembly(state: Path, say: Callable[[str], None]) -> Path:
    """The directory of an assembly that is up to date.

    Raises:
        ChildError: `cdk synth` failed or took longer than five minutes; the message ends with its output.
    """
    directory, mark = state / "cdk.out", state / "cdk.hash"
    state.mkdir(exist_ok=True)
    with (state / "synth.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second finds it done
        now = fingerprint(REPO)
        if mark.exists() and mark.read_text() == now and (directory / "manifest.json").exists():
            say("template unchanged")
            return directory
        mark.unlink(missing_ok=True)
        for left in directory.glob("*.lock"):  # by a run that was killed: the CDK may take its number for another process's
            left.unlink()
        synthesize(directory, state / "synth.log", say)
        mark.write_text(now)
    return directory


def synthesize(directory: Path, log: Path, say: Callable[[str], None]) -> None:
    """Run `cdk synth`, telling every few seconds that it still runs."""
    say("synthesizing the template")
    log.unlink(missing_ok=True)
    began = told = time.monotonic()
    child = processes.start("cdk synth", command(directory), log, processes.Launch(env=environment(), cwd=REPO))
    try:
        while child.running:
            time.sleep(0.05)
            if time.monotonic() - told > SAY_EVERY_S:
                told = time.monotonic()
                say(f"  still synthesizing after {told - began:.0f} s")
            if time.monotonic() - began > SYNTH_S:
                raise processes.ChildError(f"cdk synth took longer than {SYNTH_S} s; {processes.tail(log)}")
    finally:
        processes.stop(child, signal.SIGTERM, timeout_s=3)
    if child.process.returncode:
        raise processes.ChildError(f"cdk synth exited with {child.process.returncode}; {processes.tail(log, 40)}")
    say(f"  synthesized in {time.monotonic() - began:.0f} s")


def command(directory: Path) -> list[str]:
    """The pinned CDK, for the local stage, into a directory of its own: asset hashes do not tell stages apart."""
    cdk = str(REPO / "node_modules" / ".bin" / "cdk")
    return [cdk, "synth", "--quiet", "--output", str(directory), "--context", "stage=local", "--no-notices"]


def environment() -> dict[str, str]:
    """No AWS settings of the user, and this interpreter first, because cdk.json says `python`."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    quiet = {"CDK_DISABLE_CLI_TELEMETRY": "true", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "true"}
    return {"PATH": path, "HOME": os.environ.get("HOME", "/"), "PYTHONUTF8": "1", **quiet}


def fingerprint(repo: Path) -> str:
    """A hash over the names and contents of all that the template is made of."""
    digest = hashlib.sha256()
    for file in sorted(sources(repo)):
        digest.update(f"{file.relative_to(repo)}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def sources(repo: Path) -> Iterator[Path]:
    """The files that the template is made of."""
    for tree, patterns in TREES:
        for pattern in patterns:
            for file in (repo / tree).rglob(pattern):
                if not str(file.relative_to(repo)).startswith(NOT_SYNTHESIZED):
                    yield file
    for name in FILES:
        if (repo / name).exists():
            yield repo / name
