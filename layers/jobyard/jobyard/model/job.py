"""Plain typed values. Times are integers, milliseconds since the epoch, UTC; None where it has not happened."""

# Without postponed annotations: a NamedTuple compiles each of them when it is made, at each cold start.

from enum import StrEnum
from typing import Any, NamedTuple

from jobyard.model.transitions import TERMINAL, Status


class Priority(StrEnum):
    """As the alteryx dialect names them; ``rank`` is the number in the vendor's queue (0 is the lowest)."""

    DEFAULT = "Default"
    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"
    CRITICAL = "Critical"

    __hash__ = str.__hash__

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {Priority.DEFAULT: 0, Priority.LOW: 0, Priority.MEDIUM: 1, Priority.HIGH: 2, Priority.CRITICAL: 3}


class Person(NamedTuple):
    id: str
    name: str


class Question(NamedTuple):
    name: str
    value: str


class Facets(NamedTuple):
    """By what, beside its status, a job is found in its list; an empty one is never asked for.

    ``kind`` is one digit, the dialect's own: of alteryx the rank of the priority.
    """

    who: str = ""
    workflow_name: str = ""
    workflow_id: str = ""
    kind: int = 0


class Runner(NamedTuple):
    """What does a workflow's work: ``type`` is ``lambda`` (a function that answers directly), ``callback`` (one that
    answers by task token), ``stateMachine`` (a nested execution) or ``sqs`` (a worker that takes the job from an SQS
    queue and answers by task token); ``arn`` is the function's, the machine's or the queue's. ``heartbeat`` is for how
    many seconds a worker may give no sign of life.
    """

    type: str
    arn: str
    heartbeat: int | None = None


class Output(NamedTuple):
    """A file that a job made; ``key`` is its place in the data bucket, ``size`` in bytes."""

    id: str
    name: str
    file_name: str
    format: str
    key: str
    size: int


class Message(NamedTuple):
    """``key`` orders a job's messages; ``level`` is 1 information, 2 warning, 3 error; ``tool_id`` -1 is the engine."""

    key: str
    at: int
    level: int
    text: str
    tool_id: int = -1


class Retries(NamedTuple):
    """How often work that failed is begun again: after ``seconds``, then each time ``rate`` times as long."""

    times: int
    seconds: int = 10
    rate: float = 2.0


class Stand(NamedTuple):
    """By what a job's place among those that wait is decided."""

    priority: Priority
    tag: str


class Move(NamedTuple):
    """That somebody, of the name ``by``, changed where a waiting job stands."""

    at: int
    by: str
    was: Stand
    now: Stand


class Workflow(NamedTuple):
    """``names`` are all that it ever had, the oldest first: a job keeps the one that it was submitted with.

    ``time_limit`` is in seconds, from the start of a run to its end, retries included.
    """

    tenant: str
    id: str
    name: str
    owner: str
    public: bool
    runner: Runner
    settings: dict[str, Any]
    created_at: int
    names: tuple[str, ...] = ()
    retries: Retries | None = None
    time_limit: int | None = None


class Job(NamedTuple):
    """``listed_in`` names the list that a job is in, which is its dialect's and of a tenant, project or bucket;
    ``details`` is what the dialect keeps with a job and nobody else reads. ``expires_at`` is in seconds, the beginning
    of a day. Without ``facets`` a job is found by its owner, its workflow and its priority. ``schedule_id`` is of
    the schedule that it is a run of.

    ``revision`` grows when somebody changes a job that waits. ``waits_since`` is when it was found that it has to,
    ``waits_for`` what for; ``claimed_at`` when it was taken from its queue; ``slot_of`` names the queue whose slot it
    holds. ``token`` is that of an execution which waits with it.
    """

    tenant: str
    id: str
    workflow_id: str
    workflow_name: str
    owner: Person
    status: Status
    priority: Priority
    created_at: int
    worker_tag: str = ""
    run_with_e2: bool = False
    listed_in: str = ""
    details: dict[str, Any] = {}  # noqa: RUF012
    questions: tuple[Question, ...] = ()
    runner: Runner | None = None
    settings: dict[str, Any] = {}  # noqa: RUF012
    start_at: int | None = None
    queued_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    updated_at: int | None = None
    cancelled_by: Person | None = None
    error: str | None = None
    outputs: tuple[Output, ...] = ()
    progress: float | None = None
    expires_at: int | None = None
    facets: Facets | None = None
    schedule_id: str | None = None
    revision: int = 0
    waits_since: int | None = None
    waits_for: str | None = None
    claimed_at: int | None = None
    slot_of: str | None = None
    token: str | None = None
    moves: tuple[Move, ...] = ()
    retries: Retries | None = None
    time_limit: int | None = None

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL
