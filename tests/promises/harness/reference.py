"""What Jobyard must answer, by a few dictionaries and the table of transitions: no AWS, no time of its own.

It knows what clients may know, and when a job last changed. What an execution does, it is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jobyard.model import LIVE, TERMINAL, TRANSITIONS, Status
from jobyard.model.transitions import WAITING

DAY_MS = 24 * 3600 * 1000
KEY_KEPT_SECONDS = 24 * 3600
OPENING, MIDDLE, CLOSING = range(3)


class Client(NamedTuple):
    """A tenant's client of a dialect. What it may see is its list."""

    dialect: str
    tenant: str

    def __repr__(self) -> str:
        return f"{self.tenant}'s {self.dialect}"


@dataclass(eq=False)
class Known:
    """A job, as all answers so far say. Times in milliseconds."""

    number: int
    client: Client
    id: str
    about: str
    status: Status
    created_at: int
    changed_at: int
    start_at: int | None
    finished_at: int | None = None
    progress: float | None = None
    outputs: list[str] = field(default_factory=list)
    told: list[tuple[int, int, int, str]] = field(default_factory=list)
    """Messages as they sort: their millisecond, OPENING, MIDDLE or CLOSING, which of those it is, and the text."""

    def __repr__(self) -> str:
        return f"job {self.number} of {self.client}"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """For hypothesis, which would print all that is known of the job."""
        printer.text(repr(self))

    @property
    def live(self) -> bool:
        return self.status in LIVE

    @property
    def place(self) -> tuple[int, str]:
        """Numbers stand in their order where they were made in one millisecond."""
        return self.created_at, self.id.rjust(10, "0")

    @property
    def messages(self) -> list[str]:
        return [text for *_, text in sorted(self.told)]

    def tell(self, at: int, where: int, text: str) -> None:
        self.told.append((at, where, len(self.told), text))


class Remembered(NamedTuple):
    """What an idempotency key stands for."""

    about: str
    id: str
    until_s: int


class Refused(NamedTuple):
    status: int


NEW = "new"


class Reference:
    def __init__(self, retention_days: int) -> None:
        self.jobs: dict[str, Known] = {}
        self.keys: dict[tuple[Client, str], Remembered] = {}
        self._made = 0
        self._retention_days = retention_days

    # What clients ask.

    def submit(self, client: Client, about: str, key: str | None, now: int) -> str | Refused:
        """The id of the job that the key made before, ``NEW``, or a refusal."""
        there = self.keys.get((client, key)) if key is not None else None
        if there and there.until_s > now // 1000:
            return there.id if there.about == about else Refused(409)
        if client.dialect == "openreplay" and any(job.live and job.about == about for job in self.of(client)):
            return Refused(409)
        return NEW

    def made(self, client: Client, about: str, key: str | None, id: str, now: int) -> Known:
        """A submit that was ``NEW`` was answered with ``id``."""
        assert id not in self.jobs, "an id that was given before"
        start_at = (now // DAY_MS + 1) * DAY_MS if client.dialect == "openreplay" else None
        status = Status.QUEUED if start_at is None else Status.SCHEDULED
        self._made += 1
        job = self.jobs[id] = Known(self._made, client, id, about, status, now, now, start_at)
        if start_at is None:
            job.tell(now, OPENING, "Queued with priority Default.")
        if key is not None:
            self.keys[client, key] = Remembered(about, id, -(-now // 1000) + KEY_KEPT_SECONDS)
        return job

    def cancel(self, client: Client, id: str, now: int) -> int:
        """The status of the answer."""
        job = self.jobs.get(id)
        if job is None or job.client != client:
            return 404
        if job.status in WAITING and client.dialect == "alteryx":
            del self.jobs[id]
            return 200
        return 200 if self.move(job, "cancel", now) else 400

    def of(self, client: Client) -> list[Known]:
        """The client's list, oldest first."""
        return sorted((job for job in self.jobs.values() if job.client == client), key=lambda job: job.place)

    # What happens.

    def move(self, job: Known, transition: str, now: int, reason: str = "") -> bool:
        """Whether the job's status allowed it."""
        sources, target = TRANSITIONS[transition]
        if job.id not in self.jobs or job.status not in sources:
            return False
        assert target is not None
        assert job.status not in TERMINAL, "the table of transitions leaves a final state"
        job.status, job.changed_at = target, now
        if target in TERMINAL:
            job.finished_at = now
            end = {Status.COMPLETED: "Completed successfully.", Status.CANCELLED: "Cancelled by Jane Doe."}
            job.tell(now, CLOSING, end.get(target, f"Failed: {reason}"))
        elif target is Status.QUEUED:
            job.tell(now, OPENING, "Queued with priority Default.")
        elif target is Status.RUNNING:
            job.tell(now, OPENING, "Started Profile.")
        return True

    def expire(self, now: int) -> list[Known]:
        """The jobs that leave the table: their time was counted from when they were to start."""
        gone = [job for job in self.jobs.values() if self.expires_at_s(job) <= now // 1000]
        for job in gone:
            del self.jobs[job.id]
        return gone

    def expires_at_s(self, job: Known) -> int:
        """Whole days after that of its start, UTC."""
        day = max(job.created_at, job.start_at or 0) // DAY_MS
        return (day + 1 + self._retention_days) * DAY_MS // 1000
