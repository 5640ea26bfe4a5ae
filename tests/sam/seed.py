"""Fills an emulator with what the sample events speak of, so that each of them finds its job, workflow and caller.

    PYTHONPATH=layers/jobyard .venv/bin/python -m tests.sam.seed http://localhost:8000
                          table, client, token, workflow and jobs
    …  http://localhost:4566 --all
                          and the bucket with its input, and the state machine

Everything has the fixed name or id that events/*.json have. The table is made as template.yaml says; one that is
there already is replaced.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from copy import replace
from unittest.mock import patch

from jobyard.authorizer.access import Caller, Role
from jobyard.authorizer.sealing import seal
from jobyard.authorizer.secrets import hash_of
from jobyard.aws import client
from jobyard.lifecycle.count import Told, settle
from jobyard.model import Facets, Job, Output, Person, Priority, Question, Runner, Status
from jobyard.model.iteration import iteration_of
from jobyard.model.listing import PHASES
from jobyard.model.people import Collection, Group, Kind, Permissions, User
from jobyard.model.schedule import Schedule
from jobyard.model.source import NOWHERE
from jobyard.service import collections, people
from jobyard.service.manage import manage
from jobyard.store import collections as stored_collections
from jobyard.store import credentials, groups, jobs, keys, projects, running, schedules, secrets, users
from local.template import load, table_definition

REGION = "us-east-1"
TABLE = BUCKET = STATE_MACHINE = "jobyard-events"
STATE_MACHINE_ARN = f"arn:aws:states:{REGION}:000000000000:stateMachine:{STATE_MACHINE}"
WORKFLOW_FUNCTION_PREFIX = "jobyard-workflow-"

TENANT = "default"
CLIENT_ID, CLIENT_SECRET = "68f0c0de000000000000c11e", "sample-client-secret"
USER_ID, USER_NAME = "68f0c0de00000000000005e7", "Jane Doe"
# As the token endpoint makes them: a secret, and whose it is.
TOKEN = f"sample-access-token-{'0' * 23}~{TENANT}~{USER_ID}"
WORKFLOW_ID, WORKFLOW_NAME = "68f0c0de0000000000000f10", "profile"
INPUT_KEY = f"inputs/{TENANT}/people.csv"
INPUT_CSV = "name,age,city\nAda,36,London\nGrace,85,Arlington\nAlan,41,\n"

USER_KEY = f"users/{TENANT}/7/jane%40example.com/1.mob"
OBJECT_KEY = f"objects/{TENANT}/photos-1250000000/2025/a.txt"

COMPLETED_JOB = "68f0c0de00000000000000a1"
RUNNING_JOB = "68f0c0de00000000000000a2"
QUEUED_JOB = "68f0c0de00000000000000a3"
PROFILED_JOB = "68f0c0de00000000000000a4"
ENDED_JOB = "68f0c0de00000000000000a5"
JOBS = (COMPLETED_JOB, RUNNING_JOB, QUEUED_JOB, PROFILED_JOB, ENDED_JOB)
OUTPUT_ID, OUTPUT_FILE = "68f0c0de0000000000000007", "profile.csv"

# Of the openreplay dialect: a project and a key, a job that waits, and one that was cancelled.
API_KEY, API_KEY_ID = "sampleOpenReplayApiKey01", "68f0c0de0000000000000ce1"
PROJECT_KEY, PROJECT_ID = "3sWXSsqHgSKnE87YkNJK", 1
WAITING_ERASURE, CANCELLED_ERASURE = "3451", "3452"
ERASED_USERS = {WAITING_ERASURE: "shekar@example.com", CANCELLED_ERASURE: "mehdi@example.com"}
DAY_MS = 24 * 3600 * 1000

# Each day at ten, from the day of the samples on.
SCHEDULE_ID = "68f0c0de0000000000005c01"

# What is shared: a collection with the workflow, the schedule, and a group that the sample user is in; one more user.
COLLECTION_ID, GROUP_ID = "68f0c0de0000000000000c01", "68f0c0de0000000000006e01"
OTHER_USER_ID = "68f0c0de00000000000005e8"

# Of the tencent dialect: a secret, its bucket, the key that seals it, a workflow and two jobs that run.
SECRET_ID, SECRET_KEY = "AKIDsampleTencentSecretId00000000000", "sampleTencentSecretKey0000000001"
COS_BUCKET = "photos-1250000000"
SECRETS_KEY = "alias/jobyard-events"
INVENTORY_ID = "w7476ff3564ee45b7b490d64bccaba6cc"
SHOWN_INVENTORY, CANCELLED_INVENTORY = "b68f0c0de000011ec9cb1525400000001", "b68f0c0de000011ec9cb1525400000002"

CREATED_MS = 0x68F0C0DE * 1000
"""2025-10-16T09:54:38Z, the second with which all the ids begin."""

NEVER_S = 4102444800
"""2100-01-01, in seconds: the samples do not expire."""

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "TABLE_NAME": TABLE,
    "BUCKET_NAME": BUCKET,
    "STATE_MACHINE_ARN": STATE_MACHINE_ARN,
    "WORKFLOW_FUNCTION_PREFIX": WORKFLOW_FUNCTION_PREFIX,
    "ROUTES": "{}",
    "SCHEDULE_GROUP": "jobyard-events",
    "FIRE_FUNCTION_ARN": f"arn:aws:lambda:{REGION}:000000000000:function:jobyard-events-fire",
    "FIRE_DEAD_LETTERS_ARN": f"arn:aws:sqs:{REGION}:000000000000:jobyard-events-fire",
    "SCHEDULER_ROLE_ARN": "arn:aws:iam::000000000000:role/jobyard-events-scheduler",
    "SECRETS_KEY_ARN": SECRETS_KEY,
    "AUDIT_DAYS": "365",
    "DEFAULT_ROLE": "Viewer",
    "CURSOR_KEY": "sample-key-of-cursors-0000000001",
}


def fill(endpoint: str, everything: bool, kms: str | None = None) -> None:
    """Seed what answers at `endpoint`: the table, and if it is `everything`, the bucket and the state machine.

    `kms` is the endpoint of a KMS; without one, no secret of the tencent dialect can be sealed.
    """
    kms = endpoint if everything else kms
    with patch.dict(os.environ, ENVIRONMENT | {"AWS_ENDPOINT_URL": endpoint, "AWS_ENDPOINT_URL_KMS": kms or endpoint}):
        client.cache_clear()
        try:
            seed_table()
            if kms:
                seed_secrets_key()
                seed_tencent()
            if everything:
                seed_bucket()
                seed_state_machine()
                seed_schedule_group()
        finally:
            client.cache_clear()


def seed_table() -> None:
    """Make the table, and put the samples into it through the store, as the functions would."""
    with suppress(client("dynamodb").exceptions.ResourceNotFoundException):
        client("dynamodb").delete_table(TableName=TABLE)
        client("dynamodb").get_waiter("table_not_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
    client("dynamodb").create_table(TableName=TABLE, **table_definition(load()))
    client("dynamodb").get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
    seed_records()


def seed_records() -> None:
    _seed_client()
    registered = manage(
        {
            "action": "workflows.register",
            "tenant": TENANT,
            "id": WORKFLOW_ID,
            "name": WORKFLOW_NAME,
            "runner": {"functionName": f"{WORKFLOW_FUNCTION_PREFIX}profile"},
        }
    )
    assert registered["ok"], registered
    assert schedules.create(sample_schedule(), None)
    _seed_sharing()
    _seed_jobs()
    _seed_openreplay()
    count_jobs([*JOBS, *ERASED_USERS])


def count_jobs(ids: Iterable[str]) -> None:
    """As the function that follows the stream does: lists read what it keeps."""
    found = [job for id in ids if (job := jobs.get(TENANT, id))]
    settle(Told(job, PHASES[job.status]) for job in found)


def _seed_client() -> None:

    api_client = credentials.ApiClient(
        id=CLIENT_ID,
        tenant=TENANT,
        user_id=USER_ID,
        name=USER_NAME,
        role=Role.CURATOR,
        secret_hash=hash_of(CLIENT_SECRET),
        created_at=CREATED_MS,
    )
    credentials.put_client(api_client)
    assert credentials.issue(hash_of(TOKEN), api_client, NEVER_S)


def _seed_sharing() -> None:
    admin = Caller(TENANT, Person(USER_ID, USER_NAME), Role.CURATOR, CLIENT_ID)
    other = User(TENANT, OTHER_USER_ID, "John", "Roe", "john@example.com", Role.MEMBER, CREATED_MS, api_enabled=True)
    users.create(other, ())
    groups.create(Group(TENANT, GROUP_ID, "Analysts", Role.VIEWER, CREATED_MS), ())
    assert people.add_members(admin, NOWHERE, GROUP_ID, [USER_ID]).number == 1
    assert stored_collections.create(Collection(TENANT, COLLECTION_ID, "Accounting", USER_ID, CREATED_MS), ())
    for kind, id in ((Kind.WORKFLOW, WORKFLOW_ID), (Kind.SCHEDULE, SCHEDULE_ID)):
        collections.add(admin, NOWHERE, COLLECTION_ID, kind, id)
    for kind, id in ((Kind.USER, USER_ID), (Kind.GROUP, GROUP_ID)):
        collections.add(admin, NOWHERE, COLLECTION_ID, kind, id, None, Permissions())


def _seed_jobs() -> None:

    for id in JOBS:
        jobs.put(sample_job(id))
    running.put_message(TENANT, COMPLETED_JOB, (CREATED_MS + 2000, 0, "00000000"), 1, "3 rows", -1, NEVER_S)
    key = f"outputs/{TENANT}/{COMPLETED_JOB}/{OUTPUT_ID}/{OUTPUT_FILE}"
    output = Output(OUTPUT_ID, OUTPUT_FILE, OUTPUT_FILE, "csv", key, 120)
    running.add_output(TENANT, COMPLETED_JOB, output, ())
    ended = {"finishedAt": CREATED_MS + 3000, "updatedAt": CREATED_MS + 3000}
    assert jobs.move(sample_job(COMPLETED_JOB), "complete", ended).done


def _seed_openreplay() -> None:
    keys.put(keys.ApiKey(API_KEY_ID, TENANT, USER_NAME, Role.CURATOR, hash_of(API_KEY), CREATED_MS))
    projects.put(projects.Project(PROJECT_KEY, PROJECT_ID, TENANT, "Web", WORKFLOW_ID, "", "", CREATED_MS))
    for id in ERASED_USERS:
        jobs.put(sample_erasure(id))
    assert jobs.cancel(sample_erasure(CANCELLED_ERASURE), Person(API_KEY_ID, USER_NAME), CREATED_MS + 5000).done


def seed_secrets_key() -> None:
    with suppress(client("kms").exceptions.AlreadyExistsException):
        key = client("kms").create_key()["KeyMetadata"]["KeyId"]
        client("kms").create_alias(AliasName=SECRETS_KEY, TargetKeyId=key)


def seed_tencent() -> None:
    sealed = seal(SECRET_KEY, SECRET_ID, TENANT)
    secrets.put(secrets.Secret(SECRET_ID, TENANT, USER_NAME, sealed, CREATED_MS, COS_BUCKET))
    registered = manage(
        {
            "action": "workflows.register",
            "tenant": TENANT,
            "id": INVENTORY_ID,
            "name": "inventory",
            "runner": {"type": "stateMachine", "stateMachineName": f"{WORKFLOW_FUNCTION_PREFIX}inventory"},
        }
    )
    assert registered["ok"], registered
    for id in (SHOWN_INVENTORY, CANCELLED_INVENTORY):
        jobs.put(sample_inventory(id))
    count_jobs([SHOWN_INVENTORY, CANCELLED_INVENTORY])


def sample_inventory(id: str) -> Job:
    """A job of the tencent dialect that runs."""
    return replace(
        sample_job(RUNNING_JOB),
        id=id,
        listed_in=f"tencent#{TENANT}#{COS_BUCKET}",
        details={
            "name": "demo",
            "type": "Workflow",
            "input": "<Input><Prefix>2025/</Prefix></Input>",
            "operation": f"<Operation><WorkflowIds>{INVENTORY_ID}</WorkflowIds></Operation>",
        },
        questions=(Question("Prefix", "2025/"), Question("Bucket", COS_BUCKET)),
        workflow_id=INVENTORY_ID,
        workflow_name="inventory",
        owner=Person(SECRET_ID, USER_NAME),
        facets=Facets("demo", "", INVENTORY_ID),
    )


def sample_erasure(id: str) -> Job:
    """A job of the openreplay dialect, as it is when it was made."""
    at = CREATED_MS + int(id)
    return replace(
        sample_job(QUEUED_JOB),
        id=id,
        listed_in=f"openreplay#{TENANT}#{PROJECT_ID}",
        details={"projectId": PROJECT_ID, "userId": ERASED_USERS[id]},
        questions=(Question("UserId", ERASED_USERS[id]),),
        owner=Person(API_KEY_ID, USER_NAME),
        status=Status.SCHEDULED,
        created_at=at,
        updated_at=at,
        queued_at=None,
        start_at=(at // DAY_MS + 1) * DAY_MS,
        facets=Facets(),
    )


def sample_job(id: str) -> Job:
    """The job `id` as it is seeded: QUEUED_JOB waits, the others run."""
    arn = f"arn:aws:lambda:{REGION}:000000000000:function:{WORKFLOW_FUNCTION_PREFIX}profile"
    waits = id == QUEUED_JOB
    return Job(
        tenant=TENANT,
        id=id,
        listed_in=f"alteryx#{TENANT}",
        workflow_id=WORKFLOW_ID,
        workflow_name=WORKFLOW_NAME,
        owner=Person(USER_ID, USER_NAME),
        status=Status.QUEUED if waits else Status.RUNNING,
        priority=Priority.MEDIUM,
        created_at=CREATED_MS,
        questions=(Question("input", f"s3://{BUCKET}/{INPUT_KEY}"),),
        runner=Runner("lambda", arn),
        queued_at=CREATED_MS,
        started_at=None if waits else CREATED_MS + 1000,
        updated_at=CREATED_MS if waits else CREATED_MS + 1000,
        expires_at=NEVER_S,
    )


def sample_schedule() -> Schedule:
    return Schedule(
        tenant=TENANT,
        id=SCHEDULE_ID,
        listed_in=f"alteryx#{TENANT}",
        workflow_id=WORKFLOW_ID,
        owner=Person(USER_ID, USER_NAME),
        role=Role.CURATOR,
        iteration=iteration_of({"iterationType": "Daily", "startTime": "2025-10-16T10:00:00Z"}),
        created_at=CREATED_MS,
        name="Each day",
        questions=(Question("input", f"s3://{BUCKET}/{INPUT_KEY}"),),
    )


def seed_bucket() -> None:

    client("s3").create_bucket(Bucket=BUCKET)
    client("s3").put_object(Bucket=BUCKET, Key=INPUT_KEY, Body=INPUT_CSV.encode())
    client("s3").put_object(Bucket=BUCKET, Key=USER_KEY, Body=b"session")
    client("s3").put_object(Bucket=BUCKET, Key=OBJECT_KEY, Body=b"one\ntwo\n!\n", ContentType="text/plain")


def seed_state_machine() -> None:
    """A machine of the right name whose executions wait: what starts, finds and stops them can be seen."""

    waits = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 86400, "End": True}}}
    role = "arn:aws:iam::000000000000:role/jobyard-events"
    client("stepfunctions").create_state_machine(name=STATE_MACHINE, definition=json.dumps(waits), roleArn=role)


def seed_schedule_group() -> None:
    with suppress(client("scheduler").exceptions.ConflictException):
        client("scheduler").create_schedule_group(Name=ENVIRONMENT["SCHEDULE_GROUP"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Fills an emulator with what events/*.json speak of.")
    parser.add_argument("endpoint", help="URL of DynamoDB Local, or of an emulator of all of AWS")
    parser.add_argument("--all", action="store_true", help="the bucket and the state machine too")
    given = parser.parse_args()
    fill(given.endpoint, given.all)


if __name__ == "__main__":
    main()
