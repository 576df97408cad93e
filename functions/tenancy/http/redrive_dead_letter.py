"""Send one dead letter back to its consumer. It is processed within seconds, or comes back as `kept`."""

from oppulence.kernel.capabilities import Bucket, DeadLetters, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import Scope
from oppulence.tenancy import dead_letters
from oppulence.tenancy.errors import DeadLetterClosed, DeadLetterNotFound
from oppulence.tenancy.models import DeadLetter


@route(
    "POST", "/v1/dead_letters/{dead_letter_id}/redrive", scope="dead_letters:write", status=202,
    errors=(DeadLetterNotFound, DeadLetterClosed),
    uses=(Postgres("tenancy"), Keys(), Bucket("dead_letters/"), DeadLetters()),
)  # fmt: skip
def handler(scope: Scope, dead_letter_id: str) -> DeadLetter:
    return dead_letters.redrive(scope, dead_letter_id)
