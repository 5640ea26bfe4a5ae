"""Finds the jobs whose listing is not what it should be, because records of the stream were lost or are late.

Two walks are compared: that of the live jobs themselves, and that of the listings that show a live status. A job that
is missing from the one, or behind in it, is looked at itself, and counted as the records of the stream are: once.
It costs each run, beside the walk of the live jobs, a Query of the counts of each list, one of each of its live cells
(some 19 listings a read unit), and three calls for each job that is looked at.

A job that no walk meets is not found: one that ended, with every record of it lost. Its records are in the dead-letter
queue of ``count``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from jobyard.lifecycle import count
from jobyard.lifecycle.count import Told
from jobyard.model import LIVE, Job
from jobyard.model.listing import DAY_MS, GONE, PHASES
from jobyard.model.transitions import WAITING
from jobyard.store import counts, jobs, recounts
from jobyard.store.lifecycle import LiveJob

type Name = tuple[str, str]
"""Tenant and id of a job."""


class Suspect(NamedTuple):
    """``listed`` is the job as its list shows it, where it does."""

    tenant: str
    id: str
    listed: Job | None


def shown_live(listed_in: str, now_ms: int) -> dict[Name, Job]:
    """The jobs that a list shows with a live status; about a second behind. Expired ones count no more."""
    today = now_ms // DAY_MS
    cells = {
        cell
        for tally in counts.days(listed_in, "all")
        for day, numbers in tally.days.items()
        for cell in numbers
        if cell.status in LIVE and recounts.counts_still(day, cell.kept, today)
    }
    found = (job for cell in sorted(cells) for job in recounts.in_cell(listed_in, cell))
    return {(job.tenant, job.id): job for job in found if not job.expires_at or job.expires_at * 1000 > now_ms}


def suspects(live: Iterable[LiveJob], shown: Mapping[Name, Job], old: int) -> list[Suspect]:
    """What the two walks do not agree about, of what has not changed since ``old`` (milliseconds)."""
    found = []
    alive = set()
    for each in live:
        name = each.tenant, each.id
        alive.add(name)
        listed = shown.get(name)
        if each.updated_at < old and (listed is None or _is_behind(listed, each)):
            found.append(Suspect(*name, listed))
    found += [Suspect(*name, job) for name, job in shown.items() if name not in alive and _changed_at(job) < old]
    return found


def _is_behind(listed: Job, each: LiveJob) -> bool:
    if listed.status is each.status:
        # One that waits may have been moved.
        return each.status in WAITING and _changed_at(listed) < each.updated_at
    return PHASES[listed.status] < PHASES[each.status]


def heal(suspect: Suspect, old: int) -> bool:
    """Count the job as it is, unless it has been; whether it was counted now."""
    job = jobs.get(suspect.tenant, suspect.id)
    if job is not None and not job.listed_in:
        return False
    if job is not None:
        # What has just changed, the stream is about to tell.
        return _changed_at(job) < old and count.settle([Told(job, PHASES[job.status])]) > 0
    return suspect.listed is not None and count.settle([Told(suspect.listed, GONE)]) > 0


def _changed_at(job: Job) -> int:
    return job.created_at if job.updated_at is None else job.updated_at
