"""An AWS that refuses, is slow, or does what it was asked and does not say so: answers in place of a call's own."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any, NamedTuple

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from tests.promises.harness.crashes import Site, site_of
from tests.promises.harness.stream import Stream
from tests.promises.harness.wire import Call, CarryOut, Gate, answer, refusal, through

Fault = Callable[[Call, CarryOut], AWSResponse]
_PLACE = "https://aws.example"
_CANCELLED = "TransactionCanceledException"


def throttled(code: str) -> Fault:
    return lambda call, carry_out: refusal(code)


def down(status: int, code: str) -> Fault:
    return lambda call, carry_out: refusal(code, status)


def down_after(call: Call, carry_out: CarryOut) -> AWSResponse:
    """Carried out, and answered with an error."""
    carry_out()
    return refusal("InternalServerError", 500)


def unconnected(call: Call, carry_out: CarryOut) -> AWSResponse:
    raise ConnectTimeoutError(endpoint_url=_PLACE)


def unanswered(call: Call, carry_out: CarryOut) -> AWSResponse:
    """Carried out; the answer is lost on its way."""
    carry_out()
    raise ReadTimeoutError(endpoint_url=_PLACE)


def cancelled(*codes: str) -> Fault:
    """A transaction whose writes have these reasons in turn."""

    def fault(call: Call, carry_out: CarryOut) -> AWSResponse:
        count = len(call.asked["TransactItems"])
        reasons = [{"Code": codes[n % len(codes)]} for n in range(count)]
        return refusal(_CANCELLED, CancellationReasons=reasons)

    return fault


def unread(call: Call, carry_out: CarryOut) -> AWSResponse:
    """Nothing of a batch that is read."""
    return answer(None, 200, {"Responses": {}, "UnprocessedKeys": call.asked["RequestItems"]})


def read_in_part(call: Call, carry_out: CarryOut) -> AWSResponse:
    """Every other item of a batch that is read, the last one never."""
    ((table, asked),) = call.asked["RequestItems"].items()
    read, left = asked["Keys"][:-1:2], [*asked["Keys"][1:-1:2], asked["Keys"][-1]]
    responses: dict[str, Any] = {}
    if read:
        call.sent.body = json.dumps(call.asked | {"RequestItems": {table: asked | {"Keys": read}}}).encode()
        call.sent.headers["Content-Length"] = str(len(call.sent.body))
        content = carry_out().content
        assert content is not None
        responses = json.loads(content)["Responses"]
    return answer(None, 200, {"Responses": responses, "UnprocessedKeys": {table: asked | {"Keys": left}}})


def unprocessed(call: Call, carry_out: CarryOut) -> AWSResponse:
    """Nothing of a batch."""
    return answer(None, 200, {"UnprocessedItems": call.asked["RequestItems"]})


def in_part(call: Call, carry_out: CarryOut) -> AWSResponse:
    """Every other item of a batch, the last one never."""
    ((table, requests),) = call.asked["RequestItems"].items()
    done, left = requests[:-1:2], [*requests[1:-1:2], requests[-1]]
    if done:
        call.sent.body = json.dumps(call.asked | {"RequestItems": {table: done}}).encode()
        call.sent.headers["Content-Length"] = str(len(call.sent.body))
        carry_out()
    return answer(None, 200, {"UnprocessedItems": {table: left}})


ANYWHERE: Mapping[str, Fault] = {
    "500 before": down(500, "InternalServerError"),
    "503 before": down(503, "ServiceUnavailable"),
    "500 after": down_after,
    "not connected": unconnected,
    "answer lost": unanswered,
}
OF_SERVICE: Mapping[str, Mapping[str, Fault]] = {
    "dynamodb": {
        name: throttled(name)
        for name in ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded")
    },
    "kms": {name: throttled(name) for name in ("ThrottlingException", "LimitExceededException")},
    "scheduler": {"ThrottlingException": down(429, "ThrottlingException")},
    "sfn": {"ThrottlingException": throttled("ThrottlingException")},
    "lambda": {"TooManyRequestsException": down(429, "TooManyRequestsException")},
    "s3": {"SlowDown": down(503, "SlowDown")},
}
_CONFLICT = {"TransactionConflictException": throttled("TransactionConflictException")}
OF_OPERATION: Mapping[str, Mapping[str, Fault]] = {
    "dynamodb.PutItem": _CONFLICT,
    "dynamodb.UpdateItem": _CONFLICT,
    "dynamodb.DeleteItem": _CONFLICT,
    "dynamodb.TransactWriteItems": {
        "TransactionInProgressException": throttled("TransactionInProgressException"),
        "conflicts": cancelled("None", "TransactionConflict"),
        "conflicts of all": cancelled("TransactionConflict"),
        "throttled in part": cancelled("ThrottlingError", "None"),
        "throttled and conflicts": cancelled("TransactionConflict", "ProvisionedThroughputExceeded"),
    },
    "dynamodb.BatchGetItem": {"half of the keys": read_in_part, "none of the keys": unread},
    "dynamodb.BatchWriteItem": {"half of the batch": in_part, "nothing of the batch": unprocessed},
    "sfn.StartExecution": {"ExecutionLimitExceeded": throttled("ExecutionLimitExceeded")},
}


def faults_of(call: str) -> dict[str, Fault]:
    """All that may become of a call, by name; ``call`` is ``service.operation``."""
    return {**ANYWHERE, **OF_SERVICE[call.partition(".")[0]], **OF_OPERATION.get(call, {})}


class Trouble(NamedTuple):
    """From the ``number``-th call on, ``times`` calls from the same place go wrong."""

    number: int
    fault: str
    times: int


class Troubles:
    """A gate at which calls go wrong."""

    def __init__(self, troubles: Iterable[Trouble], inner: Gate = through) -> None:
        self.met: list[str] = []
        self._inner, self._count = inner, 0
        self._troubles = {each.number: each for each in troubles}
        self._left: defaultdict[Site, list[str]] = defaultdict(list)

    def __call__(self, call: Call, carry_out: CarryOut) -> AWSResponse:
        site = site_of(call)
        trouble = self._troubles.get(self._count)
        self._count += 1
        if trouble is not None:
            self._left[site] += [trouble.fault] * trouble.times
        if not self._left[site]:
            return self._inner(call, carry_out)
        name = self._left[site].pop()
        faults = faults_of(str(call))
        # What was chosen without knowing the call may be nothing that can happen to it.
        fault = faults.get(name) or list(faults.values())[len(name) % len(faults)]
        self.met.append(f"{name} at {site}")
        return fault(call, lambda: self._inner(call, carry_out))


class Unruly(Stream):
    """The table's stream at its worst: each item's records in their order, those of different items in any; batches cut
    anywhere, and what was delivered delivered again later.
    """

    def __init__(self, stream: Stream, chance: Random) -> None:
        self._stream, self._chance = stream, chance
        self._waiting: list[dict[str, Any]] = []
        self._delivered: list[dict[str, Any]] = []

    @property
    def told(self) -> list[dict[str, Any]]:  # type: ignore[override]
        return self._stream.told

    @property
    def held_back(self) -> bool:  # type: ignore[override]
        return bool(self._waiting)

    def read(self) -> list[dict[str, Any]]:
        self._waiting = self._merged(self._waiting, self._stream.read())
        if not self._waiting:
            return []
        cut = self._chance.randint(1, len(self._waiting))
        due, self._waiting = self._waiting[:cut], self._waiting[cut:]
        again: list[dict[str, Any]] = []
        if self._delivered and self._chance.random() < 0.5:
            first = self._chance.randrange(len(self._delivered))
            again = self._delivered[first : first + self._chance.randint(1, 5)]
        self._delivered += due
        return [*again, *due]

    def _merged(self, *several: list[dict[str, Any]]) -> list[dict[str, Any]]:
        of: dict[str, list[dict[str, Any]]] = {}
        for record in (each for records in several for each in records):
            of.setdefault(str(record["dynamodb"]["Keys"]), []).append(record)
        merged = []
        while of:
            key = self._chance.choice(list(of))
            merged.append(of[key].pop(0))
            if not of[key]:
                del of[key]
        return merged
