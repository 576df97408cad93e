"""GET /v1/events/imports/{id}: how far it is."""

from collections.abc import Callable
from typing import Any

import pytest

from oppulence.kernel.errors import Unavailable
from oppulence.metering.imports import lines, reading
from oppulence.metering.imports.models import Import
from tests.metering.importing import Importing, event, ndjson
from tests.support.api import Api


def test_progress_says_how_far_it_is(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "RECORD_MAX", 200)
    monkeypatch.setattr(reading, "PART_BYTES", 1000)
    import_id = importing.started(ndjson(*(event(n) for n in range(100)), "bad"))
    with monkeypatch.context() as dying:
        dying.setattr(reading, "_take", once(reading._take))
        with pytest.raises(Unavailable):
            importing.task(import_id)
    view = importing.api.as_key(["usage:read"]).get(f"/v1/events/imports/{import_id}").body
    assert 0 < view["bytes_read"] < view["size_bytes"] and 0 < view["lines_read"] < 100
    assert view["accepted"] == view["lines_read"] and view["lines_per_second"] > 0 and view["remaining_s"] >= 0
    done = importing.run(import_id)
    assert (done["accepted"], done["rejected"], done["lines_read"], done["remaining_s"]) == (100, 1, 101, None)
    assert done["ended_at"] >= done["started_at"] >= done["requested_at"] and done["upload"] is None


def once(take: Callable[..., Import]) -> Callable[..., Import]:
    """Let one part be read."""
    parts = [take]

    def one(*arguments: Any) -> Import:
        if not parts:
            raise Unavailable("gone")
        return parts.pop()(*arguments)

    return one


def test_rejected_lines_are_behind_a_link(importing: Importing) -> None:
    import_id = importing.started(b"bad\n")
    assert importing.view(import_id)["errors_url"] is None
    importing.run(import_id)
    (error,) = importing.errors(import_id)
    assert (error["line"], error["text"]) == (1, "bad") and error["reason"]


def test_unknown_forbidden_and_anothers(importing: Importing, api: Api) -> None:
    import_id = importing.started(b"bad\n")
    path = f"/v1/events/imports/{import_id}"
    assert api.as_key().get("/v1/events/imports/uim_x").error.code == "import_not_found"
    assert api.as_key(["usage:write"]).get(path).status == 403
    assert api.as_key(workspace_id=api.world.workspace()).get(path).status == 404
