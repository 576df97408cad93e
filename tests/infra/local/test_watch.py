"""Edits reach running functions within a second or two."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.aws import session
from infra.local.deploy import Target, deploy
from infra.local.emulator import Emulator
from infra.local.program import Program
from infra.local.watch import Settings
from tests.infra.local import handwritten

LIVE_S = 3


class Checkout:
    """A repository with one entry point, deployed and watched."""

    def __init__(self, root: Path, emulator: Emulator) -> None:
        self.root = root
        self.aws: Any = session().client("lambda", endpoint_url=emulator.url)
        self.log = root / ".local" / "watch.log"

    def write(self, name: str, text: str) -> None:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def call(self) -> Any:
        functions = self.aws.list_functions()["Functions"]
        name = next(each["FunctionName"] for each in functions if "show" in each["Handler"])
        return json.loads(self.aws.invoke(FunctionName=name, Payload=b"{}")["Payload"].read())


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    root = tmp_path_factory.mktemp("checkout")
    emulator = Emulator(root)
    emulator.start()
    made = Checkout(root, emulator)
    template = handwritten.template()
    template["Resources"]["Route"]["Properties"]["Environment"]["Variables"]["PYTHONPATH"] = str(root / "layers" / "domain")
    deploy(handwritten.write(root / "cdk.out", template), Target(emulator.url, emulator.seed, say=lambda _: None))
    made.write("layers/domain/rules.py", "ANSWER = 1\n")
    made.write(handwritten.ROUTE, "def handler(event, context): return 'deployed'\n")
    ready = root / "ready"
    Settings(emulator.url, str(root), str(ready)).write(root / "watch.json")
    watcher = Program("infra.local.watch", root / "watch.json", made.log, ready.exists)
    watcher.start()
    yield made
    watcher.stop()
    emulator.stop()


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_an_edited_function_is_live_and_so_is_edited_domain_code(checkout: Checkout) -> None:
    checkout.write(handwritten.ROUTE, "import rules\ndef handler(event, context): return rules.ANSWER\n")
    assert within(LIVE_S, lambda: checkout.call() == 1)
    checkout.write("layers/domain/rules.py", "ANSWER = 22\n")
    assert within(LIVE_S, lambda: checkout.call() == 22)


def test_a_broken_edit_is_told_and_the_old_code_stays(checkout: Checkout) -> None:
    before = checkout.call()
    checkout.write(handwritten.ROUTE, "def handler(:\n")
    assert within(LIVE_S, lambda: f"{handwritten.ROUTE}: not applied" in checkout.log.read_text())
    assert checkout.call() == before


def test_a_new_entry_point_waits_for_the_next_start(checkout: Checkout) -> None:
    checkout.write("functions/demo/http/list_things.py", "def handler(event, context): ...\n")
    assert within(LIVE_S, lambda: "list_things.py: a new entry point" in checkout.log.read_text())
