"""What a test does to the fake that nobody can do to Stripe: under `/_fake/`, JSON in and out."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from infra.local.stripe import intents, keys, money, renewing
from infra.local.stripe.api import endpoints
from infra.local.stripe.calls import Calls
from infra.local.stripe.cards import DECLINES
from infra.local.stripe.delivering import Delivering
from infra.local.stripe.errors import StripeError, invalid
from infra.local.stripe.fake import KEY
from infra.local.stripe.faults import Fault
from infra.local.stripe.passing import Passing
from infra.local.stripe.unit import Obj, Unit

Step = Callable[..., Awaitable[Obj]]
STEPS: dict[tuple[str, ...], Step] = {}


@dataclass
class Fake:
    """All parts of a running fake."""

    calls: Calls
    delivering: Delivering
    passing: Passing

    def unit(self, given: Obj) -> Unit:
        return self.calls.world.unit(given.get("account") or "")

    def commit(self, unit: Unit) -> None:
        self.calls.world.commit(unit)


def step(*path: str) -> Callable[[Step], Step]:
    """Serve `/_fake/<path>`; `*` in it stands for an id."""

    def keep(function: Step) -> Step:
        STEPS[path] = function
        return function

    return keep


async def act(fake: Fake, path: list[str], given: Obj) -> Obj:
    """Do what a path names.

    Raises:
        StripeError: there is no such step, or it cannot be done.
    """
    for pattern, function in STEPS.items():
        if len(pattern) == len(path) and all(want in ("*", part) for want, part in zip(pattern, path, strict=True)):
            return await function(fake, given, *(part for want, part in zip(pattern, path, strict=True) if want == "*"))
    raise StripeError(404, "invalid_request_error", f"No such step: {'/'.join(path)}")


@step("state")
async def state(fake: Fake, given: Obj) -> Obj:
    """Time, account, and how much was served, sent and is still to be sent."""
    world = fake.calls.world
    shelves = {
        f"{account}/{kind}" if account else kind: len(shelf.rows) for (account, kind), shelf in world.store.shelves.items()
    }
    return {
        "now": world.clock.now(),
        "frozen": world.clock.frozen,
        "account": world.account,
        "answered": dict(fake.calls.answered),
        "limited": fake.calls.bucket.refused,
        "sent": fake.delivering.attempts,
        "waiting": len(fake.delivering.waiting),
        "objects": {name: count for name, count in sorted(shelves.items()) if not name.rpartition("/")[2].startswith("_")},
    }


@step("reset")
async def reset(fake: Fake, given: Obj) -> Obj:
    """An empty world that stands at `now`: quicker for a test than another process."""
    async with fake.passing.moving:
        fake.delivering.clear()
        fake.calls.faults.waiting.clear()
        fake.calls.bucket.set(None)
        fake.calls.world.clock.frozen = True
        fake.calls.world.clear(given["now"])
    unit = fake.calls.world.unit()
    keys.make(unit, None, KEY)
    fake.commit(unit)
    return {"now": given["now"]}


@step("clock")
async def clock(fake: Fake, given: Obj) -> Obj:
    """`to`: move the world there; `frozen`: whether time stands between moves; `set`: see `FakeStripe.turn`."""
    world = fake.calls.world
    if "set" in given:
        world.clock.frozen = given["set"] is not None
        world.clock.set(time.time() if given["set"] is None else given["set"])
    if "frozen" in given:
        world.clock.set(world.clock.now())
        world.clock.frozen = bool(given["frozen"])
    done = await fake.passing.advance(given["to"], settle=given.get("settle", True)) if "to" in given else 0
    world.keep()
    return {"now": world.clock.now(), "frozen": world.clock.frozen, "done": done}


@step("settings")
async def settings(fake: Fake, given: Obj) -> Obj:
    """How the account is set up: retries and what follows the last, upcoming invoices."""
    world = fake.calls.world
    unknown = given.keys() - world.settings.keys()
    if unknown:
        raise invalid(f"No such setting: {sorted(unknown)}")
    world.settings.update(given)
    world.keep()
    return dict(world.settings)


@step("faults")
async def faults(fake: Fake, given: Obj) -> Obj:
    """Let the next requests fail; `clear` takes back what is left."""
    waiting = fake.calls.faults.waiting
    if given.pop("clear", False):
        waiting.clear()
    if given:
        waiting.append(Fault(**given))
    return {"waiting": [asdict(one) for one in waiting]}


@step("rate_limit")
async def rate_limit(fake: Fake, given: Obj) -> Obj:
    fake.calls.bucket.set(given.get("per_second"), given.get("burst"))
    return {"per_second": fake.calls.bucket.per_second}


@step("deliveries")
async def deliveries(fake: Fake, given: Obj) -> Obj:
    """Change how webhooks are sent, and show what became of them."""
    if "retries_s" in given:
        given["retries_s"] = tuple(given["retries_s"])
    if given:
        fake.delivering.set_mode(**given)
    kept = fake.calls.world.store.deliveries("1 = 1")
    return {"mode": asdict(fake.delivering.mode), "deliveries": [asdict(one) for one in kept]}


@step("deliveries", "retry")
async def retry(fake: Fake, given: Obj) -> Obj:
    """Attempt everything that waits, now."""
    count = fake.delivering.retry_now()
    return {"waiting": count, "settled": await fake.delivering.settle(given.get("timeout_s", 60.0))}


@step("deliveries", "settle")
async def settle(fake: Fake, given: Obj) -> Obj:
    """Wait until everything due was attempted."""
    return {"settled": await fake.delivering.settle(given.get("timeout_s", 60.0))}


@step("deliveries", "send")
async def send(fake: Fake, given: Obj) -> Obj:
    """Send events that exist (all of the account's, without `events`) to an endpoint, or to all that want them."""
    world = fake.calls.world
    account = given.get("account") or ""
    shelf = world.store.shelf(account, "event")
    ids = given.get("events") or [key[2] for key in shelf.order]
    count = 0
    for id in ids:
        if id not in shelf.rows:
            raise invalid(f"No such event: '{id}'")
        wanted = [given["endpoint"]] if given.get("endpoint") else world.endpoints(account, shelf.rows[id].facts["type"])
        count += len(world.deliver(account, id, wanted)) if wanted else 0
    return {"sent": count}


@step("keys")
async def make_key(fake: Fake, given: Obj) -> Obj:
    """A new key; restricted when it has `permissions`. `revoke` ends one."""
    unit = fake.calls.world.unit()
    if given.get("revoke"):
        unit.change(unit.need("_key", given["revoke"]), state="revoked")
        made = given["revoke"]
    elif given.get("key") and unit.get("_key", given["key"]):
        made = given["key"]
        unit.change(unit.need("_key", made), permissions=given.get("permissions"), state="active")
    else:
        made = keys.make(unit, given.get("permissions"), given.get("key"))
    fake.commit(unit)
    return {"key": made}


@step("payment_methods", "*")
async def change_card(fake: Fake, given: Obj, id: str) -> Obj:
    """`decline`: the code that its charges get from now on (null: none); `exp_month`, `exp_year`: the bank renewed the card."""
    unit = fake.unit(given)
    pm = unit.need("payment_method", id)
    if "decline" in given:
        hidden = unit.get("_card", id)
        if hidden is None:
            number = {"object": "_card", "id": id, "number": "4242424242424242", "decline": None, "set_up": True, "spent": False}
            hidden = unit.add(number)
        if given["decline"] is not None and given["decline"] not in DECLINES:
            raise invalid(f"No such decline code: {given['decline']}")
        unit.change(hidden, decline=given["decline"])
    renewed = {name: given[name] for name in ("exp_month", "exp_year") if name in given}
    if renewed:
        unit.change(pm, "payment_method.automatically_updated" if given.get("tell", True) else None, card=pm["card"] | renewed)
    fake.commit(unit)
    return pm


@step("payment_intents", "*", "authenticate")
async def authenticate(fake: Fake, given: Obj, id: str) -> Obj:
    """The customer passes 3-D Secure, or does not (`passed`)."""
    unit = fake.unit(given)
    pi = unit.need("payment_intent", id)
    if pi["status"] != "requires_action":
        raise invalid(f"This PaymentIntent waits for no action: it is {pi['status']}.")
    renewing.authenticate(unit, pi, given.get("passed", True))
    fake.commit(unit)
    return pi


@step("setup_intents", "*", "authenticate")
async def authenticate_setup(fake: Fake, given: Obj, id: str) -> Obj:
    unit = fake.unit(given)
    si = unit.need("setup_intent", id)
    if given.get("passed", True):
        intents.confirm_setup(unit, si, unit.need("payment_method", si["payment_method"]), secured=True)
    else:
        error = {
            "code": "setup_intent_authentication_failure",
            "message": "The authentication failed.",
            "type": "invalid_request_error",
        }
        unit.change(si, status="requires_payment_method", payment_method=None, next_action=None, last_setup_error=error)
        unit.emit("setup_intent.setup_failed", si)
    fake.commit(unit)
    return si


@step("disputes")
async def dispute(fake: Fake, given: Obj) -> Obj:
    unit = fake.unit(given)
    made = money.open_dispute(unit, given["charge"], given.get("reason", "fraudulent"))
    fake.commit(unit)
    return dict(made)


@step("disputes", "*", "close")
async def close_dispute(fake: Fake, given: Obj, id: str) -> Obj:
    unit = fake.unit(given)
    made = money.close_dispute(unit, id, given["outcome"])
    fake.commit(unit)
    return dict(made)


@step("webhook_endpoints", "*", "roll_secret")
async def roll_secret(fake: Fake, given: Obj, id: str) -> Obj:
    unit = fake.unit(given)
    secret = endpoints.roll_secret(unit, id, given.get("expires_in_s", 86_400))
    fake.commit(unit)
    return {"secret": secret}


@step("webhook_endpoints", "*", "secret")
async def show_secret(fake: Fake, given: Obj, id: str) -> Obj:
    """The secret that signs now, which the API shows once."""
    return {"secret": fake.unit(given).need("_endpoint", id)["secrets"][0]["secret"]}


@step("accounts", "*", "deauthorize")
async def deauthorize(fake: Fake, given: Obj, id: str) -> Obj:
    """A connected account leaves the platform: its data can no longer be read."""
    unit = fake.calls.world.unit(id)
    unit.need("account", id)
    unit.emit("account.application.deauthorized", {"id": "ca_LocalStripe", "object": "application", "name": "Local platform"})
    fake.commit(unit)
    home = fake.calls.world.unit()
    home.add({"object": "_left", "id": id})
    fake.commit(home)
    return {"id": id}
