"""Routes, queues, rules and clocks: who may call whom, and what happens to what fails."""

from collections import Counter
from collections.abc import Iterator

from infra.discovery import EntryPoint, entry_points
from tests.infra.templates import Json, Templates, as_list, reference, text

POINTS = entry_points()
FOURTEEN_DAYS_S = 14 * 86_400
INTEGRATIONS_MAX = 250


def queues(templates: Templates) -> Iterator[tuple[str, str, Json]]:
    return templates.resources("AWS::SQS::Queue")


def is_dead_letters(name: str) -> bool:
    return name.endswith("Dead")


def is_direct(point: EntryPoint) -> bool:
    """Whether functions fill a consumer's queue, and no rule."""
    return point.kind == "consumers" and point.consumer.direct


def api_of(point: EntryPoint) -> str:
    """Where a route belongs: what clients of OpenMeter call stands on an API of its own."""
    return "oppulence-OpenmeterApiId" if point.route.path.startswith("/openmeter/") else "oppulence-ApiId"


def test_every_route_is_on_its_api_and_calls_its_function(prod: Templates) -> None:
    found = {(route["ApiId"]["Fn::ImportValue"], route["RouteKey"]) for _, _, route in prod.resources("AWS::ApiGatewayV2::Route")}
    points = [point for point in POINTS if point.kind == "http"]
    assert found == {(api_of(point), f"{point.route.method} {point.route.gateway_path}") for point in points}


def test_every_route_has_the_permission_to_call_its_function_and_no_other(prod: Templates) -> None:
    for point in (point for point in POINTS if point.kind == "http"):
        permissions = [
            permission
            for stack, _, permission in prod.resources("AWS::Lambda::Permission")
            if stack == point.context and reference(permission["FunctionName"]) == point.id
        ]
        (permission,) = permissions
        assert permission["Principal"] == "apigateway.amazonaws.com"
        source, variables = permission["SourceArn"]["Fn::Sub"]
        assert source.endswith(f":${{Api}}/*/{point.route.method}{point.route.gateway_path}")
        assert variables == {"Api": {"Fn::ImportValue": api_of(point)}}


def test_every_permission_names_its_source(prod: Templates) -> None:
    for stack, name, permission in prod.resources("AWS::Lambda::Permission"):
        assert permission["Principal"] in ("apigateway.amazonaws.com", "events.amazonaws.com")
        assert not text(permission["SourceArn"]).endswith('*"}'), (stack, name)


def test_the_api_has_room_for_more_integrations(prod: Templates) -> None:
    """AWS allows 300; surfaces for rivals' clients are APIs of their own."""
    taken = Counter(text(one["ApiId"]) for _, _, one in prod.resources("AWS::ApiGatewayV2::Integration"))
    assert len(taken) > 1 and max(taken.values()) < INTEGRATIONS_MAX


def test_the_gateway_waits_longer_than_the_function_runs(prod: Templates) -> None:
    for stack, _, integration in prod.resources("AWS::ApiGatewayV2::Integration"):
        function = prod.stacks[stack]["Resources"][reference(integration["IntegrationUri"])]["Properties"]
        assert function["Timeout"] * 1_000 < integration["TimeoutInMillis"] <= 30_000


def test_queues_are_encrypted_and_keep_messages_for_fourteen_days(prod: Templates) -> None:
    for stack, name, queue in queues(prod):
        assert queue["SqsManagedSseEnabled"] is True, (stack, name)
        assert queue["MessageRetentionPeriod"] == FOURTEEN_DAYS_S, (stack, name)


def test_every_queue_has_dead_letters_and_outlives_an_outage(prod: Templates) -> None:
    for stack, name, queue in queues(prod):
        if is_dead_letters(name):
            continue
        redrive = queue["RedrivePolicy"]
        target = reference(redrive["deadLetterTargetArn"])
        assert target in prod.stacks[stack]["Resources"] and is_dead_letters(str(target)), (stack, name)
        assert redrive["maxReceiveCount"] == 1_000, (stack, name)


def test_visibility_is_at_least_six_times_the_functions_limit(prod: Templates) -> None:
    for stack, name, mapping in prod.resources("AWS::Lambda::EventSourceMapping"):
        resources = prod.stacks[stack]["Resources"]
        queue = resources[reference(mapping["EventSourceArn"])]["Properties"]
        function = resources[reference(mapping["FunctionName"])]["Properties"]
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"], (stack, name)


def test_every_consumer_reports_partial_failures_and_is_bounded(prod: Templates) -> None:
    mappings = list(prod.resources("AWS::Lambda::EventSourceMapping"))
    assert len(mappings) == sum(point.kind == "consumers" for point in POINTS)
    for stack, name, mapping in mappings:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"], (stack, name)
        assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2, (stack, name)
        assert mapping["BatchSize"] <= 10 or mapping["MaximumBatchingWindowInSeconds"] >= 1, (stack, name)


def test_only_named_rules_fill_a_queue_and_only_over_tls(prod: Templates) -> None:
    policies = {
        (stack, str(reference(queue))): policy["PolicyDocument"]["Statement"]
        for stack, _, policy in prod.resources("AWS::SQS::QueuePolicy")
        for queue in policy["Queues"]
    }
    assert set(policies) == {(stack, name) for stack, name, _ in queues(prod)}
    direct = {(point.context, f"{point.id}{end}") for point in POINTS if is_direct(point) for end in ("Queue", "Dead")}
    for place, (*fills, tls) in policies.items():
        assert len(fills) == (place not in direct), place
        for fill in fills:
            assert fill["Principal"] == {"Service": "events.amazonaws.com"} and fill["Action"] == "sqs:SendMessage", place
            sources = as_list(fill["Condition"]["ArnEquals"]["aws:SourceArn"])
            assert sources and all(":rule/oppulence-" in text(source) and "*" not in text(source) for source in sources), place
        assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}}), place


def test_every_rule_has_dead_letters_that_let_it_in(prod: Templates) -> None:
    for stack, name, rule in prod.resources("AWS::Events::Rule"):
        for target in rule["Targets"]:
            dead = str(reference(target["DeadLetterConfig"]["Arn"]))
            assert is_dead_letters(dead), (stack, name)
            policy = prod.stacks[stack]["Resources"][f"{dead}Policy"]["Properties"]["PolicyDocument"]
            assert f'/{rule["Name"]}"' in text(policy), (stack, name)


def test_a_rule_lets_exactly_its_consumers_events_through(prod: Templates) -> None:
    for point in (point for point in POINTS if point.kind == "consumers"):
        if is_direct(point):
            assert f"{point.id}Rule" not in prod.stacks[point.context]["Resources"]
            continue
        rule = prod.stacks[point.context]["Resources"][f"{point.id}Rule"]["Properties"]
        declared = point.consumer
        if declared.foreign:
            assert rule["EventBusName"] == "oppulence-partner"
            assert rule["EventPattern"] == {"source": [{"prefix": declared.foreign.source}]}
            continue
        inbound = declared.event.type.startswith("connections.webhook.")
        assert rule["EventBusName"] == ("oppulence-inbound" if inbound else "oppulence-domain")
        assert rule["EventPattern"]["detail-type"] == [declared.event.type]
        assert rule["EventPattern"].get("detail", {}).get("data", {}) == declared.match


def test_a_tick_of_a_clock_is_never_repeated(prod: Templates) -> None:
    for point in (point for point in POINTS if point.kind == "schedules"):
        once = prod.stacks[point.context]["Resources"][f"{point.id}Once"]["Properties"]
        assert once["MaximumRetryAttempts"] == 0


def test_every_alarm_watches_a_queue_that_exists(prod: Templates) -> None:
    names = {queue["QueueName"] for _, _, queue in queues(prod)}
    alarms = [one for _, _, one in prod.resources("AWS::CloudWatch::Alarm")]
    assert {one["Dimensions"][0]["Value"] for one in alarms if one.get("Namespace") == "AWS/SQS"} == names
    (kept,) = [one for one in alarms if one.get("MetricName") == "dead_letters_kept"]
    assert kept["Namespace"] == "Oppulence"
    assert kept["Dimensions"] == [{"Name": "service", "Value": "tenancy"}], "as the function's logs say it"
