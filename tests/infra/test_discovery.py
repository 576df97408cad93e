"""Discovery: what it finds by place, and what it refuses with which words."""

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from infra.discovery import DiscoveryError, discover, entry_points

Write = Callable[[str, str], None]
_numbers = itertools.count()

ROUTE = '''"""Show a thing.

What it is for.
"""
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import Model, route

class Shown(Model):
    id: str

@route("GET", "{path}", {options})
def handler({arguments}) -> Shown:
    return Shown(id="1")
'''
CONSUMER = '''"""Take note of a fact."""
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.consume import consumer
from oppulence.kernel.events import Event

class Fact(Event):
    """A fact."""

Fact.type = "{type}"

@consumer(Fact, uses=(Postgres("c"),), {options})
def handler(uow: object, event: Fact) -> None:
    """Note it."""
'''


@pytest.fixture
def context() -> str:
    """A context that no other test has imported."""
    return f"fixture_{next(_numbers)}"


@pytest.fixture
def write(tmp_path: Path, context: str) -> Iterator[Write]:
    def file(place: str, source: str) -> None:
        path = tmp_path / "functions" / context / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)

    yield file
    sys.path[:] = [entry for entry in sys.path if entry != str(tmp_path)]


def route(path: str = "/v1/things", options: str = "access='public'", arguments: str = "") -> str:
    return ROUTE.replace("{path}", path).replace("{options}", options).replace("{arguments}", arguments)


def consumer(event_type: str = "shop.thing.sold", options: str = "") -> str:
    return CONSUMER.replace("{type}", event_type).replace("{options}", options)


def test_a_file_in_its_place_is_an_entry_point(tmp_path: Path, context: str, write: Write) -> None:
    write("http/show_thing.py", route())
    (point,) = discover(tmp_path)
    assert (point.context, point.kind, point.name, point.id) == (context, "http", "show_thing", "ShowThing")
    assert (point.summary, point.description) == ("Show a thing.", "What it is for.")
    assert point.handler == f"functions/{context}/http/show_thing.handler"


def test_a_tasks_id_begins_with_its_machine(tmp_path: Path, write: Write) -> None:
    source = '''"""Decide."""
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import Model
from oppulence.kernel.tasks import task
class Input(Model):
    workspace_id: str
@task(uses=(Postgres("c"),))
def handler(uow: object, input: Input) -> None:
    """Nothing."""
'''
    write("tasks/dunning/decide.py", source)
    (point,) = discover(tmp_path)
    assert (point.machine, point.slug, point.id) == ("dunning", "dunning_decide", "DunningDecide")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (route().partition('"""\n')[2], "module docstring is missing"),
        (route(options="scope='things:reed'"), "unknown scope 'things:reed'"),
        (route(options=""), "a route takes scope="),
        (route(options="scope='sync:read', access='public'"), "contradict each other"),
        (route(options="access='public', timeout_s=30"), "at most 29"),
        (route(path="/v1/things/{thing_id}"), r"the path has \['thing_id'\]"),
        (route(path="/openmeter/things"), "below /openmeter/ and drop_in=OPENMETER belong together"),
        (route(arguments="thing_id: str"), r"the handler takes \['thing_id'\]"),
        ('"""A thing."""\nhandler = print\n', "no decorated `handler`"),
        ('"""A thing."""\n', "no decorated `handler`"),
        ("import nowhere_to_be_found\n", "cannot be imported: ModuleNotFoundError"),
        (consumer(), "files in http/ are decorated with @route"),
    ],
)
def test_a_route_that_cannot_be_deployed_is_refused(tmp_path: Path, write: Write, source: str, words: str) -> None:
    write("http/show_thing.py", source)
    with pytest.raises(DiscoveryError, match=words) as refused:
        discover(tmp_path)
    assert "show_thing.py" in str(refused.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (consumer(options="batch_size=100"), "set window_s"),
        (consumer("sold"), "not <context>.<noun>.<past participle>"),
        (consumer(options="concurrency=1"), "concurrency is 2 to 1000"),
        (consumer(options="direct=True, match={'kind': ['x']}"), "leave out match and foreign"),
        (route(), "files in consumers/ are decorated with @consumer"),
    ],
)
def test_a_consumer_that_cannot_be_deployed_is_refused(tmp_path: Path, write: Write, source: str, words: str) -> None:
    write("consumers/on_thing.py", source)
    with pytest.raises(DiscoveryError, match=words):
        discover(tmp_path)


@pytest.mark.parametrize(("options", "refused"), [(None, True), ("direct=False", True), ("direct=True", False)])
def test_a_queue_is_sent_to_only_if_a_consumer_takes_what_comes_without_a_rule(
    tmp_path: Path, context: str, write: Write, options: str | None, refused: bool
) -> None:
    sends = route(options=f"access='public', uses=(Queue('{context}/on_thing'),)")
    write("http/sell_thing.py", sends.replace("import Postgres", "import Postgres, Queue"))
    if options:
        write("consumers/on_thing.py", consumer(options=options))
    with pytest.raises(DiscoveryError, match="names no consumer with direct=True") if refused else nullcontext():
        assert len(discover(tmp_path)) == 2


def test_two_routes_that_api_gateway_cannot_tell_apart_are_refused(tmp_path: Path, write: Write) -> None:
    write("http/show_thing.py", route("/v1/things/{thing_id}", arguments="thing_id: str"))
    write("http/show_other.py", route("/v1/things/{other_id}", arguments="other_id: str"))
    with pytest.raises(DiscoveryError, match=r"share the method and path GET /v1/things/\{\}"):
        discover(tmp_path)


def test_two_entry_points_of_one_name_are_refused(tmp_path: Path, write: Write) -> None:
    write("http/on_thing.py", route())
    write("consumers/on_thing.py", consumer())
    with pytest.raises(DiscoveryError, match="share the logical id"):
        discover(tmp_path)


def test_this_repositorys_entry_points_are_in_order() -> None:
    assert len(entry_points()) > 10
