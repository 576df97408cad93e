"""What an entry point says of itself. Infrastructure, the OpenAPI document and tests read these; nothing else is written down."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from oppulence.kernel.capabilities import Capability, Keys, Postgres
from oppulence.kernel.drop_in import DropIn
from oppulence.kernel.errors import AppError
from oppulence.kernel.events import Envelope, Event

Entry = Callable[[dict[str, Any], Any], Any]
"""What AWS calls: an event and a context."""

Access = Literal["scope", "user", "public"]


@dataclass(frozen=True)
class Declaration:
    """Common to all entry points."""

    work: Callable[..., Any]
    uses: tuple[Capability, ...]
    timeout_s: int = 20
    memory_mb: int = 512

    @property
    def context(self) -> str:
        """Whose role the unit of work has: the declared Postgres capability's."""
        for use in self.uses:
            if isinstance(use, Postgres):
                return use.context
        raise LookupError(f"{self.work.__module__} declares no Postgres capability, so it has no unit of work")

    @property
    def needs_keys(self) -> bool:
        """Whether workspaces' data keys are used."""
        return any(isinstance(use, Keys) for use in self.uses)


@dataclass(frozen=True)
class Route(Declaration):
    """A method and path of the HTTP API.

    `takes` says for the OpenAPI document what a handler that reads the body itself can read: media types with their schemas.
    `repeatable` is for a handler that takes `scope` and whose repeat has no second effect: nothing is kept in PostgreSQL then.
    `replica` lets it read from a replica, a moment behind, where there is one: only for what consumers write, since there a
    caller's own write is never to be seen at once anyway. `drop_in` is the rival's surface that it belongs to. `greedy`: the last
    parameter takes the rest of the path, slashes too, as it is a text of the caller's own.
    """

    method: str = "GET"
    path: str = "/"
    scope: str | None = None
    access: Access = "scope"
    errors: tuple[type[AppError], ...] = ()
    status: int = 200
    idempotent: bool = False
    max_body_bytes: int = 256_000
    personal: str | None = None
    while_deleting: bool = False
    repeatable: bool = False
    replica: bool = False
    drop_in: DropIn | None = None
    greedy: bool = False
    body: type[Any] | None = None
    query: type[Any] | None = None
    takes: Callable[[], dict[str, Any]] | None = None
    answer: Any = None
    path_parameters: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()

    def wants(self, name: str) -> bool:
        """Whether the handler takes this argument."""
        return name in self.given

    @property
    def gateway_path(self) -> str:
        """The path as API Gateway writes it."""
        return f"{self.path.removesuffix('}')}+}}" if self.greedy else self.path

    @property
    def is_write(self) -> bool:
        """Whether a repeat could have a second effect."""
        return self.method in ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Foreign:
    """Events of another's shape, from the partners' bus: whose `source` begins so, and how one becomes an envelope of ours.

    `read` gets what EventBridge delivers. It may look things up, and raises Permanent for what is nobody's.
    """

    source: str
    read: Callable[[dict[str, Any]], Envelope]


@dataclass(frozen=True)
class Consumer(Declaration):
    """A queue with its dead letters, fed by a rule on a bus; or, if `direct`, by functions that declare the queue."""

    event: type[Event] = Event
    batch: bool = False
    together: bool = False
    batch_size: int = 10
    window_s: int = 0
    match: dict[str, list[str]] = field(default_factory=dict)
    max_tries: int = 5
    concurrency: int = 10
    direct: bool = False
    foreign: Foreign | None = None


@dataclass(frozen=True)
class Schedule(Declaration):
    """A clock."""

    every: str = "1 minute"


@dataclass(frozen=True)
class Task(Declaration):
    """A step of a state machine."""

    takes: type[Any] | None = None
    gives: Any = None


def declaration_of(entry: Entry) -> Declaration:
    """The declaration behind a decorated handler.

    Raises:
        TypeError: the handler was not made by one of the decorators.
    """
    found = getattr(entry, "declaration", None)
    if not isinstance(found, Declaration):
        raise TypeError(f"{entry!r} is not an entry point: decorate it with @route, @consumer, @schedule or @task")
    return found
