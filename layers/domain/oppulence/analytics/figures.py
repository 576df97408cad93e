"""The questions that reports put to the analytical store: one statement each, grouped by period, currency and group.

`bucket` is the start of a row's period in seconds since 1970. Sums are of 128 bits: those of 64 would overflow without a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oppulence.analytics.buckets import Buckets
from oppulence.analytics.models import Group
from oppulence.kernel import olap

Row = Sequence[Any]

_COLUMNS = {
    Group.DECLINE_CODE: "decline_code", Group.CARD_BRAND: "card_brand", Group.COUNTRY: "card_country",
    Group.WORKFLOW: "workflow_id", Group.COHORT: "cohort",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is asked of one workspace; nothing after `now` is told, even where it is known beforehand."""

    workspace_id: str
    periods: Buckets
    currency: str | None
    account: str | None
    group: Group | None
    now: datetime


def movements(asked: Asked) -> list[Row]:
    """(bucket, currency, kind, delta, movements); bucket 0 is all that was before the first period."""
    return _rows(
        asked,
        f"SELECT if(occurred_at < {{since:DateTime64(3, 'UTC')}}, 0, {_bucket('occurred_at')}) AS bucket, currency, kind,"
        " sum(toInt128(delta_minor)), count() FROM workspace_mrr_movements(ws = {ws:String})"
        " WHERE occurred_at < least({until:DateTime64(3, 'UTC')}, {now:DateTime64(3, 'UTC')})",
        "bucket, currency, kind",
    )


def attempts(asked: Asked) -> list[Row]:
    """(bucket, currency, group, tries, failed, amount tried, amount failed) of payments that succeeded or failed."""
    return _rows(
        asked,
        f"SELECT {_bucket('occurred_at')} AS bucket, currency, {_group(asked)} AS grouped,"
        " count(), countIf(status = 'failed'), sum(toInt128(face_minor)), sumIf(toInt128(face_minor), status = 'failed')"
        " FROM workspace_transactions(ws = {ws:String})"
        f" WHERE kind = 'payment' AND status IN ('succeeded', 'uncaptured', 'failed') AND {_within('occurred_at')}",
    )


def payments(asked: Asked) -> list[Row]:
    """(bucket, currency, group, payments, amount captured) of payments that succeeded."""
    return _rows(
        asked,
        f"SELECT {_bucket('occurred_at')} AS bucket, currency, {_group(asked)} AS grouped, count(), sum(toInt128(amount_minor))"
        " FROM workspace_transactions(ws = {ws:String})"
        f" WHERE kind = 'payment' AND status = 'succeeded' AND {_within('occurred_at')}",
    )


def disputes(asked: Asked) -> list[Row]:
    """(bucket, currency, group, disputes, amount disputed)."""
    return _rows(
        asked,
        f"SELECT {_bucket('occurred_at')} AS bucket, currency, {_group(asked)} AS grouped, count(), sum(toInt128(face_minor))"
        f" FROM workspace_linked_transactions(ws = {{ws:String}}) WHERE kind = 'dispute' AND {_within('occurred_at')}",
    )


def revenue(asked: Asked) -> list[Row]:
    """(bucket, currency, group, payments, refunds, disputes, fees): what moved, signed."""
    kinds = ", ".join(f"sumIf(toInt128(amount_minor), kind = '{kind}')" for kind in ("payment", "refund", "dispute", "fee"))
    return _rows(
        asked,
        f"SELECT {_bucket('occurred_at')} AS bucket, currency, '' AS grouped, {kinds}"
        f" FROM workspace_transactions(ws = {{ws:String}}) WHERE kind != 'payout' AND {_within('occurred_at')}",
    )


def recovery(asked: Asked) -> list[Row]:
    """(bucket, currency, group, started, recovered, lost, amount at risk, amount recovered) by when cases began."""
    return _rows(
        asked,
        f"SELECT {_bucket('opened_at')} AS bucket, currency, {_group(asked)} AS grouped, countIf(slot = 'started'),"
        " countIf(event_type = 'recovered'), countIf(event_type = 'failed'),"
        " sumIf(toInt128(original_amount_minor), slot = 'started'), sum(toInt128(recovered_amount_minor))"
        f" FROM workspace_recovery_events(ws = {{ws:String}}) WHERE {_within('opened_at')}",
    )


def _rows(asked: Asked, statement: str, by: str = "bucket, currency, grouped") -> list[Row]:
    filters = {"currency": asked.currency, "account": asked.account}
    for name in filters:
        statement += f" AND {name} = {{{name}:String}}" if filters[name] is not None else ""
    parameters = {
        "ws": asked.workspace_id, "starts": asked.periods.seconds, "since": asked.periods.starts[0],
        "until": asked.periods.until, "now": asked.now,
    }  # fmt: skip
    return olap.query(f"{statement} GROUP BY {by}", parameters | {k: v for k, v in filters.items() if v is not None})


def _bucket(column: str) -> str:
    return f"roundDown(toUnixTimestamp({column}), {{starts:Array(UInt32)}})"


def _group(asked: Asked) -> str:
    return f"toString({_COLUMNS[asked.group]})" if asked.group else "''"


def _within(column: str) -> str:
    return f"{column} >= {{since:DateTime64(3, 'UTC')}} AND {column} < {{until:DateTime64(3, 'UTC')}}"
