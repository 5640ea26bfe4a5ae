"""EventBridge Scheduler calls: a run of a schedule is due, or one of the schedule that the template has.

It calls at least once, and what this raises has Lambda call again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger

from jobyard.model import Person
from jobyard.service import firing
from jobyard.service.firing import Static

STATIC = "static"
"""The name of the template's own schedule, which is no schedule's id."""

logger = Logger()


def fire(event: dict[str, Any]) -> dict[str, str | None]:
    """``event`` has ``tenant``, ``instant`` (ISO 8601), and ``scheduleId``, or ``workflowId`` and ``owner``."""
    tenant = event["tenant"]
    instant = int(datetime.fromisoformat(event["instant"]).timestamp()) * 1000
    if "scheduleId" in event:
        id = event["scheduleId"]
        fired = firing.fire(tenant, id, instant)
    else:
        id = STATIC
        owner = Person(event["owner"], event["owner"])
        static = Static(tenant, id, f"alteryx#{tenant}", event["workflowId"], owner)
        fired = firing.fire_static(static, instant)
    if fired is None:
        logger.info("no run, or fired before", schedule_id=id, tenant=tenant, instant=event["instant"])
        return {"outcome": None, "jobId": None}
    job_id = fired.job.id if fired.job else None
    logger.info("fired", schedule_id=id, tenant=tenant, outcome=fired.outcome, job_id=job_id)
    return {"outcome": fired.outcome, "jobId": job_id}
