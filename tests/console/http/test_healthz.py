"""GET /healthz: it answers, whoever asks, whatever else is down."""

import pytest

from tests.support.api import Api


def test_it_answers_without_credentials(api: Api) -> None:
    response = api.get("/healthz")
    assert (response.status, response.body) == (200, {"status": "ok"})


def test_it_answers_while_every_store_is_away(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PG_HOST", "LIMITS_TABLE", "DOMAIN_BUS"):
        monkeypatch.delenv(name, raising=False)
    assert api.get("/healthz").status == 200
