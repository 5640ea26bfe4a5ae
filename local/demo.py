"""What a newcomer needs to try Jobyard: clients, workflows and something to work on, for each dialect."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from jobyard_cli.manage import Manage
from local.deployment import Deployment
from local.engine import Engine

TENANT = "default"
# The key in jobyard.json, a name, a role of the alteryx dialect.
CLIENTS = (("admin", "Ada Admin", "Curator"), ("member", "Mia Member", "Member"), ("other", "Otto Other", "Member"))
ROWS = 5000
# The long input repeats its rows this often, to have a job that runs long enough to be cancelled.
REPEATED = 200
# Of the openreplay dialect: whose data is there to be erased, and in how many objects.
ERASABLE_USER = "shekar@example.com"
ERASABLE_OBJECTS = 25
# Of the tencent dialect: the bucket and region that its clients name, the workflow of its form, and what is in the
# bucket to be looked at.
BUCKET = "examplebucket-1250000000"
REGION = "ap-beijing"
INVENTORY_ID = "w7476ff3564ee45b7b490d64bccaba6cc"
INVENTORY_OBJECTS = {f"input/{number:02}.txt": b"a line\n" * number for number in range(20)}


@dataclass(frozen=True)
class OpenReplay:
    api_key: str
    project_key: str
    project_id: int


@dataclass(frozen=True)
class Tencent:
    secret_id: str
    secret_key: str


@dataclass(frozen=True)
class Demo:
    """Client credentials by key, as `manage` answered; the workflow's id; where a CSV is, and a long one; and the
    project and key of the openreplay dialect; and the secret of the tencent dialect.
    """

    clients: dict[str, dict[str, Any]]
    workflow_id: str
    input_uri: str
    long_input_uri: str
    openreplay: OpenReplay
    tencent: Tencent


def seed(engine: Engine, deployment: Deployment) -> Demo:
    manage = Manage(engine.client("lambda"), deployment.outputs["ManageFunctionName"])
    clients = {key: manage.call("clients.create", TENANT, name=name, role=role) for key, name, role in CLIENTS}
    workflow = manage.call(
        "workflows.register",
        TENANT,
        name="profile",
        runner={"type": "lambda", "functionName": f"{deployment.outputs['WorkflowFunctionPrefix']}profile"},
    )
    bucket, folder = deployment.outputs["DataBucketName"], f"inputs/{TENANT}"
    header, rows = orders_csv().split(b"\r\n", 1)
    for name, body in (("orders.csv", rows), ("orders-long.csv", rows * REPEATED)):
        engine.client("s3").put_object(
            Bucket=bucket, Key=f"{folder}/{name}", Body=header + b"\r\n" + body, ContentType="text/csv"
        )
    base = f"s3://{bucket}/{folder}"
    openreplay = _seed_openreplay(engine, deployment, manage, clients["admin"]["userId"])
    tencent = _seed_tencent(engine, deployment, manage)
    return Demo(clients, workflow["id"], f"{base}/orders.csv", f"{base}/orders-long.csv", openreplay, tencent)


def _seed_openreplay(engine: Engine, deployment: Deployment, manage: Manage, owner: str) -> OpenReplay:
    # Private, or every user could erase any other. A project's API keys may run it all the same.
    erase = manage.call(
        "workflows.register",
        TENANT,
        name="erase",
        public=False,
        owner=owner,
        runner={"type": "lambda", "functionName": f"{deployment.outputs['WorkflowFunctionPrefix']}erase"},
    )
    key = manage.call("keys.create", TENANT, name="Backend")
    project = manage.call("projects.create", TENANT, name="Web", workflowId=erase["id"])
    folder = f"users/{TENANT}/{project['projectId']}/{quote(ERASABLE_USER, safe='')}"
    for number in range(ERASABLE_OBJECTS):
        engine.client("s3").put_object(
            Bucket=deployment.outputs["DataBucketName"], Key=f"{folder}/session-{number:03}.json", Body=b"{}"
        )
    return OpenReplay(key["apiKey"], project["projectKey"], project["projectId"])


def _seed_tencent(engine: Engine, deployment: Deployment, manage: Manage) -> Tencent:
    manage.call(
        "workflows.register",
        TENANT,
        id=INVENTORY_ID,
        name="inventory",
        runner={
            "type": "stateMachine",
            "stateMachineName": f"{deployment.outputs['WorkflowFunctionPrefix']}inventory",
        },
    )
    # The bucket is that of requests whose Host is this machine's.
    secret = manage.call("secrets.create", TENANT, name="COS client", bucket=BUCKET)
    for key, body in INVENTORY_OBJECTS.items():
        engine.client("s3").put_object(
            Bucket=deployment.outputs["DataBucketName"],
            Key=f"objects/{TENANT}/{BUCKET}/{key}",
            Body=body,
            ContentType="text/plain",
        )
    return Tencent(secret["secretId"], secret["secretKey"])


def orders_csv(rows: int = ROWS) -> bytes:
    """A table with what makes a profile interesting: empty cells, quoted commas and newlines, accents, numbers."""
    chance = random.Random(7)  # noqa: S311 - the same file each time
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["order_id", "ordered_on", "customer", "city", "amount", "note"])
    customers = ["Zoë Müller", "O'Brien, Pat", "李小龍", "Ana Sá", "Smith & Sons"]
    for number in range(1, rows + 1):
        writer.writerow(
            [
                number,
                f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
                chance.choice(customers),
                chance.choice(["Lisbon", "Zürich", "Osaka", ""]),
                f"{chance.lognormvariate(3, 1):.2f}",
                chance.choice(["", "", "urgent", 'said "later"', "two\nlines"]),
            ]
        )
    return text.getvalue().encode()
