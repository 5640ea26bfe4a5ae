"""What stands in a tenant before a request comes: clients with their tokens, workflows, jobs, messages."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from types_boto3_dynamodb import DynamoDBClient

from jobyard.authorizer import Role
from jobyard.authorizer.secrets import hash_of, new_secret
from jobyard.model import Job, Output, Person, Workflow
from jobyard.model.ids import object_id
from jobyard.model.messages import message_key
from jobyard.service import tokens
from jobyard.store import credentials, schedules, workflows
from jobyard.store.credentials import ApiClient
from jobyard.store.items import attribute, item
from jobyard.store.records import job_item, job_pk
from tests.contract import api
from tests.factories import NOW, a_job, a_schedule, a_workflow


class Client(NamedTuple):
    id: str
    secret: str
    user: Person
    token: str


class Yard:
    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb, self.table = dynamodb, table

    def client(self, role: Role = Role.CURATOR, tenant: str = "acme", user: Person | None = None) -> Client:
        """A new client with a token; its user is ``user``, or somebody new."""
        user = user or Person(object_id(NOW), "Jane Doe")
        id, secret = object_id(NOW), new_secret()
        credentials.put_client(ApiClient(id, tenant, user.id, user.name, role, hash_of(secret), NOW))
        return Client(id, secret, user, tokens.issue(id, secret).value)

    def token_until(self, client: Client, expires_at_s: int, tenant: str = "acme") -> str:
        token = new_secret()
        holder = ApiClient(client.id, tenant, client.user.id, client.user.name, Role.CURATOR, "", NOW)
        assert credentials.issue(hash_of(token), holder, expires_at_s)
        return token

    def workflow(self, **values: Any) -> Workflow:
        made = a_workflow(**values)
        workflows.put(made)
        return made

    def schedule(self, id: str, owner: str, tenant: str = "acme") -> str:
        """One that is never due."""
        assert schedules.create(a_schedule(tenant=tenant, id=id, owner=Person(owner, "Jane Doe")), None)
        return id

    def no_schedule(self, id: str, tenant: str = "acme") -> None:
        """As a schedule is deleted, by who knows nothing of collections."""
        key = {"pk": f"SCHEDULE#{tenant}", "sk": id}
        self._dynamodb.delete_item(TableName=self.table, Key=item(key))

    def job(
        self,
        outputs: Sequence[Output] = (),
        error: str | None = None,
        cancelled_by: Person | None = None,
        progress: float | None = None,
        **values: Any,
    ) -> Job:
        """A job in whatever state; what a new job cannot have is written as the state machine and runners do."""
        made = a_job(**values)
        later = {
            "outputs": [
                {"id": o.id, "name": o.name, "fileName": o.file_name, "format": o.format, "key": o.key, "size": o.size}
                for o in outputs
            ],
            "error": error,
            "cancelledBy": cancelled_by._asdict() if cancelled_by else None,
            "progress": progress,
        }
        self._dynamodb.put_item(TableName=self.table, Item=job_item(made) | item(later))
        return made

    def messages(self, job: Job, texts: Sequence[str], at: int = NOW, level: int = 1, tool_id: int = -1) -> None:
        """One message each millisecond from ``at`` on."""
        for start in range(0, len(texts), 25):
            puts: list[Any] = [
                {
                    "PutRequest": {
                        "Item": item(
                            {
                                "pk": job_pk(job.tenant, job.id),
                                "sk": f"MSG#{message_key(at + n, 0, '0a1b2c3d')}",
                                "at": at + n,
                                "level": level,
                                "text": texts[n],
                                "toolId": tool_id,
                            }
                        )
                    }
                }
                for n in range(start, min(start + 25, len(texts)))
            ]
            while puts:
                left = self._dynamodb.batch_write_item(RequestItems={self.table: puts})["UnprocessedItems"]
                puts = list(left.get(self.table, []))

    def items(self, prefix: str = "") -> list[dict[str, Any]]:
        """All items whose partition key begins with ``prefix``, in a fixed order."""
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        found = [dict(each) for page in pages for each in page["Items"] if each["pk"]["S"].startswith(prefix)]
        return sorted(found, key=lambda each: (each["pk"]["S"], each["sk"]["S"]))

    def clear(self) -> None:
        """Remove all items."""
        keys = [{name: each[name] for name in ("pk", "sk")} for each in self.items()]
        for start in range(0, len(keys), 25):
            deletes: list[Any] = [{"DeleteRequest": {"Key": key}} for key in keys[start : start + 25]]
            self._dynamodb.batch_write_item(RequestItems={self.table: deletes})

    def jobs(self) -> list[str]:
        """The ids of all jobs of all tenants."""
        return [each["id"]["S"] for each in self.items("JOB#") if each["sk"] == attribute("JOB")]

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Nothing in the table is written, changed or removed meanwhile."""
        # What the stream has still to tell is told before, and not because of what is asked meanwhile.
        api.before_list()
        before = self.items()
        yield
        assert self.items() == before


class Clock:
    """The time that the code under test reads."""

    def __init__(self) -> None:
        self._time_ns = time.time_ns
        self._ahead_ns = 0

    def stop_at(self, at_ms: int) -> None:
        """From here on time passes by ``advance`` alone."""
        self._time_ns, self._ahead_ns = lambda: at_ms * 1_000_000, 0

    def go_on_from(self, at_ms: int) -> None:
        """It is ``at_ms``, and time passes as it does."""
        self._ahead_ns = at_ms * 1_000_000 - self._time_ns()

    def advance(self, seconds: float) -> None:
        self._ahead_ns += round(seconds * 1_000_000_000)

    def time(self) -> float:
        return self.time_ns() / 1_000_000_000

    def time_ns(self) -> int:
        return self._time_ns() + self._ahead_ns
