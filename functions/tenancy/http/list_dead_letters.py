"""List events that consumers could not process, the last failed first."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page, PageQuery, paginate
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy.models import DeadLetter, LetterFilter
from oppulence.tenancy.store.dead_letters import list_letters


class DeadLettersQuery(PageQuery, LetterFilter):
    pass


@route("GET", "/v1/dead_letters", scope="dead_letters:read", errors=(InvalidCursor,), uses=(Postgres("tenancy"),))
def handler(uow: UnitOfWork, query: DeadLettersQuery) -> Page[DeadLetter]:
    filters = query.model_dump(exclude={"limit", "cursor"})
    return paginate(
        uow, query, lambda after, most: list_letters(uow.conn, filters, after, most), key=lambda one: (one.last_failed_at, one.id)
    )
