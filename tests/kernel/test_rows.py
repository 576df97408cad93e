"""Rows of lists: plain dataclasses by the order of their columns."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from oppulence.kernel import db
from oppulence.kernel.pagination import Page, PageQuery, paginate
from oppulence.kernel.uow import Scope, in_transaction
from tests.support.world import World


@dataclass(slots=True)
class Row:
    id: int
    at: datetime
    name: str | None


AT = datetime(2026, 1, 2, tzinfo=UTC)
STATEMENT = (
    "SELECT n AS id, %(at)s::timestamptz AS at, nullif('row ' || n, 'row 2') AS name FROM generate_series(1, %(most)s) AS n"
)


def test_rows_have_the_columns_types(environment: None) -> None:
    found = db.fetch_rows(db.connection("sync"), Row, STATEMENT, {"at": AT, "most": 2})
    assert found == [Row(1, AT, "row 1"), Row(2, AT, None)]


@pytest.mark.parametrize(
    "columns", ["1 AS id", "now() AS at, 1 AS id, 'x' AS name", "1 AS id, now() AS at, 'x' AS name, 2 AS more"]
)
def test_columns_that_are_not_the_fields_are_refused(environment: None, columns: str) -> None:
    with pytest.raises(TypeError, match="fields"):
        db.fetch_rows(db.connection("sync"), Row, f"SELECT {columns}", {})


def test_a_page_of_rows_is_written_as_its_type_says(world: World) -> None:
    def listed(after: object, most: int) -> list[Row]:
        return [Row(n, AT, None) for n in range(most)]

    page: Page[Row] = in_transaction(
        Scope("sync", world.workspace_id), lambda uow: paginate(uow, PageQuery(limit=1), listed, key=lambda row: (row.id,))
    )
    assert page.model_dump_json(exclude={"pagination"}) == '{"data":[{"id":0,"at":"2026-01-02T00:00:00Z","name":null}]}'
    assert page.pagination.has_more and page.pagination.next_cursor
