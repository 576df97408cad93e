"""Test clocks: time of their own for the customers made with them."""

from infra.local.stripe import ids, money
from infra.local.stripe.api.fields import Params
from infra.local.stripe.blanks import blank
from infra.local.stripe.errors import invalid
from infra.local.stripe.routing import route
from infra.local.stripe.unit import Obj, Unit

CLOCK = "test_helpers.test_clock"
KEPT_S = 30 * money.DAY


@route(
    "POST", "/v1/test_helpers/test_clocks", "test_helpers.TestClockCreateParams", takes="frozen_time name", needs="billing_clock"
)
def create(unit: Unit, params: Params) -> Obj:
    made = blank(CLOCK, id=ids.new("clock"), created=unit.now, frozen_time=params["frozen_time"], name=params.get("name"))
    made["deletes_after"] = unit.now + KEPT_S
    unit.add(made)
    unit.emit("test_helpers.test_clock.created", made)
    return made


@route(
    "POST",
    "/v1/test_helpers/test_clocks/{id}/advance",
    "test_helpers.TestClockAdvanceParams",
    takes="frozen_time",
    needs="billing_clock",
)
def advance(unit: Unit, params: Params, id: str) -> Obj:
    """Answered at once, as `advancing`; the server then moves the clock on (see `server`)."""
    clock = unit.need(CLOCK, id)
    if clock["status"] != "ready":
        raise invalid("Test clock advancement underway - cannot perform modifications", None, "test_clock_advancing")
    if params["frozen_time"] <= clock["frozen_time"]:
        raise invalid("Test clock `frozen_time` must be in the future of its current time.", "frozen_time")
    details = {"advancing": {"target_frozen_time": params["frozen_time"]}}
    unit.change(clock, status="advancing", status_details=details)
    unit.emit("test_helpers.test_clock.advancing", clock)
    return clock


@route("DELETE", "/v1/test_helpers/test_clocks/{id}", needs="billing_clock")
def delete(unit: Unit, params: Params, id: str) -> Obj:
    """With its customers, and all that is theirs, without a word about those."""
    clock = unit.need(CLOCK, id)
    for customer in unit.find("customer", test_clock=id):
        for kind in ("subscription", "invoice", "payment_intent", "charge", "payment_method", "invoiceitem"):
            for owned in unit.find(kind, customer=customer["id"]):
                unit.remove(owned)
        unit.remove(customer)
    unit.emit("test_helpers.test_clock.deleted", clock)
    unit.remove(clock)
    return {"id": id, "object": CLOCK, "deleted": True}
