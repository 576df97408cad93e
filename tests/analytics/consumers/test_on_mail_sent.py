"""Mails are rows of their case, one a step."""

from tests.analytics.support import DAY, START, fail, mail, rows, tell, told
from tests.support.world import World


def test_each_step_has_its_row(store: World) -> None:
    case_id = fail(store, "in_1")
    mail(store, case_id, "reminder_day_1")
    mail(store, case_id, "reminder_day_3", at=START + 3 * DAY)
    facts = told(store)
    for _ in range(2):
        assert tell(store, [one for one in facts if one.type == "recovery.mail.sent"]) == []
    found = rows(store, "recovery_events", "event_type, step, event_timestamp")
    assert [(kind, step) for kind, step, _ in found] == [
        ("email_sent", "reminder_day_1"), ("email_sent", "reminder_day_3"), ("started", ""),
    ]  # fmt: skip
    assert found[1][2] == (START + 3 * DAY).replace(tzinfo=None)
    assert rows(store, "recovery_rates", "attempts, emails") == [(1, 2)]
