"""Partner event sources: each gets its bus, and its events go to the one that consumers listen to."""

import json
from dataclasses import replace
from pathlib import Path

from aws_cdk import App

from infra.settings import settings_of
from infra.stacks.bus import Bus
from tests.infra.templates import RULES, Json, Templates

SOURCES = ("aws.partner/stripe.com/ed_61One", "aws.partner/stripe.com/ed_61Two")


def of_type(template: Json, kind: str) -> list[Json]:
    return [one.get("Properties", {}) for one in template["Resources"].values() if one["Type"] == kind]


def bus_of(folder: Path, sources: tuple[str, ...]) -> Json:
    app = App(analytics_reporting=False, tree_metadata=False, outdir=str(folder), context=RULES)
    Bus(app, replace(settings_of("prod"), stripe_event_sources=sources))
    app.synth()
    found: Json = json.loads((folder / "oppulence-bus.template.json").read_text())
    return found


def test_a_sources_events_are_handed_on_with_dead_letters(tmp_path: Path) -> None:
    template = bus_of(tmp_path, SOURCES)
    named = {bus["Name"]: bus.get("EventSourceName") for bus in of_type(template, "AWS::Events::EventBus")}
    assert {name: named[name] for name in SOURCES} == {name: name for name in SOURCES}
    rules = of_type(template, "AWS::Events::Rule")
    assert [rule["EventBusName"] for rule in rules] == list(SOURCES)
    for rule in rules:
        (target,) = rule["Targets"]
        assert "event-bus/oppulence-partner" in json.dumps(target["Arn"]) and target["DeadLetterConfig"]
        assert rule["EventPattern"] == {"source": [rule["EventBusName"]]}
    (role,) = of_type(template, "AWS::IAM::Role")
    (statement,) = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["events:PutEvents"] and "event-bus/oppulence-partner" in json.dumps(statement["Resource"])


def test_by_default_there_are_none(tmp_path: Path) -> None:
    template = bus_of(tmp_path, ())
    assert [bus["Name"] for bus in of_type(template, "AWS::Events::EventBus")] == [
        "oppulence-domain", "oppulence-inbound", "oppulence-partner",
    ]  # fmt: skip
    assert of_type(template, "AWS::Events::Rule") == of_type(template, "AWS::IAM::Role") == []


def test_functions_that_ask_stripe_are_told_where_it_is(prod: Templates) -> None:
    found = {
        variables["STRIPE_API_BASE"]
        for _, _, function in prod.resources("AWS::Lambda::Function")
        if "STRIPE_API_BASE" in (variables := function["Environment"]["Variables"])
    }
    assert found == {"https://api.stripe.com"}
