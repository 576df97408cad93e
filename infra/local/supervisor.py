"""The process that owns all others of a local cloud: `python -m infra.local.supervisor <options as JSON>`.

It starts them, answers commands on a loopback port, and stops them on SIGTERM. It restarts nothing by itself. All
children are started from its main thread, because the kernel ends them with the thread that started them.
"""

import contextlib
import fcntl
import hmac
import json
import os
import secrets
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from infra.local import processes
from infra.local.boot import Boot, Options
from infra.local.pgpass import write_secret
from infra.local.processes import HOST

LOCK_S = 2.0  # a command that looks whether a supervisor runs holds the lock for an instant
CLIENT_S = 2.0
STARTING, READY, STOPPING = "starting", "ready", "stopping"


class Stopped(SystemExit):
    """SIGTERM or SIGINT came."""


class Supervisor:
    """The services of one cloud and the commands on them."""

    def __init__(self, boot: Boot) -> None:
        self.boot = boot
        self.expected: set[str] = set()  # what should be running
        self.token = secrets.token_hex(16)
        self.file = boot.state / "supervisor.json"

    def start_all(self) -> None:
        """Bring the cloud up; everything is expected to run from then on."""
        self.announce(STARTING, None)
        for service in self.boot.services.values():
            service.log.unlink(missing_ok=True)  # of the last run
        self.boot.start_all()
        self.expected = set(self.boot.services)

    def stop_all(self) -> None:
        """Stop every service, the last started first; one that will not stop does not keep the others alive."""
        self.announce(STOPPING, None)
        for name in reversed(self.boot.services):
            try:
                self.boot.stop(name)
            except Exception:  # noqa: BLE001 - the others must be stopped too, and its death signal ends this one
                traceback.print_exc()
                print(f"{name} did not stop", file=sys.stderr)
        self.file.unlink(missing_ok=True)

    def announce(self, phase: str, port: int | None) -> None:
        """Write where commands go; only this user may read the token."""
        content = {"pid": os.getpid(), "phase": phase, "port": port, "token": self.token}
        write_secret(self.file, json.dumps(content))

    def serve(self) -> None:
        """Answer commands, one at a time, until a signal comes."""
        with socket.create_server((HOST, 0)) as server:
            self.announce(READY, server.getsockname()[1])
            close_output()
            while True:
                connection, _ = server.accept()
                with connection, contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                    self.converse(connection)

    def converse(self, connection: socket.socket) -> None:
        """Read one command, carry it out, answer it; a stranger without the token gets nothing."""
        connection.settimeout(CLIENT_S)
        with connection.makefile("rw", encoding="utf-8") as stream:
            request = json.loads(stream.readline())
            if hmac.compare_digest(request["token"], self.token):
                stream.write(json.dumps(self.answer(request["command"], request.get("service"))) + "\n")

    def answer(self, command: str, name: str | None) -> dict[str, Any]:
        """Carry out a command; what goes wrong is part of the answer."""
        try:
            if command != "status":
                self.act(command, str(name))
        except Exception as error:  # noqa: BLE001 - whoever asked must hear of it
            traceback.print_exc()
            return {"error": f"{type(error).__name__}: {error}"}
        return {"services": {name: self.state_of(name) for name in self.boot.services}}

    def act(self, command: str, name: str) -> None:
        """Start, stop, restart or kill one service.

        Raises:
            ValueError: no such service or command.
        """
        if name not in self.boot.services:
            raise ValueError(f"no service {name}: there are {', '.join(self.boot.services)}")
        service = self.boot.services[name]
        match command:
            case "start":
                self.boot.start(name)
                self.expected.add(name)
            case "stop":
                self.expected.discard(name)
                self.boot.stop(name)
            case "restart":
                self.boot.stop(name)
                self.boot.start(name)
                self.expected.add(name)
            case "kill":
                service.kill()
            case _:
                raise ValueError(f"no command {command}")

    def state_of(self, name: str) -> str:
        """`running`, `stopped` on command, or `died`."""
        if self.boot.services[name].running:
            return "running"
        return "died" if name in self.expected else "stopped"


def close_output() -> None:
    """Whoever started us reads our output until its end; from now on it goes to the log alone."""
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def lock(state: Path) -> None:
    """Be the only supervisor of this checkout. The kernel frees the lock with our end, so that it also tells of that.

    Raises:
        BlockingIOError: there is another.
    """
    state.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(state / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + LOCK_S
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def stop_on_signals() -> None:
    """SIGTERM and SIGINT unwind the main thread, wherever it stands; a second one changes nothing."""

    def unwind(number: int, _: object) -> None:
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(128 + number)

    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, unwind)


def say(line: str) -> None:
    """Tell whoever started us; when nobody listens any more, the start is given up."""
    print(line, flush=True)
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Bring the cloud up, serve commands, and stop everything at the end, however it comes."""
    given = json.loads(sys.argv[1])
    if given.get("parent"):
        processes.die_with(given["parent"], signal.SIGTERM)
    options = Options(Path(given["root"]), Path(given["assembly"]) if given.get("assembly") else None, bool(given.get("watch")))
    stop_on_signals()
    lock(options.root.resolve() / ".local")
    supervisor = Supervisor(Boot(options, say))
    try:
        supervisor.start_all()
        supervisor.serve()
    except Exception as error:
        traceback.print_exc()
        with contextlib.suppress(OSError):
            print(f"\n{type(error).__name__}: {error}", flush=True)
        raise SystemExit(1) from error
    finally:
        supervisor.stop_all()


if __name__ == "__main__":
    main()
