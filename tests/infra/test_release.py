"""Functions that the settings name: versions behind an alias that triggers call, and deployments that undo themselves."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from infra.discovery import DiscoveryError, by_context, entry_points
from infra.settings import DOORS, Settings, settings_of
from infra.stacks.context import Context
from infra.stacks.platform import build
from tests.infra.templates import RULES, Json, Templates, text

SYNC = by_context(entry_points())["sync"]
NAMED = ("sync/on_webhook_received", "sync/sweep_outbox", "sync/backfill_list_pages", "sync/list_events")


def settings(**changed: Any) -> Settings:
    return replace(settings_of("prod"), build_layers=False, rollback=(), **changed)


def sync_stack(folder: Path, **changed: Any) -> Json:
    app = App(analytics_reporting=False, tree_metadata=False, outdir=str(folder), context=RULES)
    Context(app, "sync", SYNC, settings(**changed))
    app.synth()
    found: Json = json.loads((folder / "oppulence-sync.template.json").read_text())["Resources"]
    return found


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Json:
    return sync_stack(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Json:
    return sync_stack(tmp_path_factory.mktemp("released"), snap_start=NAMED)


def test_a_function_without_a_name_in_the_settings_has_no_alias(plain: Json) -> None:
    assert not [name for name, one in plain.items() if one["Type"] in ("AWS::Lambda::Version", "AWS::Lambda::Alias")]


def test_every_kind_of_trigger_calls_the_alias(released: Json) -> None:
    route, queue = released["ListEventsIntegration"]["Properties"], released["OnWebhookReceivedMapping"]["Properties"]
    clock, machine = released["SweepOutboxRule"]["Properties"], released["BackfillMachine"]["Properties"]
    assert route["IntegrationUri"] == {"Ref": "ListEventsReleaseAlias"}
    assert released["ListEventsPermission"]["Properties"]["FunctionName"] == {"Ref": "ListEventsReleaseAlias"}
    assert queue["FunctionName"] == {"Ref": "OnWebhookReceivedReleaseAlias"}
    assert clock["Targets"][0]["Arn"] == {"Ref": "SweepOutboxReleaseAlias"}
    assert released["SweepOutboxPermission"]["Properties"]["FunctionName"] == {"Ref": "SweepOutboxReleaseAlias"}
    assert released["SweepOutboxOnce"]["Properties"]["Qualifier"] == "live"
    assert machine["DefinitionSubstitutions"]["list_pages"] == {"Ref": "BackfillListPagesReleaseAlias"}
    assert {"Ref": "BackfillListPagesReleaseAlias"} in released["BackfillMachineRole"]["Properties"]["Policies"][0][
        "PolicyDocument"]["Statement"][0]["Resource"]  # fmt: skip


def test_snapstart_is_for_named_functions_only(released: Json) -> None:
    functions = {name: one["Properties"] for name, one in released.items() if one["Type"] == "AWS::Lambda::Function"}
    ids = {"OnWebhookReceived", "SweepOutbox", "BackfillListPages", "ListEvents"}
    assert {name for name, one in functions.items() if "SnapStart" in one} == ids
    assert functions["ListEvents"]["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert not [one for one in released.values() if one["Type"].startswith("AWS::CodeDeploy")]


def test_a_version_is_another_one_when_what_it_holds_is(released: Json, tmp_path: Path) -> None:
    """AWS refuses to publish the same twice, and publishes nothing for a version that the template has already."""
    again = sync_stack(tmp_path / "same", snap_start=NAMED)
    changed = sync_stack(tmp_path / "changed", snap_start=NAMED, oidc_audience="others")

    def versions(resources: Json) -> set[str]:
        return {name for name, one in resources.items() if one["Type"] == "AWS::Lambda::Version"}

    assert versions(again) == versions(released)
    routes = {name for name in versions(released) if name.startswith("ListEvents")}
    assert versions(released) - versions(changed) == routes, "only routes know the audience"


def test_the_doors_deployments_undo_themselves_in_staging_and_production(prod: Templates) -> None:
    assert settings_of("prod").rollback == settings_of("staging").rollback == DOORS and settings_of("local").rollback == ()
    resources = prod.stacks["connections"]["Resources"]
    alias = resources["ReceiveStripeWebhookReleaseAlias"]
    policy = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    assert policy["DeploymentGroupName"] == {"Ref": "ReceiveStripeWebhookReleaseGroup"}
    group = resources["ReceiveStripeWebhookReleaseGroup"]["Properties"]
    assert group["AutoRollbackConfiguration"]["Enabled"] is group["AlarmConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    alarms = [one["Name"]["Ref"] for one in group["AlarmConfiguration"]["Alarms"]]
    assert alarms == ["ReceiveStripeWebhookReleaseErrors", "ReceiveStripeWebhookReleaseSuccess"]
    errors, success = (resources[name]["Properties"] for name in alarms)
    assert (errors["Threshold"], errors["ComparisonOperator"]) == (10, "GreaterThanThreshold")
    assert (success["Threshold"], success["ComparisonOperator"]) == (90, "LessThanThreshold")
    assert "ExecutedVersion" in text(errors) and "ExecutedVersion" not in text(success)
    assert '"503"' in text(success) and '"/v1/webhooks/stripe/{connection_id}"' in text(success)


def test_settings_that_name_no_function_are_refused() -> None:
    with pytest.raises(DiscoveryError, match="sync/no_such"):
        build(App(), settings(snap_start=("sync/no_such",)), entry_points())
