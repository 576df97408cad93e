"""The report: each figure beside what it must be. What it must be is computed from what happened at Stripe alone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from infra.local import mails
from infra.local.demo import corpus
from infra.local.demo.corpus import Key, Story
from infra.local.demo.platform import Platform

EXAMPLES = 3


@dataclass(frozen=True)
class Figure:
    """What is, what must be, and a word on it: where the two differ, if they do."""

    name: str
    found: Any
    expected: Any
    note: str = ""

    @property
    def ok(self) -> bool:
        return bool(self.found == self.expected)


def figures(platform: Platform, story: Story) -> list[Figure]:
    """All figures of a platform that was told this story."""
    cases = list(platform.all("/v1/recovery/cases"))
    return [
        Figure("events stored", len(platform.known_events()), len(story.events)),
        *objects(platform, story),
        *_ledger(platform, story),
        *_cases(platform, story, cases),
        *_mails(platform, story, cases),
        Figure("dead letters", sum(platform.dead_letters().values()), 0, str(platform.dead_letters() or "")),
    ]


def speed(platform: Platform, answers_s: Sequence[float]) -> list[str]:
    """How long webhooks took: to be answered, and to be a row."""
    lags = platform.rows(
        "SELECT extract(epoch FROM stored_at - received_at) FROM sync.raw_events WHERE workspace_id = %s", platform.workspace_id
    )
    return [
        f"webhook answered       {_percentiles(answers_s)}",
        f"event to row           {_percentiles([float(row[0]) for row in lags])}",
    ]


def objects(platform: Platform, story: Story) -> Iterable[Figure]:
    for kind, expected in story.objects().items():
        rows = platform.all(f"/v1/sync/objects/{kind}", deleted="false")
        found = {(row["account"] or "", row["id"]): row["data"] for row in rows}
        wrong = [*differing(kind, found, expected)]
        note = f"{len(wrong)} wrong: {'; '.join(wrong[:EXAMPLES])}" if wrong else ""
        yield Figure(f"{kind} objects as they ended", len(expected) - len(wrong), len(expected), note)


def differing(kind: str, found: dict[Key, Any], expected: dict[Key, Any]) -> Iterable[str]:
    """Ids, with why, of objects that are not what they must be."""
    silent = corpus.silent_fields().get(kind, [])
    yield from (f"{key[1]} is missing" for key in expected.keys() - found.keys())
    for key, shown in found.items():
        if key not in expected:
            yield f"{key[1]} should not be there"
        elif "*" not in silent and (fields := _fields(shown, expected[key], silent)):
            yield f"{key[1]} ({', '.join(fields)})"


def _fields(shown: dict[str, Any], final: dict[str, Any], silent: Sequence[str]) -> list[str]:
    names = (shown.keys() | final.keys()) - set(silent)
    return sorted(name for name in names if shown.get(name) != final.get(name) or (name in shown) != (name in final))


def _ledger(platform: Platform, story: Story) -> Iterable[Figure]:
    sheet = platform.get("/v1/ledger/balances")
    for total in sheet["totals"]:
        yield Figure(f"ledger {total['currency']}: debits = credits", total["debit_minor"], total["credit_minor"])
    held = {row["currency"]: row["balance_minor"] for row in sheet["data"] if row["account"] == "stripe_clearing"}
    expected = story.clearing()
    for currency in sorted(held.keys() | expected.keys()):
        yield Figure(f"stripe clearing {currency}", held.get(currency, 0), expected.get(currency, 0))


def _cases(platform: Platform, story: Story, cases: list[dict[str, Any]]) -> Iterable[Figure]:
    expected = story.cases()
    failed = platform.rows(
        "SELECT DISTINCT account, object_id FROM sync.raw_events WHERE workspace_id = %s AND type = %s",
        platform.workspace_id, corpus.PAYMENT_FAILED,
    )  # fmt: skip
    yield Figure("invoices that failed payment", len(failed), len(expected))
    yield Figure("cases opened", len(cases), len(expected))
    is_, must = Counter(case["status"] for case in cases), Counter(case.status for case in expected.values())
    wrong = [case["invoice_id"] for case in cases if _outcome(case) != _expected_outcome(expected, case)]
    for status in ("recovered", "lost", "open"):
        note = f"other outcomes than expected: {', '.join(wrong[:EXAMPLES])}" if wrong else ""
        yield Figure(f"cases {status}", is_[status], must[status], note)
    yield Figure("cases with another outcome than their invoice's", len(wrong), 0)
    for name, field in (("at risk", "at_risk_minor"), ("recovered", "recovered_minor")):
        sums: Counter[str] = Counter()
        for case in expected.values():
            sums[case.currency] += getattr(case, field)
        row = "amount_at_risk_minor" if field == "at_risk_minor" else field
        found = {one["currency"]: one[row] for one in platform.get("/v1/recovery/summary")["by_currency"]}
        for currency in sorted(sums.keys() | found.keys()):
            yield Figure(f"amount {name} {currency}", found.get(currency, 0), sums[currency])


def _outcome(case: dict[str, Any]) -> tuple[str, int]:
    return case["status"], case["recovered_minor"]


def _expected_outcome(expected: dict[Key, corpus.Case], case: dict[str, Any]) -> tuple[str, int] | None:
    known = expected.get((case["account"] or "", case["invoice_id"]))
    return (known.status, known.recovered_minor) if known else None


def _mails(platform: Platform, story: Story, cases: list[dict[str, Any]]) -> Iterable[Figure]:
    """Mails are read back from SES; what they must be is what the cases' timelines say was sent, by message id.

    Which reminders were due follows from the story; not after an interruption, when time went on without the demo. A machine
    that is too slow for the pace of time may find a later reminder due as well: then it skips the earlier one, and says so.
    """
    told: dict[str, tuple[Key, str]] = {}
    skipped: set[tuple[Key, str]] = set()
    for case in cases:
        timeline = platform.get(f"/v1/recovery/cases/{case['id']}")["timeline"]
        key = (case["account"] or "", case["invoice_id"])
        told |= {entry["details"]["message_id"]: (key, entry["step"]) for entry in timeline if entry["kind"] == "mail"}
        skipped |= {(key, entry["step"]) for entry in timeline if entry["kind"] == "skipped"}
    kept = mails.keep(platform.cloud.state.parent)
    ours = {message_id for message_id in kept if message_id in told or not _elsewhere(platform, message_id)}
    yield Figure("e-mails sent", len(ours), len(told), "" if ours == told.keys() else "message ids differ")
    expected = story.cases()
    if not platform.interrupted:
        sent = {(key, step) for key, step in told.values() if step not in expected[key].unsure}
        due = {(key, step) for key, case in expected.items() for step in case.steps}
        lost, after = due - sent - skipped, sent - due
        note = f"{len(due & skipped)} skipped for a later one" if due & skipped else ""
        yield Figure("reminders due: sent, or skipped for a reason", len(due - lost), len(due), _examples(lost) or note)
        yield Figure("reminders sent after their invoice was final", len(after), 0, _examples(after))
    outside = [to for message_id in ours for to in kept[message_id]["To"] if not to.endswith("@example.com")]
    yield Figure("e-mails to others than *@example.com", len(outside), 0, ", ".join(outside[:EXAMPLES]))


def _examples(reminders: set[tuple[Key, str]]) -> str:
    return "; ".join(sorted(f"{step} of {key[1]}" for key, step in reminders)[:EXAMPLES])


def _elsewhere(platform: Platform, message_id: str) -> bool:
    """Whether another workspace sent it."""
    query = "SELECT count(*) FROM recovery.steps WHERE message_id = %s AND workspace_id <> %s"
    return bool(platform.scalar(query, message_id, platform.workspace_id))


def _percentiles(seconds: Sequence[float]) -> str:
    if not seconds:
        return "-"
    ordered = sorted(seconds)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99))
    return f"p50 {p50 * 1000:,.0f} ms   p99 {p99 * 1000:,.0f} ms   of {len(ordered):,}"
