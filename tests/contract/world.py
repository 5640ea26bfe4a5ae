"""A tenant that all three dialects know, with something behind each path."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from jobyard.handlers import DIALECTS
from jobyard.model import Job, Output, Status
from tests.contract import api
from tests.contract.openreplay.organisation import Organisation
from tests.contract.tencent.conftest import WORKFLOW_ID, a_key, a_tencent_job
from tests.contract.tencent.signing import HOST, authorization
from tests.contract.yard import Yard

OUTPUT_ID = "1" * 24


class World:
    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self.client = yard.client()
        self.organisation = Organisation(yard)
        # A temporary one: its token is looked for after the signature, as nothing is with a lasting one.
        self.key = a_key(lifetimeSeconds=3600)
        self.workflow = yard.workflow()
        yard.workflow(id=WORKFLOW_ID, name="inventory")
        self._numbers = iter(range(1000, 1_000_000))

    def credentials(self, method: str, target: str, host: str = HOST) -> dict[str, str]:
        """The headers of a caller who may do everything, for a path as on the wire."""
        path = urlsplit(target).path
        dialect = dialect_of(path)
        if dialect == "alteryx":
            return {"authorization": f"Bearer {self.client.token}"}
        if dialect == "openreplay":
            return {"authorization": f"Bearer {self.organisation.api_key}"}
        signed = authorization(self.key, method, unquote(path, errors="replace"), None, {"host": host})
        return {"host": host, "authorization": signed, "x-cos-security-token": self.key.token}

    def job(self, path: str, status: Status = Status.RUNNING) -> Job:
        """A new job of the dialect that the path is of."""
        ended = 1_764_547_300_000 if status not in (Status.SCHEDULED, Status.QUEUED, Status.RUNNING) else None
        dialect = dialect_of(path)
        if dialect == "openreplay":
            return self.organisation.job(next(self._numbers), status=status, finished_at=ended)
        if dialect == "tencent":
            return a_tencent_job(self.yard, status=status, finished_at=ended)
        output = Output(OUTPUT_ID, "Profile", "a.csv", "csv", "outputs/a.csv", 1)
        return self.yard.job(
            status=status, outputs=[output], owner=self.client.user, workflow_id=self.workflow.id, finished_at=ended
        )

    def parameters(self, path: str, status: Status = Status.RUNNING) -> dict[str, str]:
        """What the parameters in a path, as the document has it, stand for."""
        known = {
            "workflowId": self.workflow.id,
            "outputId": OUTPUT_ID,
            "projectKey": self.organisation.project.key,
            "userId": "shekar",
            "tag": "gpu",
        }
        if "{jobId}" in path:
            known["jobId"] = self.job(path, status).id
        return {name: value for name, value in known.items() if f"{{{name}}}" in path}

    def path(self, route: api.Route, status: Status = Status.RUNNING) -> str:
        """The path of a route, with something behind it."""
        path = route.path.replace("+}", "}")
        return path.format(**self.parameters(path, status))


def dialect_of(path: str) -> str:
    return DIALECTS[path.split("/")[1]]
