"""A subject's history: whatever happens, at most one owner at any instant, and usage counts for somebody or nobody, once."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from oppulence.customers import api as customers_api
from oppulence.customers.history import EVER, Point, applied, move, owner_at
from tests.customers.support import give, make
from tests.support.api import Api
from tests.support.world import World

START = datetime(2026, 1, 1, tzinfo=UTC)
instants = st.integers(0, 40).map(lambda hours: START + timedelta(hours=hours))
owners = st.sampled_from(["a", "b", "c", None])
changes = st.lists(st.tuples(owners, st.one_of(st.just(EVER), instants)), max_size=12)


def after_all(moves: list[tuple[str | None, datetime]]) -> list[Point]:
    points: list[Point] = []
    for owner, at in moves:
        points = applied(points, move(points, Point(at, owner)))
    return points


@given(changes, instants)
def test_the_last_word_said_of_an_instant_holds(moves: list[tuple[str | None, datetime]], at: datetime) -> None:
    said = [owner for owner, since in moves if since <= at]
    assert owner_at(after_all(moves), at) == (said[-1] if said else None)


@given(changes)
def test_beginnings_are_in_order_and_each_changes_the_owner(moves: list[tuple[str | None, datetime]]) -> None:
    points = after_all(moves)
    assert [point.valid_from for point in points] == sorted({point.valid_from for point in points})
    before = [None, *(point.customer_id for point in points)]
    assert all(one != other for one, other in zip(before, before[1:], strict=False))


@given(changes, owners, instants)
def test_a_move_leaves_earlier_times_as_they_were(
    moves: list[tuple[str | None, datetime]], owner: str | None, at: datetime
) -> None:
    points = after_all(moves)
    moved = applied(points, move(points, Point(at, owner)))
    for hours in range(41):
        instant = START + timedelta(hours=hours)
        assert owner_at(moved, instant) == (owner if instant >= at else owner_at(points, instant))


operations = st.lists(
    st.tuples(st.sampled_from(["give", "take", "merge"]), st.integers(0, 3), st.integers(0, 3), instants), min_size=1, max_size=8
)


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.generate, Phase.reuse],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(operations)
def test_through_the_api_no_instant_has_two_owners_and_totals_are_preserved(
    api: Api, world: World, done: list[tuple[str, int, int, datetime]]
) -> None:
    """Each hour of each subject is one unit of usage: whoever has it, the units of all customers and of nobody add up."""
    ids = [make(api)["id"] for _ in range(4)]
    subjects = [f"{ids[0]}-{n}" for n in range(4)]
    model: dict[str, list[Point]] = {subject: [] for subject in subjects}
    into = {one: one for one in ids}
    for kind, first, second, at in done:
        owner, subject = into[ids[first]], subjects[second]
        if kind == "give":
            give(api, owner, subject, valid_from=at.isoformat())
            model[subject] = applied(model[subject], move(model[subject], Point(at, owner)))
        elif kind == "take":
            path = f"/v1/customers/{owner}/subjects/{subject}"
            if api.as_key().send("DELETE", path, query={"valid_until": at.isoformat()}).status == 204:
                model[subject] = applied(model[subject], move(model[subject], Point(at, None)))
        elif (ended := into[ids[second]]) != owner:
            assert api.as_key().post(f"/v1/customers/{owner}/merge", {"from": ended}).status == 200
            into = {one: owner if now == ended else now for one, now in into.items()}
            model = {name: [Point(p.valid_from, into.get(p.customer_id or "")) for p in points] for name, points in model.items()}
    hours = [START + timedelta(hours=n) for n in range(42)]
    by_period = Counter[str]()
    for customer_id in set(into.values()):
        for one in world.within("ledger", lambda uow, who=customer_id: customers_api.periods_of(uow.conn, who)):
            covered = [at for at in hours if (one.valid_from or EVER) <= at and (one.valid_until is None or at < one.valid_until)]
            by_period[customer_id] += len(covered)
    expected = Counter(owner for points in model.values() for at in hours if (owner := owner_at(points, at)))
    assert +by_period == +expected
    asked = world.within("ledger", lambda uow: [customers_api.owners_at(uow.conn, subjects, at) for at in hours])
    assert asked == [{name: owner for name, points in model.items() if (owner := owner_at(points, at))} for at in hours]


def test_the_database_refuses_a_second_owner_at_one_instant(api: Api, world: World) -> None:
    made = make(api)["id"]
    give(api, made, "s")
    row: tuple[Any, ...] = (world.workspace_id, made)
    insert = (
        "INSERT INTO customers.subject_owners (workspace_id, subject, valid_from, customer_id, recorded_at)"
        " VALUES (%s, 's', '1900-01-01Z', %s, now()) ON CONFLICT DO NOTHING"
    )
    assert world.admin.execute(insert, row).rowcount == 0
