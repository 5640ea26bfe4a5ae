"""What examples show: a job of each dialect, answered by the code that answers in the deployed stack."""

from __future__ import annotations

from jobyard.dialects.openreplay.views import details
from jobyard.model import Job, Output, Person, Priority, Status

AT = 1_764_576_000_000
"""2025-12-01T08:00:00Z, in milliseconds."""

JOB_ID = "692d4c00a1b2c3d4e5f60718"
SCHEDULE_ID = "692d4c00a1b2c3d4e5f60719"
WORKFLOW_ID = "6b027a5e2c45d0f1a2b3c4d5"
OUTPUT_ID = "13b9c1f2a0d4e5f6a7b8c9d0"
PROJECT_KEY = "GxPpaDU8bYBRLMVtOSkq"
TENCENT_JOB_ID = "b" + "0f6f8a7ab1c211eea3d5525400a1b2c3"
TENCENT_WORKFLOW_ID = "w7476ff3564ee45b7b490d64bccaba6cc"
TENCENT_INPUT = "<Input><Prefix>input/</Prefix></Input>"
TENCENT_OPERATION = f"<Operation><WorkflowIds>{TENCENT_WORKFLOW_ID}</WorkflowIds></Operation>"

ALTERYX = Job(
    tenant="acme",
    id=JOB_ID,
    workflow_id=WORKFLOW_ID,
    workflow_name="Profile",
    owner=Person("6b027a5e2c45d0f1a2b3c4d6", "Ada Admin"),
    status=Status.COMPLETED,
    priority=Priority.DEFAULT,
    created_at=AT,
    queued_at=AT,
    started_at=AT + 1_204,
    finished_at=AT + 4_871,
    outputs=(Output(OUTPUT_ID, "Column profile", "profile.csv", "csv", "outputs/profile.csv", 1234),),
)
OPENREPLAY = Job(
    tenant="acme",
    id="13",
    workflow_id=WORKFLOW_ID,
    workflow_name="Erase",
    owner=Person("key", "Backend"),
    status=Status.SCHEDULED,
    priority=Priority.DEFAULT,
    created_at=AT,
    start_at=AT + 57_600_000,
    details=details(1, "shekar@example.com"),
)
TENCENT = Job(
    tenant="acme",
    id=TENCENT_JOB_ID,
    workflow_id=TENCENT_WORKFLOW_ID,
    workflow_name="inventory",
    owner=Person("AKID", "Backend"),
    status=Status.QUEUED,
    priority=Priority.DEFAULT,
    created_at=AT,
    details={"name": "demo", "type": "Workflow", "input": TENCENT_INPUT, "operation": TENCENT_OPERATION},
)
