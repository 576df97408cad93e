"""How far production is from AWS's limits, and whether 250 functions would fit."""

from collections import Counter
from pathlib import Path

from infra.checks.limits import TO_RAISE, Measure, assembly, functions_of, measures, table
from tests.infra.templates import Json, Templates, text


def by_name(stacks: dict[str, Json]) -> dict[str, Measure]:
    return {one.what: one for one in measures(stacks)}


def test_production_is_well_below_every_limit(prod: Templates) -> None:
    for one in measures(prod.stacks):
        assert not one.is_close, one


def test_250_functions_fit_but_for_what_must_be_raised(prod: Templates) -> None:
    functions = functions_of(prod.stacks)
    beyond = {one.what: one.quota for one in measures(prod.stacks) if one.projected(functions) > one.limit}
    assert set(beyond) <= set(TO_RAISE) and all(beyond.values())


def test_five_sixths_are_close_and_of_what_is_raised_on_request_only_all() -> None:
    assert (
        Measure("integrations of an API", "-", 251, 300).is_close
        and not Measure("integrations of an API", "-", 250, 300).is_close
    )
    assert Measure(TO_RAISE[0], "-", 101, 100).is_close and not Measure(TO_RAISE[0], "-", 100, 100).is_close


def test_nothing_is_counted_as_nothing(prod: Templates) -> None:
    found = by_name(prod.stacks)
    for what in ("resources of a stack", "integrations of an API", "rules of a bus", "roles", "alarms", "layers of a function"):
        assert found[what].now > 0, what
    integrations = Counter(text(one["ApiId"]) for _, _, one in prod.resources("AWS::ApiGatewayV2::Integration"))
    assert found["integrations of an API"].now == max(integrations.values()) <= 250


def test_counts_find_the_worst_place_and_project_what_grows() -> None:
    function = {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"S3Key": "a.zip"}, "Layers": ["1", "2"]}}
    rules = {f"R{n}": {"Type": "AWS::Events::Rule", "Properties": {"EventBusName": "domain"}} for n in range(3)}
    stacks = {"one": {"Resources": {"F": function}}, "two": {"Resources": {"F": function, **rules}}}
    found = by_name(stacks)
    resources, layers, bus = found["resources of a stack"], found["layers of a function"], found["rules of a bus"]
    assert (resources.where, resources.now, resources.projected(functions_of(stacks))) == ("two", 4, 500)
    assert (layers.now, layers.projected(2)) == (2, 2)
    assert (bus.where, bus.now) == ("domain", 3)


def test_the_table_marks_what_will_not_fit() -> None:
    lines = table([Measure("rules", "bus", 200, 300), Measure("roles", "account", 1, 1_000)], functions=100)
    assert "500!" in lines[1] and "!" not in lines[2]


def test_sizes_come_from_the_assembly(tmp_path: Path) -> None:
    layer = '{"Resources": {"L": {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": {"S3Key": "ab.zip"}}}}}'
    (tmp_path / "oppulence-shop.template.json").write_text(layer)
    (tmp_path / "asset.ab.zip").write_bytes(b"12345")
    (stored,) = [one for one in measures(*assembly(tmp_path)) if one.what == "bytes of functions and layers"]
    assert stored.now == 5
