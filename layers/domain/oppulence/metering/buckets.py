"""Buckets: the parts of a period in which values are put together, numbered by the second in which they begin.

They are the windows, cut by the days of the zone where a quantity is prorated by day. Rows before the period have bucket 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from oppulence.metering.windows import Window, WindowSize, windows

SECONDS = "toUnixTimestamp64Second(time)"


@dataclass(frozen=True, slots=True)
class Buckets:
    """`windows` in order; `days` has, by a window's number, its buckets, of which each is a day or a part of one."""

    windows: Sequence[Window]
    starts: Sequence[int]
    days: Sequence[Sequence[int]]

    @property
    def period(self) -> Window:
        """From the first window's beginning to the last one's end."""
        return Window(self.windows[0].start, self.windows[-1].end)

    def expression(self, *, earlier: bool, seconds: str = SECONDS) -> str:
        """The bucket of a row, by its `time` or other seconds, in SQL; `earlier` if rows before the period are read too.

        It holds numbers of ours only, few of them: buckets mostly have one length. Lists say their type, as the store's own guess
        is another one from 2106 on.
        """
        ends = [*self.starts[1:], int(self.windows[-1].end.timestamp())]
        runs: list[tuple[int, int]] = []
        for start, end in zip(self.starts, ends, strict=True):
            if not runs or runs[-1][1] != end - start:
                runs.append((start, end - start))
        first, length = runs[0]
        if len(runs) == 1:
            inside = f"{first} + intDiv({seconds} - {first}, {length}) * {length}" if len(self.starts) > 1 else f"{first}"
        else:
            begins, lengths = (f"CAST({[run[n] for run in runs]}, 'Array(Int64)')" for n in (0, 1))
            begin = f"roundDown({seconds}, {begins})"
            each = f"transform({begin}, {begins}, {lengths}, {length})"
            inside = f"{begin} + intDiv({seconds} - {begin}, {each}) * {each}"
        return f"if({seconds} < {first}, 0, {inside})" if earlier else inside


def of_windows(found: Sequence[Window]) -> Buckets:
    """One bucket for each window."""
    starts = [int(one.start.timestamp()) for one in found]
    return Buckets(found, starts, [[start] for start in starts])


def of_days(found: Sequence[Window], tz: ZoneInfo) -> Buckets:
    """One bucket for each day, or part of one, of each window."""
    days = [[int(day.start.timestamp()) for day in windows(one, WindowSize.DAY, tz)] for one in found]
    return Buckets(found, [start for one in days for start in one], days)
