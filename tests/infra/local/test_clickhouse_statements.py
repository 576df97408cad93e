"""Where an INSERT's rows begin, and which format a statement names: what the bridge must tell before it runs anything."""

import pytest

from infra.local.clickhouse_bridge.statements import Incomplete, Insert, first_word, insert_with_data, output_format


@pytest.mark.parametrize(
    ("text", "statement", "format_", "rows"),
    [
        (b"INSERT INTO t (a, b) FORMAT Native\n\x01\n", "INSERT INTO t (a, b) ", "Native", b"\x01\n"),
        (b"INSERT INTO t FORMAT Native\n\n\x01", "INSERT INTO t ", "Native", b"\n\x01"),
        (b'insert into `FORMAT x` format JSONEachRow {"a": 1}', "insert into `FORMAT x` ", "JSONEachRow", b'{"a": 1}'),
        (b"-- FORMAT no\nINSERT INTO t(`format`, b)\r\nFORMAT CSV\r\n1,2", None, "CSV", b"1,2"),
        (b"INSERT INTO t SETTINGS a = 'FORMAT TSV' FORMAT CSV 1", "INSERT INTO t SETTINGS a = 'FORMAT TSV' ", "CSV", b"1"),
    ],
)
def test_rows_begin_after_the_format(text: bytes, statement: str | None, format_: str, rows: bytes) -> None:
    insert = insert_with_data(text, complete=False)
    assert isinstance(insert, Insert)
    assert (insert.format, text[insert.data_at :]) == (format_, rows)
    assert insert.statement == statement or statement is None


@pytest.mark.parametrize(
    "text", [b"INSERT INTO t SELECT 1 FORMAT CSV", b"INSERT INTO t VALUES ('FORMAT CSV 1')", b"INSERT INTO t WITH 1 AS x"]
)
def test_rows_do_not_follow_a_query_or_values(text: bytes) -> None:
    assert insert_with_data(text, complete=False) is None


def test_no_cut_makes_another_statement_of_it() -> None:
    text = b"INSERT INTO t (a) FORMAT JSONEachRow\n{}"
    whole = insert_with_data(text, complete=True)
    for end in range(len(b"INSERT INTO t (a) FORMAT JSONEachRow")):
        with pytest.raises(Incomplete):
            insert_with_data(text[: end + 1], complete=False)
    assert insert_with_data(text[:-2], complete=False) == whole


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        (b"SELECT 1\n FORMAT Native", "Native"),
        (b"SELECT format FROM t", None),
        (b"SELECT 'FORMAT CSV'", None),
        (b"SELECT (SELECT 1 FORMAT CSV)", None),
        (b"SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "JSON"),
        (b"SELECT format('{}', 1) FORMAT TSV;", "TSV"),
    ],
)
def test_the_format_is_the_last_clause(text: bytes, format_: str | None) -> None:
    assert output_format(text) == format_


@pytest.mark.parametrize(
    ("text", "word"),
    [(b"/* a */ -- b\n((select 1)", "SELECT"), (b"", ""), (b"  ", ""), (b"'x' SELECT", ""), (b"Insert into t", "INSERT")],
)
def test_the_first_word_stands_past_comments(text: bytes, word: str) -> None:
    assert first_word(text) == word
