"""The three dialects as clients speak them: what to send for each call, and what an answer says, as ``Call`` has it.

``jobyard.json`` of a local run, or ``world.World``, has what each needs. Nothing here is the product's code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

import httpx
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth

from tests.promises.history.calls import GONE
from tests.promises.history.life import FINAL, FIRST

Told = dict[str, Any]
"""Fields of ``Call`` that an answer gives."""

Reader = Callable[[httpx.Response], Told]
States = tuple[str, ...]


class Dialect:
    """``orders``: those in which a walk may go. It begins at the place ``""``; ``following`` says where it goes on."""

    name: str
    orders: tuple[str, ...]

    def submit(self, wish: str, *, key: str = "", repeated: bool = False) -> httpx.Request:
        """With ``key``, or ``repeated`` in the dialect's own way."""
        raise NotImplementedError

    def get(self, id: str) -> httpx.Request:
        raise NotImplementedError

    def messages(self, id: str) -> httpx.Request | None:
        """None where the dialect has no such call."""
        del id
        return None

    def cancel(self, id: str) -> httpx.Request:
        raise NotImplementedError

    def page(self, order: str, place: str, limit: int) -> httpx.Request:
        raise NotImplementedError

    def told(self, kind: str, answer: httpx.Response) -> Told:
        """What a 2xx says, and what a refusal says of a job's state."""
        raise NotImplementedError

    def following(self, answer: httpx.Response, place: str, limit: int) -> str:
        """Where the walk goes on; empty after the last page."""
        raise NotImplementedError


class Alteryx(Dialect):
    """``workflow``: the id of what the jobs run."""

    name = "alteryx"
    fields = ("CreateDate", "AppName", "CompletionDateTime", "Priority", "Status")
    orders = ("created+", "created-", *(f"{field}{way}" for field in fields[1:] for way in "+-"))

    def __init__(self, base_url: str, token: str, workflow: str) -> None:
        self.url, self.workflow = base_url, workflow
        self.headers = {"Authorization": f"Bearer {token}"}

    def submit(self, wish: str, *, key: str = "", repeated: bool = False) -> httpx.Request:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        url = f"{self.url}/v3/workflows/{self.workflow}/jobs"
        return httpx.Request("POST", url, headers=headers, json={"workerTag": wish})

    def get(self, id: str) -> httpx.Request:
        return httpx.Request("GET", f"{self.url}/v3/jobs/{id}", headers=self.headers)

    def messages(self, id: str) -> httpx.Request:
        return httpx.Request("GET", f"{self.url}/v3/jobs/{id}/messages", headers=self.headers)

    def cancel(self, id: str) -> httpx.Request:
        return httpx.Request("DELETE", f"{self.url}/v3/jobs/{id}", headers=self.headers)

    def page(self, order: str, place: str, limit: int) -> httpx.Request:
        field = order[:-1].replace("created", self.fields[0])
        way = {"+": "asc", "-": "desc"}[order[-1]]
        asked = {"allUsers": "true", "sortField": field, "direction": way, "limit": f"{limit}", "offset": place or "0"}
        return httpx.Request("GET", f"{self.url}/v3/jobs", headers=self.headers, params=asked)

    def told(self, kind: str, answer: httpx.Response) -> Told:
        content = answer.json()
        if not answer.is_success:
            return {"states": _refused(answer, kind, content["message"])}
        match kind:
            case "cancel":
                return {"states": (GONE,) if content["message"].startswith("Deleted") else ("cancelled",)}
            case "messages":
                return {"messages": tuple(each["text"] for each in content)}
            case "page":
                pages = content["pagination"]
                rows = tuple((row["jobId"], self.states(row)) for row in content["data"])
                return {"rows": rows, "total": pages["totalItems"]}
        said = content.get("messages")
        told: Told = {"job": content["id"], "wish": content["workerTag"], "states": self.states(content)}
        return told | _replayed(answer) | ({"messages": tuple(each["text"] for each in said)} if kind == "get" else {})

    def following(self, answer: httpx.Response, place: str, limit: int) -> str:
        return str(int(place or 0) + limit) if answer.json()["pagination"]["hasNextPage"] else ""

    @staticmethod
    def states(job: Mapping[str, Any]) -> States:
        if job["status"] == "Completed":
            # The list does not say how.
            ends = {"Success": ("completed",), "Error": ("failed",), "": ("completed", "failed")}
            return ends[job.get("disposition", "")]
        return FIRST if job["status"] == "Queued" else (job["status"].lower(),)


class OpenReplay(Dialect):
    name = "openreplay"
    orders = ("created-",)

    def __init__(self, base_url: str, api_key: str, project_key: str) -> None:
        self.url = f"{base_url}/public/{project_key}"
        self.headers = {"Authorization": f"Bearer {api_key}"}

    def submit(self, wish: str, *, key: str = "", repeated: bool = False) -> httpx.Request:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return httpx.Request("DELETE", f"{self.url}/users/{quote(wish, safe='')}", headers=headers)

    def get(self, id: str) -> httpx.Request:
        return httpx.Request("GET", f"{self.url}/jobs/{id}", headers=self.headers)

    def cancel(self, id: str) -> httpx.Request:
        return httpx.Request("DELETE", f"{self.url}/jobs/{id}", headers=self.headers)

    def page(self, order: str, place: str, limit: int) -> httpx.Request:
        asked = {"limit": limit, "page": int(place or 1)}
        return httpx.Request("GET", f"{self.url}/jobs", headers=self.headers, params=asked)

    def told(self, kind: str, answer: httpx.Response) -> Told:
        content = answer.json()
        if not answer.is_success:
            return {"states": _refused(answer, kind, content["error"])}
        if kind == "page":
            return {"rows": tuple((str(row["jobId"]), self.states(row)) for row in content["data"])}
        if kind == "cancel":
            return {"states": self.states(content["data"])}
        job = content["data"]
        return {"job": str(job["jobId"]), "wish": job["referenceId"], "states": self.states(job)} | _replayed(answer)

    def following(self, answer: httpx.Response, place: str, limit: int) -> str:
        return str(int(place or 1) + 1) if len(answer.json()["data"]) == limit else ""

    @staticmethod
    def states(job: Mapping[str, Any]) -> States:
        shared = {"scheduled": FIRST, "running": ("initializing", "running")}
        return shared.get(job["status"], (job["status"],))


class Tencent(Dialect):
    name = "tencent"
    orders = ("token",)

    def __init__(self, endpoint: str, secret_id: str, secret_key: str, workflow: str) -> None:
        self.url, self.workflow = endpoint, workflow
        self.host = urlsplit(endpoint).netloc
        self.config = CosConfig(Domain=self.host, Scheme="http", SecretId=secret_id, SecretKey=secret_key)

    def submit(self, wish: str, *, key: str = "", repeated: bool = False) -> httpx.Request:
        body = (
            f"<Request><Name>{wish}</Name><Type>Workflow</Type><Input><Prefix>x/</Prefix></Input>"
            f"<Operation><WorkflowIds>{self.workflow}</WorkflowIds></Operation></Request>"
        )
        headers = {"content-type": "application/xml"}
        headers |= {"idempotency-key": key} if key else {}
        headers |= {"x-cos-sdk-retry": "true"} if repeated else {}
        return self._signed("POST", headers=headers, body=body)

    def get(self, id: str) -> httpx.Request:
        return self._signed("GET", f"/{id}")

    def cancel(self, id: str) -> httpx.Request:
        return self._signed("PUT", f"/{id}")

    def page(self, order: str, place: str, limit: int) -> httpx.Request:
        asked = {"orderbytime": "Asc", "size": str(limit)} | ({"nexttoken": place} if place else {})
        return self._signed("GET", query=asked)

    def told(self, kind: str, answer: httpx.Response) -> Told:
        if kind == "cancel" and answer.is_success:
            return {"states": ("cancelled",)}
        content = ET.fromstring(answer.text)
        if not answer.is_success:
            return {"states": _refused(answer, kind, content.findtext("Message", ""))}
        if kind == "page":
            rows = [(each.findtext("JobId", ""), self.states(each)) for each in content.findall("JobsDetail")]
            return {"rows": tuple(rows)}
        job = content.find("JobsDetail")
        if job is None:
            return {"states": (GONE,)}
        told = {"job": job.findtext("JobId"), "wish": job.findtext("Name"), "states": self.states(job)}
        return told | _replayed(answer)

    def following(self, answer: httpx.Response, place: str, limit: int) -> str:
        return ET.fromstring(answer.text).findtext("NextToken", "")

    @staticmethod
    def states(job: ET.Element) -> States:
        return _tencent(job.findtext("State", ""))

    def _signed(
        self,
        method: str,
        path: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: str = "",
    ) -> httpx.Request:
        path, sent = f"/inventorytriggerjob{path}", {"host": self.host} | dict(headers or {})
        request = httpx.Request(method, f"{self.url}{path}", headers=sent, params=query, content=body.encode())
        CosS3Auth(self.config, path, dict(query or {}), 900)(request)
        return request


def _tencent(state: str) -> States:
    return {
        "Submitted": FIRST,
        "Running": ("initializing", "running"),
        "Success": ("completed",),
        "Failed": ("failed",),
        "Cancel": ("cancelled",),
    }[state]


def _refused(answer: httpx.Response, kind: str, text: str) -> States:
    """What a refusal says of the job's state."""
    if kind not in ("get", "cancel", "messages"):
        return ()
    if answer.status_code == 404:
        return (GONE,)
    if answer.status_code != 400:
        return ()
    if named := re.search(r"already been (\w+)$|its State is (\w+)\.$", text):
        return (named[1],) if named[1] else _tencent(named[2])
    assert text == "This job is not in 'Queued' or 'Running' state.", text
    return tuple(sorted(FINAL - {GONE}))


def _replayed(answer: httpx.Response) -> Told:
    return {"replayed": answer.headers.get("Idempotency-Replayed") == "true"}
