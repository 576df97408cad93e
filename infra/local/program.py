"""A service of the laptop cloud that is a Python module of ours: the front, the code watcher, the local Stripe."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from infra.local import processes
from infra.local.paths import DOMAIN, REPO

START_S = 20


class Service(Protocol):
    """What the supervisor starts, stops and asks about."""

    log: Path

    @property
    def running(self) -> bool: ...

    def start(self) -> object: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...


class Program:
    """`python -m <module> <settings file>` with its output in a log; ready when `ready` says so."""

    def __init__(self, module: str, settings: Path, log: Path, ready: Callable[[], bool]) -> None:
        self.module = module
        self.settings = settings
        self.log = log
        self.ready = ready
        self._child: processes.Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    def start(self) -> None:
        """Start it and wait until it is ready; call this from the main thread.

        Raises:
            ChildError: it died, or took longer than 20 s.
        """
        if self.running:
            return
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{REPO}{os.pathsep}{DOMAIN}", "PYTHONUTF8": "1"}
        argv = [sys.executable, "-u", "-m", self.module, str(self.settings)]
        self._child = processes.start(self.module, argv, self.log, processes.Launch(env=env, cwd=REPO))
        try:
            processes.wait_ready(self._child, self.ready, START_S)
        except processes.ChildError:
            self.stop()
            raise

    def stop(self) -> None:
        """End it with SIGTERM."""
        if self._child is not None:
            processes.stop(self._child, timeout_s=3)
            self._child = None

    def kill(self) -> None:
        """SIGKILL it, as a crash would."""
        if self._child is not None:
            processes.kill(self._child)
            self._child = None
