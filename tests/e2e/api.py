"""The alteryx dialect as a client sees it, for tests over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

# A loaded machine starts each function anew in seconds, not in milliseconds.
PATIENCE = 60.0


def token_of(token_url: str, client: dict[str, str]) -> str:
    answered = httpx.post(
        token_url,
        data={"grant_type": "client_credentials"},
        auth=(client["client_id"], client["client_secret"]),
        timeout=30,
    )
    assert answered.status_code == 200, answered.text
    return str(answered.json()["access_token"])


@dataclass(frozen=True)
class Caller:
    """`http` is authorised and has the dialect's base URL."""

    http: httpx.Client
    workflow_id: str

    def submit(self, *, workflow: str | None = None, questions: dict[str, str] | None = None, **fields: Any) -> str:
        """The id of a new job."""
        body = {"questions": [{"name": name, "value": value} for name, value in (questions or {}).items()], **fields}
        answered = self.http.post(f"/v3/workflows/{workflow or self.workflow_id}/jobs", json=body)
        assert answered.status_code == 200, answered.text
        return str(answered.json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        answered = self.http.get(f"/v3/jobs/{job_id}")
        assert answered.status_code == 200, answered.text
        found: dict[str, Any] = answered.json()
        return found

    def cancel(self, job_id: str) -> httpx.Response:
        return self.http.delete(f"/v3/jobs/{job_id}")

    def texts(self, job_id: str) -> list[str]:
        """What the job's messages say, oldest first."""
        return [str(message["text"]) for message in self.job(job_id)["messages"]]

    def wait(self, job_id: str, *statuses: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The job once it has one of the statuses; an AssertionError that shows it, if that takes too long."""
        return self.wait_until(job_id, lambda job: job["status"] in statuses, f"one of {statuses}", seconds)

    def wait_until(
        self,
        job_id: str,
        wanted: Callable[[dict[str, Any]], bool],
        what: str,
        seconds: float = PATIENCE,
    ) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            job = self.job(job_id)
            if wanted(job):
                return job
            assert time.monotonic() < deadline, f"not {what} after {seconds} s: {job}"
            time.sleep(0.2)
