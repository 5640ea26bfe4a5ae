"""An organisation with an API key and a project, as a client of the openreplay dialect sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from jobyard.model import Facets, Job, Runner, Status
from jobyard.service.manage import manage
from jobyard.store import projects
from jobyard.store.projects import Project
from tests.contract.api import Answer, Query, call
from tests.contract.yard import Yard
from tests.factories import FUNCTION, NOW

DAY = 24 * 3600 * 1000
JSON = {"Content-Type": "application/json"}


def managed(action: str, tenant: str, **fields: Any) -> Any:
    answer = manage({"action": action, "tenant": tenant, **fields})
    assert answer["ok"], answer
    return answer["result"]


class Organisation:
    """``tenant`` with one API key, and one project, whose workflow erases."""

    def __init__(self, yard: Yard, tenant: str = "acme", name: str = "Backend") -> None:
        self.yard, self.tenant = yard, tenant
        made = managed("keys.create", tenant, name=name)
        self.key_id, self.api_key = made["keyId"], made["apiKey"]
        self.workflow = yard.workflow(tenant=tenant, name="Erase", settings={"bucket": "sessions"})
        self.project = self.another_project("Web")

    def another_project(self, name: str, **fields: Any) -> Project:
        made = managed("projects.create", self.tenant, name=name, workflowId=self.workflow.id, **fields)
        found = projects.find(made["projectKey"])
        assert found
        return found

    def call(
        self,
        method: str,
        path: str,
        query: Query = "",
        headers: Mapping[str, str] | None = None,
        project: Project | None = None,
        **event: Any,
    ) -> Answer:
        """``path`` is what follows the project's key, as on the wire."""
        key = (project or self.project).key
        return call(method, f"/public/{key}{path}", self.api_key, query=query, headers=headers, **event)

    def list(self, query: Query = "", **more: Any) -> list[dict[str, Any]]:
        listed = self.call("GET", "/jobs", query, **more)
        assert listed.status == 200, listed.text
        found: list[dict[str, Any]] = listed.json["data"]
        return found

    def get(self, id: object, **more: Any) -> Answer:
        return self.call("GET", f"/jobs/{id}", **more)

    def cancel(self, id: object, **more: Any) -> Answer:
        return self.call("DELETE", f"/jobs/{id}", **more)

    def erase(self, user: str, **more: Any) -> Answer:
        return self.call("DELETE", f"/users/{quote(user, safe='')}", **more)

    def erased(self, user: str, **more: Any) -> dict[str, Any]:
        """The job that a request made."""
        answer = self.erase(user, **more)
        assert answer.status == 200, answer.text
        job: dict[str, Any] = answer.json["data"]
        return job

    def job(self, id: int, user: str = "shekar@example.com", project: Project | None = None, **values: Any) -> Job:
        """A job in whatever state."""
        of = project or self.project
        usual: dict[str, Any] = {
            "tenant": self.tenant,
            "id": str(id),
            "listed_in": f"openreplay#{self.tenant}#{of.id}",
            "details": {"projectId": of.id, "userId": user},
            "status": Status.SCHEDULED,
            "start_at": NOW + DAY,
            "runner": Runner("lambda", FUNCTION),
            "facets": Facets(),
        }
        return self.yard.job(**usual | values)


def error_of(answer: Answer, status: int) -> str:
    """The text of an error; its body has nothing else."""
    assert (answer.status, answer.headers) == (status, JSON), answer.text
    assert list(answer.json) == ["error"]
    return str(answer.json["error"])
