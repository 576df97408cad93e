"""GET /v1/usage_exports/{export_id}"""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from oppulence.metering.exports.files_gateway import LINK_S
from tests.metering.exporting import PATH, ask, run, show
from tests.metering.usage import sent, take
from tests.support.api import Api
from tests.support.world import World


def test_links_come_with_the_last_file_and_expire(store: World, api: Api) -> None:
    take(store, sent("a"))
    asked = ask(api)
    assert show(api, asked["id"])["links_expire_at"] is None
    run(store)
    export = show(api, asked["id"])
    (file,) = export["files"]
    for url, name in ((file["url"], file["name"]), (export["manifest_url"], "manifest.json")):
        query = parse_qs(urlsplit(url).query)
        assert f"{store.workspace_id}/{asked['id']}/{name}" in url
        assert query.get("X-Amz-Expires") == [str(LINK_S)] or "Expires" in query
        assert query["response-content-disposition"] == [f'attachment; filename="{asked["id"]}-{name}"']
    left = datetime.fromisoformat(export["links_expire_at"]) - datetime.now(UTC)
    assert timedelta(0) < left <= timedelta(seconds=LINK_S)
    assert export["ended_at"] >= export["requested_at"]


def test_a_key_without_the_scope_gets_403_and_another_workspace_404(api: Api, world: World) -> None:
    export_id = ask(api)["id"]
    assert api.as_key(["usage:write"]).get(f"{PATH}/{export_id}").status == 403
    answer = api.as_key(workspace_id=world.workspace()).get(f"{PATH}/{export_id}")
    assert (answer.status, answer.error.code) == (404, "usage_export_not_found")
