"""The local cloud for the command line and for tests: up, down, status, logs, and faults on purpose.

These are plain functions over a checkout's root, the directory that holds `.local`.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.paths import DOMAIN, REPO
from infra.local.processes import HOST
from infra.local.running import read_dev_json

STOP_S = 30
COMMAND_S = 180  # restarting the emulator deploys again, and may synthesize before that
FOLLOW_S = 0.3
DOWN = "down"


class CloudError(RuntimeError):
    """The cloud did not start, is not running, or refused a command; the message says what to do."""


@dataclass(frozen=True)
class Status:
    """`phase` is down, starting, ready or stopping; `services` maps a name to running, stopped or died."""

    phase: str
    pid: int | None = None
    services: dict[str, str] = field(default_factory=dict)


def up(
    root: Path = REPO,
    *,
    watch: bool = False,
    assembly: Path | None = None,
    say: Callable[[str], None] = print,
    stays: bool = True,
) -> dict[str, Any]:
    """Start the cloud, or find it running; answer the content of `dev.json`.

    `watch` also starts the code watcher, `assembly` deploys another one than the checkout's own. Progress goes to `say`.
    With `stays=False` the cloud ends when the calling process does, however that ends.
    Ctrl-C, SIGTERM or a failure stop everything that was started.

    Raises:
        CloudError: it did not start; what failed was said, and stands in `.local/supervisor.log`.
    """
    state = root.resolve() / ".local"
    if not is_down(state):
        wait_until_ready(root, say)
        return read_dev_json(state)
    parent = None if stays else os.getpid()
    options = {"root": str(root.resolve()), "assembly": str(assembly) if assembly else None, "watch": watch, "parent": parent}
    env = dict(os.environ) | {"PYTHONPATH": f"{REPO}{os.pathsep}{DOMAIN}", "PYTHONUNBUFFERED": "1"}
    state.mkdir(parents=True, exist_ok=True)
    with unwinding_on_sigterm(), (state / "supervisor.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.local.supervisor", json.dumps(options)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=REPO,
            env=env,
            start_new_session=True,  # Ctrl-C reaches us alone, and we tell it
        )
        try:
            relay(process, say)
        except BaseException:
            end(process)
            raise
    if not is_ready(state):
        end(process)
        raise CloudError(f"the local cloud did not start (exit code {process.returncode}); see {state}/supervisor.log")
    return read_dev_json(state)


def dev(root: Path = REPO, *, assembly: Path | None = None, say: Callable[[str], None] = print) -> None:
    """Start the cloud with the code watcher and tell what functions print until Ctrl-C, then stop it.

    Raises:
        CloudError: it did not start.
    """
    up(root, watch=True, assembly=assembly, say=say)
    with unwinding_on_sigterm():
        try:
            say("ready: edits are live with the next call; Ctrl-C stops the cloud")
            for line in logs(root, names=("functions", "watch"), lines=0, follow=True):
                say(line)
        except KeyboardInterrupt:
            say("stopping")
        finally:
            down(root)


def down(root: Path = REPO) -> bool:
    """Stop the cloud; answer whether it was running. The databases keep their data.

    Raises:
        CloudError: it still runs after 30 s.
    """
    state = root.resolve() / ".local"
    if is_down(state):
        return False
    told = None
    deadline = time.monotonic() + STOP_S
    while not is_down(state):
        pid = contact(state).get("pid")  # not there yet in a start's first moments
        if pid is not None and pid != told:
            told = pid
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        if time.monotonic() > deadline:
            raise CloudError(f"process {pid} still runs after {STOP_S} s; see {state}/supervisor.log")
        time.sleep(0.05)
    return True


def status(root: Path = REPO) -> Status:
    """What runs."""
    state = root.resolve() / ".local"
    if is_down(state):
        return Status(DOWN)
    now = contact(state)
    if now.get("port") is None:
        return Status(now.get("phase", "starting"), now.get("pid"))
    return Status(now["phase"], now["pid"], command(root, "status")["services"])


def restart(name: str, root: Path = REPO) -> None:
    """Stop and start one service: postgres, clickhouse, stripe, emulator, front or watch."""
    command(root, "restart", name)


def stop_child(name: str, root: Path = REPO) -> None:
    """Stop one service and leave it stopped."""
    command(root, "stop", name)


def start_child(name: str, root: Path = REPO) -> None:
    """Start one service that was stopped or has died; returns when it is ready."""
    command(root, "start", name)


def kill(name: str, root: Path = REPO) -> None:
    """Kill one service with SIGKILL, as a crash would. Status says `died` until it is started again."""
    command(root, "kill", name)


def logs(root: Path = REPO, *, names: tuple[str, ...] = (), lines: int = 20, follow: bool = False) -> Iterator[str]:
    """The last lines of the services' logs, of all or of the named, each after its service's name; then new ones."""
    files = {file.stem: file for file in sorted((root.resolve() / ".local").glob("*.log"))}
    if unknown := set(names) - set(files):
        raise CloudError(f"no log of {', '.join(sorted(unknown))}: there are {', '.join(files)}")
    chosen = {name: file for name, file in files.items() if not names or name in names}
    places = {}
    for name, file in chosen.items():
        text = file.read_bytes()
        places[name] = len(text)
        said = text.decode(errors="replace").splitlines()
        yield from (f"{name}: {line}" for line in said[max(len(said) - lines, 0) :])
    while follow:
        time.sleep(FOLLOW_S)
        for name, file in chosen.items():
            if file.stat().st_size < places[name]:
                places[name] = 0  # its service was started again
            with file.open("rb") as stream:
                stream.seek(places[name])
                text = stream.read()
            whole = text[: text.rfind(b"\n") + 1]
            places[name] += len(whole)
            yield from (f"{name}: {line}" for line in whole.decode(errors="replace").splitlines())


def command(root: Path, name: str, service: str | None = None) -> dict[str, Any]:
    """Send the supervisor a command and wait for its answer.

    Raises:
        CloudError: there is no supervisor that takes commands, or the command failed.
    """
    at = contact(root.resolve() / ".local")
    if at.get("port") is None:
        raise CloudError("the local cloud is not running: start it with oppulence local up")
    with socket.create_connection((HOST, at["port"]), timeout=COMMAND_S) as connection:
        with connection.makefile("rw", encoding="utf-8") as stream:
            stream.write(json.dumps({"token": at["token"], "command": name, "service": service}) + "\n")
            stream.flush()
            answer: dict[str, Any] = json.loads(stream.readline() or '{"error": "the supervisor hung up"}')
    if "error" in answer:
        raise CloudError(answer["error"])
    return answer


def contact(state: Path) -> dict[str, Any]:
    """What the supervisor wrote of itself; nothing when it has not yet, or no longer."""
    with contextlib.suppress(FileNotFoundError):
        content: dict[str, Any] = json.loads((state / "supervisor.json").read_text())
        return content
    return {}


def is_down(state: Path) -> bool:
    """Whether no supervisor holds this checkout's lock."""
    try:
        with (state / "supervisor.lock").open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def is_ready(state: Path) -> bool:
    """Whether a supervisor runs and takes commands."""
    return not is_down(state) and contact(state).get("port") is not None


def wait_until_ready(root: Path, say: Callable[[str], None]) -> None:
    """Wait for a start that another process has begun.

    Raises:
        CloudError: that start failed.
    """
    say("the local cloud is running already")
    state = root.resolve() / ".local"
    while not is_ready(state):
        if is_down(state):
            raise CloudError(f"the local cloud did not start; see {state}/supervisor.log")
        time.sleep(0.1)


def relay(process: subprocess.Popen[bytes], say: Callable[[str], None]) -> None:
    """Pass on what the supervisor tells, until it is ready or has given up."""
    if process.stdout is None:
        raise TypeError("the supervisor's output is a pipe")
    with process.stdout as output:
        for line in output:
            say(line.decode(errors="replace").rstrip("\n"))


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop a supervisor that is not to run: by request first, then by force, after which its children die too."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def unwinding_on_sigterm() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind as Ctrl-C does, so that what was started is stopped; in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def unwind(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, unwind) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
