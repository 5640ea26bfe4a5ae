"""All of Jobyard on this machine, as a context: the engine, the real template in it, demo data, and the front."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local import demo
from local.deployment import Deployment, deploy
from local.engine import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Engine, LogLine
from local.front import Front

STACK_NAME = "jobyard"


def _silent(message: str) -> None:
    del message


class LocalStack:
    """Any number may stand at once. `folder` gets the logs, and `config_file` (by default in `folder`) tells scripts
    where it is for as long as it stands.

    `port`: of the front; 0 takes a free one. LocalError where something on this machine prevents the start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        config_file: Path | None = None,
        parameters: Mapping[str, str] | None = None,
        progress: Callable[[str], None] = _silent,
        on_log: LogLine | None = None,
    ) -> None:
        self.config_file = config_file or folder / "jobyard.json"
        self.engine = Engine(folder, on_log)
        self.demo: demo.Demo
        self.deployment: Deployment
        self.config: dict[str, Any]
        self.base_url: str
        self._port = port
        self._parameters = {"DeletionProtection": "false"} | dict(parameters or {})
        self._progress = progress
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            # First, because a port that is taken should be told at once.
            front = opening.enter_context(Front(self._port))
            self.base_url = front.url
            self._progress("Starting the local AWS (MiniStack)")
            opening.enter_context(self.engine)
            self.deployment = deploy(self.engine, STACK_NAME, self._parameters, self._progress)
            front.to(self.engine.endpoint, self.deployment.outputs["ApiId"])
            self._progress("Creating demo clients, workflows and their inputs")
            self.demo = demo.seed(self.engine, self.deployment)
            self.config = self._config()
            opening.enter_context(self._told())
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def outputs(self) -> Mapping[str, str]:
        return self.deployment.outputs

    def client(self, service: str) -> Any:
        """A boto3 client of the AWS in which the stack stands."""
        return self.engine.client(service)

    @contextmanager
    def _told(self) -> Iterator[None]:
        text = json.dumps(self.config, indent=2) + "\n"
        self.config_file.parent.mkdir(parents=True, exist_ok=True)
        self.config_file.write_text(text, encoding="utf-8")
        yield
        # Another run of the same checkout, on another port, may have told its own since.
        with suppress(FileNotFoundError):
            if self.config_file.read_text(encoding="utf-8") == text:
                self.config_file.unlink()

    def _config(self) -> dict[str, Any]:
        clients = {
            key: {"client_id": made["clientId"], "client_secret": made["clientSecret"], "user_id": made["userId"]}
            for key, made in self.demo.clients.items()
        }
        return {
            "alteryx": {
                "base_url": f"{self.base_url}/webapi",
                "token_url": f"{self.base_url}/webapi/oauth2/token",
                **clients,
                "workflow_id": self.demo.workflow_id,
                "input_uri": self.demo.input_uri,
                "long_input_uri": self.demo.long_input_uri,
            },
            "openreplay": {
                "base_url": self.base_url,
                "api_key": self.demo.openreplay.api_key,
                "project_key": self.demo.openreplay.project_key,
                "project_id": self.demo.openreplay.project_id,
                "user_id": demo.ERASABLE_USER,
            },
            "tencent": {
                "endpoint": self.base_url,
                "region": demo.REGION,
                "bucket": demo.BUCKET,
                "secret_id": self.demo.tencent.secret_id,
                "secret_key": self.demo.tencent.secret_key,
                "workflow_id": demo.INVENTORY_ID,
            },
            "tenant": demo.TENANT,
            "aws": {
                "endpoint_url": self.engine.endpoint,
                "region_name": REGION,
                "aws_access_key_id": ACCESS_KEY_ID,
                "aws_secret_access_key": SECRET_ACCESS_KEY,
            },
            "stack": {"name": STACK_NAME, "outputs": dict(self.outputs)},
        }
