"""What the lists must say, as plainly as it can be said: every job in memory, filtered, sorted, counted and cut.

It shares no code with what it judges but the job itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any, NamedTuple

from jobyard.model import Job, Status
from tests.factories import NOW

DAY_MS = 24 * 3600 * 1000
NOON = DAY_MS // 2
BEGIN = NOW
"""The first day of creation; it is the beginning of a day."""

DAYS = 100

LONG = "A very long name, of which a key holds no more than its beginning: " * 3
WORKFLOWS = (
    # Two of one name, one that was renamed, and names that are to be told apart in keys.
    ("Profile", "f" * 24),
    ("Profile", "e" * 24),
    ("Profile, renamed", "f" * 24),
    ("Load, then save", "d" * 24),
    ("Load#00091", "c" * 24),
    ("Load#00091#00001", "b" * 24),
    ("two\nlines", "a" * 24),
    (f"{LONG}1", "9" * 24),
    (f"{LONG}2", "8" * 24),
    # In UTF-16 the second stands before the first, in UTF-8 behind it.
    ("\uffee", "7" * 24),
    ("𝄞 Übersicht", "6" * 24),
    ("profile", "5" * 24),
)
WHOS = ("a", "ab", "a#00091", "a\nb", "é" * 120 + "1", "é" * 120 + "2", "nobody's")
"""Ids of owners, and of tencent the names of jobs; nobody has the last."""

KINDS = (0, 1, 2, 3)


class Way(NamedTuple):
    """How a dialect's jobs are found: whether by what it set, and how many kinds there are."""

    dialect: str
    kinds: int


ALTERYX, TENCENT, OPENREPLAY = Way("alteryx", 4), Way("tencent", 2), Way("openreplay", 1)


# ---- what is asked for


class Wanted(NamedTuple):
    """A filter; None takes every value. Times in milliseconds, from included, until not."""

    statuses: frozenset[Status] | None = None
    kinds: frozenset[int] | None = None
    whos: frozenset[str] | None = None
    names: frozenset[str] | None = None
    ids: frozenset[str] | None = None
    ended_from: int | None = None
    ended_until: int | None = None
    created_from: int | None = None
    created_until: int | None = None


SORTS = ("created", "workflow", "completed", "priority", "status")


class Cut(NamedTuple):
    """``sort`` is one of ``SORTS``."""

    sort: str = "created"
    descending: bool = False
    offset: int = 0
    limit: int = 50


def asks(jobs: Iterable[Job], seed: int, number: int) -> Iterator[tuple[Wanted, Cut]]:
    """What to ask for, so that most of it finds some of the jobs."""
    random = Random(seed)
    there = list(jobs)
    for _ in range(number):
        # A job that is to be found; and with it what else is asked for.
        wanted = a_wanted(random, random.choice(there) if there else None)
        found = sum(takes(wanted, job) for job in there)
        offset = random.choice([0, 0, 1, random.randint(0, found + 2)])
        limit = random.choice([1, 2, random.randint(1, 9), 50, 1000])
        yield wanted, Cut(random.choice(SORTS), random.random() < 0.5, offset, limit)


def walks(jobs: Iterable[Job], seed: int, number: int) -> Iterator[tuple[Wanted, Cut]]:
    """As ``asks``, of what was created in some time, one value each, as tencent asks for it."""
    random = Random(seed)
    there = list(jobs)
    for _ in range(number):
        target = random.choice(there) if there else None
        created = BEGIN + 50 * DAY_MS if target is None else target.created_at
        whos = {random.choice(WHOS) if target is None or random.random() < 0.1 else who(target)}
        ids = {random.choice(WORKFLOWS)[1] if target is None or random.random() < 0.1 else target.workflow_id}
        before = random.choice([0, 1, 999, NOON, random.randrange(30 * DAY_MS)])
        after = random.choice([1, 1000, NOON, random.randrange(30 * DAY_MS), -1000])
        wanted = Wanted(
            statuses=a_wanted(random, target).statuses,
            kinds=frozenset({random.choice([0, 1])}) if random.random() < 0.3 else None,
            whos=frozenset(whos) if random.random() < 0.3 else None,
            ids=frozenset(ids) if random.random() < 0.3 else None,
            created_from=created - before if random.random() < 0.5 else None,
            created_until=created + after if random.random() < 0.5 else None,
        )
        yield wanted, Cut("created", random.random() < 0.5, 0, random.choice([1, 2, 5, 50]))


def a_wanted(random: Random, target: Job | None) -> Wanted:
    def some[T](values: Iterable[T], this: T | None) -> frozenset[T] | None:
        chance = random.random()
        if chance < 0.65:
            return None
        if chance < 0.67:
            return frozenset()
        others = random.sample(list(values), random.randint(0, 2))
        return frozenset(others if this is None or chance > 0.97 else [*others, this])

    end = None if target is None else ended(target)
    day = (BEGIN + 50 * DAY_MS if end is None else end) // DAY_MS
    from_, until = random.choices([True, False], [1, 9]), random.choices([True, False], [1, 9])
    return Wanted(
        statuses=some(Status, None if target is None else target.status),
        kinds=some((*KINDS, 6), None if target is None else kind(target)),
        whos=some(WHOS, None if target is None else who(target)),
        names=some([*(name for name, _ in WORKFLOWS), "none"], None if target is None else target.workflow_name),
        ended_from=(day - random.randint(0, 3)) * DAY_MS if from_[0] else None,
        ended_until=(day + random.randint(1, 3)) * DAY_MS if until[0] else None,
    )


# ---- what must be answered


def ended(job: Job) -> int | None:
    """When it ended by itself; on the day of its creation where clocks had it end before that."""
    if job.status not in (Status.COMPLETED, Status.FAILED) or job.finished_at is None:
        return None
    return max(job.finished_at, job.created_at - job.created_at % DAY_MS)


def kind(job: Job) -> int:
    return job.priority.rank if job.facets is None else job.facets.kind


def who(job: Job) -> str:
    return job.owner.id if job.facets is None else job.facets.who


def there(job: Job, now: int) -> bool:
    return job.expires_at is None or now < job.expires_at * 1000


def takes(wanted: Wanted, job: Job) -> bool:
    end = ended(job)
    return (
        (wanted.statuses is None or job.status in wanted.statuses)
        and (wanted.kinds is None or kind(job) in wanted.kinds)
        and (wanted.whos is None or who(job) in wanted.whos)
        and (wanted.names is None or job.workflow_name in wanted.names)
        and (wanted.ids is None or job.workflow_id in wanted.ids)
        and (wanted.ended_from is None or (end is not None and end >= wanted.ended_from))
        and (wanted.ended_until is None or (end is not None and end < wanted.ended_until))
        and (wanted.created_from is None or job.created_at >= wanted.created_from)
        and (wanted.created_until is None or job.created_at < wanted.created_until)
    )


_GROUPS = (
    {Status.CANCELLED},
    {Status.COMPLETED, Status.FAILED},
    {Status.INITIALIZING},
    {Status.QUEUED, Status.SCHEDULED},
    {Status.RUNNING},
)


def place(sort: str, job: Job) -> tuple[Any, ...]:
    """What the job is sorted by: ties stand in order of creation, and of ids, where those are numbers as such."""
    keys: dict[str, Any] = {
        "created": 0,
        "workflow": job.workflow_name,
        "completed": ended(job) or 0,
        "priority": kind(job),
        "status": next(number for number, group in enumerate(_GROUPS) if job.status in group),
    }
    return (keys[sort], job.created_at, len(job.id), job.id)


def matching(jobs: Iterable[Job], wanted: Wanted, sort: str, descending: bool, now: int) -> list[Job]:
    found = [job for job in jobs if there(job, now) and takes(wanted, job)]
    return sorted(found, key=lambda job: place(sort, job), reverse=descending)


def page(jobs: Iterable[Job], wanted: Wanted, cut: Cut, now: int) -> tuple[list[Job], int]:
    """The page, and the total."""
    found = matching(jobs, wanted, cut.sort, cut.descending, now)
    return found[cut.offset : cut.offset + cut.limit], len(found)


def shown(jobs: Iterable[Job]) -> list[tuple[Any, ...]]:
    """Of jobs what lists show, for comparison."""
    return [(job.id, job.status, job.created_at, job.finished_at, job.workflow_name, job.owner) for job in jobs]
