"""Every entry point under functions/: found by its place, read by its declaration. Nothing is registered anywhere else."""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

from oppulence.kernel.capabilities import Queue
from oppulence.kernel.declarations import Consumer, Declaration, Route, Schedule, Task, declaration_of
from oppulence.kernel.drop_in import DROP_INS
from oppulence.kernel.scopes import SCOPES

REPO = Path(__file__).resolve().parents[1]
Kind = Literal["http", "consumers", "schedules", "tasks"]
D = TypeVar("D", bound=Declaration)
KINDS: dict[Kind, type[Declaration]] = {"http": Route, "consumers": Consumer, "schedules": Schedule, "tasks": Task}

ROUTE_MAX_S = 29
"""API Gateway gives up after 30 seconds; a function must end before that."""

_EVERY = re.compile(r"^(1 (minute|hour|day)|\d+ (minutes|hours|days))$")
_EVENT_TYPE = re.compile(r"^[a-z_]+\.[a-z_]+\.[a-z_]+$")


INBOUND_TYPES = "connections.webhook."
"""Raw webhooks have a bus of their own; everything else is a fact of ours."""


class DiscoveryError(Exception):
    """An entry point that cannot be deployed as it stands; the message names the file and what to change."""


@dataclass(frozen=True)
class EntryPoint:
    """One file under functions/."""

    context: str
    kind: Kind
    name: str
    machine: str | None
    declaration: Declaration
    summary: str
    description: str
    root: Path = REPO

    @property
    def path(self) -> str:
        """The file from the repository's root, which is also its place in the zip."""
        return "/".join(("functions", self.context, self.kind, *([self.machine] if self.machine else []), f"{self.name}.py"))

    @property
    def file(self) -> Path:
        """The file itself."""
        return self.root / self.path

    @property
    def module(self) -> str:
        """Such as `functions.billing.http.finalize_invoice`."""
        return self.path.removesuffix(".py").replace("/", ".")

    @property
    def handler(self) -> str:
        """What Lambda is told to call."""
        return f"{self.path.removesuffix('.py')}.handler"

    @property
    def slug(self) -> str:
        """Its name within the context; a task's begins with its machine's."""
        return f"{self.machine}_{self.name}" if self.machine else self.name

    @property
    def id(self) -> str:
        """Logical id in its context's template, such as `FinalizeInvoice`."""
        return "".join(word.capitalize() for word in self.slug.split("_"))

    @property
    def route(self) -> Route:
        """Its declaration, where it is a route."""
        return self._declared(Route)

    @property
    def consumer(self) -> Consumer:
        """Its declaration, where it is a consumer."""
        return self._declared(Consumer)

    @property
    def schedule(self) -> Schedule:
        """Its declaration, where it is a schedule."""
        return self._declared(Schedule)

    def _declared(self, kind: type[D]) -> D:
        if not isinstance(self.declaration, kind):
            raise DiscoveryError(f"{self.path}: files in {self.kind}/ are decorated with @{KINDS[self.kind].__name__.lower()}")
        return self.declaration


@cache
def entry_points() -> tuple[EntryPoint, ...]:
    """Those of this repository, checked.

    Raises:
        DiscoveryError: one of them cannot be deployed as it stands.
    """
    return discover(REPO)


def discover(root: Path) -> tuple[EntryPoint, ...]:
    """Entry points below `root`/functions, in order of their files, checked.

    Raises:
        DiscoveryError: one of them cannot be deployed as it stands.
    """
    points = tuple(_read(file, root) for file in _files(root))
    for point in points:
        check(point)
    _refuse_twins(points, "the logical id", lambda point: f"{point.context}/{point.id}")
    _refuse_lost_queues(points)
    routes = [point for point in points if point.kind == "http"]
    _refuse_twins(routes, "the method and path", lambda point: f"{point.route.method} {_shape(point.route.path)}")
    _refuse_twins(routes, "the operationId", lambda point: point.name)
    return points


def by_context(points: Iterable[EntryPoint]) -> dict[str, list[EntryPoint]]:
    """Entry points of each context, in order of name."""
    contexts: dict[str, list[EntryPoint]] = {}
    for point in points:
        contexts.setdefault(point.context, []).append(point)
    return dict(sorted(contexts.items()))


def bus_of(event_type: str) -> Literal["domain", "inbound"]:
    """Which bus carries events of a type."""
    return "inbound" if event_type.startswith(INBOUND_TYPES) else "domain"


def bus_for(consumer: Consumer) -> Literal["domain", "inbound", "partner"]:
    """Which bus a consumer listens to."""
    return "partner" if consumer.foreign else bus_of(consumer.event.type)


def check(point: EntryPoint) -> None:
    """Refuse what AWS or the house would refuse later.

    Raises:
        DiscoveryError: with the file's name and what to change.
    """
    for problem in _problems(point):
        raise DiscoveryError(f"{point.path}: {problem}")


def _files(root: Path) -> Iterator[Path]:
    functions = root / "functions"
    patterns = [f"*/{kind}/*/*.py" if kind == "tasks" else f"*/{kind}/*.py" for kind in KINDS]
    yield from sorted(file for pattern in patterns for file in functions.glob(pattern))


def _read(file: Path, root: Path) -> EntryPoint:
    parts = file.relative_to(root).with_suffix("").parts
    context, kind = parts[1], next(kind for kind in KINDS if kind == parts[2])
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        module = importlib.import_module(".".join(parts))
    except Exception as error:
        raise DiscoveryError(f"{'/'.join(parts)}.py cannot be imported: {type(error).__name__}: {error}") from error
    summary, _, description = inspect.cleandoc(module.__doc__ or "").partition("\n")
    try:
        declaration = declaration_of(module.handler)
    except (AttributeError, TypeError) as error:
        raise DiscoveryError(f"{'/'.join(parts)}.py has no decorated `handler`: {error}") from error
    machine = parts[3] if kind == "tasks" else None
    return EntryPoint(context, kind, parts[-1], machine, declaration, summary.strip(), description.strip(), root)


def _problems(point: EntryPoint) -> Iterator[str]:
    declared = point.declaration
    if not point.summary:
        yield "its module docstring is missing; the first line becomes the summary of the route or the catalogue"
    if not isinstance(declared, KINDS[point.kind]):
        yield f"files in {point.kind}/ are decorated with @{KINDS[point.kind].__name__.lower()}"
    if not 1 <= declared.timeout_s <= 900 or not 128 <= declared.memory_mb <= 10_240:
        yield "timeout_s is 1 to 900 and memory_mb 128 to 10240"
    match declared:
        case Route():
            yield from _route_problems(declared)
        case Consumer():
            yield from _consumer_problems(declared)
        case Schedule() if not _EVERY.match(declared.every):
            yield f"every='{declared.every}' is not a rate: write '1 minute', '5 minutes', '1 hour', '1 day'"


def _route_problems(route: Route) -> Iterator[str]:
    if route.timeout_s > ROUTE_MAX_S:
        yield f"timeout_s is {route.timeout_s}, but API Gateway gives up after 30 s: at most {ROUTE_MAX_S}"
    if route.method not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        yield f"unknown method '{route.method}'"
    placeholders = re.findall(r"\{(\w+)\+?\}", route.path)
    if sorted(placeholders) != sorted(route.path_parameters):
        yield f"the path has {placeholders}, the handler takes {list(route.path_parameters)}"
    for one in DROP_INS:
        if route.path.startswith(one.prefix) != (route.drop_in is one):
            yield f"paths below {one.prefix} and drop_in={one.name.upper()} belong together"
    if route.access == "scope" and route.scope is None:
        yield "a route takes scope=, or access='user' or 'public'"
    if route.access != "scope" and route.scope is not None:
        yield f"access='{route.access}' and a scope contradict each other"
    if route.replica and (route.is_write or route.personal):
        yield "replica=True is for routes that only read: this one writes, if only who looked at personal data"
    if route.scope is not None and route.scope not in SCOPES:
        yield f"unknown scope '{route.scope}': add it to kernel/scopes.py or correct it"


def _consumer_problems(consumer: Consumer) -> Iterator[str]:
    if not consumer.foreign and not _EVENT_TYPE.match(consumer.event.type):
        yield f"its event's type is '{consumer.event.type}', not <context>.<noun>.<past participle>"
    if consumer.batch_size > 10 and consumer.window_s < 1:
        yield "SQS delivers more than 10 records at once only within a window: set window_s"
    if not 1 <= consumer.batch_size <= 10_000 or not 0 <= consumer.window_s <= 300:
        yield "batch_size is 1 to 10000 and window_s 0 to 300"
    if consumer.direct and (consumer.match or consumer.foreign):
        yield "direct=True means that no rule chooses what comes: leave out match and foreign"
    if not 2 <= consumer.concurrency <= 1_000:
        yield "concurrency is 2 to 1000"
    if consumer.timeout_s * 6 > 43_200:
        yield "the queue's visibility is six times timeout_s and at most 12 hours"


def _refuse_lost_queues(points: Iterable[EntryPoint]) -> None:
    """Whoever sends to a queue names a consumer that is there, and takes what is sent."""
    direct = {f"{point.context}/{point.slug}" for point in points if point.kind == "consumers" and point.consumer.direct}
    for point in points:
        for use in point.declaration.uses:
            if isinstance(use, Queue) and use.name not in direct:
                raise DiscoveryError(f"{point.path}: Queue('{use.name}') names no consumer with direct=True")


def _shape(path: str) -> str:
    """A path without the names of its parameters: API Gateway cannot tell two routes apart by them."""
    return re.sub(r"\{\w+\}", "{}", path)


def _refuse_twins(points: Iterable[EntryPoint], what: str, of: Callable[[EntryPoint], str]) -> None:
    seen: dict[str, EntryPoint] = {}
    for point in points:
        other = seen.setdefault(of(point), point)
        if other is not point:
            raise DiscoveryError(f"{other.path} and {point.path} share {what} {of(point)}")
