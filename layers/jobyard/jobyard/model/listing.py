"""How the lists see a job: what it is counted with, by what it is found, and where it stands.

Pure. The stream's function writes by it (``lifecycle.count``), the lists read by it (``service.plan``).
"""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

from jobyard.model.job import Facets, Job
from jobyard.model.transitions import TERMINAL, Status

DAY_MS = 24 * 3600 * 1000
_PART_MOST_BYTES = 128
"""Of a name in a key: a key of the table may have 1,024 bytes, and two names may stand in it."""

PHASES = {
    Status.SCHEDULED: 0,
    Status.QUEUED: 1,
    Status.INITIALIZING: 2,
    Status.RUNNING: 3,
    **dict.fromkeys(TERMINAL, 4),
}
"""No transition leads back, so of two images of a job the one of the greater phase is the later one."""

GONE = 5
"""The phase of a job that was deleted."""

ENDED_BY_ITSELF = frozenset({Status.COMPLETED, Status.FAILED})


class Cell(NamedTuple):
    """What jobs have in common that are counted together.

    ``kept``: the days from that of the creation to that on which the job expires; 0 is never. ``ended``: the days from
    that of the creation to that on which it ended by itself; -1 for one that has not.
    """

    status: Status
    kind: int
    kept: int
    ended: int

    @property
    def text(self) -> str:
        return f"{self.short}.{self.kept}"

    @property
    def short(self) -> str:
        """Without ``kept``. One that ends on its day is what most are, and says nothing of it."""
        usual = 0 if self.status in ENDED_BY_ITSELF else -1
        return f"{_LETTERS[self.status]}{self.kind}" + (f"+{self.ended}" if self.ended != usual else "")

    @classmethod
    def of_short(cls, short: str, kept: int) -> Cell:
        status = _STATUSES[short[0]]
        usual = 0 if status in ENDED_BY_ITSELF else -1
        return cls(status, int(short[1]), kept, int(short[3:]) if len(short) > 2 else usual)


_LETTERS = {
    Status.SCHEDULED: "s",
    Status.QUEUED: "q",
    Status.INITIALIZING: "i",
    Status.RUNNING: "r",
    Status.COMPLETED: "c",
    Status.FAILED: "f",
    Status.CANCELLED: "x",
}
_STATUSES = {letter: status for status, letter in _LETTERS.items()}


class Facet(NamedTuple):
    """The jobs of one list that are of ``who``, of one workflow, of both, or (both empty) all of them.

    The names as parts of keys (``key_part``).
    """

    who: str = ""
    workflow_name: str = ""
    workflow_id: str = ""

    @property
    def family(self) -> str:
        return "both" if self.who and self.workflow_id else "who" if self.who else "what" if self.workflow_id else "all"

    @property
    def what(self) -> str:
        return f"{self.workflow_name}\n{self.workflow_id}" if self.workflow_id else ""

    @property
    def key(self) -> str:
        """Different for different facets of one family."""
        return "\n".join(filter(None, (self.who, self.what)))


def key_part(name: str) -> str:
    """``name`` as a part of a key: short, and without the newline that stands between parts.

    Different for different names: one that looks like a part that was made of another is not taken as it is, either.
    """
    if len(name.encode()) <= _PART_MOST_BYTES and "\n" not in name and name[-33:-32] != "~":
        return name
    begin = name.replace("\n", " ").encode()[: _PART_MOST_BYTES - 33].decode("utf-8", "ignore")
    return f"{begin}~{sha256(name.encode()).hexdigest()[:32]}"


def facets(job: Job) -> Facets:
    """What the dialect has set; otherwise the owner, the workflow, and the priority."""
    if job.facets is not None:
        return job.facets
    return Facets(job.owner.id, job.workflow_name, job.workflow_id, job.priority.rank)


def facets_to_count(job: Job) -> list[Facet]:
    """All facets that the job is counted and found in."""
    who, name, id, _ = facets(job)
    who, name = key_part(who), key_part(name)
    every = [Facet(), Facet(who), Facet("", name, id), Facet(who, name, id) if who and id else Facet()]
    return list(dict.fromkeys(every))


def cell(job: Job) -> Cell:
    day = job.created_at // DAY_MS
    end = ended_at(job) if job.status in ENDED_BY_ITSELF else None
    # Jobs expire at the beginning of a day.
    kept = 0 if job.expires_at is None else -(-job.expires_at * 1000 // DAY_MS) - day
    kind = job.priority.rank if job.facets is None else job.facets.kind
    return Cell(job.status, kind, kept, -1 if end is None else end // DAY_MS - day)


def ended_at(job: Job) -> int | None:
    """When the job ended by itself, as the lists count it: not before the day of its creation, whatever clocks said."""
    if job.status not in ENDED_BY_ITSELF or job.finished_at is None:
        return None
    return max(job.finished_at, job.created_at // DAY_MS * DAY_MS)


def place(created_at: int, id: str) -> str:
    """Where a job stands in the order of creation (milliseconds), and then of ids."""
    # Numbers, too, stand in their order where they were made in one millisecond.
    return f"{created_at:013d}#{id:0>10}"


def end_place(job: Job) -> str | None:
    """Where a job that ended by itself stands in the order of completion; ties stand in order of creation."""
    at = ended_at(job)
    return None if at is None else f"{at:013d}#{place(job.created_at, job.id)}"
