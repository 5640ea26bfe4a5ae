"""What the operator does. Reached by Lambda invoke only, so IAM decides who may.

One request, ``{"action": …, "tenant": …, …}``; one answer, ``{"ok": true, "result": …}`` or ``{"ok": false, "error":
{"field": …, "message": …}}``.
"""

from __future__ import annotations

import json
import math
import os
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from jobyard.authorizer.access import Role
from jobyard.authorizer.secrets import hash_of, new_secret
from jobyard.errors import Busy, Invalid
from jobyard.model import Retries, Runner, Workflow
from jobyard.model.ids import now_ms, object_id
from jobyard.model.people import User
from jobyard.model.queue import SLOTS_MOST, Queue
from jobyard.service import organisation, queues, secrets
from jobyard.service.action import Action, Name, ObjectId, WorkflowId
from jobyard.service.submit import WORKER_TAG_LONGEST
from jobyard.store import credentials, users, workflows
from jobyard.store import queues as queue_store
from jobyard.store.credentials import ApiClient
from jobyard.store.transactions import Write

TIME_MOST_SECONDS = 7 * 24 * 3600
"""A job ends before it could expire: it is kept for 8 days or more."""

SETTINGS_BYTES = 16 * 1024
SETTINGS_DEEPEST = 16
"""Objects and lists within each other: the table holds 32 at the most, and puts some around a job's settings."""


class CreateClient(Action):
    action: Literal["clients.create"]
    name: Name
    role: Role
    userId: ObjectId | None = None

    def run(self) -> dict[str, Any]:
        secret = new_secret()
        now = now_ms()
        if self.userId is not None and (user := users.get(self.tenant, self.userId)) is not None:
            _demand_fitting(user, self.role)
        made = ApiClient(
            id=object_id(now),
            tenant=self.tenant,
            user_id=self.userId or object_id(now),
            name=self.name,
            role=self.role,
            secret_hash=hash_of(secret),
            created_at=now,
        )
        shown = {"userId": made.user_id, "name": made.name, "role": made.role}
        credentials.put_client(made, [self.told("client.create", "client", made.id, {}, shown)])
        # The only time that the secret is seen: the table has its hash.
        return _client(made) | {"clientSecret": secret}


def _demand_fitting(user: User, role: str) -> None:
    """A client has the role of its user, so one that is made with another would not do what it was made for."""
    if user.role != role:
        raise Invalid("role", f"User {user.id} has the role {user.role}; PUT /v3/users/{user.id} changes it.")
    if not user.api_enabled:
        raise Invalid("userId", f"User {user.id} has no access by API: isApiEnabled gives it.")


class ListClients(Action):
    action: Literal["clients.list"]

    def run(self) -> list[dict[str, Any]]:
        return [_client(each) for each in credentials.clients_of(self.tenant)]


class RevokeClient(Action):
    action: Literal["clients.revoke"]
    clientId: ObjectId

    def run(self) -> dict[str, Any]:
        now = now_ms()
        told = self.told("client.revoke", "client", self.clientId, {}, {"revokedAt": now})
        revoked = credentials.revoke_client(self.clientId, self.tenant, now, [told])
        if revoked is None:
            raise Invalid("clientId", f"There is no client {self.clientId} in tenant {self.tenant}.")
        client, tokens = revoked
        return {"clientId": client.id, "revokedAt": client.revoked_at, "tokensRevoked": tokens}


class RunnerOf(BaseModel):
    """``functionName`` (of a type stateMachine: ``stateMachineName``) is of this account and region, and begins as the
    names that the stack's role may run.
    """

    model_config = ConfigDict(extra="forbid")
    type: Literal["lambda", "callback", "stateMachine", "sqs"] = "lambda"
    functionName: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_$-]{1,128})?$")] = ""
    stateMachineName: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}$")] = ""
    queueName: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}$")] = ""
    heartbeatSeconds: Annotated[int, Field(ge=10, le=86_400)] | None = None

    @model_validator(mode="after")
    def _may_be_run(self) -> RunnerOf:
        field = {"stateMachine": "stateMachineName", "sqs": "queueName"}.get(self.type, "functionName")
        names = {each: getattr(self, each) for each in ("functionName", "stateMachineName", "queueName")}
        name = names.pop(field)
        if not name or any(names.values()):
            raise ValueError(f"{field}: a runner of type {self.type} has this name, and no other")
        if self.heartbeatSeconds is not None and self.type not in ("callback", "sqs"):
            raise ValueError("heartbeatSeconds: only a worker that answers by task token gives signs of life")
        prefix = os.environ["WORKFLOW_FUNCTION_PREFIX"]
        if not name.startswith(prefix):
            raise ValueError(f"{field} must begin with {prefix!r}: Jobyard may run only what is named so")
        return self

    @property
    def arn(self) -> str:
        """Of this stack's own account and region, which its state machine's ARN tells."""
        _, partition, _, region, account, *_ = os.environ["STATE_MACHINE_ARN"].split(":")
        if self.type == "stateMachine":
            return f"arn:{partition}:states:{region}:{account}:stateMachine:{self.stateMachineName}"
        if self.type == "sqs":
            return f"arn:{partition}:sqs:{region}:{account}:{self.queueName}"
        return f"arn:{partition}:lambda:{region}:{account}:function:{self.functionName}"


class RetriesOf(BaseModel):
    """Work that failed is begun again after ``seconds``, then each time after ``rate`` times as long."""

    model_config = ConfigDict(extra="forbid")
    times: Annotated[int, Field(ge=1, le=20)]
    seconds: Annotated[int, Field(ge=1, le=3600)] = 10
    rate: Annotated[float, Field(ge=1, le=4)] = 2.0


class RegisterWorkflow(Action):
    action: Literal["workflows.register"]
    name: Name
    id: WorkflowId | None = None
    owner: ObjectId | None = None
    public: bool = True
    runner: RunnerOf
    settings: dict[str, Any] = Field(default_factory=dict)
    retries: RetriesOf | None = None
    timeLimitSeconds: Annotated[int, Field(ge=10, le=TIME_MOST_SECONDS)] | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> RegisterWorkflow:
        _demand_storable(self.settings, SETTINGS_DEEPEST)
        if len(json.dumps(self.settings).encode()) > SETTINGS_BYTES:
            raise ValueError(f"settings: at most {SETTINGS_BYTES} bytes of JSON are allowed")
        if not self.public and self.owner is None:
            raise ValueError("owner: a private workflow needs one, or nobody but administrators could run it")
        if self.retries is not None and self.runner.type == "stateMachine":
            # Its execution has the job's id for a name, and no second one can have it.
            raise ValueError("retries: a state machine tries its own states again")
        return self

    def run(self) -> dict[str, Any]:
        now = now_ms()
        workflow = Workflow(
            tenant=self.tenant,
            id=self.id or object_id(now),
            name=self.name,
            owner=self.owner or "",
            public=self.public,
            runner=Runner(self.runner.type, self.runner.arn, self.runner.heartbeatSeconds),
            retries=Retries(**self.retries.model_dump()) if self.retries else None,
            time_limit=self.timeLimitSeconds,
            settings=self.settings,
            created_at=now,
        )

        def told(before: Workflow | None) -> list[Write]:
            was, became = _workflow(before) if before else {}, _workflow(workflow)
            # What is in the settings is the workflow's own, and may be anything.
            shown = [{name: value for name, value in each.items() if name != "settings"} for each in (was, became)]
            return [self.told("workflow.register", "workflow", workflow.id, *shown)]

        workflows.put(workflow, told)
        return _workflow(workflow)


def _demand_storable(value: Any, deepest: int) -> None:
    """Raises ValueError for what the table cannot hold, or what is no JSON."""
    if isinstance(value, dict | list):
        if deepest == 0:
            raise ValueError(f"settings: at most {SETTINGS_DEEPEST} objects and lists within each other are allowed")
        if "" in value and isinstance(value, dict):
            raise ValueError("settings: a name is empty")
        for member in (*value, *value.values()) if isinstance(value, dict) else value:
            _demand_storable(member, deepest - 1)
    elif isinstance(value, str):
        if not value.isascii() and value != value.encode("utf-8", "replace").decode():
            raise ValueError("settings: a text has half of a surrogate pair")
    elif isinstance(value, int | float) and not (value == 0 or (math.isfinite(value) and 1e-130 < abs(value) < 1e38)):
        raise ValueError("settings: numbers between 1e-130 and 1e38 are allowed")


class ListWorkflows(Action):
    action: Literal["workflows.list"]

    def run(self) -> list[dict[str, Any]]:
        return [_workflow(each) for each in workflows.all_of(self.tenant)]


class ListQueues(Action):
    action: Literal["queues.list"]

    def run(self) -> list[dict[str, Any]]:
        return [_queue(each) for each in queue_store.all_of(self.tenant)]


class SetQueue(Action):
    """What is left out stays as it is; ``slots`` null, or ``unlimited``, is no limit."""

    action: Literal["queues.set"]
    tag: Annotated[str, StringConstraints(max_length=WORKER_TAG_LONGEST)] = ""
    slots: Annotated[int, Field(ge=0, le=SLOTS_MOST)] | None = None
    unlimited: bool = False
    paused: bool | None = None

    def run(self) -> dict[str, Any]:
        def told(before: Queue, after: Queue) -> list[Write]:
            return [self.told("queue.change", "queue", self.tag, *map(queues.settings, (before, after)))]

        return _queue(queues.set_queue(self.tenant, self.tag, self._changed, told))

    def _changed(self, queue: Queue) -> tuple[int | None, bool]:
        slots = self.slots if self.unlimited or "slots" in self.model_fields_set else queue.slots
        return slots, queue.paused if self.paused is None else self.paused


_ACTIONS: dict[str, type[Action]] = {
    "clients.create": CreateClient,
    "clients.list": ListClients,
    "clients.revoke": RevokeClient,
    "workflows.register": RegisterWorkflow,
    "workflows.list": ListWorkflows,
    "queues.list": ListQueues,
    "queues.set": SetQueue,
    **organisation.ACTIONS,
    **secrets.ACTIONS,
}


def manage(request: Any) -> dict[str, Any]:
    action = request.get("action") if isinstance(request, dict) else None
    known = _ACTIONS.get(action) if isinstance(action, str) else None
    if known is None:
        return _refused("action", f"must be one of {', '.join(_ACTIONS)}")
    try:
        return {"ok": True, "result": known.model_validate(request).run()}
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return _refused(".".join(map(str, first["loc"])) or None, first["msg"])
    except Invalid as error:
        return _refused(error.field, error.message)
    except Busy as error:
        return _refused(None, str(error))


def _refused(field: str | None, message: str) -> dict[str, Any]:
    return {"ok": False, "error": {"field": field, "message": message}}


def _client(client: ApiClient) -> dict[str, Any]:
    shown = {
        "clientId": client.id,
        "tenant": client.tenant,
        "userId": client.user_id,
        "name": client.name,
        "role": client.role,
        "createdAt": client.created_at,
    }
    return shown if client.revoked_at is None else shown | {"revokedAt": client.revoked_at}


def _queue(queue: Queue) -> dict[str, Any]:
    return {"tag": queue.tag, "slots": queue.slots, "paused": queue.paused, "running": queue.counted}


def _workflow(workflow: Workflow) -> dict[str, Any]:
    shown = {
        "id": workflow.id,
        "tenant": workflow.tenant,
        "name": workflow.name,
        "owner": workflow.owner,
        "public": workflow.public,
        "runner": {"type": workflow.runner.type, "arn": workflow.runner.arn}
        | ({"heartbeatSeconds": workflow.runner.heartbeat} if workflow.runner.heartbeat else {}),
        "settings": workflow.settings,
        "createdAt": workflow.created_at,
    }
    if workflow.retries is not None:
        shown["retries"] = workflow.retries._asdict()
    if workflow.time_limit is not None:
        shown["timeLimitSeconds"] = workflow.time_limit
    return shown
