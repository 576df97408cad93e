"""Bring PostgreSQL up to date. A deployment invokes it when `data` stands and before the contexts change."""

import json
import os
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from oppulence.kernel import migrate
from oppulence.kernel.aws import client


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Apply what is new and let every context's role sign in by IAM; answers the files applied."""
    root = Path(migrate.__file__).parents[1]
    secret = client("secretsmanager").get_secret_value(SecretId=os.environ["PG_ADMIN_SECRET"])["SecretString"]
    admin = json.loads(secret)
    url = make_conninfo(
        host=os.environ["PG_HOST"], port=os.environ["PG_PORT"], dbname=os.environ["PG_DATABASE"], user=admin["username"],
        password=admin["password"], sslmode="require", connect_timeout=10,
    )  # fmt: skip
    applied = migrate.migrate(url, root)
    with psycopg.connect(url, autocommit=True) as conn:
        for name in migrate.contexts(root):
            conn.execute(sql.SQL("GRANT rds_iam TO {}").format(sql.Identifier(name)))
    return {"applied": applied}
