"""Read what persons changed. For administrators."""

from __future__ import annotations

import os
from typing import NamedTuple

from jobyard.authorizer.access import Caller, demand_administrator
from jobyard.model.ids import now_ms
from jobyard.service import cursors
from jobyard.service.cursors import Cursor
from jobyard.store import audit
from jobyard.store.audit import Record

_READ_AT_ONCE = 500
_READ_MOST = 5000
"""Records that are looked at for one page: where few match, it ends sooner, and says where to go on."""

DAY_MS = 24 * 3600 * 1000


class Filter(NamedTuple):
    """``since`` and ``until`` in milliseconds, from the one up to and without the other; empty is not asked for."""

    since: int | None = None
    until: int | None = None
    user: str = ""
    kind: str = ""
    id: str = ""
    action: str = ""

    def takes(self, record: Record) -> bool:
        return (
            self.user in ("", record.user_id)
            and self.kind in ("", record.kind)
            and self.id in ("", record.id)
            and self.action in ("", record.action)
        )


class Page(NamedTuple):
    """``following`` is the cursor of what comes next; None at the end. A page may have fewer records than there are."""

    records: list[Record]
    following: str | None


def changes(caller: Caller, filter: Filter, limit: int, cursor: str | None = None) -> Page:
    """The tenant's changes, newest first. Raises ``RoleForbidden``, and ``Invalid`` for a cursor of another search."""
    demand_administrator(caller)
    now = now_ms()
    scope = repr(("audit", caller.tenant, caller.user.id, filter)).encode()
    # Nothing is older than what is kept; what expired is gone at its moment, whenever the table gets round to it.
    oldest = now - int(os.environ["AUDIT_DAYS"]) * DAY_MS
    since = max(oldest, 0 if filter.since is None else filter.since)
    until = now + DAY_MS if filter.until is None else min(now + DAY_MS, filter.until)
    if since >= until:
        return Page([], None)
    first, last, behind = f"{since:013d}", f"{until - 1:013d}-~", ""
    if cursor is not None:
        last = behind = cursors.opened(cursor, scope, "cursor").place
    found: list[Record] = []
    month, looked_at = audit.month_of(int(last[:13])), 0
    while last >= first and month >= audit.month_of(since):
        # The record that the page before ended with is read once more, and left out.
        records, more = audit.newest(caller.tenant, month, first, last, _READ_AT_ONCE + 1)
        for record in (each for each in records if each.key != behind):
            if filter.takes(record):
                found.append(record)
                if len(found) == limit:
                    return Page(found, _following(record.key, scope))
        looked_at += len(records)
        if more:
            last = behind = records[-1].key
            if looked_at >= _READ_MOST:
                return Page(found, _following(behind, scope))
        else:
            month = audit.month_before(month)
    return Page(found, None)


def _following(key: str, scope: bytes) -> str:
    return cursors.sealed(Cursor("", key, 0), scope)
