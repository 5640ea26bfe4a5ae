"""Histories of a system that keeps every promise, with calls that take their time and answers that get lost.

What happens to each job is drawn first, as states at times. Each call then takes effect at one instant between its
invocation and its answer, and shows what was there in that instant: so there is an order that explains everything.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from random import Random

from tests.promises.history.calls import GONE, NEVER, Call, History
from tests.promises.history.life import FINAL, FIRST, NEXT

END = 100.0
SHOWN = {
    "alteryx": {"scheduled": FIRST, "queued": FIRST},
    "tencent": {
        **dict.fromkeys(FIRST, FIRST),
        **dict.fromkeys(("initializing", "running"), ("initializing", "running")),
    },
}
ORDERS = {"alteryx": "created+", "tencent": "token"}


@dataclass
class Job:
    dialect: str
    id: str
    wish: str
    times: list[float]
    states: list[str]
    steps: list[float] = field(default_factory=list)

    def at(self, now: float) -> str:
        """Its state, or an empty text before it was made."""
        place = bisect_right(self.times, now)
        return self.states[place - 1] if place else ""

    @property
    def place(self) -> tuple[float, str]:
        return self.times[0], self.id

    def shown(self, now: float) -> tuple[str, ...]:
        state = self.at(now)
        return SHOWN[self.dialect].get(state, (state,))

    def told(self, now: float) -> tuple[str, ...]:
        steps = [f"step {number} of {len(self.steps)}" for number, at in enumerate(self.steps, 1) if at <= now]
        return ("Queued.", *steps)


class Simulation:
    def __init__(self, chance: Random, jobs: int = 12, reads: int = 60) -> None:
        self.chance = chance
        self.calls: list[Call] = []
        self.jobs = [self._job(number) for number in range(jobs)]
        for job in self.jobs:
            self._submit(job)
            self._cancel(job)
        for number in range(3):
            self._unheard(f"unheard-{number}")
        for _ in range(reads):
            self._read(chance.choice(self.jobs), chance.uniform(0, END))
        for number in range(4):
            self._walk(f"walk-{number}", chance.choice(list(ORDERS)), chance.uniform(0, END * 0.9))
        for job in self.jobs:
            self._read(job, END + 5, all=True)
        for dialect in ORDERS:
            self._walk(f"rest-{dialect}", dialect, END + 5)

    def history(self) -> History:
        calls = list(self.calls)
        self.chance.shuffle(calls)
        return History(calls, rest=END, stops=10)

    def _job(self, number: int) -> Job:
        dialect = self.chance.choice(list(ORDERS))
        states, times = [self.chance.choice(FIRST)], [self.chance.uniform(1, END * 0.5)]
        while following := NEXT[states[-1]]:
            usual = [each for each in following if each in ("queued", "initializing", "running", "completed")]
            possible = [each for each in following if each != GONE or dialect == "alteryx"]
            # Alteryx deletes what waits: there a cancelled job was running.
            if dialect == "alteryx" and states[-1] in FIRST:
                possible.remove("cancelled")
            states.append(self.chance.choice(usual * 4 + possible))
            times.append(times[-1] + self.chance.uniform(0, 8))
        job = Job(dialect, f"{dialect[0]}{number:02}", f"wish-{number}", times, states)
        if "running" in states:
            place = states.index("running")
            moments = [self.chance.uniform(*times[place : place + 2]) for _ in range(self.chance.randint(1, 4))]
            # Only of one that completed it is said how many there are.
            job.steps = sorted(moments)
        return job

    def _around(self, at: float, most: float = 4) -> tuple[float, float]:
        return at - self.chance.uniform(0, most), at + self.chance.uniform(0, most)

    def _call(self, kind: str, of: Job, invoked: float, returned: float, **answer: object) -> None:
        client = f"c{self.chance.randint(1, 9)}"
        self.calls.append(Call(client, of.dialect, kind, invoked, returned, **answer))  # type: ignore[arg-type]

    def _submit(self, job: Job) -> None:
        made = job.times[0]
        # Whoever deletes a job knows its id.
        lost = self.chance.random() < 0.2 and job.states[-1] != GONE
        invoked, returned = self._around(made)
        if lost:
            self._call("submit", job, invoked, NEVER, wish=job.wish)
        else:
            self._call("submit", job, invoked, returned, wish=job.wish, job=job.id, status=200, states=job.shown(made))
        # The same key again.
        for _ in range(self.chance.choice((0, 0, 1, 3))):
            at = made + self.chance.uniform(0, 20)
            invoked, returned = self._around(at)
            if self.chance.random() < 0.2:
                self._call("submit", job, invoked, NEVER, wish=job.wish)
            else:
                self._call("submit", job, invoked, returned, wish=job.wish, job=job.id, status=200, replayed=True)

    def _unheard(self, wish: str) -> None:
        """A submit that did nothing and was not answered."""
        at = self.chance.uniform(0, END)
        self.calls.append(Call("c0", self.chance.choice(list(ORDERS)), "submit", at, wish=wish))

    def _cancel(self, job: Job) -> None:
        if job.states[-1] in ("cancelled", GONE):
            invoked, returned = self._around(job.times[-1])
            if self.chance.random() < 0.2:
                self._call("cancel", job, invoked, NEVER, job=job.id)
            else:
                self._call("cancel", job, invoked, returned, job=job.id, status=200, states=(job.states[-1],))
                self._call("stopped", job, returned, returned + self.chance.uniform(0, 9), job=job.id, status=200)
        for _ in range(self.chance.choice((0, 1, 2))):
            at = self.chance.uniform(job.times[0], END)
            invoked, returned = self._around(at)
            state = job.at(at)
            if state not in FINAL:
                self._call("cancel", job, invoked, NEVER, job=job.id)  # on its way lost
            else:
                status = 404 if state == GONE else 400
                self._call("cancel", job, invoked, returned, job=job.id, status=status, states=(state,))

    def _read(self, job: Job, at: float, *, all: bool = False) -> None:
        # Nobody knows of it before.
        at = max(at, job.times[0])
        invoked, returned = self._around(at)
        if self.chance.random() < 0.1 and not all:
            self._call("get", job, invoked, NEVER, job=job.id)
        elif job.at(at) == GONE:
            self._call("get", job, invoked, returned, job=job.id, status=404, states=(GONE,))
        else:
            answer = {"states": job.shown(at), "messages": job.told(at), "wish": job.wish}
            self._call("get", job, invoked, returned, job=job.id, status=200, **answer)

    def _walk(self, walk: str, dialect: str, at: float) -> None:
        limit, page, last = self.chance.randint(1, 5), 0, False
        behind = (-1.0, "")
        while not last:
            there = sorted(
                (job for job in self.jobs if job.dialect == dialect and job.at(at) not in ("", GONE)),
                key=lambda job: job.place,
            )
            rest = [job for job in there if job.place > behind] if dialect == "tencent" else there[page * limit :]
            shown, last = rest[:limit], len(rest) <= limit
            invoked, returned = self._around(at, 0.5)
            self.calls.append(
                Call(
                    "walker",
                    dialect,
                    "page",
                    invoked,
                    returned,
                    walk=walk,
                    page=page,
                    limit=limit,
                    order=ORDERS[dialect],
                    status=200,
                    rows=tuple((job.id, job.shown(at)) for job in shown),
                    last=last,
                    total=len(there) if dialect == "alteryx" else -1,
                )
            )
            page += 1
            behind = shown[-1].place if shown else behind
            at = returned + 0.5 + self.chance.uniform(0, 1)
