"""Rows of CSV as events: numbers stay as they were written, and what is unclear is refused with the remedy."""

import json
from decimal import Decimal

import pytest

from oppulence.metering.imports.columns import Columns, Unusable

HEADER = "id,type,subject,time,data.tokens,data.place.region,data.note"


def columns(header: str = HEADER, given: dict[str, str | None] | None = None, delimiter: str = ",") -> Columns:
    return Columns(header, delimiter, given or {})


def test_a_row_is_the_event_that_it_says() -> None:
    text = columns().event('e1,call,alice,2026-01-01T00:00:00Z,12345678901234567890.12345678901234567890,eu,"say ""hi"", twice"')
    assert json.loads(text, parse_float=Decimal) == {
        "id": "e1", "type": "call", "subject": "alice", "time": "2026-01-01T00:00:00Z",
        "data": {"tokens": Decimal("12345678901234567890.12345678901234567890"), "place": {"region": "eu"},
                 "note": 'say "hi", twice'},
    }  # fmt: skip
    assert "12345678901234567890.12345678901234567890" in text, "no float came between"


@pytest.mark.parametrize("cell", ["0", "-1", "1.50", "1e400", "-0.5E-3"])
def test_what_json_writes_as_a_number_is_one(cell: str) -> None:
    assert columns("type,subject,data.n").event(f"a,b,{cell}") == f'{{"type":"a","subject":"b","data":{{"n":{cell}}}}}'


@pytest.mark.parametrize("cell", ["007", "+1", ".5", "1.", "NaN", "true", " 1", "0x1", "1_000", "Infinity"])
def test_what_json_does_not_write_as_a_number_is_text(cell: str) -> None:
    assert json.loads(columns("type,subject,data.n").event(f"a,b,{cell}"))["data"] == {"n": cell}


def test_attributes_are_text_and_empty_cells_absent() -> None:
    assert json.loads(columns("id,type,subject,source,data.n").event("7,8,9,,")) == {"id": "7", "type": "8", "subject": "9"}


def test_data_may_be_json_and_nothing_escapes_from_it() -> None:
    found = columns("type,subject,data")
    assert found.event('a,b,"{""n"": 1.10}"') == '{"type":"a","subject":"b","data":{"n": 1.10}}'
    for cell in ('1,""id"":""x""', '{""n"":1}}', "{", "nothing"):
        with pytest.raises(Unusable) as refused:
            found.event(f'a,b,"{cell}"')
        assert refused.value.field == "data"


def test_other_names_are_mapped_and_columns_left_out() -> None:
    found = columns("user;kind;GB;comment", {"user": "customer", "kind": "type", "GB": "data.gb", "comment": None}, ";")
    assert json.loads(found.event("u1;up;3;x,y")) == {"customer": "u1", "type": "up", "data": {"gb": 3}}


def test_line_breaks_between_quotes_are_text() -> None:
    assert json.loads(columns("type,subject,data.t").event('a,b,"one\r\ntwo"'))["data"] == {"t": "one\r\ntwo"}


@pytest.mark.parametrize(
    ("header", "given", "says"),
    [
        ("type,subject,user_id", {}, "`user_id` is none of"),
        ("type,subject", {"nope": "id"}, "no column `nope`"),
        ("type,type,subject", {}, "Two columns are `type`"),
        ("type,subject,kind", {"kind": "type"}, "Two columns are `type`"),
        ("type,subject,data,data.n", {}, "a part of it"),
        ("type,subject,data.a,data.a.b", {}, "a part of it"),
        ("subject,data", {}, "No column is `type`"),
        ("type,data", {}, "No column is `subject` or `customer`"),
        ('type,"subject', {}, "It is no CSV"),
        ("type,subject,data.", {}, "none of"),
        ("{}", {}, "`{}` is none of"),
    ],
)
def test_a_header_that_is_unclear_is_refused(header: str, given: dict[str, str | None], says: str) -> None:
    with pytest.raises(Unusable, match=says):
        columns(header, given)


def test_a_row_that_is_unclear_is_refused() -> None:
    found = columns("type,subject,id")
    for row, says in {"a,b": "It has 2 columns; the header has 3.", "a,b,c,d": "It has 4", 'a,"b"c,d': "no CSV"}.items():
        with pytest.raises(Unusable, match=says):
            found.event(row)
