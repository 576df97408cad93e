"""Send dead letters back to their consumers, by id or by filter, at most 100 a call; with `dry_run` only say which."""

from oppulence.kernel.capabilities import Bucket, DeadLetters, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import Scope
from oppulence.tenancy import dead_letters
from oppulence.tenancy.errors import NoLettersNamed
from oppulence.tenancy.models import Redriven, RedriveRequest


@route(
    "POST", "/v1/dead_letters/redrive", scope="dead_letters:write", status=202, errors=(NoLettersNamed,), timeout_s=29,
    uses=(Postgres("tenancy"), Keys(), Bucket("dead_letters/"), DeadLetters()),
)  # fmt: skip
def handler(scope: Scope, body: RedriveRequest) -> Redriven:
    return dead_letters.redrive_many(scope, body)
