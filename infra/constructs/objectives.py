"""The service's objectives, and alarms on how fast their error budgets of 30 days burn, each over a long and a short window.

A budget that burns 14.4 times too fast for an hour has lost 2 % of itself, 6 times too fast for six hours 5 %: somebody is paged.
3 times too fast for a day is 10 %: somebody is told. The short window ends the alarm soon after the failures do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from constructs import Construct

from infra.constructs.alarm import Formula, Metric, Watch
from infra.names import PREFIX, api_id, imported
from oppulence.kernel.drop_in import DROP_INS, DropIn
from oppulence.kernel.telemetry import NAMESPACE

HOUR_S = 3_600
API_BUDGET = 0.001
WEBHOOKS_BUDGET = 0.0005
API_P99_S, WEBHOOKS_P99_S, FRESHNESS_S = 0.4, 1.0, 30
ERRORS_AT_ONCE = 0.01
APIS = (None, *DROP_INS)
"""The platform's own, and those of drop-in surfaces."""


@dataclass(frozen=True)
class Burn:
    """How many times too fast, and the two windows in seconds that must both say so."""

    factor: float
    long_s: int
    short_s: int


PAGED = (Burn(14.4, HOUR_S, 300), Burn(6, 6 * HOUR_S, 1_800))
TOLD = (Burn(3, 24 * HOUR_S, 2 * HOUR_S),)


def add(scope: Construct, pages: Watch, chat: Watch, doors: Sequence[str]) -> None:
    """Alarms on availability and latency of API and webhook doors, and on how fresh the mirror is."""
    _burning(scope, "ApiAvailability", _api_failures(), API_BUDGET, (pages, chat))
    _burning(scope, "WebhookAvailability", _webhook_failures(doors), WEBHOOKS_BUDGET, (pages, chat))
    pages.above("HighErrorRate", _api_failures().over(300), ERRORS_AT_ONCE)
    for one in APIS:
        name = f"{one.name.capitalize()}Latency" if one else "ApiLatency"
        chat.above(name, _api(one, "Latency", "p99", 300), API_P99_S * 1000, times=2)
    took = Metric(NAMESPACE, "http_request_duration_seconds", (("surface", "webhooks"),), "p99", 300)
    chat.above("WebhookLatency", took, WEBHOOKS_P99_S, times=2)
    fresh = Metric(NAMESPACE, "sync_freshness_seconds", (("service", "sync"),), "p99", 300)
    chat.above("SyncFreshness", fresh, FRESHNESS_S, times=2)


@dataclass(frozen=True)
class Failures:
    """Which part of the requests failed: metrics of either, summed."""

    bad: tuple[Metric, ...]
    all: tuple[Metric, ...]

    def over(self, seconds: int) -> Formula:
        """The part over a time; none where there were no requests."""
        named = [(f"b{n}", one) for n, one in enumerate(self.bad)] + [(f"a{n}", one) for n, one in enumerate(self.all)]
        bad = " + ".join(f"FILL(b{n}, 0)" for n in range(len(self.bad)))
        whole = " + ".join(f"FILL(a{n}, 0)" for n in range(len(self.all)))
        return Formula(f"IF(({whole}) > 0, ({bad}) / ({whole}), 0)", tuple((name, one.over(seconds)) for name, one in named))


def _api(of: DropIn | None, name: str, statistic: str, period: int = 60) -> Metric:
    return Metric("AWS/ApiGateway", name, (("ApiId", imported(api_id(of))),), statistic, period)


def _api_failures() -> Failures:
    """Of the API and its drop-in surfaces together."""
    return Failures(tuple(_api(one, "5xx", "Sum") for one in APIS), tuple(_api(one, "Count", "Sum") for one in APIS))


def _webhook_failures(doors: Sequence[str]) -> Failures:
    """What a door answered, and what it could not: a crash or a timeout leaves no line of ours."""
    refused = Metric(NAMESPACE, "http_requests_total", (("surface", "webhooks"), ("status_class", "5xx")), "Sum")
    answered = Metric(NAMESPACE, "http_requests_total", (("surface", "webhooks"),), "Sum")
    crashed = tuple(Metric("AWS/Lambda", "Errors", (("FunctionName", door),), "Sum") for door in doors)
    return Failures((refused, *crashed), (answered, *crashed))


def _burning(scope: Construct, id_: str, failures: Failures, budget: float, told: tuple[Watch, Watch]) -> None:
    part = Watch(scope)
    for word, burns, whom in (("Burns", PAGED, told[0]), ("Wears", TOLD, told[1])):
        rules = []
        for burn in burns:
            names = [
                part.above(f"{id_}{word}{seconds // 60}m", failures.over(seconds), round(burn.factor * budget, 6))
                for seconds in (burn.long_s, burn.short_s)
            ]
            rules.append("(" + " AND ".join(f'ALARM("{name}")' for name in names) + ")")
        factors = " or ".join(f"{burn.factor:g}" for burn in burns)
        whom.all_of(f"{id_}{word}", " OR ".join(rules), f"The error budget of {PREFIX}'s {id_} burns {factors} times too fast")
