"""How commands answer: lines for people on stdout, or one JSON document; progress and errors go to stderr."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document on stdout.")]
Aws = Annotated[bool, typer.Option("--aws", help="Act on AWS, with boto3's ordinary credentials, not on the local cloud.")]


class Failed(Exception):
    """A command cannot do what it was asked; `advice` says what to do about it."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


def say(line: str) -> None:
    """Tell progress."""
    print(line, file=sys.stderr, flush=True)


def answer(document: Mapping[str, Any] | Sequence[Any], lines: Iterable[str], as_json: bool) -> None:
    """Give a command's result."""
    if as_json:
        print(json.dumps(document, indent=2, default=_plain))
        return
    for line in lines:
        print(line)


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], empty: str) -> list[str]:
    """Rows as aligned text under their columns' names; `empty` when there are none."""
    if not rows:
        return [empty]
    cells = [list(columns), *[["" if row.get(name) is None else str(row[name]) for name in columns] for row in rows]]
    widths = [max(len(line[n]) for line in cells) for n in range(len(columns))]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]


@contextmanager
def explained(as_json: bool) -> Iterator[None]:
    """Turn what goes wrong into a message, an advice and exit code 1; an unforeseen error keeps its traceback."""
    try:
        yield
    except Failed as error:
        _refuse(str(error), error.advice, as_json)
    except Exception as error:
        known = _known(error)
        if known is None:
            raise
        _refuse(*known, as_json)


def _known(error: Exception) -> tuple[str, str] | None:
    """Message and advice for the errors of our tools."""
    from botocore.exceptions import BotoCoreError, ClientError
    from psycopg import Error as DatabaseError

    from infra.deployed import NotDeployed
    from infra.local.cloud import CloudError
    from oppulence.kernel.errors import AppError
    from oppulence.kernel.migrate import EditedMigration

    match error:
        case NotDeployed():
            return str(error), "deploy the stacks first, or check the credentials and the region"
        case CloudError():
            return str(error), "`oppulence local status` and `oppulence local logs` tell more"
        case ClientError() | BotoCoreError():
            return f"AWS: {error}", "check the credentials, the region and what they may do"
        case DatabaseError():
            return f"PostgreSQL: {str(error).strip()}", "check that it runs and can be reached from here"
        case AppError() | EditedMigration():
            return str(error), ""
    return None


def _refuse(message: str, advice: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"error": {"message": message, "advice": advice}}, indent=2))
    else:
        say(f"error: {message}")
        if advice:
            say(f"  {advice}")
    raise typer.Exit(1)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form here")
