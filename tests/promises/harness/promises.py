"""What must be true once nothing is under way any more: of what callers were told, and of what the table went through.

One check for all that can happen on the way: crashes, faults, races. A caller here remembers what it was told; where it
was told nothing, or a 5xx, it knows nothing, and may ask again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from jobyard.model import TERMINAL, Job, Status
from jobyard.store import jobs as job_store
from jobyard.store.items import plain_item
from jobyard.store.records import JOB
from tests.promises.harness.clients import Cancel, Client, Made
from tests.promises.harness.orders import check_life
from tests.promises.harness.scheduler import schedules_hold
from tests.promises.harness.wire import Died
from tests.promises.harness.world import World


class Submit(NamedTuple):
    """``tries`` is how often it was asked for; ``made`` the answer, None where there was none."""

    about: str
    key: str | None
    once: bool
    tries: int
    made: Made | None


class Caller:
    """A client, what it was told, and how often it asks before it gives up."""

    def __init__(self, world: World, client: Client, tries: int = 1) -> None:
        self.world, self.client, self.tries = world, client, tries
        self.submits: list[Submit] = []
        self.cancels: list[tuple[str, Cancel | None]] = []
        self.words: list[tuple[str, str | None]] = []
        self.statuses: list[int] = []
        """Of every answer that came."""

    def submit(self, about: str, key: str | None = None, *, sdk: bool = False) -> str | None:
        """The id that was told. ``sdk``: repetitions are marked as such, as far as the dialect's clients do."""
        made, tried = self._asked(lambda n: self.client.submit(about, key, again=sdk and n > 0))
        self.submits.append(Submit(about, key, key is not None or sdk, tried, made))
        return made.id or None if made else None

    def cancel(self, id: str) -> Cancel | None:
        cancelled: Cancel | None = self._asked(lambda _: self.client.cancel(id))[0]
        self.cancels.append((id, cancelled))
        return cancelled

    def ask(self, call: Callable[[], Any]) -> Any:
        """Whatever else there is to ask; what is returned has a ``status``. None where no answer came."""
        return self._asked(lambda _: call())[0]

    def _asked(self, call: Callable[[int], Any]) -> tuple[Any, int]:
        for n in range(self.tries):
            # Each request in a process of its own, which knows no caller yet.
            self.world.new_process()
            try:
                answer = call(n)
            except Died:
                continue
            self.statuses.append(answer.status)
            if answer.status < 500:
                return answer, n + 1
        return None, self.tries


def promises_hold(world: World, *callers: Caller) -> None:
    """At rest. Raises AssertionError."""
    world.check()
    jobs, lives = world.jobs(), lives_of(world)
    assert set(jobs) == {id for id, life in lives.items() if life[-1] is not None}
    for name in world.machine.executions:
        assert name in lives, "an execution of no job"
    for arn in world.machine.nested:
        id = arn.rpartition(":")[2]
        assert id in jobs, "a nested execution of a job that is gone"
        assert not jobs[id].terminal, "a nested execution of a job that has ended"
    nothing_is_half_made(world)
    schedules_hold(world)
    for caller in callers:
        _kept(world, caller, lives)
        _shown(caller, [job for job in jobs.values() if _is_of(caller.client, job)])


def lives_of(world: World) -> dict[str, list[Status | None]]:
    """The statuses that each job went through, as far as the stream was read; None for its removal.

    Raises AssertionError where one was left or entered that might not be.
    """
    records: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in world.stream.told:
        keys = record["dynamodb"]["Keys"]
        if keys["sk"]["S"] == JOB:
            records[keys["pk"]["S"].rpartition("#")[2]].append(record)
    return {id: check_life(each) for id, each in records.items()}


def _kept(world: World, caller: Caller, lives: dict[str, list[Status | None]]) -> None:
    """Promises 1 and 3, for what one caller was told."""
    tried_to_cancel = {id for id, _ in caller.cancels}
    of: defaultdict[str, set[str]] = defaultdict(set)
    for record in world.stream.told:
        image = record["dynamodb"].get("NewImage")
        if record["eventName"] == "INSERT" and image and image["sk"]["S"] == JOB:
            of[about_of(plain_item(image))].add(image["id"]["S"])
    for about in {each.about for each in caller.submits}:
        same = [each for each in caller.submits if each.about == about]
        most = sum(1 if each.once else each.tries for each in same)
        assert len(of[about]) <= most, f"{about}: {len(of[about])} jobs of at most {most} requests"
    for about, key, _, tries, made in caller.submits:
        wrote = of[about]
        if made is not None and made.status == 200:
            assert made.id in wrote, f"{made.id} was answered and never written"
            gone = lives[made.id][-1] is None
            assert not gone or made.id in tried_to_cancel, f"{made.id} was answered and is lost"
        elif made is not None:
            # Refused: for the name's one live job, which may be the first try's.
            assert made.status == 409, made
            assert tries > 1 or key is None, made
    for id, cancelled in caller.cancels:
        if cancelled is not None and cancelled.done:
            assert lives[id][-1] in (Status.CANCELLED, None), f"{id}: its cancel was answered, and it is {lives[id]}"
            assert Status.COMPLETED not in lives[id]
        elif cancelled is not None:
            assert lives[id][-1] is None or lives[id][-1] in TERMINAL, f"{id}: not cancelled, and not ended"


def _shown(caller: Caller, jobs: list[Job]) -> None:
    """Promises 2, 6 and 7 at rest: list, total and status are those of the table."""
    listed = caller.client.list()
    assert sorted(listed) == sorted(job.id for job in jobs), "the list"
    assert caller.client.total() in (None, len(jobs)), "the total"
    for job in jobs:
        assert caller.client.word(job.id) == caller.client.words[job.status], job


def messages_hold(world: World, said: dict[str, list[str]]) -> None:
    """Promise 5: what a function was told is written is there, once, in the order in which it was said.

    Between them may stand what was written by a process that died before it heard so.
    """
    jobs = world.jobs()
    for id, texts in said.items():
        if id in jobs:
            _, messages = job_store.get_with_messages(jobs[id].tenant, id, 1000)
            written = [each.text for each in messages]
            assert [each for each in written if each in set(texts)] == texts, f"said {texts}, written {written}"


def nothing_is_half_made(world: World) -> None:
    """Of what is written together, all is there or nothing."""
    items = {(each["pk"]["S"], each["sk"]["S"]): plain_item(each) for each in world.yard.items()}
    jobs = {pk.rpartition("#")[2] for pk, sk in items if sk == JOB}
    inserted = {id for id, _ in lives_of(world).items()} | jobs
    for (pk, sk), each in items.items():
        kind, _, rest = pk.partition("#")
        if kind == "CREDENTIAL":
            leading = _leading_to(rest, each)
            assert any(place in items for place in leading), "a credential that nobody can find and revoke"
        elif kind in ("KEYS", "SECRETS"):
            good = (f"CREDENTIAL#{each.get('secretHash', sk)}", "CREDENTIAL") in items
            assert good == ("revokedAt" not in each), "a credential that is half made or half revoked"
        elif kind in _BESIDE:
            assert _BESIDE[kind](sk, each) in items, f"{pk} stands alone"
        elif kind in ("GROUP", "COLLECTION", "IN"):
            other = _other_side(pk, sk, each)
            assert other is None or other in items, f"{pk} {sk} has no other side"
        elif kind in ("IDEMPOTENCY", "SOLE"):
            id = each["job"]["id"] if "job" in each else each["jobId"]
            assert id in inserted, "the key or the name of a job that was never written"


Place = tuple[str, str]
_BESIDE: dict[str, Callable[[str, dict[str, Any]], Place]] = {
    "CLIENT": lambda sk, each: (f"CLIENTS#{each['tenant']}", each["id"]),
    "CLIENTS": lambda sk, each: (f"CLIENT#{sk}", "CLIENT"),
    "PROJECT": lambda sk, each: (f"PROJECTS#{each['tenant']}", f"{each['id']:010d}"),
    "PROJECTS": lambda sk, each: (f"PROJECT#{each['key']}", "PROJECT"),
}
"""Where what was written together with an item is."""


def _leading_to(name: str, credential: dict[str, Any]) -> list[Place]:
    """What may lead to a credential: it is a token of a client, an API key of a tenant, or a secret."""
    tenant, client = credential["tenant"], str(credential.get("clientId"))
    return [(f"TOKENS#{client}", name), (f"KEYS#{tenant}", client), (f"SECRETS#{tenant}", name)]


def _other_side(pk: str, sk: str, each: dict[str, Any]) -> Place | None:
    """Of a row that says what is in what, or whose it is: the one that says it from the other side. None of a group,
    which stands for itself.
    """
    kind, tenant, *rest = pk.split("#")
    if kind == "COLLECTION" and not rest:
        return f"IN#{tenant}#USER#{each['ownerId']}", f"OWNED#{sk}"
    if kind == "IN":
        into, id = sk.split("#")
        return (f"COLLECTION#{tenant}", id) if into == "OWNED" else (f"{into}#{tenant}#{id}", "#".join(rest))
    return (f"IN#{tenant}#{sk}", f"{kind}#{rest[0]}") if rest else None


def about_of(job: dict[str, Any]) -> str:
    """What a client's submit was about, of the job that it made."""
    details, questions = job.get("details", {}), job.get("questions", [])
    if "userId" in details:
        return str(details["userId"])
    if "input" in details:
        return str(details["input"]).partition("<Prefix>")[2].partition("</Prefix>")[0]
    return next((str(each["value"]) for each in questions if each["name"] == "about"), "")


def _is_of(client: Client, job: Job) -> bool:
    return job.listed_in.startswith(f"{client.dialect}#")
