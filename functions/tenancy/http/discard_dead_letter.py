"""Give a dead letter up, for a reason."""

from typing import Annotated

from pydantic import Field

from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.http import Model, route
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import dead_letters
from oppulence.tenancy.errors import DeadLetterClosed, DeadLetterNotFound
from oppulence.tenancy.models import DeadLetter


class Discard(Model):
    reason: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S", description="Why nobody will need it.")]


@route(
    "POST", "/v1/dead_letters/{dead_letter_id}/discard", scope="dead_letters:write",
    errors=(DeadLetterNotFound, DeadLetterClosed), uses=(Postgres("tenancy"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, dead_letter_id: str, body: Discard) -> DeadLetter:
    return dead_letters.discard(uow, dead_letter_id, body.reason)
