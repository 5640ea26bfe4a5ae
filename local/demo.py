"""What a newcomer needs to try Jobyard: three clients, the `profile` workflow, and a CSV to profile."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass
from typing import Any

from jobyard_cli.manage import Manage
from local.deployment import Deployment
from local.engine import Engine

TENANT = "default"
# The key in jobyard.json, a name, a role of the alteryx dialect.
CLIENTS = (("admin", "Ada Admin", "Curator"), ("member", "Mia Member", "Member"), ("other", "Otto Other", "Member"))
ROWS = 5000
# The long input repeats its rows this often, to have a job that runs long enough to be cancelled.
REPEATED = 200


@dataclass(frozen=True)
class Demo:
    """Client credentials by key, as `manage` answered; the workflow's id; where a CSV is, and a long one."""

    clients: dict[str, dict[str, Any]]
    workflow_id: str
    input_uri: str
    long_input_uri: str


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
    return Demo(clients, workflow["id"], f"{base}/orders.csv", f"{base}/orders-long.csv")


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
