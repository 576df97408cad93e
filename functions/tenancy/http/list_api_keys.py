"""List API keys, newest first, with their age."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page, PageQuery, paginate
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import api_keys
from oppulence.tenancy.models import ApiKey


class ApiKeysQuery(PageQuery):
    pass


@route("GET", "/v1/api_keys", scope="api_keys:read", errors=(InvalidCursor,), uses=(Postgres("tenancy"),))
def handler(uow: UnitOfWork, query: ApiKeysQuery) -> Page[ApiKey]:
    return paginate(uow, query, lambda after, most: api_keys.page(uow, after, most), key=lambda key: (key.created_at, key.id))
