"""GET /v1/recovery/summary."""

from hypothesis import given
from hypothesis import strategies as st

from oppulence.recovery.reports import rate
from tests.recovery.support import DAY, Dunning
from tests.support.api import Api
from tests.support.standing_clock import START

PATH = "/v1/recovery/summary"


def test_the_sum_over_all_cases(api: Api, dunning: Dunning) -> None:
    made = [dunning.invoice() for _ in range(4)]
    for invoice_id in made[:3]:
        dunning.fail(invoice_id)
    dunning.fail(made[3], currency="JPY", amount_remaining_minor=4050)
    dunning.pay(made[0])
    dunning.run(made[1], until=START + 30 * DAY)
    reader = api.as_key(scopes=["recovery:read"], workspace_id=dunning.workspace_id)
    assert reader.get(PATH).body == {
        "cases_opened": 4, "cases_open": 2, "cases_recovered": 1, "cases_lost": 1, "mails_sent": 4, "recovery_rate": "0.2500",
        "by_currency": [
            {"currency": "JPY", "cases": 1, "amount_at_risk_minor": 4050, "recovered_minor": 0, "open_minor": 4050,
             "lost_minor": 0, "recovery_rate": "0.0000"},
            {"currency": "USD", "cases": 3, "amount_at_risk_minor": 7830, "recovered_minor": 2610, "open_minor": 2610,
             "lost_minor": 2610, "recovery_rate": "0.3333"},
        ],
    }  # fmt: skip


def test_the_sum_over_the_cases_opened_in_a_span(api: Api, dunning: Dunning) -> None:
    for day in range(3):
        dunning.fail(dunning.invoice(), at=START + day * DAY)
    reader = api.as_key(scopes=["recovery:read"], workspace_id=dunning.workspace_id)
    assert reader.get(PATH, since="2026-01-06T12:00:00Z").body["cases_opened"] == 2
    assert reader.get(PATH, since="2026-01-06T12:00:00Z", until="2026-01-07T12:00:00Z").body["cases_opened"] == 1
    assert reader.get(PATH, since="soon").status == 400


def test_without_cases_there_is_no_rate(api: Api, dunning: Dunning) -> None:
    dunning.fail(dunning.invoice())
    body = api.as_key(scopes=["recovery:read"]).get(PATH).body
    assert (body["cases_opened"], body["recovery_rate"], body["by_currency"]) == (0, None, [])


def test_a_key_without_the_scope_is_refused(api: Api, dunning: Dunning) -> None:
    assert api.as_key(scopes=["ledger:read"], workspace_id=dunning.workspace_id).get(PATH).status == 403


@given(part=st.integers(0, 10**12), whole=st.integers(0, 10**12))
def test_rates_are_exact_to_four_places(part: int, whole: int) -> None:
    text = rate(part, whole)
    if whole == 0:
        assert text is None
    else:
        assert text is not None and "E" not in text
        scaled = int(text.replace(".", ""))
        assert abs(scaled * whole - part * 10_000) * 2 <= whole
