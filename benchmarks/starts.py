"""`python -m benchmarks.starts`: what cold starts and warm answers cost, in instructions, beside the usual way.

Counts each endpoint's first answer in a process of its own, with the layer as it is deployed, against Amazon's DynamoDB
Local on 127.0.0.1; and in the same run the references of `benchmarks/handlers`, made of the same packages. Needs
valgrind.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import replace
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks import ablations, packed, starts_report
from benchmarks.measured import Function, Machine, Timed
from benchmarks.progress import say
from benchmarks.starts_report import COLD, WARM, Counted
from jobyard.aws import client
from jobyard.store import jobs, running
from local.dynamodb import running as dynamodb_local
from local.errors import LocalError
from local.template import ROOT
from tests.sam import seed

COMMITTED = Path(__file__).with_name("starts.json")
MESSAGES, JOBS = 20, 60
TOLERANCE = 0.03
_AT_ONCE = 2
_ROUNDS = 5
_EXPECTS = {
    "get": f"Read {MESSAGES - 1} thousand rows.",
    "list": '"pageSize":50',
    "messages": f"Read {MESSAGES - 1} thousand rows.",
    "cancel": "Cancelled",
    "submit": '"status":"Queued"',
}


@contextmanager
def world() -> Iterator[dict[str, str]]:
    """DynamoDB Local with the jobs that the sample events speak of; the environment of a function that asks it."""
    with dynamodb_local() as endpoint:
        seed.fill(endpoint, everything=False)
        environment = seed.ENVIRONMENT | {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": seed.REGION,
            "RETENTION_DAYS": "30",
            "POWERTOOLS_SERVICE_NAME": "jobyard",
            "POWERTOOLS_METRICS_NAMESPACE": "Jobyard",
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "AWS_LAMBDA_FUNCTION_NAME": "measured",
            "LIST": f"alteryx#{seed.TENANT}#",
            # By these Powertools' tracer knows that it is on Lambda; its daemon is spoken to by UDP, and is not here.
            "LAMBDA_TASK_ROOT": "/var/task",
            "_X_AMZN_TRACE_ID": "Root=1-68f0c0e3-5a6f1b2c3d4e5f6071829304;Parent=53995c3f42cd8ad8;Sampled=1",
            "AWS_XRAY_CONTEXT_MISSING": "IGNORE_ERROR",
        }
        with patch.dict(os.environ, environment):
            client.cache_clear()
            for number in range(MESSAGES):
                key = (seed.CREATED_MS + 2000 + number, number, "00000000")
                running.put_message(
                    seed.TENANT, seed.COMPLETED_JOB, key, 1, f"Read {number} thousand rows.", -1, seed.NEVER_S
                )
            made = [replace(seed.sample_job(seed.RUNNING_JOB), id=_running_job(number)) for number in range(JOBS)]
            for job in made:
                jobs.put(job)
            seed.count_jobs(job.id for job in made)
            client.cache_clear()
        yield environment


def _running_job(number: int) -> str:
    return f"68f0c0de{number:016d}"


class Bench:
    """The functions, and what is asked of them."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.machine = Machine(folder, environment)
        self.layer = packed.layer(folder)
        self._not_cancelled = count()

    def function(self, name: str, layer: Path | None = None) -> Function:
        event = _event(name)
        if name == "cancel":
            event = _with_id(event, _running_job(next(self._not_cancelled)))
        return Function((ROOT / "functions" / name, layer or self.layer), event, _EXPECTS[name])

    def reference(self, way: str, name: str) -> Function:
        folder = packed.usual() if way == "usual" else packed.HANDLERS / way
        return Function((folder,), _event(name), "" if way == "bare" else _MARKS[name])

    def cold(self, name: str) -> int:
        return self.machine.cold(self.function(name))

    def warm(self, name: str) -> int:
        return self.machine.warm(self.function(name))


_MARKS = {"get": f"Read {MESSAGES - 1} thousand rows.", "list": seed.WORKFLOW_NAME, "submit": '"queued"'}


def _event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    if name == "list":
        query = {"allUsers": "true", "limit": "50"}
        event["rawQueryString"] = "&".join(f"{key}={value}" for key, value in query.items())
        event["queryStringParameters"] = query
    return event


def _with_id(event: dict[str, Any], id: str) -> dict[str, Any]:
    text = json.dumps(event).replace(event["pathParameters"]["jobId"], id)
    changed: dict[str, Any] = json.loads(text)
    return changed


def counts(bench: Bench) -> dict[str, int]:
    """Instructions of the endpoints, cold and warm."""
    tasks = {f"cold {name}": (bench.cold, name) for name in COLD} | {
        f"warm {name}": (bench.warm, name) for name in WARM
    }
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        due = {what: pool.submit(ask, name) for what, (ask, name) in tasks.items()}
        return {what: _told(what, each.result()) for what, each in due.items()}


def references(bench: Bench) -> dict[str, int]:
    asked = [(way, name) for way in ("usual", "floor") for name in WARM] + [("usual", "submit"), ("bare", "get")]
    tasks = {f"cold {way} {name}": (bench.machine.cold, bench.reference(way, name)) for way, name in asked}
    tasks |= {f"warm {way} {name}": (bench.machine.warm, bench.reference(way, name)) for way, name in asked[:4]}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        due = {what: pool.submit(ask, function) for what, (ask, function) in tasks.items()}
        return {what: _told(what, each.result()) for what, each in due.items()}


def _told(what: str, number: int) -> int:
    say(f"{what}: {number / 1e6:,.1f} million instructions")
    return number


def timings(bench: Bench) -> dict[str, Timed]:
    """Medians, of as many rounds through all of them: what the machine does besides meets all alike."""
    rounds: dict[str, list[Timed]] = {}
    for _ in range(_ROUNDS):
        for name in ("get", "list", "messages", "submit"):
            rounds.setdefault(name, []).append(bench.machine.timed(bench.function(name)))
        for way, name in (("usual", "get"), ("usual", "list"), ("floor", "get"), ("floor", "list"), ("bare", "get")):
            rounds.setdefault(f"{way} {name}", []).append(bench.machine.timed(bench.reference(way, name)))
    return {
        what: Timed(*(sorted(part)[_ROUNDS // 2] for part in zip(*each, strict=True))) for what, each in rounds.items()
    }


def check(found: Mapping[str, int]) -> list[str]:
    """What is worse than what is committed, by more than ``TOLERANCE``; or better, which is then to be committed."""
    committed = Counted.read(COMMITTED)
    if committed.interpreter != starts_report.interpreter():
        say(f"Not compared: what is committed was counted with {committed.interpreter}.")
        return []
    return [
        f"{what}: {number / 1e6:,.1f} million instructions where {committed.counts[what] / 1e6:,.1f} are committed"
        for what, number in found.items()
        if abs(number / committed.counts[what] - 1) > TOLERANCE
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.starts", description=__doc__.partition("\n\n")[2])
    wish = parser.add_mutually_exclusive_group()
    wish.add_argument(
        "--check", action="store_true", help=f"compare the endpoints with {COMMITTED.name}, and fail at 3 %%"
    )
    wish.add_argument("--write", action="store_true", help="measure everything, and write benchmarks/README.md")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if args.check and not shutil.which("valgrind"):
        print("Not compared: valgrind, which counts the instructions, is not on PATH.")
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="jobyard-bench-") as scratch, world() as environment:
            bench = Bench(Path(scratch), environment)
            if args.check:
                return _checked(bench)
            return _measured(bench, Path(scratch), write=args.write)
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Ended.", file=sys.stderr)
        return 130


def _checked(bench: Bench) -> int:
    worse = check(counts(bench))
    for each in worse:
        print(each)
    if worse:
        print("Where that is meant: `make bench`, and commit what it writes. Else: what does the endpoint load now?")
    return int(bool(worse))


def _measured(bench: Bench, scratch: Path, *, write: bool) -> int:
    where = starts_report.where()
    timed = timings(bench)
    counted = Counted(
        where=where,
        interpreter=starts_report.interpreter(),
        counts=counts(bench),
        references=references(bench),
        timed=timed,
        layer_mb=packed.zipped_mb(bench.layer),
        pays=ablations.measured(bench, scratch),
    )
    page = starts_report.rendered(counted)
    print(page)
    if write:
        counted.write(COMMITTED)
        starts_report.write(page)
    broken = starts_report.broken(counted)
    for each in broken:
        print(each, file=sys.stderr)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
