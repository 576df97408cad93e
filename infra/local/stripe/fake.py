"""A local Stripe for tests and the demo: a process of its own, and what they do to it."""

import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from infra.local import processes
from infra.local.program import Program

if TYPE_CHECKING:
    import stripe

HOST = processes.HOST
KEY = "sk_test_local0000000000000000000000"
"""The full key that every world begins with."""

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
TIMEOUT_S = 300.0
Obj = dict[str, Any]


class FakeError(RuntimeError):
    """The fake refused a step; the message says why."""


class FakeStripe:
    """A fake with its state under `root`. Stopped or killed and started again it goes on where it was.

    `corpus` is true for the bundled objects and events, or a folder with others. Further options are those of
    `server.Settings`: `now`, `frozen`, `validate_answers`, `rate_limit`, `retries_s`, `retries_wall`, `revive`.
    """

    def __init__(self, root: Path, *, corpus: bool | Path = False, **options: Any) -> None:
        self.root = root
        self.key = KEY
        self._options = {"state": str(root), "corpus": str(corpus) if isinstance(corpus, Path) else corpus} | options
        self._port_file, self._settings = root / "stripe.port", root / "stripe.json"
        self.log = root / "stripe.log"
        self._program = Program("infra.local.stripe", self._settings, self.log, lambda: processes.accepts(self.port))
        if not self._port_file.exists():
            processes.kept_port(self._port_file)

    @property
    def port(self) -> int:
        """Where it listens, or will; also for a fake that another process started under the same root."""
        return int(self._port_file.read_text())

    @property
    def url(self) -> str:
        """For `StripeClient(base_addresses={"api": url})`."""
        return f"http://{HOST}:{self.port}"

    @property
    def running(self) -> bool:
        return self._program.running

    def start(self) -> Self:
        """Start it; call this from the main thread."""
        if not self.running:
            port = processes.kept_port(self._port_file)
            self._settings.write_text(json.dumps({"port": port} | self._options))
            self._program.start()
        return self

    def stop(self) -> None:
        self._program.stop()

    def kill(self) -> None:
        """SIGKILL it: what it answered is kept."""
        self._program.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def client(self, key: str | None = None, **options: Any) -> "stripe.StripeClient":
        """The SDK, pointed here; it does not repeat requests by itself unless told to."""
        import stripe  # takes longer than all that the supervisor needs of this module

        return stripe.StripeClient(key or self.key, base_addresses={"api": self.url}, **({"max_network_retries": 0} | options))

    def do(self, step: str, /, **given: Any) -> Obj:
        """Any step of `control`, by its path.

        Raises:
            FakeError: it was refused.
        """
        data = json.dumps(given).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/_fake/{step}", data=data, method="POST", headers=headers)
        try:
            with OPENER.open(request, timeout=TIMEOUT_S) as response:
                answer: Obj = json.loads(response.read())
        except urllib.error.HTTPError as error:
            raise FakeError(json.loads(error.read())["error"]["message"]) from error
        return answer

    def reset(self, now: float) -> None:
        """Empty the world, and let it stand at a second."""
        self.do("reset", now=now)

    @property
    def now(self) -> float:
        """World seconds since 1970."""
        return float(self.do("state")["now"])

    def advance(self, to: float | None = None, *, days: float = 0, settle: bool = True) -> int:
        """Move the whole world to a second, or on by days; returns how many things happened.

        With `settle` every webhook on the way has had its attempt before time went on.
        """
        second = to if to is not None else self.now + days * 86_400
        return int(self.do("clock", to=second, settle=settle)["done"])

    def turn(self, second: float | None) -> None:
        """Set the world's clock, backwards too, without letting anything happen; it stands there. None is real time, running."""
        self.do("clock", set=second)

    def play(self, events: Collection[str], at: float | None = None) -> int:
        """Let events of the bundled corpus happen, by their ids, undelivered; returns how many were new to the world.

        Time stands then at the second `at`, or soon after the last of them.
        """
        return int(self.do("corpus/play", events=list(events), at=at)["played"])

    def shelves(self) -> list[tuple[str, str, bytes]]:
        """Everything there is, oldest first: account, type, body. Read from its file, which it may be writing."""
        query = "SELECT account, type, body FROM objects WHERE type NOT LIKE '!_%' ESCAPE '!' ORDER BY created, seq"
        with closing(sqlite3.connect(f"file:{self.root / 'stripe.sqlite'}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()

    def fail_next(self, count: int = 1, **how: Any) -> None:
        """Let the next requests fail; `how` is what `faults.Fault` takes: status, path, when, retry_after_s, disconnect, …"""
        self.do("faults", count=count, **how)

    def limit(self, per_second: float | None, burst: float | None = None) -> None:
        """Requests a second above which 429 is answered; None is no limit."""
        self.do("rate_limit", per_second=per_second, burst=burst)

    def deliveries(self, **mode: Any) -> list[Obj]:
        """Change how webhooks are sent (see `delivering.Mode`), and list what became of each."""
        found: list[Obj] = self.do("deliveries", **mode)["deliveries"]
        return found

    def settle(self) -> bool:
        """Wait until each webhook that is due was attempted."""
        return bool(self.do("deliveries/settle")["settled"])

    def restricted_key(self, *permissions: str) -> str:
        """A key that may do only this: `rak_customer_read`, `rak_webhook_write`, …"""
        return str(self.do("keys", permissions=list(permissions))["key"])

    def secret(self, endpoint: str) -> str:
        """What a webhook endpoint's deliveries are signed with; the API shows it once."""
        return str(self.do(f"webhook_endpoints/{endpoint}/secret")["secret"])

    def revoke(self, key: str) -> None:
        self.do("keys", revoke=key)

    def decline(self, payment_method: str, code: str | None, account: str | None = None) -> None:
        """Let charges of a card fail with a decline code from now on; None lets them succeed."""
        self.do(f"payment_methods/{payment_method}", decline=code, account=account)

    def authenticate(self, payment_intent: str, *, passed: bool = True) -> Obj:
        """The customer's answer to 3-D Secure."""
        return self.do(f"payment_intents/{payment_intent}/authenticate", passed=passed)

    def fill_page(self, url: str, **fields: str) -> int:
        """Send a hosted page's form: `payment_method` (a number or token), `email`, `cancel_subscription`; returns the status.

        The page that it leads to is not fetched: 303 is success with a return address, 402 a declined card.
        """
        data = urlencode(fields).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())
        try:
            with opener.open(urllib.request.Request(url, data=data, method="POST"), timeout=30) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code


class _Stay(urllib.request.HTTPRedirectHandler):
    """Does not follow redirects."""

    def redirect_request(self, *_: Any) -> None:
        return None
