"""A restore is rehearsed on the real PostgreSQL; the restored copy is then masked, and says nothing of anybody."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.local.postgres import Postgres
from infra.ops import rehearsal
from infra.ops.masking import mask
from infra.ops.output import Failed
from oppulence.kernel import db
from tests.support import entries
from tests.support.api import Api
from tests.support.postgres import server, variables
from tests.support.world import World

PERSON = {
    "key": "ada@example.com", "name": "Ada Lovelace", "emails": ["ada@example.com", "Ada.L@example.org"], "phone": "+15550001111",
    "address": {"line1": "12 Rue Secrète", "city": "Paris", "country": "FR"}, "metadata": {"note": "met ada in march"},
}  # fmt: skip
OBJECT = (
    '{"id": "in_1", "object": "invoice", "amount_due": 4200, "currency": "usd", "status": "open",'
    ' "customer_name": "Ada Lovelace", "customer_email": "ada@example.com",'
    ' "hosted_invoice_url": "https://invoice.stripe.com/i/acct_1/live_x",'
    ' "customer_address": {"line1": "12 Rue Secrète", "country": "FR"}, "metadata": {"who": "ada"},'
    ' "lines": {"data": [{"description": "Seats of Ada", "amount": 4200}]}}'
)
TELLING = ("ada@", "ada.l@", "lovelace", "secrète", "0001111", "met ada", "seats of", "live_x")


@pytest.fixture(scope="module")
def own() -> Iterator[Postgres]:
    """A PostgreSQL that holds these tests' data only: others leave much to copy, and break audit logs in every way."""
    with server() as made:
        yield made


@pytest.fixture
def lived(environment: None, own: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A workspace with a customer, an invoice of the mirror, and a sealed audit log."""
    db.close_all()
    for name, value in variables(own).items():
        monkeypatch.setenv(name, value)
    with psycopg.connect(own.url, autocommit=True) as admin:
        yield _lived(World(admin))
    db.close_all()


def _lived(world: World) -> World:
    api = Api(world)
    made = api.as_key().post("/v1/customers", PERSON)
    assert made.status == 201, made.body
    world.admin.execute(
        "INSERT INTO sync.objects (workspace_id, account, type, id, data, event_id, event_created_at, updated_at)"
        " SELECT %s, 'acct_1', 'invoice', 'in_1', %s, 'evt_1', now(), now()", (world.workspace_id, OBJECT)
    )  # fmt: skip
    entries.entry("tenancy.schedules.seal_audit")({}, None)
    return world


@pytest.fixture
def copy(lived: World, own: Postgres, tmp_path: Path) -> Iterator[str]:
    tmp_path.chmod(0o711)
    with rehearsal.restored(own.url, tmp_path, {}, {}) as server:
        yield server.url
    db.close_all()


def everything(url: str) -> str:
    """All rows of all tables as text."""
    with psycopg.connect(url) as conn:
        tables = conn.execute(rehearsal._TABLES).fetchall()
        query = "SELECT coalesce(string_agg(t::text, ' '), '') FROM {} t"
        found = [conn.execute(query.format(f'"{schema}"."{name}"').encode()).fetchone() for schema, name in tables]
        return str(found).lower()


def test_a_restored_copy_is_whole(lived: World, own: Postgres, tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    done = rehearsal.rehearse(own.url, tmp_path)
    assert done.faults == [] and done.logs >= 1 and done.rows > 0
    assert set(done.seconds) == {"dump", "restore", "proof"} and done.total_s < rehearsal.RTO_S


def test_a_masked_copy_tells_nothing_of_anybody_and_keeps_amounts(copy: str, lived: World) -> None:
    before = everything(copy)
    assert all(word in before for word in TELLING)
    rows = mask(copy, "a key")
    assert rows["customers.customers"] >= 1 and rows["sync.objects"] >= 1
    after = everything(copy)
    assert [word for word in TELLING if word in after] == []
    with psycopg.connect(copy) as conn:
        own = (lived.workspace_id,)
        (data,) = conn.execute("SELECT data FROM sync.objects WHERE id = 'in_1' AND workspace_id = %s", own).fetchone() or ({},)
        (emails,) = conn.execute("SELECT emails FROM customers.customers WHERE workspace_id = %s", own).fetchone() or ([],)
        (keys,) = conn.execute("SELECT count(*) FROM tenancy.data_keys").fetchone() or (1,)
        forced = conn.execute("SELECT relforcerowsecurity FROM pg_class WHERE oid = 'sync.objects'::regclass").fetchone()
    assert (data["amount_due"], data["currency"], data["lines"]["data"][0]["amount"]) == (4200, "usd", 4200)
    assert data["customer_email"] == emails[0] and emails[0].endswith("@masked.invalid"), "equal values have equal pseudonyms"
    assert data["hosted_invoice_url"] is None and data["customer_address"]["country"] == "FR"
    assert keys == 0 and forced == (True,)


def test_a_stages_own_database_is_refused(copy: str) -> None:
    with psycopg.connect(copy, autocommit=True) as conn:
        conn.execute("CREATE FUNCTION aurora_db_instance_identifier() RETURNS text LANGUAGE sql AS $$ SELECT 'oppulence-1' $$")
    with pytest.raises(Failed, match="own cluster"):
        mask(copy)
    assert "ada@" in everything(copy)


def test_a_database_in_use_is_refused(lived: World, own: Postgres) -> None:
    lived.within("tenancy", lambda uow: uow.conn.execute("SELECT 1"))
    with pytest.raises(Failed, match="connected as"):
        mask(own.url)


def test_a_column_that_nobody_judged_stops_the_masking(copy: str) -> None:
    with psycopg.connect(copy, autocommit=True) as conn:
        conn.execute("ALTER TABLE customers.customers ADD COLUMN nickname text")
    with pytest.raises(Failed, match=r"customers\.customers\.nickname"):
        mask(copy)
