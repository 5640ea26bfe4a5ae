"""Jobs of random lives for the plain model of the lists, counted as the stream tells them: few at once, twice, out of
turn, with phases left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import replace
from hashlib import sha256
from itertools import count
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from jobyard.lifecycle import count as counting
from jobyard.lifecycle.count import Told
from jobyard.model import LIVE, Facets, Job, Person, Priority, Status
from jobyard.model.listing import GONE, PHASES
from tests.contract.yard import Clock
from tests.factories import a_job
from tests.promises.harness.lists_model import (
    ALTERYX,
    BEGIN,
    DAY_MS,
    DAYS,
    NOON,
    OPENREPLAY,
    TENCENT,
    WHOS,
    WORKFLOWS,
    Way,
    kind,
    who,
)

SLOT_MS = 300 * 1000
_PRIORITIES = (Priority.DEFAULT, Priority.MEDIUM, Priority.HIGH, Priority.CRITICAL)


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


def crowd(listed_in: str, way: Way, jobs: int) -> Iterator[Job]:
    """Nine of ten came on one day, most of them in some minutes; most are somebody's, of one workflow, completed. Those
    that live are the newest.
    """
    random = Random(5)
    for number in range(jobs):
        burst = random.random()
        status = random.choices(list(Status), [4, 4, 4, 4, 78, 4, 2])[0]
        day = 50 if burst < 0.9 or status in LIVE else random.randrange(DAYS)
        time = NOON + random.randrange(600_000) if burst < 0.6 else random.randrange(DAY_MS)
        if status in LIVE:
            time = DAY_MS - 1 - random.randrange(600_000)
        kind = random.choices(range(4), [85, 10, 4, 1])[0]
        # What runs for long is not urgent.
        after = random.choice([0, 5_000, 60_000, 60_000] if kind else [0, 5_000, 60_000, 60_000, DAY_MS // 2])
        made = Made(
            day=day,
            time=time,
            who=random.choices(range(5), [70, 20, 5, 4, 1])[0],
            workflow=random.choices(range(6), [70, 10, 10, 5, 4, 1])[0],
            kind=kind,
            status=status,
            after=after,
            start=0,
            retention=90,
            gone=False,
            untold=0,
            twice=False,
        )
        yield images(made, number, way, listed_in)[-1]


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
