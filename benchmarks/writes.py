"""What the writes of a job's life cost, from its submission to its end, with all that lists need of them.

The job is written by the store's own functions, and counted as the table's stream tells of it (``lifecycle.count``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from copy import replace
from dataclasses import dataclass, field
from random import Random

from benchmarks import ledger
from benchmarks.history import DAY, DAYS, HOUR, KEPT_DAYS, History
from benchmarks.loader import TABLE, patient, serving, table
from benchmarks.meter import metering
from jobyard.aws import client
from jobyard.lifecycle.count import Told, settle
from jobyard.model import Job, Question, Runner, Status
from jobyard.model.ids import now_ms
from jobyard.model.listing import PHASES
from jobyard.store import counts, jobs

LIFE = (Status.QUEUED, Status.INITIALIZING, Status.RUNNING, Status.COMPLETED)
TRANSITIONS = {Status.INITIALIZING: "initialize", Status.RUNNING: "start", Status.COMPLETED: "complete"}
BATCHES = (10, 25, 100)

JOB, COUNTING = "the job itself", "listing and counts"


@dataclass
class Written:
    """Write units of a job, by what was written for, and of that by table and index; ``events`` tells of each event.

    ``by_engine`` is what DynamoDB Local says that all of it costs.
    """

    what: str
    jobs: int = 1
    units: dict[str, dict[str, float]] = field(default_factory=dict)
    events: dict[str, dict[str, float]] = field(default_factory=dict)
    by_engine: float = 0

    @property
    def total(self) -> float:
        return sum(sum(parts.values()) for parts in self.units.values())

    @contextmanager
    def metering(self, part: str, event: str) -> Iterator[None]:
        dynamodb = client("dynamodb")
        with metering(dynamodb, "INDEXES") as meter, ledger.kept(dynamodb, ledger.indexes(table())) as charged:
            yield
        self.by_engine += sum(meter.parts.values()) / self.jobs
        parts = self.units.setdefault(part, {})
        for name, units in charged.items():
            parts[name] = parts.get(name, 0) + units / self.jobs
        of_event = self.events.setdefault(event, {})
        of_event[part] = of_event.get(part, 0) + sum(charged.values()) / self.jobs


def measured() -> list[Written]:
    """A job alone; one whose events come together; and at load, in batches of the stream."""
    # Who submits what in the hour before noon where a million jobs are made in three months.
    busy = [
        job
        for job in History(1_000_000, now_ms() // DAY * DAY).day(DAYS - 3)
        if DAY // 2 - HOUR <= job.created_at % DAY < DAY // 2
    ]
    counts.forget()
    with serving(None):
        patient().create_table(TableName=TABLE, **table())
        # The first of a list names it, too.
        _life(Written(""), busy[:1], LIFE)
        found = [
            _life(Written("alone, each event by itself"), busy[1:2], LIFE),
            _life(Written("alone, start and end told together"), busy[2:3], (Status.QUEUED, Status.COMPLETED)),
            _life(Written("alone, all told together"), busy[3:4], (Status.COMPLETED,)),
        ]
        begin = 4
        for number in BATCHES:
            batch, begin = busy[begin : begin + number], begin + number
            found.append(_life(Written(f"{number} at once, each event", len(batch)), batch, LIFE))
    counts.forget()
    return found


def _life(written: Written, batch: list[Job], counted: Collection[Status]) -> Written:
    """All jobs of ``batch`` live at once; what lists need is written when they reach a status of ``counted``."""
    chance = Random(written.what)
    live = [_submitted(job, chance, now_ms()) for job in batch]
    for status in LIFE:
        with written.metering(JOB, status):
            live = [_moved(job, status) for job in live]
        if status in counted:
            with written.metering(COUNTING, status):
                settle([Told(job, PHASES[job.status]) for job in live])
    return written


def _submitted(job: Job, chance: Random, now: int) -> Job:
    """As it was submitted, today, and with an id of its own."""
    created = now // DAY * DAY + job.created_at % DAY
    questions = tuple(Question(f"input {number}", f"s3://acme-inputs/daily/{number}.csv") for number in range(2))
    return replace(
        job,
        id=f"{created // 1000:08x}{chance.getrandbits(64):016x}",
        created_at=created,
        queued_at=created,
        updated_at=created,
        status=Status.QUEUED,
        questions=questions,
        runner=Runner("lambda", "arn:aws:lambda:us-east-1:000000000000:function:jobyard-workflow-profile"),
        started_at=None,
        finished_at=None,
        error=None,
        start_at=None,
        expires_at=(created // DAY + 1 + KEPT_DAYS) * DAY // 1000,
    )


def _moved(job: Job, status: Status) -> Job:
    if status is Status.QUEUED:
        jobs.put(job)
        return job
    at = job.created_at + 1000 * PHASES[status]
    times = {"startedAt": at} if status is Status.RUNNING else {"finishedAt": at} if status is Status.COMPLETED else {}
    moved = jobs.move(job, TRANSITIONS[status], {"updatedAt": at} | times)
    assert moved.done
    assert moved.job
    return moved.job
