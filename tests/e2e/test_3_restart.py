"""`local down`, then `local up`: what must survive, and what is rebuilt."""

import pytest

from infra.local import cloud
from infra.local.running import read_dev_json
from tests.e2e import events
from tests.e2e.running import Running, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


def test_state_survives_and_what_the_emulator_forgot_is_rebuilt(running: Running) -> None:
    life = events.given_up()
    running.clock.run(1.0, life[-1].created)  # so that the case's first step is a day away
    assert set(running.send_all(life)) == {200}
    running.settle()
    case = _case(running, str(life[-1].object["id"]))
    assert case["status"] == "open"
    dev, secrets_sealed = running.dev, running.platform.get("/v1/connections")["data"]
    rows = running.stored(life)
    cloud.kill("clickhouse", running.root)  # so that messages wait when everything stops
    waiting = events.others(402, 422)
    assert set(running.send_all(waiting)) == {200}
    until("the mirror has them", lambda: running.stored(waiting) == len(waiting))

    again = running.restart()
    try:
        assert read_dev_json(again.root / ".local") == dev
        assert again.platform.get("/v1/connections")["data"] == secrets_sealed
        assert again.stored(life) == rows
        assert again.send(events.others(401, 402)[0]) == 200  # the door knows the connection, and opens its secret
        again.settle()
        assert again.stored(events.others(401, 402)) == 1
        until("what waited in queues has arrived", lambda: again.analysed() == again.kept_for_analysis())
        # Time is real again, so the cadence is over; only a machine can have closed the case.
        until("the case's machine has acted", lambda: _case(again, case["invoice_id"])["status"] == "lost")
        timeline = again.platform.get(f"/v1/recovery/cases/{case['id']}")["timeline"]
        assert any("takes over" in entry["reason"] for entry in timeline)
        verified = again.operator("audit", "verify")
        assert verified["whole"] and verified["data"]
    finally:
        again.platform.close()


def _case(running: Running, invoice_id: str) -> dict[str, str]:
    (found,) = [case for case in running.platform.all("/v1/recovery/cases") if case["invoice_id"] == invoice_id]
    assert isinstance(found, dict)
    return found
