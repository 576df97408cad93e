"""List members and open invitations, newest first."""

from typing import Annotated, Literal

from pydantic import Field

from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page, PageQuery, paginate
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import members
from oppulence.tenancy.models import Member


class MembersQuery(PageQuery):
    status: Annotated[Literal["active", "invited"] | None, Field(description="Only members, or only invitations.")] = None


@route(
    "GET", "/v1/members", scope="settings:read", personal="member", errors=(InvalidCursor,), uses=(Postgres("tenancy"), Keys())
)
def handler(uow: UnitOfWork, query: MembersQuery) -> Page[Member]:
    return paginate(
        uow, query, lambda after, most: members.page(uow, query.status, after, most), key=lambda one: (one.created_at, one.id)
    )
