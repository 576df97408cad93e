"""However a search is carried out, it finds the same customers in the same order, each once."""

from pathlib import Path

import pytest

from oppulence.customers import finding
from tests.customers.support import make
from tests.support.api import Api
from tests.support.world import World

NAMES = [
    "Anna Berg",
    "Anna Bern",
    "Annabel Berg",
    "Bernd Anders",
    "Anna Carl",
    "Carl Berg",
    "Berta Anna Berg",
    "Zoe Anna-Bertram",
]


def pages(api: Api, query: str, limit: int) -> list[str]:
    found, cursor = [], None
    while True:
        page = api.as_key().get("/v1/customers", query=query, limit=limit, cursor=cursor).body
        found += [one["name"] for one in page["data"]]
        cursor = page["pagination"]["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("query", ["an ber", "anna", "berg an", "a b c", "c b", "an ber nobody"])
@pytest.mark.parametrize(("rare", "glance"), [(2_000, 5), (2, 1), (1, 1), (3, 1_000)])
def test_rare_and_frequent_words_find_the_same(
    api: Api, monkeypatch: pytest.MonkeyPatch, query: str, rare: int, glance: int
) -> None:
    for name in NAMES:
        make(api, name=name)
    words = query.split()
    fitting = {name for name in NAMES if all(any(p.startswith(w) for p in name.lower().replace("-", " ").split()) for w in words)}
    monkeypatch.setattr(finding, "RARE", rare)
    monkeypatch.setattr(finding, "GLANCE", glance)
    for limit in (1, 2, 100):
        found = pages(api, query, limit)
        assert set(found) == fitting and len(found) == len(fitting), limit


def test_terms_of_those_who_were_archived_before_terms_had_a_status_are_parted(api: Api, world: World) -> None:
    make(api, key="k", name="Anna")
    world.admin.execute("UPDATE customers.customers SET status = 'archived' WHERE workspace_id = %s", (world.workspace_id,))
    moved = Path(finding.__file__).parent / "migrations" / "0003_part_terms_of_the_archived.sql"
    world.admin.execute(b"SET ROLE customers_owner; " + moved.read_bytes() + b"RESET ROLE")
    found = [api.as_key().get("/v1/customers", query="anna", status=status).body["data"] for status in ("active", "archived")]
    assert [len(some) for some in found] == [0, 1]
