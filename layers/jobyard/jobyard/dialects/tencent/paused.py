"""Whether the jobs of a signer wait in a paused queue: they all have no worker tag, so it is one queue."""

from __future__ import annotations

from jobyard.dialects.tencent.caller import Signer


def paused(who: Signer) -> bool:
    # Not with the rest: few requests meet a job that waits.
    from jobyard.service import queues

    return queues.paused(who.caller.tenant, "")
