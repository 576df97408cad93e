"""What a stage costs, counted in its templates."""

import pytest

from infra import costs
from infra.prices import HOURS, PRICES
from infra.settings import settings_of
from infra.stacks.edge import Edge
from infra.stacks.egress import Egress
from tests.infra.templates import Templates
from tests.infra.test_front import alone


def lines(templates: Templates) -> dict[str, float]:
    return {line.what: line.usd for line in costs.idle(costs.Counted(templates.stacks))}


def test_idle_costs_are_counted_in_the_templates(prod: Templates) -> None:
    found = lines(prod)
    assert found["NAT gateways"] == 2 * HOURS * 0.045
    assert found["Aurora at its minimum"] == 2 * 0.5 * HOURS * 0.12
    mappings = sum(1 for _ in prod.resources("AWS::Lambda::EventSourceMapping"))
    assert found["asking empty queues"] == pytest.approx(mappings * 5 * HOURS * 180 * 0.4e-6)


def test_dev_pays_for_one_nat_gateway_and_for_no_endpoints_by_the_hour() -> None:
    found = lines(alone(settings_of("dev"), Egress, Edge))
    assert found["NAT gateways"] == HOURS * 0.045
    assert "interface endpoints" not in found and "RDS Proxy" not in found
    assert found["firewall"] + found["its rules"] == 5 + 5


@pytest.mark.parametrize(
    ("rate", "times"), [("rate(1 minute)", HOURS * 60), ("rate(5 minutes)", HOURS * 12), ("rate(1 day)", HOURS / 24)]
)
def test_clocks_are_counted_by_their_rate(rate: str, times: float) -> None:
    assert costs.per_month(rate) == pytest.approx(times)


def test_a_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="not a rate"):
        costs.per_month("cron(0 12 * * ? *)")


def test_a_write_costs_more_than_a_read_and_more_consumers_cost_more(prod: Templates) -> None:
    stage = costs.Counted(prod.stacks)
    assert stage.fan_out >= 1
    sums = {kind: costs.total(used) for kind, used in costs.requests(stage).items()}
    assert 0 < sums["requests that read"] < sums["requests that write"]


def test_every_price_is_used() -> None:
    """One that nothing uses is one that nobody corrects."""
    import inspect

    source = inspect.getsource(costs)
    assert [name for name in PRICES if f'"{name}"' not in source] == []


def test_the_report_says_whose_prices_these_are(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path_factory.mktemp("costs")
    (folder / "dev").mkdir()
    with pytest.raises(FileNotFoundError, match="make costs"):
        costs.main(str(folder), "dev")
    (folder / "dev" / "x.template.json").write_text('{"Resources": {"A": {"Type": "AWS::KMS::Key"}}}')
    costs.main(str(folder), "dev")
    said = capsys.readouterr().out
    assert "dev: idle 1.00 USD a month" in said and "copied by hand" in said and "us-east-1" in said
