"""Clients of the local ClickHouse."""

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from infra.local.clickhouse import ClickHouse


def connect(server: ClickHouse, database: str = "default", *, session: bool = False) -> Client:
    """A client as handlers make one: without a session, unless asked for."""
    return clickhouse_connect.get_client(
        host=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        database=database,
        autogenerate_session_id=session,
    )
