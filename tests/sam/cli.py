"""`sam` as the tests call it: the project's own SAM CLI, its configuration for local use, an image that is there."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from local.processes import free_port
from local.template import ROOT
from tests.sam import seed
from tests.sam.stand import HOST_NAME

SAM = ROOT / "scripts" / "sam"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def _environment() -> dict[str, str]:
    """Nobody's credentials: they would go into the containers, and SAM would ask AWS whose they are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": seed.REGION,
        "SAM_CLI_TELEMETRY": "0",
    }


_IMAGE = """
import sys
from samcli.local.docker.lambda_image import LambdaImage, Runtime
print(f"{LambdaImage._INVOKE_REPO_PREFIX}/{Runtime.get_image_name_tag(*sys.argv[1:])}")
"""


class NoImage(Exception):
    """Functions cannot be run in containers here; the message says why."""


class Invocation(NamedTuple):
    """What a function returned, and what it and SAM wrote: its log, and the REPORT line."""

    payload: Any
    log: str

    @property
    def report(self) -> str:
        found = re.search(r"^REPORT RequestId: .*$", self.log, re.MULTILINE)
        return found[0] if found else ""


def ensure_image() -> None:
    """A container engine runs and has the image of Lambda's Python that SAM wants. Raises NoImage.

    Where there is none, JOBYARD_LAMBDA_IMAGE_TOOL names a script that makes it (and starts the engine), and without
    one it is pulled.
    """
    if not (ROOT / ".local" / "sam-env" / "bin" / "sam").exists():
        raise NoImage("SAM CLI is not installed: run `scripts/env sam`")
    if tool := os.environ.get("JOBYARD_LAMBDA_IMAGE_TOOL"):
        _need([tool], SAM=str(ROOT / ".local" / "sam-env" / "bin" / "sam"))
    _need(["docker", "info"])
    image = _need([ROOT / ".local" / "sam-env" / "bin" / "python", "-c", _IMAGE, "python3.13", ARCHITECTURE])
    with suppress(NoImage):
        _need(["docker", "image", "inspect", image])
        return
    _need(["docker", "pull", image])


def _need(command: list[str | Path], **environment: str) -> str:
    """The last line of what `command` prints. NoImage, with the last line of its complaint, where it fails."""
    try:
        done = subprocess.run(
            command, env=os.environ | environment, capture_output=True, text=True, timeout=600, check=False
        )
    except OSError as error:
        raise NoImage(str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise NoImage(f"`{command[0]}` took too long") from error
    lines = (done.stderr if done.returncode else done.stdout).strip().splitlines() or [""]
    if done.returncode:
        raise NoImage(f"`{' '.join(map(str, command[:2]))}` failed: {lines[-1]}")
    return lines[-1]


def build(folder: Path) -> Path:
    """Build all functions and layers; returns the built template."""
    command: list[str | Path] = [SAM, "build", "--config-env", "local", "--no-cached", "--build-dir", folder / "build"]
    done = subprocess.run(
        [*command, "--parameter-overrides", f"Architecture={ARCHITECTURE}"],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build" / "template.yaml"


def _options(template: Path, env_vars: Path) -> list[str | Path]:
    return [
        *("--config-file", ROOT / "samconfig.toml", "--config-env", "local"),
        *("--template", template, "--env-vars", env_vars, "--parameter-overrides", f"Architecture={ARCHITECTURE}"),
        *("--add-host", f"{HOST_NAME}:host-gateway", "--region", seed.REGION, "--skip-pull-image"),
    ]


def invoke(template: Path, env_vars: Path, function: str, event: Path) -> Invocation:
    """`sam local invoke` of one function with one event."""
    done = subprocess.run(
        [SAM, "local", "invoke", function, "--event", event, *_options(template, env_vars)],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Invocation(json.loads(done.stdout.strip().splitlines()[-1]), done.stderr)


@contextmanager
def api(template: Path, env_vars: Path, log: Path) -> Iterator[str]:
    """`sam local start-api`, for as long as the context lasts; its base URL."""
    port = free_port()
    # Where it is ignored here, as in a shell's background, the child would ignore it too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [SAM, "local", "start-api", "--port", str(port), *_options(template, env_vars)],
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    signal.signal(signal.SIGINT, before)
    try:
        _wait(process, f"http://127.0.0.1:{port}/", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        # Not SIGTERM: it would leave the containers.
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())
