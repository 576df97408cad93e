"""What one event counts, case by case."""

import json
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oppulence.metering.evaluation import Rejection, Value, evaluate, matches
from oppulence.metering.models import Filter
from oppulence.metering.usage_event import parse
from tests.metering.rules import NOON, event, version

LONGEST = "9" * 38


def counted(data: str | None, aggregation: str = "SUM", **fields: Any) -> Value:
    found = evaluate(version(aggregation, **fields), event(data))
    assert isinstance(found, Value), found
    return found


def refused(data: str | None, aggregation: str = "SUM", **fields: Any) -> str:
    found = evaluate(version(aggregation, **fields), event(data))
    assert isinstance(found, Rejection), found
    return found.reason


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1", "1"), ("-0", "0"), ("-0.0", "0"), ("1.50", "1.5"), ("1e3", "1000"), ("12E-2", "0.12"), ('"1.25"', "1.25"),
        ('"+7"', "7"),
        ('".5"', "0.5"), ('"3."', "3"), ('"1e2"', "100"), (LONGEST, LONGEST), ("-" + LONGEST, "-" + LONGEST),
        ("1e37", "1" + "0" * 37), ("0.00000000000000000001", "0.00000000000000000001"), ("1.000" + "0" * 60, "1"),
        ("123456789012345678.12345678901234567890", "123456789012345678.1234567890123456789"), ("0e999999", "0"),
        ("0.1", "0.1"), ("12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"),
    ],
)  # fmt: skip
def test_numbers_are_exact_and_plain(written: str, number: str) -> None:
    found = counted(f'{{"v": {written}}}').number
    assert (found, f"{found:f}") == (Decimal(number), number)


@pytest.mark.parametrize(
    "written",
    ["9" * 39, "1e38", "1e400", "-1e400", "1e999999", "1e-21", "1e-400", "0." + "1" * 21, "1" * 30 + "." + "1" * 9, '"1e400"'],
)
def test_numbers_beyond_what_is_kept_are_rejected(written: str) -> None:
    for aggregation in ("SUM", "UNIQUE_COUNT") if '"' not in written else ("SUM",):
        assert refused(f'{{"v": {written}}}', aggregation) == "$.v has more than 38 digits, or more than 20 after the point."


@pytest.mark.parametrize("written", ["NaN", "Infinity", "-Infinity", "1e99999999999999999999"])
def test_what_is_no_finite_number_is_rejected_whatever_stands_beside_it(written: str) -> None:
    for aggregation in ("SUM", "UNIQUE_COUNT"):
        assert "no finite number" in refused(f'{{"v": {written}}}', aggregation)
    assert counted(f'{{"v": 2, "w": {written}}}').number == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "has no data"), ("", "no JSON"), ("{", "no JSON"), ("[" * 100_000, "no JSON"), ("{}", "absent"),
        ("[]", "absent"), ('"text"', "absent"), ("null", "no data"), ('{"v": null}', "is null"), ('{"v": true}', "a boolean"),
        ('{"v": []}', "a list"),
        ('{"v": {}}', "an object"), ('{"v": "ten"}', "no decimal number"), ('{"v": ""}', "no decimal number"),
        ('{"v": " 1"}', "no decimal number"), ('{"v": "1,5"}', "no decimal number"), ('{"v": "0x1"}', "no decimal number"),
        ('{"v": "NaN"}', "no decimal number"), ('{"v": "١"}', "no decimal number"), ('{"v": "1_0"}', "no decimal number"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_rejected_with_its_reason(data: str | None, words: str) -> None:
    assert words in refused(data)


def test_count_looks_at_no_value() -> None:
    for data in (None, "", "{}", '{"v": "ten"}', "NaN"):
        assert counted(data, "COUNT") == Value(Decimal(1), None, {})


@pytest.mark.parametrize(
    ("written", "text"),
    [('"a"', "a"), ("1", "1"), ("1.0", "1"), ('"1"', "1"), ("1e2", "100"), ("true", "true"), ("false", "false"), ('"☃"', "☃")],
)
def test_unique_ids_are_text(written: str, text: str) -> None:
    assert counted(f'{{"v": {written}}}', "UNIQUE_COUNT") == Value(Decimal(1), text, {})


@pytest.mark.parametrize("written", ['""', "null", "[]", "{}", '"\\ud800"', '"' + "x" * 1025 + '"'])
def test_what_cannot_be_an_id_is_rejected(written: str) -> None:
    assert refused(f'{{"v": {written}}}', "UNIQUE_COUNT").startswith("$.v is ")


def test_ids_are_added_and_removed() -> None:
    def operation(data: str) -> Decimal:
        return counted(data, "UNIQUE_COUNT", operation_property="$.op").number

    assert [operation('{"v": 1, "op": %s}' % one) for one in ('"add"', '"remove"', "null")] == [1, -1, 1]  # noqa: UP031
    assert operation('{"v": 1}') == 1
    assert "neither" in refused('{"v": 1, "op": "drop"}', "UNIQUE_COUNT", operation_property="$.op")
    assert "neither" in refused('{"v": 1, "op": []}', "UNIQUE_COUNT", operation_property="$.op")


def test_dimensions_are_text_and_never_keep_an_event_from_counting() -> None:
    data = {"v": 1, "a": "x", "b": 1.50, "c": True, "d": None, "e": [1], "f": "y" * 1025, "g": {"h": ""}, "n": 10**40}
    paths = {name: f"$.{name}" for name in "abcdefnz"} | {"h": "$.g.h"}
    found = counted(json.dumps(data), group_by=paths).groups
    assert found == {"a": "x", "b": "1.5", "c": "true", "d": None, "e": None, "f": None, "n": None, "z": None, "h": ""}


def test_another_type_or_time_is_not_the_versions() -> None:
    assert evaluate(version(), event('{"v": 1}', kind="u")) is None
    bounded = version(effective_from=NOON, effective_until=NOON + timedelta(seconds=1))
    moments = [NOON - timedelta(microseconds=1), NOON, NOON + timedelta(seconds=1)]
    assert [evaluate(bounded, event('{"v": 1}', time)) is None for time in moments] == [True, False, True]


def test_what_is_filtered_out_is_neither_counted_nor_rejected() -> None:
    only = {"path": "$.m", "op": "eq", "value": "x"}
    assert evaluate(version(filter=only), event('{"v": "ten", "m": "y"}')) is None
    assert "no decimal" in refused('{"v": "ten", "m": "x"}', filter=only)
    assert evaluate(version(filter=only), event(None)) is None


@pytest.mark.parametrize(
    ("op", "value", "fits", "not_"),
    [
        ("eq", "x", ['"x"'], ['"y"', "1", "null", '["x"]']),
        ("eq", 1, ["1", "1.0", "1e0"], ['"1"', "true", "2", "1.0000000000000000000001"]),
        ("eq", 0.1, ["0.1", "0.10"], ["0.1000000000000000055511151231257827"]),
        ("eq", True, ["true"], ["1", '"true"', "false"]),
        ("eq", None, ["null"], ["0", '""', "false"]),
        ("ne", "x", ['"y"', "null", "1"], ['"x"']),
        ("in", ["x", 1, None], ['"x"', "1", "null"], ['"y"', "true", '"1"']),
        ("gt", 1, ["1.0000000000000000000001", "1e400"], ["1", '"2"', "null", "true"]),
        ("gte", 1, ["1", "2"], ["0.99", "NaN"]),
        ("lt", "b", ['"a"', '""'], ['"b"', "1", "null"]),
        ("lte", "b", ['"b"'], ['"ba"']),
        ("exists", True, ["0", '""', "false", "[]"], ["null"]),
        ("exists", False, ["null"], ["0"]),
        ("contains", "b", ['"abc"', '["a", "b"]'], ['"ac"', '["ab"]', "null", '{"b": 1}']),
        ("contains", 1, ["[1.0, 2]"], ['"1"', "1", "[true]"]),
    ],
)
def test_filters_compare_values_as_what_they_are(op: str, value: object, fits: list[str], not_: list[str]) -> None:
    wanted = Filter.model_validate({"path": "$.m", "op": op, "value": value})
    assert [matches(wanted, parse(f'{{"m": {one}}}')) for one in fits] == [True] * len(fits)
    assert [matches(wanted, parse(f'{{"m": {one}}}')) for one in not_] == [False] * len(not_)
    assert matches(wanted, parse("{}")) is matches(wanted, parse('{"m": null}'))


def test_conditions_are_joined() -> None:
    a, b = ({"path": f"$.{name}", "op": "exists", "value": True} for name in "ab")
    both, either = Filter.model_validate({"and": [a, b]}), Filter.model_validate({"or": [a, {"and": [b, b]}]})
    cases = [parse(text) for text in ("{}", '{"a": 1}', '{"b": 1}', '{"a": 1, "b": 1}')]
    assert [matches(both, one) for one in cases] == [False, False, False, True]
    assert [matches(either, one) for one in cases] == [False, True, True, True]


@given(st.integers(-(10**45), 10**45), st.integers(-30, 45))
def test_every_number_is_kept_exactly_or_rejected(digits: int, exponent: int) -> None:
    exact = digits * Fraction(10) ** exponent
    significant = len(str(abs(digits)).rstrip("0"))
    fits = significant <= 38 and abs(exact) < 10**38 and (exact * 10**20).denominator == 1
    for text in (f"{digits}e{exponent}", f'"{digits}e{exponent}"'):
        found = evaluate(version(), event(f'{{"v": {text}}}'))
        assert isinstance(found, Value if fits or not digits else Rejection)
        assert isinstance(found, Rejection) or (Fraction(found.number) == exact and int(found.number.as_tuple().exponent) <= 0)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_data_have_an_outcome(data: object) -> None:
    for aggregation in ("COUNT", "SUM", "UNIQUE_COUNT"):
        for text in (json.dumps(data), json.dumps({"v": data})):
            found = evaluate(version(aggregation, group_by={"g": "$.v"}), event(text))
            assert isinstance(found, Value | Rejection)
