"""Turn a feature flag on or off; it is made on first use."""

from typing import Annotated

from pydantic import Field

from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.http import Model, route
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import feature_flags
from oppulence.tenancy.errors import InvalidFlagName
from oppulence.tenancy.models import FeatureFlag


class FlagState(Model):
    enabled: bool
    description: Annotated[str | None, Field(max_length=500, description="Stays as it is when left out.")] = None


@route("PUT", "/v1/feature_flags/{name}", scope="settings:write", errors=(InvalidFlagName,), uses=(Postgres("tenancy"), Keys()))
def handler(uow: UnitOfWork, name: str, body: FlagState) -> FeatureFlag:
    return feature_flags.put(uow, name, body.enabled, body.description)
