"""`python -m benchmarks.load`: what the local stack takes, where it bends, and that nothing is lost at ten times that.

Starts a stack of its own, in which it is alone; speaks to 127.0.0.1 only, and ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.machine import machine
from local.errors import LocalError
from local.stack import LocalStack
from local.template import ROOT
from tests.promises.history.calls import Call, History, dump
from tests.promises.history.checker import check, report
from tests.promises.history.life import FINAL
from tests.promises.history.recorder import Client, Recorder
from tests.promises.history.world import World

MIX = {"submit": 2, "get": 10, "list": 2, "cancel": 1}
"""How often each call is made."""

GROWS = 1.1
"""Throughput that does not grow by so much with twice the clients has bent."""

OVER = 10
COME_AGAIN = 1.0
"""Seconds that a client waits after it was told to: the front's Retry-After."""

WORK = """
from jobyard import runner


@runner.job
def handler(job):
    job.log("step 1 of 1")
"""


@dataclass(frozen=True)
class Step:
    clients: int
    seconds: float
    calls: Sequence[Call]

    @property
    def good(self) -> list[float]:
        """Milliseconds that each answered call took."""
        return sorted((call.returned - call.invoked) * 1000 for call in self.calls if _good(call))

    @property
    def throughput(self) -> float:
        return len(self.good) / self.seconds

    @property
    def errors(self) -> Counter[str]:
        return Counter(
            str(call.status) if call.answered else call.note.partition("(")[0] for call in self.calls if not _good(call)
        )

    def row(self) -> str:
        good = self.good
        # By nearest rank: each of them is a time that a call took.
        p50, p95, p99 = (good[math.ceil(len(good) * share) - 1] if good else math.nan for share in (0.5, 0.95, 0.99))
        errors = ", ".join(f"{count} × {what}" for what, count in self.errors.most_common()) or "none"
        return f"| {self.clients} | {self.throughput:.1f} | {p50:.0f} | {p95:.0f} | {p99:.0f} | {errors} |"


HEAD = "| clients | answers per second | p50 ms | p95 ms | p99 ms | errors |\n|---|---|---|---|---|---|"


def _good(call: Call) -> bool:
    """Answered as it should be: a cancel that came too late is."""
    return call.done or (call.answered and call.status in (400, 404, 409))


class Bench:
    def __init__(self, world: World, names: Sequence[str], jobs_most: int) -> None:
        self.recorder = Recorder()
        self.dialects = [dialect for dialect in world.dialects if dialect.name in names]
        self._left = jobs_most

    async def step(self, clients: int, seconds: float) -> Step:
        """So many clients, each with one call at a time and no pause."""
        first, began = len(self.recorder.calls), self.recorder.now()
        end = began + seconds
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            for number in range(clients):
                dialect = self.dialects[number % len(self.dialects)]
                client = await stack.enter_async_context(Client(self.recorder, dialect, f"c{number}"))
                group.create_task(self._client(client, Random(f"{clients}-{number}"), end))
        return Step(clients, self.recorder.now() - began, self.recorder.calls[first:])

    async def _client(self, client: Client, chance: Random, end: float) -> None:
        mine: list[str] = []
        while self.recorder.now() < end:
            (kind,) = chance.choices(list(MIX), list(MIX.values()))
            if self._left <= 0 and kind == "submit":
                kind = "get"
            if not mine and kind != "list":
                kind = "submit"
            match kind:
                case "submit":
                    self._left -= 1
                    made = await client.submit(f"wish-{self.recorder.number()}")
                    mine += [made.job] if made.done else []
                    calls: Sequence[Call] = [made]
                case "get":
                    calls = [await client.get(mine[-1])]
                case "list":
                    calls = await client.walk(client.dialect.orders[0], 20, most=1)
                case _:
                    calls = [await client.cancel(mine[-1])]
            if any(call.status in (429, 503) for call in calls):
                await asyncio.sleep(COME_AGAIN)

    async def settle(self, patience: float) -> History:
        """Wait until each job has ended (openreplay's begin at midnight, and are cancelled), and read them all."""
        async with AsyncExitStack() as stack:
            clients = {
                each.name: await stack.enter_async_context(Client(self.recorder, each, "end")) for each in self.dialects
            }
            for client in clients.values():
                await client.walk(client.dialect.orders[0], 100)
            jobs = {call.job: call.dialect for call in self.recorder.calls if call.job}
            jobs |= {id: call.dialect for call in self.recorder.calls for id, _ in call.rows}
            for id, name in jobs.items():
                if name == "openreplay":
                    await clients[name].cancel(id)
            live, deadline = set(jobs), self.recorder.now() + patience
            while live and self.recorder.now() < deadline:
                for id in sorted(live):
                    if FINAL.issuperset((await clients[jobs[id]].get(id)).states or ("unknown",)):
                        live.discard(id)
                await asyncio.sleep(0.5)
            rest = self.recorder.now()
            for id in sorted(jobs):
                await clients[jobs[id]].get(id)
            for client in clients.values():
                await client.walk(client.dialect.orders[0], 100)
        return History(self.recorder.calls, rest=rest, lag=5)


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of each step (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=64, help="at most, before it bends (default: %(default)s)")
    parser.add_argument("--over-seconds", type=float, default=20, help="of ten times the load (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=3000, help="that are made at most (default: %(default)s)")
    parser.add_argument(
        "--patience", type=float, default=300, help="seconds for all jobs to end (default: %(default)s)"
    )
    parser.add_argument("--dialect", choices=["alteryx", "openreplay", "tencent"], action="append", help="default: all")
    parser.add_argument("--output", type=Path, help="a file to write the results to, in Markdown")
    arguments = parser.parse_args(given)
    if not (0 < arguments.seconds <= 600 and 0 < arguments.over_seconds <= 600 and 0 < arguments.clients <= 100):
        parser.error("steps take up to 600 seconds, and up to 100 clients")
    arguments.dialect = arguments.dialect or ["alteryx", "openreplay", "tencent"]
    return arguments


async def _run(world: World, arguments: argparse.Namespace) -> tuple[list[Step], Step, History]:
    bench = Bench(world, arguments.dialect, arguments.jobs)
    # Functions start at their first call; that is another matter than what a warm one takes.
    await bench.step(2 * len(bench.dialects), 5)
    print(HEAD, flush=True)
    steps: list[Step] = []
    clients = 1
    while clients <= arguments.clients:
        # Twice, and the second counts: the processes for more callers at once have started by then.
        await bench.step(clients, arguments.seconds / 2)
        step = await bench.step(clients, arguments.seconds)
        print(step.row(), flush=True)
        steps.append(step)
        if step.errors or (len(steps) > 1 and step.throughput < GROWS * steps[-2].throughput):
            break
        clients *= 2
    over = await bench.step(OVER * clients, arguments.over_seconds)
    print(over.row(), flush=True)
    return steps, over, await bench.settle(arguments.patience)


def _verdict(history: History, over: Step) -> tuple[bool, str]:
    violations = check(history)
    made = sum(call.kind == "submit" and call.done for call in history.calls)
    unheard = sum(call.kind == "submit" and call.unknown for call in history.calls)
    dishonest = [call for call in over.calls if call.answered and not _good(call) and not call.honest]
    said = (
        f"{len(history.calls)} calls in all; {made} submits were answered, and each of their jobs is there and has "
        f"ended; {unheard} submits were not taken or not answered. "
    )
    if violations or dishonest:
        return False, f"{report(violations)}\n{len(dishonest)} errors that do not say when to come again"
    return True, said + ("Every error was a refusal that says when to come again." if over.errors else "No errors.")


def _written(steps: Sequence[Step], over: Step, verdict: str, used: str, command: str) -> str:
    bent = steps[-1]
    return "\n".join(
        [
            "# Load on the local stack",
            "",
            f"{used}; {time.strftime('%Y-%m-%d', time.gmtime())}.",
            "",
            "It says how the local stack behaves, of which the engine (MiniStack) and the machine are the limit, and",
            "nothing about AWS. Where the load before was more than a fraction of the cores, others took their share.",
            "",
            f"    {command}",
            "",
            "Each client makes one call after the other, without a pause: of 15 calls 10 look at a job, 2 submit one,",
            "2 list the first 20, 1 cancels. The jobs run a function that says one message.",
            "",
            HEAD,
            *(step.row() for step in steps),
            "",
            f"It bends at {bent.clients} clients: twice as many gave less than 10 % more. Ten times that:",
            "",
            HEAD,
            over.row(),
            "",
            verdict,
            "",
        ]
    )


def _ended(*_: object) -> None:
    raise KeyboardInterrupt


def main(given: Sequence[str] | None = None) -> int:
    arguments = _arguments(given)
    signal.signal(signal.SIGTERM, _ended)
    used = machine("httpx")
    try:
        with tempfile.TemporaryDirectory(prefix="jobyard-load-") as folder:
            with LocalStack(Path(folder)) as stack:
                steps, over, history = asyncio.run(_run(World(stack, WORK), arguments))
            right, verdict = _verdict(history, over)
    except KeyboardInterrupt:
        print("\nEnded.")
        return 130
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"\n{verdict}")
    if not right:
        kept = ROOT / ".local" / "load.jsonl"
        dump(history, kept)
        print(f"All calls are in {kept}")
    elif arguments.output:
        command = " ".join(["python -m benchmarks.load", *(given if given is not None else sys.argv[1:])])
        arguments.output.write_text(_written(steps, over, verdict, used, command), encoding="utf-8")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
