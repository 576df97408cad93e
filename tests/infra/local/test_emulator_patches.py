"""The patches say loudly when the emulator is no longer the one they were written for."""

import json
import sys
import types
from importlib.metadata import version

import pytest

from infra.local import emulator_keys, emulator_main
from infra.local.emulator_patches import (
    EmulatorChanged,
    allow_large_batches,
    class_name,
    original,
    setting,
    take_partner_events,
    window_is_open,
)


def test_the_pin_is_what_is_installed() -> None:
    assert version("ministack") == emulator_main.PIN


def test_another_version_is_refused_before_anything_is_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator_main, "version", lambda _: "1.6.0")
    monkeypatch.setattr(sys, "argv", ["emulator_main", "/nonexistent", "/nonexistent"])
    with pytest.raises(EmulatorChanged, match=r"ministack 1\.5\.33, this is 1\.6\.0"):
        emulator_main.main()


def test_a_name_that_is_gone_or_takes_other_parameters_is_refused() -> None:
    module = types.ModuleType("service")
    with pytest.raises(EmulatorChanged, match=r"service\.spawn\(self\) is now None"):
        original(module, "spawn", "self")
    module.spawn = lambda self, fast: None  # type: ignore[attr-defined]
    with pytest.raises(EmulatorChanged, match="is now self fast"):
        original(module, "spawn", "self")
    module.LIMIT = 6  # type: ignore[attr-defined]
    with pytest.raises(EmulatorChanged, match=r"service\.LIMIT is no longer 5"):
        setting(module, "LIMIT", 5)


@pytest.mark.parametrize(
    ("log", "message", "name"),
    [
        ("Traceback (most recent call last):\nValueError: bad\n", "bad", "ValueError"),
        ("Traceback:\noppulence.billing.errors.InvoiceNotDraft: no\n  such (thing)\n", "no\n  such (thing)", "InvoiceNotDraft"),
        ("KeyError: 'a'\n\nDuring handling:\nTimeoutError\n", "", "TimeoutError"),
        ("printed: by the handler", "bad", None),
    ],
)
def test_the_class_is_read_from_the_traceback(log: str, message: str, name: str | None) -> None:
    assert class_name(log, message) == name


def test_a_key_is_the_same_for_the_same_seed_and_place_only() -> None:
    key_id, material = emulator_keys.derive(b"seed", "data/Key")
    assert (key_id, material(32)) == (again := emulator_keys.derive(b"seed", "data/Key"))[0:1] + (again[1](32),)
    others = [emulator_keys.derive(b"other", "data/Key"), emulator_keys.derive(b"seed", "data/Key2")]
    assert all(other_id != key_id and other(32) != material(32) for other_id, other in others)
    assert len(material(64)) == 64


def test_a_key_that_could_not_be_kept_is_refused() -> None:
    with pytest.raises(EmulatorChanged, match="RSA_2048 key would be forgotten"):
        emulator_keys.fixed_material({"KeySpec": "RSA_2048"}, bytes)


@pytest.mark.parametrize(
    ("window_s", "arrived", "gathers"),
    [
        (None, [99.9], False),
        (0, [99.9], False),
        (2, [], False),
        (2, [99.0, 99.9], True),
        (2, [97.9, 99.9], False),
        (2, [99.9] * 5, False),
        (2, [101.0], False),
    ],
)
def test_a_mapping_gathers_until_its_window_ends_or_a_batch_is_full(
    window_s: int | None, arrived: list[float], gathers: bool
) -> None:
    mapping = {"MaximumBatchingWindowInSeconds": window_s, "BatchSize": 5}
    messages = [{"sent_at": 90.0, "visible_at": at} for at in arrived]
    assert window_is_open(mapping, messages, now=100.0) is gathers


def test_a_partners_event_is_taken_and_no_other_of_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    from ministack.services import eventbridge

    monkeypatch.setattr(eventbridge, "_put_events", eventbridge._put_events)  # put back afterwards
    take_partner_events()
    taken = {}
    for source in ("aws.partner/stripe.com/ed_1", "aws.ec2"):
        entry = {"Source": source, "DetailType": "customer.created", "Detail": "{}"}
        taken[source] = json.loads(eventbridge._put_events({"Entries": [entry]})[2])["FailedEntryCount"]
    assert taken == {"aws.partner/stripe.com/ed_1": 0, "aws.ec2": 1}


@pytest.mark.parametrize(("size", "taken"), [(100, 500), (250_000, 20), (64_000, 60)])
def test_a_function_gets_no_more_messages_than_an_invocation_holds(
    monkeypatch: pytest.MonkeyPatch, size: int, taken: int
) -> None:
    from ministack.services import sqs

    def receive(queue_url: str, max_number: int) -> list[dict[str, str]]:
        return [{"body": "x" * size}] * max_number

    monkeypatch.setattr(sqs, "_receive_messages_for_esm", receive)
    allow_large_batches()
    assert len(sqs._receive_messages_for_esm("queue", 500)) == taken
    assert len(sqs._receive_messages_for_esm("queue", 7)) == 7
