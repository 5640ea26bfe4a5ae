"""`python -m benchmarks.life`: what a job's life is billed for, counted: transitions, invocations, units of the table.

Deploys the real stack here, as `make run` does, and has jobs of one second run in it, one at a time: their executions'
histories tell the transitions, the functions' logs the invocations. Then the same life step by step on DynamoDB Local
(``steps``), which tells each unit. Each is done several times, and must come out alike. With ``--write`` the figures go
into benchmarks/life.json, from which `python -m benchmarks.cost` makes docs/cost.md. Speaks to 127.0.0.1 only.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

import httpx

from benchmarks import steps
from benchmarks.steps import ALONE, COMPANIES, ONCE, TOGETHER, TWICE, Lived, Units
from local.errors import LocalError
from local.stack import LocalStack
from local.template import ROOT
from tests.e2e.api import Caller
from tests.promises.history.dialects import Alteryx
from tests.promises.history.world import World

KEPT = ROOT / "benchmarks" / "life.json"
TRANSITIONS, INVOCATIONS, WRITES = 7, 4, 40
"""The most that a life is to take: of transitions, of invocations but the job's own and those of the API, of WCU."""

ENDS = 2
"""An execution's begin and end: AWS says that each step is a transition, and not whether these two are steps."""

USUAL = ONCE
"""How count is told of a job that works for a second, as a rule."""

QUIET_SECONDS = 4.0
"""After which the stream has nothing more to tell of a job."""

WORK = """
import time

from jobyard import runner


@runner.job
def handler(job):
    time.sleep(1)
"""

WHY = {
    ("submit", "job"): "the job itself; found by `reconcile` as live, and as waiting",
    ("claim", "queue"): "nothing is written: that the queue has no limit is a condition of",
    ("claim", "job"): "initializing; out of those that wait",
    ("start", "job"): "running, with the time",
    ("complete", "job"): "completed, with the time; no longer live",
    ("count", "listing"): "what lists show, in each order that there is",
    ("count", "days of all"): "how many jobs of each day and status: exact totals, and where a page begins",
    ("count", "days of who"): "the same of its owner's",
    ("count", "days of what"): "the same of its workflow's",
    ("count", "days of both"): "the same of its owner's of its workflow",
    ("count", "hours"): "three rows: where in its day a page begins, of all, its owner's, its workflow's",
}


class Differs(AssertionError):
    """What should be the same each time was not."""


@dataclass(frozen=True)
class Ran:
    """``retries`` are attempts of a state beyond its first; ``invocations`` are by logical name of the function."""

    states: list[str]
    retries: int
    invocations: dict[str, int]

    @property
    def transitions(self) -> int:
        return len(self.states) + self.retries + ENDS


@dataclass(frozen=True)
class Life:
    day: str
    ran: list[Ran]
    units: Units

    @property
    def transitions(self) -> int:
        return self.ran[0].transitions

    def invocations(self, telling: str) -> int:
        return self.units.lives[telling].invoked


def measured(runs: int) -> Life:
    """Raises ``Differs``, LocalError."""
    ran = _on_the_stack(runs)
    if len({(tuple(each.states), each.retries) for each in ran}) != 1:
        raise Differs(f"Executions went different ways: {ran}")
    first, *others = [steps.measured() for _ in range(2)]
    if any(each != first for each in others):
        raise Differs(f"Units differ from run to run: {first} and {others}")
    return Life(time.strftime("%Y-%m-%d", time.gmtime()), ran, first)


def _on_the_stack(runs: int) -> list[Ran]:
    with tempfile.TemporaryDirectory(prefix="jobyard-life-") as folder, LocalStack(Path(folder)) as stack:
        world = World(stack, WORK)
        alteryx, *_ = world.dialects
        assert isinstance(alteryx, Alteryx)
        with httpx.Client(base_url=alteryx.url, headers=alteryx.headers, timeout=60) as http:
            caller = Caller(http, alteryx.workflow)
            # Functions start at their first call, and the first job names its list.
            _run(stack, caller)
            return [_run(stack, caller) for _ in range(runs)]


def _run(stack: LocalStack, caller: Caller) -> Ran:
    before = _invocations(stack)
    id = caller.submit()
    # Not over HTTP: its reads are none of the job's.
    execution = f"{stack.outputs['StateMachineArn'].replace(':stateMachine:', ':execution:')}:{id}"
    told = stack.client("stepfunctions")
    _until(lambda: _ended(told, execution))
    invocations, quiet_since = _invocations(stack), time.monotonic()
    while time.monotonic() - quiet_since < QUIET_SECONDS:
        time.sleep(0.2)
        now = _invocations(stack)
        if now != invocations:
            invocations, quiet_since = now, time.monotonic()
    pages = told.get_paginator("get_execution_history").paginate(executionArn=execution)
    events = [each for page in pages for each in page["events"]]
    states = [each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each]
    tasks = sum(each["type"] == "TaskStateEntered" for each in events)
    scheduled = sum(each["type"] in ("TaskScheduled", "LambdaFunctionScheduled") for each in events)
    return Ran(states, max(scheduled - tasks, 0), dict(invocations - before))


def _until(done: Any) -> None:
    deadline = time.monotonic() + 60
    while not done():
        if time.monotonic() > deadline:
            raise LocalError("A job of one second has not ended in a minute.")
        time.sleep(0.1)


def _ended(machine: Any, execution: str) -> bool:
    try:
        status = machine.describe_execution(executionArn=execution)["status"]
    except machine.exceptions.ExecutionDoesNotExist:
        return False
    if status not in ("RUNNING", "SUCCEEDED"):
        raise LocalError(f"The execution of a job ended as {status}.")
    return bool(status == "SUCCEEDED")


def _invocations(stack: LocalStack) -> Counter[str]:
    """By now, of the functions that a job is the reason for; the engine gives each invocation a log stream."""
    logs = stack.client("logs")
    found: Counter[str] = Counter()
    for logical, group in stack.deployment.resources.items():
        if logical.endswith("LogGroup") and not logical.startswith(("Reconcile", "HttpApi", "Job", "Manage")):
            pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
            found[logical.removesuffix("LogGroup").lower()] = sum(len(page["logStreams"]) for page in pages)
    return found


def section(life: Life) -> str:
    """The figures in Markdown, with what each is for."""
    units, (first, *_) = life.units, life.ran
    billed = f"{len(first.states)} steps, {ENDS} ends, {first.retries} retries"
    told = {name: f"`count` is told {name}" for name in (ONCE, TWICE, ALONE)}
    figures: list[tuple[str, float, float | str]] = [
        (f"Step Functions transitions: {billed}", life.transitions, TRANSITIONS),
        *(
            (f"Lambda invocations besides its work and the API; {how}", life.invocations(name), INVOCATIONS)
            for name, how in told.items()
        ),
        *((f"WCU; {how}", units.lives[name].wcu, WRITES) for name, how in told.items()),
        (f"Lambda invocations, in a queue with slots; {told[ONCE]}", units.slotted.invoked, INVOCATIONS),
        (f"WCU, in a queue with slots; {told[ONCE]}", units.slotted.wcu, WRITES),
        ("more WCU with an Idempotency-Key", units.keyed - _written(units.lives[USUAL], "submit"), ""),
        (f"RCU; {told[USUAL]}", units.lives[USUAL].rcu, ""),
        (f"RCU of a `GET` with its {steps.MESSAGES} messages", units.reads["get"], ""),
        (f"RCU of the first {steps.PAGE} of a list", units.reads["list"], ""),
        ("RCU of a caller's token, where no warm function remembers it", units.token, ""),
        ("RCU of a run of `reconcile` that finds nothing to do, of ten", units.reconciled, ""),
    ]
    rows = [f"| {what} | {counted:g} | {limit} |" for what, counted, limit in figures]
    head = ["| what is billed of a job's life | counted | at most |", "|---|---:|---:|"]
    why = f"The writes, where `count` is told {USUAL}, and what each is for:"
    return "\n".join([*head, *rows, "", why, "", *_reasons(units.lives[USUAL])])


def shared(life: Life) -> str:
    """In Markdown, what each of ``TOGETHER`` jobs takes beside what one takes alone; beyond a limit is bold."""
    limits = f"WCU, at most {WRITES} | kept from so many jobs on | invocations, at most {INVOCATIONS}"
    rows = [f"| a job alone, or each of {TOGETHER} of | `count` is told | {limits} |", "|---|---|---:|---:|---:|"]
    alone = {telling: life.units.lives[telling] for telling in (ONCE, TWICE)}
    for company, lives in {"alone": alone, **life.units.shared}.items():
        for telling, lived in lives.items():
            most = enough(alone[telling], lived) if company in COMPANIES else None
            rows.append(
                f"| {company} | {telling} | {_limited(lived.wcu / lived.jobs, WRITES)} | {most or ''} | "
                f"{_limited(lived.invoked / lived.jobs, INVOCATIONS)} |"
            )
    return "\n".join(rows)


def _limited(counted: float, limit: int) -> str:
    return f"{counted:g}" if counted <= limit else f"**{counted:g}**"


def enough(alone: Lived, of: Lived) -> int | None:
    """How many jobs have to be told together for each to take ``WRITES``; None where no number is enough.

    What each takes by itself and what all share follows from one and from many: one row more for each, or one for all.
    """
    own = (of.wcu - alone.wcu) / (of.jobs - 1)
    share = alone.wcu - own
    return ceil(share / (WRITES - own)) if own < WRITES else None


def _reasons(lived: Lived) -> list[str]:
    """Each write, by step and item; ``count`` last, which follows the others."""
    rows = ["| step | what is written | table | indexes | for |", "|---|---|---:|---:|---|"]
    for step, kinds in sorted(lived.written.items(), key=lambda each: each[0] == "count"):
        for kind, parts in kinds.items():
            indexes = sum(parts.values()) - parts["table"]
            rows.append(f"| {step} | {kind} | {parts['table']} | {indexes or ''} | {WHY[step, kind]} |")
    total = lived.parts
    rows.append(f"| | **together {lived.wcu}** | {total['table']} | {lived.wcu - total['table']} | |")
    by_index = [f"`{name}` {units}" for name, units in total.items() if name != "table"]
    return [*rows, "", f"By index: {', '.join(by_index)}."]


def _written(lived: Lived, step: str) -> int:
    return sum(sum(parts.values()) for parts in lived.written[step].values())


def over(life: Life) -> list[str]:
    """What is beyond the limits, a line each."""
    found = {"transitions": (life.transitions, TRANSITIONS)}
    for telling in (ONCE, TWICE):
        found[f"invocations, told {telling}"] = life.invocations(telling), INVOCATIONS
        found[f"WCU, told {telling}"] = life.units.lives[telling].wcu, WRITES
    return [f"{name}: {counted}, where {limit} are the limit" for name, (counted, limit) in found.items()
            if counted > limit]  # fmt: skip


def kept() -> Life:
    """As it was last written."""
    told = json.loads(KEPT.read_text(encoding="utf-8"))
    units = told["units"]
    lives = _lives(units.pop("lives"))
    shared = {company: _lives(each) for company, each in units.pop("shared").items()}
    slotted = Lived(**units.pop("slotted"))
    return Life(told["day"], [Ran(**each) for each in told["ran"]], Units(lives, shared, slotted, **units))


def _lives(told: dict[str, Any]) -> dict[str, Lived]:
    return {telling: Lived(**each) for telling, each in told.items()}


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.life", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="jobs on the stack (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help=f"the figures into {KEPT.relative_to(ROOT)}")
    arguments = parser.parse_args(given)
    if not 0 < arguments.runs <= 100:
        parser.error("up to 100 runs")
    return arguments


def _ended_by_hand(*_: object) -> None:
    raise KeyboardInterrupt


def main(given: Sequence[str] | None = None) -> int:
    arguments = _arguments(given)
    signal.signal(signal.SIGTERM, _ended_by_hand)
    try:
        life = measured(arguments.runs)
    except KeyboardInterrupt:
        print("\nEnded.")
        return 130
    except (LocalError, Differs) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(section(life), shared(life), sep="\n\n")
    print(f"\nOn the stack: {[each.invocations for each in life.ran]}")
    print("\n".join(over(life)) or "All are within the limits.")
    if arguments.write:
        KEPT.write_text(json.dumps(asdict(life), indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
