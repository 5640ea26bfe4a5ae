"""`make run`: Jobyard on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from jobyard_cli.manage import ManageError
from local import schedules
from local.errors import LocalError
from local.logs import function_names, readable
from local.stack import LocalStack
from local.template import ROOT
from local.tour import Tour

PORT = 8787
CONFIG = ROOT / ".local" / "jobyard.json"


class _Ended(BaseException):
    """Ctrl-C, or a polite request to end. No Exception, of which libraries on the way make something else, or retry."""


class Terminal:
    """Progress and log lines, one at a time, from whichever thread. No log lines once it has ``ended``: what a function
    says of an AWS that is being shut down under it is news to nobody.
    """

    def __init__(self, ended: threading.Event) -> None:
        self._ended = ended
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.names: dict[str, str] = {}

    def say(self, text: str) -> None:
        with self._lock:
            print(text, flush=True)

    def progress(self, text: str) -> None:
        self.say(f"[{time.monotonic() - self._started:5.1f}s] {text}")

    def log(self, function: str, line: str) -> None:
        shown = readable(self.names.get(function, function), line, clock=time.strftime("%H:%M:%S"), colour=self._colour)
        if shown and not self._ended.is_set():
            self.say(shown)


def welcome(stack: LocalStack) -> str:
    alteryx = stack.config["alteryx"]
    width = max(len(each["name"]) for each in stack.demo.clients.values())
    clients = "\n".join(
        f"  {key:<7} {made['name']:<{width}}  {made['role']:<8} client_id={made['clientId']}  "
        f"client_secret={made['clientSecret']}"
        for key, made in stack.demo.clients.items()
    )
    admin, openreplay, tencent = alteryx["admin"], stack.config["openreplay"], stack.config["tencent"]
    tencent_domain = tencent["endpoint"].removeprefix("http://")
    return f"""
Jobyard is ready.

  base URL   {alteryx["base_url"]}
  token URL  {alteryx["token_url"]}
  workflow   {alteryx["workflow_id"]}  (profile: a CSV in, its column profile out)
  input      {alteryx["input_uri"]}
  AWS        {stack.engine.endpoint}  (any credentials, {stack.config["aws"]["region_name"]})
{clients}
  All of this is in {_short(stack)}; `.venv/bin/jobyard --help` makes more clients and workflows.

To try it, paste into another terminal, block by block. A token:

  BASE={alteryx["base_url"]}
  TOKEN=$(curl -s $BASE/oauth2/token -u {admin["client_id"]}:{admin["client_secret"]} \\
    -d grant_type=client_credentials | python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')

Submit a job:

  JOB=$(curl -s $BASE/v3/workflows/{alteryx["workflow_id"]}/jobs \\
    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{{"questions": [{{"name": "input", "value": "{alteryx["input_uri"]}"}}]}}' \\
    | python3 -c 'import json,sys; print(json.load(sys.stdin)["id"])'); echo $JOB

Look at it until it is completed, and at its messages:

  curl -s $BASE/v3/jobs/$JOB -H "Authorization: Bearer $TOKEN"
  curl -s $BASE/v3/jobs/$JOB/messages -H "Authorization: Bearer $TOKEN"

Download its first output:

  OUTPUT=$(curl -s $BASE/v3/jobs/$JOB -H "Authorization: Bearer $TOKEN" \\
    | python3 -c 'import json,sys; print(json.load(sys.stdin)["outputs"][0]["id"])')
  curl -sL $BASE/v1/jobs/$JOB/output/$OUTPUT -H "Authorization: Bearer $TOKEN"

Cancel another one while it runs (its input is long), and see it stay cancelled:

  JOB=$(curl -s $BASE/v3/workflows/{alteryx["workflow_id"]}/jobs \\
    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{{"questions": [{{"name": "input", "value": "{alteryx["long_input_uri"]}"}}]}}' \\
    | python3 -c 'import json,sys; print(json.load(sys.stdin)["id"])'); echo $JOB
  sleep 3; curl -s -X DELETE $BASE/v3/jobs/$JOB -H "Authorization: Bearer $TOKEN"
  curl -s $BASE/v3/jobs/$JOB -H "Authorization: Bearer $TOKEN"

{schedules.shown(alteryx)}
The same yard in OpenReplay's dialect: have a user's data erased from the next midnight (UTC) on, and list such jobs.

  PROJECT={openreplay["base_url"]}/public/{openreplay["project_key"]}
  curl -s -X DELETE $PROJECT/users/{openreplay["user_id"]} -H 'Authorization: Bearer {openreplay["api_key"]}'
  curl -s $PROJECT/jobs -H 'Authorization: Bearer {openreplay["api_key"]}'

And in Tencent's: look at every object under a prefix, with the vendor's own client (cos-python-sdk-v5, in .venv).

  .venv/bin/python - <<'PYTHON'
  from qcloud_cos import CosConfig, CosS3Client
  client = CosS3Client(CosConfig(Region="{tencent["region"]}", Scheme="http", Domain="{tencent_domain}",
                                 SecretId="{tencent["secret_id"]}", SecretKey="{tencent["secret_key"]}"))
  job = dict(Name="demo", Input=dict(Prefix="input/"), Operation=dict(WorkflowIds="{tencent["workflow_id"]}"))
  print(client.ci_create_inventory_trigger_jobs(Bucket="{tencent["bucket"]}", JobBody=job))
  PYTHON

The functions' logs follow. Ctrl-C ends it.
"""


def _short(stack: LocalStack) -> str:
    path = stack.config_file
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    # Once: what follows is the clean-up, which a second Ctrl-C should not break off half-way.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise _Ended(signal.Signals(number).name)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description="Jobyard on this machine, until Ctrl-C.")
    parser.add_argument("--port", type=int, default=PORT, help="of the front, on 127.0.0.1 (default: %(default)s)")
    parser.add_argument(
        "--config", type=Path, default=CONFIG, help="the file that tells scripts where it is (default: %(default)s)"
    )
    parser.add_argument(
        "--no-tour", action="store_true", help="show no queue, schedule and shared collection, and run nothing unasked"
    )
    arguments = parser.parse_args()
    if not 0 <= arguments.port <= 65535:
        parser.error("a port is a number up to 65535; 0 takes a free one")
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _end)
    ended = threading.Event()
    terminal = Terminal(ended)
    stack = LocalStack(
        ROOT / ".local" / f"run-{arguments.port}",
        port=arguments.port,
        config_file=arguments.config,
        progress=terminal.progress,
        on_log=terminal.log,
    )
    try:
        with stack:
            terminal.names = function_names(stack.deployment)
            terminal.say(welcome(stack))
            if not arguments.no_tour:
                Tour(stack.config["alteryx"], terminal.progress, ended).start()
            try:
                while stack.engine.running:
                    time.sleep(0.5)
            finally:
                ended.set()
            raise LocalError(f"The local AWS ended by itself; its log is {stack.engine.log}")
    except _Ended:
        terminal.say("\nEnded.")
        return 0
    except (LocalError, ManageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
