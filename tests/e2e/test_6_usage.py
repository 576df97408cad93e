"""Usage on the deployed template: a load with stores that die meanwhile, and a file."""

import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote
from urllib.request import Request

import pytest

from infra.local import cloud
from tests.e2e.running import OPENER, Running, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
LINES = 3000


def test_a_load_while_stores_die_differs_in_nothing(running: Running) -> None:
    """What was answered 202 is counted exactly once, repeated ids as they came first, whatever was killed."""
    running.configure("metering-on_usage_accepted", DOWN_VISIBILITY_S="1")
    options = ["--rate", "40", "--for", "6", "--duplicates", "10%", "--late", "5%", "--settle-s", "90"]
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(running.operator, "events", "load", *options)
        time.sleep(3)
        for store in ("clickhouse", "postgres"):
            cloud.kill(store, running.root)
            time.sleep(1)
            cloud.start_child(store, running.root)
        running.platform.close()  # its connection was to the server that was killed
        while not loading.done():
            running.invoke("metering-settle_usage")  # which otherwise would be so within a minute
            time.sleep(3)
        found = loading.result()
    assert found["differences"] == []
    assert found["events"] > 150 and found["repeated"] > found["changed"] > 0 and found["late"] > 0 and found["checked"] > 200
    assert found["visible_ms"]["samples"] > 0
    assert not [queue for queue in running.platform.dead_letters() if "metering" in queue]


def test_a_file_is_imported_whole(running: Running) -> None:
    running.call("POST", "/v1/meters", {
        "slug": "imported", "event_type": "file.line", "aggregation": "SUM", "value_property": "$.n", "effective_from": None,
    })  # fmt: skip
    rows = [f'line-{n},file.line,acme,2026-01-{n % 28 + 1:02}T12:00:00Z,{n}.25,"a\nb"' for n in range(LINES)]
    content = "\r\n".join(["key,type,subject,time,data.n,data.note", *rows, "line-x,file.line,acme,never,1,"]).encode()
    asked = running.call("POST", "/v1/events/imports", {"format": "csv", "size_bytes": len(content), "columns": {"key": "id"}})
    upload = asked["upload"]
    put = Request(upload["url"], data=content, headers=upload["headers"], method=upload["method"])
    assert OPENER.open(put, timeout=20).status == 200
    path = f"/v1/events/imports/{asked['id']}"
    assert running.call("POST", f"{path}/start")["status"] == "running"
    until("the file is read", lambda: running.call("GET", path)["status"] != "running")
    view = running.call("GET", path)
    assert (view["status"], view["accepted"], view["rejected"]) == ("completed", LINES, 1), view
    with OPENER.open(view["errors_url"], timeout=20) as errors:
        assert b'"field":"time"' in errors.read()
    expected = f"{sum(range(LINES)) + LINES // 4}"
    question = "from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z"

    def counted() -> str | None:
        data = running.call("GET", f"/v1/meters/imported/query?{question}")["data"]
        return data[0]["value"] if data else None

    until("its lines are counted", lambda: counted() == expected)


def test_what_callers_name_stands_in_paths_whatever_it_is(running: Running) -> None:
    """Also where the gateway has its own idea of slashes and percent signs."""
    text = "org/1/50%,%2F,ü?"
    customer = running.call("PUT", f"/v1/customers/by_key/{quote(text, safe='')}", {})
    assert customer["key"] == text
    path = f"/v1/customers/{customer['id']}/subjects"
    running.call("POST", path, {"subject": f"{text}/2", "valid_from": "2026-01-01T00:00:00Z"})
    running.call("DELETE", f"{path}/{quote(f'{text}/2', safe='')}?valid_until=2026-02-01T00:00:00Z")
    periods = {one["subject"]: one["valid_until"] for one in running.call("GET", path)["data"]}
    assert periods == {text: None, f"{text}/2": "2026-02-01T00:00:00Z"}
