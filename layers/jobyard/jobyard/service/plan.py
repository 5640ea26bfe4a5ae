"""Which part of which index holds a page: a pure function of how many jobs there are.

    what is asked     statuses, priorities, owners, workflows, days of completion; an order; an offset
         |
         v
    the counts        of each facet that is asked for, by day of creation and by cell: a cell is a status, a priority,
         |            and how many days it took to complete. All that a filter can say is said by facet, day and
         |            cell, so what matches is a sum, and the sum is the total
         v
    groups            an order is a sequence of groups, each of them in order of creation, or of completion: one for
         |            every priority, or status, or name of a workflow; those that have not completed, and those that
         |            have
         v
    buckets           the days of a group that hold a match. Sums carry the offset to its group and day; of groups and
         |            days before it, and of those without a match, nothing is read. A day that is crowded is told
         |            apart once more, by slots of minutes
         v
    spans             as many buckets of one group as the page needs, and of each facet what to read: its plain index
                      where most of what stands there matches, and what does not is dropped; or else the partitions
                      of the matching cells, of which nothing is dropped

So page 200 of a filtered list costs what page 1 costs, the slots of one day, and the jobs of one slot that stand before
the page. Of those never more than half are read: what is in the second half of a bucket is read from its end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import chain
from typing import NamedTuple

from jobyard.model import Job, Status
from jobyard.model.listing import DAY_MS, Cell, Facet, cell
from jobyard.service.filters import Filter, Sort
from jobyard.store.counts import CREATED, ENDED, Slot, Tally

CROWDED = 60
"""Jobs that are sooner passed over than the slots of a day looked at."""

_LEAST_UNITS = 0.5
_ROWS_A_UNIT = 16
"""Read units of a Query, and rows of an index that one buys: for the choice between two ways."""

_MOSTLY = 0.75
"""Of what stands in a day or slot, so much matches where its plain index is read: what is rarer may stand all together,
as the jobs that live do, and then reading on from where it should have been takes one Query after the other.
"""

_PASSED_OVER = 32
"""Rows in all that do not match, which may be read whatever their share."""

_NEARLY_ALL = 0.95
"""Of what stands in a day, where less matches its slots are looked at before its plain index is read: what does not
match may stand all together there, as the jobs that live do among the newest.
"""

_FEW = 3
"""Cells of a day that are sooner merged than its slots looked at."""

# By name; but what every dialect shows alike stands together, or a list would return to a status that it had left.
_STATUS_ORDER = {
    Status.CANCELLED: 0,
    Status.COMPLETED: 1,
    Status.FAILED: 1,
    Status.INITIALIZING: 2,
    Status.QUEUED: 3,
    Status.SCHEDULED: 3,
    Status.RUNNING: 4,
}

type GroupKey = int | str
type Members = dict[tuple[Facet, Cell], int]
"""How many jobs stand in each partition of a cell."""


class Bucket(NamedTuple):
    """A day or a part of it, from ``begin`` until ``end`` (milliseconds of its group's axis).

    ``others``: of each facet how many stand there that do not match; None is as many as on its whole day.
    """

    begin: int
    end: int
    members: Members
    others: Mapping[Facet, int] | None = None

    def of(self, facet: Facet) -> dict[Cell, int]:
        return {of: number for (each, of), number in self.members.items() if each == facet}

    @property
    def size(self) -> int:
        return sum(self.members.values())

    @property
    def day(self) -> int:
        return self.begin // DAY_MS


class Group(NamedTuple):
    """Jobs that stand together in an order, by day of the axis that they are in the order of."""

    key: GroupKey
    axis: str
    days: dict[int, Members]

    @property
    def size(self) -> int:
        return sum(sum(members.values()) for members in self.days.values())

    def bucket(self, day: int) -> Bucket:
        return Bucket(day * DAY_MS, (day + 1) * DAY_MS, self.days[day])


class Place(NamedTuple):
    """Where a page begins: ``before`` jobs of ``bucket`` stand before it, and ``then`` is what follows in its day."""

    group: int
    bucket: Bucket
    before: int = 0
    then: tuple[Bucket, ...] = ()


class Run(NamedTuple):
    """A partition to read from ``begin`` until ``end``, of a cell or (None) of all a facet's jobs; of ``expected`` of
    them the page is made.
    """

    facet: Facet
    cell: Cell | None
    begin: int
    end: int
    expected: int


class Span(NamedTuple):
    """Merge what is read of ``runs``, leave out ``skip`` and take (about) ``take`` jobs.

    With ``backwards``, take just so many from the other end. ``apart`` is what to read instead of ``runs`` where these
    turn out to hold fewer than they should: all partitions of cells; empty where ``runs`` are that.
    """

    group: Group
    runs: tuple[Run, ...]
    skip: int
    take: int
    backwards: bool = False
    apart: tuple[Run, ...] = ()


class Plan:
    """What matches, and the way to any page of it. ``today`` in days since the epoch."""

    def __init__(self, tallies: Iterable[Tally], filter: Filter, sort: Sort, descending: bool, today: int) -> None:
        self._filter, self._sort, self._descending, self._today = filter, sort, descending, today
        # The jobs of a page are of few days and cells.
        self._takes = cache(self._takes_cell)
        self._there: dict[Facet, dict[int, int]] = {}
        found: dict[GroupKey, Group] = {}
        for tally in tallies:
            there = self._there.setdefault(tally.facet, {})
            for day, cells in tally.days.items():
                there[day] = there.get(day, 0) + sum(cells.values())
                for of, number in cells.items():
                    if self._takes(day, of):
                        self._add(found, tally, day, of, number)
        self.groups = sorted(found.values(), key=lambda group: group.key, reverse=descending)
        """In the order of the list."""
        self.total = sum(group.size for group in self.groups)

    def _takes_cell(self, day: int, of: Cell) -> bool:
        expired = of.kept and day + of.kept <= self._today
        return not expired and self._filter.takes(day, of)

    def _add(self, found: dict[GroupKey, Group], tally: Tally, day: int, of: Cell, number: int) -> None:
        key = self._key(tally.name, of)
        ended = self._sort is Sort.COMPLETED and key == 1
        group = found.setdefault(key, Group(key, ENDED if ended else CREATED, {}))
        members = group.days.setdefault(day + of.ended if ended else day, {})
        members[tally.facet, of] = members.get((tally.facet, of), 0) + number

    def _key(self, name: str, of: Cell) -> GroupKey:
        if self._sort is Sort.PRIORITY:
            return of.kind
        if self._sort is Sort.STATUS:
            return _STATUS_ORDER[of.status]
        if self._sort is Sort.COMPLETED:
            return int(of.ended >= 0)
        return name if self._sort is Sort.WORKFLOW else 0

    def takes(self, job: Job, group: Group) -> bool:
        """Whether a job that stands among those of the group's facets is of the group."""
        of = cell(job)
        return self._takes(job.created_at // DAY_MS, of) and self._key(job.workflow_name, of) == group.key

    # Where a page begins.

    def at(self, offset: int) -> Place | None:
        """None behind the last."""
        for number, group in enumerate(self.groups):
            if offset >= group.size:
                offset -= group.size
                continue
            for bucket in self._buckets(group):
                if offset < bucket.size:
                    return Place(number, bucket, offset)
                offset -= bucket.size
        return None

    def after(self, key: GroupKey, at: int) -> Place | None:
        """Where a walk goes on that has come to ``at`` (milliseconds) in the group of ``key``."""
        for number, group in enumerate(self.groups):
            if group.key != key and (group.key < key) != self._descending:  # type: ignore[operator]
                continue
            for bucket in self._buckets(group):
                if group.key != key or (bucket.begin > at if not self._descending else bucket.end <= at):
                    return Place(number, bucket)
                if bucket.begin <= at < bucket.end:
                    begin, end = (bucket.begin, at + 1) if self._descending else (at, bucket.end)
                    # How many are left is not known: as many as a page needs may be, which costs nothing where not.
                    return Place(number, bucket._replace(begin=begin, end=end))
        return None

    def crowded(self, place: Place, need: int) -> list[tuple[Facet, str, int]]:
        """Facet, axis and day of the slots that tell where in it a page begins, and which cells are in it; none where
        that is not worth it.

        No slots are kept of what is somebody's and of one workflow.
        """
        group, bucket, before = self.groups[place.group], place.bucket, place.before
        of = {facet for facet, _ in bucket.members}
        if any(facet.family == "both" for facet in of):
            return []
        if min(before, bucket.size - before) <= CROWDED:
            if bucket.size - before <= need + CROWDED:
                return []
            runs = self._span(group, [bucket], before, need).runs
            plain = {run.facet for run in runs if run.cell is None}
            if len(runs) - len(plain) <= _FEW and all(self._is_nearly_all(facet, bucket) for facet in plain):
                return []
        return [(facet, group.axis, bucket.day) for facet in sorted(of)]

    def narrowed(self, place: Place, slots: Mapping[Facet, Iterable[Slot]]) -> Place:
        """The same place, within a slot."""
        within = place.bucket
        found: dict[tuple[int, int], tuple[Members, dict[Facet, int]]] = {}
        for facet, told in slots.items():
            for begin, end, of, number in told:
                if end > within.begin and begin < within.end:
                    members, others = found.setdefault((begin, end), ({}, {}))
                    if (facet, of) in within.members:
                        members[facet, of] = number
                    else:
                        others[facet] = others.get(facet, 0) + number
        buckets: list[Bucket] = []
        passed: dict[Facet, int] = {}
        for begin, end in sorted(found, reverse=self._descending):
            members, others = found[begin, end]
            # Those of slots without a match are on the way to the next one with any.
            passed = {facet: passed.get(facet, 0) + others.get(facet, 0) for facet in slots}
            if members:
                buckets.append(Bucket(max(begin, within.begin), min(end, within.end), members, passed))
                passed = {}
        before = place.before
        for number, bucket in enumerate(buckets):
            if before < bucket.size:
                return Place(place.group, bucket, before, tuple(buckets[number + 1 :]))
            before -= bucket.size
        return place  # a job has left the day since its sum was read

    # What to read.

    def spans(self, place: Place, need: int) -> Iterator[Span]:
        """What to read for ``need`` jobs; and where it turns out to hold fewer than the counts say, what then."""
        before, due = place.before, need
        for group, buckets in self._from(place):
            taken: list[Bucket] = []
            for bucket in buckets:
                if not taken and bucket.size < 2 * before:
                    # In its second half: less is passed over from its end.
                    left = bucket.size - before
                    yield self._span(group, [bucket], 0, left, backwards=True)
                    before, due = 0, max(due - left, 1)
                    continue
                taken.append(bucket)
                holds = sum(each.size for each in taken) - before
                if holds >= due:
                    yield self._span(group, taken, before, due)
                    taken, before, due = [], 0, need
            if taken:
                holds = sum(each.size for each in taken) - before
                yield self._span(group, taken, before, holds)
                before, due = 0, max(due - holds, 1)

    def _from(self, place: Place) -> Iterator[tuple[Group, Iterable[Bucket]]]:
        group = self.groups[place.group]
        later = (
            each
            for each in self._buckets(group)
            if (each.day < place.bucket.day if self._descending else each.day > place.bucket.day)
        )
        yield group, chain([place.bucket, *place.then], later)
        for each in self.groups[place.group + 1 :]:
            yield each, self._buckets(each)

    def _buckets(self, group: Group) -> Iterator[Bucket]:
        return (group.bucket(day) for day in sorted(group.days, reverse=self._descending))

    def _span(self, group: Group, buckets: list[Bucket], skip: int, take: int, *, backwards: bool = False) -> Span:
        part = (skip + take) / sum(bucket.size for bucket in buckets)
        runs: list[Run] = []
        apart: list[Run] = []
        for facet in sorted({facet for bucket in buckets for facet, _ in bucket.members}):
            of_facet = [bucket for bucket in buckets if bucket.of(facet)]
            cells = self._cells(facet, of_facet, part)
            apart += cells
            runs += self._runs(group, facet, of_facet, part, cells)
        return Span(group, tuple(runs), skip, take, backwards, () if runs == apart else tuple(apart))

    def _cells(self, facet: Facet, buckets: list[Bucket], part: float) -> list[Run]:
        apart: dict[Cell, Run] = {}
        for bucket in buckets:
            for of, number in bucket.of(facet).items():
                # On other days of the span there may be many of this cell that do not match, or have expired.
                run = apart.get(of, Run(facet, of, bucket.begin, bucket.end, 0))
                begin, end = min(run.begin, bucket.begin), max(run.end, bucket.end)
                apart[of] = Run(facet, of, begin, end, run.expected + number)
        return [run._replace(expected=_of_page(run.expected, part)) for run in apart.values()]

    def _runs(self, group: Group, facet: Facet, buckets: list[Bucket], part: float, cells: list[Run]) -> list[Run]:
        """``cells``, or the plain index. ``buckets`` all hold any of the facet."""
        if group.axis == ENDED or facet.family == "both":
            return cells
        matching, others = sum(sum(bucket.of(facet).values()) for bucket in buckets), self._others(facet, buckets)
        if matching < _MOSTLY * (matching + others) and others > _PASSED_OVER:
            return cells
        due, dropped = matching * part, others * part
        begin, end = min(run.begin for run in cells), max(run.end for run in cells)
        together = [Run(facet, None, begin, end, _surely(due + dropped, dropped) + 1)]
        return together if _units(together) <= _units(cells) else cells

    def _others(self, facet: Facet, buckets: list[Bucket]) -> int:
        """How many of the facet's jobs that do not match stand in ``buckets`` and between them."""
        there = self._there[facet]
        days = {bucket.day for bucket in buckets}
        between = sum(there.get(day, 0) for day in range(min(days), max(days)) if day not in days)
        return between + sum(
            there[bucket.day] - sum(bucket.of(facet).values()) if bucket.others is None else bucket.others.get(facet, 0)
            for bucket in buckets
        )

    def _is_nearly_all(self, facet: Facet, bucket: Bucket) -> bool:
        matching, others = sum(bucket.of(facet).values()), self._others(facet, [bucket])
        return others <= _PASSED_OVER or matching >= _NEARLY_ALL * (matching + others)


def _of_page(number: int, part: float) -> int:
    """So many of a cell's jobs are read for a page of a part of all, and one by which its end is seen."""
    return min(number, _surely(number * part, number * part)) + 1


def _surely(number: float, by_chance: float) -> int:
    """So many that ``number`` are hardly ever more, where ``by_chance`` of them stand here rather than elsewhere."""
    return math.ceil(number + 3 * math.sqrt(by_chance))


def _units(runs: list[Run]) -> float:
    return sum(max(_LEAST_UNITS, run.expected / _ROWS_A_UNIT) for run in runs)
