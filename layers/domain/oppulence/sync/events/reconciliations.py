"""What the reconciler asks of itself, one connection at a time."""

from datetime import date
from typing import Annotated

from pydantic import Field

from oppulence.kernel.events import Event


class ReconciliationRequested(Event, type="sync.reconciliation.requested", version=1):
    """A connection's events are to be compared with the provider's own list. A repeat finds nothing left to do."""

    connection_id: str


class ComparisonRequested(Event, type="sync.comparison.requested", version=1):
    """Objects of one type created on one day are to be compared with the provider's listing."""

    connection_id: str
    object_type: Annotated[str, Field(description="The provider's name of the type, such as `invoice`.")]
    day: Annotated[date, Field(description="UTC.")]
