"""Three months of a tenant's jobs as they may have been: seeded, and of one shape at any size.

Few owners and workflows have most of the jobs. Working days have three times as many as days of a weekend, working
hours more than nights, and a fifth of a day's jobs are submitted within two minutes of midnight, by schedules. Of all,
98 % have completed, 1 % failed, 0.5 % were cancelled, and 0.5 % are live, the newest. Times are UTC, in milliseconds.

None was submitted to start later: alteryx has no way to say so. In lists that have such jobs the days that they are
kept vary, and with them there are more rows and cells.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from random import Random
from typing import NamedTuple

from jobyard.model import Job, Person, Priority, Runner, Status, Workflow

TENANT = "acme"
LIST = f"alteryx#{TENANT}"
DAYS = 90
KEPT_DAYS = 90
"""As RetentionDays in the template."""

OWNERS = 500
BURST = 0.2
BURST_MS = 120_000
FAILED, CANCELLED, LIVE = 0.01, 0.005, 0.005

SECOND, HOUR, DAY = 1000, 3_600_000, 86_400_000
_WEEKEND = 0.35
# A day's hours, of which those of work are busy.
_HOURS = [2, 2, 2, 2, 3, 4, 6, 10, 16, 20, 20, 18, 14, 18, 20, 18, 16, 12, 8, 5, 4, 3, 3, 2]
_PRIORITIES = list(Priority)
_PRIORITY_RANKS = list(accumulate([0.6, 0.3, 0.08, 0.015, 0.005]))
_WAITING = [Status.QUEUED, Status.RUNNING, Status.INITIALIZING]
_WAITING_RANKS = list(accumulate([0.65, 0.3, 0.05]))
_TAGS = ["", "gpu", "large-memory"]
_TAG_RANKS = list(accumulate([0.9, 0.04, 0.06]))
_WORK = ["Revenue", "Customer churn", "Claims intake", "Stock levels", "Payroll check", "Store ranking", "Mail merge"]
_SCOPE = ["by region", "by month", "for finance", "nightly load", "of all branches", "quality report"]
_FIRST = ["Ada", "Grace", "Edsger", "Barbara", "Donald", "Radia", "Niklaus", "Frances", "Tony", "Lynn", "Ken", "Shafi"]
_LAST = ["Okafor", "Lindqvist", "Castellanos", "Ng", "Abernathy", "Kowalczyk", "Haddad", "Tanaka", "Moreau", "Singh"]
_ERRORS = [
    "The workflow's function failed: KeyError: 'region_code' is not a column of the input",
    "The execution ran out of time: the function did not answer within 900 seconds",
    "s3://acme-inputs/daily/latest.csv: there is no such object, or it may not be read",
]


class History(NamedTuple):
    """``size`` jobs that were created in the days before ``today`` (its first millisecond)."""

    size: int
    today: int
    seed: int = 1

    @property
    def first_day(self) -> int:
        return self.today - DAYS * DAY

    def day(self, number: int) -> list[Job]:
        """The jobs that were created on a day (0 is the oldest), in the order of their creation."""
        chance = Random(f"{self.seed}-{self.size}-{number}")
        begin, jobs = self.first_day + number * DAY, self._per_day[number]
        burst = round(jobs * BURST)
        at = sorted(
            [begin + chance.randrange(BURST_MS) for _ in range(burst)]
            + [
                begin + hour * HOUR + chance.randrange(HOUR)
                for hour in chance.choices(range(24), _HOURS, k=jobs - burst)
            ]
        )
        live = min(round(self.size * LIVE), jobs // 2) if number == DAYS - 1 else 0
        cast = self._cast
        return [self._job(chance, cast, each, place >= jobs - live) for place, each in enumerate(at)]

    def jobs(self) -> Iterator[Job]:
        for number in range(DAYS):
            yield from self.day(number)

    @property
    def workflows(self) -> list[Workflow]:
        return self._cast.workflows

    @property
    def owners(self) -> list[Person]:
        """The busiest first."""
        return self._cast.owners

    @property
    def _cast(self) -> _Cast:
        return _cast(self.size, self.today, self.seed)

    @property
    def _per_day(self) -> list[int]:
        chance = Random(f"{self.seed}-days")
        weights = []
        for number in range(DAYS):
            # The first of January 1970 was a Thursday.
            weekday = ((self.first_day // DAY) + number + 3) % 7
            weights.append((_WEEKEND if weekday >= 5 else 1) * chance.uniform(0.85, 1.15))
        ends = [round(self.size * part / sum(weights)) for part in accumulate(weights)]
        return [end - begin for begin, end in zip([0, *ends], ends, strict=False)]

    def _job(self, chance: Random, cast: _Cast, at: int, live: bool) -> Job:
        owner = cast.owners[_drawn(chance, cast.owner_ranks)]
        # Most of what somebody runs are the same few workflows.
        own = chance.random() < 0.7
        workflow = cast.workflows[
            cast.own[owner.id][_drawn(chance, cast.own_ranks)] if own else _drawn(chance, cast.workflow_ranks)
        ]
        life = self._waiting(chance, at) if live else self._ended(chance, at)
        return Job(
            tenant=TENANT,
            listed_in=LIST,
            id=f"{at // SECOND:08x}{chance.getrandbits(64):016x}",
            workflow_id=workflow.id,
            workflow_name=workflow.name,
            owner=owner,
            status=life.status,
            priority=_PRIORITIES[_drawn(chance, _PRIORITY_RANKS)],
            created_at=at,
            worker_tag=_TAGS[_drawn(chance, _TAG_RANKS)],
            queued_at=at,
            started_at=life.started_at,
            finished_at=life.finished_at,
            updated_at=life.finished_at or life.started_at or at,
            error=chance.choice(_ERRORS) if life.status is Status.FAILED else None,
            expires_at=(at // DAY + 1 + KEPT_DAYS) * DAY // SECOND,
        )

    def _waiting(self, chance: Random, at: int) -> _Life:
        status = _WAITING[_drawn(chance, _WAITING_RANKS)]
        if status is Status.RUNNING:
            return _Life(status, min(at + int(chance.random() * 60 * SECOND), self.today - 1))
        return _Life(status)

    def _ended(self, chance: Random, at: int) -> _Life:
        # Those of the night wait for each other.
        longest = 1800 if at % DAY < BURST_MS else 20
        started = at + SECOND + int(chance.random() * longest * SECOND)
        if started >= self.today:
            return _Life(Status.QUEUED)
        # Half of them in a minute, one of a hundred in an hour and more.
        finished = started + min(int(chance.lognormvariate(4.1, 1.8) * SECOND) + 500, 20 * HOUR)
        if finished >= self.today:
            return _Life(Status.RUNNING, started)
        draw = chance.random()
        failed = Status.FAILED if draw < FAILED else Status.CANCELLED
        status = failed if draw < FAILED + CANCELLED else Status.COMPLETED
        return _Life(status, started, finished)


class _Life(NamedTuple):
    status: Status
    started_at: int | None = None
    finished_at: int | None = None


@dataclass(frozen=True)
class _Cast:
    """Who runs what. Ranks are cumulative weights by Zipf's law: of the n-th, the n-th part of the first."""

    owners: list[Person]
    workflows: list[Workflow]
    own: dict[str, list[int]]
    owner_ranks: Sequence[float]
    workflow_ranks: Sequence[float]
    own_ranks: Sequence[float]


@cache
def _cast(size: int, today: int, seed: int) -> _Cast:
    chance = Random(f"{seed}-cast")

    def id_of() -> str:
        return f"{today // SECOND - 400 * 86400:08x}{chance.getrandbits(64):016x}"

    owners = [Person(id_of(), f"{chance.choice(_FIRST)} {chance.choice(_LAST)} ({number})") for number in range(OWNERS)]
    # 20 for a thousand jobs, 100 for a million: more jobs are more of the same work, too.
    number = round(100 * (size / 1_000_000) ** 0.233)
    workflows = [
        Workflow(
            TENANT,
            id_of(),
            name := f"{chance.choice(_WORK)} {chance.choice(_SCOPE)} {number}",
            "",
            True,
            Runner("lambda", "arn:aws:lambda:us-east-1:000000000000:function:jobyard-workflow-profile"),
            {},
            today - 400 * DAY,
            (name,),
        )
        for number in range(number)
    ]
    ranks = _zipf(len(workflows))
    own = {owner.id: [_drawn(chance, ranks) for _ in range(6)] for owner in owners}
    return _Cast(owners, workflows, own, _zipf(OWNERS), ranks, _zipf(6))


def _zipf(number: int) -> list[float]:
    return list(accumulate(1 / rank for rank in range(1, number + 1)))


def _drawn(chance: Random, ranks: Sequence[float]) -> int:
    # As Random.choices does, without what it does for several.
    return min(bisect(ranks, chance.random() * ranks[-1]), len(ranks) - 1)
