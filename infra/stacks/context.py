"""One context's stack: everything that its entry points are, made from their declarations."""

from collections.abc import Sequence

from aws_cdk import App

from infra import assets
from infra.constructs.consumer import Consumer
from infra.constructs.entry_function import EntryFunction
from infra.constructs.layers import Layers
from infra.constructs.queue import Queue, rule_arn
from infra.constructs.route import Route
from infra.constructs.schedule import Schedule
from infra.constructs.state_machine import StateMachine
from infra.discovery import EntryPoint, Kind
from infra.names import named
from infra.settings import Settings
from infra.stacks.base import PlatformStack


class Context(PlatformStack):
    """Functions with their routes, queues, clocks and state machines."""

    def __init__(self, app: App, name: str, points: Sequence[EntryPoint], settings: Settings) -> None:
        super().__init__(app, name, settings, f"Context {name}")
        domain = assets.domain_zip(name, tuple(point.file for point in points)) if settings.build_layers else None
        self.points = points
        self.layers = Layers(self, settings, domain)
        for point in self._of("http"):
            Route(self, self._function(point))
        for point in self._of("consumers"):
            Consumer(self, point, settings, self.layers)
        self._schedules(name)
        self._machines()

    def _of(self, kind: Kind) -> list[EntryPoint]:
        return [point for point in self.points if point.kind == kind]

    def _function(self, point: EntryPoint) -> EntryFunction:
        return EntryFunction(self, point, self.settings, self.layers)

    def _schedules(self, context: str) -> None:
        points = self._of("schedules")
        if points:
            rules = [rule_arn(None, named(context, point.slug)) for point in points]
            dead = Queue(self, "SchedulesDead", (context, "schedules", "dead"), rules)
            for point in points:
                Schedule(self, self._function(point), dead)

    def _machines(self) -> None:
        machines: dict[str, list[EntryFunction]] = {}
        for point in self._of("tasks"):
            machines.setdefault(point.machine or "", []).append(self._function(point))
        for machine, tasks in machines.items():
            StateMachine(self, machine, tasks, self.settings)
