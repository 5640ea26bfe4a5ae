"""A load: clients that do at random, and at once, what clients do; and disturbances while they do it."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random

from tests.promises.history.calls import NEVER, Call, Chaos, History
from tests.promises.history.life import FINAL
from tests.promises.history.recorder import Client, Recorder
from tests.promises.history.world import World

READERS = ("get", "list", "messages")
"""Functions that only read."""

WRITERS = ("submit", "cancel", "workflow")
BEHIND = ("drive", "settle")
"""Functions behind the table: the engine skips a batch whose function died, and `reconcile` makes up for it later."""

EXPLAINED = 8.0
"""Seconds for which a killed process explains errors: a call may have been under way, or a new process starting."""


@dataclass(frozen=True)
class Plan:
    """``clients``; ``seconds`` of load; ``live``: submits wait while so many jobs have not ended; ``pause``: seconds
    that a client thinks between calls, at most; ``kills``: functions of which a process is killed now and then, one
    disturbance every ``calm`` seconds (0: none); ``least``: calls, for which a slow machine gets more time;
    ``patience``: seconds for all to end afterwards; ``lag``: seconds that a list may be behind.
    """

    clients: int = 20
    seconds: float = 25
    seed: int = 1
    live: int = 30
    pause: float = 0.5
    kills: Sequence[str] = (*READERS, *WRITERS)
    calm: float = 4.0
    least: int = 400
    patience: float = 60
    lag: float = 3.0


class Load:
    def __init__(self, world: World, plan: Plan) -> None:
        self.world, self.plan, self.recorder = world, plan, Recorder()
        self.chaos: list[Chaos] = []
        self.jobs: dict[str, list[str]] = defaultdict(list)
        self._dialect_of: dict[str, str] = {}
        self._seen = 0
        self._live: set[str] = set()
        self.rest = NEVER
        self._until = NEVER

    async def run(self) -> History:
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(Client(self.recorder, self.world.dialects[number % 3], f"c{number}"))
                for number in range(self.plan.clients)
            ]
            watchers = clients[:3]
            for client in watchers:
                await self._begin(client)
            self._until = self.recorder.now() + self.plan.seconds
            async with asyncio.TaskGroup() as group:
                for number, client in enumerate(clients):
                    group.create_task(self._client(client, Random(f"{self.plan.seed}-{number}")))
                group.create_task(self._watch({each.dialect.name: each for each in watchers}))
                group.create_task(self._disturb(Random(self.plan.seed)))
            await self._settle({each.dialect.name: each for each in watchers})
        return History(self.recorder.calls, self.chaos, self.rest, lag=self.plan.lag)

    async def _begin(self, client: Client) -> None:
        """One call of each kind, so that the functions have started when the load begins."""
        made = await client.submit(f"begin-{client.dialect.name}", key="begin")
        await client.submit(f"begin-{client.dialect.name}", key="begin")
        await client.walk(client.dialect.orders[0], 10)
        await client.messages(made.job)
        await client.cancel(made.job)

    @property
    def _over(self) -> bool:
        """A slow machine gets more time, to do as much as is worth checking."""
        late = self.recorder.now() - self._until
        enough = len(self.recorder.calls) >= self.plan.least
        return late > (0 if enough else 2 * self.plan.seconds)

    def _note(self) -> None:
        """Take in what the calls since the last time say of which jobs live."""
        for call in self.recorder.calls[self._seen :]:
            shown = call.rows if call.kind == "page" else ((call.job, call.states),)
            for id, states in shown:
                if id and states and id not in self._dialect_of:
                    self._dialect_of[id] = call.dialect
                    self.jobs[call.dialect].append(id)
                    self._live.add(id)
                # A list may be behind: it ends nothing.
                if call.kind != "page" and states and FINAL.issuperset(states):
                    self._live.discard(id)
        self._seen = len(self.recorder.calls)

    async def _client(self, client: Client, chance: Random) -> None:
        acts: list[tuple[int, Callable[[Client, Random], Awaitable[Sequence[Call]]]]] = [
            (4, self._submit),
            (6, self._get),
            (2, self._messages),
            (3, self._cancel),
            (2, self._regret),
            (2, self._walk),
        ]
        weights, does = [weight for weight, _ in acts], [act for _, act in acts]
        while not self._over:
            (act,) = chance.choices(does, weights)
            answers = await act(client, chance)
            busy = any(call.status in (429, 503) for call in answers)
            await asyncio.sleep(chance.uniform(0, self.plan.pause) + busy)

    async def _submit(self, client: Client, chance: Random) -> Sequence[Call]:
        self._note()
        # A job of openreplay begins at midnight: until then it costs nothing.
        if len(self._live) >= self.plan.live and client.dialect.name != "openreplay":
            return []
        wish = f"wish-{self.plan.seed}-{self.recorder.number()}"
        match chance.randrange(6):
            case 0:
                return [await client.submit(wish, key=wish)]
            case 1:
                return await asyncio.gather(*(client.submit(wish, key=wish) for _ in range(chance.randint(2, 4))))
            case 2:
                # Gives up waiting, and asks again as its dialect has it.
                first = await client.submit(wish, key=wish, within=chance.uniform(0.001, 0.1))
                return [first, await client.submit(wish, key=wish)]
            case 3 if client.dialect.name == "tencent":
                # The vendor's clients wait as many seconds as it is the time. Without a key, a first request that comes
                # to the gateway only after its repetition made a job cannot be told from another wish.
                first = await client.submit(wish, within=chance.uniform(0.001, 0.1))
                await asyncio.sleep(1)
                return [first, *([] if first.answered else [await client.submit(wish, repeated=True)])]
            case 4:
                return [await client.submit(wish, within=chance.uniform(0.001, 0.1))]
            case _:
                return [await client.submit(wish)]

    async def _get(self, client: Client, chance: Random) -> Sequence[Call]:
        within = chance.uniform(0.001, 0.05) if chance.random() < 0.1 else None
        return [await client.get(id, within) for id in self._some(client, chance)]

    async def _messages(self, client: Client, chance: Random) -> Sequence[Call]:
        return [await client.messages(id) for id in self._some(client, chance)]

    async def _cancel(self, client: Client, chance: Random) -> Sequence[Call]:
        return [call for id in self._some(client, chance) for call in await self._cancelled(client, chance, id)]

    async def _regret(self, client: Client, chance: Random) -> Sequence[Call]:
        """Cancel what was just submitted, while it waits, starts or runs."""
        made = [call for call in await self._submit(client, chance) if call.done]
        await asyncio.sleep(chance.choice((0, 0, 0.2, 0.5, 1)))
        return made + [call for each in made[:1] for call in await self._cancelled(client, chance, each.job)]

    async def _cancelled(self, client: Client, chance: Random, id: str) -> Sequence[Call]:
        how_many = chance.choice((1, 1, 2, 3))
        within = [chance.uniform(0.001, 0.1) if chance.random() < 0.2 else None for _ in range(how_many)]
        return await asyncio.gather(*(client.cancel(id, each) for each in within), client.get(id))

    async def _walk(self, client: Client, chance: Random) -> Sequence[Call]:
        there = len(self.jobs[client.dialect.name])
        return await client.walk(chance.choice(client.dialect.orders), min(100, there // chance.randint(2, 5) + 1))

    def _some(self, client: Client, chance: Random) -> Sequence[str]:
        """A job that is not long there, if there is one: of the young ones there is something to say."""
        known = self.jobs[client.dialect.name]
        return [known[-1 - min(int(chance.expovariate(0.2)), len(known) - 1)]] if known else []

    async def _watch(self, clients: dict[str, Client]) -> None:
        """Look at all that live, so that it is known when they have ended."""
        while not self._over:
            self._note()
            for id in [id for id in self._live if self._dialect_of[id] != "openreplay"][:10]:
                await clients[self._dialect_of[id]].get(id)
            await asyncio.sleep(0.5)

    async def _disturb(self, chance: Random) -> None:
        while self.plan.calm and not self._over:
            await asyncio.sleep(self.plan.calm * chance.uniform(0.5, 1.5))
            at = self.recorder.now()
            living = sorted(self._live)
            if living and chance.random() < 0.5:
                id = chance.choice(living)
                if await asyncio.to_thread(self.world.stop, id):
                    self.chaos.append(Chaos(at, at, "stopped by hand", id))
            else:
                killed = await asyncio.to_thread(self.world.kill_one, chance, self.plan.kills)
                if killed:
                    self.chaos.append(Chaos(at, self.recorder.now() + EXPLAINED, f"killed {killed}"))

    async def _settle(self, clients: dict[str, Client]) -> None:
        """Until every job has ended and every cancelled one's execution too; then look at all of them once more."""
        deadline = self.recorder.now() + self.plan.patience
        for client in clients.values():
            await client.walk(client.dialect.orders[0], 100)
        self._note()
        for id in sorted(self._live):
            if self._dialect_of[id] == "openreplay":
                await clients["openreplay"].cancel(id)
        while self._live and self.recorder.now() < deadline:
            for id in sorted(self._live):
                await clients[self._dialect_of[id]].get(id)
            self._note()
            await asyncio.sleep(0.3)
        ends = await asyncio.to_thread(self._ends, deadline)
        await asyncio.sleep(self.plan.lag)
        self.rest = self.recorder.now()
        self.recorder.calls += ends
        for name, client in clients.items():
            for order in client.dialect.orders:
                await client.walk(order, max(1, min(100, len(self.jobs[name]) // 3)))
        self._note()
        for id, name in list(self._dialect_of.items()):
            await clients[name].get(id)

    def _ends(self, deadline: float) -> list[Call]:
        cancelled = {call.job: call.dialect for call in self.recorder.calls if call.kind == "cancel" and call.done}
        ends: list[Call] = []
        for id, dialect in cancelled.items():
            while True:
                end = self.world.stopped(id, dialect, self.recorder.began, self.recorder.now())
                if end is None or end.answered or self.recorder.now() > deadline:
                    break
                # A few seconds usually: the stream has to come by.
                threading.Event().wait(0.2)
            ends += [end] if end else []
        return ends
