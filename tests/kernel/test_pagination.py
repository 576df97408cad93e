"""Pages hold every row once; a cursor works for its own list, workspace and filters only, and a page stays under 4 MB."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from oppulence.kernel import pagination
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import MAX_PAGE_BYTES, After, Page, PageQuery, paginate
from oppulence.kernel.uow import Scope, UnitOfWork
from tests.kernel.support import CONTEXT, call, key_of
from tests.support.world import World

START = datetime(2026, 1, 1, tzinfo=UTC)


class Item(BaseModel):
    at: datetime
    id: str


class Large(BaseModel):
    id: str
    data: dict[str, str]


class Listing(PageQuery):
    colour: str | None = None


class OtherListing(PageQuery):
    colour: str | None = None


def scope(workspace_id: str = "ws_a", path: str = "/v1/items") -> UnitOfWork:
    return UnitOfWork(None, Scope(CONTEXT, workspace_id, path=path))  # type: ignore[arg-type]


def page(items: list[Item], query: PageQuery, uow: UnitOfWork | None = None) -> Page[Item]:
    def fetch(after: After | None, most: int) -> list[Item]:
        rows = sorted(items, key=lambda one: (one.at, one.id), reverse=True)
        if after:
            rows = [one for one in rows if (one.at, one.id) < (datetime.fromisoformat(after[0]), after[1])]
        return rows[:most]

    return paginate(uow or scope(), query, fetch, key=lambda one: (one.at, one.id))


@pytest.fixture(autouse=True)
def secret(environment: None) -> None:
    """Cursors are signed with the platform's secret."""


def items(count: int) -> list[Item]:
    return [Item(at=START + timedelta(seconds=n // 3), id=f"i{n:05}") for n in range(count)]


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=0, max_value=60), st.integers(min_value=1, max_value=20))
def test_pages_hold_every_row_once_in_order(environment: None, count: int, limit: int) -> None:
    found: list[Item] = []
    cursor, more, pages = None, True, 0
    while more:
        one = page(items(count), Listing(limit=limit, cursor=cursor))
        assert len(one.data) == limit or not one.pagination.has_more
        found += one.data
        cursor, more, pages = one.pagination.next_cursor, one.pagination.has_more, pages + 1
        assert (cursor is not None) == more
    assert found == sorted(items(count), key=lambda one: (one.at, one.id), reverse=True)
    assert pages == max(1, -(-count // limit))


def test_a_row_that_is_added_in_between_moves_nothing() -> None:
    rows = items(10)
    first = page(rows, Listing(limit=4))
    rows.append(Item(at=START + timedelta(days=1), id="new"))
    second = page(rows, Listing(limit=4, cursor=first.pagination.next_cursor))
    assert {one.id for one in first.data}.isdisjoint(one.id for one in second.data)
    assert len(second.data) == 4


def cursor_of(**filters: Any) -> str:
    found = page(items(10), Listing(limit=2, **filters)).pagination.next_cursor
    assert found is not None
    return found


def test_a_list_takes_its_own_cursor_however_long_the_keys_are() -> None:
    items = [Item(at=START, id=letter * 600) for letter in "🦊🦔"]
    first = page(items, PageQuery(limit=1))
    second = page(items, PageQuery(limit=1, cursor=first.pagination.next_cursor))
    assert [one.id for one in (*first.data, *second.data)] == sorted((one.id for one in items), reverse=True)


def test_a_cursor_is_bound_to_path_workspace_and_filters() -> None:
    cursor = cursor_of(colour="red")
    elsewhere = [
        (Listing(cursor=cursor), scope()), (Listing(cursor=cursor, colour="blue"), scope()),
        (OtherListing(cursor=cursor, colour="red"), scope()), (Listing(cursor=cursor, colour="red"), scope("ws_b")),
        (Listing(cursor=cursor, colour="red"), scope(path="/v1/items/other")),
    ]  # fmt: skip
    for query, uow in elsewhere:
        with pytest.raises(InvalidCursor) as refused:
            page(items(10), query, uow)
        assert refused.value.param == "cursor"
    assert page(items(10), Listing(cursor=cursor, colour="red", limit=500)).data, "another page size is no other list"


@given(st.data())
def test_a_changed_cursor_is_refused(environment: None, data: st.DataObject) -> None:
    raw = bytearray(base64.urlsafe_b64decode(cursor_of() + "=="))
    at = data.draw(st.integers(min_value=0, max_value=len(raw) - 1))
    raw[at] ^= data.draw(st.integers(min_value=1, max_value=255))
    with pytest.raises(InvalidCursor):
        page(items(10), Listing(cursor=base64.urlsafe_b64encode(bytes(raw)).decode()))


@given(st.text(min_size=1, max_size=200))
def test_any_other_text_is_refused(environment: None, text: str) -> None:
    with pytest.raises(InvalidCursor):
        page(items(10), Listing(cursor=text))


def large(count: int, size: int, letter: str) -> Page[Large]:
    rows = [Large(id=f"i{n:05}", data={"text": letter * size}) for n in range(count)]

    def fetch(after: After | None, most: int) -> list[Large]:
        return [one for one in rows if after is None or one.id > after[0]][:most]

    return paginate(scope(), Listing(limit=500), fetch, key=lambda one: (one.id,))


@pytest.mark.parametrize("letter", ["x", "é", "☃", '"'])
def test_a_page_over_four_megabytes_is_cut_and_goes_on(letter: str) -> None:
    """By bytes as they are sent, not by characters."""
    one = large(100, 100_000, letter)
    assert one.pagination.has_more and 0 < len(one.data) < 100
    assert len(one.model_dump_json().encode()) < MAX_PAGE_BYTES + 10_000


def test_one_row_over_the_limit_still_comes_alone() -> None:
    one = large(3, MAX_PAGE_BYTES + 1, "x")
    assert (len(one.data), one.pagination.has_more) == (1, True)


class Nested(BaseModel):
    inner: Item


class Optional(BaseModel):
    extra: dict[str, str] | None


class Plain(BaseModel):
    id: str
    at: datetime | None
    amount: int


@pytest.mark.parametrize(("kind", "large"), [(Plain, False), (Item, False), (Large, True), (Optional, True), (Nested, True)])
def test_rows_are_measured_by_what_they_may_hold(kind: type[BaseModel], large: bool) -> None:
    """Not by what the first one happens to hold."""
    assert pagination._may_be_large(kind) is large


def test_a_cursor_says_nothing_of_the_secret_and_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = cursor_of()
    monkeypatch.setattr(pagination, "kernel_secret", lambda: b"another")
    with pytest.raises(InvalidCursor):
        page(items(10), Listing(cursor=cursor))


@route("GET", "/v1/test/{colour}/items", scope="sync:read", uses=(Postgres(CONTEXT),))
def listed(uow: UnitOfWork, colour: str, query: Listing) -> Page[Item]:
    return page(items(10), query, uow)


def test_a_cursor_of_one_path_does_not_open_another(world: World) -> None:
    key = key_of(world)
    first = call(listed, key, parameters={"colour": "red"}, query="limit=3")
    cursor = first.body["pagination"]["next_cursor"]
    assert call(listed, key, parameters={"colour": "red"}, query=f"limit=3&cursor={cursor}").status == 200
    other = call(listed, key, parameters={"colour": "blue"}, query=f"limit=3&cursor={cursor}")
    assert (other.status, other.error.code) == (400, "invalid_cursor")
    stranger = key_of(world, workspace_id=world.workspace())
    assert call(listed, stranger, parameters={"colour": "red"}, query=f"limit=3&cursor={cursor}").status == 400
