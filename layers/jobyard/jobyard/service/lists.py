"""Lists of jobs: any filter, order and page, with the exact total of what matches, at a cost that does not grow.

Three steps, one after the other, and what each reads at once: the counts of the facets that are asked for; where the
page begins in a crowded day, the slots of that day; the parts of the indexes that hold the page (``service.plan``).
Counts and indexes are kept together, behind the jobs by ``CountWindowSeconds`` and a little, so lists and totals agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from typing import NamedTuple

from jobyard.authorizer.access import Caller, demand_administrator, may_see_workflow
from jobyard.aws import at_once
from jobyard.errors import NotFound
from jobyard.model import Job
from jobyard.model.ids import now_ms
from jobyard.model.listing import DAY_MS, end_place, key_part, place
from jobyard.service import cursors
from jobyard.service.cursors import Cursor
from jobyard.service.filters import Filter, Sort, Window
from jobyard.service.plan import Group, Place, Plan, Run, Span
from jobyard.store import counts, listings, workflows
from jobyard.store.counts import ENDED, Tally
from jobyard.store.listings import Stretch

_MORE_AT_LEAST = 32
"""Jobs that are read where those that were expected were too few."""

_IN_THE_WAY = 8
"""Jobs in a row that do not match: of the few among many that do, hardly ever so many stand together by chance."""

_ONE_BY_ONE_MOST = 100
"""Facets that are looked for one by one: of more of them the counts of their whole family are read."""

_OF_AN_OWNER_MOST = 8
"""Workflows of an owner that are looked for one by one: of more of them the counts of all that are the owner's are
read.
"""


class Page(NamedTuple):
    """``total`` is exact, of what the counts have; ``offset`` is how many jobs come before the page."""

    jobs: list[Job]
    total: int
    offset: int
    more: bool
    cursor: Callable[[Job, int], str]

    @property
    def following(self) -> str | None:
        """The cursor of the next page."""
        return self.after(len(self.jobs)) if self.more and self.jobs else None

    def after(self, number: int) -> str:
        """The cursor of what follows the first ``number`` (from 1) jobs of the page."""
        return self.cursor(self.jobs[number - 1], self.offset + number)


def all_jobs(caller: Caller, listed_in: str, filter: Filter, window: Window, cursor_name: str = "cursor") -> Page:
    """The jobs of a list. For administrators only: ``RoleForbidden``.

    Raises ``Invalid`` (of the parameter ``cursor_name``) for a cursor of another caller, list, filter or order.
    """
    demand_administrator(caller)
    return _page(listed_in, filter, window, cursors.scope(caller, listed_in, filter, window), cursor_name)


def jobs_of_workflow(caller: Caller, listed_in: str, workflow_id: str, filter: Filter, window: Window) -> Page:
    """The workflow's jobs that the caller may see. Raises ``NotFound`` (the workflow), and as ``all_jobs``."""
    workflow = workflows.get(caller.tenant, workflow_id)
    if workflow is None or not may_see_workflow(caller, workflow):
        raise NotFound("Workflow", workflow_id)
    if not caller.administrator:
        filter = filter._replace(owners=frozenset({caller.user.id}))
    # A walk goes on though the workflow is given another name meanwhile.
    asked = filter._replace(workflows=frozenset({("", workflow_id)}))
    scope = cursors.scope(caller, listed_in, asked, window)
    # A job keeps the name that its workflow had.
    named = filter._replace(workflows=frozenset((name, workflow_id) for name in workflow.names))
    return _page(listed_in, named, window, scope, "cursor")


def _page(listed_in: str, filter: Filter, window: Window, scope: bytes, cursor_name: str) -> Page:
    cursor = None if window.cursor is None else cursors.opened(window.cursor, scope, cursor_name)
    offset = cursor.offset if cursor else window.offset
    tallies = _tallies(listed_in, filter, window.sort)
    plan = Plan(tallies, filter, window.sort, window.descending, now_ms() // DAY_MS)
    begin = plan.after(cursor.key, cursor.at) if cursor else plan.at(offset)
    # One more than is shown tells whether there is another page.
    found = [] if begin is None else _Reading(listed_in, filter, window, plan, cursor).from_(begin, window.limit + 1)
    groups = {job.id: group for job, group in found}

    def following(job: Job, behind: int) -> str:
        group = groups[job.id]
        return cursors.sealed(Cursor(group.key, _place_in(group, job), behind), scope)

    jobs = [job for job, _ in found[: window.limit]]
    return Page(jobs, plan.total, offset, len(found) > window.limit, following)


def _tallies(listed_in: str, filter: Filter, sort: Sort) -> list[Tally]:
    whos = None if filter.owners is None else {key_part(owner) for owner in filter.owners}

    def wanted(tally: Tally) -> bool:
        # What begins like a name may be a longer one.
        return (
            (whos is None or tally.facet.who in whos)
            and (filter.workflow_names is None or tally.name in filter.workflow_names)
            and (filter.workflows is None or (tally.name, tally.facet.workflow_id) in filter.workflows)
        )

    parts = _parts(filter, sort, whos)
    told = at_once([partial(counts.days, listed_in, *part) for part in parts])
    return [
        tally
        for (_, begins), tallies in zip(parts, told, strict=True)
        for tally in tallies
        if _is_whole(tally, begins) and wanted(tally)
    ]


def _is_whole(tally: Tally, begins: str) -> bool:
    """Whether all rows of a facet begin so, and it is meant: ``a#`` begins those of ``a#1`` too, and ``a#1#`` some of
    those of ``a``.
    """
    return f"{tally.facet.key}#" == begins if begins.endswith("#") else tally.facet.key.startswith(begins)


def _parts(filter: Filter, sort: Sort, whos: set[str] | None) -> list[tuple[str, str]]:
    """Families of facets, and how the keys of those begin that are asked for."""
    if filter.workflows is not None:
        of = {f"{key_part(name)}\n{id}#" for name, id in filter.workflows}
    elif filter.workflow_names is not None:
        of = {f"{key_part(name)}\n" for name in filter.workflow_names}
    else:
        of = {""} if sort is Sort.WORKFLOW else set()
    if whos is None:
        asked = [("what", each) for each in of] if of else [("all", "")]
    elif of:
        few = of if len(of) <= _OF_AN_OWNER_MOST and len(whos) * len(of) <= _ONE_BY_ONE_MOST else {""}
        asked = [("both", f"{who}\n{each}") for who in whos for each in few]
    else:
        asked = [("who", f"{who}#") for who in whos]
    return sorted(asked) if len(asked) <= _ONE_BY_ONE_MOST else [(asked[0][0], "")]


class _Reading:
    """Of one page, from the indexes."""

    def __init__(self, listed_in: str, filter: Filter, window: Window, plan: Plan, cursor: Cursor | None) -> None:
        self._listed_in, self._filter, self._plan, self._cursor = listed_in, filter, plan, cursor
        self._descending = window.descending

    def from_(self, begin: Place, need: int) -> list[tuple[Job, Group]]:
        crowded = self._plan.crowded(begin, need)
        if crowded:
            told = at_once([partial(counts.slots, self._listed_in, *each) for each in crowded])
            begin = self._plan.narrowed(begin, {facet: slots for (facet, *_), slots in zip(crowded, told, strict=True)})
        found: dict[str, tuple[Job, Group]] = {}
        spans = self._plan.spans(begin, need)
        while len(found) < need:
            step: list[Span] = []
            due = need - len(found)
            for span in spans:
                step.append(span)
                due -= span.take
                if due <= 0:
                    break
            if not step:
                break
            for job, group in self._read(step):
                # A job that moves from one partition to another may be seen in both.
                found.setdefault(job.id, (job, group))
                if len(found) == need:
                    break
        return list(found.values())

    def _read(self, spans: Sequence[Span]) -> Iterator[tuple[Job, Group]]:
        readers = [[self._reader(span, run) for run in span.runs] for span in spans]
        at_once([reader.begin for of_span in readers for reader in of_span])
        short = [number for number, span in enumerate(spans) if span.apart and self._is_short(span, readers[number])]
        for number in short:
            # What does not match stands all together there: to pass it in the plain index takes one Query after the
            # other.
            readers[number] = [self._reader(spans[number], run) for run in spans[number].apart]
        at_once([reader.begin for number in short for reader in readers[number]])
        for span, of_span in zip(spans, readers, strict=True):
            backwards = self._descending != span.backwards
            jobs = merge(*of_span, key=partial(_place_in, span.group), reverse=backwards)
            matching: Iterator[Job] = (job for job in jobs if self._is_due(job, span.group))
            if span.backwards:
                matching = reversed(list(islice(matching, span.take)))
            # Else to its end: what it is to hold may be an estimate, and a moment old.
            yield from ((job, span.group) for job in islice(matching, span.skip, None))

    def _is_short(self, span: Span, readers: Sequence[_Reader]) -> bool:
        """Whether too few match, and what was read ends with many that do not."""
        read = [reader.first for reader in readers]
        blocked = any(
            reader.goes_on
            and len(jobs) >= _IN_THE_WAY
            and not any(self._is_due(job, span.group) for job in jobs[-_IN_THE_WAY:])
            for reader, jobs in zip(readers, read, strict=True)
        )
        matches = (self._is_due(job, span.group) for jobs in read for job in jobs)
        return blocked and sum(matches) < span.skip + span.take

    def _is_due(self, job: Job, group: Group) -> bool:
        if self._cursor and group.key == self._cursor.key and _place_in(group, job) == self._cursor.place:
            return False
        return self._plan.takes(job, group)

    def _reader(self, span: Span, run: Run) -> _Reader:
        begin, end = run.begin, run.end
        if self._filter.created_from is not None:
            begin = max(begin, self._filter.created_from)
        if self._filter.created_until is not None:
            end = min(end, self._filter.created_until)
        first, last = f"{begin:013d}", f"{end - 1:013d}#~"
        if self._cursor and span.group.key == self._cursor.key:
            # The job that the page before ended with is read once more, and left out.
            if self._descending:
                last = min(last, self._cursor.place)
            else:
                first = max(first, self._cursor.place)
        stretch = Stretch(self._listed_in, run.facet, run.cell, span.group.axis, first, last)
        return _Reader(stretch, self._descending != span.backwards, run.expected + (self._cursor is not None))


class _Reader:
    """The jobs of a stretch, read as they are taken; ``begin`` reads the first of them."""

    def __init__(self, stretch: Stretch, descending: bool, expected: int) -> None:
        self._stretch, self._descending, self._expected = stretch, descending, expected
        self._page = listings.Page([], None)

    def begin(self) -> None:
        if self._stretch.first <= self._stretch.last:
            self._page = listings.read(self._stretch, self._descending, self._expected)

    @property
    def first(self) -> list[Job]:
        return self._page.jobs

    @property
    def goes_on(self) -> bool:
        return self._page.following is not None

    def __iter__(self) -> Iterator[Job]:
        more = max(_MORE_AT_LEAST, self._expected // 4)
        while True:
            yield from self._page.jobs
            if self._page.following is None:
                return
            self._page = listings.read(self._stretch, self._descending, more, self._page.following)
            # What does not match may stand all together: then it is passed in a few steps.
            more *= 2


def _place_in(group: Group, job: Job) -> str:
    return (end_place(job) or "") if group.axis == ENDED else place(job.created_at, job.id)
