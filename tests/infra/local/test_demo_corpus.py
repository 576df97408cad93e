"""What the demo and the storm hold a platform to."""

from pathlib import Path
from typing import Any

from infra.local.demo import corpus, report
from infra.local.stripe.fake import FakeStripe


def test_what_a_local_stripe_tells_is_what_the_corpus_says(tmp_path: Path) -> None:
    """Capabilities have the same ids on each account, and lie on one shelf."""
    kinds = ("capability", "account", "bank_account")
    bundled = corpus.bundled()
    told = [event for event in bundled.events if event.object["object"] in kinds]
    with FakeStripe(tmp_path) as stripe:
        stripe.play([event.id for event in told])
        found = corpus.of_stripe(stripe)
    assert {event.id for event in found.events} == {event.id for event in told}
    objects = found.objects()
    capabilities = {event.key: event.object for event in told if event.object["object"] == "capability"}
    assert objects.pop("capability") == capabilities and len({account for account, _ in capabilities}) > 1
    ended = corpus.Story(tuple(told), bundled.final).objects()
    assert {kind: set(rows) for kind, rows in objects.items()} == {kind: set(rows) for kind, rows in ended.items()}


def test_objects_that_are_missing_surplus_or_different_are_all_wrong() -> None:
    same: dict[str, Any] = {"id": "cus_1", "name": "Ida"}
    expected = {("", "cus_1"): same, ("", "cus_2"): same, ("", "cus_3"): same}
    found = {("", "cus_1"): same, ("", "cus_2"): same | {"name": "Eva"}, ("", "cus_4"): same}
    wrong = set(report.differing("customer", found, expected))
    assert wrong == {"cus_3 is missing", "cus_2 (name)", "cus_4 should not be there"}
