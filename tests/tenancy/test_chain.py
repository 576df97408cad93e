"""Whatever is done to entries or links, the chain shows it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from oppulence.tenancy.chain import Entry, Link, extend, first_break

AT = datetime(2026, 1, 1, tzinfo=UTC)
texts = st.text(max_size=20)
entries = st.builds(
    Entry, id=texts, workspace_id=texts, actor_type=texts, actor_id=texts, action=texts, resource_type=texts, resource_id=texts,
    changes=texts, personal=st.binary(max_size=20), occurred_at=st.datetimes(timezones=st.just(UTC)),
    recorded_at=st.datetimes(timezones=st.just(UTC)),
)  # fmt: skip
logs = st.lists(entries, min_size=1, max_size=8, unique_by=lambda entry: entry.id)


def by_id(log: list[Entry]) -> dict[str, Entry]:
    return {entry.id: entry for entry in log}


@given(logs, st.integers(0, 8))
def test_an_untouched_chain_holds_however_it_was_sealed(log: list[Entry], cut: int) -> None:
    first = extend(None, log[:cut], AT)
    rest = extend(first[-1] if first else None, log[cut:], AT)
    assert first + rest == extend(None, log, AT)
    assert first_break(None, first + rest, by_id(log)) is None
    if first:
        assert first_break(first[-1], rest, by_id(log)) is None


@given(logs, st.data())
def test_a_changed_entry_is_named(log: list[Entry], data: st.DataObject) -> None:
    links = extend(None, log, AT)
    place = data.draw(st.integers(0, len(log) - 1))
    other = replace(data.draw(entries), id=log[place].id)
    broken = first_break(None, links, {**by_id(log), other.id: other})
    if other == log[place]:
        assert broken is None
    else:
        assert broken is not None and (broken.seq, broken.audit_id) == (place + 1, other.id)


@given(logs, st.data())
def test_a_removed_entry_is_named(log: list[Entry], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(log))
    broken = first_break(None, extend(None, log, AT), by_id([entry for entry in log if entry is not gone]))
    assert broken is not None and (broken.audit_id, broken.reason) == (gone.id, "the entry is missing")


@given(logs.filter(lambda log: len(log) > 1), st.data())
def test_removed_or_swapped_links_are_named(log: list[Entry], data: st.DataObject) -> None:
    links = extend(None, log, AT)
    place = data.draw(st.integers(0, len(links) - 2))
    removed = first_break(None, links[:place] + links[place + 1 :], by_id(log))
    assert removed is not None and (removed.seq, removed.reason) == (place + 1, f"link {place + 1} is missing")
    a, b = links[place], links[place + 1]
    swapped = [*links[:place], replace(b, seq=a.seq), replace(a, seq=b.seq), *links[place + 2 :]]
    assert first_break(None, swapped, by_id(log)) is not None


@given(logs, st.binary(min_size=32, max_size=32), st.sampled_from(["prev_hash", "hash"]), st.data())
def test_a_changed_link_is_named(log: list[Entry], forged: bytes, field: str, data: st.DataObject) -> None:
    links = extend(None, log, AT)
    place = data.draw(st.integers(0, len(links) - 1))
    assume(forged != getattr(links[place], field))
    links[place] = replace(links[place], **{field: forged})  # type: ignore[arg-type]
    broken = first_break(None, links, by_id(log))
    assert broken is not None and broken.seq == place + 1


def test_a_chain_made_anew_after_a_change_differs_at_its_end(entry: Entry) -> None:
    log = [replace(entry, id=str(n)) for n in range(3)]
    forged = [replace(log[0], action="other"), *log[1:]]
    assert extend(None, log, AT)[-1].hash != extend(None, forged, AT)[-1].hash


def test_the_hash_does_not_depend_on_the_sessions_time_zone(entry: Entry) -> None:
    moved = replace(entry, occurred_at=entry.occurred_at.astimezone(timezone(timedelta(hours=9))))
    assert moved.content() == entry.content()


def test_the_canonical_form_never_changes(entry: Entry) -> None:
    """Chains that were sealed years ago must still verify."""
    link = extend(None, [entry], AT)[0]
    assert link == Link(1, "aud_1", bytes(32), link.hash, AT)
    assert link.hash.hex() == "6f6324e6f504a3301ec46d8725f66d0c83880df1c099fa0b19538c6f336c997e"


@pytest.fixture
def entry() -> Entry:
    """An entry."""
    return Entry("aud_1", "ws_1", "user", "usr_1", "x.y", "thing", "1", '{"after": 1}', b"\x00\x01", AT, AT)
