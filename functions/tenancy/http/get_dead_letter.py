"""Get one event that a consumer could not process, with the reason."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import dead_letters
from oppulence.tenancy.errors import DeadLetterNotFound
from oppulence.tenancy.models import DeadLetter


@route(
    "GET", "/v1/dead_letters/{dead_letter_id}", scope="dead_letters:read", errors=(DeadLetterNotFound,),
    uses=(Postgres("tenancy"),),
)  # fmt: skip
def handler(uow: UnitOfWork, dead_letter_id: str) -> DeadLetter:
    return dead_letters.get(uow, dead_letter_id)
