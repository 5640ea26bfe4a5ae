"""A history's calls by what they are about, and what follows from them for when each job was there."""

from __future__ import annotations

from collections import defaultdict

from tests.promises.history.calls import GONE, NEVER, Call, History
from tests.promises.history.life import FIRST


class Jobs:
    """What a history says of each job, by id: all its calls, and rows of pages as calls of their own."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.calls: dict[str, list[Call]] = defaultdict(list)
        self.wishes: dict[str, list[Call]] = defaultdict(list)
        self.submits: dict[str, list[Call]] = defaultdict(list)
        self.wish_of: dict[str, set[str]] = defaultdict(set)
        for call in history.calls:
            self._sort(call)
        for id, wishes in self.wish_of.items():
            # One that was not answered may have made the job.
            self.calls[id] += [call for wish in wishes for call in self.wishes[wish] if call.unknown]
        self._name_the_deleted()
        self._made: dict[str, tuple[float, float]] = {}
        self._deleted: dict[str, tuple[float, float]] = {}
        self.by_dialect: dict[str, list[str]] = defaultdict(list)
        for id, calls in self.calls.items():
            self.by_dialect[calls[0].dialect].append(id)

    def _sort(self, call: Call) -> None:
        if call.kind == "submit":
            self.submits[call.dialect].append(call)
            self.wishes[call.wish].append(call)
        if call.kind == "page":
            for id, states in call.rows:
                self.calls[id].append(_row(call, id, states))
        elif call.job:
            self.calls[call.job].append(call)
            if call.wish:
                self.wish_of[call.job].add(call.wish)

    def _name_the_deleted(self) -> None:
        """A list does not say what a job was submitted for: one that was deleted before anybody looked at itself is
        that of a submit without an answer, which may have made one job, and no other's."""
        named = {wish for wishes in self.wish_of.values() for wish in wishes}
        free: dict[str, list[Call]] = defaultdict(list)
        for wish, calls in self.wishes.items():
            if wish not in named and (unknown := [call for call in calls if call.unknown]):
                free[unknown[0].dialect].append(min(unknown, key=lambda call: call.invoked))
        unnamed = [
            (min(call.returned for call in calls if call.kind == "page"), id)
            for id, calls in self.calls.items()
            if id not in self.wish_of
            and any(call.kind == "page" for call in calls)
            and any(call.kind == "cancel" and GONE in call.states for call in calls)
        ]
        for seen, id in sorted(unnamed):
            before = [call for call in free[self.calls[id][0].dialect] if call.invoked < seen]
            if before:
                free[before[0].dialect].remove(before[0])
                self.calls[id].append(before[0])

    def made(self, id: str) -> tuple[float, float]:
        """From when on the job may have been there, and from when on it certainly was."""
        if id not in self._made:
            submits = [call for call in self.calls[id] if call.kind == "submit"]
            first = [call for call in submits if call.done and not call.replayed] or submits
            seen = [call.returned for call in self.calls[id] if call.states and GONE not in call.states]
            told = [call.returned for call in submits if call.done]
            self._made[id] = min((call.invoked for call in first), default=-NEVER), min([*seen, *told, NEVER])
        return self._made[id]

    def deleted(self, id: str) -> tuple[float, float]:
        """From when on the job may have been gone, and from when on it certainly was."""
        if id not in self._deleted:
            calls = self.calls[id]
            cancels = [call for call in calls if call.kind == "cancel" and call.dialect == "alteryx"]
            enders = [call for call in cancels if call.unknown or (call.done and GONE in call.states)]
            may = min((call.invoked for call in enders), default=NEVER)
            was = min((call.returned for call in calls if GONE in call.states and call.answered), default=NEVER)
            reads = [call for call in calls if call.kind in ("get", "cancel") and not call.unknown]
            seen = [call for call in reads if call.states and GONE not in call.states]
            if any(not set(FIRST).issuperset(call.states) for call in seen):
                may = NEVER  # it had left the queue, from where alone a job is deleted
            self._deleted[id] = max([may, *(call.invoked for call in seen)]), was
        return self._deleted[id]


def _row(call: Call, id: str, states: tuple[str, ...]) -> Call:
    return Call(
        call.client,
        call.dialect,
        "page",
        call.invoked,
        call.returned,
        job=id,
        status=call.status,
        states=states,
        walk=call.walk,
        page=call.page,
        order=call.order,
    )
