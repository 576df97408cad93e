"""Do the stores answer? Each question is the cheapest that goes the whole way to its store."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from oppulence.console.errors import NotReady
from oppulence.kernel import db, environment, olap, telemetry
from oppulence.kernel.aws import client
from oppulence.kernel.errors import Unavailable

CONTEXT = "console"
_FAILURES = (Unavailable, psycopg.Error, BotoCoreError, ClientError)


def check() -> dict[str, str]:
    """Ask every store at the same time; answers `ok` for each, or `not configured`.

    Raises:
        NotReady: one or more do not answer.
    """
    questions: dict[str, Callable[[], object]] = {"postgres": _postgres, "tables": _tables, "bus": _bus}
    if olap.is_configured():
        questions["clickhouse"] = _clickhouse
    with ThreadPoolExecutor(len(questions)) as pool:
        answers = dict(zip(questions, pool.map(_answers, questions, questions.values()), strict=True))
    missing = sorted(name for name, ok in answers.items() if not ok)
    if missing:
        raise NotReady(f"Not ready: {', '.join(missing)}. Try again in a few seconds.", not_ready=missing)
    return {"clickhouse": "not configured"} | dict.fromkeys(answers, "ok")


def _answers(name: str, ask: Callable[[], object]) -> bool:
    try:
        ask()
    except _FAILURES as error:
        telemetry.logger().warning("not_ready", extra={"store": name, "reason": str(error)})
        return False
    return True


def _postgres() -> object:
    return db.read(CONTEXT, lambda conn: conn.execute("SELECT 1").fetchone())


def _tables() -> object:
    return client("dynamodb").get_item(TableName=environment.required("LIMITS_TABLE"), Key={"id": {"S": "readiness"}})


def _bus() -> object:
    return client("events").describe_event_bus(Name=environment.required("DOMAIN_BUS"))


def _clickhouse() -> object:
    return olap.query("SELECT 1", {})
