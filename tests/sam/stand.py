"""What stands behind the functions in their containers: DynamoDB Local, and the local AWS for those that need more.

Both listen on this machine's loopback interface, where no container reaches them, so each is relayed to the address
that Docker's bridge has here. `sam local --add-host host.docker.internal:host-gateway` names it in the containers.
"""

from __future__ import annotations

import json
import select
import socket
import socketserver
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from local import dynamodb
from local.engine import Engine
from tests.sam import seed

HOST_NAME = "host.docker.internal"

NEED_MORE_THAN_THE_TABLE = (
    "DriveFunction",
    "SettleFunction",
    "ReconcileFunction",
    "ProfileFunction",
    "EraseFunction",
    "InventoryFunction",
    "InventoryStepsFunction",
)
"""Functions that call Step Functions or S3. (The output function signs a link and calls nobody.)"""


class Stand(NamedTuple):
    """`environment` is what `sam local --env-vars` takes."""

    dynamodb_endpoint: str
    engine: Engine
    environment: dict[str, dict[str, str]]

    def seed(self) -> None:
        """Everything as events/*.json expect it, whatever ran before."""
        reset = urllib.request.Request(self.engine.endpoint + "/_ministack/reset", method="POST")
        with urllib.request.urlopen(reset, timeout=60):
            pass
        seed.fill(self.dynamodb_endpoint, everything=False, kms=self.engine.endpoint)
        seed.fill(self.engine.endpoint, everything=True)


@contextmanager
def standing(folder: Path) -> Iterator[Stand]:
    """LocalError where one of the two cannot be started."""
    with ExitStack() as stack:
        table = stack.enter_context(dynamodb.running())
        engine = stack.enter_context(Engine(folder))
        inside = [stack.enter_context(_relayed(endpoint)) for endpoint in (table, engine.endpoint)]
        yield Stand(table, engine, environment(*inside))


def environment(table_endpoint: str, aws_endpoint: str) -> dict[str, dict[str, str]]:
    common = {
        "TABLE_NAME": seed.TABLE,
        "BUCKET_NAME": seed.BUCKET,
        "STATE_MACHINE_ARN": seed.STATE_MACHINE_ARN,
        "WORKFLOW_FUNCTION_PREFIX": seed.WORKFLOW_FUNCTION_PREFIX,
        "SECRETS_KEY_ARN": seed.SECRETS_KEY,
        "AWS_ENDPOINT_URL": table_endpoint,
        "AWS_ENDPOINT_URL_KMS": aws_endpoint,
    }
    return {"Parameters": common} | {name: {"AWS_ENDPOINT_URL": aws_endpoint} for name in NEED_MORE_THAN_THE_TABLE}


@contextmanager
def _relayed(endpoint: str) -> Iterator[str]:
    """A URL under which containers reach `endpoint`, a port of our loopback interface."""
    port = urlsplit(endpoint).port
    address = _bridge_address()
    if address is None:
        yield f"http://{HOST_NAME}:{port}"
        return

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as server:
                others = {self.request: server, server: self.request}
                while True:
                    for ready in select.select(list(others), [], [])[0]:
                        data = ready.recv(65536)
                        if not data:
                            return
                        others[ready].sendall(data)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server((address, 0), Relay) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST_NAME}:{server.server_address[1]}"
        server.shutdown()


def _bridge_address() -> str | None:
    """Docker's bridge on this machine. None where Docker has a machine of its own that leads to our loopback."""
    gateway = "{{(index .IPAM.Config 0).Gateway}}"
    told = subprocess.run(
        ["docker", "network", "inspect", "bridge", "--format", gateway], capture_output=True, text=True, check=True
    ).stdout.strip()
    try:
        with socket.socket() as probe:
            probe.bind((told, 0))
    except OSError:
        return None
    return told


def write_environment(environment: dict[str, dict[str, str]], path: Path) -> Path:
    path.write_text(json.dumps(environment, indent=2) + "\n", encoding="utf-8")
    return path
