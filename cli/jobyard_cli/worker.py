"""`jobyard worker`: takes jobs from an SQS queue, and runs a command for each, in any language."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobyard.runner import Job

# The checkout that this command is part of has the library that workers on other machines install.
_LIBRARY = Path(__file__).resolve().parents[2] / "layers" / "jobyard"
_LOOK_SECONDS = 5.0
_GRACE_SECONDS = 10.0


def work(environment: Mapping[str, str], queue: str, command: Sequence[str], *, once: bool = False) -> str:
    """Run ``command`` for each job of the queue of this name, until it is interrupted; with ``once`` for one job.

    The command has the job as JSON on its standard input. Each line that it writes is a message on the job, each file
    that it leaves in the folder ``JOBYARD_OUTPUTS`` an output. Exit code 0 completes the job, any other fails it, and
    after a cancel it is asked to end by SIGTERM.
    """
    os.environ.update(environment)
    sys.path.append(str(_LIBRARY))
    from jobyard import runner
    from jobyard.aws import client

    url = client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
    done = 0
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())

    def counted(job: Job) -> None:
        nonlocal done
        done += 1
        run(job, command)

    with suppress(KeyboardInterrupt):
        runner.work(url, runner.job(counted), stop=lambda: stopping.is_set() or (once and done > 0))
    return f"{done} jobs."


def run(job: Job, command: Sequence[str]) -> None:
    """Raises ``Failed`` where the command does, ``Cancelled`` where the job was cancelled."""
    from jobyard import runner

    # The token ends the job: it is the worker's, and no business of the command.
    given = {name: value for name, value in job.ticket.items() if name != "taskToken"}
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [*command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=os.environ | {"JOBYARD_OUTPUTS": folder},
        )
        telling = threading.Thread(target=_tell, args=(job, process))
        telling.start()
        try:
            _give(process, given)
            while _still_runs(process):
                job.heartbeat()
        except BaseException:
            process.terminate()
            _end(process)
            raise
        finally:
            telling.join()
        if process.returncode:
            raise runner.Failed(f"The command ended with exit code {process.returncode}.")
        for path in sorted(Path(folder).iterdir()):
            job.attach(path.name, path)


def _give(process: subprocess.Popen[str], given: Any) -> None:
    assert process.stdin
    try:
        with process.stdin as pipe:
            json.dump(given, pipe)
    except BrokenPipeError:
        pass  # a command need not read it


def _tell(job: Job, process: subprocess.Popen[str]) -> None:
    assert process.stdout
    with process.stdout as lines:
        for line in lines:
            if line.strip():
                job.log(line.rstrip("\n"))


def _still_runs(process: subprocess.Popen[str]) -> bool:
    try:
        process.wait(_LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def _end(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
