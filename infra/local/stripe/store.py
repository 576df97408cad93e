"""What the fake remembers: objects in memory as encoded JSON, and all of it in one SQLite file, so that it outlives the process.

A change is written in one transaction before it is answered, without waiting for the disk: it survives the death of this
process, not that of the machine.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.stripe.shelves import Facts, Row, Shelf, facts_of

_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)
TABLES = """
CREATE TABLE IF NOT EXISTS objects (account TEXT, type TEXT, id TEXT, created INTEGER, seq INTEGER, facts TEXT, body BLOB,
    PRIMARY KEY (account, type, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS agenda (n INTEGER PRIMARY KEY, at INTEGER, clock TEXT, account TEXT, action TEXT, args TEXT);
CREATE TABLE IF NOT EXISTS deliveries (n INTEGER PRIMARY KEY, account TEXT, event TEXT, endpoint TEXT, due REAL, attempts INTEGER,
    state TEXT, answer TEXT);
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, at INTEGER, request TEXT, original TEXT, status INTEGER, body BLOB);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT);
"""


@dataclass(frozen=True, slots=True)
class Saved:
    """An answer kept under an idempotency key. `request` is a digest of the path and parameters, `original` the request's id."""

    key: str
    at: int
    path: str
    digest: str
    original: str
    status: int
    body: bytes


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """Something that happens at a second of a test clock ('' for the world's): the name of an action, and its arguments."""

    at: int
    n: int
    clock: str = ""
    account: str = ""
    action: str = ""
    args: tuple[Any, ...] = ()


@dataclass(slots=True)
class Delivery:
    """One event on its way to one endpoint. `due` is in world seconds, `state` pending, delivered, failed or dropped."""

    n: int
    account: str
    event: str
    endpoint: str
    due: float
    attempts: int = 0
    state: str = "pending"
    answer: str = ""


@dataclass(slots=True)
class Changes:
    """What one transaction writes."""

    rows: list[tuple[str, str, Row]] = field(default_factory=list)
    gone: list[tuple[str, str, str]] = field(default_factory=list)
    agenda: list[Due] = field(default_factory=list)
    done: int | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    saved: Saved | None = None


class Store:
    """The file and its image in memory."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(file, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.executescript(TABLES)
        self.shelves: dict[tuple[str, str], Shelf] = {}
        self.sequence = 0
        self._load()

    def close(self) -> None:
        self.db.close()

    def shelf(self, account: str, kind: str) -> Shelf:
        return self.shelves.get((account, kind)) or self.shelves.setdefault((account, kind), Shelf(kind))

    def next(self) -> int:
        self.sequence += 1
        return self.sequence

    def commit(self, changes: Changes) -> None:
        """Write all of it, or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            self._write(changes)
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        for account, kind, id in changes.gone:
            self.shelf(account, kind).drop(id)
        for account, kind, row in changes.rows:
            self.shelf(account, kind).put(row)

    def _write(self, changes: Changes) -> None:
        run = self.db.executemany
        run("DELETE FROM objects WHERE account = ? AND type = ? AND id = ?", changes.gone)
        run(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(a, k, r.key[2], r.key[0], r.key[1], _COMPACT.encode(r.facts), r.body) for a, k, r in changes.rows],
        )
        run(
            "INSERT INTO agenda VALUES (?, ?, ?, ?, ?, ?)",
            [(d.n, d.at, d.clock, d.account, d.action, json.dumps(d.args)) for d in changes.agenda],
        )
        run("DELETE FROM agenda WHERE n = ?", [(changes.done,)] if changes.done is not None else [])
        run("INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [_columns(d) for d in changes.deliveries])
        if changes.saved:
            one = changes.saved
            values = (one.key, one.at, json.dumps([one.path, one.digest]), one.original, one.status, one.body)
            self.db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", values)

    def saved(self, key: str) -> Saved | None:
        """The answer kept under an idempotency key."""
        row = self.db.execute("SELECT at, request, original, status, body FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        path, digest = json.loads(row[1])
        return Saved(key, row[0], path, digest, row[2], row[3], row[4])

    def forget_answers(self, before: int) -> None:
        self.db.execute("DELETE FROM answers WHERE at < ?", (before,))

    def read_state(self) -> dict[str, Any]:
        return {name: json.loads(value) for name, value in self.db.execute("SELECT name, value FROM state")}

    def keep_state(self, **values: Any) -> None:
        rows = [(name, json.dumps(value)) for name, value in values.items()]
        self.db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", rows)

    def agenda(self) -> list[Due]:
        rows = self.db.execute("SELECT at, n, clock, account, action, args FROM agenda").fetchall()
        return [Due(at, n, clock, account, action, tuple(json.loads(args))) for at, n, clock, account, action, args in rows]

    def deliveries(self, where: str = "state = 'pending'", values: Sequence[Any] = ()) -> list[Delivery]:
        query = f"SELECT n, account, event, endpoint, due, attempts, state, answer FROM deliveries WHERE {where} ORDER BY n"
        return [Delivery(*row) for row in self.db.execute(query, values)]

    def undelivered(self, account: str) -> set[str]:
        """Events that an endpoint has not taken: still to be sent, or given up."""
        query = "SELECT DISTINCT event FROM deliveries WHERE account = ? AND state <> 'delivered'"
        return {event for (event,) in self.db.execute(query, (account,))}

    def save_delivery(self, one: Delivery) -> None:
        self.db.execute("INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _columns(one))

    def clear(self) -> None:
        """Forget everything."""
        self.db.executescript(
            "".join(f"DELETE FROM {table};" for table in ("objects", "agenda", "deliveries", "answers", "state"))
        )
        self.shelves.clear()

    def last_number(self, table: str) -> int:
        return int(self.db.execute(f"SELECT coalesce(max(n), 0) FROM {table}").fetchone()[0])

    def bulk(self, rows: Iterable[tuple[str, dict[str, Any], bytes]]) -> int:
        """Put many objects on the shelves: (account, object, its encoded body), oldest of a second first; returns how many.

        Of several under one id the last counts; one that is there already is replaced, and keeps its place.
        """
        made: dict[tuple[str, str, str], Row] = {}
        for account, body, encoded in rows:
            kind, id = str(body["object"]), str(body["id"])
            old = made.get((account, kind, id)) or self.shelf(account, kind).rows.get(id)
            key = old.key if old else (created_of(body), self.next(), id)
            made[account, kind, id] = Row(key, encoded, facts_of(body))
        ordered = sorted(made.items(), key=lambda one: one[1].key)
        self.commit(Changes(rows=[(account, kind, row) for (account, kind, _), row in ordered]))
        return len(made)

    def _load(self) -> None:
        query = "SELECT account, type, id, created, seq, facts, body FROM objects ORDER BY created, seq"
        for account, kind, id, created, seq, facts, body in self.db.execute(query):
            self.shelf(account, kind).put(Row((created, seq, id), body, _facts(facts)))
            self.sequence = max(self.sequence, seq)


def _columns(one: Delivery) -> tuple[Any, ...]:
    return one.n, one.account, one.event, one.endpoint, one.due, one.attempts, one.state, one.answer


def _facts(text: str) -> Facts:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(text).items()}


def created_of(body: dict[str, Any], otherwise: int = 0) -> int:
    """The second that an object's place in lists goes by."""
    for name in ("created", "date", "start"):
        if isinstance(body.get(name), int):
            return int(body[name])
    return otherwise


def encode(body: Any) -> bytes:
    """Compact JSON, as it is kept and sent."""
    return _COMPACT.encode(body).encode()
