"""What the store adds up of values for each kind of meter, so that `combining` can finish it exactly.

No function here gives a float: sums of decimals, extremes, places in order, and numbers of ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto

from oppulence.metering.asked import Asked, Counter
from oppulence.metering.buckets import SECONDS, Buckets
from oppulence.metering.hands import FOREVER, micros
from oppulence.metering.models import Aggregation
from oppulence.metering.parameters import Parameters
from oppulence.metering.usage_reads import after, keys, order, rows, settled, tenures

_PLACE = "(time, stored_at, sequence, source, id)"


class Form(Enum):
    """What comes of a bucket's values."""

    TOTAL = auto()
    """Their sum, or by how much the number of ids rises."""
    MEAN = auto()
    """Their sum and number."""
    ONE = auto()
    """One of them."""
    BY_SECOND = auto()
    """Their sum, and the sum of each times the seconds from the bucket's beginning to it."""
    BY_DAY = auto()
    """The sum of those above 0, and of the others."""
    IDS_BY_DAY = auto()
    """By how much the number of ids rises, and how many were not there at its beginning and were added in it."""


def form(meter: Counter) -> Form:
    """What is added up for a meter."""
    measure = meter.measure
    match measure.aggregation:
        case Aggregation.AVG:
            return Form.MEAN
        case Aggregation.MIN | Aggregation.MAX | Aggregation.LATEST | Aggregation.PERCENTILE:
            return Form.ONE
        case Aggregation.WEIGHTED_SUM:
            return Form.BY_SECOND
    if measure.prorated == "second":
        return Form.BY_SECOND
    if measure.prorated == "day":
        return Form.IDS_BY_DAY if measure.aggregation is Aggregation.UNIQUE_COUNT else Form.BY_DAY
    return Form.TOTAL


def adds_up(meter: Counter) -> bool:
    """Whether what was added up of two sets of rows gives what would be of both together."""
    kind = meter.measure.aggregation
    return kind not in (Aggregation.UNIQUE_COUNT, Aggregation.LATEST, Aggregation.PERCENTILE)


@dataclass(frozen=True, slots=True)
class Part:
    """At most so many groups that come after `place`, sorted by bucket and keys or, with `by_key`, by keys and bucket.

    Who takes all of them, so that there is no place, has them sooner as they come.
    """

    most: int
    place: tuple[int, Sequence[str | None]] | None = None
    by_key: bool = False
    as_they_come: bool = False


def statement(asked: Asked, buckets: Buckets, part: Part, *, landed: bool) -> tuple[str, Parameters]:
    """Some groups: k0, k1, ..., the bucket's second, and what was added up of settled rows, and of landed ones if asked."""
    given = Parameters()
    number = len(asked.group_by)
    names = "".join(f"k{n}, " for n in range(number))
    bucket = buckets.expression(earlier=asked.meter.measure.carry_over)
    if asked.meter.measure.aggregation is Aggregation.UNIQUE_COUNT:
        found = _held(asked, buckets, given, names) if asked.moves else rows(asked, buckets.period, given)
        source = f"SELECT *, {bucket} AS b FROM ({found})"
        text = f"SELECT {names}b, {_ids(asked.meter, source, names, 'place' if asked.moves else _PLACE)}"
    elif asked.moves and asked.meter.measure.aggregation is Aggregation.LATEST:
        text = f"SELECT {names}b, any(value) FROM ({_latest(asked, buckets, given, names)})"
    elif asked.moves:
        bucket = buckets.expression(
            earlier=asked.meter.measure.carry_over, seconds="second" if form(asked.meter) is Form.BY_DAY else SECONDS
        )
        text = f"SELECT {names}{bucket} AS b, {_added(asked)} FROM ({rows(asked, buckets.period, given, landed=landed)})"
        if not asked.meter.measure.carry_over:
            text += f" WHERE b = {buckets.expression(earlier=False, seconds='toUnixTimestamp64Second(own_time)')}"
    elif landed and asked.tail:
        text = f"SELECT {names}{bucket} AS b, {_added(asked)} FROM ({rows(asked, buckets.period, given, landed=landed)})"
    else:
        own = "".join(f"{key} AS k{n}, " for n, key in enumerate(keys(asked, given)))
        text = f"SELECT {own}{bucket} AS b, {_added(asked)} FROM {settled(asked, buckets.period, given)}"
    text += f" GROUP BY {names}b"
    if part.place is not None:
        second, values = part.place
        text += " HAVING " + after({} if part.by_key else {"b": second}, values, given)
    if part.as_they_come:
        return f"{text} LIMIT {part.most}", given
    sorted_by = f"{order(number)[2:]}, b" if part.by_key and number else f"b{order(number)}"
    return f"{text} ORDER BY {sorted_by} LIMIT {part.most}", given


def _held(asked: Asked, buckets: Buckets, given: Parameters, names: str) -> str:
    """Operations on ids and, at each `turn` when a subject that has the id changes hands, how the last operation of the subjects
    that are somebody's from then on leaves it: k0, k1, ..., text, number, time and place, which is an order.

    By day, what leaves does so in the moment before: who loses a subject when a day begins does not have it on that day. Without
    `carry_over` each window has operations and turns of its own.
    """
    measure = asked.meter.measure
    window, until = "0", "until"
    source = tenures(asked, buckets.period, given)
    if not measure.carry_over:
        window, since, end = (
            buckets.expression(earlier=False, seconds=f"intDiv({one}, 1000000)") for one in ("place.1", "since", "until")
        )
        until = f"if(until < {micros(buckets.period.end)} AND {end} = {window}, until, {FOREVER})"
        source = f"{source} AND {since} = {window}"
    ends = micros(buckets.period.end)
    ordered = f"""SELECT {names}text, {window} AS w,
                         arraySort(groupArray((place, number > 0, since, {until} AS till))) AS ordered,
                         groupUniqArrayArray(arrayFilter(at -> at > place.1 AND at < {ends}, [since, till])) AS turns
                    FROM ({source}) GROUP BY {names}text, w"""
    left = "(turn - 1, 2, 0)" if measure.prorated == "day" else "(turn, 0, 0)"
    steps = f"""SELECT {names}text, arrayMap(one -> (one.1.1, one.2, one.3, one.4), ordered) AS held,
                       arrayFilter((step, one) -> one.1 = one.3,
                                   arrayMap((one, n) -> ((one.1, 1, n), one.2), held, arrayEnumerate(held)), held) AS operations,
                       arrayMap(turn -> if(arrayLast(one -> one.1 < turn AND one.3 <= turn AND turn < one.4, held).2,
                                           ((turn, 0, 0), 1), ({left}, 0)), turns) AS taken_up
                  FROM ({ordered})"""
    return f"""SELECT {names}text, step.1 AS place, step.2 AS number, fromUnixTimestamp64Micro(step.1.1, 'UTC') AS time
                 FROM ({steps}) ARRAY JOIN arrayConcat(operations, taken_up) AS step"""


def _latest(asked: Asked, buckets: Buckets, given: Parameters, names: str) -> str:
    """The last value of those that somebody has at the end of each bucket in which that may change: k0, k1, ..., b, value; NaN
    where nothing is left.

    Of those that come in one bucket and leave in another one only the last one matters.
    """
    since, until = (buckets.expression(earlier=True, seconds=f"intDiv({one}, 1000000)") for one in ("since", "until"))
    left = f"if(until < {micros(buckets.period.end)}, toInt64({until}), toInt64({FOREVER}))"
    ends = f"""SELECT {names}toInt64({since}) AS begun, {left} AS ended, max(place) AS last, argMax(number, place) AS number
                 FROM ({tenures(asked, buckets.period, given)}) GROUP BY {names}begun, ended HAVING begun < ended"""
    held = f"""SELECT {names}arrayMap(one -> (one.2, one.3, one.4),
                                      arraySort(groupArray((last, begun, ended, toString(number))))) AS held,
                      arrayFilter(at -> at < {FOREVER}, groupUniqArrayArray([begun, ended])) AS turns
                 FROM ({ends}) {f"GROUP BY {names[:-2]}" if names else ""}"""
    return f"""SELECT {names}turn AS b, arrayLastIndex(one -> one.1 <= turn AND turn < one.2, held) AS place,
                      if(place = 0, 'NaN', held[place].3) AS value FROM ({held}) ARRAY JOIN turns AS turn"""


def _added(asked: Asked) -> str:
    """What is selected of rows."""
    measure = asked.meter.measure
    match form(asked.meter):
        case Form.TOTAL:
            return "toString(sum(number))"
        case Form.MEAN:
            return "toString(sum(number)), count()"
        case Form.BY_SECOND:
            return f"toString(sum(number)), toString(sum(number * if(b = 0, 0, {SECONDS} - b)))"
        case Form.BY_DAY:
            late = "late" if asked.moves else "number <= 0"
            return f"toString(sumIf(number, NOT ({late}))), toString(sumIf(number, {late}))"
    return f"toString({_one(measure.aggregation, measure.percentile)})"


def _one(kind: Aggregation, percentile: Decimal | None) -> str:
    if kind is Aggregation.LATEST:
        return f"argMax(number, {_PLACE})"
    if kind is not Aggregation.PERCENTILE:
        return "min(number)" if kind is Aggregation.MIN else "max(number)"
    parts = int((percentile or Decimal(100)) * 10_000)  # has 4 places
    return f"arraySort(groupArray(number))[intDiv(count() * {parts} + 999999, 1000000)]"


def _ids(meter: Counter, source: str, names: str, place: str) -> str:
    """Numbers of ids: of each id, what its additions and removals come to."""
    measure = meter.measure
    if not measure.carry_over:
        if not meter.removes:
            return f"toString(uniqExact(text)) FROM ({source})"
        last = f"SELECT {names}b, argMax(number, {place}) > 0 AS there FROM ({source}) GROUP BY {names}b, text"
        return f"toString(countIf(there)) FROM ({last})"
    if measure.prorated == "second":
        steps = f"""SELECT {names}arraySort(groupArray(({place}, number > 0, b, {SECONDS}))) AS steps
                      FROM ({source}) GROUP BY {names}text"""
        changes = f"""SELECT {names}step.3 AS b, toInt64(step.2) - toInt64(before) AS change,
                             if(step.3 = 0, 0, step.4 - step.3) AS late
                        FROM ({steps}) ARRAY JOIN steps AS step, arrayPopBack(arrayPushFront(steps.2, 0)) AS before"""
        return f"toString(sum(change)), toString(sum(change * late)) FROM ({changes})"
    ends = f"""SELECT {names}text, b, argMax(number, {place}) > 0 AS there, max(number) > 0 AS added
                 FROM ({source}) GROUP BY {names}text, b"""
    steps = f"SELECT {names}arraySort(groupArray((b, there, added))) AS steps FROM ({ends}) GROUP BY {names}text"
    changes = f"""SELECT {names}step.1 AS b, toInt64(step.2) - toInt64(before) AS change, NOT before AND step.3 AS new
                    FROM ({steps}) ARRAY JOIN steps AS step, arrayPopBack(arrayPushFront(steps.2, 0)) AS before"""
    return f"toString(sum(change)), toString(countIf(new)) FROM ({changes})"
