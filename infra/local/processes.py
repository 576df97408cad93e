"""Child processes of the laptop cloud: they die with their parent, log to a file, and say why they do not start."""

import ctypes
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class ChildError(RuntimeError):
    """A child process died or was not ready in time; the message ends with its log's last lines."""


@dataclass(frozen=True)
class Child:
    """A started process, its name for messages, and the file that takes its output."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None


@dataclass(frozen=True)
class Launch:
    """How a child runs, where the defaults do not do.

    `user` is who it runs as (only root may name one). `death_signal` is what the kernel sends it when the *thread* that
    started it ends, so start children from the main thread; on macOS nothing is sent.
    """

    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    user: str | None = None
    death_signal: signal.Signals = signal.SIGTERM


def start(name: str, argv: Sequence[str | Path], log: Path, how: Launch = Launch()) -> Child:
    """Start a child whose output is appended to `log`. Ctrl-C does not reach it: it leads a session of its own."""
    log.parent.mkdir(parents=True, exist_ok=True)
    parent = os.getpid()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=how.env,
            cwd=how.cwd,
            start_new_session=True,
            preexec_fn=lambda: die_with(parent, how.death_signal),  # runs after setuid, which would clear the signal
            user=how.user,
            group=None if how.user is None else pwd.getpwnam(how.user).pw_gid,
            extra_groups=None if how.user is None else [],
        )
    return Child(name, process, log)


def run(name: str, argv: Sequence[str | Path], log: Path, how: Launch = Launch(), timeout_s: float = 60) -> None:
    """Run a child to its end.

    Raises:
        ChildError: it failed, or took longer than `timeout_s` and was killed.
    """
    child = start(name, argv, log, how)
    try:
        code = child.process.wait(timeout_s)
    except subprocess.TimeoutExpired as error:
        stop(child, signal.SIGKILL)
        raise ChildError(f"{name} took longer than {timeout_s:g} s; {tail(log)}") from error
    if code:
        raise ChildError(f"{name} exited with {code}; {tail(log)}")


def die_with(parent: int, death_signal: signal.Signals) -> None:
    """Ask the kernel to signal this process when its parent dies; runs between fork and exec."""
    if LIBC is None:
        return
    LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent:  # it died before the call above
        os._exit(1)


def wait_ready(child: Child, ready: Callable[[], bool], timeout_s: float, interval_s: float = 0.02) -> None:
    """Poll `ready` until it is true.

    Raises:
        ChildError: the child exited, or was not ready within `timeout_s`; in the latter case it is still running.
    """
    deadline = time.monotonic() + timeout_s
    while not ready():
        if not child.running:
            raise ChildError(f"{child.name} exited with {child.process.returncode}; {tail(child.log)}")
        if time.monotonic() > deadline:
            raise ChildError(f"{child.name} was not ready after {timeout_s:g} s; {tail(child.log)}")
        time.sleep(interval_s)


def stop(child: Child, first: signal.Signals = signal.SIGTERM, timeout_s: float = 10) -> None:
    """Ask the child to stop with `first`; after `timeout_s`, SIGKILL it and all that it started."""
    if child.running:
        child.process.send_signal(first)
        try:
            child.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)  # the child leads its own session, hence its own group
    child.process.wait(timeout_s)


def kill(child: Child) -> None:
    """SIGKILL the child alone, as a crash would."""
    child.process.kill()
    child.process.wait(10)


def free_port() -> int:
    """A TCP port of the loopback interface that nothing uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def usable_port(file: Path) -> int:
    """The port kept in `file` while it is still free, otherwise a new one. Write it there once the server has it."""
    if file.exists() and is_free(port := int(file.read_text())):
        return port
    return free_port()


def kept_port(file: Path) -> int:
    """As `usable_port`, and written at once: not for a server that another process may have running."""
    port = usable_port(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(str(port))
    return port


def accepts(port: int) -> bool:
    """Whether something accepts TCP connections on this loopback port."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log, with its path, for an error message."""
    text = log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
    return "\n".join([f"the end of {log}:", *text])
