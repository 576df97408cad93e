"""What is in the emulator's queues, dead letters included. It forgets them when it stops, so they are kept and sent again.

Without this a fact that was published and not yet consumed when the cloud is stopped would be lost: its outbox row is gone.
Consumers are harmless to repeats, so a message that was in work at that moment may be sent again.
"""

import json
import time
import urllib.request
from typing import Any

from infra.local.pgpass import write_secret
from infra.local.running import Cloud

FILE = "messages.json"
TIMEOUT_S = 10
IN_WORK_S = 1.0
"""How long consumers get to end what they have begun, and to publish what follows from it."""

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def keep(cloud: Cloud) -> int:
    """Stop consuming, and write down every message; answers how many. Call it when nothing new comes in any more."""
    stop_consuming(cloud)
    with OPENER.open(f"{cloud.emulator_url}/_ministack/sqs/messages", timeout=TIMEOUT_S) as answer:
        found: dict[str, dict[str, dict[str, list[dict[str, Any]]]]] = json.loads(answer.read())["messages"]
    queues = [(url, held) for regions in found.values() for of_region in regions.values() for url, held in of_region.items()]
    kept = [
        {"queue": url.rsplit("/", 1)[1], "body": message["Body"], "attributes": message["MessageAttributes"]}
        for url, held in queues
        for message in held
    ]
    file = cloud.state / FILE
    before = json.loads(file.read_text()) if file.exists() else []  # of a start that did not come so far as to send them
    write_secret(file, json.dumps(before + kept))
    return len(kept)


def bring_back(cloud: Cloud) -> int:
    """Send what was kept to the queues it stood in; answers how many. It is forgotten only once all are sent."""
    file = cloud.state / FILE
    if not file.exists():
        return 0
    sqs, kept = cloud.client("sqs"), json.loads(file.read_text())
    pages = sqs.get_paginator("list_queues").paginate()
    urls = {url.rsplit("/", 1)[1]: url for page in pages for url in page.get("QueueUrls", [])}
    known = [message for message in kept if message["queue"] in urls]
    for message in known:
        attributes = message["attributes"]
        sqs.send_message(QueueUrl=urls[message["queue"]], MessageBody=message["body"], MessageAttributes=attributes)
    file.unlink()
    return len(known)


def stop_consuming(cloud: Cloud) -> None:
    """Let no function take messages any more, and those that have some finish."""
    functions = cloud.client("lambda")
    for page in functions.get_paginator("list_event_source_mappings").paginate():
        for mapping in page["EventSourceMappings"]:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    time.sleep(IN_WORK_S)
