"""Alarms: a metric or an expression of metrics, a threshold, a topic."""

from dataclasses import dataclass, replace
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.names import PREFIX
from oppulence.kernel.telemetry import NAMESPACE


@dataclass(frozen=True)
class Metric:
    """One metric and how its values of `period` seconds become one."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str = "Maximum"
    period: int = 60

    def over(self, seconds: int) -> "Metric":
        """The same over another time."""
        return replace(self, period=seconds)


@dataclass(frozen=True)
class Formula:
    """An expression of metrics, each under its name in it."""

    expression: str
    metrics: tuple[tuple[str, Metric], ...]


def of_service(name: str, service: str, statistic: str = "Maximum", period: int = 60, **dimensions: str) -> Metric:
    """A metric of ours, as `telemetry.metric` writes it in a function of that context."""
    return Metric(NAMESPACE, name, (("service", service), *dimensions.items()), statistic, period)


def plain(namespace: str, name: str, statistic: str, period: int) -> Metric:
    """A metric of a whole account."""
    return Metric(namespace, name, (), statistic, period)


def ratio(part: Metric, whole: Metric, enough: int) -> Formula:
    """Part of a whole; 1 while the whole is too small to say anything."""
    return Formula(f"IF(FILL(whole, 0) >= {enough}, FILL(part, 0) / whole, 1)", (("part", part), ("whole", whole)))


@dataclass(frozen=True)
class Watch:
    """Makes alarms that tell one topic; none, if they are parts of a composite one."""

    scope: Construct
    topic: str | None = None

    def above(self, id_: str, what: Metric | Formula, threshold: float, times: int = 1) -> str:
        """Alarm when it is above the threshold `times` in a row; answers the alarm's name."""
        return self._alarm(id_, what, ("GreaterThanThreshold", threshold, times))

    def below(self, id_: str, what: Metric | Formula, threshold: float, times: int = 1) -> str:
        """Alarm when it is below."""
        return self._alarm(id_, what, ("LessThanThreshold", threshold, times))

    def _alarm(self, id_: str, what: Metric | Formula, rule: tuple[str, float, int]) -> str:
        comparison, threshold, times = rule
        name = f"{PREFIX}-{id_}"
        side = "above" if comparison.startswith("Greater") else "below"
        told = [self.topic] if self.topic else None
        cloudwatch.CfnAlarm(
            self.scope, id_, alarm_name=name, alarm_description=f"{_subject(what)} is {side} {threshold:g}",
            threshold=threshold, comparison_operator=comparison, evaluation_periods=times, treat_missing_data="notBreaching",
            alarm_actions=told, ok_actions=told, **_measured(what),
        )  # fmt: skip
        return name

    def all_of(self, id_: str, rule: str, description: str) -> None:
        """An alarm on a rule over other alarms' states."""
        cloudwatch.CfnCompositeAlarm(
            self.scope, id_, alarm_name=f"{PREFIX}-{id_}", alarm_rule=rule, alarm_description=description,
            alarm_actions=[self.topic] if self.topic else None, ok_actions=[self.topic] if self.topic else None,
        )  # fmt: skip


def _subject(what: Metric | Formula) -> str:
    if isinstance(what, Formula):
        return what.expression
    of = what.dimensions[-1][1] if what.dimensions and isinstance(what.dimensions[-1][1], str) else "all"
    return f"{what.name} of {of}" if "${Token" not in of else what.name


def _measured(what: Metric | Formula) -> dict[str, Any]:
    if isinstance(what, Formula):
        parts = [
            cloudwatch.CfnAlarm.MetricDataQueryProperty(id=name, metric_stat=_stat(metric), return_data=False)
            for name, metric in what.metrics
        ]
        whole = cloudwatch.CfnAlarm.MetricDataQueryProperty(id="answer", expression=what.expression, return_data=True)
        return {"metrics": [*parts, whole]}
    exact = "extended_statistic" if what.statistic.startswith("p") else "statistic"
    return {
        "namespace": what.namespace, "metric_name": what.name, "dimensions": _dimensions(what), exact: what.statistic,
        "period": what.period,
    }  # fmt: skip


def _stat(metric: Metric) -> cloudwatch.CfnAlarm.MetricStatProperty:
    named = cloudwatch.CfnAlarm.MetricProperty(
        namespace=metric.namespace, metric_name=metric.name, dimensions=_dimensions(metric)
    )
    return cloudwatch.CfnAlarm.MetricStatProperty(metric=named, period=metric.period, stat=metric.statistic)


def _dimensions(metric: Metric) -> list[cloudwatch.CfnAlarm.DimensionProperty]:
    return [cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value) for name, value in metric.dimensions]
