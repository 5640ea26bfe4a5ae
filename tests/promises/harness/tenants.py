"""Tenants with something of every kind, and a whole request for every route of the template, from which tests go on."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import unquote, urlencode

import pytest

from jobyard import aws
from jobyard.authorizer import Caller, Role
from jobyard.model import Facets, Output, Person, Status
from jobyard.model.ids import object_id
from jobyard.model.people import Kind, Permissions, User
from jobyard.model.schedule import Schedule
from jobyard.model.source import NOWHERE
from jobyard.service import collections, people
from jobyard.store import schedules
from tests.contract.api import Answer, Route, call, routes
from tests.contract.openreplay.organisation import Organisation
from tests.contract.tencent.conftest import a_key
from tests.contract.tencent.signing import ROOT, authorization
from tests.contract.yard import Yard
from tests.factories import NOW, a_schedule

ROUTES = {f"{route.method} {route.path}": route for route in routes()}
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}
QUEUED, RUNNING = (list(Status).index(each) for each in (Status.QUEUED, Status.RUNNING))


class Sent(NamedTuple):
    """A request on the wire; a ``body`` of bytes goes in base64."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = {}
    body: str | bytes | None = None

    def answer(self, **event: Any) -> Answer:
        return call(self.method, self.path, query=self.query, headers=self.headers, body=self.body, **event)


class Things(NamedTuple):
    """What a tenant has, by which somebody might ask for it. Jobs are one of each status, in its order."""

    client_id: str
    user_id: str
    workflow_id: str
    workflow_name: str
    schedule_id: str
    tag: str
    jobs: tuple[str, ...]
    output_id: str
    message_key: str
    idempotency_key: str
    project_key: str
    numbers: tuple[str, ...]
    erased_user: str
    keyed_user: str
    host: str
    inventory_id: str
    inventory_name: str
    tencent_jobs: tuple[str, ...]
    tencent_name: str
    next_token: str
    colleague: str
    colleagues_mail: str
    group_id: str
    collection_id: str
    leaving: tuple[str, ...]

    def masked(self, text: str) -> str:
        """``text`` with the name of its kind for each of these."""
        each = [
            (one, name)
            for name, value in self._asdict().items()
            for one in (value if isinstance(value, tuple) else [value])
        ]
        # The longest first: a number may stand in an id.
        for value, name in sorted(each, key=lambda pair: -len(pair[0])):
            text = text.replace(value, f"<{name}>")
        return text


class Tenant:
    """Made by what the operator calls and clients ask for; only the jobs' statuses are written from outside.

    ``number`` keeps ids that are numbers apart: each tenant has its own million.
    """

    def __init__(self, yard: Yard, name: str, number: int) -> None:
        self.yard, self.name = yard, name
        self.curator = yard.client(Role.CURATOR, name, Person(object_id(NOW), f"Curator of {name}"))
        self.workflow = yard.workflow(tenant=name, name=f"Profile of {name}")
        self.organisation = Organisation(yard, name)
        self.key = a_key(name)
        self.inventory = yard.workflow(tenant=name, id=f"w{object_id(NOW)}{number:08x}", name=f"inventory-{name}")
        self.host = f"{name}-1250000000.ci.ap-beijing.example.com"
        self.things = self._filled(number)

    def _filled(self, number: int) -> Things:
        output = Output(object_id(NOW), "a.csv", "a.csv", "csv", f"outputs/{self.name}/a.csv", 1)
        of: dict[str, Any] = {"tenant": self.name, "owner": self.curator.user}
        tag = f"tag-of-{self.name}"
        jobs = [
            self.yard.job(status=status, outputs=[output], created_at=NOW + n, worker_tag=tag, **self._at(status), **of)
            for n, status in enumerate(Status)
        ]
        for job in jobs:
            self.yard.messages(job, [f"a message of {self.name}"])
        numbers = [
            self.organisation.job(number * 1_000_000 + n, f"user {n} of {self.name}", status=status, created_at=NOW + n)
            for n, status in enumerate(Status)
        ]
        bucket = self.host.partition(".")[0]
        name = f"work-of-{self.name}"
        details = {"name": name, "type": "Workflow", "input": "<Input/>", "operation": "<Operation/>"}
        tencent = [
            self.yard.job(
                id=f"b{number:08x}{object_id(NOW + n)}",
                listed_in=f"tencent#{self.name}#{bucket}",
                workflow_id=self.inventory.id,
                facets=Facets(name, "", self.inventory.id),
                details=details,
                created_at=NOW + n,
                status=status,
                **of,
            )
            for n, status in enumerate(Status)
        ]
        made = Things(
            client_id=self.curator.id,
            user_id=self.curator.user.id,
            workflow_id=self.workflow.id,
            workflow_name=self.workflow.name,
            tag=tag,
            jobs=tuple(job.id for job in jobs),
            output_id=output.id,
            message_key=f"{NOW}-000000-0a1b2c3{number}",
            idempotency_key=f"key of {self.name}",
            project_key=self.organisation.project.key,
            numbers=tuple(job.id for job in numbers),
            erased_user=f"erased-of-{self.name}",
            keyed_user=f"keyed-of-{self.name}",
            host=self.host,
            inventory_id=self.inventory.id,
            inventory_name=self.inventory.name,
            tencent_jobs=tuple(job.id for job in tencent),
            tencent_name=name,
            next_token="",
            **self._shared(),
        )
        for request in (
            self.bearer("POST", f"/webapi/v3/workflows/{made.workflow_id}/jobs", key=made.idempotency_key),
            self.open("DELETE", f"/users/{made.erased_user}"),
            self.open("DELETE", f"/users/{made.keyed_user}", key=made.idempotency_key),
        ):
            assert request.answer().status == 200
        listed = self.signed("GET", ROOT, {"size": "2"}).answer().text
        (token,) = re.findall("<NextToken>(.*)</NextToken>", listed)
        return made._replace(next_token=token)

    def _shared(self) -> dict[str, Any]:
        """A colleague, and a group and a collection with something of every kind; ``leaving`` are a user, a group and a
        collection that nobody needs, and a collection like the first, of which nobody needs what is in it.
        """
        who = Caller(self.name, self.curator.user, Role.CURATOR, self.curator.id)
        mail = f"colleague@{self.name}.example.com"

        def user(tenant: str, id: str, at_ms: int) -> User:
            return User(tenant, id, "A", f"Colleague of {self.name}", mail, Role.MEMBER, at_ms)

        colleague, leaver = (people.create_user(who, NOWHERE, user).id for _ in range(2))
        group, empty = (people.create_group(who, NOWHERE, f"Group of {self.name}", "Viewer").id for _ in range(2))
        people.add_members(who, NOWHERE, group, [colleague])
        schedule = self.schedule().id
        shared, nothing, left = (collections.create(who, NOWHERE, f"Collection of {self.name}").id for _ in range(3))
        for kind, id in (
            (Kind.USER, colleague),
            (Kind.GROUP, group),
            (Kind.WORKFLOW, self.workflow.id),
            (Kind.SCHEDULE, schedule),
        ):
            for each in (shared, left):
                collections.add(who, NOWHERE, each, kind, id, None, Permissions())
        return {
            "colleague": colleague,
            "colleagues_mail": mail,
            "group_id": group,
            "collection_id": shared,
            "schedule_id": schedule,
            "leaving": (leaver, empty, nothing, left),
        }

    def _at(self, status: Status) -> dict[str, Any]:
        ended = status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
        return {"started_at": NOW + 10 if ended else None, "finished_at": NOW + 20 if ended else None}

    def schedule(self) -> Schedule:
        """A new one, which is never due."""
        made = a_schedule(
            tenant=self.name, owner=self.curator.user, workflow_id=self.workflow.id, name=f"Nightly of {self.name}"
        )
        schedules.create(made, None)
        return made

    # Requests with this tenant's own credentials.

    def bearer(self, method: str, path: str, query: str = "", body: str | None = None, key: str | None = None) -> Sent:
        headers = {"authorization": f"Bearer {self.curator.token}"} | (JSON if body is not None else {})
        return Sent(method, path, query, headers | _keyed(key), body)

    def open(self, method: str, path: str, query: str = "", project: str | None = None, key: str | None = None) -> Sent:
        """In the openreplay dialect; ``path`` is what follows the project's key."""
        headers = {"authorization": f"Bearer {self.organisation.api_key}"} | _keyed(key)
        return Sent(method, f"/public/{project or self.organisation.project.key}{path}", query, headers)

    def signed(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        body: str | None = None,
        host: str | None = None,
        key: str | None = None,
    ) -> Sent:
        """In the tencent dialect: all parameters and the host are signed."""
        headers = {"host": host or self.host} | _keyed(key)
        value = authorization(self.key, method, unquote(path), parameters, headers)
        return Sent(method, path, urlencode(parameters or {}), headers | {"authorization": value}, body)

    def items(self) -> list[dict[str, Any]]:
        """All that the table has of this tenant."""
        mine = {"S": self.name}
        return [
            each for each in self.yard.items() if each.get("tenant") == mine or self.name in each["pk"]["S"].split("#")
        ]

    def valid(self) -> dict[str, Sent]:
        """For each route of the template a request that is answered with success, in whatever order they are sent."""
        has = self.things
        job, number, tencent = has.jobs[RUNNING], has.numbers[RUNNING], has.tencent_jobs[RUNNING]
        form = {"grant_type": "client_credentials", "client_id": self.curator.id, "client_secret": self.curator.secret}
        scheduled = f"/webapi/v3/schedules/{has.schedule_id}"
        daily = {
            "iterationType": "Daily",
            "startTime": "2198-01-01T12:00:00",
            "dailyContract": {"runOnlyWorkWeek": True},
        }
        wanted = {"workflowId": has.workflow_id, "iteration": daily, "timeZone": "Europe/Berlin", "name": "Nightly"}
        whole = wanted | {
            "ownerId": has.user_id,
            "comment": "",
            "priority": "Low",
            "workerTag": "",
            "enabled": True,
            "credentialId": None,
            "questions": [{"name": "input", "value": "a"}],
        }
        contract = '{"priority":"High","workerTag":"gpu","questions":[{"name":"input","value":"s3://data/a.csv"}]}'
        return {
            "POST /webapi/oauth2/token": Sent("POST", "/webapi/oauth2/token", "", FORM, urlencode(form)),
            "GET /webapi/v3/jobs": self.bearer(
                "GET",
                "/webapi/v3/jobs",
                "allUsers=true&sortField=Status&direction=desc&offset=1&limit=2&statuses=Queued,Running"
                "&priorities=Low&completedAfter=2020-01-01",
            ),
            "GET /webapi/v3/jobs/{jobId}": self.bearer("GET", f"/webapi/v3/jobs/{job}", "includeMessages=false"),
            "GET /webapi/v3/jobs/{jobId}/messages": self.bearer(
                "GET", f"/webapi/v3/jobs/{job}/messages", f"after={has.message_key}"
            ),
            "PATCH /webapi/v3/jobs/{jobId}": self.bearer(
                "PATCH", f"/webapi/v3/jobs/{has.jobs[QUEUED]}", body='{"priority":"High","workerTag":"gpu"}'
            ),
            "GET /webapi/v3/queues": self.bearer("GET", "/webapi/v3/queues"),
            "GET /webapi/v3/queues/{tag}": self.bearer("GET", f"/webapi/v3/queues/{has.tag}"),
            "PUT /webapi/v3/queues/{tag}": self.bearer(
                "PUT", f"/webapi/v3/queues/{has.tag}", body='{"slots":2,"paused":false}'
            ),
            "PATCH /webapi/v3/queues/{tag}": self.bearer(
                "PATCH", f"/webapi/v3/queues/{has.tag}", body='{"slots":null,"paused":true}'
            ),
            "DELETE /webapi/v3/jobs/{jobId}": self.bearer("DELETE", f"/webapi/v3/jobs/{has.jobs[0]}"),
            "POST /webapi/v3/workflows/{workflowId}/jobs": self.bearer(
                "POST", f"/webapi/v3/workflows/{has.workflow_id}/jobs", body=contract, key="of a valid request"
            ),
            "GET /webapi/v3/workflows/{workflowId}/jobs": self.bearer(
                "GET", f"/webapi/v3/workflows/{has.workflow_id}/jobs", "status=Queued&limit=1"
            ),
            **{
                f"GET /webapi/{version}/jobs/{{jobId}}/output/{{outputId}}": self.bearer(
                    "GET", f"/webapi/{version}/jobs/{job}/output/{has.output_id}", "format=Csv"
                )
                for version in ("v1", "v3")
            },
            **self._valid_about_people(),
            "GET /webapi/v3/schedules": self.bearer(
                "GET",
                "/webapi/v3/schedules",
                f"ownerId={has.user_id}&workflowId={has.workflow_id}&view=Full"
                "&runsAfter=2198-01-01T00:00:00Z&runsBefore=2198-01-10T00:00:00Z",
            ),
            "POST /webapi/v3/schedules": self.bearer("POST", "/webapi/v3/schedules", body=json.dumps(wanted)),
            "GET /webapi/v3/schedules/{scheduleId}": self.bearer("GET", scheduled),
            "PUT /webapi/v3/schedules/{scheduleId}": self.bearer("PUT", scheduled, body=json.dumps(whole)),
            "PATCH /webapi/v3/schedules/{scheduleId}": self.bearer("PATCH", scheduled, body='{"comment":"a"}'),
            "POST /webapi/v3/schedules/{scheduleId}/run": self.bearer("POST", f"{scheduled}/run"),
            "DELETE /webapi/v3/schedules/{scheduleId}": self.bearer(
                "DELETE", f"/webapi/v3/schedules/{self.schedule().id}"
            ),
            "GET /public/{projectKey}/jobs": self.open("GET", "/jobs", "limit=2&page=1"),
            "GET /public/{projectKey}/jobs/{jobId}": self.open("GET", f"/jobs/{number}"),
            "DELETE /public/{projectKey}/jobs/{jobId}": self.open("DELETE", f"/jobs/{number}"),
            "DELETE /public/{projectKey}/users/{userId}": self.open("DELETE", "/users/anna%40example.com"),
            "GET /inventorytriggerjob": self.signed(
                "GET", ROOT, {"size": "2", "states": "All", "nextToken": has.next_token}
            ),
            "POST /inventorytriggerjob": self.signed("POST", ROOT, body=inventory_of(has.inventory_id)),
            "GET /inventorytriggerjob/{jobId+}": self.signed("GET", f"{ROOT}/{tencent}"),
            "PUT /inventorytriggerjob/{jobId+}": self.signed("PUT", f"{ROOT}/{tencent}", {"cancel": ""}),
        }

    def _valid_about_people(self) -> dict[str, Sent]:
        has = self.things
        leaver, empty, nothing, left = has.leaving
        users, groups, shared = (f"/webapi/v3/{each}" for each in ("users", "usergroups", "collections"))
        at = {
            f"GET {users}": f"{users}?view=Full&role=Member",
            f"GET {users}/{{userId}}": f"{users}/{has.colleague}",
            f"PUT {users}/{{userId}}": f"{users}/{has.colleague}",
            f"DELETE {users}/{{userId}}": f"{users}/{leaver}",
            f"GET {groups}/{{userGroupId}}": f"{groups}/{has.group_id}",
            f"PUT {groups}/{{userGroupId}}": f"{groups}/{has.group_id}",
            f"DELETE {groups}/{{userGroupId}}": f"{groups}/{empty}?forceDelete=true",
            f"POST {groups}/{{userGroupId}}/users": f"{groups}/{has.group_id}/users",
            f"DELETE {groups}/{{userGroupId}}/users/{{userId}}": f"{groups}/{has.group_id}/users/{has.user_id}",
            f"GET {shared}": f"{shared}?view=Full",
            f"DELETE {shared}/{{collectionId}}": f"{shared}/{nothing}?forceDelete=true",
            "GET /webapi/v3/audit": f"/webapi/v3/audit?kind=collection&id={has.collection_id}&limit=2",
        }
        found: dict[str, Sent] = {}
        for route in ROUTES.values():
            key = f"{route.method} {route.path}"
            if not route.path.startswith((users, groups, shared, "/webapi/v3/audit")):
                continue
            usual = route.path.format(
                collectionId=left if route.method == "DELETE" else has.collection_id,
                userGroupId=has.group_id,
                userId=has.colleague,
                workflowId=has.workflow_id,
                scheduleId=has.schedule_id,
            )
            path, _, query = at.get(key, usual).partition("?")
            body = self.about_people(has, route) if route.method in ("POST", "PUT") else None
            found[key] = self.bearer(route.method, path, query, body)
        return found

    def about_people(self, of: Things, route: Route) -> str:
        """A body for what is made or changed of people and collections."""
        if route.path.endswith("/usergroups/{userGroupId}/users"):
            return json.dumps([of.colleague])
        rights = ("canScheduleJobs", "canPrioritizeJobs", "canAssignJobs", "canCreateCollections")
        user = dict.fromkeys(rights, False) | {"isApiEnabled": True, "isActive": True, "defaultWorkerTag": ""}
        names = {"name": "a", "firstName": "a", "lastName": "b", "email": "a@b", "role": "Member"}
        things = {
            "ownerId": of.colleague,
            "userId": of.colleague,
            "userGroupId": of.group_id,
            "workflowId": of.workflow_id,
            "scheduleId": of.schedule_id,
        }
        if "{collectionId}" not in route.path:
            return json.dumps(names | user)
        return json.dumps(things | {"name": "a", "collectionsPermissions": {"isAdmin": True}})


def inventory_of(workflow_id: str, name: str = "demo") -> str:
    return (
        f"<Request><Name>{name}</Name><Type>Workflow</Type><Input><Prefix>input</Prefix></Input>"
        f"<Operation><WorkflowIds>{workflow_id}</WorkflowIds><UserData>a &amp; b</UserData>"
        "<TimeInterval><Start>2022-02-01T12:00:00+0800</Start></TimeInterval></Operation></Request>"
    )


def dialect_of(route: Route) -> str:
    return {"webapi": "alteryx", "public": "openreplay", "inventorytriggerjob": "tencent"}[route.path.split("/")[1]]


def without_what_is_new(answer: Answer) -> Answer:
    """An answer without the ids of requests, and of what it has made."""
    text = re.sub(r"<(RequestId|TraceId)>[^<]*</\1>", r"<\1/>", answer.text)
    headers = {name: value for name, value in answer.headers.items() if not re.fullmatch(r"x-(ci|cos)-.*-id", name)}
    return Answer(answer.status, headers, text)


def _keyed(key: str | None) -> dict[str, str]:
    return {} if key is None else {"idempotency-key": key}


class StillClock:
    """The time that the code under test reads: it moves when it is told to."""

    def __init__(self) -> None:
        self.now_ns = time.time_ns() // 1_000_000_000 * 1_000_000_000

    def advance(self, milliseconds: int) -> None:
        self.now_ns += milliseconds * 1_000_000

    def time(self) -> float:
        return self.now_ns / 1_000_000_000

    def time_ns(self) -> int:
        return self.now_ns


@contextmanager
def still() -> Iterator[StillClock]:
    with pytest.MonkeyPatch.context() as patched:
        clock = StillClock()
        patched.setattr(time, "time", clock.time)
        patched.setattr(time, "time_ns", clock.time_ns)
        yield clock


@contextmanager
def aws_calls() -> Iterator[list[str]]:
    """The operations that the product asks of AWS meanwhile, in their order."""
    made: list[str] = []

    def note(event_name: str, **_: Any) -> None:
        made.append(event_name.removeprefix("before-call."))

    clients = [aws.client(service) for service in ("dynamodb", "kms", "s3", "lambda", "stepfunctions")]
    for each in clients:
        each.meta.events.register("before-call", note)
    try:
        yield made
    finally:
        for each in clients:
            each.meta.events.unregister("before-call", note)


Ask = Callable[[Tenant, Things], Sent]
"""A request of a tenant that names things, its own or not."""
