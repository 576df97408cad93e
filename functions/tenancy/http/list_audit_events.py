"""List the audit log, latest first. Reading it is itself recorded, because it holds addresses of people's machines."""

from typing import Annotated

from pydantic import Field

from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.instant import Instant
from oppulence.kernel.pagination import Page, PageQuery, paginate
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import audit_log
from oppulence.tenancy.models import AuditEvent

Word = Annotated[str, Field(min_length=1, max_length=255)]


class AuditQuery(PageQuery):
    action: Annotated[Word | None, Field(description="Such as `api_key.created`.")] = None
    actor_id: Word | None = None
    resource_type: Word | None = None
    resource_id: Word | None = None
    since: Annotated[Instant | None, Field(description="At or after this instant.")] = None
    until: Annotated[Instant | None, Field(description="Before this instant.")] = None


@route(
    "GET", "/v1/audit_events", scope="settings:read", personal="audit_event", errors=(InvalidCursor,),
    uses=(Postgres("tenancy"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, query: AuditQuery) -> Page[AuditEvent]:
    filters = query.model_dump(exclude={"limit", "cursor"})
    return paginate(
        uow, query, lambda after, most: audit_log.entries(uow, filters, after, most), key=lambda one: (one.occurred_at, one.id)
    )
