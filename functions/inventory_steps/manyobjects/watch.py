"""The step beside the map: looks how far it is, and says when to look again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jobyard.aws import client
from jobyard.runner import Job

LEAST_SECONDS, MOST_SECONDS = 2, 300
# A look costs three transitions and nine of an execution's 25,000 events: in 7 days there are some 2,000.
_PART_OF_ELAPSED = 20
_NEVER_BEGAN_SECONDS = 120
_TELL_SECONDS = 10


def watch(job: Job) -> dict[str, Any]:
    """``wait`` is in seconds; ``told`` is how many batches the last message said were done."""
    last = job.ticket["last"]
    run = map_run(job.ticket["execution"])
    if run is None:
        waited = int(last.get("waited", 0)) + LEAST_SECONDS
        return {"done": waited > _NEVER_BEGAN_SECONDS, "wait": LEAST_SECONDS, "waited": waited}
    counts = run["executionCounts"]
    ended = counts["succeeded"] + counts["failed"] + counts["timedOut"] + counts["aborted"]
    elapsed = (datetime.now(UTC) - run["startDate"]).total_seconds()
    told = int(last.get("told", 0))
    if counts["total"] and run["status"] == "RUNNING":
        # The rest, up to the whole, is the summary's.
        job.progress(0.95 * ended / counts["total"])
        if ended > told and elapsed > _TELL_SECONDS:
            told = ended
            job.log(f"{ended:,} of {counts['total']:,} batches are done.")
    wait = min(max(int(elapsed / _PART_OF_ELAPSED), LEAST_SECONDS), MOST_SECONDS)
    return {"done": run["status"] != "RUNNING", "wait": wait, "told": told}


def map_run(execution: str) -> Any:
    """The map's run of an execution, which has one; None before it began."""
    states = client("stepfunctions")
    runs = states.list_map_runs(executionArn=execution)["mapRuns"]
    return states.describe_map_run(mapRunArn=runs[0]["mapRunArn"]) if runs else None
