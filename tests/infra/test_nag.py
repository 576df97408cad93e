"""cdk-nag is content with production, and with the stage that pauses; what it is not content with has a reason."""

import pytest

from infra.checks.nag import ACCEPTED, Accepted, Finding, findings, idle, open_findings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def prod() -> list[Finding]:
    return findings("prod")


@pytest.fixture(scope="module")
def dev() -> list[Finding]:
    return findings("dev")


def test_no_finding_is_open(prod: list[Finding], dev: list[Finding]) -> None:
    assert open_findings([*prod, *dev]) == []


def test_every_acceptance_is_needed(prod: list[Finding], dev: list[Finding]) -> None:
    assert idle([*prod, *dev]) == []


def test_production_has_no_use_for_what_dev_is_allowed(prod: list[Finding]) -> None:
    assert [entry.rule for entry in idle(prod)] == ["AwsSolutions-RDS10"]


def test_a_finding_that_nobody_accepted_is_open(prod: list[Finding]) -> None:
    kept = tuple(entry for entry in ACCEPTED if entry.rule != "AwsSolutions-RDS11")
    assert [one.rule for one in open_findings(prod, kept)] == ["AwsSolutions-RDS11"]
    stale = Accepted("AwsSolutions-S3", ".*", "none")
    assert idle(prod, (stale,)) == [stale]


def test_reasons_are_sentences() -> None:
    assert all(len(entry.reason) > 30 and entry.reason.endswith(".") for entry in ACCEPTED)
