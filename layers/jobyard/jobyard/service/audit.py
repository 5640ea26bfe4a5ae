"""The record of a change by a person: who, what, which, when, from where, and what was before and after.

It is written in the transaction of the change: there is no change without its record, and no record without its change.
What was not changed is not told, and secrets are in nothing that is given here.
"""

from __future__ import annotations

import os
from typing import Any

from jobyard.authorizer.access import Caller
from jobyard.model.ids import now_ms
from jobyard.model.source import Source
from jobyard.store import audit
from jobyard.store.transactions import Write

USER_AGENT_LONGEST = 256


def record(
    caller: Caller,
    request_source: Source,
    action: str,
    what_kind: str,
    what_id: str,
    before: dict[str, Any],
    after: dict[str, Any],
) -> Write:
    """The write that goes with a change: whoever changes something for a person gives it to the store's write, which
    takes it as ``also`` and does both in one transaction::

        told = record(caller, request.source, "schedule.change", "schedule", id, shown(before), shown(after))
        schedules.replace(after, also=[told])

    ``action`` is ``<what_kind>.<verb>``; ``before`` and ``after`` are the whole thing, {} where there is none: only
    what differs is kept. They are plain values that JSON has, without secrets. Kept for ``AUDIT_DAYS`` days. The
    function's role needs PutItem on ``AUDIT#*``. A change that is tried again from what another left has a new record.
    """
    at = now_ms()
    was, became = changed(before, after)
    made = audit.Record(
        tenant=caller.tenant,
        key=audit.new_key(at),
        at=at,
        user_id=caller.user.id,
        user_name=caller.user.name,
        client_id=caller.client_id,
        ip=request_source.ip,
        user_agent=request_source.user_agent[:USER_AGENT_LONGEST],
        action=action,
        kind=what_kind,
        id=what_id,
        before=was,
        after=became,
        expires_at=at // 1000 + int(os.environ["AUDIT_DAYS"]) * 24 * 3600,
    )
    return audit.put(made)


def changed(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of both what the other has not, or has otherwise."""
    absent = object()
    names = {name for name in before | after if before.get(name, absent) != after.get(name, absent)}
    return (
        {name: value for name, value in before.items() if name in names},
        {name: value for name, value in after.items() if name in names},
    )
