"""The local AWS: MiniStack in a process of its own, in an environment that nothing of the user's leaks into."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

from local.errors import LocalError
from local.processes import free_port, stop, wait_for_port
from local.template import ROOT

REGION = "us-east-1"
# The engine takes any credentials; twelve digits would name an account.
ACCESS_KEY_ID = SECRET_ACCESS_KEY = "test"

_PYTHON = ROOT / ".local" / "engine-env" / "bin" / "python"

LogLine = Callable[[str, str], None]
"""Called with a function's name and one line that it wrote, from another thread."""


class Engine:
    """A context in which a fresh, empty AWS answers at `endpoint`. `folder` gets its log and the functions'."""

    def __init__(self, folder: Path, on_log: LogLine | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log = folder / "engine.log"
        self._on_log = on_log
        self._temporary = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        if not _PYTHON.exists():
            raise LocalError("The engine's environment is not there: run `make env`")
        self.folder.mkdir(parents=True, exist_ok=True)
        # Unpacked functions and layers. If we are killed, the engine removes it (engine_entry.end_with_parent).
        self._temporary = Path(tempfile.mkdtemp(prefix="jobyard-engine-"))
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                # -P: the folder of the script has modules whose names the engine may want for its own.
                [_PYTHON, "-P", Path(__file__).with_name("engine_entry.py")],
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # Ctrl-C is for us: the engine is ended when we have done with it.
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        try:
            wait_for_port(self._process, self.port, self.log, "MiniStack", seconds=60)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def client(self, service: str) -> Any:
        """A boto3 client of the engine."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            config=Config(retries={"mode": "standard", "total_max_attempts": 2}, read_timeout=120),
        )

    def _environment(self) -> dict[str, str]:
        """All that the engine sees, and with it every function that it runs."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
        return kept | {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "BIND_HOST": "127.0.0.1",
            # Else it looks for containers of its own to remove, in an engine that is the user's.
            "DOCKER_HOST": "unix:///nonexistent",
            "GATEWAY_PORT": str(self.port),
            "HOME": str(self._temporary),
            # Its other listeners have fixed ports.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # A function that is called twice an hour should not start cold each time.
            "LAMBDA_WARM_TTL_SECONDS": "3600",
            "MINISTACK_REGION": REGION,
            "PYTHONUNBUFFERED": "1",
            "STATE_DIR": str(self._temporary / "state"),
            "TMPDIR": str(self._temporary),
        }

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout
        with (self.folder / "functions.log").open("w", encoding="utf-8") as file:
            for raw in process.stdout:
                line = raw.decode(errors="replace").rstrip("\n")
                try:
                    told = json.loads(line)
                    function, text = str(told["function"]), str(told["line"])
                except (ValueError, KeyError, TypeError):
                    continue
                file.write(f"{function} {text}\n")
                file.flush()
                if self._on_log:
                    self._on_log(function, text)

    def _stop(self) -> None:
        if self._process:
            # It has nothing to save, and would wait for whatever still runs in it.
            stop(self._process, seconds=0.5)
            if self._reader:
                self._reader.join(5)
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()
        shutil.rmtree(self._temporary, ignore_errors=True)
