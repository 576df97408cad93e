"""Lists: keyset pages with opaque, signed cursors. A cursor works only for the path, workspace and filters it came from."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Hashable, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.secret import kernel_secret

if TYPE_CHECKING:  # it brings PostgreSQL's driver, which routes of models with pages may do without
    from oppulence.kernel.uow import Scope, UnitOfWork

T = TypeVar("T")
After = tuple[Any, ...]

MAX_PAGE_BYTES = 4_000_000
MAX_CURSOR = 4000
"""Keys of up to some 700 characters of any script; a list whose keys may be longer says so."""
_TAG_BYTES = 16
_PLAIN = (str, int, float, Decimal, date, datetime, Enum, NoneType)


class PageQuery(BaseModel):
    """Query of a list; subclasses add the list's filters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=500, description="Rows a page.")] = 100
    cursor: Annotated[str | None, Field(max_length=MAX_CURSOR, description="`next_cursor` of the page before.")] = None


class Pagination(BaseModel):
    """Where the list goes on."""

    has_more: bool
    next_cursor: Annotated[str | None, Field(description="Pass as `cursor` for the next page; null on the last one.")] = None


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    data: list[T]
    pagination: Pagination


def paginate(
    uow: "UnitOfWork | Scope", query: PageQuery, fetch: Callable[[After | None, int], Sequence[T]], key: Callable[[T], After]
) -> Page[T]:
    """One page: `fetch(after, most)` returns at most `most` rows that come after the row whose `key` is `after`.

    A list that is not read in one transaction gives its scope.

    A page over 4 MB is cut and goes on at its cursor.

    Raises:
        InvalidCursor: the cursor was not given out by this list for these filters.
    """
    bound_to = _binding(cast("Scope", getattr(uow, "scope", None) or uow), query)
    after = _open(query.cursor, bound_to) if query.cursor else None
    rows = list(fetch(after, query.limit + 1))
    kept = _fitting(rows[: query.limit])
    more = len(rows) > len(kept)
    pagination = Pagination(has_more=more, next_cursor=_sign(key(kept[-1]), bound_to) if more else None)
    kind = type(kept[0]) if kept else Any
    return Page[kind].model_construct(data=kept, pagination=pagination)  # type: ignore[valid-type]


def _fitting(rows: list[T]) -> list[T]:
    """The leading rows that fit one answer; at least one."""
    if len(rows) < 2 or not _may_be_large(cast("Hashable", type(rows[0]))):
        return rows
    size = 0
    for index, row in enumerate(rows):
        size += len(to_json(row))
        if size > MAX_PAGE_BYTES and index:
            return rows[:index]
    return rows


@cache
def _may_be_large(kind: type[object]) -> bool:
    """Whether rows carry free-form content or parts of their own: rows of plain columns never reach the limit."""
    if issubclass(kind, BaseModel):
        return not all(_is_plain(field.annotation) for field in kind.model_fields.values())
    return not all(_is_plain(annotation) for annotation in get_type_hints(kind).values())


def _is_plain(annotation: Any) -> bool:  # noqa: ANN401
    if isinstance(annotation, type):
        return issubclass(annotation, _PLAIN)
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return True
    return origin in (Annotated, Union, UnionType) and all(_is_plain(one) for one in parts[: 1 if origin is Annotated else None])


def _binding(scope: "Scope", query: PageQuery) -> bytes:
    kind = type(query)
    filters = query.model_dump_json(exclude={"cursor", "limit"})
    return f"{kind.__module__}.{kind.__qualname__}|{scope.path}|{scope.workspace_id}|{filters}".encode()


def _sign(key: After, bound_to: bytes) -> str:
    payload = to_json([_plain(value) for value in key])
    return base64.urlsafe_b64encode(_tag(payload, bound_to) + payload).rstrip(b"=").decode()


def _open(cursor: str, bound_to: bytes) -> After:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError as error:
        raise _refused() from error
    tag, payload = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(payload, bound_to)):
        raise _refused()
    return tuple(json.loads(payload))


def _refused() -> InvalidCursor:
    return InvalidCursor("This cursor is not from this list with these filters. Start again without it.", param="cursor")


def _tag(payload: bytes, bound_to: bytes) -> bytes:
    return hmac.digest(kernel_secret(), bound_to + b"|" + payload, hashlib.sha256)[:_TAG_BYTES]


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime | date) else value
