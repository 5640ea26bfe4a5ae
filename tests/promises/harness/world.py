"""All of Jobyard in this process, and AWS around it, moved by the test: nothing happens that the test does not do.

The endpoints answer as behind the gateway (``tests.contract.api.call``). The table and its stream are DynamoDB's; the
machine carries out the deployed definition. ``rest`` lets everything happen that is still to come, as time would.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse

from jobyard.authorizer import bearer, signed
from jobyard.model import TERMINAL, Job, Status
from jobyard.model.ids import now_ms
from jobyard.store import counts
from jobyard.store.items import plain_item
from jobyard.store.lifecycle import live_jobs
from jobyard.store.records import JOB, job_of
from local import dynamodb
from tests.contract.api import CONTEXT, _handler
from tests.contract.yard import Clock, Yard
from tests.fake_scheduler import FakeScheduler
from tests.plain import parsing_plainly
from tests.promises.harness import keys, scheduler
from tests.promises.harness.counted import assert_counted
from tests.promises.harness.machine import Machine
from tests.promises.harness.stream import Stream
from tests.promises.harness.wire import Answer, Call, Died, Service, Wire, failure
from tests.transformed import count_is_told, drive_is_told

GRACE_SECONDS = 61.0
"""After which reconcile looks at a job that nothing moves."""

_ROUNDS = 40
_ASYNCHRONOUS_TRIES = 3
"""Of an event, by Lambda; then it goes to the dead-letter queue."""

Work = Callable[[str], None]
"""What a workflow's function does with the execution of this name, which waits for it."""


class Stuck(AssertionError):
    """Something is still to come after all the rounds in which it could have."""


class World:
    def __init__(self, yard: Yard, wire: Wire, machine: Machine, stream: Stream, clock: Clock) -> None:
        self.yard, self.wire, self.machine, self.stream, self.clock = yard, wire, machine, stream, clock
        self.scheduler = FakeScheduler()
        self.work: Work = self.machine.finish
        self.undelivered: list[dict[str, Any]] = []
        """Records of the stream that drive has not taken yet, in order."""
        self.uncounted: list[dict[str, Any]] = []
        """Those that count has not taken yet."""
        self.survives: tuple[type[BaseException], ...] = (Died,)
        """What may end an invocation, so that AWS makes another; whatever else ends one, the test hears of."""
        self.births: list[Callable[[], None]] = []
        """Called when a process begins in place of one that died."""

    def clear(self) -> None:
        """As it was before the first job; clients and workflows stay."""
        for kind in (
            "JOB#",
            "QUEUE#",
            "IDEMPOTENCY#",
            "SOLE#",
            "COUNTER#jobs",
            "LISTED#",
            "COUNT#",
            "HOURS#",
            counts.LISTS,
        ):
            self.remove(self.yard.items(kind))
        self.hear()
        self.undelivered.clear()
        self.uncounted.clear()
        counts.forget()
        self.machine.executions.clear()
        self.machine.ended.clear()
        bearer.forget()
        signed.forget()

    def remove(self, items: Iterable[dict[str, Any]]) -> None:
        """As DynamoDB itself does once their time is over: they are gone, and the stream has their removal."""
        for each in items:
            self.yard._dynamodb.delete_item(TableName=self.yard.table, Key={"pk": each["pk"], "sk": each["sk"]})

    # The functions, as AWS calls them.

    def drive(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Deliver a batch; the records that Lambda would deliver again."""
        answer = self.invoke("drive", {"Records": records})
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        for place, record in enumerate(records):
            if record["dynamodb"]["SequenceNumber"] in failed:
                return records[place:]
        return []

    def count(self, records: list[dict[str, Any]]) -> None:
        self.invoke("count", {"Records": records})

    def settle(self, event: dict[str, Any]) -> None:
        self.invoke("settle", event)

    def reconcile(self) -> dict[str, int]:
        repairs: dict[str, int] = self.invoke("reconcile", {})
        assert not repairs.get("drift"), "counts had drifted"
        return repairs

    def invoke(self, function: str, event: Any) -> Any:
        context = SimpleNamespace(
            aws_request_id="r",
            function_name=function,
            memory_limit_in_mb=512,
            invoked_function_arn=f"arn:aws:lambda:us-east-1:000000000000:function:jobyard-{function}",
            get_remaining_time_in_millis=lambda: 60_000,
        )
        try:
            # What AWS hands over is JSON, whatever the test made it of.
            return _handler(f"functions/{function}")(json.loads(json.dumps(event)), context)
        except Died:
            self.new_process()
            raise

    def invoked(self, call: Call) -> Answer | AWSResponse:
        """What one function is answered that invokes another, which is a process of its own."""
        folder = f"functions/{call.path.split('/')[3]}"
        with ThreadPoolExecutor(1) as other:
            try:
                return 200, other.submit(_handler(folder), call.asked, CONTEXT).result()
            except Died as problem:
                self.new_process()
                return failure(problem)

    def new_process(self) -> None:
        """The one before has died, and what it remembered is lost."""
        bearer.forget()
        signed.forget()
        counts.forget()
        for begin in self.births:
            begin()

    # Time.

    def hear(self) -> list[dict[str, Any]]:
        """What the stream has to tell; count will be told of it, drive only by who asked."""
        told = self.stream.read()
        self.uncounted += filter(count_is_told, told)
        return told

    def listen(self) -> None:
        """What the stream has to tell waits for drive, and for count."""
        self.undelivered += filter(drive_is_told, self.hear())

    def deliver(self) -> bool:
        """Let drive have what the stream tells; whether there was anything, or will be. Count is told at rest."""
        self.listen()
        due, self.undelivered = self.undelivered, []
        if due:
            try:
                self.undelivered = self.drive(due)
            except self.survives:
                self.undelivered = due
        return bool(due) or self.stream.held_back

    def deliver_all(self) -> None:
        """Let drive have all that the stream tells, and what the stream tells of what drive did; where it can."""
        for _ in range(_ROUNDS):
            if not self.deliver():
                return

    def catch_up(self) -> None:
        """Let count have what the stream has told by now, as it does within a second; drive is not told."""
        self.listen()
        self.deliver_to_count()

    def deliver_to_count(self) -> bool:
        due, self.uncounted = self.uncounted, []
        if due:
            try:
                self.count(due)
            except self.survives:
                self.uncounted = due
        return bool(due)

    def tell_of_ends(self) -> bool:
        """Let settle have EventBridge's events; whether there was anything."""
        ended, self.machine.ended = self.machine.ended, []
        for event in ended:
            self._tell(event)
        return bool(ended)

    def _tell(self, event: dict[str, Any]) -> None:
        for _ in range(_ASYNCHRONOUS_TRIES):
            try:
                return self.settle(event)
            except self.survives:
                pass
        return None

    def advance_executions(self) -> bool:
        """Take every execution as far as it goes, its function's work included; whether any went on."""
        went_on = False
        while names := self.machine.able() + self.machine.working():
            for name in names:
                if name in self.machine.working():
                    self.work(name)
                elif name in self.machine.able():
                    self.machine.step(name)
            went_on = True
        return went_on

    def go_on(self) -> None:
        """What goes on without any time passing: executions, and what the stream tells of them."""
        while self.advance_executions() | self.deliver():
            pass

    def rest(self) -> None:
        """Everything that is to come, comes: deliveries, ends, work, and reconcile as the minutes pass.

        Raises ``Stuck`` where that does not end, or leaves a job that has not.
        """
        for _ in range(_ROUNDS):
            moved = self.deliver() | self.tell_of_ends() | self.advance_executions()
            # Nothing else depends on counts: of all that has moved, count is told at once.
            if moved or self.deliver_to_count():
                continue
            self.clock.advance(self._until_next())
            try:
                repairs = self.reconcile()
            except self.survives:
                continue
            if not any(repairs.values()) and not self.live() and not self.machine.able():
                return
        raise Stuck(f"live: {self.live()}, executions: {[vars(each) for each in self.machine.executions.values()]}")

    def _until_next(self) -> float:
        """Seconds until reconcile's grace is over, or the next job is to start, if that is later."""
        starts = [job.start_at for job in self.live() if job.status is Status.SCHEDULED and job.start_at]
        return max([GRACE_SECONDS, *((start - now_ms()) / 1000 + 1 for start in starts)])

    # What is in the table.

    def jobs(self) -> dict[str, Job]:
        """All jobs of all tenants, by id."""
        found = [job_of(each) for each in self.yard.items("JOB#") if each["sk"]["S"] == JOB]
        return {job.id: job for job in found}

    def live(self) -> list[Job]:
        return [job for job in self.jobs().values() if job.status not in TERMINAL]

    def check(self) -> None:
        """What must hold of table and executions whenever nothing is under way, but what count has still to be told."""
        self.catch_up()
        jobs = self.jobs()
        assert_counted(self.yard.items(), jobs.values())
        index = {each.id for each in live_jobs()}
        assert index == {id for id, job in jobs.items() if not job.terminal}, "the index of live jobs"
        for job in jobs.values():
            assert job.terminal == (job.finished_at is not None), job
        for execution in self.machine.executions.values():
            if execution.running:
                assert execution.name in jobs, "an execution without a job"
                assert not jobs[execution.name].terminal, "an execution of a job that has ended"
        orphans = {
            each["pk"]["S"].rpartition("#")[2] for each in self.yard.items("JOB#") if each["sk"]["S"] != JOB
        } - set(jobs)
        assert not orphans, "messages of jobs that are gone"

    def raw(self, job_id: str) -> dict[str, Any]:
        (found,) = (each for each in self.yard.items("JOB#") if each["sk"]["S"] == JOB and each["id"]["S"] == job_id)
        return plain_item(found)


@contextmanager
def a_world(yard: Yard, endpoint: str, clock: Clock) -> Iterator[World]:
    """Around the table of ``yard``; the product's clients are made anew inside."""
    place: dict[str, Any] = {
        "endpoint_url": endpoint,
        "region_name": dynamodb.REGION,
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    machine = Machine(parsing_plainly(boto3.client("dynamodb", **place)), yard.table, now_ms)
    stream = Stream(parsing_plainly(boto3.client("dynamodbstreams", **place)), yard.table)
    stand_ins: dict[str, Service] = {
        "sfn": lambda call: machine.answer(call.operation, call.asked),
        "kms": lambda call: keys.answer(call.operation, call.asked),
        "lambda": lambda call: world.invoked(call),
        "scheduler": lambda call: scheduler.answer(world.scheduler, call),
    }
    with Wire(stand_ins) as wire:
        world = World(yard, wire, machine, stream, clock)
        yield world
