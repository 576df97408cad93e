"""GET /readyz: ready when every store answers, and naming those that do not."""

import pytest

from oppulence.kernel import db
from tests.support.api import Api


def test_it_is_ready_when_every_store_answers(api: Api) -> None:
    response = api.get("/readyz")
    assert response.status == 200, response.body
    assert response.body == {
        "status": "ready", "checks": {"postgres": "ok", "tables": "ok", "bus": "ok", "clickhouse": "not configured"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("variable", "value", "store"),
    [
        ("LIMITS_TABLE", "nowhere", "tables"),
        ("DOMAIN_BUS", "nowhere", "bus"),
        ("CLICKHOUSE_URL", "http://127.0.0.1:9", "clickhouse"),
    ],
)
def test_it_names_the_store_that_does_not_answer(
    api: Api, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, store: str
) -> None:
    monkeypatch.setenv(variable, value)
    response = api.get("/readyz")
    assert (response.status, response.error.code) == (503, "not_ready")
    assert response.body["error"]["not_ready"] == [store]


def test_it_names_postgresql_and_finds_it_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as away:
        db.close_all()
        away.setenv("PG_PORT", "9")
        assert api.get("/readyz").body["error"]["not_ready"] == ["postgres"]
    assert api.get("/readyz").status == 200
