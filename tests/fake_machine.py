"""Step Functions as far as jobyard.lifecycle asks of it: executions by name, that run until they are told to end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NoReturn

from botocore.exceptions import ClientError

from jobyard.model.ids import now_ms


class FakeMachine:
    def __init__(self) -> None:
        self.executions: dict[str, dict[str, Any]] = {}
        self.refuse: dict[str, str] = {}
        """Error code by operation, or by operation and execution's name (``stop_execution abc``)."""
        self.calls: list[str] = []

    def put(self, name: str, status: str = "RUNNING", began_at: int = 0, **more: Any) -> None:
        tenant = more.pop("tenant", "acme")
        given = more.pop("input", json.dumps({"jobId": name, "tenant": tenant}))
        began = datetime.fromtimestamp(began_at / 1000, UTC)
        self.executions[name] = {"name": name, "status": status, "input": given, "startDate": began, **more}

    def status(self, name: str) -> str | None:
        found = self.executions.get(name)
        return found["status"] if found else None

    def start_execution(self, **asked: str) -> dict[str, Any]:
        name = self._called("start_execution", asked["name"])
        if name in self.executions:
            self._raise("ExecutionAlreadyExists")
        self.put(name, began_at=now_ms(), input=asked["input"])
        return {}

    def send_task_success(self, **asked: str) -> dict[str, Any]:
        """Executions wait with their name for a token."""
        name = self._called("send_task_success", asked["taskToken"])
        if self.status(name) != "RUNNING":
            self._raise("TaskTimedOut")
        return {}

    def stop_execution(self, **asked: str) -> dict[str, Any]:
        name = self._called("stop_execution", asked["executionArn"])
        if name not in self.executions:
            self._raise("ExecutionDoesNotExist")
        if self.executions[name]["status"] == "RUNNING":
            self.executions[name] |= {"status": "ABORTED", "cause": asked["cause"]}
        return {}

    def describe_execution(self, **asked: str) -> dict[str, Any]:
        name = self._called("describe_execution", asked["executionArn"])
        if name not in self.executions:
            self._raise("ExecutionDoesNotExist")
        return self.executions[name]

    def get_paginator(self, operation: str) -> FakeMachine:
        assert operation == "list_executions"
        return self

    def paginate(self, **asked: str) -> list[dict[str, Any]]:
        self._called("list_executions", "")
        return [{"executions": [each for each in self.executions.values() if each["status"] == asked["statusFilter"]]}]

    def _called(self, operation: str, arn: str) -> str:
        name = arn.rpartition(":")[2]
        self.calls.append(f"{operation} {name}".strip())
        for key in (operation, f"{operation} {name}"):
            if key in self.refuse:
                self._raise(self.refuse[key])
        return name

    @staticmethod
    def _raise(code: str) -> NoReturn:
        raise ClientError({"Error": {"Code": code, "Message": f"it said {code}"}}, "Fake")
