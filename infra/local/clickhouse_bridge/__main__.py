"""The bridge's process: owns the data directory, listens on the loopback interface, ends orderly on a signal."""

import argparse
import fcntl
import logging
import os
import signal
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TextIO

from infra.local.clickhouse_bridge.engine import Engine
from infra.local.clickhouse_bridge.handler import MAX_RUNNING, Account, Handler

FINISH_S = 5  # running queries get this long to end
OWN_S = 10  # a predecessor gets this long to let go of the data


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the engine's data")
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password-file", type=Path, required=True)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    owned = own(args.data)
    Handler.account = Account(args.user, args.password_file.read_text().strip())
    Handler.engine = Engine(args.data.resolve())
    server = Server(("127.0.0.1", args.port), Handler)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    logging.info("ClickHouse %s on port %d", Handler.engine.version, args.port)
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    if finished():
        Handler.engine.close()
    logging.info("stopped")
    owned.close()
    logging.shutdown()
    os._exit(0)  # threads of idle connections still wait for their clients


def own(data: Path) -> TextIO:
    """Hold the data directory's lock, which the system takes back when this process ends, however it ends."""
    file = data.with_name(f"{data.name}.lock").open("w")
    deadline = time.monotonic() + OWN_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise SystemExit(f"another process owns {data}: is a local cloud running already?") from None
            time.sleep(0.1)


def finished() -> bool:
    """Keep new queries out and wait for those that run."""
    deadline = time.monotonic() + FINISH_S
    return all(Handler.running.acquire(timeout=max(0.0, deadline - time.monotonic())) for _ in range(MAX_RUNNING))


if __name__ == "__main__":
    main()
