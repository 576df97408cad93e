"""Settled usage in ClickHouse, made inside the engine: what is counted, and beside it the table that it is compared with.

`bare_usage` holds each event once, in the order in which it is asked for, with its value as a column: nothing that knows less
could answer sooner.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

METERS, SUBJECTS, DAYS = 10, 1_000, 92
SINCE = "2026-01-01"
TABLES = ("usage_values", "usage_ids", "bare_usage")

BARE = """
    CREATE TABLE bare_usage
    (workspace_id String, type LowCardinality(String), subject String, time DateTime64(6, 'UTC'), source String, id String,
     value Decimal(38, 20))
    ENGINE = MergeTree PARTITION BY toYYYYMM(time) ORDER BY (workspace_id, type, subject, time, source, id)
"""
_EVENTS = """
    SELECT {workspace} AS workspace_id, {meters}[1 + h % 10] AS meter, {subject} AS subject,
           toDateTime64('{since}', 6, 'UTC') + toIntervalMicrosecond(number * {step_us})
             - toIntervalSecond(if(h2 % 50 = 0, h2 % 259200, 0)) AS time,
           'bench' AS source, concat(hex(h), hex(h2)) AS id, toDecimal256(h2 % 100000, 2) / 100 AS value
      FROM (SELECT number, cityHash64(number) AS h, cityHash64(number, 1) AS h2 FROM numbers({first}, {count}))
"""
_VALUES = """
    INSERT INTO usage_values (workspace_id, meter, version, subject, time, source, id, stored_at, sequence, number, text, groups,
                              settlement)
    SELECT workspace_id, meter, 1, subject, time, source, id, time, 0, value, '', [], {settlement} FROM ({events})
"""
_IDS = """
    INSERT INTO usage_ids (workspace_id, id_hash, settlement)
    SELECT workspace_id, reinterpretAsUInt128(sipHash128(source, id)), {settlement} FROM ({events})
"""
_BARE = "INSERT INTO bare_usage SELECT workspace_id, meter, subject, time, source, id, value FROM ({events})"


@dataclass(frozen=True)
class Filling:
    """Events `[first, first + count)` of `total` in all, spread over the days, 2 % of them up to three days late.

    `workspace` and `subject` are ClickHouse expressions over `h`, a hash of the event's number.
    """

    total: int
    meters: Sequence[str]
    workspace: str
    subject: str = f"concat('user_', toString(intDiv(h, 10) % {SUBJECTS}))"

    def events(self, first: int, count: int) -> str:
        """The events as a query."""
        step_us = DAYS * 86_400_000_000 // self.total
        meters = "[" + ", ".join(f"'{meter}'" for meter in self.meters) + "]"
        return _EVENTS.format(
            workspace=self.workspace, meters=meters, subject=self.subject, since=SINCE, step_us=step_us, first=first, count=count
        )

    def insert(self, client: Client, first: int, count: int, settlement: int) -> None:
        """Write one settlement's worth to each table."""
        for statement in (_VALUES, _IDS, _BARE):
            client.command(statement.format(settlement=settlement, events=self.events(first, count)))


def merge(client: Client) -> None:
    """As if much time had passed: one part a partition."""
    for table in TABLES:
        client.command(f"OPTIMIZE TABLE {table} FINAL")


def parts(client: Client) -> dict[str, int]:
    """Parts of each table as they stand."""
    rows = client.query(
        "SELECT table, count() FROM system.parts WHERE active AND table LIKE '%usage%' GROUP BY table"
    ).result_rows
    return {str(table): int(count) for table, count in rows if table in TABLES}
