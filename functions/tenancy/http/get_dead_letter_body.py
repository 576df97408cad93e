"""Get what a consumer could not process, as it stood.

A webhook's body travels sealed; it is opened for callers who have the scope `webhooks:read` as well.
"""

from oppulence.kernel.capabilities import Bucket, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import Scope
from oppulence.tenancy import dead_letters
from oppulence.tenancy.errors import DeadLetterNotFound
from oppulence.tenancy.models import DeadLetterBody


@route(
    "GET", "/v1/dead_letters/{dead_letter_id}/body", scope="dead_letters:read", personal="dead_letter_body",
    errors=(DeadLetterNotFound,), uses=(Postgres("tenancy"), Keys(), Bucket("dead_letters/"), Bucket("webhooks/")),
)  # fmt: skip
def handler(scope: Scope, dead_letter_id: str) -> DeadLetterBody:
    return dead_letters.body(scope, dead_letter_id)
