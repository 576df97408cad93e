"""What an entry point may touch. Its role, environment and layers follow from these, and nothing else widens them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing a function may do."""


@dataclass(frozen=True, slots=True)
class Postgres(Capability):
    """Connect to PostgreSQL as a context's role; puts the function into the VPC."""

    context: str


@dataclass(frozen=True, slots=True)
class Bus(Capability):
    """Publish a context's domain events."""

    context: str


@dataclass(frozen=True, slots=True)
class Inbound(Capability):
    """Put verified provider webhooks on the inbound bus."""


@dataclass(frozen=True, slots=True)
class Keys(Capability):
    """Make and unwrap workspaces' data keys."""


@dataclass(frozen=True, slots=True)
class Table(Capability):
    """Read, or also write, a DynamoDB table of the data stack: `connections`."""

    name: str
    write: bool = False


@dataclass(frozen=True, slots=True)
class Bucket(Capability):
    """Read, or also write, objects below a prefix of the workspaces' bucket; with `find` also ask which there are."""

    prefix: str
    write: bool = False
    find: bool = False


@dataclass(frozen=True, slots=True)
class AuditHeads(Capability):
    """Keep the heads of audit logs' chains in the bucket that forgets nothing."""


@dataclass(frozen=True, slots=True)
class DeadLetters(Capability):
    """Send dead letters home to the queues they came from; or, with `take`, take them off the dead-letter queues instead."""

    take: bool = False


@dataclass(frozen=True, slots=True)
class Queue(Capability):
    """Send messages to the queue of a `direct` consumer, named `<context>/<consumer>`."""

    name: str


@dataclass(frozen=True, slots=True)
class Machine(Capability):
    """Start, describe and stop executions of a state machine, named `<context>/<machine>`."""

    name: str


@dataclass(frozen=True, slots=True)
class Mail(Capability):
    """Send e-mail from the platform's address."""


@dataclass(frozen=True, slots=True)
class ClickHouse(Capability):
    """Read and write the analytical store."""


@dataclass(frozen=True, slots=True)
class Provider(Capability):
    """Call a provider's API; with its SDK's layer, where it has one."""

    name: str
