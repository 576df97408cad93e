"""Shelves stay sorted and indexed whatever is put on and taken from them; periods follow the calendar."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.stripe import forms, periods
from infra.local.stripe.listing import page
from infra.local.stripe.shelves import Row, Shelf

STATUSES = ("open", "paid", "void")
STEPS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.sampled_from((*STATUSES, "gone"))), max_size=40)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_a_shelf_lists_what_a_sorted_dict_would(steps: list[tuple[int, int, str]]) -> None:
    shelf, model = Shelf("invoice"), dict[str, Row]()
    for n, (id, created, status) in enumerate(steps):
        name = f"in_{id}"
        if status == "gone":
            shelf.drop(name)
            model.pop(name, None)
            continue
        key = model[name].key if name in model else (created, n, name)
        row = Row(key, b'"%s"' % name.encode(), {"status": status, "created": key[0]})
        shelf.put(row)
        model[name] = row
    for status in STATUSES:
        wanted = sorted((row.key for row in model.values() if row.facts["status"] == status), reverse=True)
        assert page(shelf, {"status": status, "limit": 100}, "/").rows == [b'"%s"' % key[2].encode() for key in wanted]
    walked: list[bytes] = []
    params: dict[str, object] = {"limit": 3}
    while (found := page(shelf, params, "/")).rows:
        walked += found.rows
        params["starting_after"] = found.rows[-1].decode().strip('"')
        assert found.has_more == (len(walked) < len(model))
    assert walked == [b'"%s"' % key[2].encode() for key in sorted((row.key for row in model.values()), reverse=True)]


@given(st.integers(1_577_836_800, 2_051_222_400), st.integers(1, 30))
def test_monthly_periods_never_drift_from_their_day(anchor: int, count: int) -> None:
    at, monthly = anchor, {"interval": "month", "interval_count": 1}
    for _ in range(count):
        before, at = at, periods.after(at, dict(monthly), anchor)
        assert 28 <= (at - before) / 86_400 <= 31
    shown, fixed = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(anchor, UTC)
    assert shown.time() == fixed.time()
    assert shown.day == fixed.day or (shown.day >= 28 and fixed.day > shown.day)


def test_forms_nest_as_stripe_writes_them() -> None:
    text = "items[0][price]=a&items[0][quantity]=2&items[1][price]=b&expand[]=x&expand[]=y&metadata[a.b]=%C3%BC+1&name="
    assert forms.decode(text) == {
        "items": {"0": {"price": "a", "quantity": "2"}, "1": {"price": "b"}},
        "expand": {"0": "x", "1": "y"},
        "metadata": {"a.b": "ü 1"},
        "name": "",
    }
    assert forms.as_list({"1": "b", "0": "a"}) == ["a", "b"]
    assert forms.as_list({"a": "b"}) is None
