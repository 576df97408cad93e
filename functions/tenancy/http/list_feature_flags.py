"""List feature flags by name."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page, PageQuery, paginate
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import feature_flags
from oppulence.tenancy.models import FeatureFlag


class FlagsQuery(PageQuery):
    pass


@route("GET", "/v1/feature_flags", scope="settings:read", errors=(InvalidCursor,), uses=(Postgres("tenancy"),))
def handler(uow: UnitOfWork, query: FlagsQuery) -> Page[FeatureFlag]:
    return paginate(uow, query, lambda after, most: feature_flags.page(uow, after, most), key=lambda flag: (flag.name,))
