"""What the lists must say, as plainly as it can be said: every job in memory, filtered, sorted, counted and cut.

It shares no code with what it judges but the job itself and the order of its life. ``History`` makes jobs of random
lives and has them counted as the stream tells them: few at once, twice, out of turn, with phases left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import count
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from jobyard.lifecycle import count as counting
from jobyard.lifecycle.count import Told
from jobyard.model import Facets, Job, Person, Priority, Status
from jobyard.model.listing import GONE, PHASES
from tests.contract.yard import Clock
from tests.factories import NOW, a_job

DAY_MS = 24 * 3600 * 1000
SLOT_MS = 300 * 1000
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

_PRIORITIES = (Priority.DEFAULT, Priority.MEDIUM, Priority.HIGH, Priority.CRITICAL)


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


# ---- histories


class Made(NamedTuple):
    """A job's life: ``time`` is in its day of creation, ``after`` from the creation to the end, ``start`` days ahead.

    ``untold`` are phases (one bit each) that the stream told too late to be counted; the last is always told.
    """

    day: int
    time: int
    who: int
    workflow: int
    kind: int
    status: Status
    after: int
    start: int
    retention: int | None
    gone: bool
    untold: int
    twice: bool


NOON = DAY_MS // 2
_AFTER = (0, 1, 5_000, SLOT_MS, NOON, NOON - 1, DAY_MS, DAY_MS + 1, 3 * DAY_MS, 30 * DAY_MS, -1, -SLOT_MS, -DAY_MS)


def a_life(random: Random) -> Made:
    """Bursts: most come on one of few days, at one of few times."""
    return Made(
        day=random.choice([0, 15, 16, 50, 50, 98, 99, random.randrange(DAYS), random.randrange(DAYS)]),
        time=random.choice([0, 1, SLOT_MS - 1, NOON, NOON, NOON + 1, DAY_MS - 1, *random.choices(range(DAY_MS), k=3)]),
        who=random.choice([0, 0, random.randrange(len(WHOS) - 1)]),
        workflow=random.choice([0, 0, 1, 2, random.randrange(len(WORKFLOWS))]),
        kind=random.choice([0, 0, 1, 2, 3]),
        status=random.choice([*Status, Status.COMPLETED, Status.COMPLETED, Status.FAILED]),
        after=random.choice([*_AFTER, random.randrange(2 * DAY_MS), random.randrange(2 * DAY_MS)]),
        start=random.choice([0, 0, 0, 1, 40]),
        retention=random.choice([None, None, 1, 30, 90, 90, 90]),
        gone=random.random() < 0.15,
        untold=random.choice([0, random.randrange(16)]),
        twice=random.random() < 0.2,
    )


def beside(job: Job, made: Made, random: Random) -> Made:
    """The life of one that comes right before or after ``job``, and is much like it: they stand together in lists."""
    at = max(job.created_at + random.choice([-1000, -1, 0, 1, 1000]), BEGIN)
    after = 0 if job.finished_at is None else job.finished_at - at + random.choice([-1, 0, 1])
    named = [number for number, name in enumerate(WORKFLOWS) if name == (job.workflow_name, job.workflow_id)]
    return made._replace(
        day=(at - BEGIN) // DAY_MS,
        time=at % DAY_MS,
        who=WHOS.index(who(job)) if who(job) else 0,
        workflow=named[0],
        kind=kind(job),
        status=random.choice([job.status, job.status, made.status]),
        after=after,
    )


def lives(seed: int, number: int) -> list[Made]:
    random = Random(seed)
    return [a_life(random) for _ in range(number)]


SEEDS = st.integers(0, 2**32)
"""Histories and questions are made of numbers: what hypothesis makes of long lists itself is nearly always empty."""

HISTORIES = st.builds(lives, seed=SEEDS, number=st.integers(1, 40) | st.integers(30, 40))

MOMENTS = st.builds(
    lambda day, at: BEGIN + day * DAY_MS + at,
    st.just(DAYS) | st.integers(DAYS // 2, DAYS + 20),
    st.sampled_from([0, 1, NOON, DAY_MS - 1]),
)
"""When a list is asked for."""

_numbers = count()


def a_list(way: Way) -> str:
    """A list that nobody had before: nothing need be cleared."""
    return f"{way.dialect}#acme-{next(_numbers)}"


def images(made: Made, number: int, way: Way, listed_in: str) -> list[Job]:
    """The job in each phase that it had, the last of them last."""
    created = BEGIN + made.day * DAY_MS + made.time
    name, workflow_id = WORKFLOWS[made.workflow % len(WORKFLOWS)]
    begins = created + made.start * DAY_MS
    expires = None if made.retention is None else (begins // DAY_MS + made.retention + 1) * DAY_MS // 1000
    digest = sha256(f"{listed_in} {number} {made}".encode()).hexdigest()
    values: dict[str, Any] = {"owner": Person(WHOS[made.who], f"{WHOS[made.who][:9]} Doe")}
    if way is TENCENT:
        values |= {"id": f"b{digest[:32]}", "facets": Facets(WHOS[made.who], "", workflow_id, made.kind % 2)}
    elif way is OPENREPLAY:
        # Numbers of different lengths, like which there is none in another list.
        of_list = int(listed_in.rpartition("-")[2])
        values |= {"id": str(int(digest[:3], 16) % 40 * 10**8 + of_list % 10_000 * 10_000 + number), "facets": Facets()}
    else:
        values |= {"id": digest[:24], "priority": _PRIORITIES[made.kind]}
    new = a_job(
        listed_in=listed_in,
        workflow_name=name,
        workflow_id=workflow_id,
        created_at=created,
        queued_at=created,
        updated_at=created,
        start_at=begins if made.start else None,
        expires_at=expires,
        status=Status.SCHEDULED if made.start else Status.QUEUED,
        **values,
    )
    path = [*([Status.SCHEDULED] if made.start else []), Status.QUEUED, Status.INITIALIZING, Status.RUNNING]
    last = PHASES[made.status]
    lived = [replace(new, status=status) for status in path if PHASES[status] < last]
    if last == 4:
        return [*lived, replace(new, status=made.status, finished_at=max(0, created + made.after))]
    return [*lived, replace(new, status=made.status)] if made.status in path else [new]


class History:
    """Jobs of one list as they are now, by id, and what the stream has told of them."""

    def __init__(self, way: Way = ALTERYX) -> None:
        self.way, self.listed_in = way, a_list(way)
        self.jobs: dict[str, Job] = {}
        self._number = 0

    def happen(self, lives: Iterable[Made], order: int = 0) -> list[Job]:
        """Have jobs live these lives, and all of it told; the jobs as they are at last, those that are gone too."""
        random = Random(order)
        tellings: list[Told] = []
        lasts: list[Job] = []
        for made in lives:
            lived = images(made, self._number, self.way, self.listed_in)
            self._number += 1
            lasts.append(lived[-1])
            told = [Told(job, PHASES[job.status]) for job in lived]
            told = [*[each for each in told[:-1] if not made.untold >> each.phase & 1], told[-1]]
            if made.gone:
                told.append(Told(lived[-1], GONE))
            else:
                self.jobs[lived[-1].id] = lived[-1]
            tellings += told + (told if made.twice else [])
        random.shuffle(tellings)
        while tellings:
            self.tell(*(tellings.pop() for _ in range(min(len(tellings), random.choice([1, 3, 8, 20])))))
        return lasts

    def tell(self, *told: Told) -> None:
        """One batch of the stream's, which has the latest of each job."""
        latest: dict[tuple[str, str], Told] = {}
        for each in told:
            counting.keep(latest, each)
        counting.settle(latest.values())

    def put(self, job: Job) -> None:
        """A job comes, or moves on."""
        self.jobs[job.id] = job
        self.tell(Told(job, PHASES[job.status]))

    def remove(self, id: str) -> None:
        job = self.jobs.pop(id)
        self.tell(Told(job, GONE))


def happened(
    clock: Clock, lives: Iterable[Made], order: int, now: int, way: Way = ALTERYX, *, early: bool = False
) -> History:
    """A history at a moment: told at that moment, or ``early``, so that what has expired since had been counted.

    ``order`` is a seed: in which order, and how many at once, the stream tells.
    """
    clock.stop_at(BEGIN if early else now)
    history = History(way)
    history.happen(lives, order)
    clock.stop_at(now)
    return history


def steps(job: Job, at: int) -> Iterator[Job]:
    """The phases that a live job has before it, in order, to one that completes at ``at``."""
    path = [Status.SCHEDULED, Status.QUEUED, Status.INITIALIZING, Status.RUNNING]
    for status in path[path.index(job.status) + 1 :] if job.status in path else []:
        yield replace(job, status=status)
    if job.status in path:
        yield replace(job, status=Status.COMPLETED, finished_at=at)
