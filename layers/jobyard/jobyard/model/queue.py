"""Queues: of each tenant and worker tag, how many jobs run at once, and in which order those that wait are taken.

Pure. Highest priority first, and within one the job first that was queued first (as the vendor's queue does since its
version 2018.3); one with a start time stands from that time on.
"""

from __future__ import annotations

from typing import NamedTuple

from jobyard.model.job import Priority

SLOTS_MOST = 100_000

NOTED_MOST = 25
"""Of the jobs that wait, these are named by their queue itself: as many as are taken at once, and some 2 KB."""


class Queue(NamedTuple):
    """``slots`` is how many of its jobs may run at once, None for any number; ``running`` how many hold a slot.

    ``version`` grows with each change of any of these; ``updated_at`` is when, in milliseconds. ``noted`` are some of
    the jobs that wait, or have lately, by place and id. ``uncounted`` is the version in which a queue without a limit
    was given one, until those that run are counted.
    """

    tenant: str
    tag: str
    slots: int | None = None
    paused: bool = False
    running: int = 0
    version: int = 0
    updated_at: int = 0
    noted: frozenset[str] = frozenset()
    uncounted: int | None = None

    @property
    def unlimited(self) -> bool:
        """Whether its jobs begin as they come, without slots."""
        return self.slots is None and not self.paused

    @property
    def counted(self) -> int | None:
        """How many of its jobs run; None where nobody counts them, or not yet."""
        return None if self.slots is None or self.uncounted is not None else self.running

    @property
    def name(self) -> str:
        return queue_name(self.tenant, self.tag)

    def room(self, at_most: int) -> int:
        """How many jobs may be taken now, ``at_most`` of them."""
        if self.paused or self.uncounted is not None:
            return 0
        return at_most if self.slots is None else max(0, min(self.slots - self.running, at_most))

    @property
    def reason(self) -> str | None:
        """What a job in it waits for; None where that is not for long."""
        if self.paused:
            return f"{called(self.tag)} to be resumed"
        if self.slots is None or self.uncounted is not None or self.running < self.slots:
            return None
        return f"a free slot of {called(self.tag)} ({self.running} of {self.slots} running)"


def called(tag: str) -> str:
    """The queue of a tag in a text: most jobs have none."""
    return f"queue {tag}" if tag else "the queue of jobs without a tag"


def queue_name(tenant: str, tag: str) -> str:
    """No tenant's name has a ``#`` in it, so the first one ends it."""
    return f"{tenant}#{tag}"


def named(name: str) -> tuple[str, str]:
    """The tenant and the tag of a queue."""
    tenant, _, tag = name.partition("#")
    return tenant, tag


def place_in_queue(priority: Priority, at_ms: int, id: str) -> str:
    """Sorts as jobs are taken. Ids are numbers in one dialect, and stand in their order where they came at once."""
    return f"{9 - priority.rank}#{at_ms:013d}#{id:0>10}"
