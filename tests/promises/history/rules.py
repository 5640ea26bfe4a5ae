"""The promises that are about more than one job's status, as rules over a history. Each gives what breaks it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from tests.promises.history.calls import NEVER, Call, History
from tests.promises.history.jobs import Jobs
from tests.promises.history.life import FINAL

NEWEST = 1000
"""Messages that a job's detail shows."""

STEP = re.compile(r"step (\d+) of (\d+)\Z")
"""What the load's workflows say, once for each step, in their order."""

REFUSALS = {
    "submit": {409},
    "get": {404},
    "messages": {404},
    "page": set[int](),
    "cancel": {400, 404},
    "stopped": set[int](),
}
"""What a well-formed call of the load may be refused with. 409: another job of the same name is live (openreplay)."""

RETRY = {429, 503}


class Violation(NamedTuple):
    """``promise``: its number; ``calls``: those that show it."""

    promise: int
    text: str
    calls: Sequence[Call]


def answers(jobs: Jobs) -> Iterator[Violation]:
    """Promise 10: 2xx, or a refusal that fits the call; a 5xx only to say when to try again, or because of chaos."""
    for call in jobs.history.calls:
        if not call.answered or call.done or call.status in REFUSALS[call.kind]:
            continue
        if call.status in RETRY:
            if not call.honest:
                yield Violation(10, f"{call.status} does not say when to try again", [call])
        elif not any(each.at <= call.returned and call.invoked <= each.until for each in jobs.history.chaos):
            yield Violation(10, f"a {call.kind} was answered with {call.status}", [call])


def submits(jobs: Jobs) -> Iterator[Violation]:
    """Promise 1: equal keys are one job, and nothing is there that nobody asked for."""
    for id, calls in jobs.calls.items():
        wishes = jobs.wish_of.get(id, set())
        if len(wishes) > 1:
            yield Violation(1, f"job {id} answers two wishes", calls)
        elif not any(call.kind == "submit" for call in calls):
            yield Violation(1, f"nobody submitted job {id}", calls)
    made: dict[str, set[str]] = defaultdict(set)
    for id, wishes in jobs.wish_of.items():
        for wish in wishes:
            made[wish].add(id)
    for wish, ids in made.items():
        about = [*jobs.wishes[wish], *(call for id in sorted(ids) for call in jobs.calls[id] if call.kind == "get")]
        firsts = [call for call in jobs.wishes[wish] if call.done and not call.replayed]
        if len(ids) > 1:
            yield Violation(1, f"one wish made {len(ids)} jobs", about)
        elif len(firsts) > 1:
            yield Violation(1, "two equal submits were each told that they made the job", firsts)


def rests(jobs: Jobs) -> Iterator[Violation]:
    """Promises 1 and 4: once all rests, each job that a submit answered is read, and each has ended."""
    if jobs.history.rest == NEVER:
        return
    for id, calls in jobs.calls.items():
        last = [call for call in calls if call.kind == "get" and call.invoked >= jobs.history.rest]
        shown = [call for call in last if call.states and not call.unknown]
        if not shown and any(call.kind == "submit" and call.done for call in calls):
            yield Violation(1, f"at the end job {id} could not be read", calls)
        elif any(not FINAL.intersection(call.states) for call in shown):
            yield Violation(4, f"job {id} is stuck", calls)


def stops(jobs: Jobs) -> Iterator[Violation]:
    """Promise 3: an execution ends within the stated time after its job's cancel answered."""
    for id, calls in jobs.calls.items():
        ends = [call for call in calls if call.kind == "stopped"]
        for cancel in calls:
            if cancel.kind == "cancel" and cancel.done:
                for end in ends:
                    late = end.returned - cancel.returned
                    if late > jobs.history.stops:
                        how = f"ended {late:.1f} s after its cancel" if end.answered else "never ended"
                        yield Violation(3, f"the execution of cancelled job {id} {how}", [cancel, end])


def messages(jobs: Jobs) -> Iterator[Violation]:
    """Promise 5: a later read has all that an earlier one had, in its order, and what is new behind it."""
    for id, calls in jobs.calls.items():
        reads = sorted((call for call in calls if call.messages is not None), key=lambda call: call.returned)
        for place, later in enumerate(reads):
            assert later.messages is not None
            for earlier in reads[:place]:
                assert earlier.messages is not None
                if earlier.returned < later.invoked and not _continues(earlier.messages, later.messages):
                    yield Violation(5, f"messages of job {id} were lost or changed their order", [earlier, later])
                    break
        yield from _steps(jobs.history, id, calls, reads)


def _continues(earlier: Sequence[str], later: Sequence[str]) -> bool:
    if len(later) < NEWEST:
        return tuple(later[: len(earlier)]) == tuple(earlier)
    # The newest ones: the earlier read ends in what the later begins with, or lies before it altogether.
    aligned = any(
        tuple(earlier[dropped:]) == tuple(later[: len(earlier) - dropped])
        for dropped, text in enumerate(earlier)
        if text == later[0]
    )
    return aligned or later[0] not in earlier


def _steps(history: History, id: str, calls: Sequence[Call], reads: Sequence[Call]) -> Iterator[Violation]:
    completed = any(call.states == ("completed",) for call in calls)
    for read in reads:
        assert read.messages is not None
        if len(read.messages) >= NEWEST:
            continue
        told = [(int(found[1]), int(found[2])) for text in read.messages if (found := STEP.search(text))]
        if [number for number, _ in told] != list(range(1, len(told) + 1)):
            yield Violation(5, f"job {id} did not say its steps one after the other", [read])
        elif completed and read.invoked >= history.rest and (not told or len(told) != told[0][1]):
            yield Violation(5, f"job {id} completed, and not all that it said is there", [read])


class Walk(NamedTuple):
    """All pages of a walk that came to its end."""

    dialect: str
    order: str
    pages: Sequence[Call]

    @property
    def began(self) -> float:
        return self.pages[0].invoked

    @property
    def ended(self) -> float:
        return self.pages[-1].returned

    @property
    def ids(self) -> list[str]:
        return [id for page in self.pages for id, _ in page.rows]


def walks(jobs: Jobs) -> Iterator[Violation]:
    """Promise 6, as far as it holds with offsets: see ``_skips`` and ``_repeats``."""
    for walk in _whole(jobs.history.calls):
        for page in walk.pages:
            if len(page.rows) > page.limit:
                yield Violation(6, "a page has more than its limit", [page])
        counted: Counter[str] = Counter(walk.ids)
        there = [id for id in jobs.by_dialect[walk.dialect] if _unchanged(jobs, id, walk)]
        missing = [id for id in there if not counted[id]]
        doubled = [id for id in there if counted[id] > 1]
        if len(missing) > _skips(jobs, walk):
            yield Violation(6, f"a walk by {walk.order} has not given {_some(missing)}", walk.pages)
        if sum(counted[id] - 1 for id in doubled) > _repeats(jobs, walk):
            yield Violation(6, f"a walk by {walk.order} has given {_some(doubled)} more than once", walk.pages)


def _whole(calls: Iterable[Call]) -> Iterator[Walk]:
    by_walk: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.walk and call.done:
            by_walk[call.walk].append(call)
    for pages in by_walk.values():
        pages.sort(key=lambda call: call.page)
        if pages[-1].last and [page.page for page in pages] == list(range(len(pages))):
            yield Walk(pages[0].dialect, pages[0].order, pages)


def _unchanged(jobs: Jobs, id: str, walk: Walk) -> bool:
    """There before the walk began, not deleted before it ended; at rest nothing changes, so any sort must be right."""
    _, made = jobs.made(id)
    may_be_gone, _ = jobs.deleted(id)
    still = walk.order in ("created+", "created-", "token") or walk.began >= jobs.history.rest
    return still and made < walk.began - jobs.history.lag and may_be_gone > walk.ended


def _skips(jobs: Jobs, walk: Walk) -> int:
    """Jobs that a walk may skip: with offsets one for each that was deleted before the page, none with a cursor."""
    if walk.order == "token" or walk.began >= jobs.history.rest:
        return 0
    return sum(_deleted_during(jobs, id, walk) for id in jobs.by_dialect[walk.dialect])


def _deleted_during(jobs: Jobs, id: str, walk: Walk) -> bool:
    may, was = jobs.deleted(id)
    return may <= walk.ended and was >= walk.began - jobs.history.lag


def _repeats(jobs: Jobs, walk: Walk) -> int:
    """Jobs that a walk may repeat: with offsets one for each that was made before the page.

    Ascending, new ones come behind; but one whose submit was under way when the walk began may bear a time before.
    """
    if walk.order == "token" or walk.began >= jobs.history.rest:
        return 0
    until = walk.began if walk.order == "created+" else walk.ended
    since = walk.began - jobs.history.lag
    return sum(
        call.invoked <= until and (call.returned >= since or call.unknown) for call in jobs.submits[walk.dialect]
    )


def totals(jobs: Jobs) -> Iterator[Violation]:
    """Promise 7: not less than what was certainly there all the time, not more than what may have been."""
    for name in sorted({call.dialect for call in jobs.history.calls}):
        ids = jobs.by_dialect[name]
        may = sorted(jobs.made(id)[0] for id in ids)
        was = sorted(jobs.made(id)[1] for id in ids)
        gone = sorted(jobs.deleted(id)[1] for id in ids)
        mortal = [(jobs.made(id)[1], jobs.deleted(id)[0]) for id in ids if jobs.deleted(id)[0] < NEVER]
        # Those whose answer never came, and whose job nobody saw: it may yet be made, but not once all rest.
        seen = {wish for id in ids for wish in jobs.wish_of.get(id, ())}
        open = [call.invoked for call in jobs.submits[name] if call.unknown and call.wish not in seen]
        for call in jobs.history.calls:
            if call.kind != "page" or call.total < 0 or call.dialect != name:
                continue
            since = call.invoked - (jobs.history.lag if call.invoked < jobs.history.rest else 0)
            least = bisect_left(was, since) - sum(there < since and end <= call.returned for there, end in mortal)
            most = bisect_right(may, call.returned) - bisect_left(gone, since)
            if call.invoked < jobs.history.rest:
                most += sum(at <= call.returned for at in open)
            if not least <= call.total <= most:
                yield Violation(7, f"the total is {call.total}, and must be from {least} to {most}", [call])


def in_order(jobs: Jobs) -> Iterator[Violation]:
    """Promise 6: two jobs stand in every page as in every other that is sorted by creation, or the other way round."""
    before: dict[tuple[str, str, str], Call] = {}
    for call in jobs.history.calls:
        if call.kind != "page" or call.order not in ("created+", "created-") or not call.done:
            continue
        ids = [id for id, _ in call.rows]
        for first, second in pairwise(ids if call.order == "created+" else ids[::-1]):
            before[call.dialect, first, second] = call
            if (other := before.get((call.dialect, second, first))) is not None:
                yield Violation(6, f"jobs {first} and {second} changed their order", [other, call])


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")


ALL = (answers, submits, rests, stops, messages, walks, in_order, totals)
