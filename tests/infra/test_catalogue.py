"""The catalogue of events: schemas that are what the classes say, samples that are what the schemas say."""

import json
from pathlib import Path

import pytest

from infra import catalogue
from infra.discovery import REPO, entry_points

ENTRIES = catalogue.entries()


def test_schemas_and_catalogue_have_not_drifted() -> None:
    for file, fresh in catalogue.files(entry_points()).items():
        assert file.exists() and file.read_text() == fresh, f"{file.name}: run `python -m infra.catalogue` and commit the result"


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.event.type for entry in ENTRIES])
def test_every_event_has_a_sample_that_is_right(entry: catalogue.Entry) -> None:
    assert list(catalogue.problems([entry])) == []


def test_a_sample_of_another_shape_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = ENTRIES[0]
    sample = json.loads(entry.sample_file.read_text())
    monkeypatch.setattr(catalogue, "EVENTS", REPO / ".local" / "test-events")
    entry.sample_file.parent.mkdir(parents=True, exist_ok=True)
    try:
        for broken in ({**sample, "data": {}}, {**sample, "type": "a.b.c"}, {**sample, "occurred_at": "yesterday"}):
            entry.sample_file.write_text(json.dumps(broken))
            assert len(list(catalogue.problems([entry]))) == 1
    finally:
        entry.sample_file.unlink()


def test_no_file_of_an_event_that_is_gone_stays_behind() -> None:
    known = {file for entry in ENTRIES for file in (entry.schema_file, entry.sample_file)}
    found = {file for file in catalogue.EVENTS.glob("*/*.v*.json") if file.parent.name != "inbound"}
    assert found == known


def test_a_contexts_events_bear_its_name() -> None:
    for entry in ENTRIES:
        assert entry.event.__module__.split(".")[:3] == ["oppulence", entry.context, "events"], entry.event.type
        assert entry.event.__doc__, entry.event.type
