"""One client for each dialect, with the same few verbs, so that a promise is tried in all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, ClassVar, NamedTuple, Protocol

from jobyard.authorizer import Role
from jobyard.model import Status
from tests.contract.api import call
from tests.contract.openreplay.organisation import Organisation
from tests.contract.tencent.conftest import WORKFLOW_ID, a_key
from tests.contract.tencent.signing import ROOT, Reply, ask
from tests.contract.yard import Yard


class Made(NamedTuple):
    """What a submit was answered. ``id`` is empty where it was refused."""

    status: int
    id: str
    replayed: bool


class Cancel(NamedTuple):
    """``done``: the answer says that the job was cancelled, or removed while it waited."""

    status: int
    done: bool


class Client(Protocol):
    dialect: str
    words: ClassVar[Mapping[Status, str]]
    """The dialect's word for each status; those that it does not tell apart have one."""

    def submit(self, about: str, key: str | None = None, *, again: bool = False) -> Made:
        """``about`` makes two requests different from each other, and names what the dialect allows one live job of.

        ``again``: it repeats one whose answer was lost, as far as clients of the dialect say so.
        """

    def word(self, id: str) -> str | None:
        """The status of a job in the dialect's word; None where it is not found."""

    def list(self) -> list[str]:
        """The ids of all jobs, page by page of two."""

    def total(self) -> int | None:
        """How many there are, in the dialect's answer; None where it tells no number."""

    def cancel(self, id: str) -> Cancel: ...


class Alteryx:
    dialect = "alteryx"
    words: ClassVar[Mapping[Status, str]] = {
        Status.SCHEDULED: "Queued None",
        Status.QUEUED: "Queued None",
        Status.INITIALIZING: "Initializing None",
        Status.RUNNING: "Running None",
        Status.COMPLETED: "Completed Success",
        Status.FAILED: "Completed Error",
        Status.CANCELLED: "Cancelled Cancelled",
    }

    def __init__(self, yard: Yard, tenant: str = "acme", role: Role = Role.CURATOR) -> None:
        self.client = yard.client(role, tenant)
        self.workflow = yard.workflow(tenant=tenant)
        self.answers: dict[str, str] = {}
        """To further questions of the workflow's."""

    def of_another_user(self, yard: Yard) -> Alteryx:
        """Of the same workflow."""
        other = copy(self)
        other.client = yard.client(Role.CURATOR, self.workflow.tenant)
        return other

    def submit(self, about: str, key: str | None = None, *, again: bool = False) -> Made:
        questions = {"about": about} | self.answers
        body = {"questions": [{"name": name, "value": value} for name, value in questions.items()]}
        headers = {} if key is None else {"idempotency-key": key}
        answer = call(
            "POST", f"/webapi/v3/workflows/{self.workflow.id}/jobs", self.client.token, body=body, headers=headers
        )
        id = answer.json["id"] if answer.status == 200 else ""
        return Made(answer.status, id, answer.headers.get("Idempotency-Replayed") == "true")

    def word(self, id: str) -> str | None:
        answer = call("GET", f"/webapi/v3/jobs/{id}", self.client.token)
        return f"{answer.json['status']} {answer.json['disposition']}" if answer.status == 200 else None

    def list(self) -> list[str]:
        found: list[str] = []
        more = True
        while more:
            answer = self._page(offset=len(found), limit=2)
            found += [each["jobId"] for each in answer["data"]]
            more = answer["pagination"]["hasNextPage"]
        return found

    def total(self) -> int | None:
        return int(self._page(offset=0, limit=1)["pagination"]["totalItems"])

    def cancel(self, id: str) -> Cancel:
        answer = call("DELETE", f"/webapi/v3/jobs/{id}", self.client.token)
        return Cancel(answer.status, answer.status == 200)

    def _page(self, offset: int, limit: int) -> Any:
        query = f"allUsers=true&offset={offset}&limit={limit}"
        answer = call("GET", "/webapi/v3/jobs", self.client.token, query=query)
        assert answer.status == 200, answer.text
        return answer.json


class OpenReplay:
    dialect = "openreplay"
    words: ClassVar[Mapping[Status, str]] = {
        Status.SCHEDULED: "scheduled",
        Status.QUEUED: "scheduled",
        Status.INITIALIZING: "running",
        Status.RUNNING: "running",
        Status.COMPLETED: "completed",
        Status.FAILED: "failed",
        Status.CANCELLED: "cancelled",
    }

    def __init__(self, yard: Yard, tenant: str = "acme") -> None:
        self.organisation = Organisation(yard, tenant)

    def submit(self, about: str, key: str | None = None, *, again: bool = False) -> Made:
        headers = {} if key is None else {"idempotency-key": key}
        answer = self.organisation.erase(about, headers=headers)
        id = str(answer.json["data"]["jobId"]) if answer.status == 200 else ""
        return Made(answer.status, id, answer.headers.get("Idempotency-Replayed") == "true")

    def word(self, id: str) -> str | None:
        answer = self.organisation.get(id)
        return str(answer.json["data"]["status"]) if answer.status == 200 else None

    def list(self) -> list[str]:
        found: list[str] = []
        page = 1
        while jobs := self.organisation.list(f"limit=2&page={page}"):
            found += [str(each["jobId"]) for each in jobs]
            page += 1
        return found

    def total(self) -> int | None:
        return None

    def cancel(self, id: str) -> Cancel:
        answer = self.organisation.cancel(id)
        return Cancel(answer.status, answer.status == 200)


class Tencent:
    dialect = "tencent"
    words: ClassVar[Mapping[Status, str]] = {
        Status.SCHEDULED: "Submitted",
        Status.QUEUED: "Submitted",
        Status.INITIALIZING: "Running",
        Status.RUNNING: "Running",
        Status.COMPLETED: "Success",
        Status.FAILED: "Failed",
        Status.CANCELLED: "Cancel",
    }

    def __init__(self, yard: Yard, tenant: str = "acme") -> None:
        self.key = a_key(tenant)
        yard.workflow(tenant=tenant, id=WORKFLOW_ID, name="inventory")

    def submit(self, about: str, key: str | None = None, *, again: bool = False) -> Made:
        body = (
            f"<Request><Name>demo</Name><Type>Workflow</Type><Input><Prefix>{about}</Prefix></Input>"
            f"<Operation><WorkflowIds>{WORKFLOW_ID}</WorkflowIds></Operation></Request>"
        )
        headers = {} if key is None else {"idempotency-key": key}
        reply = ask(self.key, "POST", body=body, headers=headers | ({"x-cos-sdk-retry": "true"} if again else {}))
        id = reply.get("JobsDetail/JobId") if reply.status == 200 else ""
        return Made(reply.status, id, reply.headers.get("Idempotency-Replayed") == "true")

    def word(self, id: str) -> str | None:
        reply = ask(self.key, "GET", f"{ROOT}/{id}")
        assert reply.status == 200, reply.text
        return None if reply.xml.find("NonExistJobIds") is not None else reply.get("JobsDetail/State")

    def list(self) -> list[str]:
        found: list[str] = []
        token = ""
        while True:
            reply = self._page(token)
            found += reply.all("JobsDetail/JobId")
            if reply.xml.find("NextToken") is None:
                return found
            token = reply.get("NextToken")

    def total(self) -> int | None:
        return None

    def cancel(self, id: str) -> Cancel:
        reply = ask(self.key, "PUT", f"{ROOT}/{id}", query=(("cancel", ""),))
        return Cancel(reply.status, reply.status == 200)

    def _page(self, token: str) -> Reply:
        query = [("size", "2"), *([("nextToken", token)] if token else [])]
        reply = ask(self.key, "GET", query=query)
        assert reply.status == 200, reply.text
        return reply


CLIENTS: dict[str, Callable[[Yard], Client]] = {"alteryx": Alteryx, "openreplay": OpenReplay, "tencent": Tencent}
